"""heed.compile: from a declaration to a kernel, through the cache."""

from __future__ import annotations

import ctypes
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import c_names, cache, openmp
from .compiler import Compiler, find_compiler
from .declaration import ChosenKernel, Declaration, read_declaration
from .errors import CompileError, DeclarationError, Error
from .headers import heed_include
from .kernel import Kernel
from .signature import read_signature

# What the compiler itself reads of the environment to find files.
SEARCH_PATHS = ("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH")
# Python measures and verifies by other means: a part without them compiles in the time of the C++ program.
FLAGS = ("-DHEED_KERNEL_WITHOUT_REFERENCE",)

_loaded: dict[tuple[str, str], Kernel] = {}


def compile(
    source: str | Path,
    *results: str,
    wrt: Sequence[str] = (),
    defines: Mapping[str, str] | None = None,
    name: str | None = None,
) -> Kernel:
    """Compiles a declaration for this machine, or finds it in the cache.

    source    a header (str or pathlib.Path), or its text (a str with a line break)
    results   names of constants of the header, "out" or "mine::out", or C++ expressions of them; several make one
              kernel with several results. Without: the header's HEED_KERNEL, else the constant `out`.
    wrt       names of the inputs that `backward` gives gradients of
    defines   macros that the header sees, as values of #define
    name      of the C functions inside
    """
    declaration = read_declaration(source)
    for macro, value in (defines or {}).items():
        if not re.fullmatch(r"[A-Za-z_]\w*", macro) or not isinstance(value, str) or "\n" in value:
            raise DeclarationError(
                f"heed: a definition is a name and a text without line breaks, got {macro!r}: {value!r}"
            )
    chosen = declaration.choose(results, wrt, name)
    if said := c_names.complaint(chosen.name):
        raise DeclarationError(said)
    compiler = find_compiler(meanwhile=_digests)
    library = openmp.library(compiler)
    request = request_of("kernel", declaration, compiler, library, chosen.line(), str(chosen.exported), defines=defines)

    def make(folder: Path) -> dict[str, Any]:
        return _build(folder, declaration, chosen, compiler, library, defines or {})

    entry = cache.obtain(request, make, title(declaration, chosen, defines))
    key = (str(entry.folder), str(library))
    if key not in _loaded:
        openmp.load(library)
        metadata = entry.record["metadata"]
        again = (
            (declaration.path or declaration.text, *results),
            {"wrt": tuple(chosen.wrt), "defines": defines, "name": name},
        )
        _loaded[key] = Kernel(
            ctypes.CDLL(str(entry.folder / entry.record["library"])),
            read_signature(metadata),
            metadata=metadata,
            declaration=declaration,
            chosen=chosen,
            defines=dict(defines or {}),
            recipe=again,
        )
    return _loaded[key]


def _digests() -> None:
    """Makes the hashes of heed's own files, which are remembered."""
    cache.digest_of_folder(heed_include())
    _digest_of_generator()


def request_of(
    kind: str,
    declaration: Declaration,
    compiler: Compiler,
    library: Path | None,
    *choices: str,
    defines: Mapping[str, str] | None = None,
) -> str:
    """The hash of all that goes into a compilation and is known before it."""
    # Files in quotes are looked for beside the header, or in the working directory for a text.
    beside = str(_folder_of(declaration)) if re.search(r'#\s*include\s*"', declaration.text) else ""
    return cache.digest(
        cache.FORMAT,
        kind,
        declaration.text,
        beside,
        cache.digest_of_folder(heed_include()),
        _digest_of_generator(),
        compiler.path,
        compiler.version,
        *compiler.flags,
        str(library),
        *choices,
        json.dumps(sorted((defines or {}).items())),
        *FLAGS,
        *(os.environ.get(variable, "") for variable in SEARCH_PATHS),
    )


# What writes, compiles and links a library: build.py and all that it imports. An edit of another file of the package
# leaves the cache as it is; what compile() asks build() for stands in FLAGS, and in cache.FORMAT where it is more.
GENERATOR = ("build", "build_error", "c_header", "c_names", "c_text", "declaration", "dispatcher", "errors", "headers",
             "object_file", "part_metadata", "steps", "toolchain")  # fmt: skip


def _digest_of_generator() -> str:
    return cache.digest_of_files(tuple(Path(__file__).with_name(f"{name}.py") for name in GENERATOR))


def _folder_of(declaration: Declaration) -> Path:
    return declaration.path.parent if declaration.path else Path.cwd()


def title(declaration: Declaration, chosen: ChosenKernel, defines: Mapping[str, str] | None) -> str:
    """What a line says that is compiled, so that variants of one header are told apart."""
    name = "" if chosen.name in ("kernel", chosen.expression) else f"{chosen.name} = "
    gradients = f"wrt({', '.join(chosen.wrt)})" if chosen.wrt else chosen.gradients
    given = " ".join(f"{macro}={value}" for macro, value in sorted((defines or {}).items()))
    return ", ".join(filter(None, [f"{name}{chosen.expression} of {declaration.title}", gradients, given]))


def own_files(names: Sequence[str]) -> list[str]:
    """Of the files that a compilation has read those that are the user's: heed's are in the request, the system's in
    the compiler's version."""
    heed = str(heed_include())
    return sorted(
        name
        for name in map(os.path.abspath, names)
        if not name.startswith((heed, "/usr/include/", "/usr/lib/", "/usr/local/include/boost/"))
    )


def _build(
    folder: Path,
    declaration: Declaration,
    chosen: ChosenKernel,
    compiler: Compiler,
    library: Path | None,
    defines: Mapping[str, str],
) -> dict[str, Any]:
    """Builds the library of a kernel in a folder, and gives the record of it."""
    from . import build  # here, for it costs more than to find a kernel
    from .progress import Progress

    source = {"header": declaration.path} if declaration.path else {"text": declaration.text}
    try:
        with Progress(f"compiling {title(declaration, chosen, defines)}"):
            built = build.build(
                **source,
                out=folder,
                name="kernel",
                kernels=() if chosen.exported else (chosen,),
                only_given=not chosen.exported,
                compiler=compiler.path,
                include=() if declaration.path else (Path.cwd(),),
                flags=FLAGS,
                defines=dict(defines),
                openmp_library=library,
                products=("shared",),
            )
    except build.BuildError as error:
        sentence = str(error) if declaration.path else str(error).replace("variants.hpp", declaration.title)
        raise compile_error(sentence, error.text) from None
    if chosen.name not in built.metadata:
        raise Error(f"heed: {declaration.title} exports {', '.join(built.metadata)} and not '{chosen.name}'")
    included = own_files(built.depends)
    if declaration.path:
        included = [name for name in included if name != str(declaration.path.resolve())]
    return {
        "metadata": built.metadata[chosen.name],
        "library": built.library.name,
        "included": included,
        "source": str(declaration.path or ""),
        "results": chosen.expression,
        "compiler": compiler.version,
        "flags": list(compiler.flags),
        "openmp": str(library),
    }


def compile_error(sentence: str, log: str) -> CompileError:
    """The exception for what a compiler refused, with what to do about files that are not there."""
    if re.search(r"boost/\S+: No such file", log):
        sentence = (
            "heed: Boost's headers are not found "
            "(on Debian: apt-get install libboost-dev; elsewhere: CPATH=/where/they/are)"
        )
    return CompileError(sentence, log)
