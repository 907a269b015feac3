"""PyTorch's scaled_dot_product_attention; a mask that it has no name for is a dense one, made once. Whole layers use
torch's own norms and activations around it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..case import Case
from ..variant import Attention, Variant
from .torch_operations import Torch, TorchPeer


class ScaledDotProductAttention(TorchPeer):
    def supports(self, case: Case, variant: Variant) -> str | None:
        if not isinstance(variant, Attention):
            return None if hasattr(variant, "heads") else "no formula of it for torch"
        if variant.has_sink:
            return "no sinks"
        if variant.name == "softcap":
            return "no scores of one's own"
        if variant.score is not None and case.direction != "forward" and variant.name != "bias":
            return "no gradient but of a dense bias"
        return None

    def function(self, case: Case, variant: Variant, x: dict[str, Any]) -> Callable[[dict[str, Any]], Any]:
        import torch

        attend = torch.nn.functional.scaled_dot_product_attention
        if not isinstance(variant, Attention):
            self.how = "layers of torch around it"
            operations = Torch(fused=True)
            return lambda o: variant.formula(o, operations)
        operations, options = Torch(), {}
        square = case.extents[1:] and dict(case.extents)["n"] == dict(case.extents)["m"]
        self.how = ""
        if variant.is_causal and square:
            options["is_causal"] = True
        elif variant.name == "bias":
            self.how = "dense bias"
        elif variant.mask is not None or variant.score is not None:
            options["attn_mask"] = dense_mask(variant, x, operations)
            self.how = "dense mask"
        if variant.has_normed:
            options["scale"] = variant.scale(0)

        def function(o: dict[str, Any]) -> Any:
            if variant.name == "grouped":
                h, r, n, d = o["q"].shape
                q = o["q"].reshape(1, h * r, n, d)
                return attend(q, o["k"][None], o["v"][None], enable_gqa=True, **options).reshape(h, r, n, -1)
            q, k, v = variant.operands(o, operations)
            more = {"attn_mask": o["bias"]} if variant.name == "bias" else {}
            return attend(q[None], k[None], v[None], **options, **more)[0]

        return function


def dense_mask(variant: Attention, x: dict[str, Any], operations: Torch) -> Any:
    """What is added to every score, or which pairs count."""
    import torch

    n, m = x["q"].shape[-2], x["k"].shape[-2]
    i, j = torch.arange(n)[:, None], torch.arange(m)[None, :]
    keep = variant.mask(i, j, x) if variant.mask is not None else torch.ones(n, m, dtype=torch.bool)
    if variant.score is None:
        return keep
    heads = torch.arange(x["q"].shape[0]).reshape(-1, 1, 1)
    added = variant.score(torch.zeros((), dtype=x["q"].dtype), heads, i, j, x, operations)
    return torch.where(keep, added, -math.inf)[None].contiguous()
