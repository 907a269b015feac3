"""The page of the gallery: a table with a row an entry, then a section for each."""

from __future__ import annotations

import platform
import re
import statistics
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from entry import Entry

OPENING = """# The gallery

{count} architectures, each a header in [examples/gallery](../examples/gallery) that a C++ program includes, `heed-kernel` makes a C
library of, and Python loads:

    ./dev kernel examples/gallery/01_grouped_queries.hpp --out lib
    python3 -c 'import heed; print(heed.compile("examples/gallery/01_grouped_queries.hpp").signature)'

All have one shape: what it is, paper, formula, what to vary; axes and inputs; the declaration, {median:g} lines in the median and at most
{most}. `./dev gallery` builds, checks and measures them, and writes this page.

- **lines** of the declaration, without axes and inputs
- **error** of the results and of the gradients beside the evaluation of the declared graph in double, in units in the last place of the
  largest value (`heed-run --verify`)
- **regions** of the results; of the gradients. A loop is a region that is not fused; the entry's section says why
- **workspace** of a call; of the backward pass, on one thread, at the extents that the header names
- a picture shows who sees whom, where not everybody sees everybody: NaN is stored at each key in turn, and the results that become
  NaN are dark
"""
TIMES = """- **peak**: the share of the peak loop's multiply-adds that a call reaches; that the backward pass reaches (`heed-run --benchmark`: one thread,
  useful operations alone)
- **over unfused**: how many times as fast a call is as the formula in numpy ([formulas.py](../examples/gallery/formulas.py)): operation by
  operation, every value stored, products by BLAS, one thread; a dash where memory does not hold its values
- **compile**: seconds for the library with results, gradients and their evaluation in double
"""
MACHINE = """
Run on {machine}, {compiler}, {date}; a dash stands where an entry was not.
"""


def machine() -> str:
    """The processor, as /proc has it, and its widest vectors."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    found = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    vectors = next((name for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if f" {flag} " in text), "no AVX2")
    family = re.search(r"^cpu family\s*: (\d+)\nmodel\s*: (\d+)$", text, re.MULTILINE)
    zen3 = family and family[1] == "25" and vectors == "AVX2"
    return f"an {found[1] if found else platform.machine()}{' (Zen 3)' if zen3 else ''} with {vectors}"


def bytes_text(size: int) -> str:
    """1536 as 1.5 KiB."""
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024 or unit == "MiB":
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 99.5 else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError


def regions_text(regions: dict[str, Any]) -> str:
    """2 score, row."""
    kinds = Counter(kind.replace("score_gradient", "score gradient") for kind in regions["kinds"])
    return ", ".join(kind if count == 1 else f"{count} {kind}" for kind, count in kinds.items())


def row(entry: Entry, known: dict[str, Any] | None, with_times: bool) -> str:
    cells = [f"[{entry.number:02} {entry.name}](#{entry.number:02}-{entry.name})", str(entry.lines)]
    if not known:
        return f"| {' | '.join(cells + ['-'] * (6 if with_times else 3))} |"
    regions, errors, workspace = known["regions"], known["errors"], known["workspace"]
    cells += [
        f"{errors['forward']:.1f} / {errors['backward']:.1f}",
        f"{regions_text(regions['forward'])}; {regions_text(regions['backward'])}",
        f"{bytes_text(workspace['call'])}; {bytes_text(workspace['backward'])}",
    ]
    if with_times:
        shares = known["times"]["shares"]
        unfused, fused = known["times"]["unfused"], known["times"]["milliseconds"]["call"] / 1e3
        cells.append(f"{100 * shares['call']:.0f} / {100 * shares['backward']:.0f} %")
        cells += [f"{unfused / fused:.1f}" if unfused else "-", f"{known['seconds']:.0f}"]
    return f"| {' | '.join(cells)} |"


def pictures_of(entry: Entry, folder: Path) -> str:
    """Those that ./dev gallery has left beside the page: who sees whom, and the regions."""
    text = ""
    if (folder / "gallery" / f"{entry.path.stem}.svg").exists():
        text += f"\n![Who sees whom: a line a query, a column a key](gallery/{entry.path.stem}.svg)\n"
    if (folder / "gallery" / f"{entry.path.stem}_regions.svg").exists():
        text += f"\n[Its regions](gallery/{entry.path.stem}_regions.svg).\n"
    return text


def section(entry: Entry, known: dict[str, Any] | None, folder: Path) -> str:
    regions = known["regions"] if known else {}
    reasons = sorted({reason for part in regions.values() for reason in part["reasons"]})
    why = f"\nNot fused: {'; '.join(reasons)}.\n" if reasons else ""
    return f"""
## {entry.number:02} {entry.name}

{entry.what}

{entry.paper}

    {entry.formula.replace("; ", chr(10) + "    ")}

```c++
{entry.declaration}
```
{pictures_of(entry, folder)}
Inputs and all else: [{entry.path.name}](../examples/gallery/{entry.path.name}). To vary: {entry.vary}
{why}"""


def text_of_page(entries: list[Entry], records: dict[str, dict[str, Any]], folder: Path) -> str:
    """The page, to be written in the folder; times are there if all that was run was measured on a machine that nobody else used."""
    with_times = all("unfused" in known.get("times", {}) and not known["times"]["busy"] for known in records.values()) and bool(records)
    lines = [entry.lines for entry in entries]
    text = OPENING.format(count=len(entries), median=statistics.median(lines), most=max(lines))
    heads = ["entry", "lines", "error", "regions", "workspace"]
    compiler = subprocess.run(["g++", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    if with_times:
        text += TIMES
        heads += ["peak", "over unfused", "compile"]
    import datetime

    text += MACHINE.format(machine=machine(), compiler=compiler, date=datetime.date.today().isoformat())
    text += f"\n| {' | '.join(heads)} |\n|{'---|' * len(heads)}\n"
    text += "\n".join(row(entry, records.get(entry.name), with_times) for entry in entries) + "\n"
    return text + "".join(section(entry, records.get(entry.name), folder) for entry in entries)
