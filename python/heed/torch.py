"""Differentiable functions of torch tensors, made of heed declarations.

    attend = heed.torch.function("variant.hpp", "out")
    out = attend(q=q, k=k, v=v, slope=slope)          # or attend(q, k, v, slope), in the order of declaration
    out.sum().backward()                              # slope.grad is there, for the tensors that require one

A function is three torch operators that wrap C functions: the plain kernel, the forward pass (which also keeps what the
backward pass wants, in a byte tensor), and the backward pass. A pair of passes belongs to one set of wanted gradients,
and is compiled when that set is first asked for. Gradients are an autograd.Function behind the Autograd key of the
first operator, so whatever traces torch (torch.compile, make_fx) finds operators whose results have known shapes. Where
nobody traces, the kernels are called without the operators, which takes a third of the time.

Where a gradient is differentiated itself, it is computed by a function like this one, of the expression
gradient<out>(...), so derivatives of any order are heed's.
"""
from __future__ import annotations

import hashlib
import operator
import os
import pathlib
import re
from collections.abc import Iterable, Sequence
from typing import Any

try:
    import torch
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    sentence = (
        "heed: heed.torch needs torch, which is not installed (pip install torch; without what graphics cards need: "
        "pip install torch --index-url https://download.pytorch.org/whl/cpu)"
    )
    raise ModuleNotFoundError(sentence, name="torch") from None

from . import compile as compile_kernel
from .arrays import TORCH
from .errors import DeclarationError, OperandError
from .function import MAX_LAYOUTS
from .function import Function as KernelFunction
from .signature import Operand

_operators = torch.library.Library("heed", "FRAGMENT")
_functions: dict[Any, Function] = {}


def function(source: str | os.PathLike[str], *results: str, wrt: Sequence[str] | None = None,
             **options: Any) -> Function:
    """A differentiable function from a declaration.

    source: a header, or the text of one. results: names that it declares, one or several. wrt: the inputs that may
    require a gradient; without it all that hold real numbers. Only gradients that a call needs are compiled and used.
    options: what heed.compile takes, as defines={"REAL": "double"}.
    Raises what heed.compile raises.
    """
    return _function(source, results, None if wrt is None else tuple(wrt), options)


def _function(source: str | os.PathLike[str], results: tuple[str, ...], wrt: tuple[str, ...] | None,
              options: dict[str, Any], wanted: tuple[str, ...] = ()) -> Function:
    """One function for one declaration. wanted: gradients that its first call needs, if they are known."""
    key = repr((_identity(source), results, wrt, sorted(options.items())))
    if key not in _functions:
        digest = hashlib.sha256(key.encode()).hexdigest()[:12]
        _functions[key] = Function(source, results, wrt, options, digest, wanted)
    return _functions[key]


def _identity(source: str | os.PathLike[str]) -> tuple[str, str]:
    """What makes two sources the same declaration: path and text of the header."""
    if isinstance(source, str) and "\n" in source:
        return "", source
    path = pathlib.Path(source).resolve()
    return str(path), path.read_text() if path.is_file() else ""


