"""Kinds of arrays: how numpy's, torch's and everybody else's (__dlpack__) are looked at without a copy, and made anew.

A kind answers for arrays their keys (element type, shape, strides: what a layout depends on) and their addresses.
"""

from __future__ import annotations

import ctypes
import functools
import math
import sys
from collections.abc import Callable
from typing import Any

import numpy

from .errors import OperandError

NUMPY_DTYPES = {name: numpy.dtype(name) for name in ("int8", "int32", "int64", "float32", "float64", "bool", "uint8")}


def _address_is_a_field() -> bool:
    """Does an ndarray hold its address right behind the object's head, as numpy's C interface has it?"""
    base = numpy.arange(24, dtype=numpy.float32).reshape(2, 3, 4)
    return all(
        ctypes.c_void_p.from_address(id(array) + object.__basicsize__).value == array.__array_interface__["data"][0]
        for array in (base, base[1:, ::-1], base.T)
    )


if sys.implementation.name == "cpython" and _address_is_a_field():
    _from_address, _behind_head = ctypes.c_void_p.from_address, object.__basicsize__

    def numpy_address(array: numpy.ndarray) -> int:
        """Where the first element lies: a seventh of the time that __array_interface__ takes."""
        return _from_address(id(array) + _behind_head).value
else:

    def numpy_address(array: numpy.ndarray) -> int:
        """Where the first element lies."""
        return array.__array_interface__["data"][0]


class NumpyKind:
    """numpy.ndarray; its strides are in bytes."""

    name = "numpy"

    @staticmethod
    def keys(arrays: list[numpy.ndarray]) -> list[tuple]:
        """What a layout depends on."""
        return [(array.dtype, array.shape, array.strides) for array in arrays]

    @staticmethod
    def addresses(arrays: list[numpy.ndarray]) -> list[int]:
        """Where the first elements lie."""
        return [*map(numpy_address, arrays)]

    @staticmethod
    def prepare() -> None:
        """Nothing is to be done before a call."""

    @staticmethod
    def describe(name: str, array: numpy.ndarray) -> tuple[str, tuple[int, ...], tuple[int, ...] | None]:
        """Element type, shape, strides in elements. Raises OperandError for what no kernel can read."""
        dtype, size = array.dtype, array.dtype.itemsize
        if not dtype.isnative:
            raise OperandError(
                f"heed: operand '{name}': expected the machine's byte order, got {dtype} "
                f"({name}.astype({name}.dtype.newbyteorder('=')))",
                operand=name,
                expected="the machine's byte order",
                got=str(dtype),
            )
        if size == 0 or any(stride % size for stride, extent in zip(array.strides, array.shape) if extent > 1):
            raise OperandError(
                f"heed: operand '{name}': expected strides that are whole elements, got {array.strides} "
                f"bytes for {dtype} (numpy.ascontiguousarray({name}))",
                operand=name,
                expected="strides that are whole elements",
                got=str(array.strides),
            )
        return dtype.name, array.shape, tuple(stride // size for stride in array.strides)

    @staticmethod
    def maker(shape: tuple[int, ...], dtype: str) -> Callable[[], numpy.ndarray]:
        """What makes new arrays of this shape and element type."""
        return functools.partial(numpy.empty, shape, dtype)

    @staticmethod
    def number(value: float, dtype: str) -> numpy.ndarray:
        """A number as an array without axes."""
        return numpy.asarray(value, NUMPY_DTYPES[dtype])

    @staticmethod
    def is_writable(array: numpy.ndarray) -> bool:
        """Whether a result may be written there."""
        return array.flags.writeable

    @staticmethod
    def convert_hint(name: str, dtype: str) -> str:
        """How to make another element type of it."""
        return f"{name}.astype('{dtype}')"


class TorchKind:
    """torch.Tensor on the processor; heed.torch makes functions of kernels that autograd knows."""

    name = "torch"

    @staticmethod
    def keys(tensors: list) -> list[tuple]:
        """What a layout depends on."""
        return [(tensor.dtype, tensor.shape, tensor.stride()) for tensor in tensors]

    @staticmethod
    def addresses(tensors: list) -> list[int]:
        """Where the first elements lie."""
        return [tensor.data_ptr() for tensor in tensors]

    @staticmethod
    def prepare() -> None:
        """Before a call: asked for its number of threads, torch tells it OpenMP in a thread where it has not run
        yet."""
        sys.modules["torch"].get_num_threads()

    @staticmethod
    def describe(name: str, tensor: Any) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
        """Element type, shape, strides in elements. Raises OperandError for what no kernel can read."""
        return str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape), tuple(tensor.stride())

    @staticmethod
    def check(name: str, tensor: Any) -> None:
        """Refuses what key and address cannot tell: another device, a sparse layout, a lazy sign, a wanted gradient."""
        if tensor.device.type != "cpu":
            raise wrong_device(name, str(tensor.device), f"{name}.cpu()")
        if tensor.layout is not sys.modules["torch"].strided:
            raise OperandError(
                f"heed: operand '{name}': expected a dense tensor, got {tensor.layout} ({name}.to_dense())",
                operand=name,
                expected="a dense tensor",
                got=str(tensor.layout),
            )
        if tensor.is_neg() or tensor.is_conj():
            raise OperandError(
                f"heed: operand '{name}': expected values as they lie in memory, got a tensor whose sign "
                f"is lazy ({name}.resolve_neg())",
                operand=name,
                got="a lazy sign",
            )
        if tensor.requires_grad and sys.modules["torch"].is_grad_enabled():
            raise OperandError(
                f"heed: operand '{name}': requires a gradient, which this kernel would lose "
                f"(heed.torch.function, or {name}.detach())",
                operand=name,
                got="requires_grad",
            )

    @staticmethod
    def maker(shape: tuple[int, ...], dtype: str) -> Callable[[], Any]:
        """What makes new tensors of this shape and element type. (torch.empty takes longer to read its arguments.)"""
        torch = sys.modules["torch"]
        strides = tuple(math.prod(max(extent, 1) for extent in shape[i + 1 :]) for i in range(len(shape)))
        device = torch.device("cpu")  # whatever torch.set_default_device says
        return functools.partial(torch.empty_strided, shape, strides, dtype=getattr(torch, dtype), device=device)

    @staticmethod
    def number(value: float, dtype: str) -> Any:
        """A number as a tensor without axes."""
        torch = sys.modules["torch"]
        return torch.tensor(value, dtype=getattr(torch, dtype))

    @staticmethod
    def is_writable(tensor: Any) -> bool:
        """Whether a result may be written there."""
        return True

    @staticmethod
    def convert_hint(name: str, dtype: str) -> str:
        """How to make another element type of it."""
        return f"{name}.to(torch.{dtype})"


