"""The Python in README.md and docs/python.md runs as it stands, page by page, beside the headers that they speak of."""

import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADER = re.compile(r"^<!-- test: attend -->\n```cpp\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ["README.md", "docs/python.md"])
def test_page(page, variants, tmp_path):
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = BLOCK.findall(text)
    assert blocks, f"{page} shows no Python"
    shutil.copy(variants / "variant.hpp", tmp_path / "variant.hpp")
    (tmp_path / "attend.hpp").write_text(HEADER.search((ROOT / "README.md").read_text(encoding="utf-8"))[1])
    (tmp_path / "page.py").write_text("\n".join(blocks))
    ran = subprocess.run([sys.executable, "page.py"], cwd=tmp_path, text=True, capture_output=True)
    assert ran.returncode == 0, ran.stderr
    for output in re.findall(r"<!-- printed -->\n```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        assert output.strip() in ran.stdout


def test_the_readme_is_short():
    (block,) = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(block.splitlines()) <= 12
