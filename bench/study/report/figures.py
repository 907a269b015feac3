"""The figures of a report, each as PDF, SVG and PNG. One that the record has no cells for says why it is not there."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from ..case import Case
from . import style
from .cells import DIRECTION, OURS, Letters, Results, Row, text_of_shape


class Figure(NamedTuple):
    """path: the PDF; None where there is none, for the reason that the caption gives."""

    name: str
    title: str
    caption: str
    path: Path | None


class Missing(Exception):
    """Why a record gives no such figure."""


def draw(results: Results, folder: Path) -> list[Figure]:
    """All figures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, (title, make) in FIGURES.items():
        with plt.rc_context(style.SETTINGS):
            try:
                fig, caption = make(results)
            except Missing as why:
                drawn.append(Figure(name, title, str(why), None))
                continue
            for kind in ("pdf", "svg", "png"):
                fig.savefig(folder / f"{name}.{kind}", dpi=200)
            plt.close(fig)
        drawn.append(Figure(name, title, caption, folder / f"{name}.pdf"))
    return drawn


def logarithmic(axis: Any) -> None:
    """Logarithmic, with numbers at 1, 2 and 5 where there are few decades."""
    low, high = axis.get_view_interval()
    decades = math.log10(high / low) if low > 0 else 1
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 2.2 else (1,)))
    axis.set_major_formatter(FuncFormatter(plain))
    axis.set_minor_formatter(NullFormatter())


def plain(value: float, _: Any = None) -> str:
    """1, 0.1, 10: a number on a logarithmic axis."""
    return f"{value:g}"


def largest_cases(results: Results) -> dict[tuple[str, str], Case]:
    """variant and direction -> the case with most operations, on one thread (the least there is), in the first type."""
    found: dict[tuple[str, str], Case] = {}
    threads = min(case.threads for case in results.cases)
    dtype = min(case.dtype for case in results.cases)

    def size(case: Case) -> float:
        return max(row.facts.get("operations", 0.0) for row in results.rows.values() if row.case == case)

    for case in results.cases:
        if case.threads == threads and case.dtype == dtype:
            key = (case.variant, case.direction)
            if key not in found or size(case) > size(found[key]):
                found[key] = case
    return found


