"""The compiled peak loop, and who calls it."""

from __future__ import annotations

import ctypes
import functools
import os
import subprocess
import tempfile
from pathlib import Path

from heed import cache
from heed.headers import heed_include
from heed.toolchain import resolved_flags

from .errors import StudyError
from .places import KERNELS

SOURCE = Path(__file__).with_name("peak.cpp")
KNOWN = "HEED_STUDY_PEAK"
FLAGS = ("-std=c++20", "-O3", "-march=native", "-fPIC", "-shared", "-pthread", "-Wno-psabi")


@functools.cache
def library() -> Path:
    """The compiled file, made where it is not there yet; a worker is told where it lies."""
    if known := os.environ.get(KNOWN):
        return Path(known)
    key = cache.digest(SOURCE.read_text(), cache.digest_of_folder(heed_include()), *resolved_flags("g++", "native"))[
        :24
    ]
    path = KERNELS / f"peak-{key}.so"
    if not path.exists():
        KERNELS.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=KERNELS, suffix=".so", delete=False) as file:
            made = subprocess.run(
                ["g++", *FLAGS, f"-I{heed_include()}", str(SOURCE), "-o", file.name], capture_output=True, text=True
            )
            if made.returncode:
                os.unlink(file.name)
                raise StudyError(f"{SOURCE}: g++ does not compile the peak loop: {made.stderr.strip().splitlines()[0]}")
            os.replace(file.name, path)
    return path


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
