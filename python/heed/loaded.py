"""A library of kernels seen from outside: what its metadata say, arrays that its functions take, calls."""

import ctypes
import json
import pathlib

import numpy

from .interface import DTYPES, Error, Tensor
from .object_file import EXPORTED_SYMBOLS, ObjectFile
from .signature import read_signature


class RunError(Exception):
    """One sentence for whoever runs the command."""


class Metadata(ctypes.Structure):
    """heed_metadata, of which this file reads the JSON."""

    _fields_ = [
        ("interface_version", ctypes.c_int32),
        ("heed_version", ctypes.c_char_p),
        ("name", ctypes.c_char_p),
        ("axis_count", ctypes.c_int32),
        ("axes", ctypes.c_void_p),
        ("function_count", ctypes.c_int32),
        ("functions", ctypes.c_void_p),
        ("instruction_sets", ctypes.c_void_p),
        ("instruction_set", ctypes.c_char_p),
        ("json", ctypes.c_char_p),
    ]


class Library:
    """kernels: name -> Kernel, by name."""

    def __init__(self, path):
        if not pathlib.Path(path).is_file():
            raise RunError(f"heed: there is no file {path}")
        try:
            names = ObjectFile(path).symbols(EXPORTED_SYMBOLS)
            self.calls = ctypes.CDLL(str(pathlib.Path(path).absolute()))
        except (ValueError, OSError) as error:
            raise RunError(f"heed: {path} is no library that can be loaded: {error}") from error
        found = sorted(name.removesuffix("_metadata") for name in names if name.endswith("_metadata"))
        self.kernels = {name: Kernel(self, name) for name in found if f"{name}_workspace_bytes" in names}
        if not self.kernels:
            raise RunError(f"heed: {path} holds no kernels of heed")

    def kernel(self, name):
        if name not in self.kernels:
            raise RunError(f"heed: there is no kernel '{name}' in the library: there are {', '.join(self.kernels)}")
        return self.kernels[name]

    def set_threads(self, count):
        """Of the OpenMP library that this library is linked with; without one there is one thread."""
        if not hasattr(self.calls, "omp_set_num_threads"):
            if count != 1:
                raise RunError("heed: the library is linked with no OpenMP: --threads 1")
            return
        self.calls.omp_set_num_threads(ctypes.c_int(count))


class Kernel:
    """One kernel; function names are without the kernel's: call, forward, backward, ..."""

    def __init__(self, library, name):
        self.library, self.name = library, name
        metadata = getattr(library.calls, f"{name}_metadata")
        metadata.restype = ctypes.POINTER(Metadata)
        self.metadata = json.loads(metadata().contents.json)
        self.signature = read_signature(self.metadata)

    def has(self, function):
        return hasattr(self.library.calls, self.symbol(function))

    def symbol(self, function):
        return self.name if function == "call" else f"{self.name}_{function}"

    def invoke(self, function, arrays, *arguments):
        """Calls a function with operands, and what stands between them and the error; RunError if it refuses."""
        tensors = (Tensor * max(len(arrays), 1))(*map(tensor_of, arrays))
        error = Error()
        code = getattr(self.library.calls, self.symbol(function))(
            tensors, ctypes.c_int32(len(arrays)), *arguments, ctypes.byref(error)
        )
        if code:
            raise RunError(error.message.decode(errors="replace") or f"heed: {self.symbol(function)}: error {code}")

    def bytes(self, function, arrays):
        """What NAME_workspace_bytes and its like say."""
        size = ctypes.c_size_t()
        self.invoke(function, arrays, ctypes.byref(size))
        return size.value

    def operations(self, function, arrays):
        """What NAME_operations says: NaN where it is not known."""
        flops = ctypes.c_double()
        self.invoke(function, arrays, ctypes.byref(flops))
        return flops.value

    def peak(self, threads, bits):
        peak = getattr(self.library.calls, f"{self.name}_peak")
        peak.restype = ctypes.c_double
        return peak(ctypes.c_int32(threads), ctypes.c_int32(bits))

    def extents(self, given):
        """The extent of every axis, from those that were given; RunError for one too many, too few or another."""
        known = {axis.name: axis.extent for axis in self.signature.axes}
        for name, extent in given.items():
            if name not in known:
                raise RunError(f"heed: kernel '{self.name}' has no axis '{name}': there are {', '.join(known)}")
            if known[name] not in (None, extent):
                raise RunError(f"heed: axis '{name}' of kernel '{self.name}' is declared {known[name]}, not {extent}")
        missing = [name for name, extent in known.items() if extent is None and name not in given]
        if missing:
            raise RunError(
                f"heed: kernel '{self.name}' wants an extent of {', '.join(missing)}, as in {missing[0]}=128"
            )
        return known | given