def heat_map(results: Results) -> tuple[Any, str]:
    """Variants by implementations: share of the peak; letters stand for reasons."""
    cases = sorted(largest_cases(results).values(), key=lambda c: (list(DIRECTION).index(c.direction), c.variant))
    cases = [case for case in cases if not results.is_alone(case)] or cases  # those have a table of their own
    labels = [label for label in results.labels if any(results.row(case, label) for case in cases)]
    size = 6 if len(labels) < 10 else 5
    shares = numpy.full((len(cases), len(labels)), math.nan)
    letters = Letters()
    texts: dict[tuple[int, int], str] = {}
    for r, case in enumerate(cases):
        best = results.of(case)[:1]
        for c, label in enumerate(labels):
            row = results.row(case, label)
            if row is None:
                continue
            if row.is_measured and row.facts.get("operations"):
                shares[r, c] = 100 * row.share.middle
                texts[r, c] = f"{shares[r, c]:.0f}" + ("*" if row in best else "")
            elif row.is_measured:
                texts[r, c] = f"{1e3 * row.seconds.middle:.2g} ms"
            else:
                reason = row.reason if row.status == "unsupported" else f"{row.status}: {row.reason}"
                texts[r, c] = letters(shortened(reason, 64))
    legend = [f"{letter}  {reason}" for reason, letter in letters.of.items()]
    fig, axes = plt.subplots(figsize=(style.WIDTH, 0.75 + 0.2 * len(cases) + 0.105 * len(legend)))
    shades = plt.get_cmap("Greys")
    axes.imshow(shares, cmap=shades, vmin=0, vmax=125, aspect="auto")
    for (r, c), text in texts.items():
        is_number = not math.isnan(shares[r, c])
        colour = "white" if is_number and shares[r, c] > 60 else "black"
        kind = {"style": "normal" if is_number else "italic", "weight": "bold" if text.endswith("*") else "normal"}
        axes.text(c, r, text, ha="center", va="center", fontsize=size, color=colour, **kind)
    axes.set_xticks(range(len(labels)), labels, rotation=40, ha="left", rotation_mode="anchor")
    axes.set_yticks(range(len(cases)), [name_of(results, case) for case in cases])
    axes.tick_params(length=0, top=False, bottom=False, labeltop=True, labelbottom=False)
    axes.set_xticks(numpy.arange(len(labels) + 1) - 0.5, minor=True)
    axes.set_yticks(numpy.arange(len(cases) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1)
    axes.tick_params(which="minor", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if legend:
        fig.supxlabel("\n".join(legend), fontsize=5, ha="left", x=0.02, style="italic")
    return fig, (
        "Share of the measured multiply-add peak in per cent, the largest shape of each variant that several were "
        "asked for; the best of a row is bold, with a star. Letters: no number, for the reason below; what is blank "
        "was not asked for."
    )


def shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3].rstrip() + "..."


def name_of(results: Results, case: Case) -> str:
    """The variant's title, with what is not the usual."""
    title = results.title_of(case)
    more = {"forward": "", "backward": " (back)", "step": " (both)"}[case.direction]
    return title + more


def parts_within(multiples: list[float], ratios: list[float], cases: int) -> list[float]:
    """The part of all cases whose ratio is at most each of these multiples."""
    return [sum(ratio <= at * (1 + 1e-12) for ratio in ratios) / cases for at in multiples]


def profile(results: Results) -> tuple[Any, str]:
    """Dolan and More: in how many cases an implementation takes at most so many times as long as the best."""
    cases = sum(bool(results.of(case)) for case in results.cases)
    if cases < 2:
        raise Missing("a performance profile wants at least two cases with times")
    fig, axes = plt.subplots(figsize=(style.WIDTH, 2.6))
    looks = style.look(results.labels)
    ratios = {label: found for label, found in results.multiples().items() if found[0]}
    longest = max(2.0, *(found[0][-1] for found in ratios.values()))
    for label in results.labels:
        if label in ratios:
            steps, asked = ratios[label]
            x = [1.0, *steps, longest * 1.1]
            y = parts_within(x, steps, asked)
            settings = {key: value for key, value in looks[label].items() if key != "marker"}
            axes.step(x, y, where="post", label=label, **settings)
            points = {"marker": looks[label]["marker"], "color": looks[label]["color"], "markersize": 2.5}
            axes.plot(steps, parts_within(steps, steps, asked), linestyle="", **points)
    axes.set_xscale("log")
    logarithmic(axes.xaxis)
    axes.set_xlabel("time, as a multiple of the best in the case")
    axes.set_ylabel("part of the cases")
    axes.set_ylim(0, 1.04)
    style.legend_below(fig, axes)
    return fig, (
        f"Over {cases} cases: the part of those that an implementation was asked for in which it takes at most so many "
        "times as long as the fastest. What it does not support counts against it."
    )


def lengths(results: Results) -> tuple[Any, str]:
    """Time against the number of positions, for the variant with most lengths."""
    groups: dict[tuple[Any, ...], list[Case]] = {}
    for case in results.cases:
        extents = dict(case.extents)
        if "n" not in extents or extents.get("m", extents["n"]) != extents["n"]:
            continue
        others = tuple((axis, extent) for axis, extent in case.extents if axis not in ("n", "m"))
        groups.setdefault((case.variant, others, case.dtype, case.threads, case.direction), []).append(case)
    many = [group for group in groups.values() if len(group) > 1]
    if not many:
        raise Missing("time against length wants a variant with at least two lengths")
    chosen = min(many, key=lambda g: (-len(g), g[0].direction != "forward", g[0].variant != "causal", g[0].threads))
    chosen.sort(key=lambda case: dict(case.extents)["n"])
    fig, axes = plt.subplots(figsize=(style.WIDTH, 2.7))
    looks = style.look(results.labels)
    for label in results.labels:
        rows = [row for case in chosen if (row := results.row(case, label)) and row.is_measured]
        if rows:
            n = [dict(row.case.extents)["n"] for row in rows]
            middle = [1e3 * row.seconds.middle for row in rows]
            low = [1e3 * (row.seconds.middle - row.seconds.low) for row in rows]
            high = [1e3 * (row.seconds.high - row.seconds.middle) for row in rows]
            axes.errorbar(n, middle, yerr=[low, high], label=label, capsize=1.5, elinewidth=0.6, **looks[label])
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    logarithmic(axes.yaxis)
    axes.set_xticks([dict(case.extents)["n"] for case in chosen])
    axes.xaxis.set_major_formatter(FuncFormatter(plain))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("positions n = m")
    axes.set_ylabel("median time, ms")
    style.legend_below(fig, axes)
    case = chosen[0]
    shape = ", ".join(f"{axis}={extent}" for axis, extent in case.extents if axis not in ("n", "m"))
    return (
        fig,
        f"{case.variant.capitalize()}, {DIRECTION[case.direction]}, {shape}, {case.dtype}; bars: 95 % intervals.",
    )


def roofline(results: Results) -> tuple[Any, str]:
    """Rate against operations a byte, below the machine's measured peak and its reading."""
    peaks = results.machine.get("measured peak, GFLOP/s", {})
    reading = results.machine.get("measured reading, GB/s", {})
    if not peaks or not reading:
        raise Missing("a roofline wants the machine's peak and reading in the record")
    rows = [
        row
        for row in results.rows.values()
        if row.is_measured and row.facts.get("operations") and row.label in results.labels
    ]
    rows = [row for row in rows if row.case.dtype == "float32"]
    if not rows:
        raise Missing("a roofline wants times of cases with known operations")
    threads = min(row.case.threads for row in rows)
    rows = [row for row in rows if row.case.threads == threads]
    peak = float(peaks.get(f"32 bits, {threads} threads", max(peaks.values())))
    rate = float(reading.get(f"{threads} threads", max(reading.values())))
    fig, axes = plt.subplots(figsize=(style.WIDTH, 2.7))
    looks = style.look(results.labels)
    intensity = [row.facts["operations"] / row.facts["bytes"] for row in rows]
    x = numpy.geomspace(min([*intensity, peak / rate]) / 2, max([*intensity, peak / rate]) * 2, 200)
    axes.plot(x, numpy.minimum(peak, rate * x), color="0.4", linewidth=0.8, zorder=1)
    for label in results.labels:
        own = [(i, row.gflops) for i, row in zip(intensity, rows) if row.label == label]
        if own:
            settings = looks[label] | {"linestyle": ""}
            settings.pop("linewidth", None)
            axes.plot(*zip(*own), label=label, **settings)
    axes.set_xscale("log")
    axes.set_yscale("log")
    logarithmic(axes.xaxis)
    logarithmic(axes.yaxis)
    axes.set_xlabel("useful operations a byte that has to be moved")
    axes.set_ylabel("GFLOP/s")
    style.legend_below(fig, axes)
    return fig, (
        f"Useful operations over operands and results read and written once; the line is the measured peak "
        f"of {peak:.0f} GFLOP/s and reading of {rate:.1f} GB/s, {threads} thread{'s' * (threads > 1)}, float32."
    )


def scaling(results: Results) -> tuple[Any, str]:
    """How many times as fast more threads are, over what the peak loop gains."""
    pairs: dict[str, dict[int, list[float]]] = {}
    for case in results.cases:
        if case.threads == 1:
            continue
        one = Case(case.variant, case.extents, case.dtype, 1, case.direction)
        for label in results.labels:
            few, many = results.row(one, label), results.row(case, label)
            if few and many and few.is_measured and many.is_measured:
                # Shares are of the peak of as many threads, so that their quotient is the gain over the peak's.
                pairs.setdefault(label, {}).setdefault(case.threads, []).append(
                    many.share.middle / few.share.middle if few.facts.get("operations") else math.nan
                )
    if not pairs:
        raise Missing("threads want cases with one thread and with more")
    counts = sorted({threads for found in pairs.values() for threads in found})
    fig, axes = plt.subplots(figsize=(style.WIDTH, 0.6 + 0.22 * len(pairs) * len(counts)))
    labels = [label for label in results.labels if label in pairs]
    looks = style.look(results.labels)
    for y, label in enumerate(labels):
        for threads, ratios in pairs[label].items():
            at = y + 0.18 * (counts.index(threads) - (len(counts) - 1) / 2)
            axes.plot(
                ratios,
                [at] * len(ratios),
                linestyle="",
                marker=looks[label]["marker"],
                color=looks[label]["color"],
                alpha=0.45,
            )
            axes.plot(
                [numpy.exp(numpy.nanmean(numpy.log(ratios)))],
                [at],
                linestyle="",
                marker="|",
                markersize=9,
                color="black",
            )
    axes.axvline(1, color="0.6", linewidth=0.6, zorder=0)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.margins(x=0.08)
    axes.set_xlabel("gain of threads over the gain of the peak loop")
    return (
        fig,
        f"{' and '.join(map(str, counts))} threads against one: a point a case, the bar their geometric mean; 1 is "
        "what the peak loop gains itself.",
    )


def paid(results: Results) -> tuple[Any, str]:
    """Compiling and running: after how many calls each system has paid."""
    candidates = [(len(results.of(case)), max(row.facts.get("operations", 0.0) for row in results.of(case)), case)
                  for case in results.cases if results.of(case)]  # fmt: skip
    if not candidates:
        raise Missing("nothing was measured")
    case = max(candidates, key=lambda found: found[:2])[2]
    rows = [row for row in results.of(case) if not math.isnan(row.compile_seconds)]
    fig, axes = plt.subplots(figsize=(style.WIDTH, 2.7))
    looks = style.look(results.labels)
    calls = numpy.geomspace(1, 1e6, 120)
    for row in sorted(rows, key=lambda row: results.labels.index(row.label)):
        settings = {key: value for key, value in looks[row.label].items() if key != "marker"}
        axes.plot(calls, row.compile_seconds + calls * row.seconds.middle, label=row.label, **settings)
    axes.set_xscale("log")
    axes.set_yscale("log")
    logarithmic(axes.yaxis)
    axes.set_xlabel("calls")
    axes.set_ylabel("compiling and running, s")
    style.legend_below(fig, axes)
    title = results.title_of(case)
    return (
        fig,
        f"After how many calls a system has paid: {title}, {text_of_shape(case)}, {DIRECTION[case.direction]}; the "
        "first result included.",
    )


def errors(results: Results) -> tuple[Any, str]:
    """Error against time."""
    fig, axes = plt.subplots(figsize=(style.WIDTH, 2.7))
    looks = style.look(results.labels)
    found = False
    for label in results.labels:
        points = []
        for case in results.cases:
            row = results.row(case, label)
            if row and row.is_measured and math.isfinite(row.error) and row.error > 0:
                points.append((row.cost / results.of(case)[0].cost, row.error))
        if points:
            found = True
            settings = looks[label] | {"linestyle": ""}
            settings.pop("linewidth", None)
            axes.plot(*zip(*points), label=label, **settings)
    if not found:
        plt.close(fig)
        raise Missing("no cell has an error and a time")
    axes.set_xscale("log")
    axes.set_yscale("log")
    logarithmic(axes.xaxis)
    logarithmic(axes.yaxis)
    axes.set_xlabel("time, as a multiple of the best in the case")
    axes.set_ylabel("largest error, last places")
    style.legend_below(fig, axes)
    return (
        fig,
        "The largest error of results and gradients, in units in the last place of the largest value, beside the time; "
        "a point a case.",
    )


FIGURES: dict[str, tuple[str, Callable[[Results], tuple[Any, str]]]] = {
    "variants": ("Variants and implementations", heat_map),
    "profile": ("Performance profile", profile),
    "lengths": ("Time and length", lengths),
    "roofline": ("Roofline", roofline),
    "threads": ("Threads", scaling),
    "compile": ("Compiling and running", paid),
    "errors": ("Error and time", errors),
}
__all__ = ["FIGURES", "OURS", "Figure", "Row", "draw"]
