"""The C++ compiler that kernels are made with: which one, its version, and what -march=native means on this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from .errors import CompilerNotFound

OLDEST = 12


class Compiler(NamedTuple):
    """A g++: where it is, its version as it says it, the resolved processor flags, where it looks for libraries."""

    path: str
    version: str
    flags: tuple[str, ...]
    library_folders: tuple[str, ...]

    @property
    def architecture(self) -> str:
        """What -march=native stands for."""
        return next((flag.partition("=")[2] for flag in self.flags if flag.startswith("-march=")), "")


def compiler_name() -> str:
    """HEED_CXX, or CXX, or g++."""
    return os.environ.get("HEED_CXX") or os.environ.get("CXX") or "g++"


def find_compiler(meanwhile: Callable[[], object] = lambda: None) -> Compiler:
    """The compiler; CompilerNotFound says what to do where there is none. meanwhile: what is done while it is asked."""
    name = compiler_name()
    path = shutil.which(name)
    if path is None:
        raise CompilerNotFound(
            f"heed: the C++ compiler '{name}' is not found (install g++ {OLDEST} or newer, on Debian: "
            "apt-get install g++ libboost-dev; or name one: HEED_CXX=/path/to/g++)"
        )
    path = os.path.realpath(path) if name == "g++" else path
    if path not in _known:
        _known[path] = _read(path, _asked(path, meanwhile))
    return _known[path]


_known: dict[str, Compiler] = {}


def _asked(path: str, meanwhile: Callable[[], object]) -> str:
    """What the compiler says of itself: one process for version and flags, for it counts when a kernel is in the
    cache."""
    command = [path, "-march=native", "-###", "-E", "-x", "c++", "/dev/null"]
    options = {"text": True, "errors": "replace", "env": dict(os.environ, LC_ALL="C")}
    try:
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options) as process:
            meanwhile()
            said = process.communicate()[1]
    except OSError as error:
        raise CompilerNotFound(f"heed: {path} does not run: {error}") from error
    if process.returncode:
        raise CompilerNotFound(f"heed: {path} does not run: {said or f'it ended with status {process.returncode}'}")
    return said


def _words(line: str) -> list[str]:
    """The words of a command as g++ prints it: what is more than letters and digits stands in quotes."""
    return [word[1:-1] if word.startswith('"') else word for word in re.findall(r'"(?:[^"\\]|\\.)*"|\S+', line)]


def _read(path: str, said: str) -> Compiler:
    """What it said of itself, taken apart."""
    version = re.search(r"^gcc version (\d+)[^\n]*", said, re.MULTILINE)
    if not version:
        raise CompilerNotFound(
            f"heed: {path} is not g++, whose OpenMP library torch and others bring too "
            f"(HEED_CXX=g++; g++ {OLDEST} or newer)"
        )
    if int(version[1]) < OLDEST:
        raise CompilerNotFound(f"heed: g++ {OLDEST} or newer is needed, {path} is {version[0]} (HEED_CXX=/path/to/g++)")
    words = _words(next((line for line in said.splitlines() if "cc1plus" in line), ""))
    flags = []
    for word, following in zip(words, words[1:] + [""]):
        if word == "--param":
            flags += [word, following]
        elif word.startswith("-m"):
            flags.append(word)
    folders = re.search(r"^LIBRARY_PATH=(.*)$", said, re.MULTILINE)
    return Compiler(path, version[0].strip(), tuple(flags), tuple(folders[1].split(":")) if folders else ())


def library_of(compiler: Compiler, name: str) -> Path | None:
    """A shared library where the compiler looks for it."""
    for folder in compiler.library_folders:
        if (path := Path(folder, name)).exists():
            return path.resolve()
    return None