def tensor_of(array):
    """An array of numpy as a heed_tensor; numpy keeps the memory of its extents and strides."""
    strides = (ctypes.c_int64 * max(array.ndim, 1))(*(stride // array.itemsize for stride in array.strides))
    shape = (ctypes.c_int64 * max(array.ndim, 1))(*array.shape)
    code, bits = DTYPES[array.dtype.name]
    return Tensor(array.ctypes.data, (1, 0), array.ndim, (code, bits, 1), shape, strides, 0)


def shape_of(operand, extents):
    return tuple(extents[axis.name] for axis in operand.axes)


def input_array(operand, extents, random, ranges):
    """Values for an operand: indices inside their table, small whole numbers that do not fall, normal numbers."""
    shape = shape_of(operand, extents)
    if operand.role == "extent":
        return numpy.array(extents[operand.name], numpy.int64)
    if operand.name in ranges:
        low, high = ranges[operand.name]
        whole = operand.dtype in ("int8", "int32", "int64")
        return numpy.asarray(random.integers(low, high, shape) if whole else random.uniform(low, high, shape)).astype(
            operand.dtype
        )
    if operand.dtype == "bool":
        return numpy.asarray(random.random(shape) < 0.5)
    if operand.index_of is not None:
        return numpy.asarray(random.integers(0, max(extents[operand.index_of], 1), shape)).astype(operand.dtype)
    if operand.dtype in ("int8", "int32", "int64"):
        return (
            numpy.sort(random.integers(0, 4, shape), axis=-1).astype(operand.dtype)
            if shape
            else numpy.array(3, operand.dtype)
        )
    return numpy.asarray(random.standard_normal(shape)).astype(operand.dtype)


def operands_of(kernel, function, extents, values, dtype=None):
    """The arrays of a function in order: what it reads from `values`, new ones for what it writes (of `dtype`)."""
    return [
        (
            values[operand.name]
            if operand.role in ("input", "extent", "cotangent")
            else numpy.full(
                shape_of(operand, extents),
                0 if "int" in operand.dtype else numpy.nan,
                operand.dtype if dtype is None else dtype,
            )
        )
        for operand in kernel.signature.functions[function].operands
    ]


def written(kernel, function, arrays):
    """name -> array of what a function has written."""
    return {
        operand.name: array
        for operand, array in zip(kernel.signature.functions[function].operands, arrays)
        if operand.role in ("result", "gradient")
    }


def values_for(kernel, extents, ranges, seed=1):
    """name -> array of everything that the kernel's functions read."""
    unknown = [name for name in ranges if name not in [operand.name for operand in kernel.signature.inputs]]
    if unknown:
        raise RunError(
            f"heed: kernel '{kernel.name}' has no input '{unknown[0]}': there are "
            f"{', '.join(operand.name for operand in kernel.signature.inputs)}"
        )
    random = numpy.random.default_rng(seed)
    read = kernel.signature.inputs + kernel.signature.extents + kernel.signature.cotangents
    return {operand.name: input_array(operand, extents, random, ranges) for operand in read}
