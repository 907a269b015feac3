"""Where the study is found, and small studies for its tests."""

from __future__ import annotations

import os
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "python")]
HERE = Path(__file__).resolve().parent
SMALL = HERE / "small.jsonl"


class InFolder(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)

    def study(
        self,
        *systems: str,
        variants: str = '["full"]',
        more: str = "",
        block: str = "shapes = [{ h = 2, n = 5, d = 3 }]",
    ) -> Path:
        """The file of a study with these classes of systems.py."""
        link = self.folder / "systems.py"
        if not link.exists():
            os.symlink(HERE / "systems.py", link)
        names = ", ".join(f'"systems.py:{name}"' for name in systems)
        path = self.folder / "study.toml"
        path.write_text(
            f"seconds = 0.05\nsamples = 3\npatience = 120\nimplementations = [{names}]\n{more}\n"
            f"[[cases]]\nvariants = {variants}\n{block}\n"
        )
        return path
