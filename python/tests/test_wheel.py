"""The package as others get it: built by `python -m build`, installed into an empty environment, used from an empty
folder."""

import os
import pathlib
import subprocess
import sys
import venv
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[2]

PROGRAM = '''
import heed, numpy, pathlib
assert pathlib.Path(heed.__file__).is_relative_to({environment!r}), heed.__file__
kernel = heed.compile("""#include <heed/heed.hpp>
constexpr heed::axis<"n"> n;
constexpr auto out = heed::sum<n>(heed::input<"x">(n));
""")
print(kernel(numpy.ones(5, "float32")), heed.info().headers)
'''


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT], check=True, capture_output=True
    )
    (found,) = folder.glob("*.whl")
    return found


def test_what_lies_in_it(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert wheel.name.endswith("-py3-none-any.whl")
    for name in (
        "heed/__init__.py",
        "heed/build.py",
        "heed/include/heed/heed.hpp",
        "heed/include/heed/export.hpp",
        "heed/include/heed/export/part.h",
    ):
        assert name in names
    assert not [name for name in names if name.endswith((".so", ".o", ".pyc", ".cpp"))]
    assert any(name.endswith("LICENSE") for name in names)


def test_used_from_an_empty_folder(wheel, tmp_path):
    environment, empty = tmp_path / "environment", tmp_path / "empty"
    empty.mkdir()
    venv.create(environment, with_pip=True, symlinks=True)
    constraints = pathlib.Path(__file__).parents[1] / "requirements.txt"
    subprocess.run(
        [environment / "bin/pip", "install", "-q", "--disable-pip-version-check", "-c", constraints, wheel], check=True
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "HEED"))}
    clean["HEED_CACHE_DIR"] = str(tmp_path / "cache")
    ran = subprocess.run(
        [environment / "bin/python", "-I", "-c", PROGRAM.format(environment=str(environment))],
        cwd=empty,
        env=clean,
        text=True,
        capture_output=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split()[0] == "5.0" and str(environment) in ran.stdout.split()[1]
    for command in ("heed-kernel", "heed-run"):
        assert (
            subprocess.run(
                [environment / "bin" / command, "--help"], capture_output=True, cwd=empty, env=clean
            ).returncode
            == 0
        )
    listed = subprocess.run(
        [environment / "bin/python", "-m", "heed", "cache", "list"], env=clean, text=True, capture_output=True
    )
    assert listed.stdout.startswith("1 in ") and not any(empty.iterdir())
