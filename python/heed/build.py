"""Makes a C library of the kernels that a header declares: libNAME.so, libNAME.a, NAME.h, NAME.pc.

    build(header=pathlib.Path("variants.hpp"), out=pathlib.Path("lib"), instruction_sets=["x86-64", "x86-64-v3"])

The header is compiled once for each instruction set. Everything of such a part is made local but one symbol a kernel,
so that parts share nothing that was compiled for one of them (inline functions, templates). A dispatcher in C, compiled
for the plainest processor, chooses among them."""

import concurrent.futures
import dataclasses
import os
import pathlib
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence

from . import c_header, c_names, c_text
from .build_error import BuildError
from .declaration import Declaration
from .errors import DeclarationError
from .headers import heed_include
from .object_file import ObjectFile
from .steps import Steps
from .toolchain import Toolchain, checked_instruction_sets, end_all, resolved_flags

__all__ = ["BuildError", "Built", "Kernel", "build", "heed_include", "resolved_flags"]
PRODUCTS = ("shared", "static", "header", "pkg-config")


@dataclasses.dataclass(frozen=True)
class Kernel:
    """A kernel that the header itself does not export: HEED_KERNEL(name, expression, by inputs of these names)."""

    name: str
    expression: str
    wrt: Sequence[str] = ()
    namespace: str = ""  # that the expression's names are of

    def line(self):
        gradient = (
            f", heed::wrt_named<{', '.join(c_text.quoted(i) for i in self.wrt)}>({self.expression})" if self.wrt else ""
        )
        line = f"HEED_KERNEL({self.name}, {self.expression}{gradient})"
        return f"namespace {self.namespace} {{ {line} }}\n" if self.namespace else f"{line}\n"


@dataclasses.dataclass
class Built:
    """What was made; None what was not asked for."""

    library: pathlib.Path | None = None
    static: pathlib.Path | None = None
    header: pathlib.Path | None = None
    pkg_config: pathlib.Path | None = None
    metadata: dict = dataclasses.field(
        default_factory=dict
    )  # kernel -> what NAME_metadata()->json says, but for the choice
    depends: list = dataclasses.field(default_factory=list)  # the user's headers that were read
    heed_depends: list = dataclasses.field(default_factory=list)  # heed's


def checked_name(name):
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*", name):
        raise BuildError(f"heed: '{name}' is no name for a library: letters, digits and _ . + -")
    return name


def check_names_before(header, text, kernels, only_given):
    """What can be said of names before a compiler is started: of those that are given, and of those that the text
    shows. check_names sees all of them."""
    names = [kernel.name for kernel in kernels]
    if not only_given:
        try:
            shown = Declaration(header.read_text(errors="replace") if text is None else text, header)
            names += [kernel.name for kernel in shown.kernels]
        except DeclarationError:
            pass  # the compiler says it with its line
    for name in names:
        if said := c_names.complaint(name):
            raise BuildError(said)


def check_names(parts, header):
    """Names are a C program's: each once, no word of C or C++, none that programs call another function by."""
    kernels = parts[0].kernels
    if not kernels:
        raise BuildError(
            f"heed: {header} exports no kernel: write HEED_KERNEL(NAME, RESULT) behind its declaration, or give "
            "--kernel NAME=RESULT"
        )
    if any(part.kernels != kernels for part in parts):
        raise BuildError(f"heed: {header} declares other kernels for one instruction set than for another")
    called = set().union(*(ObjectFile(part.object).wanted() for part in parts))
    owners = {}
    for name, kernel in kernels.items():
        for symbol in c_text.symbols(kernel):
            if said := c_names.complaint(symbol):
                raise BuildError(said)
            if symbol in owners:
                raise BuildError(f"heed: kernel '{name}' and kernel '{owners[symbol]}' both have a function '{symbol}'")
            if symbol in called:
                raise BuildError(f"heed: a kernel cannot be called '{name}': programs call another function '{symbol}'")
            owners[symbol] = name


def write_source(folder, header, text, kernels, only_given, defines):
    """The generated source, and the header that it includes."""
    if text is not None:
        header = folder / "variants.hpp"
        header.write_text(text)
    include = f'#include "{header.name}"\n'
    if only_given:  # what the header itself exports is passed over
        include = (
            '#pragma push_macro("HEED_KERNEL")\n#undef HEED_KERNEL\n#define HEED_KERNEL(...)\n'
            + include
            + '#pragma pop_macro("HEED_KERNEL")\n'
        )
    source = folder / "kernels.cpp"
    source.write_text(
        "".join(f"#define {key} {value}\n" for key, value in defines.items())
        + "#include <heed/export.hpp>\n"
        + include
        + "".join(kernel.line() for kernel in kernels)
    )
    return source, header


def compile_parts(steps, source, instruction_sets, jobs, progress):
    """A part for each instruction set, the least first; `jobs` of them are compiled at a time."""

    def compile_one(i):
        begin, which = time.monotonic(), f"part {i + 1} of {len(instruction_sets)}, {instruction_sets[i]}"
        progress(f"{which}: compiling {steps.header}")
        part = steps.compile_part(source, instruction_sets[i])
        progress(f"{which}: {', '.join(part.kernels)} in {time.monotonic() - begin:.1f} s")
        return part

    parts = []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        try:
            for part in (pool.map if jobs > 1 else map)(compile_one, range(len(instruction_sets))):
                parts.append(part)
                check_names(parts, steps.header)
                if len(instruction_sets) > 1 and part.has_constructors:
                    raise BuildError(
                        f"heed: {steps.header} has objects that are made when the library is loaded, whatever the "
                        "processor (<iostream> is one): leave them out, or make a library of one instruction set"
                    )
        except (KeyboardInterrupt, SystemExit):  # the pool waits for its threads, and they for their compilers
            pool.shutdown(wait=False, cancel_futures=True)
            if jobs > 1:
                end_all()
            raise
    return parts


