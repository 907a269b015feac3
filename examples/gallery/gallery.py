#!/usr/bin/env python3
"""Builds every entry of the gallery as a C library, checks it, measures it and writes the page.

    gallery.py [NAME...]       these entries alone, by parts of their names
    gallery.py --no-times      checks, and measures nothing: optimised little, which takes half the time
    gallery.py --again         compiles and measures what is done already

What is known of an entry stays in build/gallery/NAME; as long as its header and heed are the same it is not done again. The
page, docs/gallery.md, has a dash for what was not run. Its times are those of a machine that nobody else used.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))
import numpy  # noqa: E402
import picture  # noqa: E402
from entry import Entry, EntryError, read_entries  # noqa: E402
from heed import cache  # noqa: E402
from heed.build import BuildError, build  # noqa: E402
from heed.loaded import Library, RunError  # noqa: E402
from heed.run import Calls, errors_of, measured  # noqa: E402
from page import text_of_page  # noqa: E402

BOUND = 256  # units in the last place, as for heed-run
# Prints what became of the results, a line of dashes, what became of the gradients, dashes, a drawing of the results' regions.
EXPLAIN = """#include <cstdio>
#include <heed/heed.hpp>
#undef HEED_KERNEL
#define HEED_KERNEL(NAME, OUT, ...)                                                                       \\
  inline void explained() {{                                                                              \\
    std::printf("%s---\\n", explain<OUT>().c_str());                                                       \\
    std::printf("%s---\\n", explain<gradient<OUT>(__VA_ARGS__)>().c_str());                                \\
    std::printf("%s", drawing<OUT>().c_str());                                                            \\
  }}
#include "{header}"
int main() {{ gallery::{name}::explained(); }}
"""


def digest_of(entry: Entry) -> str:
    """The hash of an entry's code, of heed, and of what builds it."""
    code = entry.path.read_bytes().partition(b"#pragma once")[2]
    builders = tuple(sorted((ROOT / "python/heed").glob("*.py")))
    return cache.digest(code, cache.digest_of_folder(ROOT / "include"), cache.digest_of_files(builders))


def reduced(extents: dict[str, int]) -> dict[str, int]:
    """Extents for the evaluation in double, which stores every value: less where three axes are long."""
    most = 24 if sum(extent >= 48 for extent in extents.values()) > 2 else 320
    return {axis: min(extent, most) for axis, extent in extents.items()}


def regions_of(explained: str) -> dict[str, Any]:
    """The kinds of regions that explain names, in order, and why those that are loops are no others."""
    return {
        "kinds": [kind.strip() for kind in re.findall(r"^region \d+: ([^,(\n]+)", explained, re.MULTILINE)],
        "reasons": sorted(set(re.findall(r"\(not fused: ([^)]*(?:\([^)]*\))?[^)]*)\)", explained))),
    }


def explained(entry: Entry, folder: Path) -> dict[str, Any]:
    """What became of the results and of the gradients; a drawing of the results is left in the folder."""
    source, program = folder / "explain.cpp", folder / "explain"
    source.write_text(EXPLAIN.format(header=entry.path, name=entry.name))
    flags = ["-std=c++20", "-O0", "-DHEED_UNOPTIMISED", "-march=native", "-fopenmp", "-Wno-psabi", f"-I{ROOT / 'include'}"]
    compiler = subprocess.run(["g++", *flags, source, "-o", program], capture_output=True, text=True)
    if compiler.returncode:
        first = next((line for line in compiler.stderr.splitlines() if "error:" in line), "no message")
        raise BuildError(f"what became of {entry.name} cannot be shown: {first}")
    printed = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    forward, backward, drawing = printed.split("---\n")
    (folder / "regions.dot").write_text(drawing)
    return {"forward": regions_of(forward), "backward": regions_of(backward)}


