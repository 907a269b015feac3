"""The line that is shown while a compiler runs."""

import os
import pty
import subprocess
import sys

import pytest

PROGRAM = """
import time
from heed.progress import Progress
with Progress("compiling out of variant.hpp"):
    time.sleep(1.3)
{fails}
"""


def said(on_terminal, fails="", **environment):
    """What a process writes to stderr."""
    reader, writer = pty.openpty() if on_terminal else os.pipe()
    clean = {name: value for name, value in os.environ.items() if name != "HEED_PROGRESS"}
    subprocess.run([sys.executable, "-c", PROGRAM.format(fails=fails)], stderr=writer, env=clean | environment)
    os.close(writer)
    text = b""
    try:
        while part := os.read(reader, 4096):
            text += part
    except OSError:  # a terminal whose other end is closed
        pass
    os.close(reader)
    return text.decode()


def test_on_a_terminal_the_seconds_go():
    text = said(on_terminal=True)
    assert text.count("\r\x1b[K") == 3 and "heed: compiling out of variant.hpp 1 s" in text and "took 1." in text


@pytest.mark.parametrize("on_terminal, wanted, lines", [(False, None, 0), (False, "1", 2), (True, "0", 0)])
def test_where_it_is_shown(on_terminal, wanted, lines):
    text = said(on_terminal, **({"HEED_PROGRESS": wanted} if wanted else {}))
    assert text.count("\n") == lines and text.count("heed: compiling") == lines


def test_a_failure_is_said():
    failing = "with Progress('compiling'):\n    raise SystemExit(1)"
    assert "heed: compiling failed after 0." in said(on_terminal=False, fails=failing, HEED_PROGRESS="1")
