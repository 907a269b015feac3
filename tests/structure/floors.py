#!/usr/bin/env python3
"""Checks the house of include/heed: which floor may include which, which room of a floor, and where OpenMP lives.

A header includes only its own floor and floors before it; simd and memory stand on the first floors alone. Some floors
have rooms, in an order of their own: a header in a room includes its room and rooms before it, what lies in the floor
itself comes last; rooms of one machine each know nothing of each other. heed.hpp and export.hpp hold nothing but includes and the
names that they take out of heed::internal; only run/team.hpp knows OpenMP.

    floors.py include/heed      prints each violation, status 1 if there is one
    floors.py --self-test       shows that a tree with each kind of violation is refused
"""
import pathlib
import re
import sys
import tempfile

FLOORS = ["base", "axis", "memory", "graph", "block", "plan", "simd", "run", "call", "show", "export"]
MAY_INCLUDE = {floor: set(FLOORS[: index + 1]) for index, floor in enumerate(FLOORS)}
MAY_INCLUDE["simd"] = {"base", "simd"}
# Of each room the rooms that it may include besides itself; "": what lies in the floor itself.
MACHINES = ["matmul", "row", "loop", "score"]
ROOMS = {
    "plan": {"data": [], "facts": ["data"], "passes": ["data", "facts"]},
    "run": {"frame": [], "program": ["frame"], "": ["frame"]} | {machine: ["", "frame", "program"] for machine in MACHINES},
    "call": {"frame": [], "checks": ["frame"], "rules": ["frame"], "oracle": ["frame"], "": ["frame", "checks", "rules", "oracle"]},
}
UMBRELLA = "heed.hpp"
UMBRELLAS = [UMBRELLA, "export.hpp"]  # of what programs need; of what libraries of kernels need
UMBRELLA_LINE = re.compile(r"#pragma once|namespace heed \{|using internal::\S+;|\}"
                           r"|#define HEED_FUNCTION\(NAME, \.\.\.\) using internal::NAME;|HEED_FUNCTIONS\(HEED_FUNCTION\)|#undef HEED_FUNCTION")
TEAM = "run/team.hpp"

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
OPENMP = re.compile(r"^\s*#\s*pragma\s+omp\b|_Pragma\s*\(\s*\"omp\b|\bomp_[a-z_]+\s*\(")


def without_comments(text):
    """The text with comments blanked out, line breaks kept; string literals stay."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL)
    return pattern.sub(lambda m: m[0] if m[0][0] == '"' else re.sub(r"[^\n]", " ", m[0]), text)


def included_header(root, header, quote, name):
    """The header of heed that an include names, relative to root; None if it is somebody else's."""
    if name.startswith("heed/"):
        return pathlib.PurePosixPath(name[len("heed/"):])
    if quote == "<":
        return None
    target = (header.parent / name).resolve()
    return pathlib.PurePosixPath(target.relative_to(root)) if target.is_relative_to(root) else None


def violations(root):
    """Every violation in the tree as `file:line: what`, in order of the files."""
    root = pathlib.Path(root).resolve()
    found = []
    for header in sorted(root.rglob("*.hpp")):
        path = pathlib.PurePosixPath(header.relative_to(root))
        floor = path.parts[0]
        if str(path) not in UMBRELLAS and floor not in FLOORS:
            found.append(f"{path}:1: no floor of that name ({', '.join(FLOORS)})")
            continue
        room = "/".join(path.parts[1:-1])
        if str(path) not in UMBRELLAS and room not in ROOMS.get(floor, {"": []}):
            found.append(f"{path}:1: no room of that name in {floor} ({', '.join(filter(None, ROOMS.get(floor, {}))) or 'it has none'})")
            continue
        text = header.read_text(encoding="utf-8")
        for number, line in enumerate(without_comments(text).splitlines(), 1):
            where = f"{path}:{number}:"
            include = INCLUDE.match(line)
            if str(path) in UMBRELLAS and line.strip() and not include and not UMBRELLA_LINE.fullmatch(line.strip()):
                found.append(f"{where} the umbrella holds includes and names only")
            if str(path) != TEAM and (OPENMP.search(line) or include and include[2] == "omp.h"):
                found.append(f"{where} OpenMP belongs to {TEAM}")
            if not include:
                continue
            target = included_header(root, header, include[1], include[2])
            if target is None:
                if include[1] == '"':
                    found.append(f"{where} {include[2]} is no header of heed")
                continue
            if not (root / target).is_file():
                found.append(f"{where} {include[2]} does not exist")
            elif str(path) not in UMBRELLAS and target.parts[0] not in MAY_INCLUDE[floor]:
                found.append(f"{where} {floor} includes {target}, which is above it")
            elif str(path) not in UMBRELLAS and target.parts[0] == floor and floor in ROOMS:
                other = "/".join(target.parts[1:-1])
                if other != room and other not in ROOMS[floor][room]:
                    found.append(f"{where} {floor}/{room or path.name} includes {target}, a room that it may not know")
    return found


def circle(rooms):
    """Rooms that know each other in a circle, the first again at the end; None if there are none."""
    def walk(room, path):
        if room in path:
            return [name or "itself" for name in path[path.index(room):] + [room]]
        return next(filter(None, (walk(other, path + [room]) for other in rooms[room])), None)
    return next(filter(None, (walk(room, []) for room in rooms)), None)


