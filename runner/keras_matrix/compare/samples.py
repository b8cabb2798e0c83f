"""The values of two sides, one a seed: matched, counted, summed up. Pure."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from keras_matrix.compare.intervals import Floats

Values: TypeAlias = Mapping[Any, float] | Sequence[float]
"""One value a seed: by seed, or as a sequence; sequences of equal length are in the same order."""


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


def match(reference: Values, other: Values) -> tuple[Floats, Floats, bool, int]:
    """Return both sides' values, whether they are paired, and how many seeds pairing leaves out.

    Raises:
        ValueError: only one side is by seed.
    """
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


def sample(good: Floats, seeds: int, unusable: int) -> Sample:
    """Sum up the usable values of one side."""
    if not len(good):
        return Sample(seeds, unusable, 0, math.nan, math.nan)
    # Quartiles by linear interpolation: type 7 of Hyndman & Fan 1996, Am. Stat. 50:361-365.
    values = good.tolist() * (2 if len(good) == 1 else 1)
    low, median, high = statistics.quantiles(values, method="inclusive")
    return Sample(seeds, unusable, len(good), median, high - low)


def p_value_of_usable(x: NDArray[np.bool_], y: NDArray[np.bool_], paired: bool) -> float:
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
