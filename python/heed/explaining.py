"""What became of a kernel's graph: heed's own explain, from a small program that is compiled on first use and
cached."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import cache
from .build_error import compiler_error
from .compilation import compile_error, own_files, request_of, title
from .compiler import Compiler, find_compiler
from .declaration import ChosenKernel, Declaration
from .errors import Error, OperandError
from .function import Function
from .headers import heed_include
from .progress import Progress
from .signature import Signature
from .steps import read_dependencies
from .toolchain import run

# Not optimised: it only prints. The flags say which processor, for tiles are as wide as its vectors.
FLAGS = ("-std=c++20", "-O0", "-DHEED_UNOPTIMISED", "-fopenmp", "-Wno-psabi")

# What the C++ library advises, and what that comes to here: an extent is an argument of explain; operands are none.
ADVICE_ON_COST = ": explain<out>(with(axis, extent), ...)"
ADVICE_ON_MASK = ": bind them, as in explain<out>(name = operand), and its tiles are counted"


def explain(
    declaration: Declaration,
    chosen: ChosenKernel,
    signature: Signature,
    defines: Mapping[str, str],
    extents: Mapping[str, int],
) -> str:
    """The text for these extents; axes that are not given stay unknown."""
    known = [axis.name for axis in signature.axes if axis.extent is None]
    for name, extent in extents.items():
        if name not in known:
            raise OperandError(
                f"heed: there is no axis '{name}' whose extent a call brings (there are: {', '.join(known)})",
                operand=name,
                axis=name,
            )
        Function.checked_extent(name, extent)
    given = [name for name in known if name in extents]
    compiler = find_compiler()
    text = program(chosen, given)
    request = request_of("explain", declaration, compiler, None, text, *FLAGS, defines=defines)
    entry = cache.obtain(
        request,
        lambda folder: _build(folder, declaration, defines, text, compiler),
        f"the explanation of {title(declaration, chosen, defines)}",
    )
    ran = subprocess.run(
        [entry.folder / "explain", *(str(int(extents[name])) for name in given)], capture_output=True, text=True
    )
    if ran.returncode:
        raise Error(ran.stderr.strip() or f"heed: the program that explains ended with status {ran.returncode}")
    return advising_in_python(ran.stdout, [name for name in known if name not in extents])


def advising_in_python(text: str, unknown: list[str]) -> str:
    """The text with advice for a caller in Python. unknown: axes whose extents were not given."""
    arguments = ", ".join(f"{name}=..." for name in unknown)
    return text.replace(ADVICE_ON_MASK, "").replace(ADVICE_ON_COST, f": explain({arguments})")


def program(chosen: ChosenKernel, given: list[str]) -> str:
    """The program behind the header: extents of the given axes are its arguments."""
    extents = ", ".join(
        f'heed::with(heed::axis<"{name}">{{}}, std::atol(arguments[{i + 1}]))' for i, name in enumerate(given)
    )
    begin, end = (f"namespace {chosen.namespace} {{ ", " }") if chosen.namespace else ("", "")
    return f"""#include <cstdio>
#include <cstdlib>
{begin}inline std::string heed_explained([[maybe_unused]] char** arguments) {{
  return heed::explain<{chosen.expression}>({extents});
}}{end}
int main(int, char** arguments) {{
  try {{
    return std::fputs({chosen.namespace}::heed_explained(arguments).c_str(), stdout) < 0;
  }} catch (const std::exception& error) {{
    return std::fprintf(stderr, "%s\\n", error.what()), 1;
  }}
}}
"""


def _build(
    folder: Path, declaration: Declaration, defines: Mapping[str, str], text: str, compiler: Compiler
) -> dict[str, Any]:
    """Compiles the program in a folder, and gives the record of it."""
    header = declaration.path or folder / "variant.hpp"
    if declaration.path is None:
        header.write_text(declaration.text)
    source, rule = folder / "explain.cpp", folder / "explain.d"
    source.write_text(
        "#include <heed/heed.hpp>\n"
        + "".join(f"#define {key} {value}\n" for key, value in defines.items())
        + f'#include "{header}"\n{text}'
    )
    command = [
        compiler.path,
        *FLAGS,
        *compiler.flags,
        f"-I{heed_include()}",
        "-iquote",
        str(declaration.path.parent if declaration.path else Path.cwd()),
        "-MMD",
        "-MF",
        str(rule),
        str(source),
        "-o",
        str(folder / "explain"),
    ]
    with Progress(f"compiling what explains {declaration.title}"):
        ran = run(command)
    if ran.returncode:
        error = compiler_error(header.name, ran.stderr)
        raise compile_error(
            str(error) if declaration.path else str(error).replace(header.name, declaration.title), error.text
        )
    included = [name for name in own_files(read_dependencies(rule)) if name not in (str(header), str(source))]
    return {"included": included, "source": str(declaration.path or "")}
