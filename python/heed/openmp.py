"""Which OpenMP library kernels link: there is one in a process, and torch brings its own.

Two runtimes in one process have two teams of threads, which wait for each other's processors, and torch.set_num_threads
rules only its own. So kernels take the libgomp that is loaded; else the one that an installed torch would load,
whichever comes first; else the compiler's.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import sys
from pathlib import Path

from .compiler import Compiler, library_of
from .errors import OpenMPError

GNU = re.compile(r"libgomp[^/]*\.so")
OTHERS = re.compile(r"lib(omp|iomp5)[^/]*\.so")


def loaded() -> list[Path]:
    """The OpenMP libraries of this process, in no order."""
    try:
        maps = Path("/proc/self/maps").read_text()
    except OSError:
        return []
    paths = {line.split(maxsplit=5)[5] for line in maps.splitlines() if "omp" in line and line.count("/")}
    return [Path(path) for path in sorted(paths) if GNU.search(path) or OTHERS.search(path)]


def of_torch() -> Path | None:
    """The libgomp that comes with an installed torch."""
    module = sys.modules.get("torch")
    try:
        origin = module.__file__ if module is not None else getattr(importlib.util.find_spec("torch"), "origin", None)
    except (ImportError, ValueError):
        origin = None
    if not origin:
        return None
    package = os.path.dirname(origin)
    for folder in (os.path.join(package, "lib"), os.path.join(os.path.dirname(package), "torch.libs")):
        for name in os.listdir(folder) if os.path.isdir(folder) else ():  # pathlib's glob takes longer
            if GNU.match(name):
                return Path(folder, name).resolve()
    return None


def library(compiler: Compiler) -> Path | None:
    """What kernels link. Raises OpenMPError where another runtime than GNU's is loaded, unless that is allowed."""
    present = loaded()
    others = [path for path in present if OTHERS.search(path.name)]
    if others and os.environ.get("HEED_ALLOW_MIXED_OPENMP") != "1":
        raise OpenMPError(
            f"heed: {others[0]} is loaded, another OpenMP runtime than GNU's, which heed's kernels need: two "
            "disturb each other (use a build of that package with libgomp, or HEED_ALLOW_MIXED_OPENMP=1)"
        )
    gnu = [path.resolve() for path in present if GNU.search(path.name)]
    torch = of_torch()
    if torch in gnu or (torch and not gnu):
        return torch
    return gnu[0] if gnu else library_of(compiler, "libgomp.so.1")


def load(path: Path | None) -> None:
    """Loads it before a kernel is loaded, so that the kernel's need of that name is met by this file."""
    if path is not None and str(path) not in _ours:
        _ours[str(path)] = ctypes.CDLL(str(path))
        if len(_ours) == 1:
            os.register_at_fork(after_in_child=_one_thread)


_ours: dict[str, ctypes.CDLL] = {}


def _one_thread() -> None:
    """After a fork: GNU's library has a team in its books whose threads the child does not have, and would wait for
    them forever. A team of one is made of the calling thread alone."""
    for library in _ours.values():
        library.omp_set_num_threads(1)
