#!/usr/bin/env python3
"""Adds up what of heed lies in the data of an object: .data, .data.rel.ro, .rodata and .bss.

    data.py NM OBJECT BYTES     status 1 if all is not less than BYTES, or if a graph, a plan or a region is among it

A graph holds room for 2048 nodes, a plan for 320 regions, a region for 768 instructions: what a program needs of them at
run time are tables of exact size (call/frame/call_table.hpp), everything else is for the compiler.
"""
import re
import subprocess
import sys

OBJECT = re.compile(r"^[0-9a-f]+ ([0-9a-f]+) ([bBdDrRuVvGgSs]) (.*)$", re.MULTILINE)
HEED = re.compile(r"(\w+ )*(\w+ for )?heed::")
ROOMY = re.compile(r"heed::internal::plan::(\w+::)?(merged_of|merged_axes_of|simplified_of|plan_of|region_of|orders_of_results|uses_of_results)\b[^()]*$")


def objects(nm, file):
    """Names and sizes of the objects of heed that a file defines, the largest first."""
    listed = subprocess.run([nm, "--demangle", "--print-size", "--defined-only", file], check=True, capture_output=True, text=True).stdout
    found = [(int(match[1], 16), match[3]) for match in OBJECT.finditer(listed) if HEED.match(match[3])]
    return sorted(found, reverse=True)


def main(arguments):
    if len(arguments) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    found = objects(arguments[0], arguments[1])
    total, most = sum(size for size, _ in found), int(arguments[2])
    roomy = [name for _, name in found if ROOMY.match(name)]
    for size, name in found[:8]:
        print(f"{size:8} {name[:140]}")
    print(f"{total} bytes of heed in {len(found)} objects, {most} allowed" + (f"; {len(roomy)} for the compiler alone" if roomy else ""))
    return 1 if total >= most or roomy or not found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
