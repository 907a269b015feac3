"""What is right: results and gradients of a case, evaluated in double from the variant's formula, and how far others
may be off. Nothing that is further off is ever given a time."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy

from .case import Case
from .tape import Numpy, Tracked
from .variant import Variant

BOUND = 256.0  # units in the last place of the largest value of an array, as heed-run --verify has it


class Error(NamedTuple):
    """How far a case's arrays are off, in units in the last place of each array's largest value."""

    largest: float
    rms: float
    array: str  # the worst

    @property
    def is_right(self) -> bool:
        return self.largest <= BOUND


def wanted_names(variant: Variant, direction: str) -> list[str]:
    """The arrays that a case gives: out, grad(q), ..."""
    gradients = [f"grad({name})" for name in variant.wrt]
    return {"forward": ["out"], "backward": gradients, "step": ["out", *gradients]}[direction]


def expected(variant: Variant, case: Case, x: dict[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
    """name -> array in double of what the case gives; head by head where that is the same, for pairs are stored."""
    heads = x["cotangent"].shape[0] if variant.head else 1
    pieces: list[dict[str, numpy.ndarray]] = []
    for head in range(heads):
        piece = {name: _piece(variant, name, a, head) for name, a in x.items()}
        pieces.append(_evaluated(variant, case, piece))
    found = {}
    for name in wanted_names(variant, case.direction):
        source = name.removeprefix("grad(").removesuffix(")")
        axes = variant.result if name == "out" else variant.inputs[source]
        is_split = variant.head is not None and axes[:1] == (variant.head,)
        arrays = [piece[name] for piece in pieces]
        found[name] = numpy.concatenate(arrays) if is_split else sum(arrays[1:], arrays[0])
    return found


def _piece(variant: Variant, name: str, array: numpy.ndarray, head: int) -> numpy.ndarray:
    axes = variant.result if name == "cotangent" else variant.inputs[name]
    return array[head : head + 1] if variant.head is not None and axes[:1] == (variant.head,) else array


def _evaluated(variant: Variant, case: Case, x: dict[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
    cotangent = numpy.asarray(x["cotangent"], numpy.float64)
    inputs: dict[str, Any] = {}
    for name in variant.inputs:
        inputs[name] = x[name] if name in variant.whole else Tracked(numpy.asarray(x[name], numpy.float64))
    out = variant.formula(inputs, Numpy())
    found = {"out": out.value}
    if case.direction != "forward":
        out.backward(cotangent)
        for name in variant.wrt:
            gradient = inputs[name].gradient
            found[f"grad({name})"] = numpy.zeros(x[name].shape) if gradient is None else gradient
    return found


def error_of(got: dict[str, numpy.ndarray], wanted: dict[str, numpy.ndarray]) -> Error:
    """The worst of all arrays. What is missing, of another shape or not finite is infinitely wrong; what is 0 by
    cancelling is measured by the function's largest value, a sixteenth of it."""
    worst = Error(0.0, 0.0, next(iter(wanted), ""))
    least = max((float(numpy.abs(a).max()) for a in wanted.values() if a.size), default=0.0) / 16
    for name, right in wanted.items():
        if name not in got or got[name].shape != right.shape or not numpy.isfinite(got[name]).all():
            return Error(float("inf"), float("inf"), name)
        off = numpy.abs(got[name].astype(numpy.float64) - right)
        largest = max(float(numpy.abs(right).max()) if right.size else 0.0, least)
        unit = float(numpy.spacing(numpy.asarray(largest, got[name].dtype))) if largest else 1.0
        error = Error(
            float(off.max(initial=0.0)) / unit, float(numpy.sqrt((off**2).mean())) / unit if off.size else 0.0, name
        )
        worst = max(worst, error)
    return worst
