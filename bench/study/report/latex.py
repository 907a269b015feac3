"""table.tex: booktabs, a table for each direction and number of threads, shares of the peak in per cent."""

from __future__ import annotations

from pathlib import Path

from .cells import DIRECTION, Letters, Results, text_of_shape

ESCAPES = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
           "}": r"\}",
           "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}  # fmt: skip


def escaped(text: str) -> str:
    return "".join(ESCAPES.get(letter, letter) for letter in text)


def tables(results: Results) -> str:
    """The text; to be used with \\usepackage{booktabs,graphicx}."""
    groups = sorted({(case.direction, case.dtype, case.threads) for case in results.cases})
    letters = Letters()
    parts = ["% Made by ./dev study report; needs \\usepackage{booktabs,graphicx}.\n"]
    for direction, dtype, threads in groups:
        cases = [c for c in results.cases if (c.direction, c.dtype, c.threads) == (direction, dtype, threads)]
        common = [pair for pair in cases[0].extents if all(pair in case.extents for case in cases)]
        lines = []
        for case in cases:
            best = results.of(case)[:1]
            cells = []
            for label in results.labels:
                row = results.row(case, label)
                if row is None:
                    cells.append("")
                elif row.is_measured:
                    text = f"{100 * row.share.middle:.0f}"
                    if row.no_share:
                        text = rf"{1e3 * row.seconds.middle:.3g}\,ms\textit{{{letters(row.no_share)}}}"
                    cells.append(rf"\textbf{{{text}}}" if row in best else text)
                else:
                    cells.append(rf"\textit{{{letters(f'{row.status}: {row.reason}')}}}")
            title = results.title_of(case)
            lines.append(" & ".join([escaped(title), escaped(text_of_shape(case, common)), *cells]) + r" \\")
        heads = " & ".join(
            [
                "variant",
                "shape",
                *(rf"\makebox[1em][l]{{\rotatebox{{60}}{{{escaped(label)}}}}}" for label in results.labels),
            ]
        )
        shared = ", ".join(f"{axis}={extent}" for axis, extent in common)
        threads_text = "one thread" if threads == 1 else f"{threads} threads"
        parts.append(
            "\\begin{table*}\n\\centering\\scriptsize\\setlength{\\tabcolsep}{3pt}\n"
            f"\\caption{{Share of the measured multiply-add peak in per cent, {DIRECTION[direction]}, {dtype}, "
            f"{threads_text}{', ' + shared if shared else ''}; medians. Letters: no share, see below.}}\n"
            f"\\begin{{tabular}}{{ll{'r' * len(results.labels)}}}\n\\toprule\n{heads} \\\\\n\\midrule\n"
            + "\n".join(lines)
            + "\n\\bottomrule\n\\end{tabular}\n\\end{table*}\n"
        )
    for reason, letter in letters.of.items():
        parts.append(rf"\noindent\textit{{{letter}}}: {escaped(reason)}.\quad" + "\n")
    return "\n".join(parts)


def write(results: Results, path: Path) -> Path:
    path.write_text(tables(results), encoding="utf-8")
    return path
