"""Attention written by hand with Eigen: two products of matrices for each head, softmax between them; five backward."""

from __future__ import annotations

from pathlib import Path

from .loops import FLAGS, CompiledLoops

HEADERS = (Path("/usr/include/eigen3"), Path("/usr/local/include/eigen3"))


class Eigen(CompiledLoops):
    source = Path(__file__).with_name("eigen.cpp")
    flags = (
        *FLAGS,
        "-DEIGEN_DONT_PARALLELIZE",
        "-DNDEBUG",
        "-ffast-math",
    )

    def absent(self) -> str | None:
        return None if any(folder.is_dir() for folder in HEADERS) else "Eigen's headers are not installed"

    def versions(self) -> dict[str, str]:
        found = {}
        for folder in HEADERS:
            macros = folder / "Eigen/src/Core/util/Macros.h"
            if macros.is_file():
                words = [line.split() for line in macros.read_text().splitlines() if line.startswith("#define EIGEN_")]
                numbers = {word[1]: word[2] for word in words if len(word) > 2}
                found["Eigen"] = ".".join(
                    numbers.get(f"EIGEN_{part}_VERSION", "?") for part in ("WORLD", "MAJOR", "MINOR")
                )
        return found | super().versions()
