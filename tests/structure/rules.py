#!/usr/bin/env python3
"""Checks that every static rule of the headers has a program that breaks it.

A rule is a static_assert, or a `stop_compiling` where constant evaluation meets the mistake; its message begins with
`heed: `. Each message must match an `// expect: ` line of a program in tests/rejects that speaks of heed, and each
static_assert must carry such a message, but for those that guard the library against its own authors (no message, on
constants of the library itself).

    rules.py include/heed tests/rejects    prints each rule without a program, status 1 if there is one
    rules.py --self-test                   shows that a rule without a program is found, and a program without a rule
"""
import pathlib
import re
import sys
import tempfile

MESSAGE = re.compile(r'"(heed: (?:[^"\\]|\\.)*)"')
STOP = re.compile(r'\bstop_compiling<"([^"]*)">')
EXPECT = re.compile(r"^// expect: (heed: .*)$", re.MULTILINE)


def assertions(text):
    """The text of every static_assert, from its name to the bracket that closes it."""
    for start in re.finditer(r"\bstatic_assert\s*\(", text):
        depth, end, quoted = 1, start.end(), False
        while depth:
            if text[end] == '"' and text[end - 1] != "\\":
                quoted = not quoted
            elif not quoted:
                depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        yield text[start.start():end]


def faults(include, rejects):
    """Every fault as a sentence."""
    rules, found = {}, []
    for header in sorted(pathlib.Path(include).rglob("*.hpp")):
        text = re.sub(r"^\s*//.*$", "", header.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for assertion in assertions(text):
            message = MESSAGE.search(assertion)
            if message and message[1].startswith("heed: internal error: "):
                continue
            if message:
                rules.setdefault(message[1], header.name)
            elif '"' in re.sub(r'fact<"[^"]*"', "", assertion):
                found.append(f"{header.name}: a message must begin with `heed: `: {assertion}")
        for message in STOP.findall(text):
            rules.setdefault(message, header.name)
    expected = {}
    for program in sorted(pathlib.Path(rejects).glob("*.cpp")):
        for pattern in EXPECT.findall(program.read_text(encoding="utf-8")):
            expected[pattern] = program.name
    for message, header in rules.items():
        if not any(re.search(pattern, message) for pattern in expected):
            found.append(f"{header}: no program in tests/rejects expects `{message}`")
    for pattern, program in expected.items():
        if not any(re.search(pattern, message) for message in rules):
            found.append(f"{program}: no rule says `{pattern}`")
    return found


def self_test():
    header = 'static_assert(given<(a > 0), fact<"a">>, "heed: a is (much) more than 0");\nstatic_assert(sizeof(int) == 4);\n'
    program = "// expect: heed: a is \\(much\\) more than 0\n// expect: fact\n"
    cases = [
        (header, program, None),
        (header + 'static_assert(x, "heed: x holds");\n', program, "no program"),
        (header, program + "// expect: heed: b\n", "no rule"),
        (header + 'static_assert(x, "x holds");\n', program, "must begin with"),
        ('// static_assert(x, "heed: x holds");\n' + header, program, None),
        (header + 'stop_compiling<"heed: x holds">();\n', program, "no program"),
        (header + 'stop_compiling<"heed: x holds">();\n', program + "// expect: heed: x\n", None),
        (header + 'static_assert(x, "heed: internal error: x holds");\n', program, None),
    ]
    failures = 0
    for text, reject, complaint in cases:
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            (root / "a.hpp").write_text(text, encoding="utf-8")
            (root / "a.cpp").write_text(reject, encoding="utf-8")
            found = faults(root, root)
        right = not found if complaint is None else len(found) == 1 and complaint in found[0]
        failures += not right
        print(f"{'right' if right else 'WRONG'}: {complaint or 'a covered header'}" + ("" if right else f": {found}"))
    return failures


def main(arguments):
    if arguments == ["--self-test"]:
        return 1 if self_test() else 0
    if len(arguments) != 2:
        sys.exit(__doc__)
    found = faults(*arguments)
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