class Function:
    """What `function` gives: call it with tensors, by position or by name.

    kernel: what heed.compile gives for it, with signature, explain(...), source; operator: the torch operator, which
    torch.library.opcheck takes.
    """

    def __init__(self, source: str | os.PathLike[str], results: tuple[str, ...], wrt: tuple[str, ...] | None,
                 options: dict[str, Any], digest: str, wanted: tuple[str, ...] = ()) -> None:
        self._source, self._options = source, options
        self.kernel = compile_kernel(source, *results, wrt=wanted, **options)
        self._expressions = results if len(results) > 1 else (self.kernel.expression,)
        self.name = f"{re.sub('[^A-Za-z0-9]+', '_', self.kernel.name)}_{digest}"
        signature = self.kernel.signature
        self._plain: KernelFunction = self.kernel.function("call")
        self._inputs = signature.inputs
        self._extents = tuple(self._plain.extent_names)
        self._results = signature.results
        self._names = (*(x.name for x in self._inputs), *self._extents)
        self._input_count = len(self._inputs)
        self._extent_count = len(self._extents)
        # A result without axes has no cotangent in heed: its gradients are multiplied by torch's afterwards.
        self._is_scalar = not self._results[0].axes
        self._groups = self._grouped()
        real = [x.name for x in self._inputs if _is_real(x)]
        for name in wrt or ():
            if name not in real:
                raise DeclarationError(f"heed: wrt: expected inputs of real numbers ({', '.join(real)}), got '{name}'")
        self._differentiable = frozenset(real if wrt is None else wrt)
        self._bits = [1 << number for number in range(self._input_count)]
        self._wanted: dict[int, str] = {}  # of inputs that require a gradient, as bits: their names
        self._passes: dict[str, tuple[KernelFunction, KernelFunction]] = {}
        self._calls: dict[tuple, _Call] = {}
        if wanted:
            self._passes[",".join(wanted)] = self.kernel.function("forward"), self.kernel.function("backward")
        self._define_operators()

    def __call__(self, *operands: Any, **named: Any) -> Any:
        """The result; of several a tuple of them. Axes that no operand carries are whole numbers, by their name."""
        if named or len(operands) != len(self._names):
            operands = self._in_order(operands, named)
        count = self._input_count
        if _nobody_watches():
            tensors, extents = operands, ()
            if self._extents:
                tensors = operands[:count]
                extents = tuple(map(self._plain.checked_extent, self._extents, operands[count:]))
            if _PLAIN.issuperset(map(type, tensors)):
                call = self._call_of(tensors, extents)
                if call is not None:
                    if call.mask and torch.is_grad_enabled():
                        return self._with_gradients(call, tensors)
                    results = self._plain.run_as(call.layout, TORCH, tensors)
                    return results[0] if len(results) == 1 else tuple(results)
        tensors = [_as_tensor(x, operand) for x, operand in zip(self._inputs, operands)]
        return self.operator(*tensors, *operands[count:])

    def _call_of(self, tensors: tuple[torch.Tensor, ...], extents: tuple[int, ...]) -> _Call | None:
        """What calls with such tensors have in common, from the dictionary or new; None if one does not lie in memory
        as it is."""
        try:
            key = *map(_facts, tensors), *map(_strides, tensors), *map(_is_negative, tensors), *extents
        except RuntimeError:  # a sparse tensor has no strides
            return None
        call = self._calls.get(key)
        if call is None and all(map(_is_in_memory, tensors)):
            if len(self._calls) >= MAX_LAYOUTS:
                self._calls.clear()
            call = _Call(self, self._mask(tensors), extents)
            call.layout = self._plain.layout(TORCH, tensors, extents)
            self._calls[key] = call
        return call

    def _mask(self, tensors: Sequence[torch.Tensor]) -> int:
        """Which tensors require a gradient, as bits."""
        return sum(bit for bit, tensor in zip(self._bits, tensors) if tensor.requires_grad)

    @property
    def signature(self) -> Any:
        """The operands and results, with names, axes and element types."""
        return self.kernel.signature

    def explain(self, **extents: int) -> str:
        """What became of the graph: Kernel.explain."""
        return self.kernel.explain(**extents)

    def __repr__(self) -> str:
        return f"heed.torch function {self.kernel.signature}"

    def _in_order(self, operands: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        """Operands by position, then those by name."""
        takes = f"{self.kernel.name} takes {', '.join(self._names)}"
        if len(operands) > len(self._names):
            raise OperandError(f"heed: expected {len(self._names)} operands, got {len(operands)} ({takes})")
        rest = self._names[len(operands):]
        for name in named:
            if name not in rest:
                raise _wrong(name, "is given twice" if name in self._names else f"is unknown ({takes})")
        for name in rest:
            if name not in named:
                raise _wrong(name, f"is missing ({takes})")
        return operands + tuple([named[name] for name in rest])

    # --- operators ----------------------------------------------------------------------------------------------------

    def _define_operators(self) -> None:
        """The plain kernel, the forward and the backward pass as operators of torch."""
        inputs = ", ".join([*(f"Tensor {_argument(x.name)}" for x in self._inputs),
                            *(f"SymInt {_argument(x)}" for x in self._extents)])
        tensors = ["Tensor"] * len(self._results)
        result = tensors[0] if len(tensors) == 1 else f"({', '.join(tensors)})"
        cotangents = "".join(f"Tensor cotangent_{i}, " for i, x in enumerate(self._results) if x.axes)
        self.operator = self._define("", f"({inputs}) -> {result}", self._call, self._fake_call)
        self._forward = self._define("_forward", f"({inputs}, str wanted) -> ({', '.join([*tensors, 'Tensor'])})",
                                     self._call_forward, self._fake_forward)
        self._backward = self._define("_backward", f"({inputs}, {cotangents}Tensor saved, str wanted) -> Tensor[]",
                                      self._call_backward, self._fake_backward)
        _operators.impl(self.name, lambda *operands: self._differentiably(operands), "Autograd")

    def _define(self, suffix: str, schema: str, run: Any, fake: Any) -> Any:
        """An operator of torch: what computes it, and what says its results before anything is computed."""
        name = self.name + suffix
        _operators.define(name + schema, tags=(torch.Tag.pt2_compliant_tag,))
        _operators.impl(name, run, "CPU")
        torch.library.register_fake(f"heed::{name}", fake, lib=_operators)
        return getattr(torch.ops.heed, name).default

    def _call(self, *operands: Any) -> Any:
        count = self._input_count
        results = self._plain.run(TORCH, operands[:count], operands[count:])
        return results[0] if len(results) == 1 else tuple(results)

    def _call_forward(self, *operands: Any) -> Any:
        count = self._input_count
        return tuple(self._pair(operands[-1])[0].run(TORCH, operands[:count], operands[count:-1]))

    def _call_backward(self, *operands: Any) -> list[torch.Tensor]:
        count, behind = self._input_count, self._input_count + self._extent_count
        backward = self._pair(operands[-1])[1]
        extents = operands[count:count + len(backward.extent_names)]  # cotangents carry the axes of results
        return backward.run(TORCH, operands[:count] + operands[behind:-2], extents, saved=operands[-2])

    def _fake_call(self, *operands: Any) -> Any:
        results = self._empty_results(operands)
        return results[0] if len(results) == 1 else tuple(results)

    def _fake_forward(self, *operands: Any) -> Any:
        return (*self._empty_results(operands), self._empty_saved(operands, operands[-1]))

    def _fake_backward(self, *operands: Any) -> list[torch.Tensor]:
        wanted = operands[-1].split(",")
        return [torch.empty(tensor.shape, dtype=tensor.dtype, device=tensor.device)
                for x, tensor in zip(self._inputs, operands) if x.name in wanted]

    def _empty_results(self, operands: Sequence[Any]) -> list[torch.Tensor]:
        """Results of the right shapes; operands are refused as a call would refuse them."""
        device = _device(operands)
        known: dict[str, tuple[Any, str]] = {}
        for axis in self.kernel.signature.axes:
            if axis.extent is not None:
                known[axis.name] = axis.extent, ""
        for x, tensor in zip(self._inputs, operands):
            _check_kind(x, tensor, device)
            for axis, extent in zip(x.axes, tensor.shape):
                expected, said_by = known.setdefault(axis.name, (extent, f", as in operand '{x.name}'"))
                if expected is not extent:
                    what = f"expected {expected}{said_by}, got {extent}"
                    sentence = f"heed: operand '{x.name}', axis '{axis.name}': {what}"
                    torch._check(extent == expected, lambda sentence=sentence: sentence)
        known.update((name, (extent, "")) for name, extent in zip(self._extents, operands[self._input_count:]))
        return [torch.empty([known[axis.name][0] for axis in x.axes], dtype=getattr(torch, x.dtype), device=device)
                for x in self._results]

    def _empty_saved(self, operands: Sequence[Any], wanted: str) -> torch.Tensor:
        """Saved values of the right size. The library knows it for numbers alone: a graph of symbolic extents is
        specialised, and torch.compile compiles again for others."""
        count, behind = self._input_count, self._input_count + self._extent_count
        arrays = [torch.empty([int(size) for size in x.shape], dtype=x.dtype, device="meta") for x in operands[:count]]
        extents = [int(extent) for extent in operands[count:behind]]
        size = self._pair(wanted)[0].layout(TORCH, arrays, extents).saved_bytes
        return torch.empty(size, dtype=torch.uint8, device=_device(operands))

    # --- gradients ----------------------------------------------------------------------------------------------------

    def _differentiably(self, operands: tuple[Any, ...]) -> Any:
        """A call of the operator where gradients may be asked for."""
        count, checked = self._input_count, _device(operands).type == "meta"
        tensors, extents = operands[:count], operands[count:]
        for x, tensor in zip(self._inputs, tensors):
            if not checked and not _is_in_memory(tensor):
                TORCH.check(x.name, tensor)  # says what it is
        mask = self._mask(tensors) if torch.is_grad_enabled() else 0
        if mask:
            return self._with_gradients(_Call(self, mask, extents), tensors)
        with torch._C._AutoDispatchBelowAutograd():
            return self.operator(*operands)

    def _with_gradients(self, call: _Call, tensors: Sequence[torch.Tensor]) -> Any:
        """A call with the passes that the inputs in its mask need."""
        if not call.wanted:
            wanted = self._wanted.get(call.mask) or self._wanted_of(call.mask)
            if call.layout is not None and len(self._groups) == 1:
                forward = self._pair(wanted)[0]
                call.forward_layout = forward.layout(TORCH, tensors, call.extents)
                call.forward = forward
            call.wanted = wanted
        if len(self._groups) > 1:
            return self._by_groups((*tensors, *call.extents))
        return (_Differentiable.apply if call.forward is None else _apply_directly)(call, *tensors)

    def _wanted_of(self, mask: int) -> str:
        """The names of the inputs whose bits are set. Raises OperandError for one that may have no gradient."""
        names = [x.name for bit, x in zip(self._bits, self._inputs) if mask & bit]
        for name in names:
            if name not in self._differentiable:
                allowed = ", ".join(sorted(self._differentiable))
                raise _wrong(name, f"requires a gradient and is not in wrt ({allowed})")
        return self._wanted.setdefault(mask, ",".join(names))

    def _grouped(self) -> list[tuple[int, ...]]:
        """Which results share passes: real numbers that have axes, each one without axes by itself, and whole numbers,
        which have no gradients."""
        real = [_is_real(x) for x in self._results]
        numbers = range(len(self._results))
        groups = [tuple(i for i in numbers if real[i] and self._results[i].axes),
                  *((i,) for i in numbers if real[i] and not self._results[i].axes),
                  tuple(i for i in numbers if not real[i])]
        return [group for group in groups if group]

    def _by_groups(self, operands: Sequence[Any]) -> tuple[torch.Tensor, ...]:
        """Results that do not share passes, each group of them by a function of its own."""
        if len(self._expressions) != len(self._results):
            raise DeclarationError(f"heed: {self._expressions[0]} is a list of results of which some have no axes or "
                                   "are whole numbers: name its results one by one, so that gradients are taken apart")
        given = dict(zip(self._names, operands))
        extents = {axis.name: extent for x in self._inputs for axis, extent in zip(x.axes, given[x.name].shape)}
        extents.update((name, given[name]) for name in self._extents)
        found: dict[int, torch.Tensor] = {}
        for group in self._groups:
            part = function(self._source, *[self._expressions[i] for i in group], **self._options)
            part_operands = [*(given[x.name] for x in part._inputs), *(extents[name] for name in part._extents)]
            with torch.set_grad_enabled(_is_real(self._results[group[0]])):
                results = part(*part_operands)
            found.update(zip(group, results if isinstance(results, tuple) else (results,)))
        return tuple(found[i] for i in range(len(found)))

    def _pair(self, wanted: str) -> tuple[KernelFunction, KernelFunction]:
        """Forward and backward pass of these gradients, compiled when they are first wanted."""
        pair = self._passes.get(wanted)
        if pair is None:
            kernel = compile_kernel(self._source, *self._expressions, wrt=tuple(wanted.split(",")), **self._options)
            pair = self._passes[wanted] = kernel.function("forward"), kernel.function("backward")
        return pair

    def _gradient(self, wanted: str, operands: Sequence[tuple[str, torch.Tensor]],
                  cotangents: Sequence[torch.Tensor]) -> Function:
        """The function that the gradient is: of the inputs, and of cotangents where results have axes. Its results are
        expressions of their own, since one of them may have no axes."""
        of = self._expressions[0] if len(self._expressions) == 1 else f"heed::results({', '.join(self._expressions)})"
        by = (f'heed::wrt_named<"{name}">({of})' for name in wanted.split(","))
        results = tuple(f"heed::gradient<{of}>({one})" for one in by)
        known = [*operands, *zip(self._cotangent_names(), cotangents)]
        one_function = all(x.axes for x in self._inputs if x.name in wanted.split(","))
        needed = tuple(name for name, tensor in known if tensor.requires_grad) if one_function else ()
        return _function(self._source, results, None, self._options, needed)

    def _cotangent_names(self) -> list[str]:
        """What heed calls the cotangents in the gradient: names that no input has."""
        if self._is_scalar:
            return []
        count, taken, names = len(self._results), {x.name for x in self._inputs}, []
        for number in range(count):
            name = f"cotangent{number + 1 if count > 1 else ''}"
            while name in taken:
                name += "'"
            names.append(name)
        return names


class _Call:
    """What calls with tensors of the same element types, shapes and strides have in common.

    mask: the tensors that require a gradient, as bits, and `wanted`, their names, once they are known; extents: those
    that no tensor carries. Without operators: the layout of the plain kernel, and the forward pass with its own.
    """

    __slots__ = ("owner", "mask", "wanted", "extents", "layout", "forward", "forward_layout")

    def __init__(self, owner: Function, mask: int, extents: tuple[Any, ...]) -> None:
        self.owner, self.mask, self.extents = owner, mask, extents
        self.wanted, self.layout, self.forward, self.forward_layout = "", None, None, None


class _Differentiable(torch.autograd.Function):
    """A call whose gradients are wanted."""

    @staticmethod
    def forward(ctx: Any, call: _Call, *inputs: torch.Tensor) -> Any:
        if call.forward is not None:
            results = call.forward.run_as(call.forward_layout, TORCH, inputs)
        else:
            with torch._C._AutoDispatchBelowAutograd():
                results = call.owner._forward(*inputs, *call.extents, call.wanted)
        ctx.save_for_backward(*inputs, results[-1])
        ctx.call = call
        return results[0] if len(results) == 2 else tuple(results[:-1])

    @staticmethod
    def backward(ctx: Any, *cotangents: torch.Tensor) -> Any:
        owner, wanted, extents = ctx.call.owner, ctx.call.wanted, ctx.call.extents
        *inputs, saved = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph=True
            gradients = _gradients_with_graph(owner, wanted, inputs, extents, cotangents)
        else:
            given = () if owner._is_scalar else cotangents
            direct = _nobody_watches() and all(map(_is_plain, inputs)) and all(map(_is_plain, cotangents))
            run = owner._call_backward if direct else owner._backward
            gradients = run(*inputs, *extents, *given, saved, wanted)
        if owner._is_scalar:
            gradients = [x * cotangents[0] for x in gradients]
        found, names = iter(gradients), wanted.split(",")
        return (None, *[next(found) if x.name in names else None for x in owner._inputs])


# What _Differentiable.apply comes to where no transformation of torch.func is active; to find that out takes it longer
# than all the rest.
_apply_directly = super(torch.autograd.Function, _Differentiable).apply


def _nobody_watches() -> bool:
    """Is torch doing nothing but computing? Else it is to see operators, for what traces, records or transforms them:
    make_fx, torch.compile, torch.func, profilers, modes."""
    return not (torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack()
                or torch._C._are_functorch_transforms_active() or torch._C._is_torch_function_mode_enabled()
                or torch._C._get_tracing_state() or torch.autograd._profiler_enabled())


# What the key of a call is made of, each without a step of Python's for each tensor.
_facts = operator.attrgetter("is_cpu", "requires_grad", "dtype", "shape")
_strides, _is_negative = torch.Tensor.stride, torch.Tensor.is_neg

_STRIDED = torch.strided
_PLAIN = frozenset((torch.Tensor, torch.nn.Parameter))


def _is_in_memory(tensor: torch.Tensor) -> bool:
    """Do the tensor's numbers lie in the processor's memory as they are? (A conjugated one has complex numbers.)"""
    return tensor.is_cpu and tensor.layout is _STRIDED and not tensor.is_neg()


def _is_plain(tensor: Any) -> bool:
    """Is it a tensor of torch's own kind, and in memory?"""
    return type(tensor) in _PLAIN and tensor.is_cpu and tensor.layout is _STRIDED and not tensor.is_neg()


def _gradients_with_graph(owner: Function, wanted: str, inputs: Sequence[torch.Tensor], extents: Iterable[int],
                          cotangents: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    """The gradients by a function that has gradients itself."""
    operands = [(x.name, tensor) for x, tensor in zip(owner._inputs, inputs)]
    gradient = owner._gradient(wanted, operands, cotangents)
    given: dict[str, Any] = dict([*operands, *zip(owner._extents, extents), *zip(owner._cotangent_names(), cotangents)])
    found = gradient(*[given[name] for name in gradient._names])
    return found if isinstance(found, tuple) else (found,)


def _argument(name: str) -> str:
    """A name for torch's schemas, which know letters, digits and _, and have words of their own."""
    return "in_" + re.sub("[^A-Za-z0-9_]", "_", name)


def _device(operands: Sequence[Any]) -> Any:
    """Where results are before anything is computed."""
    return operands[0].device if operands and isinstance(operands[0], torch.Tensor) else torch.device("cpu")


def _as_tensor(operand: Operand, value: Any) -> torch.Tensor:
    """The tensor that was given; for an operand without axes a number will do."""
    if isinstance(value, torch.Tensor):
        return value
    if not operand.axes and isinstance(value, (int, float)) and (_is_real(operand) or not isinstance(value, float)):
        return torch.tensor(value, dtype=getattr(torch, operand.dtype))
    what = f"expected a torch tensor, got {type(value).__name__} (torch.as_tensor({operand.name}))"
    raise _wrong(operand.name, what)


def _is_real(operand: Operand) -> bool:
    return operand.dtype in ("float32", "float64")


def _wrong(operand: str, what: str) -> OperandError:
    return OperandError(f"heed: operand '{operand}': {what}", operand=operand)


def _check_kind(operand: Operand, tensor: torch.Tensor, device: torch.device) -> None:
    """Refuses what a call would refuse, of a tensor whose values nobody knows."""
    if tensor.device != device:
        raise _wrong(operand.name, f"expected a tensor on {device}, as the others, got one on {tensor.device}")
    if tensor.dtype != getattr(torch, operand.dtype):
        raise _wrong(operand.name, f"expected {operand.dtype}, got {str(tensor.dtype).removeprefix('torch.')}")
    if tensor.dim() != operand.rank:
        axes = ", ".join(axis.name for axis in operand.axes)
        raise _wrong(operand.name, f"expected {operand.rank} axes ({axes}), got {tensor.dim()}")
