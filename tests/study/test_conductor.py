"""Whole studies with systems of the tests' own: nothing is compiled but the peak loop."""

from __future__ import annotations

import contextlib
import io
import math
import os
import shlex
import signal
import subprocess
import sys
import time
import unittest
from unittest import mock

from support import ROOT, InFolder
from study import conductor, plan
from study.conductor import NOT_COUNTED, Conductor
from study.errors import StudyError
from study.progress import Progress
from study.record import read


class Samples(unittest.TestCase):
    def test_short_calls_are_repeated(self):
        """A sample is at least two milliseconds."""
        for seconds, calls in ((1e-4, 20), (1.5e-3, 2), (2e-3, 1), (5.0, 1)):
            self.assertEqual(conductor.calls_of_sample(seconds), calls)

    def test_shares(self):
        """2e9 operations in a second beside peaks of 3 and 5 GFLOP/s: a half."""
        self.assertEqual(conductor.shares([1.0], [3.0], [5.0], 2e9), [0.5])


class Conducted(InFolder):
    def measure(self, path, **options):
        options = {"resume": False} | options
        self.enterContext(mock.patch("study.machine.block", lambda: {"processor": "one of the tests"}))  # a second each
        with Conductor(plan.read(str(path)), self.folder / "out", progress=Progress(quiet=True), **options) as running:
            written = running.measure()
        return written, read(self.folder / "out")

    def test_every_way_to_be_no_time(self):
        systems = ("Right", "Loud", "Off", "Undefined", "Raising", "Crashing", "Unsupporting", "Absent")
        path = self.study(*systems, variants='["causal"]', more='again = "systems.py:Right"')
        written, record = self.measure(path)
        self.assertEqual(written, len(systems) + 1)
        self.assertEqual(record.broken, [])
        found = {cell["implementation"].removeprefix("systems.py:"): cell for cell in record.cells.values()}
        for name, status, reason in (
            ("Right", "measured", None),
            ("Right (again)", "measured", None),
            ("Loud", "measured", None),
            ("Off", "wrong", "out is off by .* units in the last place, more than 256"),
            ("Undefined", "wrong", "out is off by inf units"),
            ("Raising", "failed", "^ValueError: no such thing$"),
            ("Crashing", "failed", "^crashed: SIGSEGV$"),
            ("Unsupporting", "unsupported", "^full attention alone$"),
            ("Absent", "absent", "^a-package-that-nobody-has is not installed$"),
        ):
            with self.subTest(name):
                self.assertEqual(found[name]["status"], status, found[name].get("reason"))
                if reason is not None:
                    self.assertRegex(found[name]["reason"], reason)
                    self.assertNotIn("seconds", found[name])
        right = found["Right"]
        self.assertGreaterEqual(len(right["seconds"]), 3)
        self.assertEqual(len(right["seconds"]), len(right["peaks_before"]))
        self.assertGreater(min(right["peaks_before"] + right["peaks_after"]), 0.1)
        self.assertGreater(min(right["seconds"]), 1e-4)  # it sleeps as long
        self.assertEqual(right["workspace_bytes"], 17)
        self.assertEqual(right["operations"], 2 * 2 * 15 * 6)
        words = shlex.split(right["command"])  # measures this cell, and not the one that is called (again) as well
        self.assertEqual(words[:4], ["./dev", "study", str(path), "--only"])
        with Conductor(plan.read(words[2]), self.folder / "again", resume=False, only=words[4]) as running:
            self.assertEqual([labels for _, labels in running.todo()], [["systems.py:Right"]])
        self.assertIn("machine", record.runs[0])

    def test_a_system_that_hangs_is_given_up_and_others_go_on(self):
        path = self.study("Hanging", "Right", more="")
        path.write_text(path.read_text().replace("patience = 120", "patience = 8"))
        _, record = self.measure(path)
        found = {cell["implementation"]: cell for cell in record.cells.values()}
        self.assertEqual(found["systems.py:Hanging"]["reason"], "no answer within 8 s")
        self.assertEqual(found["systems.py:Right"]["status"], "measured")

    def test_resume_measures_what_is_not_there(self):
        path = self.study("Right", variants='["full", "causal"]')
        written, _ = self.measure(path, only="causal")
        self.assertEqual(written, 1)
        with self.assertRaisesRegex(StudyError, "there is a record already: --resume"):
            self.measure(path)
        written, record = self.measure(path, resume=True)
        self.assertEqual((written, len(record.cells), len(record.runs)), (1, 2, 2))
        self.assertEqual(self.measure(path, resume=True)[0], 0)

    def test_resume_tries_again_what_was_absent(self):
        path = self.study("Right", "Absent")
        self.assertEqual(self.measure(path)[0], 2)
        written, record = self.measure(path, resume=True)
        self.assertEqual((written, len(record.cells)), (0, 2))  # it still is
        self.enterContext(mock.patch.dict(os.environ, {"STUDY_TEST_PACKAGE": "numpy"}))
        written, record = self.measure(path, resume=True)
        self.assertEqual((written, {cell["status"] for cell in record.cells.values()}), (1, {"measured"}))

    def test_resume_says_what_differs(self):
        path = self.study("Right", variants='["full", "causal"]')
        self.measure(path, only="causal")
        path.write_text(path.read_text().replace("seconds = 0.05", "seconds = 0.06"))
        self.enterContext(mock.patch("study.machine.block", lambda: {"processor": "another"}))
        with contextlib.redirect_stdout(io.StringIO()) as said:
            with Conductor(plan.read(str(path)), self.folder / "out", resume=True) as running:
                running.measure()
        self.assertIn(
            "processor differs from the record's last run: 'one of the tests' there, 'another' here", said.getvalue()
        )
        self.assertIn("study.toml differs from what the record's last run read", said.getvalue())

    def test_a_variant_that_does_not_compile_is_a_failed_cell(self):
        from study.errors import StudyError as Error

        path = self.study("Right", variants='["full", "causal"]')

        def refuse(self, case):
            raise Error("heed: a sentence of the compiler's")

        self.enterContext(mock.patch("study.catalogue.Full.draw", refuse))
        _, record = self.measure(path)
        found = {cell["case"]["variant"]: cell for cell in record.cells.values()}
        self.assertEqual(
            (found["full"]["status"], found["full"]["reason"]), ("failed", "heed: a sentence of the compiler's")
        )
        self.assertEqual(found["causal"]["status"], "measured")

    def test_pairs_that_nobody_counts_are_a_time_without_a_share(self):
        self.enterContext(mock.patch("study.catalogue.Full.operations", lambda self, case, x: math.nan))
        _, record = self.measure(self.study("Right"))
        (cell,) = record.cells.values()
        self.assertEqual((cell["status"], cell["operations"], cell["no_share"]), ("measured", 0.0, NOT_COUNTED))
        self.assertGreaterEqual(len(cell["seconds"]), 3)

    def test_more_threads_than_processors(self):
        path = self.study("Right", block="shapes = [{ h = 1, n = 3, d = 2 }]\nthreads = [9999]")
        _, record = self.measure(path)
        (cell,) = record.cells.values()
        self.assertEqual(cell["status"], "unsupported")
        self.assertRegex(cell["reason"], r"^9999 threads want as many processors, here are \d+$")

    def test_only_what_fits_nothing(self):
        with self.assertRaisesRegex(StudyError, "--only 'window' fits no cell"):
            self.measure(self.study("Right"), only="window")

    def test_gradients_are_compared(self):
        path = self.study(
            "Right", "Off", more="warm = true", block='shapes = [{ h = 1, n = 3, d = 2 }]\ndirections = ["backward"]'
        )
        _, record = self.measure(path)
        found = {cell["implementation"]: cell for cell in record.cells.values()}
        self.assertEqual(found["systems.py:Right"]["status"], "measured")
        self.assertGreater(found["systems.py:Right"]["warm_seconds"], 0)
        self.assertRegex(found["systems.py:Off"]["reason"], r"grad\(q\) is off")

    def test_interrupted(self):
        """Ctrl-C while the second case is measured: status 130, the first case is recorded, resume has the rest."""
        path = self.study("Slow", variants='["full", "causal"]')
        path.write_text(
            path.read_text()
            .replace("seconds = 0.05", "seconds = 60")
            .replace("samples = 3", "samples = 5\ninterval = 1.0")
        )
        calls, out = self.folder / "calls", self.folder / "out"
        environment = os.environ | {"STUDY_TEST_CALLS": str(calls), "PYTHONPATH": f"{ROOT / 'bench'}:{ROOT / 'python'}"}
        command = [sys.executable, "-m", "study", str(path), "--out", str(out), "--no-report"]
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.addCleanup(process.kill)
        end = time.monotonic() + 60
        while time.monotonic() < end and not ((out / "record.jsonl").exists() and read(out).cells):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130, said)
        self.assertIn("--resume goes on", said)
        before = len(read(out).cells)
        self.assertGreaterEqual(before, 1)
        again = subprocess.run([*command, "--resume"], env=environment, capture_output=True, text=True, timeout=60)
        self.assertEqual(again.returncode, 0, again.stdout + again.stderr)
        self.assertEqual(len(read(out).cells), 2)

    def test_mistakes_are_one_line(self):
        environment = os.environ | {"PYTHONPATH": f"{ROOT / 'bench'}:{ROOT / 'python'}"}
        for arguments, said in (
            (["nothing"], "study: there is no study 'nothing'"),
            (["--what"], "unrecognized arguments: --what"),
            (["report", "nowhere"], "no record can be read there"),
        ):
            found = subprocess.run(
                [sys.executable, "-m", "study", *arguments], env=environment, capture_output=True, text=True
            )
            self.assertEqual((found.returncode, found.stderr.count("\n")), (2, 1), found.stderr)
            self.assertIn(said, found.stderr)


if __name__ == "__main__":
    unittest.main()
