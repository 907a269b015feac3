"""Runs a study: every case with all its implementations in turn, each in a process of its own, until the median of its
share of the peak is known well enough or its time is over."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import random
import shlex
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy

from heed.loaded import RunError

from . import gate, machine, statistics
from .case import Case
from .declared import variant_of
from .errors import StudyError
from .plan import Study
from .process import Dead, Process
from .progress import Progress
from .record import NAME, Record, Writer, read
from .variant import Variant

REPORTS = "google_benchmark.jsonl"  # beside the record: what Google Benchmark has written, a turn a line
TURN = 0.1  # seconds of an implementation before the next one's turn, about
SAMPLE = 2e-3  # a sample is at least so long: shorter calls are repeated
AGAIN = " (again)"
NOT_COUNTED = "a mask depends on values that are computed: the pairs that it leaves are not counted"


def key_of(case: Case, label: str) -> str:
    """What a record knows a cell by."""
    return f"{case.key} | {label}"


def labels_of(study: Study, implementations: list[str]) -> list[str]:
    """The implementations of a case, and the one that is measured twice."""
    return [*implementations, *([study.again + AGAIN] if study.again in implementations else [])]


@dataclass
class Cell:
    """One implementation in the case that is measured."""

    label: str
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    spent: float = 0.0
    repeat: int = 1
    turns: int = 0

    def shares(self, operations: float) -> list[float]:
        """Of the peak loop, or calls a second where no operations are counted."""
        return shares(self.seconds, self.before, self.after, operations)

    def is_done(self, study: Study, operations: float) -> bool:
        if self.spent >= study.seconds and len(self.seconds) >= 3:
            return True
        if len(self.seconds) < study.samples:
            return False
        return statistics.median(self.shares(operations)).relative <= study.interval


def calls_of_sample(seconds: float) -> int:
    """How many calls of so many seconds make a sample."""
    return max(1, math.ceil(SAMPLE / max(seconds, 1e-9)))


def shares(seconds: list[float], before: list[float], after: list[float], operations: float) -> list[float]:
    """Each sample's rate over the mean of the peaks on both sides of it."""
    return [(operations or 1e9) / t / 1e9 / ((b + a) / 2) for t, b, a in zip(seconds, before, after)]


