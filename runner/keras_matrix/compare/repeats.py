"""Tell what repeats of one seed, and different seeds, have in common. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras_matrix.compare.intervals import LARGEST


@dataclass(frozen=True)
class Repeatability:
    """What repeats of the same seed on the same image gave.

    ``seeds`` were repeated, in ``runs`` altogether. ``bit_identical``: every repeat of every seed,
    NaN included; None if no seed was repeated. ``spread`` is the standard deviation within a
    seed, in the metric's unit; None if there is none to be had from finite values.
    """

    seeds: int
    runs: int
    bit_identical: bool | None
    spread: float | None


def repeatability(values_by_seed: Mapping[Any, Sequence[float]]) -> Repeatability:
    """Tell whether the same seed gives the same value again, and how far apart if not.

    The spread is pooled over the seeds by their degrees of freedom, as the repeatability standard
    deviation of ISO 5725-2:2019 is.
    """
    repeated = [values for values in values_by_seed.values() if len(values) > 1]
    squares, freedom = 0.0, 0
    for values in repeated:
        finite = [value for value in values if abs(value) < LARGEST]
        if len(finite) > 1 and not identical(finite):
            mean = math.fsum(finite) / len(finite)
            squares += math.fsum((value - mean) ** 2 for value in finite)
        freedom += max(0, len(finite) - 1)
    return Repeatability(
        seeds=len(repeated),
        runs=sum(len(values) for values in repeated),
        bit_identical=all(identical(values) for values in repeated) if repeated else None,
        spread=math.sqrt(squares / freedom) if freedom else None,
    )


def identical(values: Sequence[float]) -> bool:
    """Tell whether all values are the same to the bit; NaN is the same as NaN, 0 not as -0."""
    return len({float(value).hex() for value in values}) <= 1


def seeds_itself(values: Mapping[str, Mapping[Any, float]]) -> bool:
    """Tell whether a script ignores the seed it was given: no metric depends on it.

    ``values`` are one image's, by metric and seed. Hand over all metrics but times: an accuracy
    alone may be the same by chance, or be 1 throughout. False with fewer than two seeds.
    """
    several = [list(by_seed.values()) for by_seed in values.values() if len(by_seed) > 1]
    finite = any(math.isfinite(value) for by_seed in several for value in by_seed)
    return finite and all(identical(by_seed) for by_seed in several)
