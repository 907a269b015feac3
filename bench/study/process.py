"""The process of an implementation, from outside: started, asked, given up."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from . import peak
from .places import KERNELS, ROOT

# What decides how many threads a system takes, and how they wait. What would slow some of them down is
# taken out.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
REMOVED = ("OPENBLAS_CORETYPE", "OMP_PROC_BIND", "OMP_PLACES", "OMP_WAIT_POLICY", "GOMP_CPU_AFFINITY")


class Dead(Exception):
    """Why a process does not answer."""


class Process:
    """One implementation on so many threads, on as many processors. What compilers keep for a next time lies in
    `scratch`, so that a study begins without it."""

    def __init__(self, name: str, folder: Path, threads: int, log: Path, scratch: Path) -> None:
        self.name, self.log = name, log
        processors = sorted(os.sched_getaffinity(0))[:threads]
        environment = {key: value for key, value in os.environ.items() if key not in REMOVED}
        environment |= {key: str(threads) for key in THREADS}
        environment["PYTHONPATH"] = os.pathsep.join(
            [str(ROOT / "bench"), str(ROOT / "python"), *filter(None, [os.environ.get("PYTHONPATH")])]
        )
        environment["HEED_CACHE_DIR"] = str(KERNELS / "package")
        environment["HEED_PROGRESS"] = "0"
        environment["TMPDIR"] = str(scratch)
        environment["TORCHINDUCTOR_CACHE_DIR"] = str(scratch / "inductor")
        environment[peak.KNOWN] = str(peak.library())
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "study.worker", name, str(folder), str(threads), ",".join(map(str, processors))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                start_new_session=True,  # Ctrl-C is for the command alone
            )
        self.number = self._process.pid
        self._begun = b""
        self.versions: dict[str, str] = {}
        self.absent: str | None = None

    def ask(self, patience: float, **order: Any) -> dict[str, Any]:
        """The answer to an order; Dead where there is none."""
        try:
            self._process.stdin.write((json.dumps(order) + "\n").encode())
            self._process.stdin.flush()
        except OSError:
            raise Dead(self._how_it_ended()) from None
        end = time.monotonic() + patience
        while b"\n" not in self._begun:
            if not select.select([self._process.stdout], [], [], max(end - time.monotonic(), 0))[0]:
                self.end()
                raise Dead(f"no answer within {patience:g} s")
            more = os.read(self._process.stdout.fileno(), 1 << 16)
            if not more:
                raise Dead(self._how_it_ended())
            self._begun += more
        line, _, self._begun = self._begun.partition(b"\n")
        return json.loads(line)

    def _how_it_ended(self) -> str:
        """A sentence about a process that is no more: signal or status, and the last that it said."""
        try:
            code = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.end()
            return "closed its answers"
        how = f"crashed: {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return f"{how}{': ' + lines[-1].strip()[:200] if lines and code >= 0 else ''}"

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        """Ends the process and what it has started."""
        if self.is_alive:
            try:
                os.killpg(self.number, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            try:
                pipe.close()
            except OSError:
                pass
