#!/usr/bin/env python3
"""Runs the demo as a person would and looks at what it prints.

    demo.py CASE heed-demo      CASE is the name of a function below
"""
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

DEMO = ""
FRUIT, COMPANY = "she ate an apple", "the apple phone"


def run(*arguments):
    """Status, standard output and standard error of the demo, in a pipe."""
    done = subprocess.run([DEMO, *arguments], capture_output=True, text=True, timeout=600)
    return done.returncode, done.stdout, done.stderr


def in_terminal(columns, *arguments, **environment):
    """What the demo prints in a terminal of that many columns."""
    me, it = pty.openpty()
    fcntl.ioctl(it, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    variables = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm-256color"} | environment
    process = subprocess.Popen([DEMO, *arguments], stdin=it, stdout=it, stderr=subprocess.DEVNULL, env=variables)
    os.close(it)
    said = b""
    while True:
        try:
            part = os.read(me, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        said += part
    os.close(me)
    expect(process.wait() == 0, "status 0")
    return said.decode().replace("\r\n", "\n")


def expect(holds, what):
    if not holds:
        sys.exit(f"expected: {what}")


def expect_lines(said, *patterns):
    for pattern in patterns:
        expect(re.search(pattern, said, re.MULTILINE), f"{pattern!r} in:\n{said}")


def without_colours(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def expect_width(said, columns):
    for line in without_colours(said).splitlines():
        expect(len(line) <= columns, f"at most {columns} columns, not {len(line)}: {line}")


def meaning():
    status, said, _ = run("--only", "1")
    expect(status == 0, "status 0")
    expect("\x1b" not in said, "no escapes in a pipe")
    expect_width(said, 80)
    expect_lines(said,
                 r"^    apple / orange .* 0\.213$",
                 r'head 10: "please buy an apple and an orange"', r"apple looks at orange 0\.67",
                 r'head 1: "apple unveiled a new phone"', r"apple looks at phone 0\.74",
                 r"^    embedding +0\.975 / 0\.969 +0\.977 / 0\.974", r"^    after layer 2 +0\.906 / 0\.743 +0\.904 / 0\.780 +0\.934 / 0\.895$",
                 r"^    embedding +1\.000 / 1\.000 +1\.000 / 1\.000 +1\.000 / 1\.000$")


def differences():
    status, said, _ = run("--only", "2")
    expect(status == 0, "status 0")
    expect_width(said, 80)
    expect_lines(said, *(rf"^    {name} +[1-9]\d+ +\d\.\de-\d\d +{gate}$" for name, gate in
                         (("embeddings", "2e-05"), (r"layer\.0\.output", "2e-05"), (r"layer\.2\.output", "2e-05"),
                          (r"layer\.0\.attention\.probabilities", "1e-06"))))
    expect("FAILED" not in said, "every gate to hold")


def variants():
    status, said, _ = run("--only", "3", "--tokens", "64")
    expect(status == 0, "status 0")
    expect_width(said, 80)
    for name in ("causal window", "ALiBi", "softcap"):
        expect_lines(said, rf"^    {name} +\d\.\de-\d\d +\d+\.\d\d +\d+\.\d ms +\d+\.\d % +\d+\.\d x$")
    # The declarations come from the source, at most five lines each.
    blocks = [block.splitlines() for block in said.split("\n\n") if block.lstrip().startswith("constexpr auto")]
    expect(len(blocks) == 4 and all(len(block) <= 5 for block in blocks), "four declarations of at most five lines")


def refusal():
    status, said, _ = run("--only", "4")
    expect(status == 0, "status 0")
    command, answer = said.split("declaration.cpp\n\n")
    expect_width(command, 80)
    expect(re.search(r"^  \$ .*-fsyntax-only( \\\n {5})? examples/demo/wrong/$", command, re.MULTILINE | re.DOTALL), f"a command in:\n{said}")
    expect_lines(answer,
                 r"error: static assertion failed.*heed: heads x head width must equal the model width", r"Refused while compiling")
    expect(len(re.findall(r"\berror: ", said)) == 1, "one error")


def terminals():
    long = ["--say", "i ate an apple with my lunch and an orange and a pie", "--word", "apple"]
    for columns in (40, 80, 120):
        said = in_terminal(columns, *long)
        expect("\x1b[48;5;" in said, "colours in a terminal")
        if columns >= 80:
            expect_width(said, columns)
    story = in_terminal(80, "--only", "1")
    expect_width(story, 80)
    expect("0.67" in story, "weights in the cells")
    plain = in_terminal(80, *long, NO_COLOR="1")
    expect("\x1b" not in plain and "▒" in plain or "▓" in plain, "shades and no escapes with NO_COLOR")
    expect("\x1b" not in in_terminal(80, *long, TERM="dumb"), "no escapes in a dumb terminal")


def own_sentences():
    status, said, _ = run("--say", FRUIT, COMPANY, "--word", "apple")
    expect(status == 0, "status 0")
    expect_lines(said, r'head \d+: "she ate an apple"', r'head \d+: "the apple phone"', r"^ +apple > ", r"apple looks at ",
                 r"^    embedding +\d\.\d{3} +1\.000$", r"^    after layer 2 +0\.\d{3} +0\.\d{3}$")
    # A sentence that is longer than a line is cut where it is quoted.
    long = FRUIT + " and an orange and a pie" * 3
    status, folded, _ = run("--say", long, COMPANY, "--word", "apple")
    expect(status == 0, "status 0")
    expect_width(folded, 80)
    expect_lines(folded, r'head \d+: "she ate an apple and an orange .*\.\.\."$', r'^  "she ate an apple and .*\.\.\."$')
    # Upper case and punctuation are no other words.
    status, same, _ = run("--say", "She ate an APPLE!", "The apple phone.", "--word", "Apple")
    expect(status == 0, "status 0")
    expect(re.findall(r"\d\.\d{3}", same) == re.findall(r"\d\.\d{3}", said), "the same numbers")
    # One sentence has a heat map and nothing to be compared with.
    status, alone, _ = run("--say", FRUIT, "--word", "apple")
    expect(status == 0 and "apple looks at" in alone and "How alike" not in alone, "a heat map alone")


def mistakes():
    def refused(status, complaint, *arguments):
        got, said, complained = run(*arguments)
        expect(got == status if status else got != 0, f"status {status} of {arguments}, not {got}")
        expect(said == "", f"nothing on standard output, not {said}")
        expect(re.search(complaint, complained), f"{complaint!r} of {arguments}, not {complained}")

    refused(2, r"lacks 'qwertz', 'blorp', 'zzz'\n  --full reads the whole model", "--say", "a qwertz apple blorp", "the zzz apple qwertz", "--word", "apple")
    refused(2, r"'apple' is missing from \"the phone\", \"my lunch\"", "--say", FRUIT, "the phone", "my lunch", "--word", "apple")
    refused(2, r"one word, not \"apple pie\"", "--say", FRUIT, "--word", "apple pie")
    refused(2, r"'apple' is missing from \"\"", "--say", "", "--word", "apple")
    refused(2, r"a sentence of 83 tokens .*; the model knows 64 positions", "--say", "apple " + "and " * 80, "--word", "apple")
    refused(2, r"at one position .* stands at 6\d; the model knows 64", "--say", "and " * 50 + "apple", "apple " + "and " * 20, "--word", "apple")
    refused(None, r"--say requires --word", "--say", FRUIT)
    refused(None, r"--word requires --say", "--word", "apple")
    refused(None, r"Value 5 not in range", "--only", "5")
    refused(None, r"not expected", "--nonsense")
    status, said, _ = run("--help")
    expect(status == 0 and "./dev demo --say" in said, "help with an example")


if __name__ == "__main__":
    DEMO = sys.argv[2]
    globals()[sys.argv[1]]()
