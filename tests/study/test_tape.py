"""The formulas' gradients beside differences, and the variants' counts beside counts by hand."""

from __future__ import annotations

import unittest

import support  # noqa: F401
import numpy
from study import evaluation, gate
from study.case import Case
from study.catalogue import VARIANTS


class Formulas(unittest.TestCase):
    def test_gradients_are_those_that_differences_say(self):
        for name, variant in VARIANTS.items():
            if "h" not in variant.axes:
                continue  # layers are of one width; their operations are those of the others and test_layers'
            with self.subTest(name):
                extents = variant.extents({"h": 2, "n": 9, "d": 5, **({"r": 2} if "r" in variant.axes else {})}, "here")
                self.compare(variant, Case(name, extents, "float64", 1, "step"))

    def test_layers(self):
        for name in ("encoder", "block"):
            with self.subTest(name):
                variant = VARIANTS[name]
                self.compare(variant, Case(name, variant.extents({"b": 1, "n": 2}, "here"), "float64", 1, "step"), 1e-5)

    def compare(self, variant, case, bound=1e-7):
        x = variant.draw(case)
        found = evaluation.expected(variant, case, x)
        random = numpy.random.default_rng(3)
        step = {name: random.standard_normal(x[name].shape) for name in variant.wrt}

        def at(t):
            moved = x | {name: x[name] + t * step[name] for name in variant.wrt}
            forward = Case(case.variant, case.extents, "float64", 1, "forward")
            return (evaluation.expected(variant, forward, moved)["out"] * x["cotangent"]).sum()

        by_differences = (at(1e-5) - at(-1e-5)) / 2e-5
        by_tape = sum((found[f"grad({name})"] * step[name]).sum() for name in variant.wrt)
        self.assertLess(abs(by_differences - by_tape), bound * max(abs(by_tape), 1))

    def test_causal_by_hand(self):
        """Two positions, width 1: the first sees itself alone, the second both."""
        variant = VARIANTS["causal"]
        case = Case("causal", variant.extents({"h": 1, "n": 2, "d": 1}, "here"), "float64")
        x = {name: numpy.zeros((1, 2, 1)) for name in ("q", "k", "cotangent")} | {"v": numpy.array([[[3.0], [5.0]]])}
        x["q"][0, 1, 0], x["k"][0, 1, 0] = 1.0, numpy.log(3)
        out = evaluation.expected(variant, case, x)["out"]
        numpy.testing.assert_allclose(out, [[[3.0], [3 / 4 * 5 + 1 / 4 * 3]]])

    def test_operations_and_bytes_by_hand(self):
        variant = VARIANTS["causal"]
        case = Case("causal", variant.extents({"h": 2, "n": 4, "d": 8, "e": 16}, "here"), "float32", 1, "forward")
        x = variant.draw(case)
        self.assertEqual(variant.operations(case, x), 2 * 2 * 10 * (8 + 16))  # ten pairs in each of two heads
        self.assertEqual(variant.bytes(case, x), 4 * 2 * 4 * (8 + 8 + 16 + 16))
        step = Case("causal", case.extents, "float32", 1, "step")
        self.assertEqual(variant.operations(step, x), 3.5 * 960)

    def test_pairs_of_masks(self):
        for name, n, pairs in (
            ("window", 300, 256 * 257 // 2 + 44 * 256),
            ("documents", 16, 8 * 3),
            ("prefix", 8, 2 + 2 + 3 + 4 + 5 + 6 + 7 + 8),
        ):
            variant = VARIANTS[name]
            case = Case(name, variant.extents({"h": 1, "n": n, "d": 1}, "here"), "float32")
            self.assertEqual(variant.pairs(dict(case.extents), variant.draw(case)), pairs, name)


class Gate(unittest.TestCase):
    def test_units_in_the_last_place(self):
        """A largest value of 2: the last place is 2^-22 in float32, and one element is off by 3 of them."""
        wanted = {"out": numpy.array([2.0, 1.0, 0.0, 0.5])}
        got = {"out": numpy.array([2.0, 1.0 + 3 * 2.0**-22, 0.0, 0.5], numpy.float32)}
        error = gate.error_of(got, wanted)
        self.assertEqual((error.largest, error.array, error.is_right), (3.0, "out", True))
        self.assertAlmostEqual(error.rms, 1.5)

    def test_what_is_missing_or_undefined_is_wrong(self):
        wanted = {"out": numpy.ones(3), "grad(q)": numpy.ones(2)}
        for got in (
            {"out": numpy.ones(3)},
            {"out": numpy.ones(3), "grad(q)": numpy.ones(3)},
            {"out": numpy.ones(3), "grad(q)": numpy.array([1, numpy.nan])},
        ):
            self.assertFalse(gate.error_of(got, wanted).is_right)


if __name__ == "__main__":
    unittest.main()
