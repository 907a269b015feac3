"""cells.csv: every cell with all its numbers, a line each."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from .cells import Results, Row

COLUMNS = (
    "variant", "shape", "dtype", "threads", "direction", "implementation", "status", "reason", "samples", "median_ms",
    "low_ms", "high_ms", "share_of_peak", "share_low", "share_high", "gflops", "gbytes_per_s", "error_units",
    "compile_s",
    "warm_s", "workspace_bytes", "peak_memory_bytes", "binary_bytes", "others", "how", "command",
)  # fmt: skip


def line_of(row: Row) -> list[Any]:
    """A cell in the order of the columns; what is not known is empty."""
    case, facts = row.case, row.facts
    known = [case.variant, case.shape, case.dtype, case.threads, case.direction, row.label, row.status, row.reason]
    if not row.is_measured:
        return [*known, *[""] * (len(COLUMNS) - len(known) - 1), facts.get("command", "")]
    known += [len(facts["seconds"]), *(f"{1e3 * value:.6g}" for value in row.seconds)]
    known += [f"{value:.5g}" for value in (*row.share, row.gflops)] if not row.no_share else [""] * 4
    known += [f"{value:.5g}" for value in (row.gbytes, row.error, row.compile_seconds)]
    more = ("warm_seconds", "workspace_bytes", "peak_memory_bytes", "binary_bytes", "others", "how", "command")
    return known + ["" if facts.get(name) is None else facts[name] for name in more]


def write(results: Results, path: Path) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for case in results.cases:
            for row in (row for row in results.rows.values() if row.case == case):
                writer.writerow(line_of(row))
    return path
