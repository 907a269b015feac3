#!/usr/bin/env python3
"""All of heed in one header (`./dev single`): a program that includes it reads no other header of heed's, and prints what it prints
with the headers as they are.

    same_program.py ROOT WORK -- COMPILER FLAGS...
"""
import pathlib
import subprocess
import sys


def output(command, **options):
    """What a command prints; what it says of a fault ends the test."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        sys.exit(f"status {done.returncode}: {' '.join(map(str, command))}\n{done.stdout}{done.stderr[:4000]}")
    return done.stdout


def printed(root, program, include, compiler):
    """What the program prints, and the headers that it was made of."""
    reads = program.with_suffix(".d")
    output([*compiler, f"-I{include}", "-MD", "-MF", reads, root / "tests/single/program.cpp", "-o", program])
    return output([program]), [word for word in reads.read_text(encoding="utf-8").split() if word.endswith((".hpp", ".h"))]


def main(arguments):
    split = arguments.index("--")
    root, work = map(pathlib.Path, arguments[:split])
    headers = (root / "include").resolve()
    compiler = [flag for flag in arguments[split + 1:] if not (flag.startswith("-I") and pathlib.Path(flag[2:]).resolve() == headers)]
    work.mkdir(parents=True, exist_ok=True)
    print(output([root / "dev", "single", work / "heed.hpp"]), end="")
    one, read = printed(root, work / "with_one", work, compiler)
    own = [file for file in read if pathlib.Path(file).resolve().is_relative_to(headers)]
    if own or str(work / "heed.hpp") not in read:
        sys.exit(f"with one header, these were read: {own or read}")
    all_of_them, read = printed(root, work / "with_headers", headers / "heed", compiler)
    if str(headers / "heed/heed.hpp") not in read:
        sys.exit("the headers as they are were not read")
    if one.count("\n") != 15 or one != all_of_them:
        sys.exit(f"with one header:\n{one}with the headers as they are:\n{all_of_them}")
    print("the same output")


if __name__ == "__main__":
    main(sys.argv[1:])
