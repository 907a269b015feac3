"""Two records, cell by cell: faster, slower, the same, or not to be told from these samples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from . import statistics
from .conductor import AGAIN
from .errors import StudyError
from .record import read
from .report.cells import OURS, Results
from .statistics import Interval

LEAST_NOISE = 0.01


@dataclass
class Change:
    """A cell of both records; change: how many times as fast the new one is."""

    key: str
    change: Interval
    verdict: str


def changes(old: Results, new: Results, everything: bool = False) -> tuple[list[Change], float]:
    """Every cell that both have measured, and the noise that was allowed for: what heed differs from itself in the
    median case of the noisier record, at least one per cent."""
    noises = [noise for noise in (old.typical_noise, new.typical_noise) if not math.isnan(noise)]
    noise = max([LEAST_NOISE, *noises])
    found = []
    for key, row in new.rows.items():
        before = old.rows.get(key)
        is_wanted = everything or row.label.startswith(OURS)
        if (
            not is_wanted
            or row.label.endswith(AGAIN)
            or not row.is_measured
            or before is None
            or not before.is_measured
        ):
            continue
        change = statistics.ratio(row.shares, before.shares)
        found.append(Change(key, change, statistics.verdict(change, noise)))
    return found, noise


def lost(old: Results, new: Results) -> list[str]:
    """Cells that were measured and are there without a time now."""
    return [
        f"{key}: measured before, now {new.rows[key].status}: {new.rows[key].reason}"
        for key, row in old.rows.items()
        if row.is_measured and key in new.rows and not new.rows[key].is_measured
    ]


def compare(old_place: Path, new_place: Path, everything: bool = False) -> int:
    """Prints the comparison; status 1 where a cell is slower or has lost its time."""
    records = read(old_place), read(new_place)
    for sentence in (*records[0].broken, *records[1].broken):
        print(f"study: {sentence}")
    old, new = map(Results, records)
    found, noise = changes(old, new, everything)
    gone = lost(old, new)
    if not found and not gone:
        raise StudyError(f"{old_place} and {new_place} have no measured cell in common")
    for change in sorted(found, key=lambda change: change.change.middle):
        middle, low, high = change.change
        print(f"{change.verdict:9} {middle:6.3f} ({low:.3f} to {high:.3f})  {change.key}")
    for sentence in gone:
        print(f"LOST      {sentence}")
    if found:
        mean = statistics.geometric_mean([change.change.middle for change in found])
        print(
            f"{len(found)} cells, noise {100 * noise:.1f} %: new over old {mean.middle:.3f} "
            f"({mean.low:.3f} to {mean.high:.3f}), geometric mean"
        )
    return 1 if gone or any(change.verdict == "SLOW" for change in found) else 0
