"""report.md: machine, means, tables of shares and figures, for a folder of documents."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from ..case import Case
from .cells import DIRECTION, OURS, Letters, Results, Row, number, speedup, text_of_shape

ALONE = "Variants that heed alone was asked for"


class Drawing(NamedTuple):
    """A figure as the page shows it. place: beside the page; empty where there is none, which the caption explains."""

    title: str
    caption: str
    place: str


def escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def table(heads: Iterable[str], lines: Iterable[Iterable[str]]) -> list[str]:
    heads = list(heads)
    return [
        "| " + " | ".join(map(escaped, heads)) + " |",
        "|---" * len(heads) + "|",
        *("| " + " | ".join(map(escaped, line)) + " |" for line in lines),
        "",
    ]


def text_of(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {text_of(of)}" for key, of in value.items()) or "-"
    if isinstance(value, list):
        return ", ".join(map(text_of, value)) or "-"
    if isinstance(value, float):
        return number(value, 4)
    return str(value) or "-"


def machine(results: Results) -> list[str]:
    """The block of the record's last run."""
    return table(("", ""), ((name, text_of(value)) for name, value in results.machine.items()))


def means(results: Results) -> list[str]:
    lines = [
        (label, DIRECTION[direction], number(mean.middle), f"{mean.low:.2f} to {mean.high:.2f}", str(count))
        for label, direction, mean, count in results.summary()
    ]
    return table(("beside", "direction", "times as fast", "95 %", "cases"), lines) if lines else []


def best_other(results: Results, case: Case) -> Row | None:
    """The fastest that is not heed, where heed was measured too."""
    ours = results.row(case, OURS)
    others = [row for row in results.of(case) if not row.label.startswith(OURS)]
    return others[0] if ours and ours.is_measured and others else None


def next_best(results: Results, case: Case) -> str:
    """How many times as fast heed is as the fastest that is not heed, and who that is."""
    other = best_other(results, case)
    return f"{speedup(results.row(case, OURS), other).middle:.2f} ({other.label})" if other else ""


def shares(results: Results, cases: list[Case], letters: Letters) -> list[str]:
    """A line for each case: of each implementation the share of the peak in per cent, or a letter."""
    labels = [label for label in results.labels if any(results.row(case, label) for case in cases)]
    lines = []
    for case in cases:
        best = results.of(case)[:1]
        line = [results.title_of(case), text_of_shape(case)]
        for label in labels:
            row = results.row(case, label)
            if row is None:
                line.append("")
            elif not row.is_measured:
                line.append(f"*{letters(f'{row.status}: {row.reason}')}*")
            else:
                text = f"{100 * row.share.middle:.0f}"
                if row.no_share:
                    text = f"{number(1e3 * row.seconds.middle)} ms *{letters(row.no_share)}*"
                line.append(f"**{text}**" if row in best else text)
        lines.append([*line, next_best(results, case)])
    return table(("variant", "shape", *labels, "heed over the next"), lines)


def alone(results: Results, cases: list[Case], letters: Letters) -> list[str]:
    """A line for each case: time, share or a letter for why there is none, error."""
    lines = []
    for case in cases:
        for row in filter(None, (results.row(case, label) for label in results.labels)):
            if not row.is_measured:
                lines.append((row.title, text_of_shape(case), f"{row.status}: {row.reason}", "", "", ""))
                continue
            lines.append(
                (
                    row.title + ("" if row.label == OURS else f" ({row.label})"),
                    text_of_shape(case),
                    DIRECTION[case.direction],
                    f"{number(1e3 * row.seconds.middle)} ms",
                    f"*{letters(row.no_share)}*" if row.no_share else f"{100 * row.share.middle:.0f}",
                    number(row.error),
                )
            )
    return table(("variant", "shape", "direction", "time", "share of the peak, %", "error, units"), lines)


def not_first(results: Results) -> list[str]:
    """The cells in which another system is faster than heed by more than the noise."""
    noise = results.typical_noise
    lines = []
    for case in results.cases:
        other = best_other(results, case)
        if not other:
            continue
        ratio = speedup(results.row(case, OURS), other)
        if ratio.high < 1 - (noise if noise == noise else 0):
            threads = "one thread" if case.threads == 1 else f"{case.threads} threads"
            where = (results.title_of(case), text_of_shape(case), case.dtype, threads, DIRECTION[case.direction])
            lines.append(f"- {', '.join(where)}: {ratio.middle:.2f} times as fast as {other.label}")
    return [*(lines or ["None: heed is first, or the same, in each cell that another system supports."]), ""]


def text(results: Results, drawings: list[Drawing]) -> str:
    """The page."""
    runs = results.record.runs
    lines = [f"# The study {results.title}", ""]
    lines += [
        "Made by `./dev study report` from record.jsonl, which holds every sample. Shares are of the multiply-add loop",
        "that runs before and after each sample in the same process; medians.",
        "How it is measured: docs/study.md of heed.",
        "",
        f"{len(results.rows)} cells of {len(results.cases)} cases, {len(runs)} run{'s' if len(runs) != 1 else ''}.",
    ]
    noise = results.typical_noise
    if noise == noise:
        said = f"heed differs by {100 * noise:.1f} % from itself in the median case"
        lines.append(f"{said}: what differs less is the same.")
    lines.append(f"Others used {100 * results.busy:.0f} % of a processor during the median cell.")
    lines += ["", "## How many times as fast heed is", "", "Geometric means over the cases that both have.", ""]
    lines += means(results)
    lines += ["## Where heed is not first", "", *not_first(results)]
    letters = Letters()
    shared = [case for case in results.cases if not results.is_alone(case)]
    for direction, dtype, threads in sorted({(c.direction, c.dtype, c.threads) for c in shared}):
        cases = [c for c in shared if (c.direction, c.dtype, c.threads) == (direction, dtype, threads)]
        said = "one thread" if threads == 1 else f"{threads} threads"
        lines += [f"## {DIRECTION[direction].capitalize()}, {dtype}, {said}", ""]
        lines += ["Share of the peak in per cent; the best is bold; a letter stands for a reason below.", ""]
        lines += shares(results, cases, letters)
    own = [case for case in results.cases if results.is_alone(case)]
    if own:
        lines += [f"## {ALONE}", "", *alone(results, own, letters)]
    if letters.of:
        lines += ["## Reasons", "", *(f"- *{letter}*: {escaped(reason)}" for reason, letter in letters.of.items()), ""]
    if drawings:
        lines += ["## Figures", ""]
        for drawing in drawings:
            picture = [f"![{drawing.title}]({drawing.place})", ""] if drawing.place else []
            lines += [f"### {drawing.title}", "", *picture, drawing.caption, ""]
    lines += ["## The machine", "", *machine(results)]
    return "\n".join(lines).rstrip() + "\n"


def write(results: Results, drawings: list[Drawing], path: Path) -> Path:
    path.write_text(text(results, drawings), encoding="utf-8")
    return path
