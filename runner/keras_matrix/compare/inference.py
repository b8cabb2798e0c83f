"""Conclusions on two sides of a metric, from one value a seed. Pure; SciPy loads when first used.

Every conclusion is on the mean over all seeds, not just those run; for times, the geometric mean.

Multiplicity: ``level`` is divided by ``comparisons`` (Bonferroni; Dunn 1961, JASA 56:52-64).
Holm (1979) rejects a little more but has no plain intervals; here interval and conclusion agree.
DIFFERENT is wrong only if there is no difference, EQUIVALENT only if the difference is beyond the
margin: so the probability of any wrong conclusion stays under ``level``.

Robustness: means of bounded or moderately skewed values are near normal from some 10 seeds on,
and paired differences are symmetric where the sides are alike. An outlier widens the interval
and so ends in INCONCLUSIVE. t intervals are not robust to differences that are strongly skewed
themselves, as where one side is steady and the other rarely but badly off: exponential ones are
called DIFFERENT without cause 10% of the time with 10 seeds and 7.5% with 30, in place of 5%.
Medians and quartiles are given besides the means to show that.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from keras_matrix.compare.intervals import (
    LEVEL,
    Floats,
    Interval,
    Scale,
    Spread,
    check_level,
    scaled,
    scaled_interval,
    usable,
)
from keras_matrix.text import plural

POWER = 0.8
"""The power that ``seeds_needed`` is computed for."""
NEAR_NORMAL_SEEDS = 10
"""With fewer seeds than these, a mean is near normal only if its values are."""
MAX_ROUNDING = 2.0**-22
"""How far, relative to the values, rounding to single precision moves equal differences apart."""

Values: TypeAlias = Mapping[Any, float] | Sequence[float]
"""One value a seed: by seed, or as a sequence; sequences of equal length are in the same order."""


class Conclusion(Enum):
    """What the values allow to conclude: the ``finding`` of an inference."""

    EQUIVALENT = "equivalent"
    DIFFERENT = "different"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Sample:
    """The values of one side, with the median and interquartile range of the usable ones, or NaN.

    ``unusable`` of the ``seeds`` gave a value that is not finite or, for a ratio, 0 or less. Where
    sides are paired, ``n`` counts the pairs in which both values are usable.
    """

    seeds: int
    unusable: int
    n: int
    median: float
    iqr: float


@dataclass(frozen=True, kw_only=True)
class Inference:
    """The comparison of two sides.

    ``estimate`` is the mean difference or the ratio of geometric means, with its two-sided
    ``interval``. ``tost`` is the narrower interval of two one-sided tests, which is compared with
    ``margin``: a difference in the metric's unit or, for a ratio, a factor of 1 or more. DIFFERENT
    without an estimate means that one side is finite more often.

    ``seeds_needed``, for INCONCLUSIVE, is how many seeds a side would settle it with the requested
    power if the true difference and spread are the observed ones, which are themselves uncertain.
    ``method`` is a sentence for users.
    """

    scale: Scale
    paired: bool
    reference: Sample
    other: Sample
    estimate: float | None
    interval: Interval | None
    tost: Interval | None
    level: float
    comparisons: int
    margin: float
    finding: Conclusion
    seeds_needed: int | None
    method: str

    @property
    def beyond_margin(self) -> bool:
        """Whether the whole interval lies beyond the margin, which is stricter than DIFFERENT."""
        if self.interval is None:
            return False
        least = 1 / self.margin if self.scale is Scale.RATIO else -self.margin
        return self.interval.low > self.margin or self.interval.high < least


def compare(
    reference: Values,
    other: Values,
    *,
    margin: float = 0.0,
    level: float = LEVEL,
    comparisons: int = 1,
    power: float | None = POWER,
) -> Inference:
    """Compare means: by t on differences paired by seed, by Welch (1947) if unpaired.

    EQUIVALENT: the interval of two one-sided tests lies within the margin (Schuirmann 1987, J.
    Pharmacokinet. Biopharm. 15:657-680). DIFFERENT: the interval does not contain 0 and the
    estimate is beyond the margin. The two exclude each other, as EQUIVALENT puts the estimate
    within the margin.

    Seeds that one side lacks are left out; if these are more than half of all seeds, and for
    sequences of unequal length, nothing is paired. Values that are not finite are left out, unless
    one side has significantly more of them, which is DIFFERENT. ``power=None`` skips
    ``seeds_needed``, which takes most of the time.

    Raises:
        ValueError: level, margin, power or comparisons are out of range.
    """
    if not 0 <= margin < math.inf:
        raise ValueError(f"margin {margin} is not a number of 0 or more")
    return _infer(reference, other, Scale.DIFFERENCE, margin, level, comparisons, power)


def compare_ratio(
    reference: Values,
    other: Values,
    *,
    margin: float = 1.0,
    level: float = LEVEL,
    comparisons: int = 1,
    power: float | None = POWER,
) -> Inference:
    """Compare geometric means of times or other positive values, as ``compare`` on logarithms.

    ``margin`` is a factor: 1.25 allows from 1/1.25 to 1.25 times as long. The log-t interval is
    that of bioequivalence studies (FDA, Statistical Approaches to Establishing Bioequivalence,
    2001).

    Raises:
        ValueError: level, margin, power or comparisons are out of range.
    """
    if not 1 <= margin < math.inf:
        raise ValueError(f"margin {margin} is not a factor of 1 or more")
    return _infer(reference, other, Scale.RATIO, margin, level, comparisons, power)


@dataclass(frozen=True)
class _Result:
    """What :func:`_compare_usable` finds; of a ratio, on the scale of logarithms."""

    finding: Conclusion
    method: str
    estimate: float | None = None
    interval: Interval | None = None
    tost: Interval | None = None
    seeds_needed: int | None = None


def _infer(
    reference: Values,
    other: Values,
    scale: Scale,
    margin: float,
    level: float,
    comparisons: int,
    power: float | None,
) -> Inference:
    check_level(level, comparisons)
    if power is not None and not 0 < power < 1:
        raise ValueError(f"power {power} is not between 0 and 1")
    x, y, paired, unmatched = _match(reference, other)
    use_x, use_y = usable(x, scale), usable(y, scale)
    bad_x, bad_y = int((~use_x).sum()), int((~use_y).sum())
    unequal = bool((use_x != use_y).any()) if paired else bad_x * len(y) != bad_y * len(x)
    p_value = _p_value_of_usable(use_x, use_y, paired) if unequal else 1.0
    # There are two ways to be DIFFERENT, which share the level.
    own_level = level / comparisons / (2 if bad_x or bad_y else 1)
    if paired:
        use_x = use_y = use_x & use_y
    good_x, good_y = x[use_x], y[use_y]
    if p_value <= own_level:
        test = "McNemar's" if paired else "Fisher's"
        result = _Result(Conclusion.DIFFERENT, f"{test} exact test of how often values are finite")
    else:
        ratio = scale is Scale.RATIO
        logs = [np.log(good) if ratio else good for good in (good_x, good_y)]
        bound = math.log(margin) if ratio else margin
        result = _compare_usable(logs[0], logs[1], paired, bound, own_level, power)
    finding, method = result.finding, result.method
    if scale is Scale.RATIO and result.interval is not None:
        method += ", of logarithms"
    if comparisons > 1:
        method += f", level {level:g} over {comparisons} comparisons (Bonferroni)"
    if unmatched:
        method += f"; {plural(unmatched, 'seed')} of one side only left out"
    if bad_x or bad_y:
        kind = "not finite" if scale is Scale.DIFFERENCE else "not finite and positive"
        method += f"; {bad_x} of {len(x)} and {bad_y} of {len(y)} values are {kind}"
        if unequal and finding is Conclusion.EQUIVALENT:
            finding = Conclusion.INCONCLUSIVE
            method += ", which keeps the rest from showing equivalence"
    return Inference(
        scale=scale,
        paired=paired,
        reference=_sample(good_x, len(x), bad_x),
        other=_sample(good_y, len(y), bad_y),
        estimate=None if result.estimate is None else scaled(result.estimate, scale),
        interval=result.interval and scaled_interval(result.interval, scale),
        tost=result.tost and scaled_interval(result.tost, scale),
        level=level,
        comparisons=comparisons,
        margin=margin,
        finding=finding,
        seeds_needed=result.seeds_needed,
        method=f"{method[0].upper()}{method[1:]}.",
    )


def _match(reference: Values, other: Values) -> tuple[Floats, Floats, bool, int]:
    """Return both sides' values, whether they are paired, and how many seeds pairing leaves out."""
    if isinstance(reference, Mapping) and isinstance(other, Mapping):
        shared = [seed for seed in reference if seed in other]
        seeds = len(reference) + len(other) - len(shared)
        if shared and 2 * len(shared) >= seeds:
            x, y = (np.array([side[seed] for seed in shared], float) for side in (reference, other))
            return x, y, True, seeds - len(shared)
        x, y = (np.array([*side.values()], float) for side in (reference, other))
        return x, y, False, 0
    if isinstance(reference, Mapping) or isinstance(other, Mapping):
        raise ValueError("one side is by seed, the other by order")
    paired = len(reference) == len(other)
    return np.asarray(reference, float), np.asarray(other, float), paired, 0


