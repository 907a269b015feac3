#!/usr/bin/env python3
"""The generator by itself, on a stand-in for heed that compiles in no time: what it refuses, each with one sentence and
nothing left behind, and what it makes.

    generator.py COMPILER heed-kernel INCLUDE_DIRECTORY WORK [qemu-x86_64]"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

COMPILER, PROGRAM, INCLUDE, WORK, *QEMU = sys.argv[1:]
sys.path.insert(0, str(pathlib.Path(PROGRAM).resolve().parents[1]))
HERE = pathlib.Path(__file__).resolve().parent
WORK = pathlib.Path(WORK).resolve()
GOOD = """namespace mine { constexpr stand_in::graph out{3}; }
HEED_KERNEL(attend, mine::out)
HEED_KERNEL(other, mine::out)
"""
failures = 0


def check(what, right, said=""):
    global failures
    failures += not right
    print(f"{'right' if right else 'WRONG'}: {what}" + ("" if right else f": {said}"))


def prepare():
    """A folder that the generator takes for heed's headers."""
    shutil.rmtree(WORK, ignore_errors=True)
    (WORK / "include/heed").mkdir(parents=True)
    (WORK / "include/heed/export").symlink_to(pathlib.Path(INCLUDE).resolve() / "heed/export")
    shutil.copy(HERE / "stand_in/heed/export.hpp", WORK / "include/heed/export.hpp")


def generate(text, *arguments, out="out", header="variants.hpp", compiler=COMPILER, **environment):
    """The finished process of a heed-kernel."""
    if text is not None:
        (WORK / header).write_text(text)
    return subprocess.run(
        [sys.executable, PROGRAM, str(WORK / header), "--out", str(WORK / out), "--compiler", compiler, *arguments],
        capture_output=True,
        text=True,
        env=dict(os.environ, HEED_INCLUDE=str(WORK / "include")) | environment,
    )


def refused(what, sentence, *arguments, text=GOOD, out="refused", **others):
    """The command ends with status 1 and one line, which begins so, and leaves no file behind."""
    result = generate(text, "--quiet", *arguments, out=out, **others)
    lines = result.stderr.splitlines()
    left = list((WORK / out).rglob("*")) if (WORK / out).is_dir() else []
    check(
        what,
        result.returncode == 1 and len(lines) == 1 and lines[0].startswith(sentence) and not result.stdout and not left,
        f"status {result.returncode}, left {left}, {result.stderr}",
    )


