"""./dev study [quick | paper | STUDY.toml] [--resume] [--out DIR] [--only TEXT]
./dev study report DIR
./dev study compare A B

Without a name it is `quick`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Any

from .errors import StudyError
from .places import RESULTS


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        print(f"study: {message} (./dev study --help says more)", file=sys.stderr)
        sys.exit(2)


def parser_of_measure() -> argparse.ArgumentParser:
    parser = Parser(prog="./dev study", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", nargs="?", default="quick", help="a preset, or a file")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where record and report go (build/study-results/NAME)")
    parser.add_argument("--resume", action="store_true", help="go on with the record that is there")
    parser.add_argument("--only", default="", metavar="TEXT", help="cells alone whose key holds this text")
    parser.add_argument("--no-report", dest="report", action="store_false", help="measure alone")
    return parser


def run_measure(arguments: list[str]) -> int:
    options = parser_of_measure().parse_args(arguments)
    from .conductor import Conductor
    from .plan import read
    from .progress import Progress

    study = read(options.study)
    out = options.out or RESULTS / (study.path.stem)
    progress = Progress()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # which ends the systems' processes too
    try:
        with Conductor(study, out, resume=options.resume, only=options.only, progress=progress) as conductor:
            written = conductor.measure()
    except KeyboardInterrupt:
        progress.end()
        print(f"\nstopped: what was measured is in {out}; --resume goes on, ./dev study report {out} shows it")
        return 130
    print(f"{written} cells written to {out}" if written else f"{out}: nothing is left to measure")
    return run_report([str(out)]) if options.report else 0


def run_report(arguments: list[str]) -> int:
    parser = Parser(prog="./dev study report", description="Tables, figures and a page of a record.")
    parser.add_argument("record", type=Path, help="a folder with a record, or the file")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where files go (the folder of the record)")
    options = parser.parse_args(arguments)
    from .report import report

    return report(options.record, options.out)


def run_compare(arguments: list[str]) -> int:
    parser = Parser(
        prog="./dev study compare", description="Two records, cell by cell; status 1 if any cell is slower."
    )
    parser.add_argument("old", type=Path, metavar="A", help="what was before")
    parser.add_argument("new", type=Path, metavar="B", help="what is now")
    parser.add_argument("--all", action="store_true", help="every implementation (heed's alone)")
    options = parser.parse_args(arguments)
    from .compare import compare

    return compare(options.old, options.new, everything=options.all)


def main(arguments: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    commands = {"report": run_report, "compare": run_compare}
    try:
        if arguments and arguments[0] in commands:
            return commands[arguments[0]](arguments[1:])
        return run_measure(arguments)
    except StudyError as error:
        print(f"study: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
