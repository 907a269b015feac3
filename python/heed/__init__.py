"""heed: attention kernels, declared in a C++ header, called with arrays.

    import heed
    attend = heed.compile("variant.hpp")
    O = attend(q=Q, k=K, v=V)

What is imported here is imported on first use, so that the commands heed-kernel and heed-run need nothing but Python.
"""

from __future__ import annotations

import importlib
from typing import Any

from .errors import (
    CacheError,
    CompilationDisabled,
    CompileError,
    CompilerNotFound,
    DeclarationError,
    Error,
    KernelError,
    OpenMPError,
    OperandError,
)

__all__ = [
    "CacheError",
    "CompilationDisabled",
    "CompileError",
    "CompilerNotFound",
    "DeclarationError",
    "Error",
    "Kernel",
    "KernelError",
    "OpenMPError",
    "OperandError",
    "Signature",
    "__version__",
    "compile",
    "error_of",
    "info",
    "release_workspaces",
]

_PLACES = {
    "compile": "compilation",
    "Kernel": "kernel",
    "Signature": "signature",
    "error_of": "interface",
    "info": "information",
    "release_workspaces": "workspace",
}


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        value = getattr(importlib.import_module(f".{_PLACES[name]}", __name__), name)
        globals()[name] = value
        return value
    if name == "__version__":
        from .version import version

        globals()[name] = version()
        return globals()[name]
    if name == "torch":
        return importlib.import_module(".torch", __name__)
    raise AttributeError(f"module 'heed' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, "torch"])
