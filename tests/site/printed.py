#!/usr/bin/env python3
"""What the page of an example says that it prints is what the program prints: run anew when it has been built anew, and left out where
the program is older than what it is made of, fails, or is not there.

    printed.py          with programs of its own, status 1 if a page says something else
"""
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "docs" / "site"))
import pages  # pylint: disable=wrong-import-position

BUILT = 2_000_000_000  # when, in seconds since 1970


def make(folder):
    """A project with one example and one header, both written before BUILT; the place of its program."""
    for name, text in (("examples/01_first.cpp", "// 1. An example.\nint main() {}\n"), ("include/a.hpp", "// A header.\n"), ("examples/support/b.hpp", "// More.\n")):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        os.utime(file, (BUILT - 10, BUILT - 10))
    return folder / "build" / "01_first"


def build(program, text, when):
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    program.chmod(0o755)
    os.utime(program, (when, when))


def main():
    failures = 0

    def expect(what, wanted):
        nonlocal failures
        page = pages.tutorial_page(folder, "examples/01_first.cpp", program.parent)
        right = page.count("\nIt prints\n") == (wanted is not None) and (wanted is None or f"\nIt prints\n\n```text\n{wanted}```\n" in page)
        failures += not right
        print(f"{'right' if right else 'WRONG'}: {what}" + ("" if right else f":\n{page}"))

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        program = make(folder)
        expect("a program that is not built", None)
        build(program, "echo 'weights 0.25  0.75'\necho '*done*'", BUILT)
        expect("a program", "weights 0.25  0.75\n*done*\n")
        build(program, "echo another", BUILT + 5)
        expect("a program that was built anew", "another\n")
        build(program, "echo half; exit 1", BUILT + 6)
        expect("a program that fails", None)
        for number, file in enumerate(("examples/01_first.cpp", "include/a.hpp", "examples/support/b.hpp"), 10):
            build(program, "echo right", BUILT + number)
            expect(f"a program before {file} changes", "right\n")
            os.utime(folder / file, (BUILT + number + 1, BUILT + number + 1))
            expect(f"a program older than {file}", None)
            os.utime(folder / file, (BUILT - 10, BUILT - 10))
    return 1 if failures else 0


sys.exit(main())
