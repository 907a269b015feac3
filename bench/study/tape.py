"""Formulas evaluated in double by numpy, and their gradients: reverse accumulation over the few operations that
formulas use. It shares nothing with what it judges.

    x = {name: Tracked(array)}
    out = variant.formula(x, Numpy())
    out.backward(cotangent)
    x["q"].gradient
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy

Pullback = Callable[[numpy.ndarray], numpy.ndarray]


def summed_to(gradient: numpy.ndarray, shape: tuple[int, ...]) -> numpy.ndarray:
    """The sum over the axes along which an operand of this shape was repeated."""
    gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))
    repeated = tuple(k for k, extent in enumerate(shape) if extent == 1 and gradient.shape[k] != 1)
    return gradient.sum(axis=repeated, keepdims=True) if repeated else gradient


class Tracked:
    """An array and what it was computed from."""

    __array_ufunc__ = None  # numpy leaves `array + tracked` to this class

    def __init__(self, value: Any, parents: tuple[tuple[Tracked, Pullback], ...] = ()) -> None:
        self.value = numpy.asarray(value)
        self.parents = parents
        self.gradient: numpy.ndarray | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def ndim(self) -> int:
        return self.value.ndim

    def backward(self, cotangent: numpy.ndarray) -> None:
        """Leaves the gradient of sum(cotangent * self) in everything that this was computed from."""
        order: list[Tracked] = []
        seen: set[int] = set()
        stack: list[tuple[Tracked, bool]] = [(self, False)]
        while stack:
            node, is_done = stack.pop()
            if is_done:
                order.append(node)
            elif id(node) not in seen:
                seen.add(id(node))
                stack.append((node, True))
                stack.extend((parent, False) for parent, _ in node.parents)
        self.gradient = numpy.asarray(cotangent, numpy.float64)
        for node in reversed(order):
            for parent, pullback in node.parents:
                more = pullback(node.gradient)
                parent.gradient = more if parent.gradient is None else parent.gradient + more
            if node.parents:
                node.gradient = None  # memory

    def __add__(self, other: Any) -> Tracked:
        other = tracked(other)
        return Tracked(
            self.value + other.value,
            ((self, lambda g: summed_to(g, self.shape)), (other, lambda g: summed_to(g, other.shape))),
        )

    def __mul__(self, other: Any) -> Tracked:
        other = tracked(other)
        return Tracked(
            self.value * other.value,
            (
                (self, lambda g: summed_to(g * other.value, self.shape)),
                (other, lambda g: summed_to(g * self.value, other.shape)),
            ),
        )

    def __truediv__(self, other: Any) -> Tracked:
        other = tracked(other)
        return Tracked(
            self.value / other.value,
            (
                (self, lambda g: summed_to(g / other.value, self.shape)),
                (other, lambda g: summed_to(-g * self.value / other.value**2, other.shape)),
            ),
        )

    def __neg__(self) -> Tracked:
        return self * -1.0

    def __sub__(self, other: Any) -> Tracked:
        return self + -tracked(other)

    def __rsub__(self, other: Any) -> Tracked:
        return tracked(other) - self

    def __rtruediv__(self, other: Any) -> Tracked:
        return tracked(other) / self

    __radd__ = __add__
    __rmul__ = __mul__

    def __getitem__(self, index: Any) -> Tracked:
        def pullback(g: numpy.ndarray) -> numpy.ndarray:
            whole = numpy.zeros(self.shape)
            numpy.add.at(whole, index, g)
            return whole

        return Tracked(self.value[index], ((self, pullback),))

    def reshape(self, *shape: int) -> Tracked:
        return Tracked(self.value.reshape(*shape), ((self, lambda g: g.reshape(self.shape)),))


def tracked(value: Any) -> Tracked:
    """What is no Tracked yet has no parents."""
    return value if isinstance(value, Tracked) else Tracked(value)


class Operations:
    """What is composed of the operations that each system has, in the same way for all."""

    def layer_norm(self, x: Any, gain: Any, shift: Any, epsilon: float) -> Any:
        width = x.shape[-1]
        x = x - self.sum(x) / width
        return x / self.sqrt(self.sum(x * x) / width + epsilon) * gain + shift

    def rms_norm(self, x: Any, gain: Any, epsilon: float) -> Any:
        return x / self.sqrt(self.sum(x * x) / x.shape[-1] + epsilon) * gain

    def gelu_tanh(self, x: Any) -> Any:
        return x * 0.5 * (1.0 + self.tanh((x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)))

    def silu(self, x: Any) -> Any:
        return x / (1.0 + self.exp(-x))

    def attention(self, q: Any, k: Any, v: Any, causal: bool) -> Any:
        """Over the last two axes, scaled."""
        s = self.matmul(q, self.swap(k)) * (1 / math.sqrt(q.shape[-1]))
        if causal:
            s = self.where(self.arange(k.shape[-2])[None, :] <= self.arange(q.shape[-2])[:, None], s, -math.inf)
        return self.matmul(self.softmax(s), v)


class Numpy(Operations):
    """The operations that a formula may use; torch and JAX have classes with the same members, so that every system
    computes what one text says."""

    def arange(self, n: int) -> numpy.ndarray:
        return numpy.arange(n)

    def matmul(self, a: Any, b: Any) -> Tracked:
        """Over the last two axes, others as numpy repeats them."""
        a, b = tracked(a), tracked(b)
        return Tracked(
            a.value @ b.value,
            (
                (a, lambda g: summed_to(g @ b.value.swapaxes(-1, -2), a.shape)),
                (b, lambda g: summed_to(a.value.swapaxes(-1, -2) @ g, b.shape)),
            ),
        )

    def swap(self, a: Any, first: int = -1, second: int = -2) -> Tracked:
        a = tracked(a)
        return Tracked(a.value.swapaxes(first, second), ((a, lambda g: g.swapaxes(first, second)),))

    def where(self, condition: Any, a: Any, b: float) -> Tracked:
        """a where the condition holds, else a number."""
        a = tracked(a)
        return Tracked(
            numpy.where(condition, a.value, b), ((a, lambda g: summed_to(numpy.where(condition, g, 0), a.shape)),)
        )

    def exp(self, a: Any) -> Tracked:
        a = tracked(a)
        e = numpy.exp(a.value)
        return Tracked(e, ((a, lambda g: g * e),))

    def tanh(self, a: Any) -> Tracked:
        a = tracked(a)
        t = numpy.tanh(a.value)
        return Tracked(t, ((a, lambda g: g * (1 - t * t)),))

    def sqrt(self, a: Any) -> Tracked:
        a = tracked(a)
        r = numpy.sqrt(a.value)
        return Tracked(r, ((a, lambda g: g / (2 * r)),))

    def sum(self, a: Any) -> Tracked:
        """Along the last axis, which stays with one element."""
        a = tracked(a)
        return Tracked(a.value.sum(-1, keepdims=True), ((a, lambda g: numpy.broadcast_to(g, a.shape)),))

    def maximum(self, a: Any, b: float) -> Tracked:
        a = tracked(a)
        return Tracked(numpy.maximum(a.value, b), ((a, lambda g: numpy.where(a.value > b, g, 0)),))

    def softmax(self, s: Any, sink: Any = None) -> Tracked:
        """Along the last axis; -inf has no weight, a row of it alone is 0. `sink` is one more score, whose weight goes
        nowhere."""
        s = tracked(s)
        top = s.value.max(-1, keepdims=True)
        if sink is not None:
            sink = tracked(sink)
            top = numpy.maximum(top, sink.value)
        top = numpy.where(numpy.isfinite(top), top, 0)
        weights = numpy.exp(s.value - top)
        total = weights.sum(-1, keepdims=True)
        away = None
        if sink is not None:
            away = numpy.exp(sink.value - top)
            total = total + away
        total = numpy.where(total == 0, 1, total)
        weights /= total

        def of_scores(g: numpy.ndarray) -> numpy.ndarray:
            return weights * (g - (g * weights).sum(-1, keepdims=True))

        parents: tuple[tuple[Tracked, Pullback], ...] = ((s, of_scores),)
        if sink is not None:
            shape = sink.shape
            parents += ((sink, lambda g: summed_to(-(away / total) * (g * weights).sum(-1, keepdims=True), shape)),)
        return Tracked(weights, parents)
