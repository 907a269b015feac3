#!/usr/bin/env python3
"""README's "Use it from C", line by line: the header, the program and the commands, in an empty folder.

readme.py README.md BIN_DIRECTORY WORK"""

import os
import pathlib
import re
import shutil
import subprocess
import sys


def main(page, programs, work):
    work = pathlib.Path(work)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    section = re.search(r"^## Use it from C\n(.*?)^## |\Z", pathlib.Path(page).read_text() + "\n## ", re.M | re.S)[1]
    blocks = dict(re.findall(r"^```(cpp|c)\n(.*?)^```$", section, re.M | re.S))
    commands = re.findall(r"^    (\S.*)$", re.sub(r"^```.*?^```$", "", section, flags=re.M | re.S), re.M)
    lines = sum(len(block.splitlines()) for block in blocks.values()) + len(commands)
    (work / "attend.hpp").write_text(blocks["cpp"])
    (work / "main.c").write_text(blocks["c"])
    environment = dict(os.environ, PATH=f"{pathlib.Path(programs).resolve()}:{os.environ['PATH']}")
    result = subprocess.run(
        ["sh", "-e", "-c", "\n".join(commands)], cwd=work, env=environment, capture_output=True, text=True
    )
    print(f"{lines} lines; status {result.returncode}; printed {result.stdout!r}\n{result.stderr}")
    return 0 if lines <= 12 and commands and result.returncode == 0 and result.stdout == "1\n" else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
