"""Figures and page of small.jsonl, where what draws them is installed (build/study)."""

from __future__ import annotations

import re
import shutil
import subprocess
import unittest

import support
from study.record import read
from study.report.cells import Results

try:
    from study.report import figures, latex, page, style
except ModuleNotFoundError as missing:
    raise unittest.SkipTest(f"{missing.name} is not installed") from None


def labels_outside(axis):
    """The labels of ticks beyond the ends of an axis, which are not drawn."""
    low, high = sorted(axis.get_view_interval())
    for tick in axis.get_major_ticks() + axis.get_minor_ticks():
        if not low <= tick.get_loc() <= high:
            yield from (tick.label1, tick.label2)


class Drawn(support.InFolder):
    def setUp(self):
        super().setUp()
        self.results = Results(read(support.SMALL))

    def test_all_figures(self):
        drawn = figures.draw(self.results, self.folder)
        self.assertEqual([figure.name for figure in drawn if figure.path], list(figures.FIGURES))
        for figure in drawn:
            pdf = figure.path.read_bytes()
            self.assertIn(b"/FontFile2", pdf, "TrueType, not Type 3")
            self.assertNotIn(b"/Type3", pdf)
            self.assertRegex(figure.path.with_suffix(".svg").read_text(), r'<svg[^>]* width="244.8pt"')  # 3.4 inches

    def test_nothing_that_is_drawn_is_cut_or_overlaps(self):
        """Texts lie inside of the figure, tick labels and legend entries beside each other."""
        for name, (_, make) in figures.FIGURES.items():
            with self.subTest(name), figures.plt.rc_context(figures.style.SETTINGS):
                fig, _ = make(self.results)
                fig.canvas.draw()
                whole = fig.bbox
                hidden = {
                    id(text) for axes in fig.axes for axis in (axes.xaxis, axes.yaxis) for text in labels_outside(axis)
                }
                texts = [
                    t
                    for t in fig.findobj(figures.plt.Text)
                    if t.get_visible() and t.get_text().strip() and id(t) not in hidden
                ]
                boxes = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_rotation() == 0]
                for said, box in boxes:
                    if box.width and box.height:
                        self.assertTrue(
                            box.x0 >= -1 and box.y0 >= -1 and box.x1 <= whole.x1 + 1 and box.y1 <= whole.y1 + 1,
                            f"{said!r} is cut",
                        )
                for number, (said, box) in enumerate(boxes):
                    for other, second in boxes[number + 1 :]:
                        overlap = (
                            min(box.x1, second.x1) - max(box.x0, second.x0),
                            min(box.y1, second.y1) - max(box.y0, second.y0),
                        )
                        self.assertFalse(min(overlap) > 1, f"{said!r} lies over {other!r}")
                figures.plt.close(fig)

    def test_no_two_implementations_look_alike(self):
        looks = style.look([f"system {number}" for number in range(40)] + ["heed"])
        marks = [(look["color"], look["marker"]) for look in looks.values()]
        self.assertEqual(len(set(marks)), 41)
        twelve = list(looks.values())[:12]
        for kind in ("color", "marker"):
            self.assertEqual(len({look[kind] for look in twelve}), 12, kind)

    def test_a_figure_without_cells_says_why(self):
        few = read(support.SMALL)
        few = few._replace(cells={key: cell for key, cell in few.cells.items() if "softcap" in key})
        reasons = {figure.name: figure.caption for figure in figures.draw(Results(few), self.folder) if not figure.path}
        self.assertEqual(set(reasons), {"profile", "lengths", "threads"})
        self.assertIn("at least two lengths", reasons["lengths"])

    def test_page(self):
        drawn = figures.draw(self.results, self.folder / "figures")
        text = page.write(self.results, drawn, self.folder / "report.html").read_text()
        self.assertIn("50 %<small>20.0 ms</small>", text)
        self.assertIn("softcap &amp; tanh_x", text)
        self.assertIn("no backward on processors", text)
        self.assertEqual(text.count("<figure><svg"), len(figures.FIGURES))
        self.assertNotRegex(text, r'(?:src|href)="(?:https?:)?//')  # no network
        self.assertNotRegex(text, r"@import|url\((?!#)")
        ids = re.findall(r' id="([^"]+)"', text)
        self.assertEqual(len(ids), len(set(ids)))

    @unittest.skipUnless(shutil.which("pdflatex"), "there is no pdflatex")
    def test_latex_compiles(self):
        latex.write(self.results, self.folder / "table.tex")
        (self.folder / "paper.tex").write_text(
            "\\documentclass{article}\\usepackage{booktabs,graphicx}\\begin{document}\\input{table}\\end{document}\n"
        )
        made = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper"],
            cwd=self.folder,
            capture_output=True,
            text=True,
        )
        self.assertEqual(made.returncode, 0, made.stdout[-600:])
        self.assertNotIn("Overfull", made.stdout)


if __name__ == "__main__":
    unittest.main()