def _sample(good: Floats, seeds: int, unusable: int) -> Sample:
    if not len(good):
        return Sample(seeds, unusable, 0, math.nan, math.nan)
    # Quartiles by linear interpolation: type 7 of Hyndman & Fan 1996, Am. Stat. 50:361-365.
    values = good.tolist() * (2 if len(good) == 1 else 1)
    low, median, high = statistics.quantiles(values, method="inclusive")
    return Sample(seeds, unusable, len(good), median, high - low)


def _p_value_of_usable(x: NDArray[np.bool_], y: NDArray[np.bool_], paired: bool) -> float:
    """Return the p-value of the difference in how often the two sides are usable.

    The tests are exact: McNemar (1947, Psychometrika 12:153-157) on pairs, else Fisher (1935, JRSS
    98:39-82).
    """
    if paired:
        from scipy import special

        only_x, only_y = int((x & ~y).sum()), int((y & ~x).sum())
        return min(1.0, 2 * float(special.bdtr(min(only_x, only_y), only_x + only_y, 0.5)))
    from scipy import stats

    table = np.array([[side.sum(), (~side).sum()] for side in (x, y)], dtype=np.int64)
    return float(stats.fisher_exact(table).pvalue)


def _compare_usable(
    x: Floats, y: Floats, paired: bool, margin: float, level: float, power: float | None
) -> _Result:
    """Compare values that are all usable."""
    if min(len(x), len(y)) < 2:
        estimate = float(y.mean() - x.mean()) if len(x) and len(y) else None
        lack = "fewer than two seeds have a usable value on both sides"
        lack = lack if paired else "a side has fewer than two usable values"
        text = f"{lack}, so no interval can be computed"
        return _Result(Conclusion.INCONCLUSIVE, text, estimate)
    steady = _steady(x, y, paired)
    if steady is not None:
        constant = bool(np.ptp(x) == 0 == np.ptp(y))
        return _compare_steady(steady, min(len(x), len(y)), constant, margin, level)
    if paired:
        spread = Spread.of(y - x)
        text = f"mean of {len(x)} differences paired by seed, t interval"
    else:
        spread = Spread.of(x, y)
        text = f"difference of the means of {len(x)} and {len(y)} seeds, Welch's t interval"
    if min(len(x), len(y)) < NEAR_NORMAL_SEEDS:
        text += f", which with fewer than {NEAR_NORMAL_SEEDS} seeds assumes values near normal"
    estimate = float((y - x).mean() if paired else y.mean() - x.mean())
    interval = spread.interval(estimate, level / 2)
    tost = spread.interval(estimate, level)
    if -margin <= tost.low and tost.high <= margin:
        return _Result(Conclusion.EQUIVALENT, text, estimate, interval, tost)
    if abs(estimate) > margin and interval.distance(0):
        return _Result(Conclusion.DIFFERENT, text, estimate, interval, tost)
    needed = None
    if power is not None:
        needed = spread.seeds_needed(estimate, margin, level, power, least=max(len(x), len(y)) + 1)
    return _Result(Conclusion.INCONCLUSIVE, text, estimate, interval, tost, needed)