def self_test():
    """Each bad tree must be refused with one violation that says so; the good one must pass."""
    good = {
        "heed.hpp": "// all\n#pragma once\n#include <heed/base/a.hpp>\n#include \"run/team.hpp\"\nnamespace heed {\nusing internal::operator+;\n}\n",
        "base/a.hpp": "#pragma once\n#include <vector>\n",
        "plan/data/c.hpp": "", "plan/passes/d.hpp": "#include \"../data/c.hpp\"\n", "run/row/e.hpp": "#include \"../team.hpp\"\n",
        "simd/b.hpp": "#include \"../base/a.hpp\"\n/* #pragma omp */ // #include \"../run/team.hpp\"\n",
        "run/team.hpp": "#include <omp.h>\n#include <heed/simd/b.hpp>\n#pragma omp parallel\n",
    }
    bad = {
        "base includes run": ({"base/x.hpp": "#include \"../run/team.hpp\"\n"}, "which is above it"),
        "base includes the umbrella": ({"base/x.hpp": "#include <heed/heed.hpp>\n"}, "which is above it"),
        "simd includes axis": ({"axis/x.hpp": "", "simd/y.hpp": "#include <heed/axis/x.hpp>\n"}, "which is above it"),
        "plan includes simd": ({"plan/data/x.hpp": "  # include \"../../simd/b.hpp\"\n"}, "which is above it"),
        "run includes show": ({"show/x.hpp": "", "run/y.hpp": "#include \"../show/x.hpp\"\n"}, "which is above it"),
        "an unknown floor": ({"detail/x.hpp": ""}, "no floor of that name"),
        "a room in a floor without": ({"base/deep/x.hpp": ""}, "no room of that name in base (it has none)"),
        "an unknown room": ({"plan/deep/x.hpp": ""}, "no room of that name in plan"),
        "a room in a room": ({"plan/data/deep/x.hpp": ""}, "no room of that name in plan"),
        "a header beside the rooms": ({"plan/x.hpp": ""}, "no room of that name in plan"),
        "data include passes": ({"plan/passes/x.hpp": "", "plan/data/y.hpp": "#include \"../passes/x.hpp\"\n"}, "a room that it may not know"),
        "a frame includes checks": ({"call/checks/x.hpp": "", "call/frame/y.hpp": "#include \"../checks/x.hpp\"\n"}, "a room that it may not know"),
        "rules include the call": ({"call/x.hpp": "", "call/rules/y.hpp": "#include \"../x.hpp\"\n"}, "a room that it may not know"),
        "a machine includes another": ({"run/row/x.hpp": "", "run/loop/y.hpp": "#include <heed/run/row/x.hpp>\n"}, "a room that it may not know"),
        "memory includes graph": ({"graph/x.hpp": "", "memory/y.hpp": "#include \"../graph/x.hpp\"\n"}, "which is above it"),
        "a missing header": ({"base/x.hpp": "#include <heed/base/nobody.hpp>\n"}, "does not exist"),
        "a header from outside": ({"base/x.hpp": "#include \"../../../outside.hpp\"\n"}, "no header of heed"),
        "a pragma in run": ({"run/x.hpp": "#pragma omp simd\n"}, "OpenMP belongs to"),
        "an operator in run": ({"run/x.hpp": "_Pragma(\"omp simd\")\n"}, "OpenMP belongs to"),
        "a call in run": ({"run/x.hpp": "int n = omp_get_num_threads();\n"}, "OpenMP belongs to"),
        "omp.h in run": ({"run/x.hpp": "#include <omp.h>\n"}, "OpenMP belongs to"),
        "code in the umbrella": ({"heed.hpp": "#pragma once\nint x;\n"}, "includes and names only"),
        "a definition in the umbrella": ({"heed.hpp": "#pragma once\nnamespace heed {\nusing extent = long;\n}\n"}, "includes and names only"),
    }

    def check(files):
        with tempfile.TemporaryDirectory() as directory:
            for name, text in files.items():
                file = pathlib.Path(directory, "heed", name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            return violations(pathlib.Path(directory, "heed"))

    failures = 0
    for floor, rooms in ROOMS.items():
        if circle(rooms):
            print(f"the rooms of {floor} know each other in a circle: {' -> '.join(circle(rooms))}")
            failures += 1
    circular = {"rules": [""], "": ["rules"], "checks": []}
    caught = circle(circular) == ["rules", "itself", "rules"] and circle({"a": [], "b": ["a"], "c": ["a", "b"]}) is None
    failures += not caught
    print(f"{'caught' if caught else 'MISSED'}: rooms in a circle")
    if check(good):
        print("a good tree is refused:", *check(good), sep="\n  ")
        failures += 1
    for name, (files, complaint) in bad.items():
        found = check(good | files)
        caught = len(found) == 1 and complaint in found[0]
        failures += not caught
        print(f"{'caught' if caught else 'MISSED'}: {name}" + ("" if caught else f": {found}"))
    return failures


def main(arguments):
    if arguments == ["--self-test"]:
        return 1 if self_test() else 0
    if len(arguments) != 1 or not pathlib.Path(arguments[0]).is_dir():
        print(__doc__, file=sys.stderr)
        return 2
    found = violations(arguments[0])
    for violation in found:
        print(violation)
    print(f"{len(list(pathlib.Path(arguments[0]).rglob('*.hpp')))} headers, {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