def refusals():
    refused("a compiler that there is not", "heed: compiler 'no-such-g++' is not found", compiler="no-such-g++")
    refused("a compiler that is none", "heed: compiler 'cat' is neither g++ nor clang++", compiler="cat")
    refused("no header", f"heed: there is no file {WORK}/absent.hpp", text=None, header="absent.hpp")
    refused(
        "nothing exported",
        "heed: variants.hpp exports no kernel: write HEED_KERNEL(NAME, RESULT)",
        text="int nothing;\n",
    )
    refused(
        "a kernel twice",
        "heed: variants.hpp: two kernels are called 'attend'",
        text=GOOD + "HEED_KERNEL(attend, mine::out)\n",
    )
    refused(
        "a kernel twice, in two namespaces",
        "heed: variants.hpp: two kernels are called 'attend'",
        text=GOOD + "namespace yours { HEED_KERNEL(attend, mine::out) }\n",
    )
    refused(
        "two kernels with one function",
        "heed: kernel 'attend_metadata' and kernel 'attend' both have a function 'attend_metadata'",
        "--kernel",
        "attend_metadata=mine::out",
    )
    refused(
        "a kernel called as C's words are",
        "heed: a kernel cannot be called 'restrict'",
        "--kernel",
        "restrict=mine::out",
    )
    for name, what in (
        ("int", "a word of C or C++"),
        ("size_t", "a type or a macro of C's"),
        ("uint_fast16_t", "a type"),
        ("heed_tensor", "a type"),
    ):
        refused(
            f"a kernel called {name} in the header, found before it is compiled",
            f"heed: a kernel cannot be called '{name}', which is {what}",
            text=f"this does not compile;\nHEED_KERNEL({name}, mine::out)\n",
        )
    refused(
        "a kernel called as a function of C is",
        "heed: a kernel cannot be called 'exp': programs call another function 'exp'",
        "--kernel",
        "exp=mine::out",
    )
    refused(
        "an instruction set that there is not",
        "heed: unknown instruction set 'x86-64-v9': there are ",
        "--isa",
        "x86-64-v9",
    )
    refused("native beside others", "heed: instruction set 'native' stands alone", "--isa", "x86-64,native")
    refused("a name that is none", "heed: '../x' is no name for a library", "--name", "../x")
    refused("a header that does not compile", "heed: variants.hpp:1 does not compile: ", text="nonsense\n")
    refused(
        "a rule of heed",
        "heed: kv heads must divide query heads, at variants.hpp:1",
        text='static_assert(2 > 3, "heed: kv heads must divide query heads");\n' + GOOD,
    )
    refused(
        "a header of a header", "heed: variants.hpp includes absent.h, which is not found", text='#include "absent.h"\n'
    )
    refused(
        "objects made at loading",
        "heed: variants.hpp has objects that are made when the library is loaded",
        "--isa",
        "x86-64,x86-64-v3",
        text=GOOD + "int f(); struct made { made() { f(); } } inline made_at_loading;\n",
    )
    refused("no headers of heed", "heed: its headers are not found in /nowhere", HEED_INCLUDE="/nowhere")
    refused(
        "arguments that mean nothing",
        "heed-kernel: argument --kernel: 'attend' is not NAME=RESULT",
        "--kernel",
        "attend",
    )
    refused("no compilers at all", "heed-kernel: argument --jobs: '0' is no number of compilers", "--jobs", "0")
    refused("--wrt of no kernel", "heed-kernel: --wrt stands behind the --kernel", "--wrt", "q")
    (WORK / "file").write_text("")
    refused("a folder below a file", f"heed: folder {WORK}/file/lib cannot be written: Not a directory", out="file/lib")
    if os.geteuid() == 0:
        check("a folder without the right to write: not looked at, root has it", True)
    else:
        (WORK / "closed").mkdir(mode=0o500)
        refused("a folder without the right to write", f"heed: folder {WORK}/closed cannot be written", out="closed")


def sentences():
    """A refused rule with its facts, out of what both compilers say."""
    from heed.build_error import compiler_error

    heads = "heed: heads x head width must equal the model width"
    dot = "heed: dot<axis>(a, b) needs the axis in both operands"
    axis, text = "heed::internal::axis_fact<heed::internal::text", "heed::internal::text"
    shape = f'heed::internal::shape_fact<heed::axis<{text}<1>{{"n"}}, -1>, heed::axis<{text}<1>{{"d"}}, 64>'
    for what, said, expected in (
        (
            "numbers, g++",
            f"/x/variants.hpp:5:20:   required from here\nheads.hpp:37:17: error: static assertion failed: {heads}\n"
            f"   37 |   static_assert(given<ok, axis_fact_of<Heads>, axis_fact_of<Width>>,\nheads.hpp:37:17: note: "
            f"'heed::internal::given<false, {axis}<5>{{\"heads\"}}, 12>, {axis}<5>{{\"model\"}}, 384> >' "
            "evaluates to false",
            f"{heads} (heads = 12, model = 384), at variants.hpp:5",
        ),
        (
            "numbers, clang++",
            "heads.hpp:37:17: error: static assertion failed due to requirement 'given<ok, "
            f'{axis}<5>{{"heads"}}, 12>, {axis}<5>{{"model"}}, 384>>\': {heads}\n   37 |   static_assert(given<ok, '
            "axis_fact_of<Heads>>,\n/x/variants.hpp:7:20: note: in instantiation of",
            f"{heads} (heads = 12, model = 384), at variants.hpp:7",
        ),
        (
            "shapes",
            f"variants.hpp:6:1: required from here\nx.hpp:1:1: error: static assertion failed: {dot}\n"
            f"note: 'given<false, {axis}<1>{{\"m\"}}, -1>, {shape} > >' evaluates to false",
            f"{dot} (m, [n, d = 64]), at variants.hpp:6",
        ),
        (
            "no C++20",
            'compiler.hpp:3:2: error: #error "heed: needs C++20: compile with -std=c++20"',
            "heed: needs C++20: compile with -std=c++20, at variants.hpp",
        ),
        (
            "a compiler that broke",
            "x.hpp:27:47: internal compiler error: Segmentation fault",
            "heed: variants.hpp does not compile: Segmentation fault",
        ),
        ("nothing that is known", "Killed", "heed: variants.hpp does not compile"),
        (
            "lines as long as a book",
            ("note: " + "a" * 100_000 + "\n") * 3 + "x.hpp:1:2: error: odd\n",
            "heed: variants.hpp does not compile: odd",
        ),
        (
            "a kernel twice, in such a line",
            "error: " + "a" * 100_000 + " redefinition of 'heed_part_attend__0'\n",
            "heed: variants.hpp: two kernels are called 'attend'",
        ),
    ):
        begin = time.monotonic()
        sentence = str(compiler_error("variants.hpp", said))
        check(f"the sentence of {what} within seconds", time.monotonic() - begin < 5)
        check(f"the sentence of {what}", sentence == expected, sentence)


