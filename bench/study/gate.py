"""How far the results and gradients of a case may be off. Nothing that is further off is ever given a time."""

from __future__ import annotations

from typing import NamedTuple

import numpy

BOUND = 256.0  # units in the last place of the largest value of an array, as heed-run --verify has it


class Error(NamedTuple):
    """How far a case's arrays are off, in units in the last place of each array's largest value."""

    largest: float
    rms: float
    array: str  # the worst

    @property
    def is_right(self) -> bool:
        return self.largest <= BOUND


def error_of(got: dict[str, numpy.ndarray], wanted: dict[str, numpy.ndarray]) -> Error:
    """The worst of all arrays. What is missing, of another shape or not finite is infinitely wrong; what is 0 by
    cancelling is measured by the function's largest value, a sixteenth of it."""
    worst = Error(0.0, 0.0, next(iter(wanted), ""))
    least = max((float(numpy.abs(a).max()) for a in wanted.values() if a.size), default=0.0) / 16
    for name, right in wanted.items():
        if name not in got or got[name].shape != right.shape or not numpy.isfinite(got[name]).all():
            return Error(float("inf"), float("inf"), name)
        off = numpy.abs(got[name].astype(numpy.float64) - right)
        largest = max(float(numpy.abs(right).max()) if right.size else 0.0, least)
        unit = float(numpy.spacing(numpy.asarray(largest, got[name].dtype))) if largest else 1.0
        error = Error(
            float(off.max(initial=0.0)) / unit, float(numpy.sqrt((off**2).mean())) / unit if off.size else 0.0, name
        )
        worst = max(worst, error)
    return worst