class Conductor:
    """out: the folder of the record; only: the key of the cell to measure, or a part of the keys of several."""

    def __init__(
        self, study: Study, out: Path, *, resume: bool, only: str = "", progress: Progress | None = None
    ) -> None:
        self.study, self.out, self.only = study, out, only
        path = out / NAME
        if path.exists() and path.stat().st_size and not resume:
            raise StudyError(f"{path}: there is a record already: --resume goes on with it, --out DIR begins another")
        known = read(path) if path.exists() else Record([], {}, [])
        self.absent = {key for key, cell in known.cells.items() if cell["status"] == "absent"}  # are tried again
        self.done = set(known.cells) - self.absent
        self.broken = known.broken
        self.last_run = known.runs[-1] if known.runs else None
        self.progress = progress or Progress()
        self.processes: dict[tuple[str, int], Process] = {}
        self.run = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{random.randrange(1 << 24):06x}"
        self.writer = Writer(path)
        self.reports: Writer | None = None
        self.temporary = tempfile.TemporaryDirectory(prefix="heed-study-", ignore_cleanup_errors=True)
        self.scratch = Path(self.temporary.name)

    def __enter__(self) -> Conductor:
        return self

    def __exit__(self, *error: Any) -> None:
        for process in self.processes.values():
            process.end()
        self.temporary.cleanup()
        for writer in filter(None, (self.writer, self.reports)):
            writer.close()

    def todo(self) -> list[tuple[Case, list[str]]]:
        """Cases in the order of the seed, each with the implementations that are not in the record."""
        cases = list(self.study.cases)
        keys = {key_of(case, label) for case, names in cases for label in labels_of(self.study, names)}
        wanted = {self.only} if self.only in keys else {key for key in keys if self.only in key}
        random.Random(self.study.seed).shuffle(cases)
        left = []
        for case, implementations in cases:
            labels = [
                label for label in labels_of(self.study, implementations) if key_of(case, label) in wanted - self.done
            ]
            if labels:
                left.append((case, labels))
        return left

    def measure(self) -> int:
        """Everything that is not in the record yet; returns how many cells were written."""
        left = self.todo()
        if self.only and not left and not self.done:
            raise StudyError(f"--only '{self.only}' fits no cell of {self.study.path}")
        for sentence in self.broken:
            self.progress.say(sentence)
        if not left:
            return 0
        here = machine.block()
        for sentence in self.differences(here):
            self.progress.say(sentence)
        self.writer.write(
            "run",
            run=self.run,
            study=self.study.name,
            title=self.study.title,
            text=self.study.text,
            seed=self.study.seed,
            settings={k: getattr(self.study, k) for k in ("seconds", "samples", "interval", "again")},
            machine=here,
        )
        self.progress.begin(self.study, sum(len(labels) for _, labels in left), len(left))
        begun = self.writer.count
        for case, labels in left:
            self.measure_case(case, labels)
        self.progress.end()
        return self.writer.count - begun

    def differences(self, here: dict[str, Any]) -> list[str]:
        """What a record that is gone on with was made with, and is not so now."""
        if self.last_run is None:
            return []
        before = self.last_run.get("machine", {})
        found = [
            f"{name} differs from the record's last run: {before.get(name)!r} there, {here.get(name)!r} here"
            for name in ("processor", "processors", "compilers", "revision")
            if before.get(name) != here.get(name)
        ]
        if self.last_run.get("text") != self.study.text:
            found.append(f"{self.study.path} differs from what the record's last run read")
        return [f"{self.out / NAME}: {sentence}" for sentence in found]

    def measure_case(self, case: Case, labels: list[str]) -> None:
        self.progress.case(case)
        self.progress.doing("drawing operands")
        cells = [Cell(label) for label in labels]
        variant, operations = variant_of(case), 0.0
        self.case_facts: dict[str, Any] = {}
        here = len(os.sched_getaffinity(0))
        if case.threads > here:
            for cell in cells:
                self.leave(cell, "unsupported", f"{case.threads} threads want as many processors, here are {here}")
                self.write(case, cell)
            self.progress.case_done(case, cells, 0.0)
            return
        try:
            x = variant.draw(case)
            operations = variant.operations(case, x)
            self.case_facts = {"bytes": variant.bytes(case, x)}
            if math.isnan(operations):
                operations = 0.0
                self.case_facts["no_share"] = NOT_COUNTED
            self.case_facts["operations"] = operations
            del x
        except (StudyError, RunError, MemoryError) as error:  # a header that does not compile, a case too large
            for cell in cells:
                self.leave(cell, "failed", str(error).splitlines()[0] if str(error) else "out of memory")
                self.write(case, cell)
            self.progress.case_done(case, cells, 0.0)
            return
        random.Random(f"{self.study.seed} {case.key}").shuffle(cells)
        ready = []
        for cell in cells:
            self.progress.doing(f"{cell.label}: preparing")
            if self.prepare(case, variant, cell):
                ready.append(cell)
            else:
                self.write(case, cell)
        busy, own = machine.busy_seconds(), self.own_seconds(case, cells)
        begin = time.monotonic()
        while ready:
            for cell in list(ready):  # one after the other, and again: ABAB
                self.progress.doing(f"{cell.label}: measuring")
                status = self.turn(case, cell)
                if status is None and not cell.is_done(self.study, operations):
                    continue
                ready.remove(cell)
                if status is None:
                    cell.facts["status"] = "measured"
                passed = max(time.monotonic() - begin, 1e-9)
                others = machine.busy_seconds() - busy - (self.own_seconds(case, cells) - own)
                cell.facts["others"] = round(max(others, 0.0) / passed, 3)
                self.write(case, cell)
        self.progress.case_done(case, cells, operations)

    def own_seconds(self, case: Case, cells: list[Cell]) -> float:
        processes = [self.processes.get((cell.label, case.threads)) for cell in cells]
        return time.process_time() + machine.seconds_of({process.number for process in processes if process})

    def process_of(self, case: Case, cell: Cell) -> Process:
        """The process of an implementation on this many threads: a new one where there is none, or none any more."""
        key = (cell.label, case.threads)
        process = self.processes.get(key)
        if process is None or not (process.is_alive or process.absent):
            name = cell.label.removesuffix(AGAIN)
            log = self.out / "logs" / f"{''.join(c if c.isalnum() else '_' for c in cell.label)}.{case.threads}.log"
            process = self.processes[key] = Process(name, self.study.folder, case.threads, log, self.scratch)
            answer = process.ask(self.study.patience, do="begin")
            process.versions = answer.get("versions", {})
            if "absent" in answer or "failed" in answer:
                process.absent = answer.get("absent") or answer["failed"]
                process.end()
        return process

    def prepare(self, case: Case, variant: Variant, cell: Cell) -> bool:
        """Compiled, and right; else the cell says what it is."""
        try:
            process = self.process_of(case, cell)
            cell.facts["versions"] = process.versions
            if process.absent:
                return self.leave(cell, "absent", process.absent)
            gate_case = variant.gate_case(case)
            answer = process.ask(self.study.patience, do="prepare", case=gate_case.as_json())
            for status in ("unsupported", "failed"):
                if status in answer:
                    return self.leave(cell, status, answer[status])
            cell.facts |= answer
            if not self.passes_gate(gate_case, variant, cell, process):
                return False
            if gate_case != case:
                answer = process.ask(self.study.patience, do="prepare", case=case.as_json())
                if "failed" in answer:
                    return self.leave(cell, "failed", answer["failed"])
                cell.facts |= {key: value for key, value in answer.items() if key != "prepare_seconds"}
            if self.study.warm:
                cell.facts["warm_seconds"] = self.warm(case, cell)
            return True
        except Dead as why:
            return self.leave(cell, "failed", str(why))

    def leave(self, cell: Cell, status: str, reason: str) -> bool:
        cell.facts |= {"status": status, "reason": reason}
        return False

    def passes_gate(self, case: Case, variant: Variant, cell: Cell, process: Process) -> bool:
        """Compares what the implementation gives with the evaluation in double."""
        file = self.scratch / "results.npz"
        answer = process.ask(self.study.patience, do="results", file=str(file))
        if "failed" in answer:
            return self.leave(cell, "failed", answer["failed"])
        with numpy.load(file) as found:
            got = {name: found[name] for name in found.files}
        file.unlink()
        error = gate.error_of(got, self.expected(case, variant))
        cell.facts |= {
            "error": {"largest": error.largest, "rms": error.rms, "array": error.array, "bound": gate.BOUND},
            "gate": "the formula, in double" if variant.has_formula else "heed's evaluation in double",
            "gate_shape": case.shape,
        }
        if not error.is_right:
            return self.leave(
                cell,
                "wrong",
                f"{error.array} is off by {error.largest:.3g} units in the last place, more than {gate.BOUND:g}",
            )
        return True

    def expected(self, case: Case, variant: Variant) -> dict[str, numpy.ndarray]:
        """Kept for all implementations of a case."""
        if getattr(self, "_expected_key", None) != (key := (case.variant, case.shape, case.direction, case.dtype)):
            self.progress.doing("evaluating in double")
            self._expected = variant.expected(case, variant.draw(case))
            self._expected_key = key
        return self._expected

    def warm(self, case: Case, cell: Cell) -> float | None:
        """Seconds to the first result in a new process, with what the first has left on disk."""
        log = self.out / "logs" / "warm.log"
        process = Process(cell.label.removesuffix(AGAIN), self.study.folder, case.threads, log, self.scratch)
        try:
            process.ask(self.study.patience, do="begin")
            return process.ask(self.study.patience, do="prepare", case=case.as_json()).get("prepare_seconds")
        except Dead:
            return None
        finally:
            process.end()

    def turn(self, case: Case, cell: Cell) -> str | None:
        """Some samples more; the status where that failed."""
        process = self.processes[(cell.label, case.threads)]
        typical = float(numpy.median(cell.seconds)) if cell.seconds else 0.0
        count = min(max(int(TURN / max(typical * cell.repeat, SAMPLE)), 1), 10) if cell.seconds else 1
        begin = time.monotonic()
        try:
            answer = process.ask(self.study.patience, do="turn", samples=count, repeat=cell.repeat)
        except Dead as why:
            answer = {"failed": str(why)}
        cell.spent += time.monotonic() - begin
        if "failed" in answer:
            self.leave(cell, "failed", answer["failed"])
            return "failed"
        if not cell.turns:  # the first turn says how long a call is, and counts only where it is long
            cell.repeat = calls_of_sample(answer["seconds"][0])
        counts = bool(cell.turns) or cell.repeat == 1
        if "report" in answer:
            self.keep_report(case, cell, answer, counts)
        if counts:
            cell.seconds += answer["seconds"]
            cell.before += answer["peaks_before"]
            cell.after += answer["peaks_after"]
        cell.turns += 1
        cell.facts["peak_memory_bytes"] = answer["peak_memory_bytes"]
        return None

    def keep_report(self, case: Case, cell: Cell, answer: dict[str, Any], counts: bool) -> None:
        """What Google Benchmark has written of a turn, as it stands: the record's samples are taken from it."""
        if self.reports is None:
            self.reports = Writer(self.out / REPORTS)
        key = key_of(case, cell.label)
        self.reports.write("report", run=self.run, key=key, counts=counts, report=answer["report"])
        cell.facts.setdefault("google_benchmark", answer["google_benchmark"])

    def write(self, case: Case, cell: Cell) -> None:
        """The cell's line."""
        key = key_of(case, cell.label)
        self.progress.cell_done()
        if cell.facts["status"] == "absent" and key in self.absent:
            return
        samples: dict[str, Any] = {}
        if cell.facts["status"] == "measured":
            samples = {
                "seconds": cell.seconds,
                "peaks_before": cell.before,
                "peaks_after": cell.after,
                "repeat": cell.repeat,
                "turns": cell.turns,
            }
        again = f"build/again/{hashlib.sha256(key.encode()).hexdigest()[:8]}"
        self.writer.write(
            "cell",
            key=key,
            run=self.run,
            case=case.as_json(),
            variant_title=variant_of(case).title,
            implementation=cell.label,
            **cell.facts,
            **samples,
            **self.case_facts,
            command=f"./dev study {shlex.quote(self.study.name)} --only {shlex.quote(key)} --out {again}",
        )
        self.done.add(key)


def measure(study: Study, out: Path, *, resume: bool = False, only: str = "", progress: Progress | None = None) -> int:
    """Measures a study into a folder; how many cells were written."""
    with contextlib.ExitStack() as stack:
        conductor = stack.enter_context(Conductor(study, out, resume=resume, only=only, progress=progress))
        return conductor.measure()
