"""A variant: what is computed, said twice and independently. Its header declares it for heed; its formula, in the few
operations of tape.Numpy, is what every other system computes and what decides whether a result is right."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy

from . import evaluation
from .case import DIRECTIONS, Case
from .errors import StudyError

FOLDER = Path(__file__).resolve().parent / "variants"


class Variant:
    """name       what a study calls it
    title      what it is, for tables
    header     of heed's declaration, in which `out` is the result
    axes       that a shape gives, with what they are without being given: a number, or another axis
    inputs     name -> axes, in which integers stand for themselves
    wrt        inputs with gradients
    whole      inputs of whole numbers
    """

    name = ""
    title = ""
    axes: dict[str, int | str] = {}
    inputs: dict[str, tuple[str | int, ...]] = {}
    wrt: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    result: tuple[str | int, ...] = ()
    head: str | None = None  # the axis along which a formula may be evaluated piece by piece
    expression = "out"  # of the header, in its namespace `study`
    has_formula = True
    has_reference = False  # heed's evaluation in double is compiled in

    @property
    def header(self) -> Path:
        return FOLDER / f"{self.name}.hpp"

    def kernel(self, gradients: bool) -> Any:
        """What heed's generator makes of the header, called `study`."""
        from heed.build import Kernel

        return Kernel("study", self.expression, self.wrt if gradients else (), "study")

    @property
    def directions(self) -> tuple[str, ...]:
        return DIRECTIONS if self.wrt else DIRECTIONS[:1]

    def gate_case(self, case: Case) -> Case:
        """The case in which results are compared: the same, where that is no matter of minutes."""
        return case

    def expected(self, case: Case, x: dict[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        """name -> array in double of what the case gives."""
        return evaluation.expected(self, case, x)

    def extents(self, given: dict[str, Any], place: str) -> tuple[tuple[str, int], ...]:
        """The extents of all axes, from those that a study gives; StudyError with its place."""
        for axis, extent in given.items():
            if axis not in self.axes:
                raise StudyError(
                    f"{place}: variant '{self.name}' has no axis '{axis}': there are {', '.join(self.axes)}"
                )
            if not isinstance(extent, int) or isinstance(extent, bool) or extent < 1:
                raise StudyError(f"{place}: axis '{axis}' wants a whole number of at least 1, not {extent!r}")
        known = self.axes | given
        for axis in self.axes:
            while isinstance(known[axis], str):
                known[axis] = known[known[axis]]
        found = {axis: known[axis] for axis in self.axes}
        if said := self.misfit(found):
            raise StudyError(f"{place}: variant '{self.name}': {said}")
        return tuple(found.items())

    def misfit(self, extents: dict[str, int]) -> str:
        """What is wrong with these extents; nothing is an empty text."""
        return ""

    def shape_of(self, name: str, extents: dict[str, int]) -> tuple[int, ...]:
        """The shape of an input, or of the result."""
        axes = self.result if name == "out" else self.inputs[name]
        return tuple(axis if isinstance(axis, int) else extents[axis] for axis in axes)

    def draw(self, case: Case) -> dict[str, numpy.ndarray]:
        """All operands and the cotangent: normal numbers, the same in every process."""
        extents = dict(case.extents)
        random = numpy.random.default_rng(case.seed)
        x = {}
        for name in self.inputs:
            shape = self.shape_of(name, extents)
            given = self.value_of(name, shape, random)
            if name in self.whole:
                x[name] = numpy.asarray(given, numpy.int32)
            else:
                x[name] = numpy.asarray(random.standard_normal(shape) if given is None else given, case.dtype)
        x["cotangent"] = numpy.asarray(random.standard_normal(self.shape_of("out", extents)), case.dtype)
        return x

    def value_of(self, name: str, shape: tuple[int, ...], random: Any) -> Any:
        """Values of an input that normal numbers do not fit; None otherwise."""
        return None

    def formula(self, x: dict[str, Any], ops: Any) -> Any:
        """The result, from arrays of whatever system `ops` belongs to."""
        raise NotImplementedError

    def multiplications(self, extents: dict[str, int], x: dict[str, numpy.ndarray]) -> tuple[float, float]:
        """Multiply-adds of the products over pairs, and of all other products, that a forward pass needs."""
        raise NotImplementedError

    def operations(self, case: Case, x: dict[str, numpy.ndarray]) -> float:
        """Useful floating-point operations. Backward, five products over pairs stand for two (the scores are computed
        again), and two other products for one."""
        pairs, others = self.multiplications(dict(case.extents), x)
        forward, backward = 2 * (pairs + others), 2 * (2.5 * pairs + 2 * others)
        return {"forward": forward, "backward": backward, "step": forward + backward}[case.direction]

    def bytes(self, case: Case, x: dict[str, numpy.ndarray]) -> int:
        """What has to be read and written at least: every operand and result once."""
        inputs = sum(x[name].nbytes for name in self.inputs)
        out = x["cotangent"].nbytes
        gradients = sum(x[name].nbytes for name in self.wrt)
        return {
            "forward": inputs + out,
            "backward": inputs + out + gradients,
            "step": 2 * inputs + 2 * out + gradients,
        }[case.direction]


class Attention(Variant):
    """Attention over h heads, n queries, m keys, widths d and e: softmax of scores, which may be changed and masked,
    times values. `mask(i, j, x)` and `score(s, h, i, j, x, ops)` say it element by element, in operators that arrays
    of every system and FlexAttention's indices have."""

    axes = {"h": 4, "n": 512, "m": "n", "d": 64, "e": "d"}
    more: dict[str, tuple[str | int, ...]] = {}
    result = ("h", "n", "e")
    head = "h"
    mask: Callable[..., Any] | None = None
    score: Callable[..., Any] | None = None
    is_causal = False  # the mask is m <= n and nothing else
    has_sink = False
    has_normed = False  # queries and keys are divided by their norms

    def __init_subclass__(cls) -> None:
        if "inputs" not in vars(cls):
            cls.inputs = {"q": ("h", "n", "d"), "k": ("h", "m", "d"), "v": ("h", "m", "e")} | cls.more
        if "wrt" not in vars(cls):
            cls.wrt = tuple(name for name in cls.inputs if name not in cls.whole)

    def scale(self, width: int) -> float:
        return 1 / math.sqrt(width)

    def operands(self, x: dict[str, Any], ops: Any) -> tuple[Any, Any, Any]:
        """Queries, keys and values as they enter the products."""
        return x["q"], x["k"], x["v"]

    def scores(self, x: dict[str, Any], ops: Any) -> Any:
        """What softmax sees, -inf where nothing is seen."""
        q, k, _ = self.operands(x, ops)
        s = ops.matmul(q, ops.swap(k)) * self.scale(q.shape[-1])
        i, j = ops.arange(q.shape[-2])[:, None], ops.arange(k.shape[-2])[None, :]
        heads = ops.arange(s.shape[0]).reshape(-1, *[1] * (s.ndim - 1))
        if self.score is not None:
            s = self.score(s, heads, i, j, x, ops)
        if self.mask is not None:
            s = ops.where(self.mask(i, j, x), s, -math.inf)
        return s

    def formula(self, x: dict[str, Any], ops: Any) -> Any:
        sink = x["sink"].reshape(-1, 1, 1) if self.has_sink else None
        return ops.matmul(ops.softmax(self.scores(x, ops), sink), self.operands(x, ops)[2])

    def pairs(self, extents: dict[str, int], x: dict[str, numpy.ndarray]) -> float:
        """How many pairs of a query and a key the mask leaves, in one head."""
        n, m = extents["n"], extents["m"]
        if self.mask is None:
            return n * m
        j = numpy.arange(m)[None, :]
        return float(
            sum(
                numpy.count_nonzero(self.mask(numpy.arange(i, min(i + 256, n))[:, None], j, x))
                for i in range(0, n, 256)
            )
        )

    def multiplications(self, extents: dict[str, int], x: dict[str, numpy.ndarray]) -> tuple[float, float]:
        heads = math.prod(x["q"].shape[:-2])
        return heads * self.pairs(extents, x) * (extents["d"] + extents["e"]), 0.0
