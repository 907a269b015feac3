"""A compiled kernel: callable itself, with its signature, its passes and what became of it."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from .declaration import ChosenKernel, Declaration
from .errors import Error
from .function import Function
from .signature import Signature


class Kernel(Function):
    """What heed.compile gives. `kernel(q=Q, k=K, v=V)` computes the results; where it was compiled with wrt,
    `kernel.forward` computes them and keeps what `kernel.backward` needs for the gradients; without wrt both raise
    heed.Error (kernel.has_gradients says so).

    signature    operands and results with names, axes, element types
    source       the header's text
    metadata     heed's own description, as read from JSON
    library      the loaded C library (ctypes.CDLL), name: what its functions begin with
    """

    def __init__(
        self,
        library: ctypes.CDLL,
        signature: Signature,
        *,
        metadata: Mapping[str, Any],
        declaration: Declaration | None = None,
        chosen: ChosenKernel | None = None,
        defines: Mapping[str, str] | None = None,
        recipe: tuple[tuple, dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(library, signature.functions["call"], kernel=signature.name)
        shown_as = signature.name if chosen is None or chosen.exported else chosen.expression
        self.signature = signature._replace(shown_as=shown_as)
        self.metadata = metadata
        self.library = library
        self.name = signature.name
        self._declaration = declaration
        self._chosen = chosen
        self._defines = dict(defines or {})
        self._recipe = recipe
        self._passes = {
            name: Function(library, signature.functions[name], kernel=signature.name)
            for name in ("forward", "backward")
            if name in signature.functions
        }

    @property
    def source(self) -> str:
        """The text that it was compiled from."""
        return self._declaration.text if self._declaration else ""

    @property
    def expression(self) -> str:
        """What was compiled, as C++ says it in the declaration's namespace."""
        return self._chosen.expression if self._chosen else self.name

    @cached_property
    def has_gradients(self) -> bool:
        """Was it compiled with wrt?"""
        return bool(self._passes)

    @property
    def forward(self) -> Function:
        """Computes the results and keeps what backward needs: (results, saved)."""
        return self.function("forward")

    @property
    def backward(self) -> Function:
        """The gradients, from cotangents and what forward has saved."""
        return self.function("backward")

    def function(self, name: str) -> Function:
        """The function "call", "forward" or "backward"; heed.Error for what it was not compiled with."""
        if name == "call":
            return self
        if name not in self._passes:
            raise Error(f"heed: {self.name} has no {name}: compile it with wrt=(...)")
        return self._passes[name]

    def explain(self, **extents: int) -> str:
        """What became of the graph, as text: its regions, tiles, memory; with the extents of all axes also what it
        costs: `kernel.explain(n=2048, m=2048)`. A small program is compiled on first use and cached."""
        from .explaining import explain

        return explain(self._declaration, self._chosen, self.signature, self._defines, extents)

    def __reduce__(self) -> tuple:
        """Pickled it is what it was compiled from, for workers of multiprocessing: they find it in the cache."""
        if self._recipe is None:
            raise TypeError(f"heed: {self.name} was not made by heed.compile and cannot be pickled")
        return _compiled, self._recipe

    def __repr__(self) -> str:
        return f"<heed kernel {self.signature}>"


def _compiled(arguments: tuple, named: dict[str, Any]) -> Kernel:
    """What heed.compile gives for these arguments."""
    from .compilation import compile

    return compile(*arguments, **named)
