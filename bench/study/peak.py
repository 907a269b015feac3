"""The compiled peak loop, and who calls it."""

from __future__ import annotations

import ctypes
import functools
import os
from pathlib import Path

from . import native

SOURCE = Path(__file__).with_name("peak.cpp")
KNOWN = "HEED_STUDY_PEAK"
FLAGS = ("-std=c++20", "-O3", "-march=native", "-fPIC", "-shared", "-pthread", "-Wno-psabi")


@functools.cache
def library() -> Path:
    """The compiled file, made where it is not there yet; a worker is told where it lies."""
    if known := os.environ.get(KNOWN):
        return Path(known)
    return native.made(SOURCE, FLAGS, suffix=".so")


class Peak:
    """peak(): GFLOP/s of multiply-adds by so many threads, just now."""

    def __init__(self, threads: int, bits: int) -> None:
        calls = ctypes.CDLL(str(library()))
        calls.study_peak.restype = calls.study_bandwidth.restype = ctypes.c_double
        self._calls, self.threads, self.bits = calls, threads, bits

    def __call__(self) -> float:
        return self._calls.study_peak(self.threads, self.bits)

    def bandwidth(self) -> float:
        """GB/s of reading."""
        return self._calls.study_bandwidth(self.threads)
