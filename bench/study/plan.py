"""What a study is: a TOML file, read strictly. Every mistake is one sentence with its place."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import peers
from .case import DIRECTIONS, TYPES, Case
from .catalogue import VARIANTS
from .declared import variant_of
from .errors import StudyError
from .places import PRESETS, ROOT

# Keys of the file, and of a [[cases]] block: what they must be, and what they are without being given.
STUDY: dict[str, tuple[type | tuple[type, ...], Any]] = {
    "title": (str, ""),
    "seed": (int, 1),
    "seconds": ((int, float), 2.0),
    "samples": (int, 9),
    "interval": ((int, float), 0.01),
    "patience": ((int, float), 300),
    "implementations": (list, None),
    "again": (str, ""),
    "warm": (bool, False),
    "cases": (list, None),
}
CASES: dict[str, tuple[type | tuple[type, ...], Any]] = {
    "variants": (list, []),
    "variant": (str, ""),
    "shapes": (list, [{}]),
    "types": (list, ["float32"]),
    "threads": (list, [1]),
    "directions": (list, ["forward"]),
    "implementations": (list, None),
    "wrt": (list, []),
    "values": (dict, {}),
    "formula": (str, ""),
}


@dataclass
class Study:
    """seconds: the most for each implementation of a case; samples: the least number; interval: what the bootstrap
    interval of the median share may be, as a part of it; again: an implementation that is measured twice, whose
    difference from itself is the noise; patience: seconds after which a system that does not answer has failed; warm:
    whether a system is also prepared in a new process, with what the first has left on disk."""

    name: str
    path: Path
    text: str
    title: str = ""
    seed: int = 1
    seconds: float = 2.0
    samples: int = 9
    interval: float = 0.01
    patience: float = 300
    implementations: list[str] = field(default_factory=list)
    again: str = ""
    warm: bool = False
    cases: list[tuple[Case, list[str]]] = field(default_factory=list)  # with the implementations of each

    @property
    def folder(self) -> Path:
        return self.path.parent


def find(name: str) -> Path:
    """The file of a preset, or a file."""
    preset = PRESETS / f"{name}.toml"
    if preset.is_file():
        return preset
    if Path(name).is_file():
        return Path(name).resolve()
    known = ", ".join(sorted(path.stem for path in PRESETS.glob("*.toml")))
    raise StudyError(f"there is no study '{name}': the presets are {known}; others are files, STUDY.toml")


def read(name: str) -> Study:
    """The study of a preset or a file."""
    path = find(name)
    try:
        text = path.read_text(encoding="utf-8")
        found = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StudyError(f"{path}: {error}") from None
    place = str(path)
    given = _checked(found, STUDY, place)
    given["title"] = given["title"] or path.stem
    study = Study(name, path, text, **{key: value for key, value in given.items() if key != "cases"})
    _check_numbers(study, place)
    if study.again and study.again not in study.implementations:
        raise StudyError(f'{place}: again = "{study.again}" is none of its implementations')
    for implementation in study.implementations:
        peers.check_name(implementation, f"{place}: implementations", study.folder)
    for number, block in enumerate(given["cases"], 1):
        where = f"{place}: [[cases]] number {number}"
        if not isinstance(block, dict):
            raise StudyError(f"{where}: not a table")
        _take_cases(study, _checked(block, CASES, where), where)
    return study


def _checked(found: dict[str, Any], keys: dict[str, Any], place: str) -> dict[str, Any]:
    """The values of all keys; StudyError for one that is unknown, of the wrong type or missing."""
    for key, value in found.items():
        if key not in keys:
            raise StudyError(f"{place}: the key '{key}' is not known: there are {', '.join(keys)}")
        wanted = keys[key][0]
        if not isinstance(value, wanted) or isinstance(value, bool) and wanted is not bool:
            name = (
                "a number"
                if isinstance(wanted, tuple)
                else {str: "a text", int: "a whole number", list: "a list", dict: "a table", bool: "true or false"}[
                    wanted
                ]
            )
            raise StudyError(f"{place}: '{key}' wants {name}, not {value!r}")
    given = {key: found.get(key, default) for key, (_, default) in keys.items()}
    if keys is STUDY:
        for key in ("implementations", "cases"):
            if not given[key]:
                raise StudyError(f"{place}: it has no {key}")
    return given


def _check_numbers(study: Study, place: str) -> None:
    for key in ("seconds", "samples", "interval", "patience"):
        if not getattr(study, key) > 0:
            raise StudyError(f"{place}: '{key}' wants more than 0, not {getattr(study, key)!r}")


def _take_cases(study: Study, block: dict[str, Any], place: str) -> None:
    """All cases of a block: every variant at every shape, type, number of threads, in every direction."""
    implementations = study.implementations
    if block["implementations"] is not None:
        implementations = block["implementations"]
        for name in implementations:
            if name not in study.implementations:
                raise StudyError(
                    f"{place}: '{name}' is none of the study's implementations: {', '.join(study.implementations)}"
                )
    names = [*block["variants"], *([block["variant"]] if block["variant"] else [])]
    if not names:
        raise StudyError(f"{place}: it names no variant")
    for key, known in (("types", TYPES), ("directions", DIRECTIONS)):
        for word in block[key]:
            if word not in known:
                raise StudyError(f"{place}: {key}: '{word}' is not known: there are {', '.join(known)}")
    for count in block["threads"]:
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise StudyError(f"{place}: threads wants whole numbers of at least 1, not {count!r}")
    for name in names:
        source, default = _source_of(name, block, study.folder, place)
        for shape in block["shapes"]:
            if not isinstance(shape, dict):
                raise StudyError(f"{place}: a shape is a table of extents, {{n = 512}}, not {shape!r}")
            variant = variant_of(Case(name, (), source=source))
            extents = tuple(default.items()) if default and not shape else variant.extents(shape, place)
            for dtype in block["types"]:
                for threads in block["threads"]:
                    for direction in block["directions"]:
                        if direction not in variant.directions:
                            raise StudyError(
                                f"{place}: variant '{name}' has no gradients: {direction} cannot be measured"
                            )
                        case = Case(name, extents, dtype, threads, direction, source)
                        asked = next((names for other, names in study.cases if other == case), None)
                        if asked is None:
                            study.cases.append((case, list(implementations)))
                        else:  # two blocks have the case: all that either asks for
                            asked += [name for name in implementations if name not in asked]


def _source_of(name: Any, block: dict[str, Any], folder: Path, place: str) -> tuple[dict[str, Any], dict[str, int]]:
    """Where a variant is declared, and the shape that it has of itself."""
    if name in VARIANTS:
        return {}, {}
    if isinstance(name, str) and name.startswith("gallery/"):
        return _gallery(name, place)
    if not isinstance(name, str) or not re.search(r"\.h(pp|h)?$", name):
        raise StudyError(
            f"{place}: the variant {name!r} is not known: there are {', '.join(VARIANTS)}, gallery/NAME, and headers, "
            "FILE.hpp"
        )
    header = folder / name
    if not header.is_file():
        raise StudyError(f"{place}: there is no header {header}")
    source: dict[str, Any] = {"header": str(header.resolve())}
    if block["wrt"]:
        source["wrt"] = block["wrt"]
    if block["values"]:
        source["values"] = block["values"]
    if block["formula"]:
        if not (folder / block["formula"]).is_file():
            raise StudyError(f"{place}: there is no file {folder / block['formula']}")
        source["formula"] = str((folder / block["formula"]).resolve())
    return source, {}


def _gallery(name: str, place: str) -> tuple[dict[str, Any], dict[str, int]]:
    """The entry of examples/gallery, with the extents and values that it says."""
    import sys

    folder = ROOT / "examples" / "gallery"
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    from entry import read_entries

    entries = {entry.name: entry for entry in read_entries()}
    wanted = name.removeprefix("gallery/")
    if wanted not in entries:
        raise StudyError(f"{place}: the gallery has no entry '{wanted}': there are {', '.join(entries)}")
    entry = entries[wanted]
    source: dict[str, Any] = {"header": str(entry.path)}
    if entry.ranges:
        source["values"] = {key: list(ends) for key, ends in entry.ranges.items()}
    return source, dict(entry.extents)