def compiled(entry: Entry, folder: Path, times: bool, again: bool) -> dict[str, Any]:
    """What is known of an entry before it runs: its library is in the folder afterwards, fit to be measured if `times`."""
    record, digest = folder / "record.json", digest_of(entry)
    if record.exists() and not again:
        known = json.loads(record.read_text())
        if known["digest"] == digest and known.get("optimised", False) >= times and (folder / f"lib{entry.name}.so").exists():
            return known
    folder.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    build(header=entry.path, out=folder, name=entry.name, products=("shared",), flags=() if times else ("-O1",))
    seconds = time.monotonic() - begin
    known = {"digest": digest, "optimised": times, "seconds": seconds, "regions": explained(entry, folder)}
    record.write_text(json.dumps(known, indent=1))
    return known


def checked(entry: Entry, library: Library) -> dict[str, float]:
    """The largest error of the results and of the gradients, in units in the last place of the largest value."""
    kernel = library.kernel(entry.name)
    worst = {"forward": 0.0, "backward": 0.0}
    for function, name, _, off in errors_of(kernel, kernel.extents(reduced(entry.extents)), entry.ranges):
        part = "backward" if function == "backward" else "forward"
        worst[part] = max(worst[part], off)
        if not off <= BOUND:
            raise RunError(f"{entry.name}: {name} is off by {off:.3g} units, more than {BOUND}: WRONG")
    return worst


def processor_seconds() -> float:
    """Processor time of the whole machine, with what its host takes from it."""
    fields = Path("/proc/stat").read_text().split("\n")[0].split()[1:]
    return sum(int(fields[i]) for i in (0, 1, 2, 5, 6, 7)) / os.sysconf("SC_CLK_TCK")


def timed(entry: Entry, library: Library, seconds: float) -> dict[str, Any]:
    """Times and shares of the peak at the extents of the header; busy: others used a tenth of the machine meanwhile."""
    kernel = library.kernel(entry.name)
    begin, own, machine = time.monotonic(), time.process_time(), processor_seconds()
    rows = list(measured(kernel, kernel.extents(entry.extents), entry.ranges, [1], seconds))
    others = processor_seconds() - machine - (time.process_time() - own)
    return {
        "busy": others > 0.1 * (os.cpu_count() or 1) * (time.monotonic() - begin),
        "milliseconds": {row.function: 1e3 * row.seconds for row in rows},
        "shares": {row.function: row.share for row in rows},
    }


def unfused_seconds(entry: Entry, library: Library, folder: Path) -> float | None:
    """Of the formula in numpy with the operands of a call; None where three quarters of the memory do not hold its values."""
    kernel = library.kernel(entry.name)
    calls = Calls(kernel, kernel.extents(entry.extents), entry.ranges)
    operands = zip(kernel.signature.functions["call"].operands, calls.arrays["call"])
    file = folder / "operands.npz"
    numpy.savez(file, **{operand.name: array for operand, array in operands if operand.role == "input"})
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 3 // 4
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}
    try:
        command = [sys.executable, Path(__file__).with_name("unfused.py"), entry.name, file, str(memory)]
        said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    finally:
        file.unlink()
    return float(said) if said else None


def workspace_of(entry: Entry, library: Library) -> dict[str, int]:
    """The bytes that a call and a backward pass want on one thread."""
    kernel = library.kernel(entry.name)
    library.set_threads(1)
    calls = Calls(kernel, kernel.extents(entry.extents), entry.ranges)
    return {function: calls.workspace[function][2].value for function in ("call", "backward")}


def chosen(entries: list[Entry], words: list[str]) -> list[Entry]:
    """The entries whose file names hold one of the words; all without words."""
    for word in words:
        if not any(word in entry.path.stem for entry in entries):
            raise EntryError(f"no entry is called '{word}': there are {', '.join(e.path.stem for e in entries)}")
    return [entry for entry in entries if not words or any(word in entry.path.stem for word in words)]


