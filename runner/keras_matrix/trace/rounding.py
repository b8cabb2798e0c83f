"""How far apart rounding alone may bring two results. Pure.

The rounding error of a sum of n terms grows like the square root of n for errors that are
independent (Higham and Mary, A new approach to probabilistic rounding error analysis, SIAM J. Sci.
Comput. 41, 2019); it is told in units in the last place of float32, of the largest number there.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keras_matrix.trace.distance import EPS, Distance
from keras_matrix.trace.dump import Bundle, Key, Node, port

CHAINED = 16.0
"""Units in the last place by which a result may differ that has gone through layers before."""
ALONE = 8.0
"""The same of one layer, from identical inputs."""
FLOOR = 10.0
"""Times what moving the inputs by one unit in the last place changes."""
LARGEST_FLOOR = 1e-3
"""Of the largest number: a nudge that changes more than that met a jump, which is no rounding."""
PER_STEP = 64.0
"""Terms of a step from given gradients: a norm of all of them is a sum, too."""
PER_SAMPLE = 8.0
"""Terms of a loss, a sample each."""


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


def over(found: Distance, limit: float) -> bool:
    """Tell whether two arrays differ: in shape, in what is not finite, or by more than a bound."""
    return not found.same_shape or found.odd > 0 or found.maximum > limit


class Rounding:
    """How far rounding may bring each array of a model, from shapes and sizes in the reference.

    ``scales`` are the largest magnitudes of what was dumped. A sum whose terms cancel is as far
    off as its terms are large, not as small as it comes out: those sizes count, too.
    """

    def __init__(self, about: Bundle, scales: Mapping[Key, float], allowance: Allowance) -> None:
        self._about = about
        self._scales = scales
        self._allowance = allowance
        self._nodes = {node.key: node for node in about.nodes}
        self._phase = about.model.phases[-1] if about.model is not None else "training"
        self._holders: dict[str, Node] = {}
        self._users: dict[str, list[Node]] = {}
        for node in about.nodes:
            for name in node.weights:
                self._holders.setdefault(name, node)
            for key, index in node.feeds:
                self._users.setdefault(port(key, index), []).append(node)

    def limit(self, key: Key, scale: float, floor: float) -> float:
        """Return the bound of an array; ``floor`` is what moving the inputs by one unit changes."""
        what, name, _ = key
        if self._allowance.given:
            return bound(scale, 1.0, 0.0, self._allowance)
        units = ALONE if what.startswith("alone") else CHAINED
        size = self._size(key, scale)
        limit = bound(size, self._terms(key), units, self._allowance)
        if floor:
            node = self._nodes.get(node_of(name))
            terms = size if node is None or what != "alone" else max(size, self._product(node))
            limit = max(limit, min(FLOOR * floor, LARGEST_FLOOR * terms))
        return limit

    def _size(self, key: Key, scale: float) -> float:
        """Return how large the terms are that an array is made of."""
        what, name, _ = key
        if what == "gradient" and name in self._holders:
            node = self._holders[name]
            return max(scale, self._upstream(node) * max(1.0, self._inputs(node)))
        if what == "gradient.output":
            users = self._users.get(name, [])
            sizes = [self._upstream(node) * max(1.0, self._weights(node)) for node in users]
            return max([scale, *sizes])
        if what == "alone.gradient":
            where, _, part = name.partition(" ")
            found = self._nodes.get(where)
            if found is None:
                return scale
            other = self._weights(found) if part.startswith("input:") else self._inputs(found)
            return max(scale, self._upstream(found) * max(1.0, other))
        if what == "step" and name in self._holders and name not in self._about.trained:
            node = self._holders[name]
            momentum = node.config.get("momentum")
            share = 1 - momentum if isinstance(momentum, float) else 1.0
            return max(scale, share * self._inputs(node)) if scale < 1 else scale
        return scale

    def _terms(self, key: Key) -> float:
        """Return about how many terms are summed up for each element of an array."""
        what, name, _ = key
        if what in ("weight", "batch"):
            return 1.0
        if what.startswith("alone.step"):
            return PER_STEP
        batch = self._batch()
        if what == "metric" or what.startswith("alone.loss"):
            return batch * PER_SAMPLE
        if what in ("output", "alone"):
            node = self._nodes.get(node_of(name))
            return self._fan_in(node) if node is not None else 1.0
        if what == "gradient.output":
            return max([batch, *(self._fan_out(node) for node in self._users.get(name, []))])
        part = name.partition(" ")[2] or name
        if part.startswith("input:"):
            node = self._nodes.get(name.partition(" ")[0])
            return max(batch, self._fan_out(node) if node is not None else 1.0)
        # Weights, and what arrives at them: sums over the batch and all places in it.
        holder = self._holders.get(part.partition(".slot")[0])
        return batch * (self._places(holder) if holder is not None else 1.0)

    def _batch(self) -> float:
        shape = self._shape(("batch", "0", "first"))
        return float(shape[0]) if shape else 1.0

    def _fan_in(self, node: Node) -> float:
        kernels = [math.prod(self._shape(("weight", n, "start"))[:-1]) for n in node.weights]
        if kernels:
            return float(max(kernels))
        # Pooling and averages have no weights: at most all of a sample is summed up.
        samples = [math.prod(size or 1 for size in shape[1:]) for shape in node.input_shapes]
        return float(max(samples, default=1))

    def _fan_out(self, node: Node) -> float:
        shapes = [self._shape(("weight", name, "start")) for name in node.weights]
        kernels = [math.prod((*shape[:-2], *shape[-1:])) for shape in shapes if len(shape) > 1]
        return float(max(kernels, default=1))

    def _places(self, node: Node) -> float:
        return float(math.prod(self._shape(("output", node.key, self._phase))[1:-1]))

    def _upstream(self, node: Node) -> float:
        ports = (port(node.key, index) for index in range(node.outputs))
        found = max((self._scale("gradient.output", name) for name in ports), default=0.0)
        # TensorFlow goes around the outputs of a softmax; its weights' gradients do as well.
        return found or max((self._scale("gradient", name) for name in node.weights), default=0.0)

    def _inputs(self, node: Node) -> float:
        return max((self._scale("output", port(*feed)) for feed in node.feeds), default=0.0)

    def _weights(self, node: Node) -> float:
        return max(
            (self._scales.get(("weight", name, "start"), 0.0) for name in node.weights), default=0.0
        )

    def _product(self, node: Node) -> float:
        return self._inputs(node) * max(1.0, self._weights(node))

    def _scale(self, what: str, name: str) -> float:
        return self._scales.get((what, name, self._phase), 0.0)

    def _shape(self, key: Key) -> Sequence[int]:
        stored = self._about.arrays.get(key)
        return stored.shape if stored is not None else ()


def node_of(name: str) -> str:
    """Return the key of the node that an output's name belongs to."""
    # An output other than the first has its number after the key.
    key, _, number = name.rpartition(":")
    return key if key and number.isdigit() else name
