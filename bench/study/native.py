"""Compiled files of the study's own: made once, and found again by what they were made of."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from heed import cache
from heed.headers import heed_include
from heed.toolchain import resolved_flags

from .errors import StudyError
from .places import KERNELS


def made(source: Path, flags: tuple[str, ...], *, suffix: str = "", libraries: tuple[str, ...] = ()) -> Path:
    """The file that g++ makes of a source; StudyError, with the first error it says, where it makes none."""
    key = cache.digest(
        source.read_text(), cache.digest_of_folder(heed_include()), *flags, *libraries, *resolved_flags("g++", "native")
    )[:24]
    path = KERNELS / f"{source.stem}-{key}{suffix}"
    if not path.exists():
        KERNELS.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=KERNELS, suffix=suffix, delete=False) as file:
            command = ["g++", *flags, f"-I{heed_include()}", str(source), "-o", file.name, *libraries]
        try:
            compiled = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"LC_ALL": "C"})
        except OSError as error:
            Path(file.name).unlink()
            raise StudyError(f"{source}: g++ does not run: {error.strerror}") from None
        if compiled.returncode:
            Path(file.name).unlink(missing_ok=True)  # a linker that fails has removed it
            lines = [*compiled.stderr.strip().splitlines(), ""]
            said = next((line for line in lines if "error:" in line or "cannot find" in line), lines[0])
            raise StudyError(f"{source}: g++ does not compile it: {said}")
        os.chmod(file.name, 0o755)
        os.replace(file.name, path)
    return path
