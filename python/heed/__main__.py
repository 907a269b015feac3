"""python -m heed: what it works with, and what lies in its cache."""

from __future__ import annotations

import argparse
import sys
import time

from . import cache
from .errors import Error


def list_entries() -> None:
    """A line for each entry: its folder's first letters, age, size, seconds of its compilation, what it is."""
    found = cache.entries()
    print(f"{len(found)} in {cache.folder()}")
    for entry in found:
        made = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.record.get("made", 0)))
        print(
            f"{entry.folder.name[:8]}  {made}  {cache.size_of(entry) / 1024:7.0f} KiB  "
            f"{entry.record.get('seconds', 0):6.1f} s  "
            f"{entry.record.get('what', '')}  {entry.record.get('source', '')}".rstrip()
        )


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m heed", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("info", help="versions, compiler, flags, cache folder, OpenMP library")
    of_cache = commands.add_parser("cache", help="what was compiled")
    of_cache.add_argument("action", choices=["list", "clear"])
    given = parser.parse_args(arguments)
    try:
        if given.command == "info":
            from .information import info

            print(info())
        elif given.action == "list":
            list_entries()
        else:
            print(f"removed {cache.clear()} from {cache.folder()}")
    except Error as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
