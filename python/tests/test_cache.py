"""The cache: what a look-up depends on, two processes, folders that cannot be used, the command line."""

import multiprocessing
import os
import threading
import time

import pytest

import heed
from heed import cache
from heed.__main__ import main as command


def builder(count, included=()):
    """A build that counts how often it runs."""

    def build(folder):
        count.append(1)
        (folder / "library").write_text("made")
        return {"included": [str(path) for path in included]}

    return build


def test_made_once_then_found(fresh_cache):
    count = []
    first = cache.obtain("a", builder(count), "a thing")
    second = cache.obtain("a", builder(count), "a thing")
    assert len(count) == 1 and first.folder == second.folder
    assert (second.folder / "library").read_text() == "made" and second.record["what"] == "a thing"
    cache.obtain("b", builder(count), "another")
    assert len(count) == 2 and not list(fresh_cache.glob("building-*"))


def test_an_included_file_counts(fresh_cache, tmp_path):
    file, count = tmp_path / "other.hpp", []
    for text, built in (("1", 1), ("1", 1), ("2", 2), ("1", 2)):
        file.write_text(text)
        cache.obtain("a", builder(count, [file]), "a thing")
        assert len(count) == built
    file.unlink()
    cache.obtain("a", builder(count, [file]), "a thing")
    assert len(count) == 3


def test_a_build_that_fails_leaves_nothing(fresh_cache):
    def fails(folder):
        (folder / "half").write_text("")
        raise heed.CompileError("no")

    with pytest.raises(heed.CompileError):
        cache.obtain("a", fails, "a thing")
    assert not cache.entries() and not list(fresh_cache.glob("building-*"))
    cache.obtain("a", builder([]), "a thing")


def test_a_damaged_entry_is_made_anew(fresh_cache):
    count = []
    entry = cache.obtain("a", builder(count), "a thing")
    (entry.folder / "library").write_text("ma")
    assert (cache.obtain("a", builder(count), "a thing").folder / "library").read_text() == "made" and len(count) == 2


def test_an_entry_without_its_record_is_made_anew(fresh_cache):
    count = []
    entry = cache.obtain("a", builder(count), "a thing")
    (entry.folder / cache.RECORD).unlink()
    cache.obtain("a", builder(count), "a thing")
    assert len(count) == 2


def test_of_several_threads_one_builds(fresh_cache):
    count = []

    def build(folder):
        count.append(1)
        time.sleep(0.3)
        return {"included": []}

    threads = [threading.Thread(target=cache.obtain, args=("a", build, "a thing")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(count) == 1


def slow_build(folder):
    """Leaves a mark beside the cache: one line for each time that it ran."""
    with open(os.environ["MARKS"], "a") as marks:
        marks.write("built\n")
    time.sleep(0.5)
    return {"included": []}


def obtain_slowly():
    cache.obtain("a", slow_build, "a thing")


def test_of_two_processes_one_builds(fresh_cache, tmp_path, monkeypatch):
    monkeypatch.setenv("MARKS", str(tmp_path / "marks"))
    processes = [multiprocessing.get_context("spawn").Process(target=obtain_slowly) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert (tmp_path / "marks").read_text() == "built\n"


def test_compilation_can_be_forbidden(fresh_cache, monkeypatch):
    cache.obtain("a", builder([]), "a thing")
    monkeypatch.setenv("HEED_DISABLE_JIT", "1")
    cache.obtain("a", builder([]), "a thing")
    with pytest.raises(
        heed.CompilationDisabled, match="another thing is not in the cache .*HEED_DISABLE_JIT=1 forbids"
    ):
        cache.obtain("b", builder([]), "another thing")


def test_a_folder_that_is_none(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HEED_CACHE_DIR", str(tmp_path / "file" / "cache"))
    with pytest.raises(heed.CacheError, match="file/cache cannot be used: Not a directory .set HEED_CACHE_DIR"):
        cache.obtain("a", builder([]), "a thing")


def said_without_rights(call):
    """What a call raises in a process that is not root's, for root may write everywhere."""
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        try:
            if os.geteuid() == 0:
                os.setuid(65534)
            call()
        except BaseException as error:  # noqa: BLE001  whatever it is, the test wants to see it
            os.write(writer, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as said:
        return said.read()


def test_a_folder_that_cannot_be_written(fresh_cache):
    cache.obtain("a", builder([]), "a thing")
    fresh_cache.chmod(0o500)
    try:
        said = said_without_rights(lambda: cache.obtain("b", builder([]), "another thing"))
    finally:
        fresh_cache.chmod(0o700)
    assert said.startswith(
        f"CacheError: heed: the cache folder {fresh_cache} cannot be used: Permission denied (set HEED_CACHE_DIR"
    )


def test_a_full_disk(fresh_cache):
    def full(folder):
        raise OSError(28, "No space left on device", str(folder))

    with pytest.raises(heed.CacheError, match="cannot be used: No space left on device"):
        cache.obtain("a", full, "a thing")


def test_the_folder_of_the_user(monkeypatch, tmp_path):
    monkeypatch.delenv("HEED_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.folder() == tmp_path / "heed"
    monkeypatch.setenv("HEED_CACHE_DIR", "~/elsewhere")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.folder() == tmp_path / "elsewhere"


def test_the_command_line(fresh_cache, capsys):
    cache.obtain("a", builder([]), "a thing")
    abandoned = fresh_cache / "building-of-one-who-was-killed"
    abandoned.mkdir()
    os.utime(abandoned, (0, 0))
    assert command(["cache", "list"]) == 0
    assert "1 in " in (listed := capsys.readouterr().out) and "a thing" in listed
    assert command(["cache", "clear"]) == 0
    assert "removed 1" in capsys.readouterr().out and not abandoned.exists()
    assert not cache.entries() and cache.find("a") is None
    assert command(["info"]) == 0
    assert str(fresh_cache) in capsys.readouterr().out
    with pytest.raises(SystemExit):
        command(["cache", "burn"])
