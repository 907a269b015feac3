"""What a record says: tables for a terminal, a paper and a spreadsheet, figures, a page. From the JSON lines alone."""

from __future__ import annotations

from pathlib import Path

from ..errors import StudyError
from ..record import file_of, read
from . import spreadsheet, terminal
from .cells import Results


def report(place: Path, out: Path | None = None) -> int:
    """Everything of a record; status 0 where all of it could be written."""
    record = read(place)
    for sentence in record.broken:
        print(f"study: {sentence}")
    if not record.cells:
        raise StudyError(f"{file_of(place)}: it holds no cell")
    results = Results(record)
    out = out or file_of(place).parent
    written = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        terminal.show(results)
        written.append(spreadsheet.write(results, out / "cells.csv"))
        from . import latex, markdown

        written.append(latex.write(results, out / "table.tex"))
        drawings: list[markdown.Drawing] = []
        try:
            from . import figures, page
        except ModuleNotFoundError as missing:
            print(f"no figures and no page: {missing.name} is not installed (./dev study installs it)")
        else:
            drawn = figures.draw(results, out / "figures")
            written += [figure.path for figure in drawn if figure.path]
            written.append(page.write(results, drawn, out / "report.html"))
            drawings = [
                markdown.Drawing(f.title, f.caption, f"figures/{f.path.stem}.svg" if f.path else "") for f in drawn
            ]
        written.append(markdown.write(results, drawings, out / "report.md"))
    except OSError as error:
        raise StudyError(f"{error.filename or out}: the report cannot be written: {error.strerror}") from error
    print(f"wrote {', '.join(path.name for path in written)} to {out}")
    return 0
