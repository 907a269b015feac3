"""heed through the C library that its generator makes: no more between the clock and the kernel than a call of C."""

from __future__ import annotations

import ctypes
import json
import time
from pathlib import Path
from typing import Any

import numpy

from heed import cache
from heed.build import BuildError, build
from heed.headers import heed_include
from heed.interface import Error, Tensor
from heed.loaded import Library, operands_of, tensor_of, written
from heed.toolchain import Toolchain, resolved_flags

from ..case import Case
from ..places import KERNELS, ROOT
from ..variant import Variant
from .peer import Peer

FUNCTIONS = {"forward": ("call",), "backward": ("backward",), "step": ("forward", "backward")}


class HeedLibrary(Peer):
    def __init__(self, compiler: str = "g++", instruction_set: str = "native") -> None:
        self.compiler, self.instruction_set = compiler, instruction_set
        self.seconds: float | None = None

    def absent(self) -> str | None:
        try:
            tools = Toolchain(self.compiler)
        except BuildError as error:
            return str(error).removeprefix("heed: ")
        if self.instruction_set != "native":
            missing = set(tools.features(self.instruction_set)) - set(tools.features("native"))
            if missing:
                return f"this processor lacks {', '.join(sorted(missing))}"
        return None

    def versions(self) -> dict[str, str]:
        return {"compiler": Toolchain(self.compiler).version, "instruction set": self.instruction_set}

    def prepare(self, case: Case, variant: Variant, x: dict[str, numpy.ndarray]) -> None:
        gradients = case.direction != "forward"
        library, self.seconds = compiled(variant, case.dtype, gradients, self.compiler, self.instruction_set)
        self.file = library
        kernel = Library(library).kernel("study")
        kernel.library.set_threads(case.threads)
        extents = dict(case.extents)
        values = {name: array for name, array in x.items() if name != "cotangent"}
        for operand in kernel.signature.cotangents:
            values[operand.name] = x["cotangent"]
        if "m" not in extents and "n" in extents:  # a layer's keys are its positions
            extents["m"] = extents["n"]
        known = kernel.extents({a.name: extents[a.name] for a in kernel.signature.axes if a.name in extents})
        for operand in kernel.signature.extents:
            values[operand.name] = numpy.array(known[operand.name], numpy.int64)
        self.kernel, self.arrays, self.calls, self.memory = kernel, {}, [], []
        self.workspace = 0
        saved = None
        names = FUNCTIONS[case.direction]
        for function in ("call",) if not gradients else ("forward", "backward"):
            arrays = self.arrays[function] = operands_of(kernel, function, known, values)
            name = "workspace_bytes" if function == "call" else f"{function}_workspace_bytes"
            workspace = self._bytes(kernel.bytes(name, arrays))
            self.workspace = max(self.workspace, workspace[1].value)
            if function == "forward":
                saved = self._bytes(kernel.bytes("saved_bytes", arrays))
            call = self._call(function, arrays, *(saved if function != "call" else ()), *workspace)
            if function in names:
                self.calls.append(call)
            elif function == "forward":
                call()
        self.names = names

    def _bytes(self, size: int) -> tuple[ctypes.c_void_p, ctypes.c_size_t]:
        memory = numpy.zeros(max(size, 1), numpy.uint8)
        self.memory.append(memory)
        return ctypes.c_void_p(memory.ctypes.data), ctypes.c_size_t(size)

    def _call(self, function: str, arrays: list[numpy.ndarray], *between: Any) -> Any:
        """A call with its operands described already; what it refuses is an exception."""
        tensors = (Tensor * len(arrays))(*map(tensor_of, arrays))
        error, code = Error(), getattr(self.kernel.library.calls, self.kernel.symbol(function))
        arguments = (tensors, ctypes.c_int32(len(arrays)), *between, ctypes.byref(error))

        def call() -> None:
            if code(*arguments):
                raise RuntimeError(error.message.decode(errors="replace"))

        return call

    def run(self) -> None:
        for call in self.calls:
            call()

    def results(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for function in self.names:
            given = written(self.kernel, function, self.arrays[function])
            found |= {"out" if function != "backward" else gradient_name(name): a for name, a in given.items()}
        return found

    def facts(self) -> dict[str, Any]:
        return {
            "workspace_bytes": self.workspace,
            "binary_bytes": self.file.stat().st_size,
            "compile_seconds": self.seconds,
        }


def gradient_name(name: str) -> str:
    """grad(q) of q; what is called so already stays."""
    return name if name.startswith("grad(") else f"grad({name})"


def compiled(
    variant: Variant, dtype: str, gradients: bool, compiler: str = "g++", instruction_set: str = "native"
) -> tuple[Path, float]:
    """The library of a variant, and the seconds that it took to compile when it was."""
    text = variant.header.read_text()
    beside = "".join(file.read_text(errors="replace") for file in sorted(variant.header.parent.glob("*.hpp")))
    python = tuple(sorted((ROOT / "python/heed").glob("*.py")))
    key = cache.digest(
        text, beside, str(variant.kernel(gradients)), cache.digest_of_folder(heed_include()),
        cache.digest_of_files(python),
        dtype, str(gradients),
        Toolchain(compiler).version, *resolved_flags(compiler, instruction_set),
        str(variant.has_reference),
    )[:24]  # fmt: skip
    folder = KERNELS / f"{variant.header.stem}-{key}"
    facts = folder / "facts.json"
    if not facts.exists():
        begin = time.monotonic()
        build(
            header=variant.header,
            out=folder,
            name="study",
            kernels=[variant.kernel(gradients)],
            only_given=True,
            compiler=compiler,
            instruction_sets=[instruction_set],
            defines={"REAL": {"float32": "float", "float64": "double"}[dtype]},
            flags=() if variant.has_reference else ("-DHEED_KERNEL_WITHOUT_REFERENCE",),
            products=("shared",),
        )
        facts.write_text(json.dumps({"seconds": time.monotonic() - begin}))
    return folder / "libstudy.so", json.loads(facts.read_text())["seconds"]
