#!/usr/bin/env python3
"""Prints the functions of heed that two objects, compiled for two instruction sets, share as weak symbols.

    shared_symbols.py NM LOWER.o HIGHER.o     status 1 if there is one

A linker keeps one of all weak symbols of a name. Shared may be what files hand to each other (tensor, error, what binds them)
and what makes graphs; neither works with packs. Data is known while compiling and the same in both.
"""
import re
import subprocess
import sys

HEED = r"(\w+ )*heed::"
HANDED_ON = re.compile(
    HEED + r"(error|tensor|view|workspace|operand_traits|internal::(label|refuse|written|byte_size|add_slope|deciding|plan::source_of_view|"
    r"run::(aligned_memory|checked_count|are_inside|in_parentheses|refuse_indices|bound)))([<:\[(]|$)")


def weak_functions(nm, object_file):
    """The demangled names of the weak functions that an object defines."""
    listed = subprocess.run([nm, "--demangle", "--defined-only", object_file], check=True, capture_output=True, text=True).stdout
    return {match[1] for match in re.finditer(r"^[0-9a-f]+ W (.*)$", listed, re.MULTILINE)}


def main(arguments):
    if len(arguments) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    lower, higher = (weak_functions(arguments[0], file) for file in arguments[1:])
    kernels = [name for name in lower if "heed::internal::simd::" in name]
    shared = sorted(name for name in lower & higher if re.match(HEED, name) and not HANDED_ON.match(name))
    for name in shared:
        print(name)
    print(f"{len(lower)} and {len(higher)} weak functions, {len(kernels)} of simd, {len(shared)} shared that must not be")
    return 1 if shared or not kernels else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
