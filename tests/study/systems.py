"""Systems for the tests of the study: one that is right, and one for each way to be none."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import numpy
from study.peers.heed_cell import Function, HeedCell, samples_of
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


HEED = Path(__file__).resolve().parents[2] / "include"
GOES_WELL, CRASHES, HANGS, REFUSES, ENDS = range(5)


def library(folder):
    """program.c, compiled into a folder."""
    file = Path(folder) / "libprogram.so"
    if not file.exists():
        source = Path(__file__).resolve().with_name("program.c")
        options = ["-std=c99", "-D_GNU_SOURCE", "-shared", "-fPIC", f"-I{HEED}"]
        subprocess.run(["gcc", *options, str(source), "-o", str(file)], check=True)
    return file


def cell(folder, wanted, happens=(GOES_WELL, 0), functions=("study",), timed=("study",), name="a name"):
    """The program of Google Benchmark with program.c and a copy of `wanted` as its result."""
    inputs = {"wanted": wanted, "what happens": numpy.array(happens, numpy.float64)}
    outputs = {f"result of {f}": (wanted.shape, "float64") for f in functions}
    called = [Function(f, f in timed, f != "study", [*inputs, f"result of {f}"]) for f in functions]
    return HeedCell(name, library(folder), 1, 64, inputs, outputs, called)


class InProgram(Peer):
    """Gives what the formula gives, in a program of Google Benchmark; a call takes a millisecond and a bit."""

    happens = (GOES_WELL, 0)

    def prepare(self, case, variant, x):
        self.cell = cell(os.environ["TMPDIR"], variant.expected(case, x)["out"], self.happens)

    def run(self):
        self.cell.call()

    def measured(self, samples, repeat):
        return samples_of(self.cell.turn(samples, repeat))

    def results(self):
        return {"out": next(iter(self.cell.results().values()))}


class CrashingInProgram(InProgram):
    happens = (CRASHES, 9)


class RefusingInProgram(InProgram):
    happens = (REFUSES, 9)


class HangingInProgram(InProgram):
    happens = (HANGS, 9)

    def prepare(self, case, variant, x):
        super().prepare(case, variant, x)
        Path(os.environ["STUDY_TEST_NUMBER"]).write_text(str(self.cell.process.pid))
