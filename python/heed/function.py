"""A C function of a kernel as a Python callable: arrays in, arrays out, at a few microseconds a call.

What depends on element types, shapes and strides alone is a `Layout`: descriptors without addresses, shapes of results,
bytes of workspace. It is made and checked on the first call with such arrays; further calls find it in a dictionary, so
that all there is left to do is to fetch addresses, allocate results and call.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from typing import Any

import numpy

from . import interface, workspace
from .arrays import DLPACK, NUMPY, TORCH, NumpyKind, TorchKind, kind_of, numpy_address, plain
from .errors import OperandError
from .signature import FunctionSignature, Operand

MAX_LAYOUTS = 256  # a loop over ever new lengths shall not fill the memory

Kind = NumpyKind | TorchKind


class Layout:
    """What calls with the same element types, shapes and strides have in common.

    template: arguments of struct.pack, address and remainder of every operand in turn, addresses of arrays still 0;
    made: what makes the results; saved: what makes memory for what forward keeps; memory: what the template points to.
    """

    __slots__ = ("template", "made", "saved", "workspace_bytes", "saved_bytes", "memory")


class Function:
    """A function of a kernel. Arrays are handed in by name, or by position in the order of the signature."""

    def __init__(self, library: ctypes.CDLL, signature: FunctionSignature, *, kernel: str) -> None:
        operands = signature.operands
        self.function_signature = signature
        self._library = library
        self._kernel = kernel
        self._is_forward = signature.name == kernel + "_forward"
        self._is_backward = signature.name == kernel + "_backward"
        self._keeps = self._is_forward or self._is_backward
        self._given = [i for i, x in enumerate(operands) if x.role in ("input", "cotangent")]
        self._extents = [i for i, x in enumerate(operands) if x.role == "extent"]
        self._made = [i for i, x in enumerate(operands) if x.role in ("result", "gradient")]
        self._names = [operands[i].name for i in self._given]
        # Extents that a call gives as numbers: of axes that no array carries, and of those that new results alone
        # carry.
        carried = {axis.name for i in self._given for axis in operands[i].axes} | {
            operands[i].name for i in self._extents
        }
        of_results = [axis.name for i in self._made for axis in operands[i].axes if axis.extent is None]
        self.extent_names = [operands[i].name for i in self._extents]
        self.extent_names += [name for name in dict.fromkeys(of_results) if name not in carried]
        self._all_names = self._names + self.extent_names
        self._made_names = [operands[i].name for i in self._made]
        self._single = len(self._made) == 1 and not self._is_backward
        # Where addresses stand among the arguments of pack.
        self._count = len(operands)
        self._pack = struct.Struct("=" + "Q40s" * self._count).pack
        self._plain_order = self._given + self._made == list(range(self._count))
        self._layouts: dict[tuple, Layout] = {}
        pointer, size = ctypes.c_void_p, ctypes.c_size_t
        self._call = getattr(library, signature.name)
        memory = [pointer, size, pointer, size] if self._keeps else [pointer, size]
        self._call.argtypes = [pointer, ctypes.c_int32, *memory, pointer]
        self._call.restype = ctypes.c_int32
        self._workspace_bytes = self._query(signature.name + "_workspace_bytes")
        self._saved_bytes = self._query(kernel + "_saved_bytes") if self._is_forward else None

    def _query(self, symbol: str) -> Any:
        """A function that says how many bytes a call wants."""
        query = getattr(self._library, symbol)
        query.argtypes = [ctypes.c_void_p, ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p]
        query.restype = ctypes.c_int32
        return query

    def __call__(self, *positional: Any, out: Any = None, saved: Any = None, **named: Any) -> Any:
        """Calls the kernel: `attend(q=Q, k=K, v=V)`, `attend(Q, K, V)`; axes that no array carries by name, `n=128`,
        and those that only new results carry.

        out: where results go, one array, a tuple in the order of results, or a dict by name; without it new arrays of
        the kind that came in. Of `forward` the result is (results, saved); `backward` takes saved=... and gives a
        dict of gradients by the name of the input.
        """
        numbers = self.extent_names if out is None else self.extent_names[: len(self._extents)]
        if positional or len(named) != len(self._names) + len(numbers):
            named = self._bind(positional, named, numbers)
        try:
            arrays = [named[name] for name in self._names]
            extents = [self.checked_extent(name, named[name]) for name in numbers]
        except KeyError:
            named = self._bind(positional, named, numbers)  # raises
        kind, originals = NUMPY, arrays
        for array in arrays:
            if type(array) is not numpy.ndarray:
                kind, arrays = self._look(arrays)
                break
        if out is None:
            results = self.run(kind, arrays, extents, None, saved)
            if kind is DLPACK:
                results = [kind.give_back(array, originals[0]) for array in results]
        else:
            outs = self._outs_of(out)
            saved = self.run(kind, arrays, extents, self._look_at_outs(kind, outs), saved)[-1]
            results = [*outs, saved] if self._is_forward else outs
        if self._is_forward:
            saved = results.pop()
            return (out if out is not None else results[0] if self._single else tuple(results)), saved
        if self._is_backward:
            return dict(zip(self._made_names, results))
        return out if out is not None else results[0] if self._single else tuple(results)

    def run(self, kind: Kind, arrays: list, extents: list[int], outs: list | None = None, saved: Any = None) -> list:
        """Calls the kernel with arrays as their kind looks at them, in the order of the signature: inputs, cotangents.

        Gives the results, new ones or those of outs; behind them, of forward, what it has saved.
        """
        return self.run_as(self.layout(kind, arrays, extents, outs), kind, arrays, outs, saved)

    def run_as(
        self, layout: Layout, kind: Kind, arrays: Sequence[Any], outs: list | None = None, saved: Any = None
    ) -> list:
        """`run` with arrays whose layout is known."""
        kind.prepare()
        if outs is None:
            outs = [make() for make in layout.made]
        if self._is_forward and saved is None:
            outs = [*outs, layout.saved()]
            addresses = kind.addresses([*arrays, *outs])
            memory = addresses.pop(), layout.saved_bytes
            self._run(layout, addresses, memory)
            return outs
        memory = ()
        if self._keeps or saved is not None:
            saved, *memory = self._saved(saved, kind)
        self._run(layout, kind.addresses([*arrays, *outs]), memory)
        return [*outs, saved] if self._is_forward else outs

    def layout(self, kind: Kind, arrays: list, extents: list[int], outs: list | None = None) -> Layout:
        """The layout of a call, from the dictionary or new; no data are looked at."""
        key = (kind, *kind.keys(arrays if outs is None else arrays + outs), *extents)
        layout = self._layouts.get(key)
        if layout is None:
            layout = self._new_layout(key, kind, arrays if outs is None else arrays + outs, extents)
        return layout

    # --- what a call was given ------------------------------------------------------------------------------------

    def _bind(self, positional: tuple, named: dict[str, Any], numbers: list[str]) -> dict[str, Any]:
        """Names for what came by position; raises OperandError for too many, unknown, missing and twice given ones."""
        takes = f"{self.function_signature.name} takes {', '.join(self._all_names) or 'no arrays'}"
        if len(positional) > len(self._names):
            raise OperandError(
                f"heed: expected at most {len(self._names)} arrays, got {len(positional)} ({takes})",
                expected=str(len(self._names)),
                got=str(len(positional)),
            )
        bound = dict(zip(self._names, positional))
        for name, value in named.items():
            if name not in self._all_names:
                raise OperandError(f"heed: there is no operand '{name}' ({takes})", operand=name)
            if name in bound:
                raise OperandError(f"heed: operand '{name}' is given twice, by position and by name", operand=name)
            bound[name] = value
        for name in (*self._names, *numbers):
            if name not in bound:
                what = "axis" if name in numbers else "operand"
                raise OperandError(f"heed: {what} '{name}' is missing ({takes})", operand=name)
        return bound

    def _look(self, arrays: list) -> tuple[Kind, list]:
        """The kind of these arrays, which must be one, and the arrays as that kind looks at them."""
        kinds = [self._kind_of(i, array) for i, array in enumerate(arrays)]
        found = {kind for kind in kinds if kind is not None} or {NUMPY}
        if len(found) > 1:
            names = ", ".join(f"{name}: {type(array).__name__}" for name, array in zip(self._names, arrays))
            raise OperandError(
                f"heed: expected arrays of one kind, got {names} (torch.from_numpy, numpy.asarray)",
                expected="arrays of one kind",
                got=names,
            )
        kind = found.pop()
        operands = [self.function_signature.operands[i] for i in self._given]
        return kind, [
            kind.number(array, x.dtype) if of is None else plain(x.name, kind, array)
            for of, x, array in zip(kinds, operands, arrays)
        ]

    def _kind_of(self, i: int, value: Any) -> Kind | None:
        """The kind of the array; None for a Python number where an operand has no axes, which fits every kind."""
        operand = self.function_signature.operands[self._given[i]]
        fits = (int, float) if operand.dtype.startswith("float") else bool if operand.dtype == "bool" else int
        return None if operand.rank == 0 and isinstance(value, fits) else kind_of(operand.name, value)

    def _outs_of(self, out: Any) -> list:
        """The arrays in out=..., in the order of results."""
        names = self._made_names
        if isinstance(out, dict):
            if set(out) != set(names):
                raise OperandError(
                    f"heed: out: expected {', '.join(names)}, got {', '.join(map(str, out))}",
                    operand="out",
                    expected=", ".join(names),
                    got=", ".join(map(str, out)),
                )
            return [out[name] for name in names]
        outs = list(out) if isinstance(out, (tuple, list)) else [out]
        if len(outs) != len(names):
            raise OperandError(
                f"heed: out: expected {len(names)} arrays ({', '.join(names)}), got {len(outs)}",
                operand="out",
                expected=str(len(names)),
                got=str(len(outs)),
            )
        return outs

    def _look_at_outs(self, kind: Kind, outs: list) -> list:
        """The arrays of out=... as their kind looks at them: of the operands' kind, and writable."""
        looked = []
        for name, array in zip(self._made_names, outs):
            of = kind_of(name, array)
            if of is not kind:
                raise OperandError(
                    f"heed: operand '{name}': expected an array of the operands' kind, {kind.name}, got "
                    f"{type(array).__name__}",
                    operand=name,
                    expected=kind.name,
                    got=type(array).__name__,
                )
            array = plain(name, of, array)
            if not isinstance(array, numpy.ndarray) and of is not TORCH or not of.is_writable(array):
                raise OperandError(
                    f"heed: operand '{name}': expected memory that may be written, got a read-only array",
                    operand=name,
                    expected="memory that may be written",
                    got="a read-only array",
                )
            looked.append(array)
        return looked

    def _saved(self, saved: Any, kind: Kind) -> tuple[Any, int, int]:
        """The saved block that the caller gave, with its address and bytes."""
        if not self._keeps:
            raise OperandError("heed: 'saved' is an operand of backward alone", operand="saved")
        if saved is None:
            raise OperandError(
                "heed: operand 'saved' is missing (results, saved = kernel.forward(...))", operand="saved"
            )
        if kind is TORCH and hasattr(saved, "data_ptr"):
            return saved, saved.data_ptr(), saved.numel() * saved.element_size()
        array = numpy.frombuffer(saved, numpy.uint8) if not isinstance(saved, numpy.ndarray) else saved
        if not array.flags.c_contiguous:
            raise OperandError("heed: operand 'saved': expected contiguous memory", operand="saved")
        if numpy_address(array) % 8:
            raise OperandError(
                "heed: operand 'saved': expected memory at a multiple of 8 bytes (numpy.copy(saved))", operand="saved"
            )
        return saved, numpy_address(array), array.nbytes

    # --- layouts --------------------------------------------------------------------------------------------------

    def _new_layout(self, key: tuple, kind: Kind, arrays: list, extents: list) -> Layout:
        """The layout of a first call with such arrays; raises OperandError where they do not fit."""
        operands = self.function_signature.operands
        described: dict[int, tuple] = {}
        for i, array in zip(self._given + self._made, arrays):
            described[i] = self._described(operands[i], kind, array)
        numbers = dict(zip(self.extent_names, extents))
        of_axes = {axis.name: axis.extent for x in operands for axis in x.axes if axis.extent is not None}
        for i in self._given:
            for axis, extent in zip(operands[i].axes, described[i][0]):
                of_axes.setdefault(axis.name, extent)
        of_axes.update(numbers)

        layout = Layout()
        layout.made, layout.memory, layout.template = [], [], []
        for i, x in enumerate(operands):
            address = 0
            if x.role == "extent":
                number = ctypes.c_int64(numbers[x.name])
                layout.memory.append(number)
                address, (shape, strides) = ctypes.addressof(number), ((), ())
            elif i in described:
                shape, strides = described[i]
            else:
                shape, strides = tuple(of_axes[axis.name] for axis in x.axes), None
                layout.made.append(kind.maker(shape, x.dtype))
            layout.template += [address, self._remainder(layout, x, shape, strides)]
        layout.workspace_bytes = self._bytes(self._workspace_bytes, layout)
        layout.saved_bytes = self._bytes(self._saved_bytes, layout) if self._is_forward else 0
        layout.saved = kind.maker((layout.saved_bytes,), "uint8")
        if len(self._layouts) >= MAX_LAYOUTS:
            self._layouts.clear()
        self._layouts[key] = layout
        return layout

    @staticmethod
    def _described(operand: Operand, kind: Kind, array: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Shape and strides of an array, after its element type and rank have been checked."""
        dtype, shape, strides = kind.describe(operand.name, array)
        if dtype != operand.dtype:
            written = operand.role in ("result", "gradient")
            hint = "out= takes memory of that type" if written else kind.convert_hint(operand.name, operand.dtype)
            raise OperandError(
                f"heed: operand '{operand.name}': expected {operand.dtype}, got {dtype} ({hint})",
                operand=operand.name,
                expected=operand.dtype,
                got=dtype,
                code=interface.WRONG_DTYPE,
            )
        if len(shape) != operand.rank:
            axes = ", ".join(axis.name for axis in operand.axes)
            raise OperandError(
                f"heed: operand '{operand.name}': expected {operand.rank} axes ({axes}), got {len(shape)}",
                operand=operand.name,
                expected=str(operand.rank),
                got=str(len(shape)),
                code=interface.WRONG_RANK,
            )
        return shape, strides

    @staticmethod
    def checked_extent(name: str, value: Any) -> int:
        """The extent of an axis that no array carries."""
        try:
            number = value.__index__()
        except (AttributeError, TypeError):
            raise OperandError(
                f"heed: axis '{name}': expected a whole number, got {type(value).__name__}",
                operand=name,
                axis=name,
                expected="a whole number",
                got=type(value).__name__,
            ) from None
        if not 0 <= number < 2**31:
            raise OperandError(
                f"heed: axis '{name}': expected an extent of 0 to 2147483647, got {number}",
                operand=name,
                axis=name,
                expected="0 to 2147483647",
                got=str(number),
                code=interface.WRONG_EXTENT,
            )
        return number

    @staticmethod
    def _remainder(layout: Layout, operand: Operand, shape: tuple[int, ...], strides: tuple[int, ...] | None) -> bytes:
        """A heed_tensor behind its first member, the address."""
        code, bits = interface.DTYPES[operand.dtype]
        pointers = []
        for numbers in (shape, strides):
            if numbers:
                memory = (ctypes.c_int64 * len(numbers))(*numbers)
                layout.memory.append(memory)
                pointers.append(ctypes.addressof(memory))
            else:
                pointers.append(0)
        return struct.pack("=iiiBBHQQQ", 1, 0, len(shape), code, bits, 1, *pointers, 0)

    def _bytes(self, query: Any, layout: Layout) -> int:
        """What a query says for this layout; raises what it refuses."""
        bytes_wanted, error = ctypes.c_size_t(), interface.Error()
        if query(self._pack(*layout.template), self._count, ctypes.byref(bytes_wanted), ctypes.byref(error)):
            raise interface.error_of(error)
        return bytes_wanted.value

    # --- the call -------------------------------------------------------------------------------------------------

    def _run(self, layout: Layout, addresses: list[int], memory: Sequence[int]) -> None:
        """Calls the C function. Where it fails it is called again with a heed_error: all checks stand before
        writing."""
        arguments = layout.template.copy()
        if self._plain_order:
            arguments[::2] = addresses
        else:
            for i, address in zip(self._given + self._made, addresses):
                arguments[2 * i] = address
        descriptors = self._pack(*arguments)
        space = workspace.take(layout.workspace_bytes)
        try:
            code = self._call(descriptors, self._count, *memory, space.address, space.size, None)
            if code == interface.OK:
                return
            if code == interface.WORKSPACE_TOO_SMALL:  # more threads than when the layout was made
                layout.workspace_bytes = self._bytes(self._workspace_bytes, layout)
                space = workspace.take(layout.workspace_bytes)
            error = interface.Error()
            if self._call(descriptors, self._count, *memory, space.address, space.size, ctypes.byref(error)):
                raise interface.error_of(error)
        finally:
            workspace.give_back(space)
