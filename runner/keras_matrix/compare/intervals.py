"""Intervals for a mean and for one more value, and the sample size that they need. Pure.

All rest on Student's t (1908, Biometrika 6:1-25). SciPy loads when first used.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVEL = 0.05
"""The probability of a wrong finding where there is no difference."""

MAX_SEEDS_NEEDED = 100_000
"""The largest ``seeds_needed``: that many or more, or no number of seeds would do."""

MAX_FINITE = 1e150
"""Values from here on count as not finite, as their squares are not."""

POWER_NODES = 100
"""Points of the sample variance's distribution that the power is averaged over."""


class Scale(Enum):
    """What an estimate is: other - reference (0 if equal), or other / reference (1 if equal)."""

    DIFFERENCE = "difference"
    RATIO = "ratio"


@dataclass(frozen=True)
class Interval:
    """An interval with both ends included; ``coverage`` is its confidence, from 0 to 1."""

    low: float
    high: float
    coverage: float

    def distance(self, value: float) -> float:
        """Return how far a value lies outside: negative below, positive above, 0 inside."""
        return value - min(max(value, self.low), self.high)


@dataclass(frozen=True)
class Prediction:
    """Where one more run would fall: in the metric's unit, or as a ratio.

    ``spread`` is the standard deviation; of a ratio, that of its logarithm. ``n`` counts the
    usable values of each side, ``unusable`` all others.
    """

    scale: Scale
    n: tuple[int, ...]
    unusable: int
    center: float
    spread: float
    interval: Interval

    def deviations(self, value: float) -> float | None:
        """Return by how many standard deviations a value is off the center; None without spread."""
        if not self.spread:
            return None
        if self.scale is Scale.RATIO:
            return math.log(value / self.center) / self.spread
        return (value - self.center) / self.spread


@dataclass(frozen=True)
class Spread:
    """The uncertainty of an estimate: its standard error with its degrees of freedom ``df``.

    ``variance`` is the variance of an estimate from one seed a side, ``share`` the degrees of
    freedom that each further seed a side adds.
    """

    error: float
    df: float
    variance: float
    share: float = 1.0

    @classmethod
    def of(cls, *sides: Floats, ahead: int = 0) -> "Spread":
        """Return the spread of a mean, or of the difference of two (Welch 1947, Biometrika 34).

        With ``ahead=1`` it is that of the distance of one more value from the means. Two sides
        have the degrees of freedom of Satterthwaite (1946, Biometrics Bulletin 2:110-114).
        """
        # The mean of equal values may be off by a bit, which would be a variance.
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
        """Return the interval around ``estimate`` that leaves out ``tail`` on either side."""
        from scipy import special

        half = -float(special.stdtrit(self.df, tail)) * self.error
        return Interval(estimate - half, estimate + half, 1 - 2 * tail)

    def seeds_needed(
        self, difference: float, margin: float, level: float, power: float, least: int
    ) -> int:
        """Return how many seeds a side show DIFFERENT or EQUIVALENT with this power.

        That is for this true difference and spread; at most ``MAX_SEEDS_NEEDED``.
        """

        def enough(seeds: int) -> bool:
            return self.power(seeds, difference, margin, level) >= power

        return fewest(enough, least)

    def power(self, seeds: int, difference: float, margin: float, level: float) -> float:
        """Return the probability of DIFFERENT or EQUIVALENT from that many seeds a side.

        This is the definition of power for t tests of difference and equivalence: the probability
        over the mean, averaged over the sample variance, which is chi-squared (Owen 1965,
        Biometrika 52:437-446; Phillips 1990, J. Pharmacokinet. Biopharm. 18:137-144).
        """
        from scipy import special

        df = (seeds - 1) * self.share
        error = math.sqrt(self.variance / seeds)
        nodes = (np.arange(POWER_NODES) + 0.5) / POWER_NODES
        scale = np.sqrt(special.chdtri(df, nodes) / df)
        beyond = np.maximum(-special.stdtrit(df, level / 2) * scale, margin / error)
        within = margin / error + special.stdtrit(df, level) * scale
        off = difference / error
        different = special.ndtr(off - beyond) + special.ndtr(-off - beyond)
        equivalent = special.ndtr(within - off) - special.ndtr(-within - off)
        return float(np.mean(different + np.maximum(equivalent, 0)))


def fewest(enough: Callable[[int], bool], least: int) -> int:
    """Return the smallest number of seeds from ``least`` up that is enough, as all larger ones are.

    That is at most ``MAX_SEEDS_NEEDED``.
    """
    high = least
    while not enough(high):
        if high >= MAX_SEEDS_NEEDED:
            return MAX_SEEDS_NEEDED
        high = min(2 * high, MAX_SEEDS_NEEDED)
    low = max(high // 2, least - 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def predict(
    values: Sequence[float], *, level: float = LEVEL, comparisons: int = 1
) -> Prediction | None:
    """Predict one more value; return None from fewer than two finite values.

    The interval is the mean plus and minus t times the standard deviation times sqrt(1 + 1/n)
    (Hahn & Meeker, Statistical Intervals, 1991, chapter 4), for ``comparisons`` future values at
    once by Bonferroni. Unlike the interval of a mean, it assumes values near normal however many
    there are.
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

    Works as ``predict`` on logarithms; returns None from fewer than two positive values on a side.
    """
    return _predict([reference, other], Scale.RATIO, level, comparisons)


def check_level(level: float, comparisons: int) -> None:
    """Check the level and the number of comparisons that share it.

    Raises:
        ValueError: the level is not between 0 and 0.5, or there is no comparison.
    """
    if not 0 < level < 0.5 or comparisons < 1:
        raise ValueError(f"level {level} over {comparisons} comparisons is out of range")


def usable(values: Floats, scale: Scale) -> NDArray[np.bool_]:
    """Return which values are finite and, for a ratio, positive."""
    # NaN compares as False.
    good: NDArray[np.bool_] = np.abs(values) < MAX_FINITE
    return good & (values > 1 / MAX_FINITE) if scale is Scale.RATIO else good


def scaled(value: float, scale: Scale) -> float:
    """Return an estimate on its own scale: a ratio was computed as a logarithm."""
    if scale is Scale.DIFFERENCE:
        return value
    return math.exp(value) if value < 709 else math.inf


def scaled_interval(interval: Interval, scale: Scale) -> Interval:
    """Return an interval on its own scale; see ``scaled``."""
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
    # The other minus the reference, or the mean of the only side.
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
