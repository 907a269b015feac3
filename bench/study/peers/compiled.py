"""torch.compile of the formula, as one writes it: pairs are stored unless the compiler sees a way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..case import Case
from ..variant import Variant
from .torch_operations import Torch, TorchPeer


class CompiledFormula(TorchPeer):
    def supports(self, case: Case, variant: Variant) -> str | None:
        return None if variant.has_formula else "no formula of it"

    def function(self, case: Case, variant: Variant, x: dict[str, Any]) -> Callable[[dict[str, Any]], Any]:
        import torch

        torch._dynamo.reset()
        torch._functorch.config.donated_buffer = False  # backward is measured alone, more than once on one graph
        operations = Torch()
        names = list(variant.inputs)
        compiled = torch.compile(
            lambda *arrays: variant.formula(dict(zip(names, arrays)), operations), dynamic=False, fullgraph=True
        )
        return lambda o: compiled(*(o[name] for name in names))
