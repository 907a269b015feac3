"""Where heed's headers lie."""

from __future__ import annotations

import os
from pathlib import Path

from .build_error import BuildError


def heed_include() -> Path:
    """heed's include directory: HEED_INCLUDE, the wheel's own, that of a checkout, or that beside an installed bin/."""
    here = Path(__file__).resolve()
    named = os.environ.get("HEED_INCLUDE")
    places = (
        [Path(named).absolute()]
        if named
        else [here.parent / "include", *(parent / "include" for parent in here.parents[2:5])]
    )
    for place in places:
        if (place / "heed" / "export.hpp").exists():
            return place
    raise BuildError(
        f"heed: its headers are not found in {', '.join(map(str, places))}: set HEED_INCLUDE to their directory"
    )