def pkg_config(name, kernels, tools):
    """NAME.pc, for the folder that it lies in. Libs.private is what libNAME.a needs besides."""
    return (
        f"prefix=${{pcfiledir}}\n\nName: {name}\nDescription: attention kernels, made by heed: {', '.join(kernels)}\n"
        f"Version: {next(iter(kernels.values())).metadata['heed_version']}\nCflags: -I${{prefix}}\n"
        f"Libs: -L${{prefix}} -l{name}\n"
        f"# OpenMP's library is the one that {tools.version} links: two of them in one process disturb each other.\n"
        f"Libs.private: {' '.join(tools.openmp_link_flags())} -lstdc++ -lm -lpthread\n"
    )


def write_products(steps, parts, instruction_sets, headers, products, openmp_library):
    """product -> its file, in the temporary folder."""
    kernels, name = parts[0].kernels, steps.name
    made = {"header": steps.folder / f"{name}.h", "pkg-config": steps.folder / f"{name}.pc"}
    made["header"].write_text(
        c_header.text_of(
            name, list(kernels.values()), instruction_sets, (headers / "heed/export/interface.h").read_text()
        )
    )
    made["pkg-config"].write_text(pkg_config(name, kernels, steps.tools))
    features = {instruction_set: steps.tools.features(instruction_set) for instruction_set in instruction_sets}
    symbols = [symbol for kernel in kernels.values() for symbol in c_text.symbols(kernel)]
    whole = steps.folder / f"{name}.o"
    steps.keep(
        whole,
        symbols,
        [steps.compile_dispatcher(list(kernels.values()), features, headers), *(part.object for part in parts)],
    )
    if "static" in products:
        made["static"] = steps.link_static(whole)
    if "shared" in products:
        made["shared"] = steps.link_shared(whole, symbols, openmp_library)
    return {product: made[product] for product in products}


def move(files, out):
    """Puts finished files where they are wanted; a file that is there already is replaced at once."""
    moved = {}
    for product, file in files.items():
        moved[product] = out / file.name
        try:
            os.replace(file, moved[product])
        except OSError as error:
            raise BuildError(f"heed: {moved[product]} cannot be written: {error.strerror}") from error
    return moved


def files_read(parts, folder, headers):
    """The user's headers and heed's, of what was read for the parts."""
    folder, headers = folder.resolve(), headers.resolve()
    read = {(folder / file).resolve() for part in parts for file in part.depends}
    own = {file for file in read if file.is_relative_to(headers)}
    return sorted(str(f) for f in read - own if not f.is_relative_to(folder)), sorted(map(str, own))


def build(
    *,
    header: pathlib.Path | None = None,
    text: str | None = None,
    out: pathlib.Path,
    name: str | None = None,
    kernels: Sequence[Kernel] = (),
    only_given: bool = False,
    instruction_sets: Sequence[str] = ("native",),
    compiler: str = "g++",
    include: Sequence[pathlib.Path] = (),
    flags: Sequence[str] = (),
    defines: dict[str, str] | None = None,
    openmp_library: pathlib.Path | None = None,
    products: Sequence[str] = PRODUCTS,
    keep_parts: bool = False,
    jobs: int = 1,
    progress: Callable[[str], None] | None = None,
) -> Built:
    """Makes a library of the kernels of a header, or of a text that could stand in one; BuildError says why it cannot.

    `kernels` are made besides what the header exports, or instead of it (only_given). `flags` come behind the
    generator's own; `defines` are macros that the header sees; `openmp_library` is a file to link in the place of what
    -fopenmp links; keep_parts leaves the object of each instruction set beside the library; `jobs` compilers run at a
    time. Nothing is in `out` before everything is made."""
    instruction_sets = checked_instruction_sets(instruction_sets)
    if (header is None) == (text is None):
        raise BuildError("heed: a library is made of a header or of a text, one of both")
    if header is not None and not pathlib.Path(header).is_file():
        raise BuildError(f"heed: there is no file {header}")
    header = header and pathlib.Path(header).absolute()
    name = checked_name(name or (header.stem if header else "kernels"))
    check_names_before(header, text, kernels, only_given)
    tools, headers = Toolchain(compiler), heed_include()
    out = pathlib.Path(out).absolute()
    existed = out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        folder = pathlib.Path(tempfile.mkdtemp(prefix=".heed-", dir=out))
    except OSError as error:
        raise BuildError(f"heed: folder {out} cannot be written: {error.strerror}") from error
    try:
        source, header = write_source(folder, header, text, kernels, only_given, defines or {})
        paths = [f"-I{headers}", "-iquote", header.parent, *(f"-I{directory}" for directory in include)]
        steps = Steps(tools, folder, name, header.name, paths, list(flags))
        parts = compile_parts(steps, source, instruction_sets, jobs, progress or (lambda line: None))
        files = write_products(steps, parts, instruction_sets, headers, products, openmp_library)
        users, own = files_read(parts, folder, headers)
        if keep_parts:
            files |= {part.object: part.object for part in parts}
        moved = move(files, out)
        return Built(
            moved.get("shared"),
            moved.get("static"),
            moved.get("header"),
            moved.get("pkg-config"),
            {kernel.name: kernel.metadata for kernel in parts[0].kernels.values()},
            users,
            own,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if not existed and not any(out.iterdir()):
            out.rmdir()
