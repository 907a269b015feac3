#!/usr/bin/env python3
"""Compiles a program in C99 against a library, with what its pkg-config file says and nothing else, and runs it.

build_consumer.py CC PKG_CONFIG shared|static|loaded LIBRARY_FOLDER NAME WORK SOURCE [ARGUMENT...]"""

import os
import pathlib
import subprocess
import sys


def main(cc, pkg_config, kind, folder, name, work, source, *arguments):
    work = pathlib.Path(work)
    work.mkdir(parents=True, exist_ok=True)
    asked = {"shared": ["--libs"], "static": ["--libs", "--static"], "loaded": []}[kind]
    environment = dict(os.environ, PKG_CONFIG_PATH=folder)
    command = [pkg_config, "--cflags", *asked, name]
    flags = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
    if kind == "static":
        flags = [f"-l:lib{name}.a" if flag == f"-l{name}" else flag for flag in flags]
    program = work / f"{pathlib.Path(source).stem}-{kind}"
    strict = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-O1"]
    system = ["-D_POSIX_C_SOURCE=200809L", "-lm", "-ldl", "-lpthread"]  # barriers of threads, dlopen
    subprocess.run([cc, *strict, source, "-o", program, *flags, *system, f"-Wl,-rpath,{folder}"], check=True)
    return subprocess.run([program, *arguments]).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
