"""Compare the repeats of one seed, and one seed with another, on the same image. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras_matrix.compare.intervals import MAX_FINITE


@dataclass(frozen=True)
class Repeatability:
    """How well the same seed on the same image repeats a metric.

    ``seeds`` counts the seeds that were repeated, ``runs`` their repeats. ``bit_identical`` says
    whether every seed gave the same value each time, NaN included; None if no seed was repeated.
    ``spread`` is the standard deviation within a seed, in the metric's unit; None without two
    finite values of one seed.
    """

    seeds: int
    runs: int
    bit_identical: bool | None
    spread: float | None


def repeatability(values_by_seed: Mapping[Any, Sequence[float]]) -> Repeatability:
    """Measure whether the same seed gives the same value again, and how far apart if not.

    The spread is pooled over the seeds by their degrees of freedom, as the repeatability standard
    deviation of ISO 5725-2:2019 is.
    """
    repeated = [values for values in values_by_seed.values() if len(values) > 1]
    squares, freedom = 0.0, 0
    for values in repeated:
        finite = [value for value in values if abs(value) < MAX_FINITE]
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
    """Return whether all values are the same to the bit: NaN equals NaN, and 0 is not -0."""
    return len({float(value).hex() for value in values}) <= 1


def seeds_itself(values: Mapping[str, Mapping[Any, float]]) -> bool:
    """Return whether a script ignores the seed it was given, so that no metric depends on it.

    ``values`` are those of one image, by metric and seed. Pass all metrics but times: an accuracy
    alone may be the same by chance, or be 1 throughout. False with fewer than two seeds.
    """
    several = [list(by_seed.values()) for by_seed in values.values() if len(by_seed) > 1]
    finite = any(math.isfinite(value) for by_seed in several for value in by_seed)
    return finite and all(identical(by_seed) for by_seed in several)
