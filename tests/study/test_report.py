"""A report of small.jsonl, whose numbers are round: what tables and comparison say was computed by hand."""

from __future__ import annotations

import contextlib
import csv
import importlib.util
import io
import json
import math
import unittest
from unittest import mock

import support
from study import compare
from study.record import read
from study.report import latex, markdown, spreadsheet, terminal
from study.report.cells import Results, number, text_of_shape


def results():
    return Results(read(support.SMALL))


class Numbers(unittest.TestCase):
    """heed: 10, 20 and 30 ms for 1e9 operations beside a peak of 100 GFLOP/s: 20 ms, 50 GFLOP/s, half of the peak."""

    def setUp(self):
        self.results = results()
        self.case = next(
            c
            for c in self.results.cases
            if (c.variant, c.threads, c.direction, dict(c.extents)["n"]) == ("causal", 1, "forward", 512)
        )
        self.row = self.results.row(self.case, "heed")

    def test_a_cell(self):
        self.assertAlmostEqual(self.row.seconds.middle, 0.020)
        self.assertAlmostEqual(self.row.gflops, 50.0)
        self.assertAlmostEqual(self.row.share.middle, 0.5)
        self.assertAlmostEqual(self.row.gbytes, 0.2)
        self.assertEqual(self.row.compile_seconds, 5.0)

    def test_order(self):
        self.assertEqual(self.results.labels, ["heed", "SDPA", "FlexAttention"])
        self.assertEqual([row.label for row in self.results.of(self.case)], ["heed", "SDPA", "FlexAttention"])

    def test_geometric_means(self):
        """SDPA: 2 and 8 times, one thread; 2.5 times, two threads: the third root of 40. With gradients 2 times."""
        found = {(label, direction): (mean.middle, count) for label, direction, mean, count in self.results.summary()}
        self.assertAlmostEqual(found["SDPA", "forward"][0], 40 ** (1 / 3))
        self.assertEqual(found["SDPA", "forward"][1], 3)
        self.assertAlmostEqual(found["SDPA", "step"][0], 2.0)
        self.assertAlmostEqual(found["FlexAttention", "forward"][0], 4.0)
        self.assertNotIn(("FlexAttention", "step"), found)

    def test_multiples_of_the_best(self):
        """FlexAttention: four times as long once, of four cases; SDPA: 2, 2, 2.5 and 8 times, and once nothing."""
        found = self.results.multiples()
        self.assertEqual((found["heed"][1], found["FlexAttention"][1]), (5, 4))
        for label, multiples in (("heed", [1] * 5), ("SDPA", [2, 2, 2.5, 8]), ("FlexAttention", [4])):
            self.assertEqual([round(multiple, 9) for multiple in found[label][0]], multiples)

    def test_noise(self):
        """20 ms and 25 ms of the same: a quarter."""
        self.assertAlmostEqual(self.results.noise(self.case), 0.25)
        self.assertAlmostEqual(self.results.typical_noise, 0.25)

    def test_texts(self):
        self.assertEqual(text_of_shape(self.case), "h=1, n=m=512, d=e=64")
        for value, text in (
            (12.345, "12.3"),
            (0.012345, "0.0123"),
            (123456.0, "123456"),
            (0.0, "0"),
            (math.nan, "-"),
            (math.inf, "inf"),
        ):
            self.assertEqual(number(value), text)


class Tables(unittest.TestCase):
    def test_terminal(self):
        with (
            mock.patch.dict("sys.modules", {"rich": None, "rich.console": None}),
            contextlib.redirect_stdout(io.StringIO()) as said,
        ):
            terminal.show(results())
        text = said.getvalue()
        self.assertIn("  heed             20.0 ms 50 %", text)
        self.assertIn("  FlexAttention    failed: crashed: SIGSEGV", text)
        self.assertIn("  FlexAttention    no backward on processors", text)
        self.assertIn("heed is 3.42 times as fast as SDPA, forward (geometric mean of 3 cases", text)
        self.assertIn("heed is 2.00 times as fast as SDPA, forward + backward (one case)", text)
        self.assertIn("heed against itself differs by 25.0 %", text)

    def test_spreadsheet(self):
        with support.tempfile.TemporaryDirectory() as folder:
            path = spreadsheet.write(results(), support.Path(folder) / "cells.csv")
            with path.open(newline="") as file:
                lines = list(csv.DictReader(file))
        self.assertEqual(len(lines), 16 - 1)
        heed = next(line for line in lines if line["implementation"] == "heed" and line["threads"] == "2")
        self.assertEqual(
            (heed["median_ms"], heed["share_of_peak"], heed["gflops"], heed["samples"]), ("12.5", "0.5", "80", "3")
        )
        empty = next(line for line in lines if line["status"] == "unsupported")
        self.assertEqual((empty["median_ms"], bool(empty["reason"]), bool(empty["command"])), ("", True, True))

    def test_latex(self):
        text = latex.tables(results())
        self.assertIn(r"causal & n=m=512 & \textbf{50} & 25 & 12 \\", text)
        self.assertIn("float32, one thread, h=1, d=64, e=64; medians.", text)
        self.assertIn(r"softcap \& tanh\_x", text)
        self.assertEqual(text.count(r"\toprule"), 3)  # forward on one thread and on two, forward + backward
        self.assertIn("unsupported: no backward on processors", text)
        self.assertEqual(text.count("{"), text.count("}"))

    def test_markdown(self):
        text = markdown.text(results(), [markdown.Drawing("A figure", "What it shows.", "figures/a.svg")])
        self.assertIn("| causal | h=1, n=m=512, d=e=64 | **50** | 25 | 12 | 2.00 (SDPA) |", text)
        self.assertIn("| causal | h=1, n=m=1024, d=e=64 | **50** | 6 | *a* | 8.00 (SDPA) |", text)
        self.assertIn("- *a*: failed: crashed: SIGSEGV", text)
        self.assertIn("| SDPA | forward | 3.42 | ", text)
        self.assertIn("None: heed is first", text)
        self.assertIn("![A figure](figures/a.svg)\n\nWhat it shows.\n", text)
        self.assertIn(f"| processor | {results().machine['processor']} |", text)
        for line in text.splitlines():
            self.assertLessEqual(line.count("|"), 7, line)

    def test_markdown_says_where_another_is_first(self):
        """SDPA 20 ms where heed takes 80: four times as fast, more than the noise."""
        record = read(support.SMALL)
        for cell in record.cells.values():
            if cell["implementation"] == "SDPA" and cell.get("seconds") == [0.64] * 3:
                cell["seconds"] = [0.02] * 3
        text = markdown.text(Results(record), [])
        self.assertIn("- causal, h=1, n=m=1024, d=e=64, float32, one thread, forward: 0.25 times as fast as SDPA", text)
        self.assertNotIn("None: heed is first", text)

    def test_markdown_of_what_heed_alone_was_asked_for(self):
        record = read(support.SMALL)
        alone = {key: cell for key, cell in record.cells.items() if cell["implementation"] == "heed"}
        text = markdown.text(Results(record._replace(cells=alone)), [])
        self.assertIn("| causal | h=1, n=m=512, d=e=64 | forward | 20.0 ms | 50 | ", text)
        self.assertNotIn("## Forward", text)