class DlpackKind(NumpyKind):
    """Arrays of others that have __dlpack__: seen through numpy, and results are handed back as their kind."""

    name = "dlpack"

    @staticmethod
    def give_back(array: numpy.ndarray, like: Any) -> Any:
        """A result as an array of the library that `like` is of, where that library reads DLPack; else as it is."""
        for library in (
            getattr(like, "__array_namespace__", lambda: None)(),
            sys.modules.get(type(like).__module__.partition(".")[0]),
        ):
            if hasattr(library, "from_dlpack"):
                return library.from_dlpack(array)
        return array


NUMPY, TORCH, DLPACK = NumpyKind(), TorchKind(), DlpackKind()


def wrong_device(name: str, got: str, remedy: str) -> OperandError:
    """The error for an array in memory that the processor does not read."""
    return OperandError(
        f"heed: operand '{name}': expected the processor's memory, got {got} ({remedy})",
        operand=name,
        expected="cpu",
        got=got,
    )


def kind_of(name: str, value: Any) -> NumpyKind | TorchKind:
    """Which kind of array this is. Raises OperandError if it is none."""
    if isinstance(value, (numpy.ndarray, numpy.generic)):
        if isinstance(value, numpy.ma.MaskedArray):
            raise OperandError(
                f"heed: operand '{name}': expected an array, got a masked one, whose mask would be lost "
                f"({name}.filled(...))",
                operand=name,
                expected="an array",
                got="a masked array",
            )
        return NUMPY
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return TORCH
    if hasattr(value, "__dlpack__") and hasattr(value, "__dlpack_device__"):
        return DLPACK
    raise OperandError(
        f"heed: operand '{name}': expected an array, got {type(value).__name__} (numpy.asarray({name}, ...))",
        operand=name,
        expected="an array",
        got=type(value).__name__,
    )


# DLPack's numbers of devices that hold memory of the processor, and names of others.
HOST_DEVICES = {1, 3, 11}
DEVICE_NAMES = {2: "cuda", 4: "opencl", 7: "vulkan", 8: "metal", 10: "rocm", 13: "cuda managed", 14: "oneapi"}


def seen_through_numpy(name: str, value: Any) -> numpy.ndarray:
    """The memory of an array with __dlpack__ as a numpy array. Raises OperandError where numpy cannot see it."""
    device, number = value.__dlpack_device__()
    if int(device) not in HOST_DEVICES:
        raise wrong_device(
            name, f"{DEVICE_NAMES.get(int(device), f'device {int(device)}')}:{number}", "copy it to the processor first"
        )
    try:
        return numpy.from_dlpack(value)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise OperandError(
            f"heed: operand '{name}': expected an array that numpy reads through DLPack, got "
            f"{type(value).__name__}: {error}",
            operand=name,
            got=type(value).__name__,
        ) from error


def plain(name: str, kind: NumpyKind | TorchKind, value: Any) -> Any:
    """The value as an array that its kind can look at: checked, and seen through numpy where it is somebody else's."""
    if kind is TORCH:
        kind.check(name, value)
        return value
    if kind is DLPACK:
        return seen_through_numpy(name, value)
    return value if type(value) is numpy.ndarray else numpy.asarray(value)
