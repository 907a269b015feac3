#!/usr/bin/env python3
"""Each part of a library, disassembled: no register and no instruction of a richer instruction set than its own.

instruction_sets.py OBJDUMP PART.o...        status 1 and the instructions if there are any
instruction_sets.py --self-test              shows that such instructions are found"""

import pathlib
import re
import subprocess
import sys

# What a part must not hold, as patterns over `mnemonic operands`. x86-64 has no VEX: every mnemonic that begins with v
# is one.
ZMM = r"%zmm|%[xy]mm(1[6-9]|2\d|3[01])\b|%k[0-7]\b"
AVX = r"%ymm|^v(?!err\b|erw\b|mcall\b|mlaunch\b)"
# tzcnt is `rep bsf`, which older processors run as bsf: clang writes it for them too where nothing is asked of 0.
BMI = r"lzcnt|movbe|andn\b|bextr|sarx|shlx|shrx|mulx"
FORBIDDEN = {
    "x86_64": f"{ZMM}|{AVX}|^(popcnt|crc32|pshufb|pmulld|blendv|ptest|round[sp][sd]|dpp|{BMI})",
    "x86_64_v2": f"{ZMM}|{AVX}|^({BMI})",
    "x86_64_v3": ZMM,
    "x86_64_v4": None,
}
# What shows that a part is of its set at all: without that a test of nothing would pass.
PRESENT = {
    "x86_64": r"mulps.*%xmm",
    "x86_64_v2": r"mulps.*%xmm",
    "x86_64_v3": r"^vmulps.*%ymm",
    "x86_64_v4": r"%zmm",
}


def instructions(listing):
    """Each instruction of a listing of objdump, bytes and addresses left out."""
    for line in listing.splitlines():
        if found := re.match(r"\s*[0-9a-f]+:\t(?:[0-9a-f]{2} )+\s*\t(\S.*)", line):
            yield re.sub(r"^(rep|repz|repnz|lock|notrack|bnd|data16|cs) ", "", found[1].split("#")[0].strip())


def offenders(part, listing):
    """Instructions that a part must not have."""
    pattern = FORBIDDEN[part]
    return [i for i in instructions(listing) if pattern and re.search(pattern, i)]


def self_test():
    def line(text):
        return f"   4:\tc5 fc 58 c1          \t{text}"

    cases = [
        ("x86_64", "mulps  %xmm1,%xmm0", False),
        ("x86_64", "vaddps %ymm1,%ymm0,%ymm0", True),
        ("x86_64", "vaddss %xmm1,%xmm0,%xmm0", True),
        ("x86_64_v2", "pshufb %xmm1,%xmm0", False),
        ("x86_64", "pshufb %xmm1,%xmm0", True),
        ("x86_64_v2", "vxorps %xmm0,%xmm0,%xmm0", True),
        ("x86_64_v3", "vaddps %ymm1,%ymm0,%ymm0", False),
        ("x86_64_v3", "vaddps %zmm1,%zmm0,%zmm0", True),
        ("x86_64", "repz ret", False),
        ("x86_64", "tzcnt  %eax,%ecx", False),
        ("x86_64", "lzcnt  %eax,%ecx", True),
        ("x86_64_v3", "vmovaps %ymm17,%ymm0", True),
        ("x86_64_v3", "kmovw  %eax,%k1", True),
        ("x86_64_v4", "kmovw  %eax,%k1", False),
    ]
    wrong = [case for case in cases if bool(offenders(case[0], line(case[1]))) != case[2]]
    print(*(wrong or ["right"]), sep="\n")
    return 1 if wrong else 0


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    failures = 0
    for path in map(pathlib.Path, arguments[1:]):
        listing = subprocess.run(
            [arguments[0], "-d", "-w", str(path)], capture_output=True, text=True, check=True
        ).stdout
        found = offenders(path.stem, listing)
        count = sum(1 for _ in instructions(listing))
        present = any(re.search(PRESENT[path.stem], i) for i in instructions(listing))
        failures += bool(found) or not present
        print(
            f"{path.stem}: {count} instructions, {len(found)} that it must not have"
            + (f": {', '.join(sorted(set(found))[:8])}" if found else "")
            + ("" if present else "; none of its own")
        )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
