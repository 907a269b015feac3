"""How figures look: one column of a paper wide, markers beside colours, greys that differ when colours are gone."""

from __future__ import annotations

from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

from .cells import OURS  # noqa: E402

WIDTH = 3.4  # inches
SETTINGS = {
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 6,
    "ytick.labelsize": 6,
    "legend.fontsize": 6,
    "legend.frameon": False,
    "lines.linewidth": 1.0,
    "lines.markersize": 3.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "figure.constrained_layout.use": True,
    "figure.dpi": 200,
}
# Of Okabe and Ito, from dark to light, so that neighbours differ in grey as well.
COLOURS = (
    "#0072B2", "#D55E00", "#56B4E9", "#CC79A7", "#009E73", "#E69F00",
    "#7F7F7F", "#882255", "#B8A300", "#44AA99", "#332288", "#DD8899",
)  # fmt: skip
MARKERS = ("s", "^", "D", "v", "P", "X", "<", ">", "h", "d", "*", "p")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))


def look(labels: list[str]) -> dict[str, dict[str, Any]]:
    """label -> colour, marker, dashes, no two alike; heed is black, a circle, a full line."""
    found: dict[str, dict[str, Any]] = {}
    others = [label for label in labels if label != OURS]
    for number, label in enumerate(others):
        found[label] = {
            "color": COLOURS[number % len(COLOURS)],
            "marker": MARKERS[(number + number // len(COLOURS)) % len(MARKERS)],
            "linestyle": DASHES[(number + 1) % len(DASHES)],
        }
    if OURS in labels:
        found[OURS] = {"color": "black", "marker": "o", "linestyle": "-", "linewidth": 1.5, "zorder": 5}
    return found


def figure(height: float) -> tuple[Any, Any]:
    """A figure of one column with one pair of axes."""
    with plt.rc_context(SETTINGS):
        return plt.subplots(figsize=(WIDTH, height))


def legend_below(fig: Any, axes: Any, columns: int = 3) -> None:
    """The legend under the axes, where it covers nothing."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        fig.legend(
            handles, labels, loc="outside lower center", ncols=columns, fontsize=6, handlelength=2.4, columnspacing=1.2
        )