def types_of_heed():
    """The list of heed's types in c_names.py is that of the interface."""
    from heed.c_names import TYPES

    text = "".join((pathlib.Path(INCLUDE) / "heed/export" / name).read_text() for name in ("interface.h", "part.h"))
    declared = set(re.findall(r"^typedef struct (heed_\w+)", text, re.MULTILINE))
    listed = {name for name in TYPES if name.startswith("heed_")}
    check("no kernel can be called as heed's types", declared == listed, declared ^ listed)


def products():
    result = generate(
        GOOD, "--isa", "x86-64-v3,x86-64,x86-64-v4" if is_x86() else "native", "--depfile", str(WORK / "rule.d")
    )
    check("a library is made", result.returncode == 0, result.stderr)
    out = WORK / "out"
    check(
        "four files, nothing else",
        sorted(p.name for p in out.iterdir()) == ["libvariants.a", "libvariants.so", "variants.h", "variants.pc"],
        list(out.iterdir()),
    )
    check("progress", "part 1 of" in result.stderr and " s\n" in result.stderr, result.stderr)
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    failed = generate("nonsense\n", "--quiet")
    kept = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    check("what is there stays where the next one fails", failed.returncode == 1 and kept == before, kept)
    exported = subprocess.run(
        ["nm", "-D", "--defined-only", out / "libvariants.so"], capture_output=True, text=True
    ).stdout.split()[2::3]
    check(
        "C names alone are exported",
        exported
        == ["attend", "attend_metadata", "attend_workspace_bytes", "other", "other_metadata", "other_workspace_bytes"],
        exported,
    )
    rule = (WORK / "rule.d").read_text()
    check(
        "the rule names header and heed",
        str(WORK / "variants.hpp") in rule and "export.hpp" in rule and "libvariants.so" in rule,
        rule,
    )
    header = (out / "variants.h").read_text()
    check(
        "the header documents operands",
        "//    0  ids     int32    (n)     numbers from 0, below the extent of d\n" in header,
        header,
    )
    two = generate("HEED_KERNEL(walk, stand_in::graph{1})\n", "--quiet", out="two", header="two.hpp")
    (WORK / "both.h").write_text('#include "out/variants.h"\n#include "two/two.h"\n')
    both = [
        COMPILER,
        "-x",
        "c",
        "-std=c99",
        "-pedantic",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-fsyntax-only",
        WORK / "both.h",
    ]
    result = subprocess.run(both, capture_output=True, text=True)
    check("two headers in one file", two.returncode == result.returncode == 0, two.stderr + result.stderr)
    for standard, language in (("c99", "c"), ("c++98", "c++"), ("c++20", "c++")):
        result = subprocess.run(
            [
                COMPILER,
                "-x",
                language,
                f"-std={standard}",
                "-Wall",
                "-Wextra",
                "-pedantic",
                "-Wno-long-long",
                "-Werror",
                "-fsyntax-only",
                out / "variants.h",
            ],
            capture_output=True,
            text=True,
        )
        check(f"the header is {standard}", result.returncode == 0, result.stderr)


