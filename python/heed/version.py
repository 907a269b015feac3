"""The version of the package, which is heed's: the headers say it."""

from __future__ import annotations

import re

from .build_error import BuildError
from .headers import heed_include


def version() -> str:
    """As in "0.1.0"; BuildError where the headers are not found, or are others."""
    header = heed_include() / "heed" / "export" / "description.hpp"
    if found := re.search(r' heed_version\[\] = "([0-9.]+)"', header.read_text(encoding="utf-8")):
        return found[1]
    raise BuildError(f"heed: {header} does not say its version")
