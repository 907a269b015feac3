"""docs/study.md: the study, the variant and the system that stand there are measured as they stand."""

from __future__ import annotations

import json
import re
import unittest

from support import ROOT, InFolder
from study import plan
from study.catalogue import VARIANTS
from study.conductor import REPORTS, Conductor
from study.progress import Progress
from study.record import read
from study.report import markdown
from study.report.cells import Results

PAGE = (ROOT / "docs" / "study.md").read_text(encoding="utf-8")


def blocks() -> dict[str, str]:
    """file -> text of what a mark names, and of the header."""
    found = dict(re.findall(r"^<!-- study: (\S+) -->\n```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
    return found | {"mine.hpp": re.search(r"^```cpp\n(// mine\.hpp.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[1]}


class Page(unittest.TestCase):
    def test_the_header_is_the_one_beside_this_test(self):
        self.assertEqual(blocks()["mine.hpp"], (ROOT / "tests/study/mine.hpp").read_text(encoding="utf-8"))

    def test_keys_and_variants(self):
        for key in (*plan.STUDY, *plan.CASES):
            if key not in ("title", "cases"):
                self.assertIn(f"`{key}", PAGE)
        self.assertIn(f"Variants: {', '.join(VARIANTS)}", PAGE.replace("\n", " "))


class Recorded(unittest.TestCase):
    """docs/study/paper: a run of the preset, and its page."""

    def test_the_page_is_what_the_record_says(self):
        folder = ROOT / "docs/study/paper"
        page = (folder / "report.md").read_text(encoding="utf-8")
        made = markdown.text(Results(read(folder)), [])

        def told(text: str) -> str:
            """Without figures, and intervals, which are drawn."""
            head, _, rest = text.partition("\n## The machine")
            return re.sub(r"[\d.]+ to [\d.]+", "", head.partition("\n## Figures")[0]).strip() + rest

        self.assertEqual(told(page), told(made))
        self.assertGreater(page.count("](figures/"), 5)


class Measured(InFolder):
    def test_as_it_stands(self):
        for name, text in blocks().items():
            (self.folder / name).write_text(text)
        with Conductor(
            plan.read(str(self.folder / "study.toml")), self.folder / "out", resume=False, progress=Progress(quiet=True)
        ) as conductor:
            conductor.measure()
        cells = read(self.folder / "out").cells
        found = {(c["case"]["variant"], c["case"]["direction"], c["implementation"]): c for c in cells.values()}
        for variant, direction, system, status in (
            ("full", "forward", "heed", "measured"),
            ("full", "step", "heed", "measured"),
            ("causal", "forward", "heed (again)", "measured"),
            ("mine.hpp", "forward", "heed", "measured"),
            ("causal", "forward", "peer.py:Numpy", "measured"),
            ("causal", "step", "peer.py:Numpy", "unsupported"),
            ("mine.hpp", "forward", "peer.py:Numpy", "unsupported"),
        ):
            cell = found[variant, direction, system]
            self.assertEqual(cell["status"], status, cell.get("reason"))
        own = found["mine.hpp", "forward", "heed"]
        self.assertEqual(own["gate"], "heed's evaluation in double")
        self.assertEqual(own["operations"], 2 * 2 * 32 * 64 * 65 / 2)
        self.assertEqual(found["full", "forward", "peer.py:Numpy"]["gate"], "the formula, in double")
        lines = [json.loads(line) for line in (self.folder / "out" / REPORTS).read_text().splitlines()]
        for (_, _, system), cell in found.items():
            reports = [line["report"] for line in lines if line["key"] == cell["key"] and line["counts"]]
            runs = [run for report in reports for run in report["benchmarks"] if run["run_type"] == "iteration"]
            if system == "peer.py:Numpy":
                self.assertEqual(reports, [])
                continue
            self.assertEqual(cell["seconds"], [run["real_time"] for run in runs])  # to the last bit
            self.assertEqual(cell["peaks_before"], [run["peak_before"] for run in runs])
            self.assertEqual(cell["peaks_after"], [run["peak_after"] for run in runs])
            self.assertEqual({run["iterations"] for run in runs}, {cell["repeat"]})


if __name__ == "__main__":
    unittest.main()
