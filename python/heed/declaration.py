"""What a header declares, read off its text: which names in which namespaces, which kernels it exports.

It is no parser of C++: comments and strings are blanked, braces are counted, `namespace a::b {` is understood. What it
does not see (names that macros make, names of included files) can be given qualified, and the compiler has the last
word.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .errors import DeclarationError

BLANKED = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^()\\\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-zA-Z_])\'(?:\\.|[^\'\\\n])\'', re.DOTALL
)
TOKEN = re.compile(
    r"(?:inline\s+)?namespace\s+([\w:]*)\s*\{|[{}]|\bHEED_KERNEL\s*\(|"
    r"\b(?:auto|result_list|decltype\s*\([^()]*\))\s*&?\s+(\w+)\s*(?:=|\{)"
)
IDENTIFIER = re.compile(r"(?<![\w:.])(?:::)?[A-Za-z_]\w*(?:::\w+)*")
IDENTIFIER_ALONE = re.compile(r"[A-Za-z]\w*", re.ASCII)
NAME = re.compile(r"(?:::)?[A-Za-z_]\w*(?:::\w+)*")


class ExportedKernel(NamedTuple):
    """A HEED_KERNEL of the header: its name, and the text behind the name."""

    name: str
    arguments: tuple[str, ...]
    namespace: str


class ChosenKernel(NamedTuple):
    """The kernel to compile: a HEED_KERNEL line in a namespace, behind the header. `exported`: the header's only one,
    as it stands there."""

    name: str
    expression: str
    wrt: tuple[str, ...]
    namespace: str
    gradients: str = ""  # of a HEED_KERNEL of the header: its wrt(...)
    exported: bool = False
    results: tuple[str, ...] = ()  # of which `expression` is made, where the header's names and expressions were given

    def line(self) -> str:
        """The line for the generated source. A result of a kernel has a name: an expression is given one before."""
        definitions, results = "", []
        for number, result in enumerate(self.results, 1):
            if not NAME.fullmatch(result) and not result.startswith(("gradient<", "heed::gradient<")):
                definitions += f"inline constexpr auto heed_result_{number} = {result}; "
                result = f"heed_result_{number}"
            results.append(result)
        expression = self.expression if not definitions else _in_one(results)
        gradients = self.gradients
        if self.wrt:
            names = ", ".join(f'"{name}"' for name in self.wrt)
            gradients = f"heed::wrt_named<{names}>({expression})"
        line = f"{definitions}HEED_KERNEL({self.name}, {expression}{', ' if gradients else ''}{gradients})"
        return f"namespace {self.namespace} {{ {line} }}\n" if self.namespace else f"{line}\n"


def _in_one(results: Sequence[str]) -> str:
    """One result as it is, several as a list."""
    return results[0] if len(results) == 1 else f"heed::results({', '.join(results)})"


class Declaration:
    """The text of a header, and where it lies: None where the text was given itself."""

    def __init__(self, text: str, path: Path | None) -> None:
        self.text = text
        self.path = path
        self.names: dict[str, list[str]] = {}  # constant -> namespaces that declare it
        self.namespaces: list[str] = []
        self.kernels: list[ExportedKernel] = []
        self._read(
            BLANKED.sub(
                lambda found: (
                    re.sub(r"[^\n]", " ", found[0]) if found[0][0] == "/" else re.sub(r"[{}()]", " ", found[0])
                ),
                text,
            )
        )

    def _read(self, text: str) -> None:
        """Finds names, namespaces and kernels in a text without comments."""
        open_braces: list[str | None] = []  # namespace, None for others
        for found in TOKEN.finditer(text):
            inside = all(brace is not None for brace in open_braces)
            here = "::".join(brace for brace in open_braces if brace)
            token = found[0]
            if token == "}":
                if open_braces:
                    open_braces.pop()
            elif token == "{":
                open_braces.append(None)
            elif token.endswith("(") and token.startswith("HEED_KERNEL"):
                if not _is_directive(text, found.start()):
                    name, *arguments = _arguments(text, found.end())
                    self.kernels.append(ExportedKernel(name, tuple(arguments), here))
            elif found[2] is not None:
                if inside:
                    self.names.setdefault(found[2], []).append(here)
                if token.endswith("{"):
                    open_braces.append(None)
            else:
                open_braces.append(found[1])
                full = "::".join(brace for brace in open_braces if brace)
                if full not in self.namespaces:
                    self.namespaces.append(full)

    @property
    def title(self) -> str:
        """What messages call it."""
        return self.path.name if self.path else "the text"

    def choose(self, results: Sequence[str], wrt: Sequence[str], name: str | None) -> ChosenKernel:
        """The kernel that was asked for: names of results or expressions; without any the header's own choice."""
        wrt = tuple([wrt] if isinstance(wrt, str) else wrt)
        for word in (*results, *wrt, *([] if name is None else [name])):
            if not isinstance(word, str):
                raise DeclarationError(f"heed: results, wrt and name are texts, got {word!r}")
        if len(set(wrt)) < len(wrt):
            twice = next(word for word in wrt if wrt.count(word) > 1)
            raise DeclarationError(f"heed: wrt names '{twice}' more than once")
        if name is not None and not IDENTIFIER_ALONE.fullmatch(name):
            raise DeclarationError(f"heed: '{name}' is no name for a C function")
        if not results or len(results) == 1 and results[0] not in self.names:
            wanted = [kernel for kernel in self.kernels if not results or kernel.name == results[0]]
            twice = [kernel.name for kernel in wanted if kernel.name == wanted[0].name]
            if len(twice) > 1:
                raise DeclarationError(f"heed: two kernels of {self.title} are called '{twice[0]}'")
            if len(wanted) > 1:
                raise DeclarationError(
                    f"heed: {self.title} exports {', '.join(kernel.name for kernel in wanted)}: name one, "
                    f'heed.compile(..., "{wanted[0].name}")'
                )
            if wanted:
                kernel = wanted[0]
                return ChosenKernel(
                    name or kernel.name,
                    kernel.arguments[0],
                    wrt,
                    kernel.namespace,
                    ", ".join(kernel.arguments[1:]),
                    exported=len(self.kernels) == 1 and not wrt and name in (None, kernel.name),
                )
        if not results:
            if "out" not in self.names:
                raise DeclarationError(
                    f"heed: {self.title} has neither a HEED_KERNEL nor a constant called 'out': name a "
                    f'result, heed.compile(..., "{next(reversed(self.names), "name")}")'
                )
            results = ["out"]
        spaces = {self._namespace_of(result) for result in results}
        if len(spaces) > 1:
            raise DeclarationError(
                f"heed: {', '.join(results)} lie in several namespaces of {self.title}: give them qualified, "
                '"mine::out"'
            )
        return ChosenKernel(name or "kernel", _in_one(results), wrt, spaces.pop(), results=tuple(results))

    def _namespace_of(self, result: str) -> str:
        """The namespace whose names a result or an expression is written in."""
        words = IDENTIFIER.findall(result)
        declared = [self.names[word] for word in words if word in self.names]
        if NAME.fullmatch(result) and not declared:
            if "::" in result:
                return ""
            if self.names and not self._may_be_hidden():
                known = ", ".join(self.names)
                raise DeclarationError(f"heed: {self.title} declares no '{result}'; it declares {known}")
        spaces = set(declared[0]).intersection(*declared[1:]) if declared else set(self.namespaces) or {""}
        if len(spaces) > 1:
            found = ", ".join(f"{space or ''}::{words[0]}" for space in sorted(spaces))
            raise DeclarationError(
                f"heed: {self.title} has several namespaces for '{result}': {found}: give it qualified"
            )
        return spaces.pop() if spaces else ""

    def _may_be_hidden(self) -> bool:
        """Can a name be declared that the text does not show: by an included file of the user's, or a macro?"""
        return re.search(r'^\s*#\s*(?:include\s*(?:"|<(?!heed/))|define\s+\w+\()', self.text, re.MULTILINE) is not None


