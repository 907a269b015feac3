"""What a first user meets besides calls: names in heed, lines of the cache, advice, when a kernel is compiled anew."""

import re
import shlex
import subprocess
import sys

import pytest

import heed
from heed import cache, compilation, compiler, explaining
from heed.declaration import Declaration
from heed.headers import heed_include
from heed.__main__ import main as command


def test_only_what_is_public_is_shown():
    assert dir(heed) == sorted([*heed.__all__, "torch"])
    assert all(getattr(heed, name) is not None for name in heed.__all__)


def test_the_version_stands_in_one_place():
    assert re.fullmatch(r"\d+\.\d+\.\d+", heed.__version__)
    assert heed.__version__ in str(heed.info()).splitlines()[0]
    header = (heed_include() / "heed" / "export" / "description.hpp").read_text()
    assert header.count(f'"{heed.__version__}"') == 1


TEXT = """namespace mine { constexpr auto out = 1; constexpr auto other = 2; }
HEED_KERNEL(attend, mine::out, wrt(mine::q))
"""


@pytest.mark.parametrize(
    "results, wrt, name, defines, line",
    [
        ((), (), None, None, "attend = mine::out of the text, wrt(mine::q)"),
        (("out",), (), None, None, "out of the text"),
        (("out",), ("q", "k"), None, {}, "out of the text, wrt(q, k)"),
        (("out",), (), None, {"REAL": "double", "A": "1"}, "out of the text, A=1 REAL=double"),
        (("out", "other"), (), "both", None, "both = heed::results(out, other) of the text"),
    ],
)
def test_variants_of_a_header_are_told_apart(results, wrt, name, defines, line):
    declaration = Declaration(TEXT, None)
    assert compilation.title(declaration, declaration.choose(results, wrt, name), defines) == line


def test_entries_of_one_name_are_told_apart(fresh_cache, capsys):
    for request in "ab":
        cache.obtain(request, lambda folder: {"included": []}, "out of the text")
    assert command(["cache", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    assert sorted(line.split()[0] for line in lines) == sorted(entry.folder.name[:8] for entry in cache.entries())
    assert len(set(lines)) == 2


def test_advice_is_for_python():
    """Every sentence of the library that advises to call explain in C++ is replaced."""
    text = "".join(path.read_text() for path in sorted((heed_include() / "heed" / "show").glob("*.hpp")))
    advice = re.findall(r'"([^"\n]*explain<[^"\n]*)"', text)
    assert sorted(advice) == sorted([explaining.ADVICE_ON_COST, explaining.ADVICE_ON_MASK])
    said = f"cost  not known{explaining.ADVICE_ON_COST}\nmask  depends on document{explaining.ADVICE_ON_MASK}\n"
    expected = "cost  not known: explain(h=..., m=...)\nmask  depends on document\n"
    assert explaining.advising_in_python(said, ["h", "m"]) == expected


def test_what_makes_libraries_counts_and_nothing_else():
    """The modules whose text is part of a kernel's key are those that build.py imports."""
    program = "import sys, heed.build; print(*(name[5:] for name in sys.modules if name.startswith('heed.')))"
    imported = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert set(imported.split()) == set(compilation.GENERATOR)


def test_words_of_a_command_of_the_compiler():
    line = r' /usr/lib/cc1plus -E "-D X=\"a b\"" /dev/null -mavx2 --param "l1-cache-size=32" "/a -mno/b" -dumpbase ""'
    words = compiler._words(line)
    assert words[4:7] == ["-mavx2", "--param", "l1-cache-size=32"] and "/a -mno/b" in words
    assert len(words) == len(shlex.split(line))


def test_heed_is_read_while_the_compiler_answers(tmp_path, monkeypatch):
    """A compiler that waits for what is done meanwhile."""
    waiting = tmp_path / "waiting"
    waiting.write_text(f'#!/bin/sh\nuntil [ -e {tmp_path}/done ]; do sleep 0.01; done\nexec g++ "$@"\n')
    waiting.chmod(0o755)
    monkeypatch.setenv("HEED_CXX", str(waiting))
    done = []

    def meanwhile():
        done.append(len(done))
        (tmp_path / "done").touch()

    assert compiler.find_compiler(meanwhile).flags == compiler.find_compiler(meanwhile).flags
    assert done == [0]


@pytest.mark.parametrize(
    "script, said", [("echo it is broken >&2; exit 3", "it is broken"), ("exit 3", "it ended with status 3")]
)
def test_a_compiler_that_fails_says_why(tmp_path, monkeypatch, script, said):
    broken = tmp_path / "broken"
    broken.write_text(f"#!/bin/sh\n{script}\n")
    broken.chmod(0o755)
    monkeypatch.setenv("HEED_CXX", str(broken))
    with pytest.raises(heed.CompilerNotFound, match=f"does not run: {said}"):
        compiler.find_compiler()


def test_without_torch_it_says_how_to_get_it():
    program = "import sys; sys.modules['torch'] = None\nimport heed\nheed.torch.function('variant.hpp')"
    ran = subprocess.run([sys.executable, "-c", program], text=True, capture_output=True)
    assert "ModuleNotFoundError: heed: heed.torch needs torch, which is not installed (pip install torch" in ran.stderr
