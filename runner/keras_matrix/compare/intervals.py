"""Intervals from a sample: for a mean, for one more value; and how large a sample must be. Pure.

All rest on Student's t (1908, Biometrika 6:1-25). SciPy loads when first used.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVEL = 0.05
MOST_SEEDS = 100_000
"""As ``seeds_needed``: that many, or more, or no number would do."""

LARGEST = 1e150
"""Values from here on count as not finite: their squares are not."""

NODES = 100


class Scale(Enum):
    """What an estimate is: other - reference (none: 0), or other / reference (none: 1)."""

    DIFFERENCE = "difference"
    RATIO = "ratio"


@dataclass(frozen=True)
class Interval:
    """From ``low`` to ``high``, both included; ``coverage`` is its confidence, from 0 to 1."""

    low: float
    high: float
    coverage: float

    def distance(self, value: float) -> float:
        """Return how far outside a value lies, below (negative) or above; 0 inside."""
        return value - min(max(value, self.low), self.high)


@dataclass(frozen=True)
class Prediction:
    """Where one more run would fall: ``center`` and ``interval`` in the metric's unit or a ratio.

    ``spread`` is the standard deviation; of a ratio, that of its logarithm. ``n`` are the usable
    values of each side, ``unusable`` the number of all others.
    """

    scale: Scale
    n: tuple[int, ...]
    unusable: int
    center: float
    spread: float
    interval: Interval

    def deviations(self, value: float) -> float | None:
        """Return by how many standard deviations a value is off; None without any spread."""
        if not self.spread:
            return None
        if self.scale is Scale.RATIO:
            return math.log(value / self.center) / self.spread
        return (value - self.center) / self.spread


@dataclass(frozen=True)
class Spread:
    """How sure an estimate is: the standard error, its degrees of freedom, and what makes them.

    ``variance`` is that of an estimate from one seed a side; ``share`` the degrees of freedom
    that each further seed a side adds.
    """

    error: float
    df: float
    variance: float
    share: float = 1.0

    @classmethod
    def of(cls, *sides: Floats, ahead: int = 0) -> "Spread":
        """Return the spread of a mean, or of the difference of two (Welch 1947, Biometrika 34).

        ``ahead=1``: not of the means, but of how far one more value lies from them. Two sides
        have the degrees of freedom of Satterthwaite (1946, Biometrics Bulletin 2:110-114).
        """
        # The mean of equal values may be off by a bit.
        variances = [float(side.var(ddof=1)) if np.ptp(side) else 0.0 for side in sides]
        parts = [
            variance * (ahead + 1 / len(side))
            for variance, side in zip(variances, sides, strict=True)
        ]
        weights = [len(side) - 1 for side in sides]
        return cls(
            error=math.sqrt(sum(parts)),
            df=_satterthwaite(parts, weights),
            variance=sum(variances),
            share=_satterthwaite(variances, [1] * len(sides)),
        )

    def interval(self, estimate: float, tail: float) -> Interval:
        """Return the interval that leaves out ``tail`` on either side."""
        from scipy import special

        half = -float(special.stdtrit(self.df, tail)) * self.error
        return Interval(estimate - half, estimate + half, 1 - 2 * tail)

    def seeds_needed(
        self, difference: float, margin: float, level: float, power: float, least: int
    ) -> int:
        """Return the seeds a side that show DIFFERENT or EQUIVALENT with this power.

        For a true difference and a spread that are those given; at most ``MOST_SEEDS``.
        """

        def enough(seeds: int) -> bool:
            return self.power(seeds, difference, margin, level) >= power

        high = least
        while not enough(high):
            if high >= MOST_SEEDS:
                return MOST_SEEDS
            high = min(2 * high, MOST_SEEDS)
        low = max(high // 2, least - 1)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if enough(middle) else (middle, high)
        return high

    def power(self, seeds: int, difference: float, margin: float, level: float) -> float:
        """Return the probability of DIFFERENT or EQUIVALENT from that many seeds a side.

        The finding as the mean sees it, averaged over the sample variance, which is chi-squared:
        the definition of power for t tests of difference and equivalence (Owen 1965, Biometrika
        52:437-446; Phillips 1990, J. Pharmacokinet. Biopharm. 18:137-144), without shortcuts.
        """
        from scipy import special

        df = (seeds - 1) * self.share
        error = math.sqrt(self.variance / seeds)
        nodes = (np.arange(NODES) + 0.5) / NODES
        seen = np.sqrt(special.chdtri(df, nodes) / df)
        beyond = np.maximum(-special.stdtrit(df, level / 2) * seen, margin / error)
        within = margin / error + special.stdtrit(df, level) * seen
        off = difference / error
        different = special.ndtr(off - beyond) + special.ndtr(-off - beyond)
        equivalent = special.ndtr(within - off) - special.ndtr(-within - off)
        return float(np.mean(different + np.maximum(equivalent, 0)))


def predict(
    values: Sequence[float], *, level: float = LEVEL, comparisons: int = 1
) -> Prediction | None:
    """Predict one more value; None from fewer than two finite ones.

    Mean and t times the standard deviation times sqrt(1 + 1/n) (Hahn & Meeker, Statistical
    Intervals, 1991, chapter 4), for ``comparisons`` future values at once by Bonferroni. Unlike
    a mean's interval it leans on values near normal however many there are.
    """
    return _predict([values], Scale.DIFFERENCE, level, comparisons)


def predict_ratio(
    reference: Sequence[float],
    other: Sequence[float],
    *,
    level: float = LEVEL,
    comparisons: int = 1,
) -> Prediction | None:
    """Predict the ratio other / reference of one more run of each, independent of each other.

    As ``predict`` on logarithms; None from fewer than two positive values on a side.
    """
    return _predict([reference, other], Scale.RATIO, level, comparisons)


def check_level(level: float, comparisons: int) -> None:
    """Raise ValueError for a level that is not between 0 and 0.5, or less than one comparison."""
    if not 0 < level < 0.5 or comparisons < 1:
        raise ValueError(f"level {level} over {comparisons} comparisons is out of range")


def usable(values: Floats, scale: Scale) -> NDArray[np.bool_]:
    """Return which values are finite, and for a ratio positive."""
    # NaN compares as False.
    good: NDArray[np.bool_] = np.abs(values) < LARGEST
    return good & (values > 1 / LARGEST) if scale is Scale.RATIO else good


def scaled(value: float, scale: Scale) -> float:
    """Return an estimate as it is told: a ratio was computed as a logarithm."""
    if scale is Scale.DIFFERENCE:
        return value
    return math.exp(value) if value < 709 else math.inf


def scaled_interval(interval: Interval, scale: Scale) -> Interval:
    """Return an interval as it is told."""
    return Interval(scaled(interval.low, scale), scaled(interval.high, scale), interval.coverage)


def _satterthwaite(parts: Sequence[float], weights: Sequence[int]) -> float:
    total = sum(parts)
    if not total:
        return float(sum(weights))
    return 1 / sum(
        (part / total) ** 2 / weight for part, weight in zip(parts, weights, strict=True)
    )


def _predict(
    sides: Sequence[Sequence[float]], scale: Scale, level: float, comparisons: int
) -> Prediction | None:
    check_level(level, comparisons)
    all_values = [np.asarray(side, dtype=np.float64) for side in sides]
    good = [side[usable(side, scale)] for side in all_values]
    if min(len(side) for side in good) < 2:
        return None
    used = [np.log(side) for side in good] if scale is Scale.RATIO else good
    # The other less the reference, or the one alone.
    center = float(used[-1].mean() - (used[0].mean() if len(used) > 1 else 0))
    spread = Spread.of(*used, ahead=1)
    interval = spread.interval(center, level / comparisons / 2)
    return Prediction(
        scale=scale,
        n=tuple(len(side) for side in good),
        unusable=sum(len(side) for side in all_values) - sum(len(side) for side in good),
        center=scaled(center, scale),
        spread=math.sqrt(spread.variance),
        interval=scaled_interval(interval, scale),
    )
