"""Plain loops in C++ as one writes them first, compiled with -O3 -march=native: a row of scores at a time."""

from __future__ import annotations

import ctypes
import functools
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


SLOPES = {"softcap": f"1 - t * t / REAL({CAP * CAP:g})"}  # the derivative of a changed score t
# How the gradient g of a score reaches that of `more`: a row of a bias is one thread's, other sums are its own.
SUMS = {
    "bias": "grad_more[i * m + j] += g",
    "alibi": "of_slope += g * REAL(j - i)",
    "table": f"sums[h * {BUCKETS} + std::min<long>(i - j, {BUCKETS - 1})] += g",
}
AFTER_ROWS = {"alibi": "sums[h] += of_slope"}


def defines_of(variant: Attention, dtype: str) -> list[str]:
    """What the files are compiled with for a variant."""
    name = variant.name
    macros = {
        "REAL": {"float32": "float", "float64": "double"}[dtype],
        "MASK": MASKS.get(name, "j <= i"),
        "SCORE": SCORES.get(name, "s"),
        "SLOPE": SLOPES.get(name, "1"),
        "MORE": SUMS.get(name, "(void)0"),
        "AFTER_ROW": AFTER_ROWS.get(name, "(void)0"),
        "SINK": int(variant.has_sink),
        "OWN": int(variant.has_sink or name in ("alibi", "table")),  # sums of a thread's own, as many as `more` has
        "VARIES": int(name in SLOPES or name in SUMS),
    }
    return [f"-D{macro}={text}" for macro, text in macros.items()]


class CompiledLoops(Peer):
    """A C++ file with the functions `attend` and `differentiate`, compiled for each variant."""

    source = Path(__file__).with_name("loops.cpp")
    flags: tuple[str, ...] = FLAGS

    def versions(self) -> dict[str, str]:
        return {"compiler": Toolchain("g++").version, "flags": " ".join(self.flags)}

    def supports(self, case: Case, variant: Variant) -> str | None:
        if not isinstance(variant, Attention) or variant.has_normed:
            return "attention alone is written"
        return None

    def prepare(self, case: Case, variant: Variant, x: dict[str, numpy.ndarray]) -> None:
        """A backward pass that is measured alone has its forward pass called before."""
        extents = dict(case.extents)
        self.file = self.compile(defines_of(variant, case.dtype))
        library = ctypes.CDLL(str(self.file))
        names = [name for name in variant.inputs if name not in ("q", "k", "v", *variant.whole)]
        more = x[names[0]] if names else None
        whole = x[variant.whole[0]] if variant.whole else None
        read = [x["q"], x["k"], x["v"], more, whole]
        out = numpy.empty(variant.shape_of("out", extents), case.dtype)
        lse = numpy.empty(out.shape[:-1], case.dtype) if case.direction != "forward" else None
        group = extents.get("r", 1)
        sizes = [extents["h"] * group, group, extents["n"], extents["m"], extents["d"], extents["e"]]
        forward = functools.partial(library.attend, *arguments_of([*read, out, lse], sizes))
        self.calls, self.found = [forward], {"out": out}
        if case.direction != "forward":
            gradients = [None if a is None else numpy.empty_like(a) for a in read[:4]]
            arrays = [*read, out, lse, x["cotangent"], *gradients]
            count = 0 if more is None else more.size
            backward = functools.partial(library.differentiate, *arguments_of(arrays, [*sizes, count]))
            if case.direction == "backward":
                forward()
                self.calls, self.found = [], {}
            self.calls.append(backward)
            self.found |= {f"grad({name})": a for name, a in zip(("q", "k", "v", *names), gradients)}
            self.keep = arrays
        else:
            self.keep = [*read, out]

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
        for call in self.calls:
            call()

    def results(self) -> dict[str, Any]:
        return self.found

    def facts(self) -> dict[str, Any]:
        return {"binary_bytes": self.file.stat().st_size, "compile_seconds": self.seconds}


class Loops(CompiledLoops):
    pass


def arguments_of(arrays: list[numpy.ndarray | None], sizes: list[int]) -> list[Any]:
    """Memory, null where there is none, and numbers."""
    pointers = [ctypes.c_void_p(None if array is None else array.ctypes.data) for array in arrays]
    return [*pointers, *(ctypes.c_long(size) for size in sizes)]
