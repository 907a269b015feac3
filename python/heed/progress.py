"""A line on stderr while a compiler runs: what, and the seconds so far."""

from __future__ import annotations

import os
import sys
import threading
import time
from types import TracebackType


class Progress:
    """`with Progress("compiling variant.hpp"):` shows the line on a terminal; HEED_PROGRESS=1 and 0 decide
    otherwise."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._done = threading.Event()
        self._terminal = sys.stderr is not None and sys.stderr.isatty()
        wanted = os.environ.get("HEED_PROGRESS", "")
        self._shown = sys.stderr is not None and (wanted == "1" or self._terminal and wanted != "0")
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Progress:
        self._begin = time.monotonic()
        if self._shown:
            self._write("...")
            if self._terminal:
                self._thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, where: TracebackType | None) -> None:
        self._done.set()
        if self._shown:
            if self._terminal:
                self._thread.join()
            seconds = time.monotonic() - self._begin
            self._write(f"{'took' if kind is None else 'failed after'} {seconds:.1f} s", last=True)

    def _tick(self) -> None:
        while not self._done.wait(1):
            self._write(f"{time.monotonic() - self._begin:.0f} s")

    def _write(self, state: str, last: bool = False) -> None:
        """The line anew: over itself on a terminal, else below itself."""
        begin, end = ("\r\x1b[K", "\n" if last else "") if self._terminal else ("", "\n")
        sys.stderr.write(f"{begin}heed: {self._what} {state}{end}")
        sys.stderr.flush()
