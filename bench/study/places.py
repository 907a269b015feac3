"""Where things lie."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("HEED_STUDY_BUILD") or ROOT / "build")
KERNELS = BUILD / "study-kernels"  # what was compiled, by the hash of what it was compiled from
PRESETS = Path(__file__).resolve().parent / "presets"
RESULTS = BUILD / "study-results"
