"""Systems for the tests of the study: one that is right, and one for each way to be none."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy
from study.peers.peer import Peer


class Right(Peer):
    """Gives what the formula gives; a call takes a tenth of a millisecond."""

    def prepare(self, case, variant, x):
        self.found = {name: array.astype(case.dtype) for name, array in variant.expected(case, x).items()}

    def run(self):
        time.sleep(1e-4)

    def results(self):
        return self.found

    def facts(self):
        return {"workspace_bytes": 17}


class Loud(Right):
    """Prints to where answers go."""

    def run(self):
        print("I am called", flush=True)
        os.write(1, b"so am I\n")
        super().run()


class Off(Right):
    """One element of the result is off by a thousandth."""

    def results(self):
        name = next(iter(self.found))
        wrong = self.found[name].copy()
        wrong.flat[3] += 1e-3 * numpy.abs(wrong).max()
        return self.found | {name: wrong}


class Undefined(Right):
    def results(self):
        return {name: numpy.full_like(array, numpy.nan) for name, array in self.found.items()}


class Raising(Right):
    def prepare(self, case, variant, x):
        raise ValueError("no such thing\nand more that nobody wants to read")


class Crashing(Right):
    """Dies in the third call."""

    calls = 0

    def run(self):
        self.calls += 1
        if self.calls == 3:
            os.kill(os.getpid(), signal.SIGSEGV)


class Hanging(Right):
    def prepare(self, case, variant, x):
        time.sleep(3600)


class Unsupporting(Right):
    def supports(self, case, variant):
        return None if variant.name == "full" else "full attention alone"


class Absent(Right):
    packages = (os.environ.get("STUDY_TEST_PACKAGE", "a-package-that-nobody-has"),)


class Slow(Right):
    """Says in a file that it was called."""

    def run(self):
        Path(os.environ["STUDY_TEST_CALLS"]).touch()
        time.sleep(0.02)
