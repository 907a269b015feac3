"""heed through the C library that its generator makes, in a program of Google Benchmark: no more between the clock and
the kernel than a call of C."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy

from heed import cache
from heed.build import BuildError, build
from heed.headers import heed_include
from heed.loaded import Library, shape_of
from heed.toolchain import Toolchain, resolved_flags

from ..case import Case
from ..errors import StudyError
from ..places import KERNELS, ROOT
from ..variant import Variant
from .heed_cell import Function, HeedCell, library_version, program, samples_of
from .peer import Peer

FUNCTIONS = {"forward": ("call",), "backward": ("backward",), "step": ("forward", "backward")}


class HeedLibrary(Peer):
    def __init__(self, compiler: str = "g++", instruction_set: str = "native") -> None:
        self.compiler, self.instruction_set = compiler, instruction_set
        self.seconds: float | None = None
        self.cell: HeedCell | None = None

    def absent(self) -> str | None:
        try:
            tools = Toolchain(self.compiler)
            program()
        except (BuildError, StudyError) as error:
            return str(error).removeprefix("heed: ")
        if self.instruction_set != "native":
            missing = set(tools.features(self.instruction_set)) - set(tools.features("native"))
            if missing:
                return f"this processor lacks {', '.join(sorted(missing))}"
        return None

    def versions(self) -> dict[str, str]:
        return {
            "compiler": Toolchain(self.compiler).version,
            "instruction set": self.instruction_set,
            "Google Benchmark": library_version(),
        }

    def prepare(self, case: Case, variant: Variant, x: dict[str, numpy.ndarray]) -> None:
        """A new process for each case. A backward pass that is measured alone has its forward pass called before."""
        self.end()
        gradients = case.direction != "forward"
        self.file, self.seconds = compiled(variant, case.dtype, gradients, self.compiler, self.instruction_set)
        kernel = Library(self.file).kernel("study")
        extents = dict(case.extents)
        values = {name: array for name, array in x.items() if name != "cotangent"}
        for operand in kernel.signature.cotangents:
            values[operand.name] = x["cotangent"]
        if "m" not in extents and "n" in extents:  # a layer's keys are its positions
            extents["m"] = extents["n"]
        known = kernel.extents({a.name: extents[a.name] for a in kernel.signature.axes if a.name in extents})
        for operand in kernel.signature.extents:
            values[operand.name] = numpy.array(known[operand.name], numpy.int64)
        self.names: dict[str, str] = {}  # of what the timed functions write: as the gate calls it
        inputs: dict[str, numpy.ndarray] = {}
        outputs: dict[str, tuple[tuple[int, ...], str]] = {}
        functions = []
        for name in ("forward", "backward") if gradients else ("call",):
            functions.append(Function(kernel.symbol(name), name in FUNCTIONS[case.direction], gradients, []))
            for operand in kernel.signature.functions[name].operands:
                key = operand.name
                if operand.role in ("result", "gradient"):
                    key = f"{name}: {operand.name}"
                    outputs[key] = shape_of(operand, known), operand.dtype
                    self.names[key] = gradient_name(operand.name) if name == "backward" else "out"
                else:
                    inputs[key] = values[key]
                functions[-1].operands.append(key)
        bits = 64 if case.dtype == "float64" else 32
        self.cell = HeedCell(f"{self.name} {case.key}", self.file, case.threads, bits, inputs, outputs, functions)

    def run(self) -> None:
        self.cell.call()

    def measured(self, samples: int, repeat: int) -> dict[str, Any]:
        return samples_of(self.cell.turn(samples, repeat))

    def results(self) -> dict[str, Any]:
        return {self.names[name]: array for name, array in self.cell.results().items()}

    def facts(self) -> dict[str, Any]:
        return {
            "workspace_bytes": self.cell.workspace_bytes,
            "binary_bytes": self.file.stat().st_size,
            "compile_seconds": self.seconds,
            "pools": [f"OpenMP: {self.cell.team} threads"],
        }

    def end(self) -> None:
        if self.cell is not None:
            self.cell.end()
        self.cell = None


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
