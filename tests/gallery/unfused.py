#!/usr/bin/env python3
"""A formula in numpy is timed with the operands of a file, and says nothing where the memory that it may take is too small.

    unfused.py ROOT
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile

import numpy

ENOUGH = 3000  # MiB


def said(program: pathlib.Path, length: int, memory: int) -> str:
    """Of axial attention of so many positions: with 16384 the scores alone take 32 GiB."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "operands.npz"
        x = numpy.ones((32, length, 4), numpy.float32)
        numpy.savez(file, q=x, k=x, v=x)
        command = [sys.executable, program, "axial", file, str(memory << 20)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> int:
    program = pathlib.Path(sys.argv[1]) / "examples/gallery/unfused.py"
    short, long = said(program, 16, ENOUGH), said(program, 16384, ENOUGH)
    assert 0 < float(short) < 1, short
    assert not long, long
    return 0


if __name__ == "__main__":
    sys.exit(main())
