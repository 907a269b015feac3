"""The variants of the study. Each stands beside its header in variants/."""

from __future__ import annotations

import math
from typing import Any

import numpy

from .case import Case
from .variant import Attention, Variant

WINDOW, CAP, STRENGTH, BUCKETS, EPSILON = 256, 20.0, 10.0, 128, (1e-5, 1e-6)


def is_causal(i: Any, j: Any, x: Any) -> Any:
    """A query sees keys up to its own position."""
    return j <= i


class Full(Attention):
    name, title = "full", "full"


class Cross(Attention):
    name, title = "cross", "cross, e = 2 d"
    axes = {"h": 4, "n": 512, "m": "n", "d": 64, "e": 128}


class Causal(Attention):
    name, title = "causal", "causal"
    mask, is_causal = staticmethod(is_causal), True


class Window(Attention):
    name, title = "window", f"window of {WINDOW}"

    @staticmethod
    def mask(i: Any, j: Any, x: Any) -> Any:
        return (j <= i) & (i - j < WINDOW)


class Documents(Attention):
    """Eight documents of about one length."""

    name, title = "documents", "documents"
    more, whole = {"document": ("n",)}, ("document",)

    @staticmethod
    def mask(i: Any, j: Any, x: Any) -> Any:
        return (j <= i) & (x["document"][i] == x["document"][j])

    def value_of(self, name: str, shape: tuple[int, ...], random: Any) -> Any:
        return numpy.arange(shape[0]) * 8 // shape[0] if name == "document" else None

    def misfit(self, extents: dict[str, int]) -> str:
        return "documents want as many keys as queries" if extents["n"] != extents["m"] else ""


