"""Measure all that two cells dumped: how far apart, and how far rounding alone may bring them."""

from collections.abc import Iterator
from dataclasses import dataclass

from keras_matrix.trace import rounding as bounds
from keras_matrix.trace.distance import Distance, distance
from keras_matrix.trace.dump import Array, Bundle, Key, Node, port
from keras_matrix.trace.rounding import Allowance, Rounding

NUDGED = ".nudged"
AFTER = "after"


@dataclass(frozen=True)
class Measured:
    """A distance, and the largest that is rounding."""

    distance: Distance
    limit: float

    @property
    def over(self) -> bool:
        """Whether it is more than rounding."""
        return bounds.over(self.distance, self.limit)

    @property
    def excess(self) -> float:
        """The distance in limits; infinite where shapes or what is not finite differ."""
        if not self.distance.same_shape or self.distance.odd:
            return float("inf")
        if self.limit == 0:
            return float("inf") if self.distance.maximum else 0.0
        return self.distance.maximum / self.limit


Table = dict[Key, Measured]


def measure(reference: Bundle, other: Bundle, allowance: Allowance) -> Table:
    """Measure what both dumped of a model.

    Raises:
        UnreadableError: an array cannot be read.
    """
    found = {key: distance(one, two) for key, one, two in _pairs(reference, other)}
    rounding = Rounding(reference, {key: one.scale for key, one in found.items()}, allowance)
    return {key: Measured(one, rounding.limit(key, one.scale, 0.0)) for key, one in found.items()}


def measure_alone(
    reference: Bundle, other: Bundle, allowance: Allowance, about: Bundle, table: Table
) -> Table:
    """Measure what both replayed alone of a model that ``about`` and ``table`` tell of.

    Raises:
        UnreadableError: an array cannot be read.
    """
    scales = {key: measured.distance.scale for key, measured in table.items()}
    rounding = Rounding(about, scales, allowance)
    found: Table = {}
    for key, one, two in _pairs(reference, other):
        apart = distance(one, two)
        floor = max(_moved(reference, key, one), _moved(other, key, two))
        found[key] = Measured(apart, rounding.limit(key, apart.scale, floor))
    return found


def _pairs(reference: Bundle, other: Bundle) -> Iterator[tuple[Key, Array, Array]]:
    """Yield what both dumped, but for the nudged and the trained."""
    for key in reference.arrays:
        what = key[0]
        if what.endswith(NUDGED) or what == AFTER:
            continue
        one, two = reference.array(key), other.array(key)
        if one is not None and two is not None:
            yield key, one, two


def _moved(bundle: Bundle, key: Key, kept: Array) -> float:
    """Return what moving the inputs by one unit in the last place changes."""
    what, name, when = key
    moved = bundle.array((what + NUDGED, name, when))
    return distance(kept, moved).maximum if moved is not None else 0.0


def of_node(table: Table, what: str, node: Node, phases: list[str]) -> Iterator[Measured]:
    """Yield what was measured of all outputs of a node, in all phases."""
    for phase in phases:
        for index in range(node.outputs):
            found = table.get((what, port(node.key, index), phase))
            if found is not None:
                yield found
