"""The record: JSON objects, one a line, each written and flushed when it is known.

    kind "run"     a call of the command: machine, versions, what was asked for, the seed
    kind "cell"    an implementation in a case: status, samples, error, ...

Reading takes what is whole; a broken line is named and left out."""

from __future__ import annotations

import contextlib
import json
import math
import os
from pathlib import Path
from typing import Any, NamedTuple

from .errors import StudyError

SCHEMA = 1
NAME = "record.jsonl"
STATUSES = ("measured", "unsupported", "wrong", "failed", "absent")


class Record(NamedTuple):
    """What a file holds; a cell that is there twice counts as it was last."""

    runs: list[dict[str, Any]]
    cells: dict[str, dict[str, Any]]
    broken: list[str]  # a sentence for each line that could not be read


def file_of(place: Path) -> Path:
    """The record of a folder, or the file itself."""
    return place / NAME if place.is_dir() else place


def read(place: Path) -> Record:
    """The record of a folder or a file; StudyError where there is none."""
    path = file_of(place)
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise StudyError(f"{path}: no record can be read there: {error.strerror}") from error
    record = Record([], {}, [])
    for number, line in enumerate(lines, 1):
        if line.strip():
            if said := _take(record, line):
                record.broken.append(f"{path}:{number}: {said}; left out")
    return record


def _take(record: Record, line: bytes) -> str:
    """Puts a line's object into the record, or says what is wrong with it."""
    try:
        found = json.loads(line)
    except ValueError:
        return "not a whole JSON object"
    if not isinstance(found, dict) or "kind" not in found:
        return "not an object of a record"
    if found.get("schema") != SCHEMA:
        return f"schema {found.get('schema')!r}, this command reads {SCHEMA}"
    if found["kind"] == "run":
        record.runs.append(found)
    elif found["kind"] == "cell":
        if (
            not isinstance(found.get("key"), str)
            or found.get("status") not in STATUSES
            or not isinstance(found.get("case"), dict)
        ):
            return "a cell without key, case or status"
        if found["status"] == "measured" and not found.get("seconds"):
            return "a measured cell without samples"
        record.cells[found["key"]] = found
    else:
        return f"kind {found['kind']!r} is not known"
    return ""


class Writer:
    """Appends to a record. A line that could not be written whole is taken back, so that what was there stays."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        except OSError as error:
            raise StudyError(f"{path}: the record cannot be written: {error.strerror}") from error
        with contextlib.suppress(OSError):  # a line that was broken off stays a line of its own
            if path.is_file() and path.stat().st_size and not path.read_bytes().endswith(b"\n"):
                os.write(self._file, b"\n")

    def write(self, kind: str, **facts: Any) -> dict[str, Any]:
        """A line; StudyError where it cannot be written."""
        line = {"schema": SCHEMA, "kind": kind} | facts
        data = (json.dumps(_finite(line), allow_nan=False) + "\n").encode()
        before = None
        try:
            before = os.fstat(self._file).st_size
            written = 0
            while written < len(data):
                written += os.write(self._file, data[written:])
            if self.path.is_file():
                os.fsync(self._file)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, before)
            raise StudyError(
                f"{self.path}: the record cannot be written: {error.strerror} ({self.count} lines of this run are "
                "kept; --resume goes on)"
            ) from error
        self.count += 1
        return line

    def close(self) -> None:
        os.close(self._file)


def _finite(value: Any) -> Any:
    """JSON has no infinity: a text stands for it."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
