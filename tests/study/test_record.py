"""Lines that are written whole or not at all, and read where others are broken."""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import unittest
from pathlib import Path

from support import InFolder
from study.errors import StudyError
from study.record import SCHEMA, Writer, read

CELL = {"key": "a | heed", "case": {}, "status": "unsupported", "reason": "no"}


class Records(InFolder):
    def setUp(self):
        super().setUp()
        self.path = self.folder / "record.jsonl"

    def test_what_is_written_is_read(self):
        writer = Writer(self.path)
        writer.write("cell", **CELL, error=math.inf)
        writer.close()
        found = read(self.folder)
        self.assertEqual(found.cells["a | heed"]["reason"], "no")
        self.assertEqual(found.cells["a | heed"]["error"], "inf")
        self.assertEqual(found.broken, [])

    def test_broken_lines_are_named_and_left_out(self):
        line = json.dumps({"schema": SCHEMA, "kind": "cell"} | CELL)
        other = json.dumps({"schema": SCHEMA + 1, "kind": "cell"} | CELL)
        no_key = json.dumps({"schema": SCHEMA, "kind": "cell"})
        self.path.write_text(f'{line}\n[1]\n{other}\n{no_key}\n{{"schema": 1, "kind": "ce')
        found = read(self.path)
        self.assertEqual(list(found.cells), ["a | heed"])
        places = [sentence.split(": ")[0] for sentence in found.broken]
        self.assertEqual(places, [f"{self.path}:{number}" for number in (2, 3, 4, 5)])
        self.assertIn(f"schema {SCHEMA + 1}", found.broken[1])

    def test_a_line_that_was_broken_off_does_not_break_the_next(self):
        self.path.write_text('{"schema": 1, "ki')
        writer = Writer(self.path)
        writer.write("cell", **CELL)
        writer.close()
        found = read(self.path)
        self.assertEqual((len(found.cells), len(found.broken)), (1, 1))

    @unittest.skipUnless(Path("/dev/full").exists(), "there is no /dev/full")
    def test_a_full_disk_is_one_sentence(self):
        writer = Writer(Path("/dev/full"))
        with self.assertRaisesRegex(StudyError, "/dev/full: the record cannot be written: No space left on device"):
            writer.write("cell", **CELL)
        writer.close()

    def test_what_was_recorded_survives_a_full_disk(self):
        """The third line does not fit: what fitted of it is taken back."""
        writer = Writer(self.path)
        writer.write("cell", **CELL)
        writer.write("cell", **(CELL | {"key": "b | heed"}))
        whole = self.path.read_bytes()
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 20, before[1]))
            with self.assertRaisesRegex(StudyError, "2 lines of this run are kept"):
                writer.write("cell", **(CELL | {"key": "c | heed"}))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)
        writer.close()
        self.assertEqual(self.path.read_bytes(), whole)

    def test_no_record(self):
        with self.assertRaisesRegex(StudyError, "nowhere: no record can be read there"):
            read(self.folder / "nowhere")

    def test_a_folder_that_cannot_be_written(self):
        (self.folder / "file").touch()
        with self.assertRaisesRegex(StudyError, "file/record.jsonl: the record cannot be written"):
            Writer(self.folder / "file" / "record.jsonl")
        self.assertFalse(os.path.isdir(self.folder / "file"))


if __name__ == "__main__":
    unittest.main()
