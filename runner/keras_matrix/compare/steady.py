"""Compare values whose differences have no spread: Student's t does not apply. Pure."""

import math
from dataclasses import dataclass

import numpy as np

from keras_matrix.compare.intervals import Floats

MAX_ROUNDING = 2.0**-22
"""How far, relative to the values, rounding to single precision moves equal differences apart."""


@dataclass(frozen=True)
class Steady:
    """Differences that are all the same, but for rounding, on ``seeds`` seeds.

    ``constant`` is whether each side has one value only.
    """

    low: float
    high: float
    estimate: float
    seeds: int
    constant: bool

    @property
    def largest(self) -> float:
        """The largest difference, without its sign."""
        return max(abs(self.low), abs(self.high))

    @property
    def chance(self) -> float:
        """The probability of this where the sides behave alike, at most.

        Coarse values, such as accuracies, may coincide. Where neither sign of a difference is
        likelier, n differences are equal with at most 2**(1 - n); two sides of one distribution
        have one value each, and not the same, with at most 2 * 4**-n.
        """
        if self.constant:
            return float(2 * 0.25**self.seeds)
        return float(2 * 0.5**self.seeds)

    def needed(self, level: float) -> int:
        """Return how many seeds a chance of at most ``level`` takes."""
        return math.ceil(math.log(level / 2, 0.25 if self.constant else 0.5))


def steady(x: Floats, y: Floats, paired: bool) -> Steady | None:
    """Return the differences if rounding is their only spread, otherwise None."""
    constant = bool(np.ptp(x) == 0 == np.ptp(y))
    if not paired:
        differences = y[:1] - x[:1]
        return _of(differences, min(len(x), len(y)), constant) if constant else None
    differences = y - x
    rounding = MAX_ROUNDING * max(np.abs(x).max(), np.abs(y).max())
    one_sign = (differences > 0).all() or (differences < 0).all()
    width = np.ptp(differences)
    if width == 0 or (one_sign and width <= rounding):
        return _of(differences, len(x), constant)
    return None


def _of(differences: Floats, seeds: int, constant: bool) -> Steady:
    low, high = float(differences.min()), float(differences.max())
    return Steady(low, high, float(np.median(differences)), seeds, constant)
