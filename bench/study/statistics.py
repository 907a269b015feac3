"""Medians, their intervals, and what follows from two of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy

DRAWS = 1000


class Interval(NamedTuple):
    """A number and the 95 % interval around it."""

    middle: float
    low: float
    high: float

    @property
    def relative(self) -> float:
        """Half of the interval's width, as a part of the number."""
        return (self.high - self.low) / 2 / abs(self.middle) if self.middle else math.inf


def resampled_medians(samples: Sequence[float], seed: int) -> numpy.ndarray:
    """Medians of samples that are drawn from the samples again."""
    values = numpy.asarray(samples, numpy.float64)
    drawn = numpy.random.default_rng(seed).integers(0, len(values), (DRAWS, len(values)))
    return numpy.median(values[drawn], axis=1)


def median(samples: Sequence[float], seed: int = 1) -> Interval:
    """The median with its bootstrap interval."""
    if not len(samples):
        return Interval(math.nan, math.nan, math.nan)
    low, high = numpy.percentile(resampled_medians(samples, seed), (2.5, 97.5))
    return Interval(float(numpy.median(samples)), float(low), float(high))


def ratio(above: Sequence[float], below: Sequence[float], seed: int = 1) -> Interval:
    """Of two medians, with the interval of both."""
    quotients = resampled_medians(above, seed) / resampled_medians(below, seed + 1)
    low, high = numpy.percentile(quotients, (2.5, 97.5))
    return Interval(float(numpy.median(above) / numpy.median(below)), float(low), float(high))


def geometric_mean(ratios: Sequence[float], seed: int = 1) -> Interval:
    """Of ratios, with the interval that drawing the cells again gives: how much it depends on which cells there are."""
    if not len(ratios):
        return Interval(math.nan, math.nan, math.nan)
    logs = numpy.log(numpy.asarray(ratios, numpy.float64))
    drawn = numpy.random.default_rng(seed).integers(0, len(logs), (DRAWS, len(logs)))
    low, high = numpy.percentile(logs[drawn].mean(axis=1), (2.5, 97.5))
    return Interval(float(numpy.exp(logs.mean())), float(numpy.exp(low)), float(numpy.exp(high)))


def verdict(change: Interval, noise: float) -> str:
    """FAST, SLOW, SAME or AMBIGUOUS: where the interval of a ratio lies beside the noise, a part of 1."""
    bar = 1 + noise
    if change.low > bar:
        return "FAST"
    if change.high < 1 / bar:
        return "SLOW"
    if change.low >= 1 / bar and change.high <= bar:
        return "SAME"
    return "AMBIGUOUS"
