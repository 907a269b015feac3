"""The C interface of a kernel as ctypes types (include/heed/export/interface.h), and its errors as exceptions."""

from __future__ import annotations

import ctypes

from .errors import Error as HeedError
from .errors import KernelError, OperandError

INTERFACE_VERSION = 1

OK = 0
WRONG_COUNT = 1
WRONG_RANK = 2
WRONG_DTYPE = 3
WRONG_DEVICE = 4
WRONG_EXTENT = 5
WRONG_MEMORY = 6
OVERLAP = 7
WRONG_VALUE = 8
WORKSPACE_TOO_SMALL = 9
WRONG_SAVED = 10
OUT_OF_MEMORY = 11
UNKNOWN_INSTRUCTION_SET = 12
INTERNAL = 13

# heed_dtype's code and bits by the name that metadata use.
DTYPES = {"int8": (0, 8), "int32": (0, 32), "int64": (0, 64), "float32": (2, 32), "float64": (2, 64), "bool": (6, 8)}


class Device(ctypes.Structure):
    """heed_device."""

    _fields_ = [("type", ctypes.c_int32), ("id", ctypes.c_int32)]


class DType(ctypes.Structure):
    """heed_dtype."""

    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class Tensor(ctypes.Structure):
    """heed_tensor, which has the layout of DLPack's DLTensor."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device", Device),
        ("ndim", ctypes.c_int32),
        ("dtype", DType),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


class Error(ctypes.Structure):
    """heed_error."""

    _fields_ = [
        ("code", ctypes.c_int32),
        ("operand", ctypes.c_char * 64),
        ("axis", ctypes.c_char * 64),
        ("expected", ctypes.c_char * 256),
        ("got", ctypes.c_char * 256),
        ("message", ctypes.c_char * 768),
    ]


OPERAND_CODES = frozenset(
    {WRONG_COUNT, WRONG_RANK, WRONG_DTYPE, WRONG_DEVICE, WRONG_EXTENT, WRONG_MEMORY, OVERLAP, WRONG_VALUE, WRONG_SAVED}
)
WHAT_TO_DO = {
    OVERLAP: "give results memory of their own",
    UNKNOWN_INSTRUCTION_SET: "what Python compiles is for this machine alone: unset HEED_ISA",
    OUT_OF_MEMORY: "shorter inputs, fewer threads (OMP_NUM_THREADS) or more memory",
    WRONG_SAVED: "give backward what forward of this very kernel has saved for inputs of the same extents",
}


def error_of(error: Error) -> HeedError:
    """The exception for what a function of a kernel has written into its heed_error."""
    message = error.message.decode(errors="replace") or f"heed: error {error.code}"
    if error.code in WHAT_TO_DO:
        message += f" ({WHAT_TO_DO[error.code]})"
    if error.code not in OPERAND_CODES:
        return KernelError(message, error.code)
    parts = {name: getattr(error, name).decode(errors="replace") for name in ("operand", "axis", "expected", "got")}
    return OperandError(message, code=error.code, **parts)
