"""What tests share: a cache folder of their own, the hand-written library, one real kernel."""

import ctypes
import pathlib
import subprocess

import mix
import pytest

from heed.headers import heed_include
from heed.kernel import Kernel
from heed.signature import read_signature

HERE = pathlib.Path(__file__).parent


@pytest.fixture(scope="session", autouse=True)
def session_cache(tmp_path_factory):
    """No test reads or writes the user's own cache."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEED_CACHE_DIR", str(folder))
        patch.delenv("HEED_DISABLE_JIT", raising=False)
        yield folder


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
