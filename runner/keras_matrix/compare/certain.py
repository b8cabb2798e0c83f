"""What is certain whatever the number of seeds: no statistics are needed for it. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras_matrix.records.record import Outcome, Record

FINITE = "finite"
NOT_FINITE = {"nan": "NaN", "inf": "infinite", "-inf": "minus infinite"}
"""What values are called that are not finite, by how Python writes them."""

SCRIPTS_OWN = (Outcome.SCRIPT_ERROR, Outcome.BACKEND_BOUND)
"""Outcomes that come from what the script computes, so that another seed changes nothing."""


@dataclass(frozen=True)
class Certain:
    """A certain verdict on a metric: whether the sides agree, and why, as a clause for users."""

    agree: bool
    why: str


@dataclass(frozen=True)
class OneSided:
    """A script that fails on every seed of one image, in one way, and on none of another."""

    image: str
    other: str
    outcome: Outcome
    seeds: int


def of_values(
    reference: Mapping[Any, float], other: Mapping[Any, float], names: tuple[str, str]
) -> Certain | None:
    """Return what is certain of the values of two sides, by seed; None if nothing is.

    Values that are not finite on every seed of one side, and finite or of another kind on every
    seed of the other, are a difference that no further seed can undo.
    """
    if reference.keys() == other.keys() and all(
        same(value, other[seed]) for seed, value in reference.items()
    ):
        return Certain(True, f"equal to the last bit{_on_seeds(len(reference))}")
    kinds = [_kinds([*side.values()]) for side in (reference, other)]
    if "" in kinds or kinds[0] == kinds[1]:
        return None
    sides = [
        (kind, len(side), name)
        for kind, side, name in zip(kinds, (reference, other), names, strict=True)
    ]
    sides.sort(key=lambda side: side[0] == FINITE)
    texts = [f"{kind} on {_every_seed(count)} of {name}" for kind, count, name in sides]
    return Certain(False, ", ".join(texts))


def same(one: float, other: float) -> bool:
    """Tell whether two values are the same: NaN equals NaN."""
    return one == other or (math.isnan(one) and math.isnan(other))


def one_sided_failures(records: Sequence[Record], images: Sequence[str]) -> tuple[OneSided, ...]:
    """Return the images whose every cell failed in one way, where another image has no failure."""
    outcomes = {
        image: [record.outcome for record in records if record.cell.image == image]
        for image in images
    }
    well = [image for image, ends in outcomes.items() if ends and set(ends) == {Outcome.OK}]
    return tuple(
        OneSided(image, well[0], ends[0], len(ends))
        for image, ends in outcomes.items()
        if well and len(set(ends)) == 1 and ends[0] in SCRIPTS_OWN
    )


def _kinds(values: Sequence[float]) -> str:
    """Return what all values are; empty if some are finite and some are not."""
    finite = {math.isfinite(value) for value in values}
    if len(finite) != 1:
        return ""
    if finite == {True}:
        return FINITE
    kinds = {NOT_FINITE[repr(float(value))] for value in values}
    return kinds.pop() if len(kinds) == 1 else "not finite"


def _every_seed(count: int) -> str:
    return "the one seed" if count == 1 else f"every one of {count} seeds"


def _on_seeds(count: int) -> str:
    return "" if count == 1 else f" on all {count} seeds"
