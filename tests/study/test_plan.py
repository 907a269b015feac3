"""Studies that are wrong are refused with a sentence that says where; the presets are right."""

from __future__ import annotations

import unittest

from support import HERE, ROOT, InFolder
from study import plan
from study.errors import StudyError
from study.places import PRESETS

GOOD = 'implementations = ["SDPA"]\n[[cases]]\nvariants = ["causal"]\nshapes = [{ n = 8 }]\n'
# What is changed, and a part of what is said.
MISTAKES = {
    (
        'implementations = ["SDPA"]',
        'implementations = ["SDPA"]\nsecond = 3',
    ): "the key 'second' is not known: there are title, seed",
    ("shapes", "shape"): "number 1: the key 'shape' is not known",
    ('["causal"]', '["casual"]'): "the variant 'casual' is not known: there are full, causal",
    ('["causal"]', '["gallery/nothing"]'): "the gallery has no entry 'nothing'",
    ('["causal"]', '["mine.hpp"]'): "there is no header",
    ('["causal"]', "[]"): "it names no variant",
    ('["SDPA"]', '["SPDA"]'): "no implementation is called 'SPDA': there are heed",
    ('["SDPA"]', '["mine.py:Mine"]'): "there is no file",
    ('["SDPA"]', "[]"): "it has no implementations",
    ('["SDPA"]', '["SDPA"]\nagain = "heed"'): "is none of its implementations",
    ('["SDPA"]', '["SDPA"]\nseconds = 0'): "'seconds' wants more than 0",
    ('["SDPA"]', '["SDPA"]\nseed = "x"'): "'seed' wants a whole number, not 'x'",
    ("n = 8", "x = 8"): "variant 'causal' has no axis 'x': there are h, n, m, d, e",
    ("n = 8", "n = 0"): "axis 'n' wants a whole number of at least 1, not 0",
    ("n = 8", "n = 8.5"): "axis 'n' wants a whole number",
    ("{ n = 8 }", "8"): "a shape is a table of extents",
    ('["causal"]', '["documents"]\ntypes = ["half"]'): "types: 'half' is not known",
    ('["causal"]', '["causal"]\ndirections = ["back"]'): "directions: 'back' is not known",
    ('["causal"]', '["causal"]\nthreads = [0]'): "threads wants whole numbers of at least 1",
    ('["causal"]', '["causal"]\nimplementations = ["JAX"]'): "'JAX' is none of the study's implementations",
    ("[[cases]]", "[[cases]"): "study.toml",
}


class Plans(InFolder):
    def read(self, text):
        path = self.folder / "study.toml"
        path.write_text(text)
        return plan.read(str(path))

    def test_good(self):
        study = self.read(GOOD)
        self.assertEqual(
            [case.key for case, _ in study.cases], ["causal h=4,n=8,m=8,d=64,e=64 float32 threads=1 forward"]
        )

    def test_mistakes(self):
        for (old, new), said in MISTAKES.items():
            with self.subTest(new):
                self.assertIn(old, GOOD)
                with self.assertRaises(StudyError) as raised:
                    self.read(GOOD.replace(old, new, 1))
                self.assertIn(said, str(raised.exception))
                self.assertNotIn("\n", str(raised.exception))

    def test_documents_want_as_many_keys(self):
        with self.assertRaisesRegex(StudyError, "as many keys as queries"):
            self.read(GOOD.replace('"causal"', '"documents"').replace("n = 8", "n = 8, m = 9"))

    def test_a_case_is_there_once(self):
        study = self.read(GOOD + '[[cases]]\nvariants = ["causal"]\nshapes = [{ n = 8 }, { n = 9 }]\n')
        self.assertEqual(len(study.cases), 2)

    def test_blocks_with_the_same_case_add_up(self):
        block = '[[cases]]\nvariants = ["causal"]\nshapes = [{ n = 8 }]\nimplementations = '
        study = self.read(f'implementations = ["heed", "SDPA", "JAX"]\n{block}["SDPA"]\n{block}["heed", "SDPA"]\n')
        self.assertEqual([names for _, names in study.cases], [["SDPA", "heed"]])

    def test_no_such_study(self):
        with self.assertRaisesRegex(StudyError, "there is no study 'fast': the presets are .*quick"):
            plan.read("fast")

    def test_presets(self):
        """They are right; paper has every entry of the gallery."""
        for name in sorted(path.stem for path in PRESETS.glob("*.toml")):
            with self.subTest(name):
                self.assertTrue(plan.read(name).cases)
        entries = {path.stem[3:] for path in (ROOT / "examples/gallery").glob("*.hpp")}
        self.assertEqual(
            {case.variant for case, _ in plan.read("paper").cases if "/" in case.variant},
            {f"gallery/{name}" for name in entries},
        )

    def test_every_variant_has_its_header(self):
        from study.catalogue import VARIANTS

        for name, variant in VARIANTS.items():
            self.assertEqual(name, variant.header.stem)
            self.assertIn("constexpr auto out =", variant.header.read_text())
        self.assertTrue((HERE / "systems.py").is_file())


if __name__ == "__main__":
    unittest.main()
