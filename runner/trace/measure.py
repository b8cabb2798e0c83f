"""Measure all that two cells dumped: how far apart, and how far rounding alone may bring them."""

from collections.abc import Iterator
from dataclasses import dataclass

from runner.trace import bounds
from runner.trace.bounds import Allowance
from runner.trace.bundle import Bundle, Key, Node
from runner.trace.distance import Distance, distance

ALONE = "alone"
NUDGED = ".nudged"
AFTER = "after"
TIGHT = ("weight", "batch", "alone.step", "alone.step.slot")
"""What no sum has gone into: the same numbers, or steps from the same gradients."""


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


def measure(
    reference: Bundle, other: Bundle, allowance: Allowance, about: Bundle | None = None
) -> Table:
    """Measure what both dumped; ``about`` knows the model's shapes where they do not.

    Raises:
        BadStreamError: an array cannot be read.
    """
    about = about or reference
    nodes = {node.key: node for node in about.nodes}
    found: Table = {}
    for key in reference.arrays:
        what, name, when = key
        if what.endswith(NUDGED) or what == AFTER or key not in other.arrays:
            continue
        one, two = reference.array(key), other.array(key)
        if one is None or two is None:
            continue
        apart = distance(one, two)
        units = bounds.ALONE if what.startswith(ALONE) else bounds.CHAINED
        where, _, weight = name.partition(" ")
        node = nodes.get(_node_of(where))
        label = (what, weight or where, when)
        summed = 1.0 if what in TIGHT else bounds.terms(about, label, node, one)
        limit = bounds.bound(apart.scale, summed, units, allowance)
        if what.startswith(ALONE) and not allowance.given:
            floor = max(_floor(reference, key), _floor(other, key))
            limit = bounds.with_floor(limit, floor, apart.scale)
        found[key] = Measured(apart, limit)
    return found


def _floor(bundle: Bundle, key: Key) -> float:
    """Return what moving the inputs by one unit in the last place changes."""
    what, name, when = key
    kept, moved = bundle.array(key), bundle.array((what + NUDGED, name, when))
    if kept is None or moved is None:
        return 0.0
    return distance(kept, moved).maximum


def _node_of(name: str) -> str:
    # An output other than the first has its number after the key.
    key, _, number = name.rpartition(":")
    return key if key and number.isdigit() else name


def of_node(table: Table, what: str, node: Node, phases: list[str]) -> Iterator[Measured]:
    """Yield what was measured of all outputs of a node, in all phases."""
    from runner.trace.bundle import port

    for phase in phases:
        for index in range(node.outputs):
            found = table.get((what, port(node.key, index), phase))
            if found is not None:
                yield found
