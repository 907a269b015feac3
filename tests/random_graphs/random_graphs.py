#!/usr/bin/env python3
"""Random graphs: `fuse` and `reference` against an evaluation that shares nothing with the library (language.py).

  random_graphs.py --graphs 40              the first 40 graphs that can be drawn
  random_graphs.py 17 23                    graphs by their number; the program stays in --folder
  random_graphs.py --graphs 40 409          ... and one that has failed before
  random_graphs.py --reduce 17              makes a failing graph small
  random_graphs.py --kind pairs 17          ... of those over pairs of rows and columns
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import resource
import shlex
import subprocess
import sys
import tempfile

import draw
import pairs
import write
from cases import with_numbers
from graphs import reached
from ingredients import EXCLUDED
from nodes import Invalid

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
KINDS = {"any": draw.Draw, "pairs": pairs.DrawPairs, "contractions": pairs.DrawContractions}
FEWER_COLLECTIONS = ["--param", "ggc-min-heapsize=1500000", "--param", "ggc-min-expand=100"]  # of a compiler's garbage
DEFAULT_FLAGS = f"-std=c++20 -march=native -fopenmp -I{ROOT / 'include'}"


def case_of(number, included=(), kind="any"):
    """The graph of a number with its values, or None where the number draws nothing that can be compared."""
    try:
        return with_numbers(KINDS[kind](number, included).whole_graph(), number, excluded=EXCLUDED - set(included))
    except Invalid:
        return None


class Programs:
    def __init__(self, options, folder):
        self.compiler, self.folder, self.seconds = options.compiler, pathlib.Path(folder), options.seconds
        self.fused = not options.reference_only
        self.flags = shlex.split(options.flags) + ["-O0", "-DHEED_UNOPTIMISED", "-w", f"-I{HERE}"] + FEWER_COLLECTIONS
        self.flags += shlex.split(options.more_flags)

    def read_header_once(self):
        """The header that all programs share, precompiled beside them, where g++ looks first."""
        made = str(self.folder / "sheet.hpp.gch")
        r = subprocess.run([self.compiler, *self.flags, "-x", "c++-header", str(HERE / "sheet.hpp"), "-o", made],
                           capture_output=True, text=True)
        if r.returncode:
            sys.exit(r.stderr)

    def compiled(self, cases, name):
        """The program, or what the compiler says."""
        source, program = self.folder / f"{name}.cpp", self.folder / name
        source.write_text(write.program(cases, self.fused))
        try:
            r = subprocess.run([self.compiler, *self.flags, str(source), "-o", str(program)], capture_output=True, text=True, timeout=900)
        except subprocess.TimeoutExpired:
            return None, "the compiler takes too long"
        return (program, "") if r.returncode == 0 else (None, r.stderr)

    def output(self, program, arguments=()):
        try:
            r = subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True, timeout=self.seconds)
            return r.stdout, r.returncode
        except subprocess.TimeoutExpired as x:
            return (x.stdout or b"").decode() if isinstance(x.stdout, bytes) else x.stdout or "", "time"

    def failures(self, cases, name):
        """What is wrong with each graph: {number: [lines]}; lines that say something else go by the number None."""
        program, errors = self.compiled(cases, name)
        if program is None:
            if len(cases) > 1:
                parts = [self.failures([c], f"{name}_{c.graph.number}") for c in cases]
                return {k: sum((p.get(k, []) for p in parts), []) for k in {k for p in parts for k in p}}
            said = [line for line in errors.splitlines() if "error" in line]
            sentence = next((line for line in said if "heed: " in line), said[0] if said else errors[-300:])
            return {cases[0].graph.number: [f"graph {cases[0].graph.number}: does not compile: {sentence}"]}
        found = {}
        text, code = self.output(program)
        if f"end {cases[-1].graph.number}" not in text:
            text = ""
            for c in cases:
                part, code = self.output(program, [c.graph.number])
                text += part
                if f"end {c.graph.number}" not in part:
                    text += f"graph {c.graph.number}: {'runs too long' if code == 'time' else f'crashes, {code}'}\n"
        for line in text.splitlines():
            m = re.match(r"graph (\d+): ", line)
            if m:
                found.setdefault(int(m[1]), []).append(line)
            elif not line.startswith(("begin", "end")):
                found.setdefault(None, []).append(line)
        return found


def nodes_of(case):
    """About what a graph costs the compiler."""
    nodes = reached(case.graph.results)
    return len(reached(case.graph.results + [x.body for x in nodes if x.op == "composite"]))


def drawn(count, first, included, most_nodes, kind="any"):
    cases, number = [], first
    while len(cases) < count:
        case = case_of(number, included, kind)
        if case and nodes_of(case) <= most_nodes:
            cases.append(case)
        number += 1
    return cases


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("numbers", nargs="*", type=int)
    parser.add_argument("--graphs", type=int, help="how many")
    parser.add_argument("--first", type=int, default=0, help="from which number on")
    parser.add_argument("--reduce", type=int, metavar="NUMBER")
    parser.add_argument("--kind", choices=KINDS, default="any", help="what is drawn")
    parser.add_argument("--include", action="append", default=[], metavar="FEATURE", help="draw what is excluded (see EXCLUDED in ingredients.py)")
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--flags", default=DEFAULT_FLAGS)
    parser.add_argument("--more-flags", default="")
    parser.add_argument("--folder", help="where programs are written (a temporary folder)")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--together", type=int, default=10, help="graphs a program")
    parser.add_argument("--reference-only", action="store_true", help="do not fuse: a fraction of the compiler's time")
    parser.add_argument("--nodes", type=int, default=1000, help="skip graphs of more nodes than this")
    parser.add_argument("--seconds", type=int, default=120, help="that a program may run")
    options = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or temporary
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        programs = Programs(options, folder)
        if options.reduce is not None:
            import reduce
            programs.read_header_once()
            case = case_of(options.reduce, options.include, options.kind)
            return reduce.reduced(case, programs, options.jobs, EXCLUDED - set(options.include))
        cases = [c for c in (case_of(n, options.include, options.kind) for n in options.numbers) if c]
        for n in set(options.numbers) - {c.graph.number for c in cases}:
            print(f"graph {n}: nothing to be compared is drawn")
        if options.graphs or not options.numbers:
            cases += drawn(options.graphs or 40, options.first, options.include, options.nodes, options.kind)
        parts = [cases[i:i + options.together] for i in range(0, len(cases), options.together)]
        if len(parts) > 1:
            programs.read_header_once()
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            results = pool.map(lambda part: programs.failures(part, f"graphs_{part[0].graph.number}"), parts)
            wrong = 0
            for found in results:
                for number, lines in sorted(found.items(), key=lambda x: (x[0] is None, x[0] or 0)):
                    print("\n".join(lines))
                    if number is not None:
                        wrong += 1
                        more = f" --kind {options.kind}" if options.kind != "any" else ""
                        more += "".join(f" --include '{x}'" for x in options.include)
                        print(f"  alone: {sys.executable} {HERE / 'random_graphs.py'} {number}{more}\n"
                              f"  smaller: {sys.executable} {HERE / 'random_graphs.py'} --reduce {number}{more}", flush=True)
        print(f"{len(cases)} graphs, {sum(c.graph.mode != 'forward' for c in cases)} of them with gradients, "
              f"{sum(c.poisoned > 0 for c in cases)} with NaN or infinity where no result looks: {wrong} wrong; "
              f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime:.0f} s of a processor")
        return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
