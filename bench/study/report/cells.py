"""Numbers out of a record: every table and figure takes them from here."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .. import statistics
from ..case import Case
from ..conductor import AGAIN, shares
from ..record import Record
from ..statistics import Interval

OURS = "heed"
DIRECTION = {"forward": "forward", "backward": "backward", "step": "forward + backward"}


@dataclass
class Row:
    """A cell as it is shown: medians with their intervals; what is not known is NaN."""

    facts: dict[str, Any]

    @cached_property
    def case(self) -> Case:
        return Case.from_json(self.facts["case"])

    @property
    def label(self) -> str:
        return self.facts["implementation"]

    @property
    def status(self) -> str:
        return self.facts["status"]

    @property
    def is_measured(self) -> bool:
        return self.status == "measured"

    @property
    def reason(self) -> str:
        return self.facts.get("reason", "")

    @property
    def title(self) -> str:
        return self.facts.get("variant_title") or self.case.variant

    @cached_property
    def seconds(self) -> Interval:
        return statistics.median(self.facts.get("seconds", []))

    @cached_property
    def shares(self) -> list[float]:
        """Of each sample; without known operations calls a peak's nanosecond, which ratios can be taken of."""
        facts = self.facts
        if not self.is_measured:
            return []
        return shares(facts["seconds"], facts["peaks_before"], facts["peaks_after"], facts.get("operations", 0.0))

    @cached_property
    def share(self) -> Interval:
        """Of the peak loop beside it."""
        return statistics.median(self.shares if self.facts.get("operations") else [])

    @property
    def cost(self) -> float:
        """What implementations of a case are ranked by: the time of a call in that of the peak loop beside it, so that
        what a machine's other users take is taken from both."""
        return 1 / statistics.median(self.shares).middle

    @property
    def no_share(self) -> str:
        """Why a time has no share of the peak; empty where it has one."""
        return "" if self.facts.get("operations") else "no share: " + self.facts.get("no_share", "no products")

    @property
    def gflops(self) -> float:
        return self.facts.get("operations", 0.0) / self.seconds.middle / 1e9

    @property
    def gbytes(self) -> float:
        return self.facts.get("bytes", 0) / self.seconds.middle / 1e9

    @property
    def error(self) -> float:
        found = self.facts.get("error", {}).get("largest", math.nan)
        return float(found)

    @property
    def compile_seconds(self) -> float:
        """To the first result: compiling, where it is known by itself, else all that comes before the first call."""
        found = self.facts.get("compile_seconds")
        return float(self.facts.get("prepare_seconds", math.nan) if found is None else found)


