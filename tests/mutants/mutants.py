#!/usr/bin/env python3
"""Breaks the library in six ways, one at a time, and shows that a test notices each: a mutant that survives fails this run.
First the unbroken library must pass the same tests."""
import argparse, pathlib, shutil, subprocess, sys, tempfile

SCORE, MEANING = "tests/regions/score.cpp", "tests/plan/meaning.cpp"
MUTANTS = [  # name, header, what stands there, what the mutant writes, the test that must fail
    ("softcap_after_mask", "plan/lower.hpp", "return {emit(x.code, x.type, p0, p1, p2, x.value), keep};",
     "return {emit(x.code, x.type, p0, p1, p2, x.value), x.code == op::tanh ? instruction_id(0) : keep};", MEANING),
    ("causal_off_by_one", "run/score_program.hpp", "else if constexpr (x.code == op::index) return I(key);",
     "else if constexpr (x.code == op::index) return I(key - 1);", SCORE),
    ("groups_tiled", "run/score_program.hpp", "for (int i = Region.rows.count - 1; i >= 0; --i) {\n        const extent_t e = c.call.extent[Region.rows[i]];\n        at.index",
     "for (int i = 0; i < Region.rows.count; ++i) {\n        const extent_t e = c.call.extent[Region.rows[i]];\n        at.index", SCORE),
    ("rescale_dropped", "run/score_block.hpp", "(P::load(b.out + c * rows + v) * f).store(b.out + c * rows + v);", "(void)c;", SCORE),
    ("tail_dropped", "run/score_kernel.hpp", "(end - first - 1) / group * group", "(end - first) / group * group - group", SCORE),
    ("wrong_interval_for_less", "plan/interval.hpp", "return truth(a.hi < b.lo, a.lo < b.hi);", "return truth(a.lo < b.hi, a.lo < b.hi);", SCORE),
]

def passes(compiler, include, source, test, work):
    """True if the test compiles against `include` and passes."""
    program = work / "test"
    command = [compiler, "-std=c++20", "-O1", "-march=native", "-w", "-fopenmp", f"-I{include}", f"-I{source}/tests/support",
               "-DBOOST_TEST_DYN_LINK", "-DBOOST_TEST_MODULE=mutant", str(source / test), "-o", str(program), "-lboost_unit_test_framework"]
    if subprocess.run(command, stdout=subprocess.DEVNULL).returncode != 0:
        sys.exit(f"mutants: {test} does not compile")
    try:
        return subprocess.run([str(program)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=200).returncode == 0
    except subprocess.TimeoutExpired:
        return False

def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--source", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    arguments = parser.parse_args()
    survivors = 0
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        for test in (SCORE, MEANING):
            if not passes(arguments.compiler, arguments.source / "include", arguments.source, test, work):
                sys.exit(f"mutants: {test} fails on the unbroken library")
        for name, header, old, new, test in MUTANTS:
            include = work / "include"
            shutil.rmtree(include, ignore_errors=True)
            shutil.copytree(arguments.source / "include", include)
            path = include / "heed" / header
            text = path.read_text()
            if text.count(old) != 1:
                sys.exit(f"mutants: {name}: the place to break stands {text.count(old)} times in {header}")
            path.write_text(text.replace(old, new))
            killed = not passes(arguments.compiler, include, arguments.source, test, work)
            print(f"{name:26} {'killed by ' + test if killed else 'SURVIVES ' + test}", flush=True)
            survivors += not killed
    return 1 if survivors else 0

if __name__ == "__main__":
    sys.exit(main())