def work(entry: Entry, known: dict[str, Any], options: argparse.Namespace, say: Callable[[str], None]) -> None:
    """Checks and measures an entry that is compiled, with a line for every step; its record is in its folder afterwards."""
    folder = options.out / entry.name
    say("comparing with the evaluation in double")
    library = Library(folder / f"lib{entry.name}.so")
    known["errors"] = checked(entry, library)
    known["workspace"] = workspace_of(entry, library)
    errors = known["errors"]
    say(f"off by {errors['forward']:.3g} units, gradients by {errors['backward']:.3g}")
    if options.times and ("unfused" not in known.get("times", {}) or known["times"]["busy"] or options.again):
        known["times"] = timed(entry, library, options.seconds) | {"unfused": unfused_seconds(entry, library, folder)}
    if "unfused" in known.get("times", {}):
        times = known["times"]
        say(
            ", ".join(
                f"{function} {times['milliseconds'][function]:.2f} ms, {100 * times['shares'][function]:.0f} % of the peak"
                for function in ("call", "backward")
            )
            + (f"; unfused {1e3 * times['unfused']:.0f} ms" if times["unfused"] else "")
            + (" (others use this machine)" if times["busy"] else "")
        )
    (folder / "record.json").write_text(json.dumps(known, indent=1))
    draw(entry, library, folder, options.page.parent / "gallery")


def draw(entry: Entry, library: Library, folder: Path, pictures: Path) -> None:
    """The pictures of the page: who sees whom, unless everybody sees everybody, and, where Graphviz is there, the regions."""
    pictures.mkdir(parents=True, exist_ok=True)
    seen = picture.seen(entry, library.kernel(entry.name))
    if seen is not None and not seen.all():
        (pictures / f"{entry.path.stem}.svg").write_text(picture.svg_of(seen, entry.title), encoding="utf-8")
    if shutil.which("dot"):
        drawn = subprocess.run(["dot", "-Tsvg", folder / "regions.dot"], check=True, capture_output=True, text=True).stdout
        (pictures / f"{entry.path.stem}_regions.svg").write_text(drawn, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="entries, by parts of their names (all)")
    parser.add_argument("--no-times", dest="times", action="store_false", help="measure nothing")
    parser.add_argument("--again", action="store_true", help="compile and measure what is done already, too")
    parser.add_argument("--seconds", type=float, default=0.5, help="to measure each function for (0.5)")
    jobs = int(os.environ.get("HEED_JOBS", os.cpu_count() or 1))
    parser.add_argument("--jobs", type=int, default=jobs, help=f"how many are compiled at a time ({jobs})")
    parser.add_argument("--out", type=Path, default=ROOT / "build/gallery", help="where libraries go (build/gallery)")
    parser.add_argument("--page", type=Path, default=ROOT / "docs/gallery.md", help="the page (docs/gallery.md)")
    options = parser.parse_args()
    os.environ.setdefault("OMP_PROC_BIND", "true")  # as heed-run does: threads stay where they are
    os.environ.setdefault("OMP_PLACES", "cores")
    try:
        entries = read_entries()
        some = chosen(entries, options.names)
    except EntryError as error:
        print(error, file=sys.stderr)
        return 1
    failed = 0

    def say(entry: Entry, what: str) -> None:
        print(f"[{some.index(entry) + 1} of {len(some)}] {entry.path.stem}: {what}", flush=True)

    def make(entry: Entry) -> dict[str, Any]:
        begin = time.monotonic()
        known = compiled(entry, options.out / entry.name, options.times, options.again)
        say(entry, f"compiled in {time.monotonic() - begin:.0f} s" if time.monotonic() - begin > 1 else "compiled before")
        return known

    # All are compiled, several at a time, before the first is measured, with the machine for itself.
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        made = [(entry, pool.submit(make, entry)) for entry in some]
        try:
            concurrent.futures.wait(known for _, known in made)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise
    for entry, known in made:
        try:
            work(entry, known.result(), options, lambda what, entry=entry: say(entry, what))
        except (BuildError, RunError) as error:
            say(entry, str(error))
            failed += 1
    if failed:
        print(f"{failed} of {len(some)} entries failed; {options.page.name} is not written", file=sys.stderr)
        return 1
    records = {}
    for entry in entries:
        record = options.out / entry.name / "record.json"
        known = json.loads(record.read_text()) if record.exists() else {}
        if known.get("digest") == digest_of(entry) and "errors" in known:
            records[entry.name] = known
    options.page.write_text(text_of_page(entries, records, options.page.parent), encoding="utf-8")
    print(f"wrote {options.page}: {len(records)} of {len(entries)} entries with what they gave here")
    return 0


if __name__ == "__main__":
    sys.exit(main())
