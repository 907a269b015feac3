"""One OpenMP library in a process, whoever loaded it first; another vendor's is refused; what happens after a fork."""

import os
import subprocess
import sys

import pytest

from heed import openmp
from heed.compiler import find_compiler

CHEAP = """
import ctypes, numpy, heed
from heed import openmp
ctypes.CDLL({library!r})
kernel = heed.compile({header!r})
kernel(numpy.ones(100_000, "float32"), m=1)
print(*openmp.loaded())
"""
PROGRAM = """
import ctypes, os, sys, numpy, heed
from heed import openmp
{before}
kernel = heed.compile({variants!r} + "/variant.hpp", "out", wrt=("q", "k", "v", "slope"))
x, slope = numpy.ones((4, 256, 16), "float32"), numpy.ones(4, "float32")
def run(): return kernel(q=x, k=x, v=x, slope=slope)
{then}
"""


def run(variants, before="", then="run()", **environment):
    """What a process of its own prints."""
    program = PROGRAM.format(variants=str(variants), before=before, then=then)
    return subprocess.run(
        [sys.executable, "-c", program],
        env=dict(os.environ, **environment),
        text=True,
        capture_output=True,
        timeout=600,
    )


@pytest.fixture(scope="session")
def bundled(tmp_path_factory):
    """A libgomp as wheels carry it: another file, whose soname is its name."""
    library = tmp_path_factory.mktemp("bundle") / "libgomp-1.so"
    own = openmp.library_of(find_compiler(), "libgomp.so.1").read_bytes()
    assert own.count(b"\0libgomp.so.1\0") == 1
    library.write_bytes(own.replace(b"\0libgomp.so.1\0", b"\0libgomp-1.so\0"))
    return library


def test_the_library_that_is_loaded_is_linked(variants, bundled):
    program = CHEAP.format(library=str(bundled), header=str(variants / "scale.hpp"))
    ran = subprocess.run(
        [sys.executable, "-c", program], text=True, capture_output=True, env=dict(os.environ, OMP_NUM_THREADS="2")
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == [str(bundled)]


def test_without_another_it_is_the_compilers(variants):
    ran = run(variants, then="run(); print(*openmp.loaded())")
    assert ran.returncode == 0, ran.stderr
    assert len(ran.stdout.split()) == 1 and "libgomp" in ran.stdout


@pytest.mark.parametrize("name", ["libomp.so", "libomp.so.5", "libiomp5.so"])
def test_another_runtime_is_refused(variants, tmp_path, name):
    (tmp_path / "empty.c").write_text("int nothing;\n")
    subprocess.run(["gcc", "-shared", "-o", tmp_path / name, tmp_path / "empty.c"], check=True)
    load = f"ctypes.CDLL({str(tmp_path / name)!r})"
    ran = run(variants, before=load)
    assert ran.returncode == 1 and f"OpenMPError: heed: {tmp_path / name} is loaded" in ran.stderr
    assert "HEED_ALLOW_MIXED_OPENMP=1" in ran.stderr
    assert run(variants, before=load, HEED_ALLOW_MIXED_OPENMP="1").returncode == 0


def test_names_of_libraries():
    for name in ("libgomp.so.1", "libgomp-a34b3233.so.1.0.0"):
        assert openmp.GNU.search(name) and not openmp.OTHERS.search(name)
    for name in ("libomp.so.5", "libiomp5.so", "libomp-abc.so"):
        assert openmp.OTHERS.search(name) and not openmp.GNU.search(name)


FORK = """
parallel = run()
if (child := os.fork()) == 0:
    os._exit(0 if numpy.array_equal(run(), parallel) else 3)
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status), numpy.array_equal(run(), parallel))
"""


def test_after_a_fork_the_child_works_with_one_thread(variants):
    """GNU's library would wait there for threads that the child does not have."""
    ran = run(variants, then=FORK, OMP_NUM_THREADS="2")
    assert ran.stdout.split() == ["0", "True"], ran.stderr
