#!/usr/bin/env python3
"""Compiles each program of a budget file and says whether it stays within its seconds and megabytes.

    budget.py [--runs N] [--include DIR]... BUDGET.json [NAME...]     status 1 if an entry is over its budget
    budget.py --self-test                                             shows that the checks can fail

The file has `flags` for all programs and `entries`:
    name        what the table calls it; `source` (default NAME.cpp) stands beside the budget file
    compiler    the command
    seconds     processor time allowed, in the best of at most N runs (default 5): the first within the budget is the last
    megabytes   peak resident set of the compiler allowed (its largest process), the least of the same runs
    less        an entry with the same compiler whose seconds are taken off; `share` divides what is left:
                (t(five variants) - t(one variant)) / 4 is what each further variant costs
and may have a `yardstick`: a `source` that does not depend on what is measured, and the `seconds` that it took, by
compiler, where the budget was set. Each run compiles it before the program and after it, for a shared machine is another
from minute to minute; where the slower of both takes longer than that, the seconds allowed for this run grow in proportion, to
at most five times; they never shrink.
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


class Fault(Exception):
    """A budget file that cannot be measured."""


def compile_once(command):
    """Seconds of a processor and peak megabytes of one run of a compiler."""
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(command, stdout=said, stderr=said, env=dict(os.environ, CCACHE_DISABLE="1"))
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            said.seek(0)
            raise Fault(f"`{' '.join(command)}` failed:\n{said.read().decode(errors='replace')}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def scale(measured, recorded):
    """How many times the seconds of a budget a machine may take."""
    return min(max(measured / recorded, 1), 5)


def measure(budget, directory, includes, names, runs):
    """One row per entry: name, compiler, seconds, its limit, megabytes, its limit; faults."""
    entries = {entry["name"]: entry for entry in budget["entries"]}
    for name in names:
        if name not in entries:
            raise Fault(f"no entry {name}")

    def compiled(what, source, compiler):
        """Seconds and megabytes of a source beside the budget file."""
        if not (directory / source).is_file():
            raise Fault(f"{what}: {directory / source} does not exist")
        if not shutil.which(compiler):
            raise Fault(f"{what}: there is no {compiler}")
        flags = ["-std=c++20", *budget["flags"], *(f"-I{include}" for include in includes)]
        with tempfile.TemporaryDirectory() as scratch:
            return compile_once([compiler, *flags, "-c", str(directory / source), "-o", f"{scratch}/object.o"])

    def program(entry):
        return compiled(entry["name"], entry.get("source", f"{entry['name']}.cpp"), entry["compiler"])

    def yardstick(compiler):
        """How many times the recorded seconds it takes now."""
        if "yardstick" not in budget:
            return 1
        of = budget["yardstick"]
        if compiler not in of["seconds"]:
            raise Fault(f"the yardstick has no seconds of {compiler}")
        return scale(compiled("yardstick", of["source"], compiler)[0], of["seconds"][compiler])

    def run(entry, before):
        """Seconds, what is allowed for them, megabytes, and how slow the machine is afterwards."""
        seconds, megabytes = program(entry)
        if "less" in entry:
            seconds -= program(entries[entry["less"]])[0]
        after = yardstick(entry["compiler"])
        return seconds / entry.get("share", 1), entry["seconds"] * max(before, after), megabytes, after

    rows, faults = [], []
    for name in names or list(entries):
        entry = entries[name]
        compiler = entry["compiler"]
        try:
            best, least, slowness = None, float("inf"), yardstick(compiler)
            for _ in range(runs):
                seconds, allowed, megabytes, slowness = run(entry, slowness)
                least = min(least, megabytes)
                if best is None or seconds / allowed < best[0] / best[1]:
                    best = seconds, allowed
                if best[0] <= best[1] and least <= entry["megabytes"]:
                    break
            rows.append((name, compiler, *best, least, entry["megabytes"], best[1] / entry["seconds"]))
        except Fault as fault:
            faults.append(str(fault))
    return rows, faults


def report(rows, faults):
    """Prints the table; the number of entries over their budget or not measured."""
    print(f"{'program':28} {'compiler':12} {'seconds':>8} {'allowed':>8} {'of it':>6} {'MB':>6} {'allowed':>8} {'machine':>8}")
    over = 0
    for name, compiler, seconds, seconds_allowed, megabytes, megabytes_allowed, slowness in rows:
        good = seconds <= seconds_allowed and megabytes <= megabytes_allowed
        over += not good
        print(f"{name:28} {compiler:12} {seconds:8.2f} {seconds_allowed:8.2f} {seconds / seconds_allowed:6.0%} "
              f"{megabytes:6.0f} {megabytes_allowed:8.0f} {slowness:7.2f}x{'' if good else '  OVER BUDGET'}")
    print("(machine: how many times the recorded seconds the yardstick took beside this row)")
    for fault in faults:
        print(f"NOT MEASURED: {fault}")
    return over + len(faults)


def slower_compiler(directory, source):
    """A stand-in for a compiler: 0.1 s of a processor, but 0.3 for this source, or for all behind the first one."""
    script = directory / "compiler"
    script.write_text(f"""#!{sys.executable}
import pathlib, sys, time
first = pathlib.Path({str(directory / 'first')!r})
slow = any(argument.endswith({source!r}) for argument in sys.argv) if {source!r} else first.exists()
first.touch()
while time.process_time() < (0.3 if slow else 0.1):
    pass
""", encoding="utf-8")
    script.chmod(0o755)
    (directory / "first").unlink(missing_ok=True)
    return str(script)


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
        (scale(1, 1), 1), (scale(0.5, 1), 1), (scale(1.2, 1), 1.2), (scale(9, 1), 5)]
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
        for when, bad in (("from the second compilation on", 0), ("for the program alone", 1)):
            slower = slower_compiler(pathlib.Path(directory), "tiny.cpp" if bad else "")
            of_it = {"flags": [], "yardstick": {"source": "wrong.cpp", "seconds": {slower: 0.1}},
                     "entries": [entry("within", 0.15, 100000, compiler=slower)]}
            right = report(*measure(of_it, pathlib.Path(directory), [], ["within"], 1)) == bad
            failures += not right
            print(f"{'right' if right else 'WRONG'}: three times as slow {when}\n")
    for got, wanted in yardsticks:
        failures += got != wanted
        print(f"{'right' if got == wanted else 'WRONG'}: scale {got}")
    return failures


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
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
