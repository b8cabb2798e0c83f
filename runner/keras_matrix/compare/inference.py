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
from dataclasses import dataclass
from enum import Enum

import numpy as np

from keras_matrix.compare import equivalence
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
from keras_matrix.compare.samples import Sample, Values, match, p_value_of_usable, sample
from keras_matrix.compare.steady import Steady, steady
from keras_matrix.text import plural

POWER = 0.8
"""The power that ``seeds_needed`` is computed for."""
NEAR_NORMAL_SEEDS = 10
"""With fewer seeds than these, a mean is near normal only if its values are."""


class Conclusion(Enum):
    """What the values allow to conclude: the ``finding`` of an inference."""

    EQUIVALENT = "equivalent"
    DIFFERENT = "different"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, kw_only=True)
class Inference:
    """The comparison of two sides.

    ``estimate`` is the mean difference or the ratio of geometric means, with its two-sided
    ``interval``. ``tost`` is the narrower interval of two one-sided tests, which is compared with
    ``margin``: a difference in the metric's unit or, for a ratio, a factor of 1 or more. Where the
    margin is so many ``spreads`` (standard deviations of the reference; None if it is the least
    that is allowed anyway), ``tost`` also holds the uncertainty of that. DIFFERENT without an
    estimate means that one side is finite more often.

    ``seeds_needed``, for INCONCLUSIVE, is how many seeds a side would settle it with the requested
    power if the true difference and spread are the observed ones, which are themselves uncertain;
    on the scale of the reference's spread, if there is no difference, unless one is shown.
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
    spreads: float | None
    finding: Conclusion
    seeds_needed: int | None
    method: str


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
    bound = _Margin(margin)
    return _infer(reference, other, Scale.DIFFERENCE, bound, level, comparisons, power)


def compare_scaled(
    reference: Values,
    other: Values,
    *,
    spreads: float,
    least: float = 0.0,
    level: float = LEVEL,
    comparisons: int = 1,
    power: float | None = POWER,
) -> Inference:
    """Compare means on the scale of the reference's own spread between seeds.

    The margin is ``spreads`` standard deviations of the reference, but not below ``least``, in the
    metric's unit. EQUIVALENT is by :mod:`keras_matrix.compare.equivalence`; all else is as in
    ``compare``.

    Raises:
        ValueError: level, spreads, least, power or comparisons are out of range.
    """
    if not (0 < spreads < math.inf and 0 <= least < math.inf):
        raise ValueError(f"a margin of {spreads} spreads, at least {least}, is out of range")
    bound = _Margin(least, spreads)
    return _infer(reference, other, Scale.DIFFERENCE, bound, level, comparisons, power)


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
    bound = _Margin(math.log(margin))
    return _infer(reference, other, Scale.RATIO, bound, level, comparisons, power)


@dataclass(frozen=True)
class _Margin:
    """What is allowed: ``least``, or so many ``spreads`` of the reference if that is more."""

    least: float
    spreads: float | None = None


@dataclass(frozen=True)
class _Result:
    """What :func:`_compare_usable` finds; of a ratio, on the scale of logarithms."""

    finding: Conclusion
    method: str
    estimate: float | None = None
    interval: Interval | None = None
    tost: Interval | None = None
    margin: float = 0.0
    seeds_needed: int | None = None


def _infer(
    reference: Values,
    other: Values,
    scale: Scale,
    margin: _Margin,
    level: float,
    comparisons: int,
    power: float | None,
) -> Inference:
    check_level(level, comparisons)
    if power is not None and not 0 < power < 1:
        raise ValueError(f"power {power} is not between 0 and 1")
    x, y, paired, unmatched = match(reference, other)
    use_x, use_y = usable(x, scale), usable(y, scale)
    bad_x, bad_y = int((~use_x).sum()), int((~use_y).sum())
    unequal = bool((use_x != use_y).any()) if paired else bad_x * len(y) != bad_y * len(x)
    p_value = p_value_of_usable(use_x, use_y, paired) if unequal else 1.0
    # There are two ways to be DIFFERENT, which share the level.
    own_level = level / comparisons / (2 if bad_x or bad_y else 1)
    if paired:
        use_x = use_y = use_x & use_y
    good_x, good_y = x[use_x], y[use_y]
    if p_value <= own_level:
        test = "McNemar's" if paired else "Fisher's"
        text = f"{test} exact test of how often values are finite"
        result = _Result(Conclusion.DIFFERENT, text, margin=margin.least)
    else:
        ratio = scale is Scale.RATIO
        logs = [np.log(good) if ratio else good for good in (good_x, good_y)]
        result = _compare_usable(logs[0], logs[1], paired, margin, own_level, power)
    finding, method = result.finding, result.method
    if scale is Scale.RATIO and result.interval is not None:
        method += ", of logarithms"
    if comparisons > 1:
        method += f"; level {level:g}, shared by {comparisons} metrics"
    if unmatched:
        method += f"; {plural(unmatched, 'seed')} of one side only left out"
    if bad_x or bad_y:
        kind = "not finite" if scale is Scale.DIFFERENCE else "not finite and positive"
        method += f"; {bad_x} of {len(x)} and {bad_y} of {len(y)} values are {kind}"
        if unequal and finding is Conclusion.EQUIVALENT:
            finding = Conclusion.INCONCLUSIVE
            method += ", so that the rest cannot show that the sides agree"
    return Inference(
        scale=scale,
        paired=paired,
        reference=sample(good_x, len(x), bad_x),
        other=sample(good_y, len(y), bad_y),
        estimate=None if result.estimate is None else scaled(result.estimate, scale),
        interval=result.interval and scaled_interval(result.interval, scale),
        tost=result.tost and scaled_interval(result.tost, scale),
        level=level,
        comparisons=comparisons,
        margin=scaled(result.margin, scale),
        spreads=margin.spreads if result.margin > margin.least else None,
        finding=finding,
        seeds_needed=result.seeds_needed,
        method=f"{method[0].upper()}{method[1:]}.",
    )


def _compare_usable(
    x: Floats, y: Floats, paired: bool, margin: _Margin, level: float, power: float | None
) -> _Result:
    """Compare values that are all usable."""
    if min(len(x), len(y)) < 2:
        estimate = float(y.mean() - x.mean()) if len(x) and len(y) else None
        lack = "fewer than two seeds have a usable value on both sides"
        lack = lack if paired else "a side has fewer than two usable values"
        text = f"{lack}, so no interval can be computed"
        return _Result(Conclusion.INCONCLUSIVE, text, estimate, margin=margin.least)
    equal = steady(x, y, paired)
    spread = Spread.of(y - x) if paired else Spread.of(x, y)
    estimate = float((y - x).mean() if paired else y.mean() - x.mean())
    if equal is not None:
        estimate = equal.estimate
        interval = tost = Interval(equal.low, equal.high, 1 - level)
    else:
        interval, tost = spread.interval(estimate, level / 2), spread.interval(estimate, level)
    text = _method(x, y, paired, equal)
    allowed, equivalent = margin.least, -margin.least <= tost.low and tost.high <= margin.least
    if equal is not None and estimate and not equal.constant:
        # Coarse values coincide now and then.
        equivalent = equivalent and equal.chance <= level
    if margin.spreads is not None:
        bound = equivalence.scaled_bound(
            x, y, spread, paired=paired, spreads=margin.spreads, tail=level
        )
        if bound.margin > margin.least and not equivalent:
            half = bound.bound - abs(estimate)
            tost = Interval(estimate - half, estimate + half, 1 - 2 * level)
            equivalent = bound.equivalent
        allowed = max(allowed, bound.margin)
    if equivalent:
        return _Result(Conclusion.EQUIVALENT, text, estimate, interval, tost, allowed)
    if equal is not None:
        if equal.chance <= level and equal.largest > allowed:
            return _Result(Conclusion.DIFFERENT, text, estimate, interval, tost, allowed)
        text += ", which may be a coincidence in so few seeds"
        needed = max(equal.needed(level), len(x) + 1)
        return _Result(Conclusion.INCONCLUSIVE, text, estimate, interval, tost, allowed, needed)
    if abs(estimate) > allowed and interval.distance(0):
        return _Result(Conclusion.DIFFERENT, text, estimate, interval, tost, allowed)
    more = _seeds_needed(x, y, spread, estimate, allowed, margin, level, power)
    return _Result(Conclusion.INCONCLUSIVE, text, estimate, interval, tost, allowed, more)


def _seeds_needed(
    x: Floats,
    y: Floats,
    spread: Spread,
    estimate: float,
    allowed: float,
    margin: _Margin,
    level: float,
    power: float | None,
) -> int | None:
    if power is None:
        return None
    least = max(len(x), len(y)) + 1
    if margin.spreads is None or allowed <= margin.least:
        return spread.seeds_needed(estimate, allowed, level, power, least=least)
    # A difference that may be none is planned for as none: few seeds say little of its size.
    apart = abs(estimate) if spread.interval(estimate, level / 2).distance(0) else 0.0
    return equivalence.seeds_needed(
        apart,
        spread,
        float(x.std(ddof=1)),
        spreads=margin.spreads,
        level=level,
        power=power,
        least=least,
    )


def _method(x: Floats, y: Floats, paired: bool, equal: Steady | None) -> str:
    if equal is not None and equal.constant:
        return f"each side gave one value on all {equal.seeds} seeds"
    if equal is not None:
        return f"all {equal.seeds} differences are equal"
    if paired:
        text = f"mean of the differences on {len(x)} seeds, t interval"
    else:
        text = f"difference of the means of {len(x)} and {len(y)} seeds, Welch's t interval"
    if min(len(x), len(y)) < NEAR_NORMAL_SEEDS:
        text += f"; with fewer than {NEAR_NORMAL_SEEDS} seeds it assumes values near normal"
    return text
