"""report.html: one file that needs nothing else, with figures, tables that sort, samples and commands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jinja2

from .cells import DIRECTION, Results, Row, number, text_of_shape
from .figures import Figure

TEMPLATE = Path(__file__).with_name("page.html")


def inline(path: Path, name: str) -> str:
    """An SVG as it stands inside a page: without a head, its ids its own, as wide as there is room."""
    text = path.with_suffix(".svg").read_text(encoding="utf-8")
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    for old in set(re.findall(r'id="([^"]+)"', text)):
        for before, after in (
            (f'id="{old}"', f'id="{name}-{old}"'),
            (f'"#{old}"', f'"#{name}-{old}"'),
            (f"url(#{old})", f"url(#{name}-{old})"),
        ):
            text = text.replace(before, after)
    return re.sub(
        r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1), count=1
    )


def bars(row: Row) -> list[tuple[float, float]]:
    """The samples as places from 0 to 100: sample number, share of the largest."""
    shares = row.shares[:80]
    largest = max(shares, default=1.0)
    return [(100 * (i + 0.5) / len(shares), 100 * share / largest) for i, share in enumerate(shares)]


def cell_of(results: Results, case: Any, label: str) -> dict[str, Any] | None:
    row = results.row(case, label)
    if row is None:
        return None
    found: dict[str, Any] = {
        "row": row,
        "best": row in results.of(case)[:1],
        "bars": bars(row) if row.is_measured else [],
    }
    if row.is_measured:
        known = not row.no_share
        found["text"] = f"{100 * row.share.middle:.0f} %" if known else f"{number(1e3 * row.seconds.middle)} ms"
        found["more"] = f"{number(1e3 * row.seconds.middle)} ms" if known else row.no_share
        found["sort"] = row.share.middle if known else -row.seconds.middle
    else:
        found["text"], found["more"] = ("" if row.status == "unsupported" else f"{row.status}: ") + row.reason, ""
        found["sort"] = -1e9
    return found


def write(results: Results, figures: list[Figure], path: Path) -> Path:
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["number"] = number
    tables = []
    for direction, title in DIRECTION.items():
        cases = [case for case in results.cases if case.direction == direction]
        if cases:
            lines = [
                {
                    "title": results.title_of(case),
                    "case": case,
                    "shape": text_of_shape(case),
                    "cells": [cell_of(results, case, label) for label in results.labels],
                }
                for case in cases
            ]
            tables.append({"title": title, "lines": lines})
    drawn = [{"title": f.title, "caption": f.caption, "svg": inline(f.path, f.name) if f.path else ""} for f in figures]
    noise = results.typical_noise
    path.write_text(
        environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
            results=results,
            tables=tables,
            figures=drawn,
            summary=[(label, DIRECTION[d], mean, count) for label, d, mean, count in results.summary()],
            noise="" if noise != noise else f"{100 * noise:.1f}",
            runs=results.record.runs,
            broken=results.record.broken,
        ),
        encoding="utf-8",
    )
    return path
