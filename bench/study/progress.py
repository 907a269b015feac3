"""What a study says while it measures: a line for each case that is done, and how long all of it will take."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import Any

import numpy

from .case import Case


def duration(seconds: float) -> str:
    """40 s, 3:20 min, 1:05 h."""
    seconds = max(int(seconds + 0.5), 0)
    if seconds < 90:
        return f"{seconds} s"
    if seconds < 5400:
        return f"{seconds // 60}:{seconds % 60:02} min"
    return f"{seconds // 3600}:{seconds % 3600 // 60:02} h"


class Progress:
    """Lines; in a terminal, where rich is there, a bar below them."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self._bar: Any = None
        self._stack = contextlib.ExitStack()
        self._begin = time.monotonic()
        self._cells = self._done = self._cases = self._cases_done = 0

    def say(self, line: str) -> None:
        if self.quiet:
            return
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False)
        else:
            print(line, flush=True)

    def begin(self, study: Any, cells: int, cases: int) -> None:
        self._cells, self._cases, self._begin = cells, cases, time.monotonic()
        self.say(f"{study.name}: {cells} cells in {cases} case{'s' * (cases != 1)}, order of seed {study.seed}")
        if not self.quiet and sys.stdout.isatty():
            with contextlib.suppress(ModuleNotFoundError):
                from rich.progress import BarColumn, Progress as Bar, TextColumn

                columns = (
                    BarColumn(),
                    TextColumn("{task.completed} of {task.total}"),
                    TextColumn("{task.fields[left]}"),
                    TextColumn("{task.description}", markup=False),
                )
                self._bar = self._stack.enter_context(Bar(*columns, transient=True))
                self._task = self._bar.add_task("", total=cells, left="")

    @property
    def left(self) -> str:
        """How long the rest will take, as long as what was done."""
        passed = time.monotonic() - self._begin
        return f"about {duration(passed / self._done * (self._cells - self._done))} left" if self._done else ""

    def case(self, case: Case) -> None:
        self._case = case

    def doing(self, what: str) -> None:
        if self._bar is not None:
            self._bar.update(self._task, description=f"{what}, {self._case.key}", left=self.left)

    def cell_done(self) -> None:
        self._done += 1
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, left=self.left)

    def case_done(self, case: Case, cells: list[Any], operations: float) -> None:
        """A line with what every implementation reached."""
        self._cases_done += 1
        found = []
        for cell in sorted(cells, key=lambda cell: numpy.median(cell.seconds) if cell.seconds else numpy.inf):
            status = cell.facts["status"]
            if status == "measured":
                share = f" {100 * numpy.median(cell.shares(operations)):.0f} %" if operations else ""
                found.append(f"{cell.label} {1e3 * numpy.median(cell.seconds):.3g} ms{share}")
            elif status in ("wrong", "failed"):
                found.append(f"{cell.label} {status.upper()} ({cell.facts['reason']})")
        empty = sum(cell.facts["status"] in ("unsupported", "absent") for cell in cells)
        where = f"[{self._cases_done} of {self._cases}, {duration(time.monotonic() - self._begin)}, {self.left}]"
        self.say(f"{where} {case.key}: {'; '.join(found) or 'nothing'}{f'; {empty} empty' if empty else ''}")

    def end(self) -> None:
        self._stack.close()
        self._bar = None
