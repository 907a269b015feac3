#!/usr/bin/env python3
"""Every entry of the gallery beside its formula in numpy (examples/gallery/formulas.py).

    beside_formulas.py ROOT FOLDER     reads the ENTRY.values that gallery.plans leaves in FOLDER, for every header of the gallery

Status 1 where an entry is off by more than 1e-9 of its largest value, has no formula, or has left no values, or where a formula
is not in float32 of operands in float32.
"""

from __future__ import annotations

import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "examples/gallery"))
from formulas import FORMULAS  # noqa: E402


def values_in(path: pathlib.Path) -> dict[str, np.ndarray]:
    """The arrays of a file: lines "entry array extent...", each followed by its elements."""
    arrays, data = {}, path.read_bytes()
    while data:
        line, _, data = data.partition(b"\n")
        _, name, *extents = line.decode().split()
        shape = tuple(map(int, extents))
        size = 8 * int(np.prod(shape, dtype=int))
        arrays[name] = np.frombuffer(data[:size]).reshape(shape)
        data = data[size:]
    return arrays


def wrong(name: str, folder: pathlib.Path) -> str:
    """What is wrong with an entry; nothing: an empty text."""
    if name not in FORMULAS:
        return "has no formula"
    if not (folder / f"{name}.values").exists():
        return "has left no values"
    arrays = values_in(folder / f"{name}.values")
    got = arrays.pop("out")
    with np.errstate(divide="ignore"):
        expected = np.asarray(FORMULAS[name](**arrays))
    if expected.shape != got.shape:
        return f"is {got.shape}, its formula {expected.shape}"
    off = abs(got - expected).max() / abs(expected).max()
    if not off < 1e-9:
        return f"is off by {off:.2g} of its largest value"
    with np.errstate(divide="ignore"):
        single = np.asarray(FORMULAS[name](**{key: array.astype(np.float32) for key, array in arrays.items()}))
    return "" if single.dtype == np.float32 else f"is {single.dtype} of float32 operands"


def main() -> int:
    root, folder = map(pathlib.Path, sys.argv[1:])
    names = [header.stem[3:] for header in sorted((root / "examples/gallery").glob("*.hpp"))]
    found = {name: fault for name in names if (fault := wrong(name, folder))}
    for name, fault in found.items():
        print(f"{name} {fault}")
    print(f"{len(names) - len(found)} of {len(names)} entries equal their formulas")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
