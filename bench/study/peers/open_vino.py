"""OpenVINO: its ScaledDotProductAttention, in float32 as everybody else (it would take bfloat16 of itself)."""

from __future__ import annotations

import math
from typing import Any

import numpy

from ..case import Case
from ..variant import Attention, Variant
from .peer import Peer


class OpenVino(Peer):
    packages = ("openvino",)

    def supports(self, case: Case, variant: Variant) -> str | None:
        if not isinstance(variant, Attention) or variant.name in ("softcap", "sink", "cosine", "grouped"):
            return "no such operator"
        if case.dtype != "float32":
            return "float32 and smaller"
        return "no gradients" if case.direction != "forward" else None

    def prepare(self, case: Case, variant: Variant, x: dict[str, numpy.ndarray]) -> None:
        import openvino
        from openvino import opset13

        self.feed = {name: x[name][None] for name in ("q", "k", "v")}
        self.how = ""
        is_square = x["q"].shape[-2] == x["k"].shape[-2]
        if not (variant.is_causal and is_square) and (variant.mask is not None or variant.score is not None):
            self.feed["mask"] = dense(variant, x)
            self.how = "dense bias" if variant.name == "bias" else "dense mask"
        parameters = {name: opset13.parameter(list(a.shape), numpy.float32, name=name) for name, a in self.feed.items()}
        node = opset13.scaled_dot_product_attention(
            parameters["q"],
            parameters["k"],
            parameters["v"],
            parameters.get("mask"),
            causal=variant.is_causal and is_square,
        )
        model = openvino.Model([node], list(parameters.values()), "attention")
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": case.threads, "NUM_STREAMS": 1}
        self.compiled = openvino.Core().compile_model(model, "CPU", settings)
        self.request = self.compiled.create_infer_request()
        for name, array in self.feed.items():
            self.request.set_tensor(name, openvino.Tensor(numpy.ascontiguousarray(array), shared_memory=True))
        self.keep = list(self.feed.values())

    def run(self) -> None:
        self.request.infer()

    def results(self) -> dict[str, Any]:
        return {"out": numpy.array(self.request.get_output_tensor(0).data[0])}


def dense(variant: Attention, x: dict[str, numpy.ndarray]) -> numpy.ndarray:
    """What is added to every score, -inf where nothing is seen."""
    n, m = x["q"].shape[-2], x["k"].shape[-2]
    i, j = numpy.arange(n)[:, None], numpy.arange(m)[None, :]
    keep = variant.mask(i, j, x) if variant.mask is not None else True
    added: Any = numpy.float32(0)
    if variant.score is not None:
        heads = numpy.arange(x["q"].shape[0]).reshape(-1, 1, 1)
        added = variant.score(numpy.float32(0), heads, i, j, x, None)
    whole = numpy.where(keep, added, -math.inf).astype(numpy.float32)
    return numpy.ascontiguousarray(whole.reshape(1, -1, n, m))
