"""PyTorch's FlexAttention under torch.compile, with a block mask that is made once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..case import Case
from ..variant import Attention, Variant
from .torch_operations import Torch, TorchPeer


class FlexAttention(TorchPeer):
    def supports(self, case: Case, variant: Variant) -> str | None:
        if not isinstance(variant, Attention):
            return "attention alone"
        if case.direction != "forward":
            return "no backward on processors"
        if case.dtype == "float64":
            return "float32 and smaller"
        return "no sinks: no log-sum-exp on processors" if variant.has_sink else None

    def function(self, case: Case, variant: Variant, x: dict[str, Any]) -> Callable[[dict[str, Any]], Any]:
        import torch
        from torch.nn.attention import flex_attention as flex

        operations = Torch()
        n, m = x["q"].shape[-2], x["k"].shape[-2]
        torch._dynamo.reset()
        options: dict[str, Any] = {}
        if variant.mask is not None:
            options["block_mask"] = flex.create_block_mask(
                lambda b, h, i, j: variant.mask(i, j, x), None, None, n, m, device="cpu"
            )
        if variant.score is not None:
            options["score_mod"] = lambda s, b, h, i, j: variant.score(s, h, i, j, x, operations)
        if variant.has_normed:
            options["scale"] = variant.scale(0)
        if variant.name == "grouped":
            options["enable_gqa"] = True
        compiled = torch.compile(flex.flex_attention, dynamic=False, fullgraph=True)

        def function(o: dict[str, Any]) -> Any:
            if variant.name == "grouped":
                h, r, n, d = o["q"].shape
                return compiled(o["q"].reshape(1, h * r, n, d), o["k"][None], o["v"][None], **options).reshape(
                    h, r, n, -1
                )
            q, k, v = variant.operands(o, operations)
            return compiled(q[None], k[None], v[None], **options)[0]

        return function
