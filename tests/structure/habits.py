#!/usr/bin/env python3
"""Checks what makes a header readable for a stranger, as far as a script can see it.

A header opens with a paragraph that says what it is about. A function longer than 25 lines has a comment above it. No
header is longer than 500 lines. Subscripts take the number that they are given, without a cast to std::size_t.

    habits.py include/heed      prints each violation, status 1 if there is one
    habits.py --self-test       shows that each kind of violation is found
"""
import pathlib
import re
import sys
import tempfile

LONGEST_FUNCTION = 25
LONGEST_HEADER = 500
NO_FUNCTION = re.compile(r"^(?:else|if|for|while|switch|do|try|catch|namespace|struct|class|union|enum|extern|return|case|default)\b")


def blanked(text):
    """The text with comments, strings and characters blanked out, line breaks kept."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', re.DOTALL | re.MULTILINE)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def functions(text):
    """Of every function that has a body: its first line, the line of its head, its last line (from 0)."""
    code = blanked(text)
    open_braces, start = [], 0
    for mark in re.finditer(r"[{};]", code):
        if mark[0] == ";":
            if code.count("(", start, mark.start()) <= code.count(")", start, mark.start()):
                start = mark.end()
            continue
        if mark[0] == "}":
            if open_braces:
                kind, first = open_braces.pop()
                if kind:
                    yield first, code.count("\n", 0, mark.start())
            start = mark.end()
            continue
        head = code[start:mark.start()]
        bare = re.sub(r"^(?:\s|public:|private:|protected:)*", "", head)
        inside = any(kind for kind, _ in open_braces)
        is_function = (not inside and "(" in bare and not NO_FUNCTION.match(bare)
                       and not re.search(r"\b(?:struct|class|union|enum|namespace)\s+\w+[^()]*$", bare)
                       and not re.search(r"=\s*$", bare))
        first = code.count("\n", 0, mark.start() - len(bare))
        open_braces.append((is_function, first))
        start = mark.end()


def violations(root):
    """Every violation in the tree as `file:line: what`, in order of the files."""
    found = []
    for header in sorted(pathlib.Path(root).rglob("*.hpp")):
        path, text = header.relative_to(root), header.read_text(encoding="utf-8")
        lines = text.splitlines()
        if not lines or not lines[0].startswith("//"):
            found.append(f"{path}:1: a header opens with a paragraph that says what it is about")
        if len(lines) > LONGEST_HEADER:
            found.append(f"{path}:1: {len(lines)} lines, more than {LONGEST_HEADER}: what are its two subjects?")
        for number, line in enumerate(lines, 1):
            if "[std::size_t(" in line.split("//")[0] and re.search(r"\[std::size_t\([^()]*(?:\([^()]*\)[^()]*)*\)\]", line):
                found.append(f"{path}:{number}: a cast at a subscript")
        for first, last in functions(text):
            above = lines[first - 1].strip() if first else ""
            if last - first + 1 > LONGEST_FUNCTION and not above.startswith("//"):
                found.append(f"{path}:{first + 1}: {last - first + 1} lines without a word above them: {lines[first].strip()[:60]}")
    return found


def self_test():
    """Each bad header must be refused with one violation that says so; the good one must pass."""
    body = "".join(f"  f({i});\n" for i in range(LONGEST_FUNCTION))
    good = "// What it is about.\n#pragma once\nstruct s {\n  int x;\n  // Why it is long.\n  void g() {\n" + body + "  }\n  int at(int i) { return of[i]; }\n};\n"
    cases = [
        (good, None),
        (good.replace("  // Why it is long.\n", ""), "without a word above"),
        (good.replace("  // Why it is long.\n  void", "  // Why.\n\n  void"), "without a word above"),
        ("// All.\n\ntemplate <class T>\nvoid g(T x) {\n" + body + "}\n", "without a word above"),
        ("// All.\nnamespace n {\nint x;\nint f() { return 1; }\nvoid g(int x = 1) noexcept {\n  if (x) {\n" + body + "  }\n}\n}\n", "without a word above"),
        ("#pragma once\n" + good, "opens with a paragraph"),
        (good + "int x;\n" * LONGEST_HEADER, "two subjects"),
        (good.replace("of[i]", "of[std::size_t(i)]"), "a cast at a subscript"),
    ]
    failures = 0
    for text, complaint in cases:
        with tempfile.TemporaryDirectory() as directory:
            pathlib.Path(directory, "a.hpp").write_text(text, encoding="utf-8")
            found = violations(directory)
        right = not found if complaint is None else len(found) == 1 and complaint in found[0]
        failures += not right
        print(f"{'right' if right else 'WRONG'}: {complaint or 'a good header'}" + ("" if right else f": {found}"))
    return failures


def main(arguments):
    if arguments == ["--self-test"]:
        return 1 if self_test() else 0
    if len(arguments) != 1 or not pathlib.Path(arguments[0]).is_dir():
        print(__doc__, file=sys.stderr)
        return 2
    found = violations(arguments[0])
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
