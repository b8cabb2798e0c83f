"""Equivalence of two means on the scale of the reference's own spread between seeds. Pure.

The criterion is that of scaled average equivalence: ``|mean difference| <= k * s``, where ``s`` is
the standard deviation between seeds of the reference, which is itself uncertain. Two upper bounds
must both stay below it:

- that of Hyslop, Hsuan & Holder (2000, Stat. Med. 19:2885-2897) on ``difference**2 - (k * s)**2``,
  which joins the bounds of its two parts as Howe (1974, JASA 69:789-794) does. The FDA uses it for
  highly variable drugs (Draft Guidance on Progesterone, 2011). It is for values near normal;
- that of the delta method on ``|difference| - k * s``, from each seed's influence on both, so that
  a skewed metric, whose mean and spread move together, is not called equivalent too often.

Tothfalusi & Endrenyi (2016, Pharm. Res. 33:2805-2814) compare such tests. What both bounds together
give was simulated: see docs/explanation/statistics.md.
"""

import math
from dataclasses import dataclass

import numpy as np

from keras_matrix.compare.intervals import Floats, Spread, fewest

PLANNING_SEEDS = 5
"""With fewer seeds than these, how many more are needed is planned without their own spread."""
LEAST_SEEDS = 3
"""The fewest seeds that are planned for."""


@dataclass(frozen=True)
class ScaledBound:
    """An upper bound on the difference of means, to be compared with ``margin``.

    ``margin`` is ``k * s``, in the metric's unit. The uncertainty of ``s`` is in the bound, so the
    bound may only be compared with this margin.
    """

    margin: float
    bound: float

    @property
    def equivalent(self) -> bool:
        """Whether the difference is shown to be within the margin."""
        return self.margin > 0 and self.bound <= self.margin


def scaled_bound(
    x: Floats, y: Floats, spread: Spread, *, paired: bool, spreads: float, tail: float
) -> ScaledBound:
    """Bound the difference of the means of ``y`` and the reference ``x``.

    ``spread`` is that of the difference, ``spreads`` the margin in standard deviations of the
    reference, ``tail`` the probability that the true difference is beyond the bound.
    """
    difference = abs(float((y - x).mean() if paired else y.mean() - x.mean()))
    deviation = float(x.std(ddof=1)) if np.ptp(x) else 0.0
    margin = spreads * deviation
    bound = max(
        _hyslop(difference, spread, margin, len(x), tail),
        difference + _half_width(x, y, deviation, paired=paired, spreads=spreads, tail=tail),
    )
    return ScaledBound(margin, bound)


def _hyslop(difference: float, spread: Spread, margin: float, seeds: int, tail: float) -> float:
    from scipy import special

    half = -float(special.stdtrit(spread.df, tail)) * spread.error
    share = (seeds - 1) / float(special.chdtri(seeds - 1, tail))
    beyond = (difference + half) ** 2 - difference**2
    uncertain = margin**2 * (1 - share)
    return math.sqrt(difference**2 + math.hypot(beyond, uncertain))


def _half_width(
    x: Floats, y: Floats, deviation: float, *, paired: bool, spreads: float, tail: float
) -> float:
    from scipy import special

    sign = 1.0 if y.mean() >= x.mean() else -1.0
    of_spread = np.zeros_like(x)
    if deviation:
        # The influence of a value on the standard deviation.
        of_spread = spreads * ((x - x.mean()) ** 2 - deviation**2) / (2 * deviation)
    influences = [sign * (y - x) - of_spread] if paired else [-sign * x - of_spread, sign * y]
    spread = Spread.of(*influences)
    return -float(special.stdtrit(spread.df, tail)) * spread.error


def seeds_needed(
    difference: float,
    spread: Spread,
    deviation: float,
    *,
    spreads: float,
    level: float,
    power: float,
    least: int,
) -> int:
    """Return about how many seeds a side would show DIFFERENT or EQUIVALENT with this power.

    That is for this true difference, spread and standard deviation of the reference, and values
    near normal; at most ``MAX_SEEDS_NEEDED``. ``least`` is one more than the seeds that there are:
    of fewer than ``PLANNING_SEEDS`` the spread is too uncertain, and that of two sides that are
    alike and independent stands for it.
    """
    from scipy import special

    if least <= PLANNING_SEEDS:
        spread = Spread(error=0.0, df=0.0, variance=2 * deviation**2, share=2.0)

    quantile = float(special.ndtri(power))
    margin = spreads * deviation

    def enough(seeds: int) -> bool:
        error = math.sqrt(spread.variance / seeds)
        of_margin = margin / math.sqrt(2 * seeds)
        both = math.hypot(error, of_margin)
        df = (seeds - 1) * spread.share
        if difference > margin:
            critical = -float(special.stdtrit(df, level / 2)) * error
            return difference - quantile * error >= critical and (
                difference - margin >= quantile * both
            )
        # Next to no difference, the estimate's size alone is some 0.8 errors.
        off = max(difference, 0.8 * error)
        half = -float(special.stdtrit(df, level)) * error
        share = (seeds - 1) / float(special.chdtri(seeds - 1, level))
        bound = off**2 + math.hypot((off + half) ** 2 - off**2, margin**2 * (1 - share))
        return math.sqrt(bound) + quantile / 2 * both <= margin

    return fewest(enough, max(least, LEAST_SEEDS))
