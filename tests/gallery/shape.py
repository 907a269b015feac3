#!/usr/bin/env python3
"""Every header of the gallery has the shape of an entry, stands in tests/gallery/plans.cpp and, where it is written, on the
page; the median of the declarations is at most 5 lines.

    shape.py ROOT            prints what is wrong, status 1 if anything is
    shape.py --self-test     shows that what is wrong is found
"""

from __future__ import annotations

import pathlib
import statistics
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "examples/gallery"), str(ROOT / "python")]
from entry import EntryError, read_entries, read_entry  # noqa: E402
from heed.declaration import read_declaration  # noqa: E402

GOOD = """// What it is: a word.
//
// Paper: Somebody 2020, "A
//   title".
// Formula: o = q
// Vary: nothing
// Measured: n=5 q=0:1
#pragma once
#include <heed/heed.hpp>

namespace gallery::thing {
using namespace heed;

constexpr axis<"n"> n;
constexpr auto q = input<"q">(n);

constexpr auto out = 2 * q;

HEED_KERNEL(thing, out, wrt(q))

}  // namespace gallery::thing
"""
# What is changed, and a part of what is said of it.
MISTAKES = {
    ("// Vary: nothing\n", ""): "its facts are not",
    ("// Paper: Somebody 2020", "// Paper: Somebody"): "Paper: authors, year",
    ("// Formula: o = q\n", "// Formulas: o = q\n"): "its facts are not",
    ("n=5 q=0:1", "n:5"): "Measured: AXIS=EXTENT",
    ("#pragma once\n", ""): "a comment, then #pragma once",
    ("namespace gallery::thing {", "namespace thing {"): "namespace gallery::thing",
    ("HEED_KERNEL(thing, out, wrt(q))", "HEED_KERNEL(other, out, wrt(q))"): "HEED_KERNEL(thing, out, wrt(...))",
    ("constexpr auto out = 2 * q;", "constexpr auto other = 2 * q;"): "ends with `out`",
    ("constexpr auto out = 2 * q;", "constexpr auto w = q;\n" * 12 + "constexpr auto out = w;"): "of 13 lines",
    ("constexpr auto out = 2 * q;", "constexpr auto out = 2 * input<\"p\">(n);"): "behind all inputs",
}


def violations(root: pathlib.Path) -> list[str]:
    try:
        entries = read_entries(root / "examples/gallery")
    except EntryError as error:
        return [str(error)]
    programs = (root / "tests/gallery/plans.cpp").read_text()
    found = [f"{e.path.name}: not in tests/gallery/plans.cpp" for e in entries if f"/{e.path.name}\"" not in programs]
    for entry in entries:
        kernel = read_declaration(entry.path).choose((), (), None)  # what heed.compile takes of it
        if (kernel.name, kernel.exported) != (entry.name, True):
            found.append(f"{entry.path.name}: heed.compile takes '{kernel.name}' of it")
    page = root / "docs/gallery.md"
    if page.exists():
        text = page.read_text()
        for entry in entries:
            if f"\n## {entry.number:02} {entry.name}\n" not in text or entry.declaration not in text:
                found.append(f"{entry.path.name}: not as it is on docs/gallery.md (./dev gallery writes it)")
    if statistics.median(e.lines for e in entries) > 5:
        found.append("the median of the declarations is more than 5 lines")
    return found


def self_test() -> int:
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        header = pathlib.Path(folder, "01_thing.hpp")

        def said_of(text):
            header.write_text(text)
            try:
                read_entry(header)
            except EntryError as error:
                return str(error)
            return ""

        if said := said_of(GOOD):
            print(f"a good entry is refused: {said}")
            wrong += 1
        for (old, new), part in MISTAKES.items():
            assert old in GOOD, old
            if part not in (said := said_of(GOOD.replace(old, new))):
                print(f"{old!r} as {new!r}: said '{said}', not '{part}'")
                wrong += 1
    print(f"{len(MISTAKES) + 1 - wrong} of {len(MISTAKES) + 1} right")
    return 1 if wrong else 0


def main() -> int:
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    found = violations(pathlib.Path(sys.argv[1]))
    print("\n".join(found) or "every entry has the shape of one")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
