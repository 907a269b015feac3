"""Tables in a terminal: the best of a row bold, empty cells with their reason grey."""

from __future__ import annotations

import sys
from typing import Any

from ..case import Case
from .cells import DIRECTION, Results, number, text_of_shape

SHORT = 26  # of a reason in a table


def shown(results: Results, case: Case, label: str) -> tuple[str, str]:
    """The text of a cell, and what it is: best, measured or empty."""
    row = results.row(case, label)
    if row is None:
        return "", "empty"
    if not row.is_measured:
        return (row.reason if row.status in ("unsupported",) else f"{row.status}: {row.reason}"), "empty"
    best = results.of(case)[0]
    text = f"{number(1e3 * row.seconds.middle)} ms"
    if row.facts.get("operations"):
        text += f" {100 * row.share.middle:.0f} %"
    return text, "best" if row is best else "measured"


def show(results: Results) -> None:
    """All tables; plain text where rich is not there."""
    try:
        from rich.console import Console
    except ModuleNotFoundError:
        for line in plain(results):
            print(line)
        return
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else 200)
    style = {"best": "bold", "measured": "", "empty": "bright_black"}
    for direction in DIRECTION:
        cases = [case for case in results.cases if case.direction == direction]
        if not cases:
            continue
        table = Table(
            title=f"{results.title}: {DIRECTION[direction]}; median time, share of the peak loop", title_justify="left"
        )
        table.add_column("case", no_wrap=False, min_width=14)
        for label in results.labels:
            table.add_column(label, min_width=8)
        for case in cases:
            cells: list[Any] = [Text(head_of(results, case))]
            for label in results.labels:
                text, kind = shown(results, case, label)
                cells.append(Text(text[:SHORT] + ("..." if len(text) > SHORT else ""), style=style[kind]))
            table.add_row(*cells)
        console.print(table)
    for line in closing(results):
        console.print(line, markup=False, highlight=False)


def head_of(results: Results, case: Case) -> str:
    """A case in a few words."""
    title = results.title_of(case)
    return (
        f"{title}\n{text_of_shape(case)}"
        + ("" if case.dtype == "float32" else f", {case.dtype}")
        + ("" if case.threads == 1 else f", {case.threads} threads")
    )


def plain(results: Results) -> list[str]:
    """The tables without rich."""
    lines = []
    for case in results.cases:
        lines.append(f"{head_of(results, case)}, {DIRECTION[case.direction]}".replace("\n", ", "))
        lines += [f"  {label:16} {shown(results, case, label)[0]}" for label in results.labels]
    return lines + closing(results)


def closing(results: Results) -> list[str]:
    """Geometric means, noise, whether others were busy, reasons in full."""
    lines = []
    for label, direction, mean, count in results.summary():
        how = (
            f"geometric mean of {count} cases, 95 % from {mean.low:.2f} to {mean.high:.2f}" if count > 1 else "one case"
        )
        lines.append(f"heed is {mean.middle:.2f} times as fast as {label}, {DIRECTION[direction]} ({how})")
    noise = results.typical_noise
    if noise == noise:
        lines.append(
            f"heed against itself differs by {100 * noise:.1f} % in the median case: what differs less is the same"
        )
    if results.busy > 0.1:
        lines.append(f"others used {100 * results.busy:.0f} % of a processor meanwhile: believe no absolute time")
    lines += [f"{', '.join(who)}: {reason}" for reason, who in sorted(results.reasons().items())]
    return lines
