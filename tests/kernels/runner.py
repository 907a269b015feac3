#!/usr/bin/env python3
"""heed-run on the library of the tests: what it says, and what it refuses with one sentence and status 1.

runner.py heed-run LIBRARY"""

import pathlib
import re
import subprocess
import sys

PROGRAM, LIBRARY = sys.argv[1:]
failures = 0


def run(*arguments):
    return subprocess.run([sys.executable, PROGRAM, *arguments], capture_output=True, text=True)


def check(what, result, status, pattern, stream="stdout"):
    """The status, and a pattern that all of the output has; of refusals one line."""
    global failures
    said = getattr(result, stream)
    right = result.returncode == status and re.search(pattern, said, re.S) is not None
    if stream == "stderr":
        right = right and len(said.splitlines()) == 1 and not result.stdout
    failures += not right
    print(
        f"{'right' if right else 'WRONG'}: {what}"
        + ("" if right else f": status {result.returncode}\n{result.stdout}{result.stderr}")
    )


def refused(what, pattern, *arguments, library=LIBRARY):
    check(what, run(library, *arguments), 1, pattern, "stderr")


def main():
    sizes = "h=2,n=65,m=70"
    check(
        "what there is",
        run(LIBRARY, "--describe"),
        0,
        r"^look_up: heed .*; instruction sets .*; in use .*ids +int32 +\(n\), below the extent of words.*"
        r"step_backward\n.*cotangent .*gradient +slope +float32 \(h\)",
    )
    check(
        "results and gradients near those in double",
        run(LIBRARY, "--kernel", "step", "--verify", sizes),
        0,
        r"^step  .*step_forward  .*step_backward  .* slope +float32\[2\]: [\d.e+-]+ units in the last place of the "
        r"largest\n$",
    )
    check(
        "a bound that nothing meets",
        run(LIBRARY, "--kernel", "step", "--verify", sizes, "--bound", "0"),
        1,
        r"units in the last place of the largest, more than 0: WRONG\n",
    )
    check("indices inside a table", run(LIBRARY, "--kernel", "look_up", "--verify", "n=9,words=5"), 0, r"\]: 0 units")
    check("gradients that are 0", run(LIBRARY, "--kernel", "step", "--verify", "h=1,n=1,m=1"), 0, r"step_backward +q ")
    check("nothing at all", run(LIBRARY, "--kernel", "step", "--verify", "h=2,n=0,m=0"), 0, r"^step .* 0 units")
    check(
        "times on one and two threads",
        run(LIBRARY, "--kernel", "step", "--benchmark", sizes, "--threads", "1,2", "--seconds", "0.01"),
        0,
        r"\n +1  step  +[\d.]+ +[\d.]+ +[\d.]+ +[\d.]+ %\n.*\n +2  step_backward +[\d.]+ +[\d.]+ +[\d.]+ +[\d.]+ %\n$",
    )
    refused("no file", r"^heed: there is no file /nowhere/lib\.so$", "--describe", library="/nowhere/lib.so")
    refused("no library", r"^heed: .* is no library that can be loaded: ", "--describe", library=__file__)
    libc = next(path for path in pathlib.Path("/lib").rglob("libc.so.6"))
    refused("a library of others", r"^heed: .*libc.so.6 holds no kernels of heed$", "--describe", library=str(libc))
    refused("nothing to do", r"^heed-run: one of the arguments --describe --benchmark --verify is required")
    refused(
        "a kernel that there is not",
        r"^heed: there is no kernel 'walk' in the library: there are look_up, step$",
        "--describe",
        "--kernel",
        "walk",
    )
    for what, extents, pattern in (
        ("an axis that there is not", "x=3", r"^heed: kernel 'step' has no axis 'x': there are .*h.*n.*m"),
        ("an axis without extent", "h=2,n=3", r"^heed: kernel 'step' wants an extent of m, as in m=128$"),
        ("a static axis of another", sizes + ",d=17", r"^heed: axis 'd' of kernel 'step' is declared 16, not 17$"),
        ("no number", "h=two", r"^heed-run: argument --verify: 'h=two' is not AXIS=EXTENT"),
        ("a negative number", "h=-2", r"^heed-run: argument --verify: 'h=-2' is not AXIS=EXTENT"),
    ):
        refused(what, pattern, "--kernel", "step", "--verify", extents)
    refused("no threads", r"'0' is no list of numbers of threads", "--benchmark", sizes, "--threads", "0")
    refused(
        "values of an input that there is not",
        r"^heed: kernel 'step' has no input 'doc': there are q, k, ",
        "--kernel",
        "step",
        "--verify",
        sizes,
        "--values",
        "doc=0:4",
    )
    refused("values upside down", r"'q=4:0' is not INPUT=LOW:HIGH", "--verify", sizes, "--values", "q=4:0")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
