#!/usr/bin/env python3
"""Compiles each program of a budget file and says whether it stays within its seconds and megabytes.

    budget.py [--runs N] [--include DIR]... BUDGET.json [NAME...]     status 1 if an entry is over its budget
    budget.py --self-test                                             shows that the checks can fail

The file has `flags` for all programs and `entries`:
    name        what the table calls it; `source` (default NAME.cpp) stands beside the budget file
    compiler    the command
    seconds     wall time allowed, the least of at most N runs (default 3): the first within the budget is the last
    megabytes   peak resident set of the compiler allowed (its largest process), the least of the same runs
    less        an entry with the same compiler whose seconds are taken off; `share` divides what is left:
                (t(five variants) - t(one variant)) / 4 is what each further variant costs
and may have a `yardstick`: a `source` that does not depend on what is measured, and the `seconds` that it took, by
compiler, where the budget was set. It is compiled in the same run; on a machine that takes longer for it the seconds
allowed grow in proportion, to at most three times; they never shrink.
No compiler cache is asked. A missing source or compiler is an error, never a pass.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time


class Fault(Exception):
    """A budget file that cannot be measured."""


def compile_once(command):
    """Seconds and peak megabytes of one run of a compiler."""
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=said, stderr=said, env=dict(os.environ, CCACHE_DISABLE="1"))
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            said.seek(0)
            raise Fault(f"`{' '.join(command)}` failed:\n{said.read().decode(errors='replace')}")
    return seconds, usage.ru_maxrss / 1024


def scale(measured, recorded):
    """How many times the seconds of a budget a machine may take."""
    return min(max(measured / recorded, 1), 3)


def measure(budget, directory, includes, names, runs):
    """One row per entry: name, compiler, seconds, its limit, megabytes, its limit; faults; scales by compiler."""
    entries = {entry["name"]: entry for entry in budget["entries"]}
    for name in names:
        if name not in entries:
            raise Fault(f"no entry {name}")
    wanted = names or list(entries)
    measured, scales = {}, {}

    def least(what, source, compiler, runs):
        if not source.is_file():
            raise Fault(f"{what}: {source} does not exist")
        if not shutil.which(compiler):
            raise Fault(f"{what}: there is no {compiler}")
        flags = ["-std=c++20", *budget["flags"], *(f"-I{include}" for include in includes)]
        with tempfile.TemporaryDirectory() as scratch:
            command = [compiler, *flags, "-c", str(source), "-o", f"{scratch}/object.o"]
            results = [compile_once(command) for _ in range(runs)]
        return tuple(min(column) for column in zip(*results))

    def cost(name, again):
        """The least so far; compiled if it was not, and once more if `again`."""
        if name not in measured or again:
            entry = entries[name]
            now = least(name, directory / entry.get("source", f"{name}.cpp"), entry["compiler"], 1)
            measured[name] = tuple(map(min, now, measured.get(name, now)))
        return measured[name]

    def scale_of(compiler):
        yardstick = budget.get("yardstick")
        if yardstick and compiler not in scales:
            if compiler not in yardstick["seconds"]:
                raise Fault(f"the yardstick has no seconds of {compiler}")
            seconds, _ = least("yardstick", directory / yardstick["source"], compiler, runs)
            scales[compiler] = seconds, yardstick["seconds"][compiler]
        return scale(*scales[compiler]) if yardstick else 1

    rows, faults = [], []
    for name in wanted:
        entry = entries[name]
        try:
            allowed = entry["seconds"] * scale_of(entry["compiler"])
            for run in range(runs):
                seconds, megabytes = cost(name, run > 0)
                if "less" in entry:
                    seconds -= cost(entry["less"], run > 0)[0]
                seconds /= entry.get("share", 1)
                if seconds <= allowed and megabytes <= entry["megabytes"]:
                    break
            rows.append((name, entry["compiler"], seconds, allowed, megabytes, entry["megabytes"]))
        except Fault as fault:
            faults.append(str(fault))
    return rows, faults, scales


def report(rows, faults, scales):
    """Prints the table; the number of entries over their budget or not measured."""
    print(f"{'program':28} {'compiler':12} {'seconds':>8} {'allowed':>8} {'of it':>6} {'MB':>6} {'allowed':>8}")
    over = 0
    for name, compiler, seconds, seconds_allowed, megabytes, megabytes_allowed in rows:
        good = seconds <= seconds_allowed and megabytes <= megabytes_allowed
        over += not good
        print(f"{name:28} {compiler:12} {seconds:8.2f} {seconds_allowed:8.2f} {seconds / seconds_allowed:6.0%} "
              f"{megabytes:6.0f} {megabytes_allowed:8.0f}{'' if good else '  OVER BUDGET'}")
    for compiler, (seconds, recorded) in scales.items():
        print(f"{'yardstick':28} {compiler:12} {seconds:8.2f}   recorded {recorded:.2f}: seconds allowed x {scale(seconds, recorded):.2f}")
    for fault in faults:
        print(f"NOT MEASURED: {fault}")
    return over + len(faults)


def self_test():
    """A tiny program within and over a budget of each kind, entries that cannot be measured, and what a yardstick does."""
    def entry(name, seconds, megabytes, **more):
        return dict({"name": name, "source": "tiny.cpp", "compiler": "c++", "seconds": seconds,
                     "megabytes": megabytes}, **more)

    budget = {"flags": ["-O0"], "entries": [
        entry("within", 600, 100000), entry("slow", 0.0001, 100000), entry("large", 600, 0.5),
        entry("share", 600, 100000, less="within", share=4), entry("absent", 1, 1, source="absent.cpp"),
        entry("wrong", 600, 100000, source="wrong.cpp"), entry("compilerless", 1, 1, compiler="no-such-compiler")]}
    yardsticks = [  # on a machine as fast, faster, slower, much slower
        (scale(1, 1), 1), (scale(0.5, 1), 1), (scale(1.2, 1), 1.2), (scale(9, 1), 3)]
    expected = {"within": 0, "slow": 1, "large": 1, "share": 0, "absent": 1, "wrong": 1, "compilerless": 1}
    failures = 0
    with tempfile.TemporaryDirectory() as directory:
        pathlib.Path(directory, "tiny.cpp").write_text("int main() {}\n", encoding="utf-8")
        pathlib.Path(directory, "wrong.cpp").write_text("nonsense\n", encoding="utf-8")
        for name, bad in expected.items():
            right = report(*measure(budget, pathlib.Path(directory), [], [name], 1)) == bad
            failures += not right
            print(f"{'right' if right else 'WRONG'}: {name}\n")
        for seconds, source, bad in [({"c++": 1e-9}, "tiny.cpp", 0), ({"g++": 1}, "tiny.cpp", 1), ({"c++": 1}, "absent.cpp", 1)]:
            with_yardstick = budget | {"yardstick": {"source": source, "seconds": seconds}}
            right = report(*measure(with_yardstick, pathlib.Path(directory), [], ["within"], 1)) == bad
            failures += not right
            print(f"{'right' if right else 'WRONG'}: yardstick {source} {seconds}\n")
    for got, wanted in yardsticks:
        failures += got != wanted
        print(f"{'right' if got == wanted else 'WRONG'}: scale {got}")
    return failures


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--include", action="append", default=[])
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("budget", nargs="?", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args(arguments)
    if options.self_test:
        return 1 if self_test() else 0
    if not options.budget:
        parser.error("which budget file?")
    budget = json.loads(options.budget.read_text(encoding="utf-8"))
    try:
        return 1 if report(*measure(budget, options.budget.parent, options.include, options.names, options.runs)) else 0
    except Fault as fault:
        print(fault, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
