#!/usr/bin/env python3
"""Checks the list of files in the documentation: every header once, by floor and room, with the first sentence of its own
opening paragraph, so that the list cannot be older than the house. And every header that a page or a comment names
exists.

    files.py include/heed docs/design.md            prints each difference, status 1 if there is one
    files.py include/heed docs/design.md --write    writes the list anew
    files.py --self-test                            shows that each kind of difference is found
"""
import difflib
import pathlib
import re
import sys
import tempfile
import textwrap

from floors import FLOORS, ROOMS

BEGIN, END = "<!-- files -->\n", "<!-- end of files -->\n"


def first_sentence(header):
    """Of the paragraph that a header opens with; a few words are followed by the next one."""
    words = []
    for line in header.read_text(encoding="utf-8").splitlines():
        if not line.startswith("//"):
            break
        words.append(line.removeprefix("//").strip())
    sentences = re.split(r"(?<=[.!?])\s+(?=[A-Z0-9`])", " ".join(words).strip())
    return " ".join(sentences[:2] if len(sentences[0]) < 40 else sentences[:1])


def listed(root):
    """The list as Markdown."""
    root, blocks = pathlib.Path(root), []
    for floor in FLOORS:
        for room in [*ROOMS.get(floor, {"": []})]:
            folder = root / floor / room
            headers = sorted(folder.glob("*.hpp"))
            if headers:
                blocks.append(f"**{folder.relative_to(root)}/**\n\n")
                for header in headers:
                    line = f"`{header.name}`: {first_sentence(header)}"
                    blocks.append(textwrap.fill(line, 140, initial_indent="- ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False) + "\n")
                blocks.append("\n")
    return "".join(blocks)


def with_list(root, text):
    """The document with the list as it should be; ValueError if it has no place for one."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(END) < text.index(BEGIN):
        raise ValueError(f"no place for the list of files between {BEGIN.strip()} and {END.strip()}")
    return text[:text.index(BEGIN)] + BEGIN + "\n" + listed(root) + text[text.index(END):]


NAMED = re.compile(r"(?<![\w/.<-])((?:[a-z_]+/)*[a-z_]+\.hpp)\b(?!\.\w)")


def lost(root, pages):
    """Every header that is named and does not exist, as `file:line: name`; names may leave out floors and rooms."""
    root = pathlib.Path(root)
    there = [str(header.relative_to(root)) for header in root.rglob("*.hpp")] + ["heed.hpp"]
    beside = [str(header) for folder in ("bench", "examples", "python", "tests") for header in root.parents[1].joinpath(folder).rglob("*.hpp")]
    found = []
    for page in [*sorted(root.rglob("*.hpp")), *pages]:
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            for name in NAMED.findall(line) if "#include" not in line else []:
                if not any(("/" + header).endswith("/" + name.split("heed/")[-1]) for header in there + beside):
                    found.append(f"{page.name}:{number}: no header {name}")
    return found


def self_test():
    failures = 0
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory, "include", "heed")
        (root / "base").mkdir(parents=True)
        (root / "plan" / "data").mkdir(parents=True)
        (root / "base" / "a.hpp").write_text("// What it is: a thing (see b.hpp), or one\n// of several. Again.\n#pragma once\n")
        (root / "plan" / "data" / "b.hpp").write_text("// The other\n// thing. More.\n#pragma once\n")
        page = with_list(root, "Text.\n" + BEGIN + "old\n" + END + "More.\n")
        cases = [
            ("written", "- `a.hpp`: What it is: a thing (see b.hpp), or one of several.\n" in page and "**plan/data/**\n\n- `b.hpp`: The other thing. More.\n" in page and page.endswith("More.\n")),
            ("stays", with_list(root, page) == page),
        ]
        here = root / "page.md"
        here.write_text("`a.hpp`, base/a.hpp, <heed/plan/data/b.hpp>, boost.hpp.in\n")
        cases.append(("names that are there", lost(root, [here]) == []))
        here.write_text("`plan/b.hpp`\n")
        cases.append(("a name that is not", lost(root, [here]) == ["page.md:1: no header plan/b.hpp"]))
        (root / "plan" / "data" / "b.hpp").write_text("// Another thing.\n#pragma once\n")
        cases.append(("a sentence that changed", with_list(root, page) != page))
        (root / "base" / "c.hpp").write_text("// New.\n#pragma once\n")
        cases.append(("a new file", "`c.hpp`: New." in with_list(root, page)))
        try:
            with_list(root, "no list")
            cases.append(("a document without a list", False))
        except ValueError:
            cases.append(("a document without a list", True))
    for name, right in cases:
        failures += not right
        print(f"{'right' if right else 'WRONG'}: {name}")
    return failures


def main(arguments):
    if arguments == ["--self-test"]:
        return 1 if self_test() else 0
    if len(arguments) not in (2, 3) or arguments[2:] not in ([], ["--write"]):
        sys.exit(__doc__)
    page = pathlib.Path(arguments[1])
    text = page.read_text(encoding="utf-8")
    wanted = with_list(arguments[0], text)
    if arguments[2:]:
        page.write_text(wanted, encoding="utf-8")
        return 0
    difference = list(difflib.unified_diff(text.splitlines(), wanted.splitlines(), page.name, "the headers", lineterm="", n=0))
    print(*difference, sep="\n")
    missing = lost(arguments[0], [*sorted(page.parent.glob("*.md"))])
    print(*missing, sep="\n")
    if difference:
        print("write it anew: tests/structure/files.py include/heed docs/design.md --write")
    return 1 if difference or missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