def _steady(x: Floats, y: Floats, paired: bool) -> Floats | None:
    """Return the differences if rounding is their only spread, otherwise None."""
    if not paired:
        return y[:1] - x[:1] if np.ptp(x) == 0 == np.ptp(y) else None
    differences = y - x
    rounding = MAX_ROUNDING * max(np.abs(x).max(), np.abs(y).max())
    one_sign = (differences > 0).all() or (differences < 0).all()
    width = np.ptp(differences)
    return differences if width == 0 or (one_sign and width <= rounding) else None


def _compare_steady(
    differences: Floats, seeds: int, constant: bool, margin: float, level: float
) -> _Result:
    """Compare values whose differences have no spread.

    If none of n seeds behaves otherwise, a share of up to 1 - level**(1/n) of all seeds still may
    (Louis 1981, Am. Stat. 35:154).
    """
    low, high = float(differences.min()), float(differences.max())
    estimate, interval = float(np.median(differences)), Interval(low, high, 1 - level)
    within = max(abs(low), abs(high)) <= margin
    others = f"up to {1 - level ** (1 / seeds):.0%} of seeds may do otherwise"
    if constant:
        text = f"each side gave one value for all {seeds} seeds: deterministic, but {others}"
    elif not estimate:
        text = f"both sides are equal for all {seeds} seeds: deterministic, but {others}"
    else:
        text = f"all {seeds} differences are equal: deterministic, but {others}"
        # Coarse values, such as accuracies, may coincide: where no difference is more likely than
        # 1/2, n of them do with at most 2**(1-n), which is also the p-value of the sign test.
        if 2.0 ** (1 - seeds) > level:
            text = f"all {seeds} differences are equal, which may be a coincidence in so few seeds"
            needed = 1 + math.ceil(-math.log2(level))
            return _Result(Conclusion.INCONCLUSIVE, text, estimate, interval, interval, needed)
    finding = Conclusion.EQUIVALENT if within else Conclusion.DIFFERENT
    return _Result(finding, text, estimate, interval, interval)
