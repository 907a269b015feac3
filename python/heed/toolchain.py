"""The compiler and the linker that make kernels: where they are, which they are, the options of an instruction set."""

import contextlib
import functools
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess

from .build_error import BuildError

# What a processor must have, beyond x86-64's own, to run what is compiled for a level: names that __builtin_cpu_supports
# of both compilers knows. (clang's knows neither cmpxchg16b nor lahf_lm, which every processor with SSE4.2 has.)
LEVEL_2 = ["popcnt", "sse3", "ssse3", "sse4.1", "sse4.2"]
LEVEL_3 = LEVEL_2 + ["avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe"]
LEVEL_4 = LEVEL_3 + ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]
LEVELS = {"x86-64": [], "x86-64-v2": LEVEL_2, "x86-64-v3": LEVEL_3, "x86-64-v4": LEVEL_4}
# What else a compiler may use that was told to compile for this machine: the macro that says so is __NAME__.
FEATURES = LEVEL_4 + [
    "sse4a",
    "fma4",
    "xop",
    "gfni",
    "vpclmulqdq",
    "vaes",
    "avx512vbmi",
    "avx512vbmi2",
    "avx512vnni",
    "avx512bitalg",
    "avx512vpopcntdq",
    "avx512ifma",
    "avx512bf16",
    "avx512vp2intersect",
    "avxvnni",
]


def is_x86_64():
    return platform.machine() in ("x86_64", "AMD64")


def known_instruction_sets():
    return ([*LEVELS] if is_x86_64() else []) + ["native"]


def checked_instruction_sets(names):
    """The instruction sets, the least first; BuildError for one that there is not."""
    known = known_instruction_sets()
    for name in names:
        if name not in known:
            raise BuildError(f"heed: unknown instruction set '{name}': there are {', '.join(known)}")
    if not names:
        raise BuildError(f"heed: no instruction set is given: there are {', '.join(known)}")
    if "native" in names and len(set(names)) > 1:
        raise BuildError("heed: instruction set 'native' stands alone: what it is depends on this machine")
    return sorted(set(names), key=known.index)


_running = set()  # of tools


def run(command, cwd=None):
    """A command's result, its output as text and in English. What ends the wait, a signal or Ctrl-C in a notebook, ends
    the command too: it runs in a session of its own, for a compiler's driver starts others that do the work."""
    with subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=dict(os.environ, LC_ALL="C"),
        cwd=cwd,
        start_new_session=True,
    ) as process:
        _running.add(process)
        try:
            out, err = process.communicate()
        except BaseException:
            _end(process)
            raise
        finally:
            _running.discard(process)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def end_all():
    """Ends the tools that other threads wait for."""
    for process in list(_running):
        _send(process, signal.SIGTERM)


def _end(process):
    """Ends a tool: asked to, a compiler removes its temporary files."""
    _send(process, signal.SIGTERM)
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        _send(process, signal.SIGKILL)


def _send(process, number):
    """A signal for a tool and what it has started. Its number is its own until it has been waited for."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)


class Toolchain:
    """A C++ compiler (which compiles C as well), and the binutils beside it."""

    def __init__(self, compiler="g++"):
        self.compiler = shutil.which(compiler)
        if not self.compiler:
            raise BuildError(f"heed: compiler '{compiler}' is not found")
        macros = run([self.compiler, "-dM", "-E", "-x", "c++", "/dev/null"]).stdout
        if "#define __GNUC__ " not in macros:
            raise BuildError(f"heed: compiler '{compiler}' is neither g++ nor clang++")
        self.is_clang = "#define __clang__ " in macros
        self.version = run([self.compiler, "--version"]).stdout.splitlines()[0]
        self.linker = self._gnu_tool("ld.bfd", "ld")
        self.objcopy = self._gnu_tool("objcopy")
        self.archiver = self._gnu_tool("ar")

    def _gnu_tool(self, *names):
        for name in names:
            path = shutil.which(name)
            if path and "GNU" in run([path, "--version"]).stdout:
                return path
        raise BuildError(f"heed: GNU {names[-1]} is not found: install binutils")

    def language_flags(self):
        flags = ["-std=c++20", "-fPIC", "-fvisibility=hidden", "-fopenmp", "-Wno-psabi"]
        return flags if self.is_clang else flags + ["-fno-gnu-unique", "-Wno-restrict"]

    def features(self, instruction_set):
        """What this processor must have for an instruction set, as names of __builtin_cpu_supports."""
        if instruction_set in LEVELS:
            return LEVELS[instruction_set]
        return self._native_features() if is_x86_64() else []

    @functools.cache
    def _native_features(self):
        macros = run([self.compiler, "-march=native", "-dM", "-E", "-x", "c++", "/dev/null"])
        if macros.returncode:
            raise BuildError(f"heed: {self.compiler} does not take -march=native", macros.stderr)
        defined = set(re.findall(r"^#define __(\w+)__ ", macros.stdout, re.MULTILINE))
        return [name for name in FEATURES if name.upper().replace(".", "_") in defined]

    def file_name(self, library):
        """Where the compiler finds a library, or None."""
        path = pathlib.Path(run([self.compiler, f"-print-file-name={library}"]).stdout.strip())
        return path if path.is_absolute() and path.exists() else None

    def openmp_link_flags(self):
        """What links the OpenMP library that the compiler's -fopenmp links, for a linker that is called without it."""
        if not self.is_clang:
            return ["-lgomp"]
        path = self.file_name("libomp.so")
        return [f"-L{path.parent.resolve()}", "-lomp"] if path else ["-lomp"]


def resolved_flags(compiler, instruction_set):
    """What an instruction set's options mean on this machine, for whoever keeps what was compiled."""
    tools = Toolchain(compiler)
    found = run([tools.compiler, f"-march={instruction_set}", "-###", "-E", "-x", "c++", "/dev/null"])
    line = next((line for line in found.stderr.splitlines() if "cc1plus" in line or "-cc1" in line), "")
    return [word.strip('"') for word in line.split() if re.match(r"\"?(-m|-target|\+|--param|l\d-cache|-tune)", word)]
