"""JAX on processors: dot_product_attention where it has the variant, else the formula; both under jit. It takes as many
threads as the process has processors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy

from ..case import Case
from ..catalogue import CAP, WINDOW
from ..tape import Operations
from ..variant import Attention, Variant
from .peer import Peer


class Jax(Operations):
    """The operations of tape.Numpy."""

    def __init__(self) -> None:
        import jax
        import jax.numpy

        self._jax = jax
        for name in ("matmul", "exp", "tanh", "sqrt", "arange", "where", "maximum"):
            setattr(self, name, getattr(jax.numpy, name))

    def swap(self, a: Any, first: int = -1, second: int = -2) -> Any:
        return self._jax.numpy.swapaxes(a, first, second)

    def sum(self, a: Any) -> Any:
        return a.sum(-1, keepdims=True)

    def softmax(self, s: Any, sink: Any = None) -> Any:
        if sink is None:
            return self._jax.nn.softmax(s)
        more = self._jax.numpy.broadcast_to(sink, (*s.shape[:-1], 1))
        return self._jax.nn.softmax(self._jax.numpy.concatenate([s, more], -1))[..., :-1]


class JaxAttention(Peer):
    packages = ("jax", "jaxlib")
    title = "dot_product_attention"
    names = ("full", "causal", "cross", "window", "bias", "grouped")

    def supports(self, case: Case, variant: Variant) -> str | None:
        return None if variant.has_formula else "no formula of it"

    def prepare(self, case: Case, variant: Variant, x: dict[str, numpy.ndarray]) -> None:
        import jax

        jax.config.update("jax_platforms", "cpu")
        jax.config.update("jax_enable_x64", case.dtype == "float64")
        operations = Jax()
        arrays = {name: jax.numpy.asarray(array) for name, array in x.items()}
        cotangent = arrays.pop("cotangent")
        is_named = self.has_name_for(case, variant)
        self.how = self.title if is_named else "the formula"
        if is_named:  # its layout is (batch, positions, heads, width): turned once
            for name in ("q", "k", "v"):
                arrays[name] = jax.numpy.moveaxis(arrays[name], -2, 0)[None]
            cotangent = jax.numpy.moveaxis(cotangent, -2, 0)[None]

        def function(o: dict[str, Any]) -> Any:
            return self.named(variant, o) if is_named else variant.formula(o, operations)

        def with_gradients(wanted: dict[str, Any], others: dict[str, Any], cotangent: Any) -> Any:
            out, pull = jax.vjp(lambda w: function(others | w), wanted)
            return out, pull(cotangent)[0]

        wrt = variant.wrt if case.direction != "forward" else ()
        wanted = {name: arrays[name] for name in wrt}
        others = {name: array for name, array in arrays.items() if name not in wrt}
        if case.direction == "forward":
            forward = jax.jit(function)
            self.run = lambda: self.keep(forward(arrays).block_until_ready(), {})
        elif case.direction == "step":
            both = jax.jit(with_gradients)
            self.run = lambda: self.keep(*jax.block_until_ready(both(wanted, others, cotangent)))
        else:
            _, pull = jax.vjp(lambda w: function(others | w), wanted)
            back = jax.jit(lambda c: pull(c)[0])
            self.run = lambda: self.keep(None, jax.block_until_ready(back(cotangent)))
        self.is_named = is_named

    def has_name_for(self, case: Case, variant: Variant) -> bool:
        """Is it what dot_product_attention computes, whose softmax is of float32 always?"""
        if not isinstance(variant, Attention) or variant.name not in self.names or case.dtype == "float64":
            return False
        extents = dict(case.extents)
        return extents["d"] == extents["e"] and (variant.mask is None or extents["n"] == extents["m"])

    def named(self, variant: Variant, o: dict[str, Any]) -> Any:
        """dot_product_attention of (batch, positions, heads, width)."""
        options: dict[str, Any] = {}
        if variant.name != "full" and variant.name != "bias" and variant.name != "cross":
            options["is_causal"] = True
        if variant.name == "window":
            options["local_window_size"] = (WINDOW - 1, 0)
        if variant.name == "bias":
            options["bias"] = o["bias"][None, None]
        if variant.name == "softcap":
            options["logits_soft_cap"] = CAP
        if variant.name == "grouped":  # (batch, n, h, r, d): its heads are h * r
            b, n, h, r, d = o["q"].shape
            out = self.attend()(o["q"].reshape(b, n, h * r, d), o["k"], o["v"], **options)
            return out.reshape(b, n, h, r, -1)
        return self.attend()(o["q"], o["k"], o["v"], **options)

    def attend(self) -> Callable[..., Any]:
        import jax

        return jax.nn.dot_product_attention

    def keep(self, out: Any, gradients: dict[str, Any]) -> None:
        self.found = out, gradients

    def results(self) -> dict[str, Any]:
        def turned(name: str, array: Any) -> numpy.ndarray:
            is_turned = self.is_named and name in ("out", "q", "k", "v")
            return numpy.moveaxis(numpy.asarray(array)[0], 0, -2) if is_turned else numpy.asarray(array)

        out, gradients = self.found
        found = {} if out is None else {"out": turned("out", out)}
        return found | {f"grad({name})": turned(name, array) for name, array in gradients.items()}


class ChunkedAttention(JaxAttention):
    """tokamax: XLA in chunks of keys, so that no pairs are stored."""

    packages = ("jax", "jaxlib", "tokamax")
    title = "xla_chunked"
    names = (*JaxAttention.names, "softcap")

    def supports(self, case: Case, variant: Variant) -> str | None:
        return None if self.has_name_for(case, variant) else "not what it computes"

    def attend(self) -> Callable[..., Any]:
        import tokamax

        return functools.partial(tokamax.dot_product_attention, implementation="xla_chunked")
