"""The time of a formula as numpy evaluates it: operation by operation, every value stored, products by BLAS, one thread.

    unfused.py ENTRY FILE.npz MEMORY     prints the median seconds of a call with the operands in the file

A process of its own, which takes at most so many bytes of memory: where the formula wants more, it prints nothing.
"""

from __future__ import annotations

import os
import resource
import sys
import time

for library in ("OPENBLAS", "MKL", "OMP"):
    os.environ[f"{library}_NUM_THREADS"] = "1"  # before numpy is imported

import numpy  # noqa: E402
from formulas import FORMULAS  # noqa: E402

SECONDS = 1.0  # of measuring


def median_seconds(name: str, operands: dict[str, numpy.ndarray]) -> float:
    """Of a call, after one that does not count unless it takes long."""
    samples: list[float] = []
    with numpy.errstate(all="ignore"):
        while sum(samples) < SECONDS or len(samples) < 3:
            begin = time.perf_counter()
            FORMULAS[name](**operands)
            samples.append(time.perf_counter() - begin)
            if samples[-1] > SECONDS:
                break
    return float(numpy.median(samples[1:] or samples))


def main() -> int:
    name, file, memory = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    with numpy.load(file) as operands:
        try:
            print(median_seconds(name, dict(operands)))
        except MemoryError:
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
