"""The picture of who sees whom in an entry: found by calling its kernel, not by reading its mask.

What a key excludes never reaches a result, whatever is stored there. So NaN at one position of everything that lies along
the keys shows in the results of exactly the queries that see this position.
"""

from __future__ import annotations

from typing import Any

import numpy

from entry import Entry
from heed.run import Calls

# Queries and keys, the first that an entry has; where keys have no axis of their own they are made of the queries' positions.
ROWS = (("y", "x"), ("n",))
COLUMNS = (("yk", "xk"), ("xk",), ("m",), ("n",))
LINE, GRID = 64, 14  # positions of an axis; of each of two
CELL = 3  # pixels


def pictured_extents(entry: Entry) -> dict[str, int]:
    """Extents at which a mask can be seen: as many positions along queries as along keys, of pairs as many along the other side,
    a few of everything else."""
    grid = GRID if "y" in entry.extents else LINE
    positions = {axis for names in ROWS + COLUMNS for axis in names}
    alike = {extent for axis, extent in entry.extents.items() if axis in positions}
    return {
        axis: grid if axis in positions or extent in alike else min(extent, 4) for axis, extent in entry.extents.items()
    }


def pictured_ranges(entry: Entry) -> dict[str, tuple[float, float]]:
    """Values of inputs for these extents: a width or the length of a prefix becomes shorter as the axis does."""
    shrink = max(pictured_extents(entry).values()) / max(entry.extents.values())
    return {
        name: (max(1, round(low * shrink)), max(2, round(low * shrink) + 1)) if low >= 32 else (low, high)
        for name, (low, high) in entry.ranges.items()
    }


def reach(arrays: list[numpy.ndarray], operands: list[Any], columns: tuple[str, ...], at: tuple[int, ...]) -> None:
    """Stores NaN at a position of all inputs that lie along the columns; at what of them they have."""
    for operand, array in zip(operands, arrays):
        names = [axis.name for axis in operand.axes]
        if operand.role != "input" or array.dtype.kind != "f" or not set(columns) & set(names):
            continue
        where = tuple(at[columns.index(name)] if name in columns else slice(None) for name in names)
        array[where] = numpy.nan


def seen(entry: Entry, kernel: Any) -> numpy.ndarray | None:
    """(queries, keys) of booleans; None where results do not lie along queries."""
    extents = kernel.extents(pictured_extents(entry))
    calls = Calls(kernel, extents, pictured_ranges(entry))
    arrays, operands = calls.arrays["call"], kernel.signature.functions["call"].operands
    axes = {axis.name for operand in operands for axis in operand.axes}
    results = [index for index, operand in enumerate(operands) if operand.role == "result"]
    names = [axis.name for axis in operands[results[0]].axes]
    rows = next((r for r in ROWS if set(r) <= set(names)), None)
    columns = next((c for c in COLUMNS if set(c) <= axes), None)
    if not rows or not columns:
        return None
    for operand, array in zip(operands, arrays):  # documents lie in order
        if operand.role == "input" and array.dtype.kind == "i" and array.ndim == 1:
            array.sort()
    shape = tuple(extents[axis] for axis in columns)
    kept = [array.copy() for array in arrays]
    picture = numpy.empty((int(numpy.prod([extents[axis] for axis in rows])), int(numpy.prod(shape))), bool)
    others = tuple(index for index, name in enumerate(names) if name not in rows)
    for key, at in enumerate(numpy.ndindex(shape)):
        for array, whole in zip(arrays, kept):
            array[...] = whole
        reach(arrays, operands, columns, at)
        calls("call")
        picture[:, key] = numpy.isnan(arrays[results[0]]).any(axis=others).reshape(-1)
    return picture


def svg_of(picture: numpy.ndarray, what: str) -> str:
    """A line a query, from above; a column a key, from the left. What is seen is dark, in runs."""
    rows, columns = picture.shape
    width, height = columns * CELL, rows * CELL
    runs = []
    for row, line in enumerate(picture):
        edges = numpy.flatnonzero(numpy.diff(numpy.concatenate(([0], line.astype(numpy.int8), [0]))))
        runs += [f"M{first * CELL} {row * CELL}h{(last - first) * CELL}v{CELL}h{(first - last) * CELL}z"
                 for first, last in edges.reshape(-1, 2)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img"><title>{what}: who sees whom, a line a query, a column a key</title>\n'
        f'<rect width="{width}" height="{height}" fill="#e8eaf0"/>\n<path fill="#2c4a8a" d="{"".join(runs)}"/>\n</svg>\n'
    )
