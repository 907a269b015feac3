"""What a kernel in the cache is found by: every part of a request makes another one."""

import pathlib

import pytest

from heed.compilation import own_files, request_of
from heed.compiler import find_compiler
from heed.declaration import Declaration
from heed.headers import heed_include

TEXT = "constexpr auto out = 1;\n"


def request(
    text=TEXT, path=None, library=pathlib.Path("/lib/libgomp.so.1"), choices=("line",), defines=None, **compiler
):
    return request_of(
        "kernel", Declaration(text, path), find_compiler()._replace(**compiler), library, *choices, defines=defines
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"text": TEXT + "\n"},
        {"library": pathlib.Path("/torch/libgomp.so.1")},
        {"choices": ("line", "other")},
        {"defines": {"A": "1"}},
        {"version": "gcc version 13.1.0"},
        {"flags": ("-march=x86-64",)},
        {"path_of_compiler": "/usr/bin/other"},
    ],
    ids=str,
)
def test_what_counts(changed):
    if path := changed.pop("path_of_compiler", None):
        compiler = find_compiler()._replace(path=path)
        other = request_of("kernel", Declaration(TEXT, None), compiler, pathlib.Path("/lib/libgomp.so.1"), "line")
    else:
        other = request(**changed)
    assert other != request() == request()


def test_search_paths_count(monkeypatch):
    before = request()
    monkeypatch.setenv("CPATH", "/somewhere")
    assert request() != before


def test_a_folder_counts_where_files_are_looked_for_in_it():
    assert request(path=pathlib.Path("/a/x.hpp")) == request(path=pathlib.Path("/b/x.hpp")) == request()
    text = '#include "other.hpp"\n' + TEXT
    assert request(text, path=pathlib.Path("/a/x.hpp")) != request(text, path=pathlib.Path("/b/x.hpp"))


def test_definitions_in_any_order():
    assert request(defines={"A": "1", "B": "2"}) == request(defines={"B": "2", "A": "1"})


def test_own_files():
    heed = str(heed_include() / "heed" / "heed.hpp")
    assert own_files([heed, "/usr/include/math.h", "/home/me/other.hpp"]) == ["/home/me/other.hpp"]
