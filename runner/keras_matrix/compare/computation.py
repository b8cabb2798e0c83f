"""Judge whether two sides compute the same, seed by seed: nothing is random there. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keras_matrix.compare.certain import same
from keras_matrix.plan.tolerance import Tolerance

Repeats = Mapping[int | None, Sequence[float]]
"""The values of a metric on one side, by seed; several where the seed was repeated."""


@dataclass(frozen=True)
class SeedValues:
    """A metric on one seed: the mean of its repeats on each side, None where a side lacks it.

    ``allowed`` is the largest difference that counts as none, in the metric's unit.
    """

    seed: int | None
    reference: float | None
    other: float | None
    allowed: float

    @property
    def difference(self) -> float:
        """How far the sides are apart; infinite if one lacks the metric or is not finite."""
        if self.reference is None or self.other is None:
            return math.inf
        if same(self.reference, self.other):
            return 0.0
        apart = abs(self.other - self.reference)
        return apart if math.isfinite(apart) else math.inf

    @property
    def within(self) -> bool:
        """Whether the sides are as close as is allowed."""
        # The tolerance of an infinite reference is infinite, too: that is no agreement.
        apart = self.difference
        return not apart or (math.isfinite(apart) and apart <= self.allowed)


@dataclass(frozen=True)
class SeedBySeed:
    """A metric compared on each of ``seeds``.

    ``floor`` is how far one side was from itself when a seed was repeated; None if none was.
    """

    seeds: tuple[SeedValues, ...]
    floor: float | None

    @property
    def beyond(self) -> tuple[SeedValues, ...]:
        """The seeds on which the sides are further apart than is allowed."""
        return tuple(seed for seed in self.seeds if not seed.within)

    @property
    def worst(self) -> SeedValues:
        """The seed on which the sides are furthest apart, for what is allowed there."""
        return max(self.seeds, key=lambda seed: (not seed.within, seed.difference - seed.allowed))


def compare(reference: Repeats, other: Repeats, tolerance: Tolerance) -> SeedBySeed | None:
    """Compare two sides seed by seed; None if there is no seed.

    A seed's values may differ by the tolerance plus the noise floor: the largest distance between
    two repeats of one seed on one side, which is no difference between the sides.
    """
    spreads = [
        max(values) - min(values)
        for side in (reference, other)
        for values in side.values()
        if len(values) > 1 and all(map(math.isfinite, values))
    ]
    floor = max(spreads) if spreads else None
    seeds = []
    for seed in dict.fromkeys((*reference, *other)):
        here, there = (mean(side[seed]) if seed in side else None for side in (reference, other))
        allowed = 0.0
        if here is not None and math.isfinite(here):
            allowed = tolerance.allowed(here) + (floor or 0.0)
        seeds.append(SeedValues(seed, here, there, allowed))
    return SeedBySeed(tuple(seeds), floor) if seeds else None


def mean(values: Sequence[float]) -> float:
    """Return the mean, also of values that overflow or are not finite."""
    if len(set(values)) == 1:
        return values[0]
    return sum(value / len(values) for value in values)
