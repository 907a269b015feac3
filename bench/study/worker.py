"""The process of one implementation: it is told what to do by lines of JSON, and answers each with one.

    {"do": "begin"}                         what the peer is: versions, or why it is absent
    {"do": "prepare", "case": ...}          supported or not; compiled, and called once
    {"do": "results", "file": ...}          what the last call gave, into a file
    {"do": "turn", "samples": n, "repeat": r}
                                            n samples of r calls, each between two peak loops, after a
                                            call that is not counted
    {"do": "end"}

What systems print goes elsewhere: to the process's errors, whose last line says why it died."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from .errors import StudyError


def last_line(error: BaseException) -> str:
    """What an exception says, in one line."""
    if isinstance(error, StudyError):
        return str(error)
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


class Worker:
    def __init__(self, name: str, folder: str, threads: int) -> None:
        self.name, self.folder, self.threads = name, Path(folder), threads
        self.peer: Any = None
        self.peak: Any = None

    def begin(self, order: dict[str, Any]) -> dict[str, Any]:
        from . import peers

        begin = time.perf_counter()
        self.peer = peers.make(self.name, self.folder)
        if said := self.peer.absent():
            return {"absent": said}
        return {"versions": self.peer.versions(), "import_seconds": time.perf_counter() - begin}

    def prepare(self, order: dict[str, Any]) -> dict[str, Any]:
        from .case import Case
        from .declared import variant_of
        from .peak import Peak

        case = Case.from_json(order["case"])
        variant = variant_of(case)
        if said := self.peer.supports(case, variant):
            return {"unsupported": said}
        self.peak = Peak(case.threads, 64 if case.dtype == "float64" else 32)
        x = variant.draw(case)
        reset_peak_memory()
        begin = time.perf_counter()
        self.peer.prepare(case, variant, x)
        self.peer.run()
        seconds = time.perf_counter() - begin
        return {"prepare_seconds": seconds, "how": self.peer.how, "pools": pools()} | self.peer.facts()

    def results(self, order: dict[str, Any]) -> dict[str, Any]:
        import numpy

        found = {name: numpy.asarray(array) for name, array in self.peer.results().items()}
        numpy.savez(order["file"], **found)
        return {}

    def turn(self, order: dict[str, Any]) -> dict[str, Any]:
        found = self.peer.measured(order["samples"], order["repeat"])
        if found is not None:
            return found
        run, peak, clock = self.peer.run, self.peak, time.perf_counter
        run()
        seconds, before, after = [], [], []
        last = peak()
        for _ in range(order["samples"]):
            begin = clock()
            for _ in range(order["repeat"]):
                run()
            seconds.append((clock() - begin) / order["repeat"])
            before.append(last)
            last = peak()
            after.append(last)
        return {"seconds": seconds, "peaks_before": before, "peaks_after": after, "peak_memory_bytes": peak_memory()}

    def answer(self, order: dict[str, Any]) -> dict[str, Any]:
        try:
            return getattr(self, order["do"])(order)
        except Exception as error:  # whatever a system raises is a fact of its cell
            import traceback

            traceback.print_exc()
            return {"failed": last_line(error)}


def pools() -> list[str]:
    """The pools of threads that the process has, as far as threadpoolctl knows them."""
    try:
        import threadpoolctl
    except ModuleNotFoundError:
        return []
    found = threadpoolctl.threadpool_info()
    return sorted({f"{pool['internal_api']} {pool['version'] or ''}: {pool['num_threads']} threads" for pool in found})


def reset_peak_memory() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass


def peak_memory() -> int:
    """The most memory that the process has had at a time since it prepared, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def main() -> None:
    name, folder, threads, processors = sys.argv[1:5]
    os.sched_setaffinity(0, {int(number) for number in processors.split(",")})
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker(name, folder, int(threads))
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "end":
            break
        answers.write(json.dumps(worker.answer(order)) + "\n")
        answers.flush()
    answers.flush()
    os._exit(0)  # systems that hang in their destructors are not waited for


if __name__ == "__main__":
    main()
