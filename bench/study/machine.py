"""The machine and what runs on it, for a record: what a reader needs to know before he believes a number."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from .peak import FLAGS, Peak
from .places import ROOT


def said(*command: str) -> str:
    """The first line of what a program prints; nothing where it does not run."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip().partition("\n")[0]
    except (OSError, subprocess.SubprocessError):
        return ""


def read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def processor() -> dict[str, Any]:
    """What lscpu and /proc/cpuinfo say."""
    facts: dict[str, str] = {}
    try:
        text = subprocess.run(
            ["lscpu", "-J"], capture_output=True, text=True, timeout=20, env=os.environ | {"LC_ALL": "C"}
        )
        stack = list(json.loads(text.stdout)["lscpu"])
        while stack:
            entry = stack.pop()
            facts[entry["field"].rstrip(":")] = entry["data"]
            stack += entry.get("children", [])
    except (OSError, ValueError, KeyError, subprocess.SubprocessError):
        pass
    first = dict(
        line.split("\t", 1) for line in read("/proc/cpuinfo").partition("\n\n")[0].splitlines() if "\t" in line
    )
    info = {key.strip(): value.lstrip("\t: ") for key, value in first.items()}
    return {
        "processor": facts.get("Model name") or info.get("model name", platform.processor()),
        "family, model, stepping": [facts.get(key, "") for key in ("CPU family", "Model", "Stepping")],
        "microcode": info.get("microcode", ""),
        "processors": os.cpu_count(),
        "threads a core": facts.get("Thread(s) per core", ""),
        "sockets": facts.get("Socket(s)", ""),
        "NUMA nodes": facts.get("NUMA node(s)", ""),
        "caches": {key: facts.get(key, "") for key in ("L1d", "L2", "L3")}
        if "L1d" in facts
        else {key: facts.get(f"{key} cache", "") for key in ("L1d", "L2", "L3")},
        "instruction sets": [
            flag for flag in ("avx2", "fma", "avx512f", "avx512_bf16", "amx_tile") if flag in facts.get("Flags", "")
        ],
        "governor": read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or "not known",
        "virtualised": facts.get("Hypervisor vendor", "no"),
    }


def block() -> dict[str, Any]:
    """Everything; the peaks are measured, which takes a second."""
    threads = sorted({1, min(2, os.cpu_count() or 1)})
    peaks = {
        f"{bits} bits, {count} threads": max(Peak(count, bits)() for _ in range(20))
        for bits in (32, 64)
        for count in threads
    }
    return processor() | {
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": platform.release(),
        "libc": " ".join(platform.libc_ver()),
        "python": sys.version.split()[0],
        "compilers": [line for line in (said("g++", "--version"), said("clang++-19", "--version")) if line],
        "peak loop flags": " ".join(FLAGS),
        "OpenMP": {key: value for key, value in os.environ.items() if key.startswith(("OMP_", "GOMP_", "KMP_"))},
        "measured peak, GFLOP/s": peaks,
        "measured reading, GB/s": {f"{count} threads": Peak(count, 32).bandwidth() for count in threads},
        "load": list(os.getloadavg()),
        "revision": said("git", "-C", str(ROOT), "rev-parse", "HEAD"),
        "dirty": bool(said("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no")),
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def busy_seconds() -> float:
    """Processor time of the whole machine, with what its host takes from it."""
    fields = Path("/proc/stat").read_text().split("\n")[0].split()[1:]
    return sum(int(fields[i]) for i in (0, 1, 2, 5, 6, 7)) / os.sysconf("SC_CLK_TCK")


def seconds_of(groups: set[int]) -> float:
    """Processor time of all processes in these groups, with that of children that have ended."""
    found = 0.0
    for entry in os.scandir("/proc"):
        if not entry.name.isdecimal():
            continue
        try:
            fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended just now
            continue
        if int(fields[2]) in groups:
            found += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return found
