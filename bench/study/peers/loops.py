"""Plain loops in C++ as one writes them first, compiled with -O3 -march=native: forward, a row of scores at a time."""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy

from heed import cache
from heed.toolchain import Toolchain, resolved_flags

from ..case import Case
from ..catalogue import BUCKETS, CAP, WINDOW
from ..places import KERNELS
from ..variant import Attention, Variant
from .peer import Peer

FLAGS = ("-std=c++20", "-O3", "-march=native", "-fopenmp", "-fPIC", "-shared")
# What a variant changes of a score, and which keys it lets through; `more` is its further operand.
MASKS = {
    "window": f"j <= i && i - j < {WINDOW}",
    "documents": "j <= i && whole[i] == whole[j]",
    "prefix": "j <= i || j < whole[0]",
    "full": "true",
    "bias": "true",
    "cross": "true",
}
SCORES = {
    "bias": "s + more[i * m + j]",
    "alibi": "s + more[h] * REAL(j - i)",
    "softcap": f"{CAP:g} * std::tanh(s / REAL({CAP:g}))",
    "table": f"s + more[h * {BUCKETS} + std::min<long>(i - j, {BUCKETS - 1})]",
}


class CompiledLoops(Peer):
    """A C++ file with one function `attend`, compiled for each variant."""

    source = Path(__file__).with_name("loops.cpp")
    flags: tuple[str, ...] = FLAGS

    def versions(self) -> dict[str, str]:
        return {"compiler": Toolchain("g++").version, "flags": " ".join(self.flags)}

    def supports(self, case: Case, variant: Variant) -> str | None:
        if not isinstance(variant, Attention) or variant.has_normed:
            return "attention alone is written"
        return "forward alone is written" if case.direction != "forward" else None

    def prepare(self, case: Case, variant: Variant, x: dict[str, numpy.ndarray]) -> None:
        extents = dict(case.extents)
        real = {"float32": "float", "float64": "double"}[case.dtype]
        mask, score = MASKS.get(variant.name, "j <= i"), SCORES.get(variant.name, "s")
        self.file = self.compile(
            [f"-DREAL={real}", f"-DMASK={mask}", f"-DSCORE={score}", f"-DSINK={int(variant.has_sink)}"]
        )
        self.call = ctypes.CDLL(str(self.file)).attend
        more = [x[name] for name in variant.inputs if name not in ("q", "k", "v", *variant.whole)]
        whole = [x[name] for name in variant.whole]
        self.out = numpy.empty(variant.shape_of("out", extents), case.dtype)
        group = extents.get("r", 1)
        arrays = [x["q"], x["k"], x["v"], more[0] if more else None, whole[0] if whole else None, self.out]
        self.keep = arrays
        pointers = [ctypes.c_void_p(array.ctypes.data if array is not None else None) for array in arrays]
        sizes = [extents["h"] * group, group, extents["n"], extents["m"], extents["d"], extents["e"]]
        self.arguments = (*pointers, *(ctypes.c_long(size) for size in sizes))

    def compile(self, defines: list[str]) -> Path:
        """The library, found again where it was made before, with the seconds that it took then."""
        key = cache.digest(self.source.read_text(), *defines, *self.flags, *resolved_flags("g++", "native"))[:24]
        path = KERNELS / f"{self.source.stem}-{key}.so"
        seconds = path.with_suffix(".seconds")
        if not seconds.exists():
            begin = time.monotonic()
            KERNELS.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=KERNELS, suffix=".so", delete=False) as file:
                subprocess.run(["g++", *self.flags, *defines, str(self.source), "-o", file.name], check=True)
                os.replace(file.name, path)
            seconds.write_text(str(time.monotonic() - begin))
        self.seconds = float(seconds.read_text())
        return path

    def run(self) -> None:
        self.call(*self.arguments)

    def results(self) -> dict[str, Any]:
        return {"out": self.out}

    def facts(self) -> dict[str, Any]:
        return {"binary_bytes": self.file.stat().st_size, "compile_seconds": self.seconds}


class Loops(CompiledLoops):
    pass