def _is_directive(text: str, at: int) -> bool:
    """Is this place inside of a line of the preprocessor's?"""
    return text[text.rfind("\n", 0, at) + 1 : at].lstrip().startswith("#")


def _arguments(text: str, begin: int) -> list[str]:
    """The arguments of a macro that is called right before `begin`."""
    depth, start, arguments = 1, begin, []
    for i in range(begin, len(text)):
        c = text[i]
        if c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
            if not depth:
                return [*arguments, text[start:i].strip()]
        elif c == "," and depth == 1 and text.count("<", start, i) <= text.count(">", start, i):
            arguments.append(text[start:i].strip())
            start = i + 1
    raise DeclarationError("heed: a HEED_KERNEL without its closing bracket")


def read_declaration(source: str | Path) -> Declaration:
    """The declaration in a file, or in a text (what contains a line break)."""
    if not isinstance(source, (str, os.PathLike)):
        raise DeclarationError(f"heed: expected a header or its text, got {type(source).__name__}")
    if isinstance(source, str) and "\n" in source:
        return Declaration(source, None)
    if not str(source):
        raise DeclarationError("heed: expected a header or its text, got an empty text")
    path = Path(source).expanduser()
    try:
        return Declaration(path.read_text(encoding="utf-8"), path.absolute())
    except OSError as error:
        raise DeclarationError(
            f"heed: {path} cannot be read: {error.strerror} (a text, too, can be compiled: it contains a line break)"
        ) from error
    except UnicodeDecodeError as error:
        raise DeclarationError(f"heed: {path} is not UTF-8 text: {error}") from error
