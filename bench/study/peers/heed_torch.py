"""heed in torch: heed.torch.function, compiled by the package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..case import Case
from ..declared import Declared
from ..variant import Variant
from .torch_operations import TorchPeer


class HeedTorch(TorchPeer):
    def supports(self, case: Case, variant: Variant) -> str | None:
        return None

    def versions(self) -> dict[str, str]:
        import heed

        return super().versions() | {"heed": heed.__version__}

    def function(self, case: Case, variant: Variant, x: dict[str, Any]) -> Callable[[dict[str, Any]], Any]:
        import heed.torch

        real = {"float32": "float", "float64": "double"}[case.dtype]
        if isinstance(variant, Declared):
            attend = heed.torch.function(str(variant.header), variant.chosen.expression, wrt=variant.wrt)
        else:
            attend = heed.torch.function(
                str(variant.header), variant.expression, wrt=variant.wrt, defines={"REAL": real}
            )
        return lambda operands: attend(**operands)
