"""heed in torch: heed.torch.function, compiled by the package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from ..case import Case
from ..declared import Declared
from ..variant import Variant
from .torch_operations import TorchPeer


class HeedTorch(TorchPeer):
    def versions(self) -> dict[str, str]:
        import heed

        return super().versions() | {"heed": heed.__version__}

    def prepare(self, case: Case, variant: Variant, x: dict[str, numpy.ndarray]) -> None:
        """The package keeps what it compiles: the seconds are those of when it did."""
        from heed import cache

        self.seconds, obtain = 0.0, cache.obtain

        def counted(*arguments: Any) -> Any:
            entry = obtain(*arguments)
            self.seconds += entry.record.get("seconds", 0.0)
            return entry

        cache.obtain = counted
        try:
            super().prepare(case, variant, x)
            self.run()  # gradients are compiled by the first call that wants them
        finally:
            cache.obtain = obtain

    def facts(self) -> dict[str, Any]:
        return {"compile_seconds": self.seconds}

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
