#!/usr/bin/env python3
"""Compiles and runs the programs in Markdown pages.

A comment in the line before a fenced block says what the block is:

    <!-- test: NAME -->      C++ that must compile; with a main it is run as well and must end with status 0.
                             Without a main it is a fragment: it stands below `#include <heed/heed.hpp>` and
                             `using namespace heed;` and is compiled only.
    <!-- rejected: NAME -->  C++ that must be refused by the compiler, with one error (a fragment or a program).
    <!-- output: NAME -->    Each line of this block must stand in what the program printed or the compiler said;
                             `...` in a line stands for anything.
    <!-- output: NAME, of COMPILER -->  The same, looked at only where COMPILER is the one that is called.

A block of C++ without a mark is a fault.

    readme_programs.py --list PAGE...                            the names, one a line
    readme_programs.py --run NAME --work DIR PAGE... -- COMPILER FLAGS...
    readme_programs.py --self-test -- COMPILER FLAGS...
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"^<!-- (test|rejected|output): (\w+)(?:, of (\S+))? -->\s*\n```(\w*)\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^(.*)\n```cpp$", re.MULTILINE)
MARK = re.compile(r"^<!-- (?:test|rejected|output):", re.MULTILINE)
MAIN = re.compile(r"^\s*(int|auto)\s+main\s*\(", re.MULTILINE)
PRELUDE = "#include <heed/heed.hpp>\nusing namespace heed;\n"


class Fault(Exception):
    """What is wrong with a page or with one of its programs."""


def programs(pages):
    """name -> {kind, code, line, page, output} of every marked block of the pages."""
    found, outputs = {}, {}
    for page in pages:
        text = pathlib.Path(page).read_text(encoding="utf-8")
        blocks = list(BLOCK.finditer(text))
        if len(blocks) != len(MARK.findall(text)):
            raise Fault(f"{page}: a mark without a fenced block below it")
        for code in CODE.finditer(text):
            if not MARK.match(code[1]):
                raise Fault(f"{page}: C++ without a mark, below: {code[1]}")
        for block in blocks:
            kind, name, compiler, _, code = block.groups()
            if name in (outputs if kind == "output" else found):
                raise Fault(f"{page}: two blocks are called {name}")
            if kind == "output":
                outputs[name] = (code, compiler)
            else:
                line = text.count("\n", 0, block.start(5)) + 1
                found[name] = {"kind": kind, "code": code, "line": line, "page": str(page)}
    for name, (output, compiler) in outputs.items():
        if name not in found:
            raise Fault(f"the output of {name}, which is no program")
        found[name]["output"], found[name]["speaker"] = output, compiler
    return found


def missing_line(output, said):
    """The first line of `output` that `said` lacks, or None."""
    for line in output.splitlines():
        pattern = ".*".join(re.escape(part.strip()) for part in line.split("..."))
        if not re.search(pattern, said):
            return line
    return None


def check(name, program, work, compiler):
    """Compiles and runs a program; raises Fault with what went wrong."""
    work.mkdir(parents=True, exist_ok=True)
    source, executable = work / f"{name}.cpp", work / name
    whole = MAIN.search(program["code"]) is not None
    prelude = "" if whole or "#include" in program["code"] else PRELUDE
    source.write_text(f'{prelude}#line {program["line"]} "{program["page"]}"\n{program["code"]}', encoding="utf-8")
    runs = whole and program["kind"] == "test"
    command = compiler + ([str(source), "-o", str(executable)] if runs else ["-fsyntax-only", str(source)])
    environment = dict(os.environ, LC_ALL="C")
    compilation = subprocess.run(command, capture_output=True, text=True, env=environment)
    said = compilation.stderr
    if program["kind"] == "rejected":
        errors = len(re.findall(r"^.*: (?:fatal )?error: ", said, re.MULTILINE))
        if compilation.returncode == 0:
            raise Fault(f"{name} must be refused, and it compiled")
        if errors != 1:
            raise Fault(f"{name} must give one error, not {errors}:\n{said}")
    elif compilation.returncode != 0:
        raise Fault(f"{name} does not compile:\n{said}")
    elif runs:
        run = subprocess.run([str(executable)], capture_output=True, text=True, cwd=work)
        said = run.stdout
        if run.returncode != 0:
            raise Fault(f"{name} ended with status {run.returncode}:\n{run.stdout}{run.stderr}")
    speaker = program.get("speaker")
    if speaker and not pathlib.Path(compiler[0]).name.startswith(speaker):
        return
    absent = missing_line(program.get("output", ""), said)
    if absent is not None:
        raise Fault(f"{name} does not print `{absent}`; it prints:\n{said}")


def self_test(compiler):
    """Each bad page must be refused with its complaint; the good one must pass."""
    def block(kind, name, code):
        return f"text\n<!-- {kind}: {name} -->\n```cpp\n{code}\n```\n"

    runs = "#include <cstdio>\nint main() { std::puts(\"width 64\"); }"
    cases = [
        (block("test", "a", runs) + "```\nunmarked\n```\n" + block("output", "a", "width ..."), None),
        (block("rejected", "a", "#include <cstddef>\nstatic_assert(false, \"no\");")
         + block("output", "a", "error: ... no"), None),
        (block("test", "a", "#include <cstddef>\nnonsense;"), "does not compile"),
        (block("test", "a", "int main() { return 3; }"), "status 3"),
        (block("test", "a", runs) + block("output", "a", "width 65"), "does not print"),
        (block("test", "a", runs) + block("output", "a, of nobody", "width 65"), None),
        (block("test", "a", runs) + block("output", f"a, of {pathlib.Path(compiler[0]).name}", "width 65"), "does not print"),
        (block("rejected", "a", "#include <cstddef>\nint x;"), "must be refused"),
        (block("rejected", "a", "#include <cstddef>\nint x = y;\nint z = w;"), "one error, not 2"),
        (block("test", "a", runs) * 2, "two blocks"),
        (block("output", "a", "x"), "no program"),
        ("<!-- test: a -->\ntext\n", "without a fenced block"),
        (block("test", "a", runs) + "text\n```cpp\nint x;\n```\n", "without a mark"),
    ]
    failures = 0
    for page, complaint in cases:
        with tempfile.TemporaryDirectory() as directory:
            file = pathlib.Path(directory, "page.md")
            file.write_text(page, encoding="utf-8")
            fault = None
            try:
                for name, program in programs([file]).items():
                    check(name, program, pathlib.Path(directory, name), compiler)
            except Fault as caught:
                fault = str(caught)
        right = fault is None if complaint is None else fault is not None and complaint in fault
        failures += not right
        print(f"{'right' if right else 'WRONG'}: {complaint or 'a good page'}" + ("" if right else f": {fault}"))
    return failures


def main(arguments):
    split = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--run")
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("pages", nargs="*")
    options, compiler = parser.parse_args(arguments[:split]), arguments[split + 1:]
    try:
        if options.self_test:
            return 1 if self_test(compiler) else 0
        found = programs(options.pages)
        if options.list:
            for name in found:
                print(name)
        elif options.run not in found:
            raise Fault(f"no program {options.run}")
        else:
            check(options.run, found[options.run], options.work, compiler)
    except Fault as fault:
        print(fault, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
