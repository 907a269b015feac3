#!/usr/bin/env python3
"""Writes all of heed as one header, for places that take a single file, Compiler Explorer for example.

Every header stands once, where it is included first, below a line with its name. Headers of the system and of Boost are included
once, in front of the first of heed's that asks for one: heed first looks at how it is compiled.

    single_header.py ROOT FILE     writes FILE from ROOT/include/heed/heed.hpp
    single_header.py --self-test   shows that what cannot stand in one file is refused
"""
import pathlib
import re
import sys
import tempfile

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"(?P<own>[^"]+)"|<(?P<other>[^>]+)>)')
OPENS, CLOSES = re.compile(r"^[ \t]*#[ \t]*if"), re.compile(r"^[ \t]*#[ \t]*endif")
ONCE = re.compile(r"^[ \t]*#[ \t]*pragma[ \t]+once[ \t]*$")
VERSION = re.compile(r'heed_version\[\] = "([^"]+)"')
RULE = 120


class Fault(Exception):
    """Why headers cannot stand in one file."""


class Amalgamation:
    """The headers in the order in which a compiler reads them, and what they include of others."""

    def __init__(self, include):
        self.include, self.parts, self.others, self.done, self.reading = include, [], {}, set(), []

    def read(self, header):
        """Adds a header behind those that it includes; a second time it is nothing."""
        if header in self.reading:
            raise Fault(f"{self.name(header)} includes itself, through {', '.join(map(self.name, self.reading))}")
        if header in self.done:
            return
        self.reading.append(header)
        lines, depth, once = [], 0, False
        for number, line in enumerate(header.read_text(encoding="utf-8").splitlines(), 1):
            found = INCLUDE.match(line)
            depth += bool(OPENS.match(line)) - bool(CLOSES.match(line))
            if ONCE.match(line):
                once = True
            elif found and found["own"]:
                there = (header.parent / found["own"]).resolve()
                if depth:
                    raise Fault(f"{self.name(header)}:{number}: a header of heed's own below #if cannot be moved")
                if not there.is_relative_to(self.include) or not there.is_file():
                    raise Fault(f"{self.name(header)}:{number}: no header {found['own']}")
                self.read(there)
            elif found and not depth:
                if found["other"].startswith("heed/"):
                    raise Fault(f"{self.name(header)}:{number}: heed's own headers include each other in quotes")
                self.others.setdefault(found["other"], len(self.parts))
            else:
                lines.append(line)
        if not once:
            raise Fault(f"{self.name(header)} has no #pragma once: nobody knows whether it may be read twice")
        self.reading.pop()
        self.done.add(header)
        self.parts.append((self.name(header), "\n".join(lines).strip("\n")))

    def name(self, header):
        return header.relative_to(self.include).as_posix()

    def text(self, opening):
        """One header; `opening` is what it says of itself."""
        # Nothing in front of these parts includes anything but heed.
        first = min(self.others.values(), default=0)
        boost = sorted(name for name in self.others if name.startswith("boost/"))
        system = sorted(name for name in self.others if name not in boost)
        includes = "".join(f"#include <{name}>\n" for name in [*system, *boost])
        pieces = [opening + "#pragma once\n"]
        for index, (name, body) in enumerate(self.parts):
            if index == first and includes:
                pieces.append(includes)
            pieces.append(f"// --- {name} ".ljust(RULE, "-") + f"\n\n{body}\n")
        return "\n".join(pieces)


def single_header(root):
    """The text of the header that holds all of heed."""
    include = (root / "include").resolve()
    whole = Amalgamation(include)
    whole.read(include / "heed" / "heed.hpp")
    version = VERSION.search((include / "heed" / "export" / "description.hpp").read_text(encoding="utf-8"))
    if not version:
        raise Fault("heed/export/description.hpp says no version")
    licence = (root / "LICENSE").read_text(encoding="utf-8").strip().splitlines()
    about = [f"heed {version[1]} in one header, made by `./dev single`: attention architectures, declared, checked and fused by the compiler.",
             "Compile with -std=c++20 -fopenmp -O3 -march=native; it includes Boost.Hana, which is headers alone.", "", *licence]
    return whole.text("".join(f"// {line}".rstrip() + "\n" for line in about))


def self_test():
    """What cannot stand in one file must be refused with a sentence that says so; what can must stand as it should."""
    start = '// All.\n#pragma once\n#include "a.hpp"\n#include "more/b.hpp"\n#include <zoo>\nint last;\n'
    first = "// A.\n#pragma once\n#ifdef X\n#include <conditional>\n#endif\nint a;\n"
    second = '// B.\n#pragma once\n#include <boost/b.hpp>\n#include <zoo>\n#include "../a.hpp"\n\n#define B \\\n  1\nint b;\n'
    cases = [
        (start, first, second, None),
        (start, first.replace("int a;", '#include "more/b.hpp"'), second, "includes itself"),
        (start, first.replace("<conditional>", '"more/b.hpp"'), second, "a.hpp:4: a header of heed's own below #if"),
        (start, first.replace("#pragma once\n", ""), second, "a.hpp has no #pragma once"),
        (start, first, second.replace("../a", "a"), "more/b.hpp:5: no header a.hpp"),
        (start, first, second.replace('"../a.hpp"', "<heed/a.hpp>"), "more/b.hpp:5: heed's own headers include each other in quotes"),
    ]
    rule = lambda name: f"// --- {name} ".ljust(RULE, "-")  # noqa: E731
    wanted = ("// x\n#pragma once\n\n" + rule("heed/a.hpp") + "\n\n// A.\n#ifdef X\n#include <conditional>\n#endif\nint a;\n\n"
              "#include <zoo>\n#include <boost/b.hpp>\n\n" + rule("heed/more/b.hpp") + "\n\n// B.\n\n#define B \\\n  1\nint b;\n\n"
              + rule("heed/heed.hpp") + "\n\n// All.\nint last;\n")
    failures = 0
    for *texts, complaint in cases:
        with tempfile.TemporaryDirectory() as directory:
            include = pathlib.Path(directory).resolve()
            (include / "heed" / "more").mkdir(parents=True)
            for name, text in zip(("heed.hpp", "a.hpp", "more/b.hpp"), texts):
                (include / "heed" / name).write_text(text, encoding="utf-8")
            whole, fault = Amalgamation(include), None
            try:
                whole.read(include / "heed" / "heed.hpp")
                if whole.text("// x\n") != wanted:
                    fault = f"this header:\n{whole.text('// x' + chr(10))}"
            except Fault as caught:
                fault = str(caught)
        right = fault is None if complaint is None else fault is not None and complaint in fault
        failures += not right
        print(f"{'right' if right else 'WRONG'}: {complaint or 'headers in one file'}" + ("" if right else f": {fault}"))
    return failures


def main(arguments):
    if arguments == ["--self-test"]:
        return 1 if self_test() else 0
    if len(arguments) != 2:
        sys.exit(__doc__)
    file = pathlib.Path(arguments[1])
    try:
        text = single_header(pathlib.Path(arguments[0]))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except Fault as fault:
        sys.exit(f"heed: {fault}")
    except OSError as error:
        sys.exit(f"heed: {file} cannot be written: {error.strerror}")
    print(f"{file}: {text.count(chr(10))} lines, {len(text.encode()) // 1024} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
