"""The implementations that are compared: a class each, which runs in a process of its own."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

from ..errors import StudyError
from .peer import Peer

# name -> module, class, and what the class is given.
PEERS: dict[str, tuple[str, str, dict[str, str]]] = {
    "heed": ("heed_library", "HeedLibrary", {}),
    "heed clang": ("heed_library", "HeedLibrary", {"compiler": "clang++-19"}),
    "heed avx2": ("heed_library", "HeedLibrary", {"instruction_set": "x86-64-v3"}),
    "heed torch": ("heed_torch", "HeedTorch", {}),
    "SDPA": ("sdpa", "ScaledDotProductAttention", {}),
    "FlexAttention": ("flex", "FlexAttention", {}),
    "torch.compile": ("compiled", "CompiledFormula", {}),
    "ONNX Runtime": ("onnx_runtime", "OnnxRuntime", {}),
    "OpenVINO": ("open_vino", "OpenVino", {}),
    "JAX": ("jax_attention", "JaxAttention", {}),
    "tokamax": ("jax_attention", "ChunkedAttention", {}),
    "Eigen": ("eigen", "Eigen", {}),
    "C++ loops": ("loops", "Loops", {}),
}


def check_name(name: str, place: str, folder: Path) -> None:
    """StudyError where a study names no peer that there is: one of these, or FILE.py:CLASS."""
    if name in PEERS:
        return
    file, colon, class_name = name.rpartition(":")
    if not colon or not file.endswith(".py") or not class_name.isidentifier():
        raise StudyError(
            f"{place}: no implementation is called '{name}': there are {', '.join(PEERS)}, or FILE.py:CLASS"
        )
    if not (folder / file).is_file():
        raise StudyError(f"{place}: there is no file {folder / file} for the implementation '{name}'")


def make(name: str, folder: Path) -> Peer:
    """The peer of a name, FILE.py beside the study."""
    if name in PEERS:
        module, class_name, options = PEERS[name]
        peer = getattr(importlib.import_module(f".{module}", __name__), class_name)(**options)
    else:
        file, _, class_name = name.rpartition(":")
        spec = importlib.util.spec_from_file_location(Path(file).stem, folder / file)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        if not hasattr(module, class_name):
            raise StudyError(f"{folder / file}: it has no class {class_name}")
        peer = getattr(module, class_name)()
    peer.name = name
    return peer


__all__ = ["PEERS", "Peer", "check_name", "make"]
