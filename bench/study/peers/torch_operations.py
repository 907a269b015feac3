"""torch's operations under the names that formulas use, and a peer that calls a function of torch tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from ..case import Case
from ..tape import Operations
from ..variant import Variant
from .peer import Peer


class Torch(Operations):
    """The operations of tape.Numpy. `fused`: torch's own norms, activations and attention in the place of formulas."""

    def __init__(self, fused: bool = False) -> None:
        import torch

        self._torch, self._fused = torch, fused
        for name in ("matmul", "exp", "tanh", "sqrt", "arange"):
            setattr(self, name, getattr(torch, name))

    def swap(self, a: Any, first: int = -1, second: int = -2) -> Any:
        return a.transpose(first, second)

    def where(self, condition: Any, a: Any, b: float) -> Any:
        return a.masked_fill(~condition, b)

    def sum(self, a: Any) -> Any:
        return a.sum(-1, keepdim=True)

    def maximum(self, a: Any, b: float) -> Any:
        return a.clamp(min=b)

    def softmax(self, s: Any, sink: Any = None) -> Any:
        if sink is None:
            return s.softmax(-1)
        more = sink.expand(*s.shape[:-1], 1)
        return self._torch.cat([s, more], -1).softmax(-1)[..., :-1]

    def layer_norm(self, x: Any, gain: Any, shift: Any, epsilon: float) -> Any:
        if not self._fused:
            return super().layer_norm(x, gain, shift, epsilon)
        return self._torch.nn.functional.layer_norm(x, gain.shape, gain, shift, epsilon)

    def rms_norm(self, x: Any, gain: Any, epsilon: float) -> Any:
        return self._torch.nn.functional.rms_norm(x, gain.shape, gain, epsilon)

    def gelu_tanh(self, x: Any) -> Any:
        return self._torch.nn.functional.gelu(x, approximate="tanh")

    def silu(self, x: Any) -> Any:
        return self._torch.nn.functional.silu(x)

    def attention(self, q: Any, k: Any, v: Any, causal: bool) -> Any:
        if not self._fused:
            return super().attention(q, k, v, causal)
        return self._torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)


class TorchPeer(Peer):
    """A system that is a function of torch tensors, with gradients by autograd where it has them."""

    packages = ("torch",)

    def function(self, case: Case, variant: Variant, x: dict[str, Any]) -> Callable[[dict[str, Any]], Any]:
        """The function of operands, which are tensors by name; x: the same without gradients, for what is done once."""
        raise NotImplementedError

    def prepare(self, case: Case, variant: Variant, x: dict[str, numpy.ndarray]) -> None:
        import torch

        torch.set_num_threads(case.threads)
        tensors = {name: torch.from_numpy(numpy.asarray(x[name])) for name in (*variant.inputs, "cotangent")}
        wrt = variant.wrt if case.direction != "forward" else ()
        cotangent = tensors.pop("cotangent")
        function = self.function(case, variant, tensors)
        operands = {name: tensor.requires_grad_() if name in wrt else tensor for name, tensor in tensors.items()}
        leaves = [operands[name] for name in wrt]
        kept = function(operands) if case.direction == "backward" else None

        def forward() -> None:
            with torch.no_grad():
                self.found = (function(operands),)

        def backward() -> None:
            self.found = torch.autograd.grad(kept, leaves, cotangent, retain_graph=True)

        def step() -> None:
            out = function(operands)
            self.found = (out.detach(), *torch.autograd.grad(out, leaves, cotangent))

        self.names = ["out"] * (case.direction != "backward") + [f"grad({name})" for name in wrt]
        self.run = {"forward": forward, "backward": backward, "step": step}[case.direction]

    def results(self) -> dict[str, Any]:
        return {name: found.detach().numpy() for name, found in zip(self.names, self.found)}
