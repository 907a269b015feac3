"""What an implementation is. Write a class like this for a system of yours, and name its file in the study."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import numpy

from ..case import Case
from ..variant import Variant


class Peer:
    """One system. A peer lives in a process that runs on as many processors as the case has threads, and is asked
    supports, prepare, run, results, run, run, ...; what it raises is the cell's reason.

    packages   of Python, whose versions go into the record
    how        what a cell was computed with, where a peer has several ways
    """

    name = ""
    packages: tuple[str, ...] = ()
    how = ""

    def absent(self) -> str | None:
        """Why the system is not there at all; None where it is."""
        for package in self.packages:
            try:
                importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                return f"{package} is not installed"
        return None

    def versions(self) -> dict[str, str]:
        return {package: importlib.metadata.version(package) for package in self.packages}

    def supports(self, case: Case, variant: Variant) -> str | None:
        """Why this cell stays empty, in a few words for a table; None where it can be measured."""
        return None

    def prepare(self, case: Case, variant: Variant, x: dict[str, numpy.ndarray]) -> None:
        """Compiles, copies, and does all that need not be done in each call. x: the operands and "cotangent"."""
        raise NotImplementedError

    def run(self) -> None:
        """One call: what is timed. It has finished when it returns."""
        raise NotImplementedError

    def measured(self, samples: int, repeat: int) -> dict[str, Any] | None:
        """None: run is timed here, where it is called. Else what a turn answers (worker.py), of calls that a process of
        the system's own has timed beside the same peak loop."""
        return None

    def results(self) -> dict[str, Any]:
        """What the last call gave, as arrays: out, grad(q), ..., those of them that the direction has."""
        raise NotImplementedError

    def facts(self) -> dict[str, Any]:
        """More that a record should hold: workspace_bytes, binary_bytes, compile_seconds where they are known better
        than from outside."""
        return {}
