"""Compare curves over epochs, and find where they part. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras_matrix.compare.computation import SeedValues
from keras_matrix.compare.inference import Conclusion, Inference, compare
from keras_matrix.compare.intervals import LEVEL, check_level
from keras_matrix.plan.tolerance import Tolerance


@dataclass(frozen=True)
class Curves:
    """A metric's curves on two sides: one inference an epoch, with simultaneous intervals.

    ``parted`` is the first epoch, counted from 1 as Keras does, whose finding is DIFFERENT; None
    if no epoch's is. ``left_out`` counts the epochs after the last one that every run reached.
    """

    epochs: tuple[Inference, ...]
    parted: int | None
    left_out: int


def compare_curves(
    reference: Mapping[Any, Sequence[float]],
    other: Mapping[Any, Sequence[float]],
    *,
    margin: float = 0.0,
    level: float = LEVEL,
    comparisons: int = 1,
) -> Curves:
    """Compare curves, one a seed, epoch by epoch; ``comparisons`` is the number of curves.

    ``level`` holds for all epochs together, by Bonferroni: where there is no difference, any epoch
    is called DIFFERENT with a probability of ``level`` at most. Epochs are correlated, so this is
    cautious; a permutation of signs (max-t; Westfall & Young 1993) would be less so, but cannot
    reach 5% from fewer than 6 seeds, and needs random numbers.

    Only epochs that every run reached are compared: after an early stop, the runs that are left
    are a selection.

    Raises:
        ValueError: level, margin or comparisons are out of range.
    """
    check_level(level, comparisons)
    lengths = [len(curve) for side in (reference, other) for curve in side.values()]
    count = min(lengths) if reference and other else 0
    epochs = tuple(
        compare(
            {seed: curve[epoch] for seed, curve in reference.items()},
            {seed: curve[epoch] for seed, curve in other.items()},
            margin=margin,
            level=level,
            comparisons=comparisons * count,
            power=None,
        )
        for epoch in range(count)
    )
    parted = [n for n, epoch in enumerate(epochs, 1) if epoch.finding is Conclusion.DIFFERENT]
    return Curves(
        epochs=epochs,
        parted=parted[0] if parted else None,
        left_out=max(lengths, default=0) - count,
    )


def first_apart(
    reference: Mapping[Any, Sequence[float]],
    other: Mapping[Any, Sequence[float]],
    tolerance: Tolerance,
) -> int | None:
    """Return the first epoch, from 1, at which a seed's curves are beyond a tolerance; or None.

    That is for curves in which nothing is random but rounding: each seed stands for itself.
    """
    pairs = [(curve, other[seed]) for seed, curve in reference.items() if seed in other]
    epochs = min((min(map(len, pair)) for pair in pairs), default=0)
    for epoch in range(epochs):
        for one, two in pairs:
            allowed = tolerance.allowed(one[epoch])
            if not SeedValues(None, one[epoch], two[epoch], allowed).within:
                return epoch + 1
    return None
