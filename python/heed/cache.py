"""The cache of compiled kernels: a folder for each, found by the hash of all that went into it.

A look-up takes two steps, for the files that a header includes are known after a compilation alone: `request`, the hash
of source, heed's headers, compiler, flags and OpenMP library, names the list of included files of its last compilation;
the hash of request and these files' contents names the entry. Entries are built in a folder beside them and moved in
place whole; a lock for each request sees to it that of two processes one compiles and the other finds.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from .errors import CacheError, CompilationDisabled

FORMAT = "2"  # of the folder
RECORD = "record.json"
ABANDONED = 3600  # seconds after which a folder that something was built in belongs to a process that was killed


class Entry(NamedTuple):
    """What was made: its folder, and the record that was written with it."""

    folder: Path
    record: dict[str, Any]


def folder() -> Path:
    """HEED_CACHE_DIR, or the user's folder for caches."""
    if given := os.environ.get("HEED_CACHE_DIR"):
        return Path(given).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("heed"))


def digest(*parts: str | bytes) -> str:
    """One hash of several texts, each with its length."""
    state = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(b"%d:" % len(data))
        state.update(data)
    return state.hexdigest()


@functools.cache
def digest_of_folder(path: Path) -> str:
    """The hash of all files below a folder, by name and content."""
    root = os.path.join(path, "")
    names = sorted(os.path.join(where, name) for where, _, names in os.walk(root) for name in names)
    parts: list[str | bytes] = []
    for name in names:
        with open(name, "rb", buffering=0) as file:  # whole files, and there are many: a third of a look-up
            parts += [name[len(root) :], file.readall()]
    return digest(*parts)


@functools.cache
def digest_of_files(paths: tuple[Path, ...]) -> str:
    """The hash of these files' contents."""
    return digest(*(path.read_bytes() for path in paths))


def _entry_of(request: str, included: list[str]) -> str:
    """The name of the entry of a request whose compilation reads these files, as they are now."""
    parts: list[str | bytes] = [request]
    for name in included:
        try:
            parts += [name, Path(name).read_bytes()]
        except OSError:
            parts += [name, "missing"]
    return digest(*parts)[:32]


def find(request: str) -> Entry | None:
    """What a request has made before, if nothing that it read has changed."""
    root = folder()
    try:
        included = json.loads((root / "requests" / request).read_text())
        place = root / "entries" / _entry_of(request, included)
        entry = Entry(place, json.loads((place / RECORD).read_text()))
        return entry if entry.record.get("sizes") == _sizes(place) else None  # a copy that was broken off, a full disk
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    except OSError as error:
        raise _unusable(root, error) from error


def _sizes(place: Path) -> dict[str, int]:
    """The bytes of every file of an entry but the record."""
    return {
        str(path.relative_to(place)): path.stat().st_size
        for path in sorted(place.rglob("*"))
        if path.is_file() and path.name != RECORD
    }


def obtain(request: str, build: Callable[[Path], dict[str, Any]], what: str) -> Entry:
    """The entry of a request; `build` makes what is not there in the folder that it is given.

    It returns the record, whose "included" lists the files that it has read besides those in the request.
    """
    if entry := find(request):
        return entry
    if os.environ.get("HEED_DISABLE_JIT") == "1":
        raise CompilationDisabled(
            f"heed: {what} is not in the cache {folder()}, and HEED_DISABLE_JIT=1 forbids to compile it "
            "(compile it without, or copy a cache that holds it)"
        )
    import tempfile  # here and not above, for finding a kernel shall be quick

    root = folder()
    with _writable(root), _lock(root, request):
        if entry := find(request):
            return entry
        with tempfile.TemporaryDirectory(prefix="building-", dir=root, ignore_cleanup_errors=True) as temporary:
            begin = time.monotonic()
            made = Path(temporary, "entry")
            made.mkdir()
            record = build(made)
            record.update(request=request, what=what, seconds=round(time.monotonic() - begin, 2), made=time.time())
            record["sizes"] = _sizes(made)
            (made / RECORD).write_text(json.dumps(record, indent=1))
            included = Path(temporary, "included")
            included.write_text(json.dumps(record["included"]))
            target = root / "entries" / _entry_of(request, record["included"])
            if target.exists():  # without a record or damaged, or find() had found it
                shutil.rmtree(target)
            os.replace(made, target)
            os.replace(included, root / "requests" / request)
        return Entry(target, record)


def _unusable(root: Path, error: OSError) -> CacheError:
    return CacheError(
        f"heed: the cache folder {root} cannot be used: {error.strerror or error} "
        "(set HEED_CACHE_DIR to a folder that can be written)"
    )


@contextlib.contextmanager
def _writable(root: Path) -> Iterator[None]:
    """Makes the folders; what the system says of them and of all that is written inside becomes a CacheError."""
    try:
        for name in ("entries", "requests", "locks"):
            (root / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        yield
    except OSError as error:
        if error.filename is not None and not str(error.filename).startswith(str(root)):
            raise
        raise _unusable(root, error) from error


@contextlib.contextmanager
def _lock(root: Path, request: str) -> Iterator[None]:
    """One process at a time for a request."""
    import filelock  # here, for the same reason

    with filelock.FileLock(root / "locks" / f"{request}.lock"):
        yield


def entries() -> list[Entry]:
    """All entries, the youngest first."""
    found = []
    for path in folder().glob(f"entries/*/{RECORD}"):
        with contextlib.suppress(OSError, ValueError):
            found.append(Entry(path.parent, json.loads(path.read_text())))
    return sorted(found, key=lambda entry: -entry.record.get("made", 0))


def size_of(entry: Entry) -> int:
    """Its bytes."""
    return sum(path.stat().st_size for path in entry.folder.rglob("*") if path.is_file())


def clear() -> int:
    """Removes all entries and says how many there were. What a process has loaded stays usable to it."""
    root, count = folder(), len(entries())
    try:
        for name in ("entries", "requests"):  # locks stay: somebody may hold one
            if (root / name).exists():
                shutil.rmtree(root / name)
        for path in root.glob("building-*"):
            if time.time() - path.stat().st_mtime > ABANDONED:
                shutil.rmtree(path, ignore_errors=True)
    except OSError as error:
        raise _unusable(root, error) from error
    return count