def nothing_to_check_with():
    """A library whose kernels were compiled without their evaluation in double."""
    runner = pathlib.Path(PROGRAM).with_name("heed-run")
    for what, status, pattern in (
        ("--verify", 1, r"^heed: kernel 'attend' was compiled without its evaluation in double$"),
        ("--benchmark", 0, r"\n +1  attend +[\d.]+ +- +- +-\n$"),
    ):
        command = [
            sys.executable,
            runner,
            WORK / "out/libvariants.so",
            "--kernel",
            "attend",
            what,
            "n=3",
            "--seconds",
            "0",
        ]
        result = subprocess.run(command, capture_output=True, text=True)
        said = result.stderr.strip() if status else result.stdout
        check(f"{what} of it", result.returncode == status and re.search(pattern, said), result.stdout + result.stderr)


def is_x86():
    return os.uname().machine == "x86_64"


def levels():
    """Each level is chosen on a processor that has it and lacks the next, by what the processor says of itself."""
    if not QEMU or not is_x86():
        return
    result = generate(GOOD, "--isa", "x86-64,x86-64-v2,x86-64-v3,x86-64-v4", "--jobs", "2", out="levels")
    check("all levels in one library", result.returncode == 0, result.stderr)
    (WORK / "levels/main.c").write_text(
        '#include "variants.h"\n#include <stdio.h>\n'
        "int main(void) { puts(attend_metadata()->instruction_set); return 0; }\n"
    )
    program, library = WORK / "levels/main", WORK / "levels/libvariants.a"
    subprocess.run([COMPILER, "-x", "c", WORK / "levels/main.c", "-x", "none", library, "-o", program], check=True)
    for processor, expected in (("core2duo", "x86-64"), ("Nehalem", "x86-64-v2"), ("Haswell", "x86-64-v3")):
        result = subprocess.run([*QEMU, "-cpu", processor, program], capture_output=True, text=True)
        check(f"{expected} on {processor}", result.stdout == f"{expected}\n", result.stdout + result.stderr)


SLOW = """#!/bin/sh
# A compiler that answers questions at once, and compiles forever, by another process, as drivers of compilers do.
case " $* " in *" -c "*) ;; *) exec {compiler} "$@" ;; esac
sleep 600 &
echo $! >>{pids}
wait
"""


def alive(pid):
    """Does this process run? One that has ended and that nobody waits for does not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def within(seconds, condition):
    """Does the condition come true in so many seconds?"""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def signals():
    """A signal to the command ends its compilers and what they have started, and leaves nothing behind."""
    program, pids = WORK / "slow", WORK / "pids"
    program.write_text(SLOW.format(compiler=COMPILER, pids=pids))
    program.chmod(0o700)
    (WORK / "variants.hpp").write_text(GOOD)
    sets = "x86-64,x86-64-v3" if is_x86() else "native"
    for jobs in (1, len(sets.split(","))):
        for number, status in ((signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)):
            pids.write_text("")
            arguments = [WORK / "variants.hpp", "--out", WORK / "stopped", "--compiler", program, "--quiet"]
            process = subprocess.Popen(
                [sys.executable, PROGRAM, *arguments, "--isa", sets, "--jobs", str(jobs)],
                env=dict(os.environ, HEED_INCLUDE=str(WORK / "include")),
            )
            begun = within(30, lambda: len(pids.read_text().splitlines()) == jobs)
            time.sleep(0.3)  # until the command, too, knows that its compiler has begun
            process.send_signal(number)
            ended = within(30, lambda: process.poll() is not None)
            process.kill()
            compilers = pids.read_text().split()
            gone = within(5, lambda: not any(map(alive, compilers)))
            for pid in filter(alive, compilers):
                os.kill(int(pid), signal.SIGKILL)
            left = list((WORK / "stopped").rglob("*")) if (WORK / "stopped").exists() else []
            check(
                f"{number.name} with {jobs} compilers at a time",
                begun and ended and process.wait() == status and gone and not left,
                f"begun {begun}, ended {ended}, {process.returncode}, compilers gone {gone}, left {left}",
            )


OF_ANOTHER_MACHINE = """
import platform, sys
platform.machine = lambda: "riscv64"
from heed.kernel_command import main
sys.exit(main(sys.argv[1:]))
"""


def another_machine():
    """Where there are no levels of x86-64 the processor is asked for nothing, and `native` is all that there is."""
    (WORK / "variants.hpp").write_text(GOOD)
    environment = dict(os.environ, HEED_INCLUDE=str(WORK / "include"), PYTHONPATH=sys.path[0])
    for instruction_set, expected in (("native", 0), ("x86-64", 1)):
        arguments = [WORK / "variants.hpp", "--out", WORK / "other", "--compiler", COMPILER, "--isa", instruction_set]
        result = subprocess.run(
            [sys.executable, "-c", OF_ANOTHER_MACHINE, *arguments], capture_output=True, text=True, env=environment
        )
        said = "unknown instruction set 'x86-64': there are native" in result.stderr
        check(f"{instruction_set} on another machine", result.returncode == expected == said, result.stderr)
    code, _, used, _, length = chosen(WORK / "other/libvariants.so")
    check("its library runs", code == 0 and used == "native" and length >= 16, f"{used}, {length}")


CHOICE = """
import ctypes, json, sys
class Metadata(ctypes.Structure):
    _fields_ = [("version", ctypes.c_int32)] + [(name, ctypes.c_void_p) for name in "vnaefgs"]
    _fields_ += [("set", ctypes.c_char_p), ("json", ctypes.c_char_p)]
