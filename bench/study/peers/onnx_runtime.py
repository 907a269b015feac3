"""ONNX Runtime: its MultiHeadAttention, in the layout that it wants (positions, heads x width), turned once."""

from __future__ import annotations

from typing import Any

import numpy

from ..case import Case
from ..variant import Attention, Variant
from .peer import Peer


class OnnxRuntime(Peer):
    packages = ("onnxruntime", "onnx")

    def supports(self, case: Case, variant: Variant) -> str | None:
        if not isinstance(variant, Attention) or variant.name not in (
            "full",
            "causal",
            "cross",
            "bias",
            "window",
            "prefix",
            "documents",
        ):
            return "no such operator"
        if case.dtype != "float32":
            return "float32 and smaller"
        return "no gradients" if case.direction != "forward" else None

    def prepare(self, case: Case, variant: Variant, x: dict[str, numpy.ndarray]) -> None:
        import onnxruntime
        from onnx import TensorProto, helper

        extents = dict(case.extents)
        h, n, m = extents["h"], extents["n"], extents["m"]
        attributes: dict[str, Any] = {"num_heads": h}
        inputs = ["q", "k", "v"]
        self.feed = {
            name: numpy.ascontiguousarray(numpy.moveaxis(x[name], 0, 1).reshape(1, x[name].shape[1], -1))
            for name in inputs
        }
        self.how = ""
        if variant.name == "causal":
            attributes["unidirectional"] = 1
        elif variant.name == "bias" or variant.mask is not None:
            self.how = "dense bias" if variant.name == "bias" else "dense mask"
            if variant.name == "bias":
                added = x["bias"]
            else:
                keep = variant.mask(numpy.arange(n)[:, None], numpy.arange(m)[None, :], x)
                added = numpy.where(keep, 0, numpy.finfo(numpy.float32).min).astype(numpy.float32)
            self.feed["bias"] = numpy.ascontiguousarray(added[None, None])
            inputs += ["", "", "bias"]
        node = helper.make_node("MultiHeadAttention", inputs, ["out"], domain="com.microsoft", **attributes)
        values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, a.shape) for name, a in self.feed.items()]
        out = helper.make_tensor_value_info("out", TensorProto.FLOAT, (1, n, h * extents["e"]))
        graph = helper.make_graph([node], "attention", values, [out])
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = case.threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "1")
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self.shape = h, extents["e"]

    def run(self) -> None:
        self.found = self.session.run(None, self.feed)[0]

    def results(self) -> dict[str, Any]:
        h, e = self.shape
        return {"out": numpy.moveaxis(self.found[0].reshape(-1, h, e), 1, 0)}
