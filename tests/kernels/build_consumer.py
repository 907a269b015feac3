#!/usr/bin/env python3
"""Compiles a program in C99 against a library, with what its pkg-config file says and nothing else, and runs it.

build_consumer.py CC PKG_CONFIG shared|static LIBRARY_FOLDER NAME WORK SOURCE [ARGUMENT...]"""

import os
import pathlib
import subprocess
import sys


def main(cc, pkg_config, kind, folder, name, work, source, *arguments):
    work = pathlib.Path(work)
    work.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ, PKG_CONFIG_PATH=folder)
    static = ["--static"] if kind == "static" else []
    flags = subprocess.run(
        [pkg_config, "--cflags", "--libs", *static, name], env=environment, capture_output=True, text=True, check=True
    ).stdout.split()
    if kind == "static":
        flags = [f"-l:lib{name}.a" if flag == f"-l{name}" else flag for flag in flags]
    program = work / f"{pathlib.Path(source).stem}-{kind}"
    definitions = ["-D_POSIX_C_SOURCE=200809L"]  # barriers of threads
    subprocess.run(
        [
            cc,
            "-std=c99",
            "-Wall",
            "-Wextra",
            "-pedantic",
            "-Werror",
            "-O1",
            *definitions,
            source,
            "-o",
            program,
            *flags,
            "-lm",
            "-ldl",
            "-lpthread",
            f"-Wl,-rpath,{folder}",
        ],
        check=True,
    )
    return subprocess.run([program, *arguments]).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
