"""An entry of the gallery, read off its header: every one has the same shape.

    // What it is, in a paragraph.
    //
    // Paper: authors, year, title.
    // Formula: ...
    // Vary: ...
    // Measured: h=4,n=2048,m=2048 document=0:7     (extents; values of inputs that normal numbers do not fit)
    #pragma once, includes, namespace gallery::NAME, axes, inputs,
    the declaration: at most 12 lines, the last of them `out`,
    HEED_KERNEL(NAME, out, wrt(...)).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).resolve().parent
FACTS = ("Paper", "Formula", "Vary", "Measured")
MOST_LINES = 12


class EntryError(Exception):
    """One sentence about a header that has not the shape of an entry."""


class Entry(NamedTuple):
    """What a header says of itself."""

    path: Path
    number: int
    name: str
    what: str  # its first paragraph
    paper: str
    formula: str
    vary: str
    extents: dict[str, int]
    ranges: dict[str, tuple[float, float]]
    inputs: str  # axes and inputs
    declaration: str
    wrt: str

    @property
    def lines(self) -> int:
        """How long the declaration is."""
        return len([line for line in self.declaration.splitlines() if line.strip()])

    @property
    def title(self) -> str:
        """What it is, without the rest of the paragraph."""
        return re.split(r"[:;.]", self.what)[0]


def read_entry(path: Path) -> Entry:
    """The entry in a header; EntryError where it lacks something."""
    text = path.read_text(encoding="utf-8")

    def need(found, what):
        if not found:
            raise EntryError(f"{path.name}: {what}")
        return found

    named = need(re.fullmatch(r"(\d\d)_(\w+)\.hpp", path.name), "the file's name is not NN_name.hpp")
    comment, pragma, code = text.partition("#pragma once\n")
    need(pragma and all(line.startswith("//") for line in comment.splitlines()), "a comment, then #pragma once")
    paragraphs = "\n".join(line[2:].removeprefix(" ") for line in comment.splitlines()).split("\n\n")
    need(len(paragraphs) == 2 and paragraphs[0].strip(), "a paragraph, an empty line, then the facts")
    facts = re.findall(r"^(\w+): (.*(?:\n  .*)*)", paragraphs[1], re.MULTILINE)
    need(tuple(fact for fact, _ in facts) == FACTS, f"its facts are not {', '.join(FACTS)}")
    fact = {name: " ".join(value.split()) for name, value in facts}
    need(re.search(r" (?:19|20)\d\d, \"[^\"]+\"", fact["Paper"]), "Paper: authors, year, \"title\"")
    extents, _, ranges = fact["Measured"].partition(" ")
    need(re.fullmatch(r"\w+=\d+(?:,\w+=\d+)*", extents), "Measured: AXIS=EXTENT,... INPUT=LOW:HIGH ...")
    number = r"-?[\d.]+"
    need(re.fullmatch(rf"(?:\w+={number}:{number} ?)*", ranges), "Measured: AXIS=EXTENT,... INPUT=LOW:HIGH ...")

    name = named[2]
    space = rf"namespace gallery::{name} {{\nusing namespace heed;\n\n(.*)\n}}  // namespace gallery::{name}\n"
    body = need(re.search(space, code, re.DOTALL), f"namespace gallery::{name} with using namespace heed")[1]
    kernel = need(
        re.fullmatch(rf"(.*?)\n\n(.*?)\n\nHEED_KERNEL\({name}, out,\s+(wrt\([^()]*\))\)\n", body, re.DOTALL),
        f"axes and inputs, an empty line, the declaration, an empty line, HEED_KERNEL({name}, out, wrt(...))",
    )
    need("input<" not in kernel[2] and "\n\n" not in kernel[2], "the declaration is one paragraph behind all inputs")
    need(re.search(r"^constexpr auto out =", kernel[2], re.MULTILINE), "the declaration ends with `out`")
    entry = Entry(
        path,
        int(named[1]),
        name,
        " ".join(paragraphs[0].split()),
        fact["Paper"],
        fact["Formula"],
        fact["Vary"],
        {axis: int(extent) for axis, extent in (word.split("=") for word in extents.split(","))},
        {
            word.split("=")[0]: tuple(map(float, word.split("=")[1].split(":")))
            for word in ranges.split()
        },
        kernel[1],
        kernel[2],
        kernel[3],
    )
    need(entry.lines <= MOST_LINES, f"a declaration of {entry.lines} lines, more than {MOST_LINES}")
    return entry


def read_entries(folder: Path = FOLDER) -> list[Entry]:
    """All entries of the folder, in order; their numbers are 1, 2, ..."""
    entries = [read_entry(path) for path in sorted(folder.glob("*.hpp"))]
    for expected, entry in enumerate(entries, 1):
        if entry.number != expected:
            raise EntryError(f"{entry.path.name}: number {expected} is missing before it, or there twice")
    return entries