class WithoutShare(unittest.TestCase):
    """A time of operations that are not known: every table has the time, and says why it has no share."""

    WHY = "no share: a mask depends on values"

    def results(self):
        record = read(support.SMALL)
        cells = {key: cell for key, cell in record.cells.items() if cell["implementation"] == "heed"}
        for cell in cells.values():
            cell |= {"operations": 0.0, "no_share": "a mask depends on values"}
        return Results(record._replace(cells=cells))

    def test_markdown(self):
        text = markdown.text(self.results(), [])
        self.assertIn("| causal | h=1, n=m=512, d=e=64 | forward | 20.0 ms | *a* | ", text)
        self.assertIn(f"- *a*: {self.WHY}\n", text)

    def test_latex(self):
        text = latex.tables(self.results())
        self.assertIn(r"causal & n=m=512 & \textbf{20\,ms\textit{a}} \\", text)
        self.assertIn(rf"\noindent\textit{{a}}: {self.WHY}.", text)

    def test_spreadsheet(self):
        with support.tempfile.TemporaryDirectory() as folder:
            path = spreadsheet.write(self.results(), support.Path(folder) / "cells.csv")
            with path.open(newline="") as file:
                line = next(line for line in csv.DictReader(file) if line["status"] == "measured")
        self.assertEqual((line["share_of_peak"], line["gflops"]), ("", ""))
        self.assertGreater(float(line["median_ms"]), 0)

    @unittest.skipUnless(all(map(importlib.util.find_spec, ("jinja2", "matplotlib"))), "the page wants both")
    def test_page(self):
        from study.report import page

        results = self.results()
        cell = page.cell_of(results, results.cases[0], "heed")
        self.assertRegex(cell["text"], r"^[\d.]+ ms$")
        self.assertEqual(cell["more"], self.WHY)


class Compared(support.InFolder):
    def changed(self, factors, status=None):
        """The record with heed's causal forward at 512 so many times as slow, in each sample."""
        lines = [json.loads(line) for line in support.SMALL.read_text().splitlines()]
        for line in lines:
            if line["kind"] == "cell" and line["implementation"] == "heed" and line.get("seconds") == [0.08] * 3:
                line["seconds"] = [0.08 * factor for factor in factors]
                if status:
                    line |= {"status": status, "reason": "for a test"}
        path = self.folder / "changed.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return path

    def run_compare(self, *arguments):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            status = compare.compare(*arguments)
        return status, said.getvalue()

    def test_verdicts(self):
        """The noise is a quarter: 1.5 times as slow is SLOW, 1.1 times is the same, from 1 to 2 is not to be told."""
        for factors, verdict, status in (
            ((1.5,) * 3, "SLOW", 1),
            ((0.5,) * 3, "FAST", 0),
            ((1.1,) * 3, "SAME", 0),
            ((1.0, 1.3, 2.0), "AMBIGUOUS", 0),
        ):
            found = self.run_compare(support.SMALL, self.changed(factors))
            line = next(line for line in found[1].splitlines() if "n=1024" in line)
            self.assertEqual((line.split()[0], found[0]), (verdict, status), line)

    def test_geometric_mean(self):
        """One of five cells is half as fast: the fifth root of a half."""
        _, text = self.run_compare(support.SMALL, self.changed((2.0,) * 3))
        self.assertIn(f"new over old {0.5 ** (1 / 5):.3f} ", text)

    def test_a_time_that_was_lost(self):
        status, text = self.run_compare(support.SMALL, self.changed((1.0,) * 3, "wrong"))
        self.assertEqual(status, 1)
        self.assertRegex(text, "LOST .*n=1024.*now wrong: for a test")

    def test_the_same_record(self):
        self.assertEqual(self.run_compare(support.SMALL, support.SMALL)[0], 0)


if __name__ == "__main__":
    unittest.main()