library = ctypes.CDLL(sys.argv[1])
error = ctypes.create_string_buffer(4096)
code = library.attend_workspace_bytes(None, 0, ctypes.byref(ctypes.c_size_t()), error)
library.attend_metadata.restype = ctypes.POINTER(Metadata)
metadata = library.attend_metadata().contents
sentence = error.raw[4 + 640:].split(b"\\0")[0].decode()
value = ctypes.c_double(-1)
operands = (ctypes.c_uint64 * 18)()  # three heed_tensor of 48 bytes, of which a stand-in looks at one address
operands[12] = ctypes.addressof(value)
library.attend(operands, 3, None, ctypes.c_size_t(0), None)
used = metadata.set and metadata.set.decode()
print(json.dumps([code, sentence, used, json.loads(metadata.json), value.value]))
"""


def chosen(library, **environment):
    """What a process of its own gets: code, sentence, instruction set, JSON, and the bytes of a vector in what ran."""
    result = subprocess.run(
        [sys.executable, "-c", CHOICE, library], capture_output=True, text=True, env=dict(os.environ) | environment
    )
    return json.loads(result.stdout) if result.returncode == 0 else [result.stderr] * 5


def choices():
    if not is_x86():
        return
    library = WORK / "out/libvariants.so"
    inside = ["x86-64", "x86-64-v3", "x86-64-v4"]
    code, _, best, described, length = chosen(library, HEED_ISA="")
    flags = set(pathlib.Path("/proc/cpuinfo").read_text().split("flags", 1)[1].split("\n")[0].split())
    expected = "x86-64"
    if {"avx2", "fma", "bmi2", "movbe", "f16c"} <= flags:
        expected = "x86-64-v4" if {"avx512f", "avx512vl", "avx512dq", "avx512bw", "avx512cd"} <= flags else "x86-64-v3"
    used = code == 0 and best == described["instruction_set"] == expected
    check("the best that this processor runs is in use", used, f"{best}, not {expected}")
    lengths = {"x86-64": 16, "x86-64-v3": 32, "x86-64-v4": 64}
    check("and runs, with nothing of another", length == lengths[expected], length)
    check("metadata name what is inside", described["instruction_sets"] == inside, described)
    check(
        "metadata name operands",
        described["functions"][0]["operands"][0]
        == {"name": "ids", "role": "input", "dtype": "int32", "axes": ["n"], "is_read": True, "index_of": "d"},
        described,
    )
    code, _, used, _, length = chosen(library, HEED_ISA="x86-64")
    check("HEED_ISA forces", code == 0 and used == "x86-64" and length == 16, f"{used}, {length}")
    code, sentence, used, described, length = chosen(library, HEED_ISA="avx2")
    check(
        "HEED_ISA wrong",
        code == 12
        and used is None
        and length == -1
        and described["instruction_set"] is None
        and sentence.startswith(
            "heed: HEED_ISA is 'avx2'; in this library are x86-64, x86-64-v3, x86-64-v4, "
            "of which this processor runs x86-64"
        ),
        sentence,
    )


def main():
    prepare()
    refusals()
    sentences()
    types_of_heed()
    products()
    nothing_to_check_with()
    choices()
    levels()
    another_machine()
    signals()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
