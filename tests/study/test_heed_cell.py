"""The program of Google Benchmark in which heed's cells are measured, with a library of the tests' own (program.c)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import unittest
from pathlib import Path
from unittest import mock

import numpy
from support import InFolder
from study import conductor, machine, native, plan
from study.conductor import Conductor
from study.errors import StudyError
from study.peers import heed_cell
from study.peers.heed_cell import samples_of
from study.progress import Progress
from study.record import read

from systems import CRASHES, ENDS, HANGS, REFUSES, cell

WANTED = numpy.arange(6.0).reshape(2, 3) + 0.5


class Programs(InFolder):
    def cell(self, *arguments, **options):
        found = cell(self.folder, *arguments, **options)
        self.addCleanup(found.end)
        return found

    def test_samples_are_what_google_benchmark_writes(self):
        """Three samples of four calls after one that does not count, and one before: the 15th call is the next."""
        with mock.patch.dict(os.environ, {"BENCHMARK_FILTER": "nothing", "BENCHMARK_REPETITIONS": "7"}):
            running = self.cell(WANTED, (REFUSES, 15), name='a "name" \\ of two lines')
        running.call()
        report = running.turn(3, 4)
        with self.assertRaisesRegex(StudyError, '^heed: call 15 is "refused"$'):
            running.call()
        runs = [run for run in report["benchmarks"] if run["run_type"] == "iteration"]
        self.assertEqual([run["iterations"] for run in runs], [4, 4, 4])
        self.assertIn('a "name" \\ of two lines', runs[0]["name"])
        found = samples_of(report)
        self.assertEqual(found["seconds"], [run["real_time"] for run in runs])
        self.assertEqual({run["time_unit"] for run in runs}, {"s"})
        self.assertGreater(min(found["seconds"]), 1e-3)  # a call sleeps as long, not a fourth of it
        self.assertLess(min(found["seconds"]), 3e-3)
        self.assertEqual(found["peaks_before"][1:], found["peaks_after"][:-1])
        self.assertGreater(min(found["peaks_before"] + found["peaks_after"]), 0.1)
        self.assertGreater(found["peak_memory_bytes"], 1e6)
        self.assertLess(found["peak_memory_bytes"], 1e9)
        self.assertEqual(found["google_benchmark"]["heed_version"], "of the tests")
        self.assertNotIn("host_name", found["google_benchmark"])

    def test_results_and_memory(self):
        running = self.cell(WANTED)
        self.assertTrue(numpy.isnan(running.results()["result of study"]).all())  # no number before the first call
        running.call()
        numpy.testing.assert_array_equal(running.results()["result of study"], WANTED)
        self.assertEqual((running.workspace_bytes, running.team), (41, 1))

    def test_a_backward_pass_alone(self):
        """The forward pass is called once, before; what it saves is what the backward pass gets."""
        running = self.cell(WANTED, functions=("study_forward", "study_backward"), timed=("study_backward",))
        running.call()
        running.turn(2, 2)
        (found,) = running.results().items()
        self.assertEqual(found[0], "result of study_backward")
        numpy.testing.assert_array_equal(found[1], 3 * WANTED)  # 3 times the number of the forward call
        self.assertEqual(running.workspace_bytes, 5)

    def test_a_step(self):
        passes = ("study_forward", "study_backward")
        running = self.cell(WANTED, functions=passes, timed=passes)
        running.call()
        running.call()
        found = running.results()
        numpy.testing.assert_array_equal(found["result of study_forward"], WANTED)
        numpy.testing.assert_array_equal(found["result of study_backward"], 9 * WANTED)  # it was the third call

    def test_how_calls_fail(self):
        """A call before the turn, one that does not count, and then in the first sample, the second or the last."""
        for happens, sentence in (
            ((CRASHES, 6), "^crashed: SIGSEGV$"),
            ((ENDS, 6), "^ended with status 7$"),
            *(((REFUSES, call), f'^heed: call {call} is "refused"$') for call in (2, 3, 4, 6, 8)),
        ):
            with self.subTest(sentence):
                running = self.cell(WANTED, happens)
                running.call()
                with self.assertRaisesRegex(StudyError, sentence):
                    running.turn(4, 2)

    def test_what_cannot_be_loaded(self):
        with self.assertRaisesRegex(StudyError, "^the library has no function nothing$"):
            self.cell(WANTED, functions=("nothing",), timed=())
        (self.folder / "libprogram.so").write_text("no library")
        with self.assertRaisesRegex(StudyError, "libprogram.so"):
            self.cell(WANTED)

    def test_no_process_and_no_file_is_left(self):
        with mock.patch("tempfile.tempdir", str(self.folder)):
            running = self.cell(WANTED, (HANGS, 1))
        self.assertEqual(len(list(self.folder.glob("heed-cell-*"))), 1)
        running.end()
        self.assertIsNotNone(running.process.poll())
        self.assertEqual(list(self.folder.glob("heed-cell-*")), [])

    def test_without_google_benchmark(self):
        heed_cell.program.cache_clear()
        self.addCleanup(heed_cell.program.cache_clear)
        with mock.patch.object(heed_cell, "FLAGS", ("-nostdinc",)):  # no header is found at all
            with self.assertRaisesRegex(StudyError, r"^Google Benchmark is not installed \(libbenchmark-dev\)$"):
                heed_cell.program()

    def test_what_does_not_compile(self):
        source = self.folder / "source.cpp"
        self.enterContext(mock.patch.object(native, "KERNELS", self.folder / "kernels"))
        for text, libraries, said in (
            ("int main() { return x; }", (), "source.cpp:1:21: error: .x. was not declared"),
            ("int main() {}", ("-lnot-there",), "cannot find -lnot-there"),
        ):
            with self.subTest(said):
                source.write_text(text)
                with self.assertRaisesRegex(StudyError, f"source.cpp: g\\+\\+ does not compile it: .*{said}"):
                    native.made(source, ("-std=c++20",), libraries=libraries)
        self.assertEqual(list((self.folder / "kernels").iterdir()), [])


class Conducted(InFolder):
    def measure(self, path, **options):
        self.enterContext(mock.patch("study.machine.block", lambda: {"processor": "one of the tests"}))
        with Conductor(
            plan.read(str(path)), self.folder / "out", progress=Progress(quiet=True), **({"resume": False} | options)
        ) as running:
            running.measure()
        found = read(self.folder / "out").cells.values()
        return {cell["implementation"].removeprefix("systems.py:"): cell for cell in found}

    def test_the_record_is_what_google_benchmark_has_written(self):
        block = 'shapes = [{ h = 2, n = 5, d = 3 }]\ntypes = ["float64"]'
        systems = ("InProgram", "CrashingInProgram", "RefusingInProgram", "Right")
        found = self.measure(self.study(*systems, block=block))
        cell = found["InProgram"]
        self.assertEqual(cell["status"], "measured", cell.get("reason"))
        lines = [json.loads(line) for line in (self.folder / "out" / conductor.REPORTS).read_text().splitlines()]
        self.assertEqual({line["run"] for line in lines}, {cell["run"]})
        counted = [line for line in lines if line["key"] == cell["key"] and line["counts"]]
        runs = [run for line in counted for run in line["report"]["benchmarks"] if run["run_type"] == "iteration"]
        self.assertGreaterEqual(len(runs), 3)
        self.assertEqual(cell["seconds"], [run["real_time"] for run in runs])
        self.assertEqual(cell["peaks_before"], [run["peak_before"] for run in runs])
        self.assertEqual(cell["peaks_after"], [run["peak_after"] for run in runs])
        self.assertEqual({run["iterations"] for run in runs}, {cell["repeat"]})
        others = sum(line["key"] == cell["key"] and not line["counts"] for line in lines)
        self.assertEqual(others, int(cell["repeat"] > 1))  # the first turn says how many calls a sample has
        self.assertEqual(len(counted) + others, cell["turns"])
        self.assertEqual(cell["google_benchmark"]["heed_instruction_set"], "native")
        self.assertEqual(found["CrashingInProgram"]["reason"], "crashed: SIGSEGV")
        self.assertEqual(found["RefusingInProgram"]["reason"], 'heed: call 9 is "refused"')
        self.assertEqual(found["Right"]["status"], "measured")
        self.assertNotIn("google_benchmark", found["Right"])
        self.assertLess(cell["others"], 3)

    def test_a_program_that_hangs_is_ended(self):
        number = self.folder / "number"
        self.enterContext(mock.patch.dict(os.environ, {"STUDY_TEST_NUMBER": str(number)}))
        path = self.study("HangingInProgram", block='shapes = [{ h = 2, n = 5, d = 3 }]\ntypes = ["float64"]')
        path.write_text(path.read_text().replace("patience = 120", "patience = 8"))
        self.assertEqual(self.measure(path)["HangingInProgram"]["reason"], "no answer within 8 s")
        end = time.monotonic() + 5
        while is_running(number.read_text()) and time.monotonic() < end:
            time.sleep(0.01)
        self.assertFalse(is_running(number.read_text()))


def is_running(number):
    """Whether the process is there, and not only its number, which nobody has asked for yet."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Groups(unittest.TestCase):
    def test_processor_time_of_what_a_process_has_started(self):
        """A second process of the group works for 0.3 s, one outside it does not count."""
        burn = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\nimport sys; sys.stdin.read()"
        start = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])"
        process = subprocess.Popen(
            [sys.executable, "-c", start], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        process.stdout.readline()
        spent = machine.seconds_of({process.pid})
        process.communicate(timeout=20)
        self.assertGreaterEqual(spent, 0.3)
        self.assertLess(spent, 3)
        self.assertEqual(machine.seconds_of({process.pid}), 0.0)


if __name__ == "__main__":
    unittest.main()