class Letters:
    """A letter for each reason of an empty cell, in the order in which they are asked for: a to z, aa, ab, ..."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}

    def __call__(self, reason: str) -> str:
        count = len(self.of)
        letter = ("" if count < 26 else chr(ord("a") + count // 26 - 1)) + chr(ord("a") + count % 26)
        return self.of.setdefault(reason, letter)


class Results:
    """All cells of a record. cases: in order of variant, direction, threads, shape; labels: the implementations, heed's
    first, without the one that was measured again."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.rows = {key: Row(facts) for key, facts in record.cells.items()}
        self.machine: dict[str, Any] = record.runs[-1]["machine"] if record.runs else {}
        self.title = (record.runs[-1].get("title") or record.runs[-1].get("study", "")) if record.runs else ""
        order: dict[str, None] = {}
        for run in record.runs:
            for name in _names_in(run.get("text", "")):
                order[name] = None
        for row in self.rows.values():
            order.setdefault(row.label, None)
        present = {row.label for row in self.rows.values()}
        labels = [name for name in order if name in present and not name.endswith(AGAIN)]
        self.labels = sorted(labels, key=lambda name: not name.startswith(OURS))
        cases = {row.case.key: row.case for row in self.rows.values()}
        self.cases = sorted(cases.values(), key=lambda c: (c.variant, c.direction, c.dtype, c.threads, c.extents))

    def row(self, case: Case, label: str) -> Row | None:
        return self.rows.get(f"{case.key} | {label}")

    def title_of(self, case: Case) -> str:
        """Of its variant."""
        return next(row.title for row in self.rows.values() if row.case == case)

    def is_alone(self, case: Case) -> bool:
        """Whether nobody but heed was asked."""
        return all(label.startswith(OURS) for label in self.labels if self.row(case, label))

    def of(self, case: Case) -> list[Row]:
        """The measured cells of a case, the fastest first."""
        found = (self.row(case, label) for label in self.labels)
        return sorted((row for row in found if row and row.is_measured), key=lambda row: row.cost)

    def multiples(self) -> dict[str, tuple[list[float], int]]:
        """label -> how many times as long as the best it takes in each of its cases, rising, and of how many cases that
        have a best it was asked for."""
        found: dict[str, tuple[list[float], int]] = {}
        for label in self.labels:
            asked = [(row, rows[0]) for c in self.cases if (row := self.row(c, label)) and (rows := self.of(c))]
            found[label] = sorted(row.cost / best.cost for row, best in asked if row.is_measured), len(asked)
        return found

    def noise(self, case: Case) -> float:
        """How far an implementation is from itself in a case, as a part of 1; NaN where it was not measured twice."""
        for label in self.labels:
            first, second = self.row(case, label), self.row(case, label + AGAIN)
            if first and second and first.is_measured and second.is_measured:
                return abs(math.expm1(abs(math.log(speedup(first, second).middle))))
        return math.nan

    @property
    def typical_noise(self) -> float:
        """The median over the cases."""
        found = sorted(noise for noise in map(self.noise, self.cases) if not math.isnan(noise))
        return found[len(found) // 2] if found else math.nan

    def against(self, label: str, direction: str, ours: str = OURS) -> list[float]:
        """How many times as fast heed is as another in each case that both have."""
        pairs = ((self.row(case, ours), self.row(case, label)) for case in self.cases if case.direction == direction)
        return [speedup(a, b).middle for a, b in pairs if a and b and a.is_measured and b.is_measured]

    def summary(self) -> Iterable[tuple[str, str, Interval, int]]:
        """label, direction, geometric mean of how many times as fast heed is, how many cases."""
        for direction in DIRECTION:
            for label in self.labels:
                ratios = self.against(label, direction) if label != OURS else []
                if ratios:
                    yield label, direction, statistics.geometric_mean(ratios), len(ratios)

    def reasons(self) -> dict[str, list[str]]:
        """Every reason for an empty cell, with who gives it."""
        found: dict[str, list[str]] = {}
        for row in self.rows.values():
            if not row.is_measured and row.label not in found.setdefault(f"{row.status}: {row.reason}", []):
                found[f"{row.status}: {row.reason}"].append(row.label)
        return found

    @property
    def busy(self) -> float:
        """The part of a processor that others used during the median cell."""
        found = sorted(row.facts["others"] for row in self.rows.values() if "others" in row.facts)
        return found[len(found) // 2] if found else 0.0


def speedup(a: Row, b: Row) -> Interval:
    """How many times as fast a is as b, each against the peak loop beside it."""
    return statistics.ratio(a.shares, b.shares)


def _names_in(text: str) -> list[str]:
    """The implementations of a study's text, in its order."""
    import tomllib

    try:
        return [name for name in tomllib.loads(text).get("implementations", []) if isinstance(name, str)]
    except tomllib.TOMLDecodeError:
        return []


def text_of_shape(case: Case, without: Collection[tuple[str, int]] = ()) -> str:
    """The extents, equal ones once, as h=4, n=m=512, d=e=64; without those that stand elsewhere."""
    pairs = {"m": "n", "e": "d"}
    shown = [pair for pair in case.extents if pair not in without]
    known = dict(shown)
    words = []
    for axis, extent in shown:
        if axis in pairs and known.get(pairs[axis]) == extent:
            continue
        same = [axis, *[other for other, of in pairs.items() if of == axis and known.get(other) == extent]]
        words.append(f"{'='.join(same)}={extent}")
    return ", ".join(words)


def number(value: float, digits: int = 3) -> str:
    """A number for a table, so many digits of it."""
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "inf"
    if value == 0:
        return "0"
    decimals = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
    return f"{value:.{decimals}f}"
