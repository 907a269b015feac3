"""The program of Google Benchmark in which heed is measured (heed_cell.cpp): compiled, given operands, asked."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy

from heed.interface import DTYPES

from .. import native
from ..errors import StudyError
from ..peak import library as peak_loop

SOURCE = Path(__file__).with_name("heed_cell.cpp")
FLAGS = ("-std=c++20", "-O2", "-pthread")
# Of its context: what is not in the record's machine already, and says nothing of where it ran.
LEFT_OUT = ("date", "host_name", "executable", "caches")


@functools.cache
def program() -> Path:
    """The compiled file; StudyError where Google Benchmark is not there."""
    try:
        return native.made(SOURCE, FLAGS, libraries=("-lbenchmark", "-ldl"))
    except StudyError as error:
        if re.search(r"benchmark/benchmark\.h|-lbenchmark", str(error)):
            raise StudyError("Google Benchmark is not installed (libbenchmark-dev)") from None
        raise


def library_version() -> str:
    """Of Google Benchmark, as its file is called."""
    found = subprocess.run(["g++", "-print-file-name=libbenchmark.so"], capture_output=True, text=True).stdout.strip()
    version = re.search(r"\.so\.(\d+(?:\.\d+)+)$", os.path.realpath(found))
    return version[1] if version else "not known"


class Function(NamedTuple):
    """A function of the library, with the names of its operands in order."""

    symbol: str
    is_timed: bool
    has_saved: bool
    operands: list[str]


class HeedCell:
    """A process that holds one case: loaded when it is made, ended by `end`.

    name       what Google Benchmark calls it
    inputs     name -> array of what functions read
    outputs    name -> (shape, element type) of what they write
    functions  in the order in which they are called
    """

    def __init__(
        self,
        name: str,
        library: Path,
        threads: int,
        bits: int,
        inputs: dict[str, numpy.ndarray],
        outputs: dict[str, tuple[tuple[int, ...], str]],
        functions: list[Function],
    ) -> None:
        self.outputs = {
            operand: outputs[operand]
            for function in functions
            if function.is_timed
            for operand in function.operands
            if operand in outputs
        }
        with tempfile.NamedTemporaryFile(prefix="heed-cell-", delete=False) as file:
            self.file = Path(file.name)  # for what the program reads, then for what it has written
        try:
            words = [quoted(name), quoted(library), quoted(peak_loop()), str(threads), str(bits)]
            write(self.file, words, inputs, outputs, functions)
            self.process = subprocess.Popen(
                [str(program()), str(self.file)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={key: value for key, value in os.environ.items() if not key.startswith("BENCHMARK_")},
            )
            self.workspace_bytes, self.team = map(int, self._answer().split()[1:])
        except BaseException:
            self.end()
            raise

    def call(self) -> None:
        """The timed functions, once."""
        self._ask("call")

    def results(self) -> dict[str, numpy.ndarray]:
        """name -> array of what they have written."""
        self._ask(f"results {quoted(self.file)}")
        found = {}
        with self.file.open("rb") as file:
            for name, (shape, dtype) in self.outputs.items():
                found[name] = numpy.fromfile(file, dtype, int(numpy.prod(shape))).reshape(shape)
        return found

    def turn(self, samples: int, repeat: int) -> dict[str, Any]:
        """What Google Benchmark writes: repetitions of iterations."""
        return json.loads(self._ask(f"turn {samples} {repeat}"))

    def _ask(self, order: str) -> str:
        try:
            self.process.stdin.write(f"{order}\n".encode())
            self.process.stdin.flush()
        except OSError:
            pass  # it has ended, and the answer says how
        return self._answer()

    def _answer(self) -> str:
        """A line; StudyError where it says that something failed, or the process has ended."""
        line = self.process.stdout.readline().decode(errors="replace").rstrip("\n")
        if line.startswith("failed "):
            raise StudyError(line.removeprefix("failed "))
        if not line:
            code = self.process.wait()
            raise StudyError(f"crashed: {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}")
        return line

    def end(self) -> None:
        """Ends the process, whatever it does."""
        with contextlib.suppress(AttributeError):  # it was not started
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()
        self.file.unlink(missing_ok=True)


def samples_of(report: dict[str, Any]) -> dict[str, Any]:
    """The samples in what Google Benchmark has written, as a record has them; what it works out of them is left out."""
    runs = [run for run in report["benchmarks"] if run["run_type"] == "iteration"]
    context = {key: value for key, value in report["context"].items() if key not in LEFT_OUT}
    return {
        "seconds": [run["real_time"] for run in runs],
        "peaks_before": [run["peak_before"] for run in runs],
        "peaks_after": [run["peak_after"] for run in runs],
        "peak_memory_bytes": int(max(run["peak_memory_bytes"] for run in runs)),
        "google_benchmark": context,
        "report": report,
    }


def quoted(text: Any) -> str:
    """As std::quoted reads it."""
    return '"' + re.sub(r'(["\\])', r"\\\1", str(text)) + '"'


def write(
    path: Path,
    words: list[str],
    inputs: dict[str, numpy.ndarray],
    outputs: dict[str, tuple[tuple[int, ...], str]],
    functions: list[Function],
) -> None:
    """The file that the program reads."""
    arrays = {name: (1, array.dtype.name, array.shape) for name, array in inputs.items()}
    arrays |= {name: (0, dtype, shape) for name, (shape, dtype) in outputs.items()}
    number = {name: str(place) for place, name in enumerate(arrays)}
    lines = [" ".join(words), str(len(arrays))]
    for is_read, dtype, shape in arrays.values():
        lines.append(" ".join(map(str, (is_read, *DTYPES[dtype], len(shape), *shape))))
    lines.append(str(len(functions)))
    for function in functions:
        operands = [number[name] for name in function.operands]
        flags = [str(int(function.is_timed)), str(int(function.has_saved)), str(len(operands))]
        lines.append(" ".join([function.symbol, *flags, *operands]))
    with path.open("wb", buffering=0) as file:
        file.write(("\n".join(lines) + "\n").encode())
        for array in inputs.values():
            array.tofile(file)
