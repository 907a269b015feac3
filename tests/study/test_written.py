"""Attention written by hand, as loops and with Eigen: results and gradients beside the formula in double. The variants
are those in which gradients differ; they are compiled, loops for each and Eigen for one."""

from __future__ import annotations

import unittest

import support
from study import gate
from study.case import Case
from study.catalogue import VARIANTS
from study.peers.eigen import Eigen
from study.peers.loops import Loops

SHAPES = {"grouped": {"h": 2, "r": 3, "n": 70}, "cross": {"h": 2, "n": 67, "m": 90}}


def case_of(name: str, direction: str, threads: int = 1, dtype: str = "float32") -> Case:
    """Rows that are no multiple of a block's 64, keys beyond a window and a table; e is not d."""
    given = SHAPES.get(name, {"h": 3, "n": 300 if name in ("window", "table") else 70}) | {"d": 8, "e": 12}
    return Case(name, VARIANTS[name].extents(given, "a test"), dtype, threads, direction)


class Written(unittest.TestCase):
    def check(self, peer: Loops, case: Case) -> None:
        variant = VARIANTS[case.variant]
        x = variant.draw(case)
        self.assertIsNone(peer.supports(case, variant))
        peer.prepare(case, variant, x)
        wanted = variant.expected(case, x)
        for _ in range(2):  # the second call begins anew
            peer.run()
            self.assertEqual(set(peer.results()), set(wanted))
            error = gate.error_of(peer.results(), wanted)
            self.assertTrue(error.is_right, f"{error.array} of {case.key} is off by {error.largest} units")

    def test_loops(self):
        for name in ("window", "cross", "grouped", "bias", "alibi", "softcap", "sink", "table"):
            with self.subTest(name):
                self.check(Loops(), case_of(name, "step"))

    def test_one_direction_alone(self):
        for direction in ("forward", "backward"):
            self.check(Loops(), case_of("sink", direction))

    def test_double(self):
        self.check(Loops(), case_of("causal", "step", dtype="float64"))

    @unittest.skipIf(Eigen().absent(), "Eigen's headers are not installed")
    def test_eigen(self):
        self.check(Eigen(), case_of("alibi", "step"))


if __name__ == "__main__":
    unittest.main()
