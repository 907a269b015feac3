"""Variants that are headers: judged by heed's evaluation, by a formula beside them, refused by the compiler. They are
compiled, which takes a minute."""

from __future__ import annotations

import unittest

from support import HERE, InFolder
from study import plan
from study.case import Case
from study.conductor import Conductor
from study.declared import variant_of
from study.errors import StudyError
from study.progress import Progress
from study.record import read

# The variant of mine.hpp.
FORMULA = """import math
import numpy


def formula(x, ops):
    q, k, v = x["q"], x["k"], x["v"]
    i, j = ops.arange(q.shape[0])[:, None], ops.arange(k.shape[0])[None, :]
    fading = FADING * numpy.log(1 + numpy.maximum(i - j, 0))
    s = ops.matmul(q, ops.swap(k)) * (1 / math.sqrt(q.shape[1])) - fading
    return ops.matmul(ops.softmax(ops.where(j <= i, s, -math.inf)), v)
"""


class Declared(InFolder):
    def measure(self, block):
        path = self.folder / "study.toml"
        path.write_text(f'seconds = 0.05\nsamples = 3\nimplementations = ["heed"]\n[[cases]]\n{block}\n')
        with Conductor(
            plan.read(str(path)), self.folder / "out", resume=False, progress=Progress(quiet=True)
        ) as conductor:
            conductor.measure()
        return next(iter(read(self.folder / "out").cells.values()))

    def with_formula(self, fading):
        (self.folder / "mine.hpp").write_text((HERE / "mine.hpp").read_text())
        (self.folder / "mine.py").write_text(FORMULA.replace("FADING", fading))
        more = 'shapes = [{ n = 40, m = 40 }]\ndirections = ["step"]\nformula = "mine.py"'
        return self.measure(f'variant = "mine.hpp"\n{more}')

    def test_a_formula_judges(self):
        right = self.with_formula("0.1")
        self.assertEqual((right["status"], right["gate"]), ("measured", "the formula, in double"))

    def test_another_formula_is_not_this_variant(self):
        wrong = self.with_formula("0.2")
        self.assertEqual(wrong["status"], "wrong")
        self.assertNotIn("seconds", wrong)

    def test_an_entry_of_the_gallery(self):
        """Its mask reads a width, of which the pairs are counted."""
        cell = self.measure('variants = ["gallery/windowed"]\nshapes = [{ h = 2, n = 300, m = 300 }]')
        self.assertEqual((cell["status"], cell["gate"]), ("measured", "heed's evaluation in double"))
        case = Case.from_json(cell["case"])
        width = int(variant_of(case).draw(case)["width"])
        extents = dict(case.extents)
        self.assertTrue(1 < width < 300, width)
        pairs = sum(min(i + 1, width) for i in range(300))
        heads, d = extents["h"], 64
        self.assertEqual(cell["operations"], 2 * heads * pairs * (d + extents.get("e", 64)))

    def test_a_result_that_is_one_number(self):
        header = (HERE / "mine.hpp").read_text()
        header = header.replace("HEED_KERNEL(fading, out, wrt(q, k, v))", "constexpr auto loss = mean<n>(sum<d>(out));")
        header = header.replace("// mine.hpp", "// one.hpp") + "\nHEED_KERNEL(one, mine::loss, wrt(mine::q))\n"
        (self.folder / "one.hpp").write_text(header)
        cell = self.measure('variant = "one.hpp"\nshapes = [{ n = 8, m = 8 }]\ndirections = ["step"]')
        self.assertEqual((cell["status"], cell["gate"]), ("measured", "heed's evaluation in double"))

    def test_a_header_that_the_compiler_refuses(self):
        header = (HERE / "mine.hpp").read_text().replace("dot<m>(softmax<m>", "dot<d>(softmax<m>")
        (self.folder / "mine.hpp").write_text(header)
        with self.assertRaisesRegex(StudyError, "^heed: [^\n]*$"):
            self.measure('variant = "mine.hpp"\nshapes = [{ n = 4, m = 4 }]')

    def test_an_axis_that_it_has_not(self):
        (self.folder / "mine.hpp").write_text((HERE / "mine.hpp").read_text())
        with self.assertRaisesRegex(StudyError, r"study.toml: \[\[cases\]\] number 1: .*has no axis 'h'"):
            self.measure('variant = "mine.hpp"\nshapes = [{ h = 4, n = 4, m = 4 }]')


if __name__ == "__main__":
    unittest.main()
