"""How far apart rounding alone may bring two results. Pure.

The rounding error of a sum of n terms grows like the square root of n for errors that are
independent (Higham and Mary, A new approach to probabilistic rounding error analysis, SIAM J. Sci.
Comput. 41, 2019); it is told in units in the last place of float32, of the largest number there.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from runner.trace.bundle import Array, Bundle, Key, Node
from runner.trace.distance import EPS, Distance

CHAINED = 16.0
"""Units in the last place by which a result may differ that has gone through layers before."""
ALONE = 8.0
"""The same of one layer, from identical inputs."""
FLOOR = 10.0
"""Times what moving the inputs by one unit in the last place changes."""
LARGEST_FLOOR = 1e-3
"""Of the largest number: a nudge that changes more than that met a jump, which is no rounding."""


@dataclass(frozen=True)
class Allowance:
    """What the user allows instead: ``atol + rtol * |reference|``."""

    atol: float | None = None
    rtol: float | None = None

    @property
    def given(self) -> bool:
        """Whether anything was given."""
        return self.atol is not None or self.rtol is not None


def bound(scale: float, terms: float, units: float, allowance: Allowance) -> float:
    """Return the largest difference that is rounding, for results of sums of so many terms."""
    if allowance.given:
        return (allowance.atol or 0.0) + (allowance.rtol or 0.0) * scale
    return units * EPS * math.sqrt(max(terms, 1.0)) * scale


def with_floor(limit: float, floor: float, scale: float) -> float:
    """Return the bound for a layer alone, given what a nudge of its inputs changes."""
    return max(limit, min(FLOOR * floor, LARGEST_FLOOR * scale))


def over(found: Distance, limit: float) -> bool:
    """Tell whether two arrays differ: in shape, in what is not finite, or by more than a bound."""
    return not found.same_shape or found.odd > 0 or found.maximum > limit


def terms(bundle: Bundle, key: Key, node: Node | None, value: Array) -> float:
    """Return about how many terms were summed up for each element of an array."""
    what, name, _ = key
    batch = _batch(bundle)
    if what.startswith(("metric", "alone.loss")):
        return batch * 8
    if node is not None and what in ("output", "alone"):
        return max(_fan_in(bundle, node), 1.0)
    if what.endswith("output"):
        # Backwards through all that follows.
        return max(batch, value.shape[-1] if value.ndim else 1)
    # Weights, and what arrives at them: sums over the batch and all places in it.
    return batch * max(_places(bundle, name), 1.0)


def _batch(bundle: Bundle) -> float:
    stored = bundle.arrays.get(("batch", "0", "first"))
    return float(stored.shape[0]) if stored is not None and stored.shape else 1.0


def _fan_in(bundle: Bundle, node: Node) -> float:
    found = [_product(_shape(bundle, ("weight", name, "start"))[:-1]) for name in node.weights]
    # Pooling and averages have no weights: at most all of a sample is summed up.
    sizes = [_product([size or 1 for size in shape[1:]]) for shape in node.input_shapes]
    return max([*found, *(sizes if not found else ())], default=1.0)


def _places(bundle: Bundle, weight: str) -> float:
    for node in bundle.nodes:
        if any(weight == name or weight.startswith(name + ".") for name in node.weights):
            shape = _shape(bundle, ("output", node.key, "inference"))
            return _product(shape[1:-1])
    return 1.0


def _shape(bundle: Bundle, key: Key) -> Sequence[int]:
    stored = bundle.arrays.get(key)
    return stored.shape if stored is not None else ()


def _product(sizes: Sequence[int]) -> float:
    return float(math.prod(sizes))
