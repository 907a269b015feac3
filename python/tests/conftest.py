"""What tests share: a cache folder of their own, the hand-written library, one real kernel."""

import concurrent.futures
import contextlib
import ctypes
import os
import pathlib
import shutil
import subprocess

import mix
import pytest

import heed
from heed import cache
from heed.compilation import FLAGS
from heed.headers import heed_include
from heed.kernel import Kernel
from heed.signature import read_signature
from heed.toolchain import Toolchain

HERE = pathlib.Path(__file__).parent
MANY = 30  # tests of a session: then what they share is made before they run


def kept_cache(folder: pathlib.Path) -> pathlib.Path:
    """A cache in a folder that outlives the session, for the headers as they are now; those of others are removed."""
    state = cache.digest_of_folder(heed_include())[:16]
    folder.mkdir(parents=True, exist_ok=True)
    for other in folder.iterdir():
        if other.name != state:
            shutil.rmtree(other, ignore_errors=True)
    return folder / state


def compiled_headers(folder: pathlib.Path) -> pathlib.Path:
    """A directory for -I where g++ finds heed's headers compiled, for the options of g++-unoptimised; with others it
    reads the headers themselves."""
    place = folder / f"headers-{cache.digest(str(heed_include()))[:8]}"
    target = place / "heed" / "export.hpp.gch"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        made = target.with_suffix(f".{os.getpid()}")
        options = ["-O3", "-march=native", *Toolchain().language_flags(), "-DHEED_KERNEL_PART=native", *FLAGS]
        header = ["-x", "c++-header", heed_include() / "heed" / "export.hpp", "-o", made]
        command = [HERE / "g++-unoptimised", *options, f"-I{heed_include()}", *header]
        subprocess.run(command, check=True, capture_output=True)
        os.replace(made, target)
    return place


@pytest.fixture(scope="session", autouse=True)
def session_cache(request, tmp_path_factory):
    """No test reads or writes the user's own cache. Where HEED_TESTS_CACHE names a folder, what earlier sessions have
    compiled of the same sources is found there. Kernels are not optimised but where a test says so."""
    kept = os.environ.get("HEED_TESTS_CACHE")
    folder = kept_cache(pathlib.Path(kept)) if kept else tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEED_CACHE_DIR", str(folder))
        patch.delenv("HEED_DISABLE_JIT", raising=False)
        patch.setenv("HEED_CXX", str(HERE / "g++-unoptimised"))
        if len(request.session.items) > MANY:
            patch.setenv("HEED_TESTS_HEADERS", str(compiled_headers(folder)))
        yield folder


@pytest.fixture
def optimised(monkeypatch):
    """Kernels as everybody else gets them, for tests that look at seconds."""
    monkeypatch.delenv("HEED_CXX")


@pytest.fixture(scope="session")
def ahead(request):
    """ahead(source, calls) compiles what tests will ask for, in the order in which they will, with two compilers at a
    time (HEED_JOBS). A call is results, and options of heed.compile. A test that comes first waits for it."""
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("HEED_JOBS", 2))) as pool:
        begun = []

        def begin(source, calls):
            if len(request.session.items) > MANY:
                begun.extend(pool.submit(quietly, source, *results, **options) for results, options in calls)

        yield begin
        for future in begun:
            future.cancel()


def quietly(source, *results, **options):
    """Compiles; what goes wrong is said where a test asks for the same."""
    with contextlib.suppress(heed.Error):
        heed.compile(source, *results, **options)


@pytest.fixture
def fresh_cache(tmp_path, monkeypatch):
    """An empty cache folder for one test."""
    monkeypatch.setenv("HEED_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def mix_library(tmp_path_factory):
    """mix.c as a shared library."""
    library = tmp_path_factory.mktemp("mix") / "libmix.so"
    subprocess.run(
        [
            "gcc",
            "-std=c99",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-O1",
            "-shared",
            "-fPIC",
            f"-I{heed_include()}",
            str(HERE / "mix.c"),
            "-o",
            str(library),
        ],
        check=True,
    )
    return library


@pytest.fixture
def kernel(mix_library):
    """The hand-written kernel, with empty layouts."""
    return Kernel(ctypes.CDLL(str(mix_library)), read_signature(mix.METADATA), metadata=mix.METADATA)


@pytest.fixture(scope="session")
def variants():
    """The folder of the headers that tests compile."""
    return HERE / "variants"