class Prefix(Attention):
    """A quarter of the keys is the prefix."""

    name, title = "prefix", "prefix"
    more, whole = {"prefix": ()}, ("prefix",)

    @staticmethod
    def mask(i: Any, j: Any, x: Any) -> Any:
        return (j <= i) | (j < x["prefix"])

    def draw(self, case: Case) -> dict[str, numpy.ndarray]:
        return super().draw(case) | {"prefix": numpy.asarray(dict(case.extents)["m"] // 4, numpy.int32)}

    def value_of(self, name: str, shape: tuple[int, ...], random: Any) -> Any:
        return 0 if name == "prefix" else None


class Bias(Attention):
    name, title = "bias", "dense bias"
    more = {"bias": ("n", "m")}

    @staticmethod
    def score(s: Any, h: Any, i: Any, j: Any, x: Any, ops: Any) -> Any:
        return s + x["bias"][i, j]


class Alibi(Attention):
    name, title = "alibi", "ALiBi"
    more = {"slope": ("h",)}
    mask = staticmethod(is_causal)

    @staticmethod
    def score(s: Any, h: Any, i: Any, j: Any, x: Any, ops: Any) -> Any:
        return s + x["slope"][h] * (j - i)

    def value_of(self, name: str, shape: tuple[int, ...], random: Any) -> Any:
        return 2.0 ** -(8.0 * numpy.arange(1, shape[0] + 1) / shape[0]) if name == "slope" else None


class Softcap(Attention):
    name, title = "softcap", "softcap"
    mask = staticmethod(is_causal)

    @staticmethod
    def score(s: Any, h: Any, i: Any, j: Any, x: Any, ops: Any) -> Any:
        return ops.tanh(s / CAP) * CAP


class Sink(Attention):
    name, title = "sink", "sink"
    more = {"sink": ("h",)}
    mask, has_sink = staticmethod(is_causal), True


class Grouped(Attention):
    name, title = "grouped", "grouped queries"
    axes = {"h": 2, "r": 4, "n": 512, "m": "n", "d": 64, "e": "d"}
    inputs = {"q": ("h", "r", "n", "d"), "k": ("h", "m", "d"), "v": ("h", "m", "e")}
    result = ("h", "r", "n", "e")
    mask, is_causal = staticmethod(is_causal), True
    expression = "grouped::out"

    def operands(self, x: dict[str, Any], ops: Any) -> tuple[Any, Any, Any]:
        def with_group(a: Any) -> Any:
            return a.reshape(a.shape[0], 1, *a.shape[1:])

        return x["q"], with_group(x["k"]), with_group(x["v"])


class Cosine(Attention):
    name, title = "cosine", "cosine score"
    has_normed = True

    def operands(self, x: dict[str, Any], ops: Any) -> tuple[Any, Any, Any]:
        def normed(a: Any) -> Any:
            return a / ops.sqrt(ops.sum(a * a))

        return normed(x["q"]), normed(x["k"]), x["v"]

    def scale(self, width: int) -> float:
        return STRENGTH


class Table(Attention):
    name, title = "table", "table of distances"
    more = {"table": ("h", BUCKETS)}
    mask = staticmethod(is_causal)

    @staticmethod
    def score(s: Any, h: Any, i: Any, j: Any, x: Any, ops: Any) -> Any:
        return s + x["table"][h, (i - j).clip(0, BUCKETS - 1)]


class Layer(Variant):
    """What the encoder's layer and the block share: weights small enough for the layer to keep its scale."""

    result = ("b", "n", "width")
    width, heads, hidden = 0, 0, 0
    gains: tuple[str, ...] = ()

    def shape_of(self, name: str, extents: dict[str, int]) -> tuple[int, ...]:
        return super().shape_of(name, extents | {"width": self.width})

    def value_of(self, name: str, shape: tuple[int, ...], random: Any) -> Any:
        if name in self.gains:
            return 1 + 0.1 * random.standard_normal(shape)
        return random.standard_normal(shape) / math.sqrt(shape[-1]) if len(shape) == 2 else None

    def project(self, x: Any, weight: Any, ops: Any) -> Any:
        return ops.matmul(x, ops.swap(weight))

    def attention(self, q: Any, k: Any, v: Any, ops: Any, causal: bool) -> Any:
        """Of (b, n, heads x d) each, heads split off and merged again."""
        b, n, width = q.shape
        d = width // self.heads

        def split(a: Any) -> Any:
            return ops.swap(a.reshape(b, n, self.heads, d), 1, 2)

        return ops.swap(ops.attention(split(q), split(k), split(v), causal), 1, 2).reshape(b, n, width)

    def multiplications(self, extents: dict[str, int], x: dict[str, numpy.ndarray]) -> tuple[float, float]:
        b, n = extents["b"], extents["n"]
        weights = sum(x[name].size for name, axes in self.inputs.items() if len(axes) == 2)
        return b * self.seen(n) * 2 * self.width, b * n * weights

    def seen(self, n: int) -> float:
        """Pairs in one head."""
        return n * n


class Encoder(Layer):
    name, title = "encoder", "encoder layer"
    axes = {"b": 4, "n": 128}
    width, heads, hidden = 384, 12, 1536
    inputs = {"x": ("b", "n", 384), "wq": (384, 384), "wk": (384, 384), "wv": (384, 384), "wo": (384, 384),
              "w1": (1536, 384), "w2": (384, 1536), "bias_q": (384,), "bias_o": (384,), "bias_1": (1536,),
              "bias_2": (384,), "gain_a": (384,), "shift_a": (384,), "gain_f": (384,), "shift_f": (384,)}  # fmt: skip
    wrt = tuple(inputs)
    gains = ("gain_a", "gain_f")

    def formula(self, x: dict[str, Any], ops: Any) -> Any:
        a = x["x"]
        q = self.project(a, x["wq"], ops) + x["bias_q"]
        k, v = self.project(a, x["wk"], ops), self.project(a, x["wv"], ops)
        seen = self.project(self.attention(q, k, v, ops, causal=False), x["wo"], ops) + x["bias_o"]
        a = ops.layer_norm(a + seen, x["gain_a"], x["shift_a"], EPSILON[0])
        f = ops.gelu_tanh(self.project(a, x["w1"], ops) + x["bias_1"])
        return ops.layer_norm(a + self.project(f, x["w2"], ops) + x["bias_2"], x["gain_f"], x["shift_f"], EPSILON[0])


class Block(Layer):
    name, title = "block", "pre-norm block"
    axes = {"b": 1, "n": 512}
    width, heads, hidden = 512, 8, 1536
    inputs = {"x": ("b", "n", 512), "wq": (512, 512), "wk": (512, 512), "wv": (512, 512), "wo": (512, 512),
              "gate": (1536, 512), "up": (1536, 512), "down": (512, 1536), "norm_a": (512,),
              "norm_f": (512,)}  # fmt: skip
    wrt = tuple(inputs)
    gains = ("norm_a", "norm_f")

    def formula(self, x: dict[str, Any], ops: Any) -> Any:
        a = x["x"]
        y = ops.rms_norm(a, x["norm_a"], EPSILON[1])
        q, k, v = (self.project(y, x[name], ops) for name in ("wq", "wk", "wv"))
        z = a + self.project(self.attention(q, k, v, ops, causal=True), x["wo"], ops)
        w = ops.rms_norm(z, x["norm_f"], EPSILON[1])
        gate = ops.silu(self.project(w, x["gate"], ops))
        return z + self.project(gate * self.project(w, x["up"], ops), x["down"], ops)

    def seen(self, n: int) -> float:
        return n * (n + 1) / 2


VARIANTS: dict[str, Variant] = {
    variant.name: variant()
    for variant in (Full, Causal, Window, Documents, Prefix, Bias, Alibi, Softcap, Sink, Grouped, Cross, Cosine, Table,
                    Encoder, Block)
}  # fmt: skip
