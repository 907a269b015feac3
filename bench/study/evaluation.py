"""What is right: results and gradients of a case, evaluated in double from the variant's formula."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy

from .case import Case
from .tape import Numpy, Tracked

if TYPE_CHECKING:
    from .variant import Variant


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
