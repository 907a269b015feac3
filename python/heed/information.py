"""heed.info(): what this installation works with, for a person and for a report of a fault."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass, fields

from . import cache, openmp
from .build_error import BuildError
from .compiler import find_compiler
from .errors import Error
from .headers import heed_include
from .version import version


@dataclass(frozen=True)
class Information:
    """Versions and places; a part that is not there says why."""

    heed: str
    headers: str
    python: str
    numpy: str
    torch: str
    compiler: str
    flags: str
    instruction_set: str
    openmp: str
    cache: str

    def __str__(self) -> str:
        width = max(len(field.name) for field in fields(self))
        return "\n".join(f"{field.name:{width}}  {getattr(self, field.name)}" for field in fields(self))

    __repr__ = __str__


def info() -> Information:
    """Versions, compiler, flags, instruction set, cache folder, OpenMP library."""
    import numpy

    torch = sys.modules.get("torch")
    try:
        compiler = find_compiler()
        said = f"{compiler.path}, {compiler.version}", " ".join(compiler.flags), compiler.architecture
    except Error as error:
        compiler, said = None, (str(error), "", "")
    try:
        library = str(openmp.library(compiler)) if compiler else ""
    except Error as error:
        library = str(error)
    try:
        headers, own_version = str(heed_include()), version()
    except BuildError as error:
        headers, own_version = str(error), "unknown"
    return Information(
        own_version,
        headers,
        f"{platform.python_version()} ({sys.executable})",
        numpy.__version__,
        torch.__version__ if torch else "not imported",
        *said,
        library,
        str(cache.folder()),
    )
