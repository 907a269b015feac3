"""Medians, intervals, verdicts."""

from __future__ import annotations

import unittest

import support  # noqa: F401
from study import statistics
from study.statistics import Interval


class Statistics(unittest.TestCase):
    def test_median(self):
        found = statistics.median([4.0, 1.0, 2.0])
        self.assertEqual(found.middle, 2.0)
        self.assertLessEqual(found.low, 2.0)
        self.assertGreaterEqual(found.high, 2.0)

    def test_equal_samples_have_no_interval(self):
        self.assertEqual(statistics.median([0.5] * 7), Interval(0.5, 0.5, 0.5))
        self.assertEqual(statistics.median([0.5] * 7).relative, 0)

    def test_the_same_samples_give_the_same_interval(self):
        samples = [1.0, 1.1, 0.9, 1.3, 1.05]
        self.assertEqual(statistics.median(samples), statistics.median(samples))

    def test_geometric_mean(self):
        self.assertAlmostEqual(statistics.geometric_mean([2.0, 8.0]).middle, 4.0)
        self.assertEqual(statistics.geometric_mean([3.0]), Interval(*[statistics.geometric_mean([3.0]).middle] * 3))

    def test_ratio(self):
        self.assertEqual(statistics.ratio([4.0] * 3, [2.0] * 3), Interval(2.0, 2.0, 2.0))

    def test_verdicts(self):
        for change, verdict in (
            ((1.10, 1.05, 1.15), "FAST"),
            ((0.90, 0.85, 0.95), "SLOW"),
            ((1.00, 0.99, 1.01), "SAME"),
            ((1.03, 0.99, 1.08), "AMBIGUOUS"),
            ((1.50, 0.90, 2.00), "AMBIGUOUS"),
        ):
            self.assertEqual(statistics.verdict(Interval(*change), 0.02), verdict, change)


if __name__ == "__main__":
    unittest.main()
