"""How far apart rounding alone may bring two results. Pure.

The rounding error of a sum of n terms grows like the square root of n for errors that are
independent (Higham and Mary, A new approach to probabilistic rounding error analysis, SIAM J. Sci.
Comput. 41, 2019). It is expressed in units in the last place (ulps) at the largest number of the
array, of the type that the model computes in.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keras_matrix.trace.distance import Distance
from keras_matrix.trace.dump import ArrayKey, Capture, Node, port

CHAINED_ULPS = 16.0
"""Ulps, by the root of the terms, for a result that has passed through the layers before it."""
ALONE_ULPS = 8.0
"""Ulps, by the root of the terms, for one layer computed from identical inputs."""
NUDGE_FACTOR = 10.0
"""How many times the effect of moving the inputs by one ulp still counts as rounding."""
MAX_NUDGE_SHARE = 1e-3
"""The largest effect of a nudge that counts, as a share of the largest number.

A nudge that changes more than this met a jump, which is not rounding.
"""
TERMS_PER_STEP = 64.0
"""Terms of an optimizer step from given gradients: the norm of all gradients is a sum, too."""
TERMS_PER_SAMPLE = 8.0
"""Terms that each sample adds to a loss or metric."""


@dataclass(frozen=True)
class Allowance:
    """The difference that the user allows in place of rounding: ``atol + rtol * |reference|``."""

    atol: float | None = None
    rtol: float | None = None

    @property
    def is_set(self) -> bool:
        """Whether the user has set a tolerance."""
        return self.atol is not None or self.rtol is not None


def rounding_bound(
    scale: float, terms: float, ulps: float, allowance: Allowance, epsilon: float
) -> float:
    """Return the largest difference that is rounding, for sums of ``terms`` terms.

    ``scale`` is the size of the largest term, ``ulps`` the bound for a single term, ``epsilon`` the
    unit in the last place of 1.
    """
    if allowance.is_set:
        return (allowance.atol or 0.0) + (allowance.rtol or 0.0) * scale
    return ulps * epsilon * math.sqrt(max(terms, 1.0)) * scale


def exceeds(distance: Distance, limit: float) -> bool:
    """Tell whether arrays differ in shape, in non-finite elements, or by more than a limit."""
    return not distance.same_shape or distance.odd > 0 or distance.maximum > limit


class RoundingBounds:
    """How far rounding may bring each array of a model, from shapes and sizes in the reference.

    ``scales`` are the largest magnitudes of the captured arrays, ``epsilon`` is the unit in the
    last place of 1 in the model's numbers. The rounding error of a sum whose terms cancel is as
    large as its terms are, not as its result, so the terms' sizes count.
    """

    def __init__(
        self,
        capture: Capture,
        scales: Mapping[ArrayKey, float],
        allowance: Allowance,
        epsilon: float,
    ) -> None:
        self._capture = capture
        self._scales = scales
        self._allowance = allowance
        self._epsilon = epsilon
        self._nodes = {node.key: node for node in capture.nodes}
        self._phase = capture.model.phases[-1] if capture.model is not None else "training"
        self._node_by_weight: dict[str, Node] = {}
        self._consumers: dict[str, list[Node]] = {}
        for node in capture.nodes:
            for name in node.weights:
                self._node_by_weight.setdefault(name, node)
            for key, index in node.feeds:
                self._consumers.setdefault(port(key, index), []).append(node)

    def limit(self, key: ArrayKey, scale: float, nudge: float) -> float:
        """Return the largest distance of an array that is rounding.

        ``nudge`` is how far the array moves if its inputs move by one ulp, 0 if that was not tried.
        """
        what, name, _ = key
        if self._allowance.is_set:
            return rounding_bound(scale, 1.0, 0.0, self._allowance, self._epsilon)
        ulps = ALONE_ULPS if what.startswith("alone") else CHAINED_ULPS
        term_size = self._term_size(key, scale)
        terms = self._term_count(key)
        limit = rounding_bound(term_size, terms, ulps, self._allowance, self._epsilon)
        if nudge:
            node = self._nodes.get(node_key_of_output(name))
            if node is not None and what == "alone":
                term_size = max(term_size, self._product_size(node))
            limit = max(limit, min(NUDGE_FACTOR * nudge, MAX_NUDGE_SHARE * term_size))
        return limit

    def _term_size(self, key: ArrayKey, scale: float) -> float:
        """Return the size of the terms whose sums an array's elements are."""
        what, name, _ = key
        if what == "gradient" and name in self._node_by_weight:
            node = self._node_by_weight[name]
            return max(scale, self._upstream_size(node) * max(1.0, self._input_size(node)))
        if what == "gradient.output":
            sizes = [
                self._upstream_size(node) * max(1.0, self._weight_size(node))
                for node in self._consumers.get(name, [])
            ]
            return max([scale, *sizes])
        if what == "alone.gradient":
            node_key, _, part = name.partition(" ")
            replayed = self._nodes.get(node_key)
            if replayed is None:
                return scale
            by_input = part.startswith("input:")
            factor = self._weight_size(replayed) if by_input else self._input_size(replayed)
            return max(scale, self._upstream_size(replayed) * max(1.0, factor))
        averaged = what in ("step", "alone.moving") and name not in self._capture.trained
        if averaged and name in self._node_by_weight:
            node = self._node_by_weight[name]
            momentum = node.config.get("momentum")
            share = 1 - momentum if isinstance(momentum, float) else 1.0
            return max(scale, share * self._input_size(node)) if scale < 1 else scale
        return scale

    def _term_count(self, key: ArrayKey) -> float:
        """Return about how many terms are summed for each element of an array."""
        what, name, _ = key
        if what in ("weight", "batch"):
            return 1.0
        if what.startswith("alone.step"):
            return TERMS_PER_STEP
        batch_size = self._batch_size()
        if what == "metric" or what.startswith("alone.loss"):
            return batch_size * TERMS_PER_SAMPLE
        if what in ("output", "alone"):
            node = self._nodes.get(node_key_of_output(name))
            return self._fan_in(node) if node is not None else 1.0
        if what == "gradient.output":
            fan_outs = (self._fan_out(node) for node in self._consumers.get(name, []))
            return max([batch_size, *fan_outs])
        part = name.partition(" ")[2] or name
        if part.startswith("input:"):
            node = self._nodes.get(name.partition(" ")[0])
            return max(batch_size, self._fan_out(node) if node is not None else 1.0)
        # Gradients of weights, and what arrives at weights: sums over the batch and all positions.
        node = self._node_by_weight.get(part.partition(".slot")[0])
        return batch_size * (self._positions(node) if node is not None else 1.0)

    def _batch_size(self) -> float:
        shape = self._shape(("batch", "0", "first"))
        return float(shape[0]) if shape else 1.0

    def _fan_in(self, node: Node) -> float:
        kernels = [math.prod(self._shape(("weight", n, "start"))[:-1]) for n in node.weights]
        if kernels:
            return float(max(kernels))
        # Pooling and averages have no weights; they sum at most all elements of a sample.
        samples = [math.prod(size or 1 for size in shape[1:]) for shape in node.input_shapes]
        return float(max(samples, default=1))

    def _fan_out(self, node: Node) -> float:
        shapes = [self._shape(("weight", name, "start")) for name in node.weights]
        kernels = [math.prod((*shape[:-2], *shape[-1:])) for shape in shapes if len(shape) > 1]
        return float(max(kernels, default=1))

    def _positions(self, node: Node) -> float:
        """Return at how many positions of its output a layer applies its weights."""
        return float(math.prod(self._shape(("output", node.key, self._phase))[1:-1]))

    def _upstream_size(self, node: Node) -> float:
        """Return the largest gradient that arrives at a layer's outputs."""
        ports = (port(node.key, index) for index in range(node.outputs))
        largest = max((self._scale("gradient.output", name) for name in ports), default=0.0)
        # TensorFlow's gradient bypasses the outputs of a softmax; then take that of the weights.
        return largest or max((self._scale("gradient", name) for name in node.weights), default=0.0)

    def _input_size(self, node: Node) -> float:
        return max((self._scale("output", port(*feed)) for feed in node.feeds), default=0.0)

    def _weight_size(self, node: Node) -> float:
        return max(
            (self._scales.get(("weight", name, "start"), 0.0) for name in node.weights), default=0.0
        )

    def _product_size(self, node: Node) -> float:
        return self._input_size(node) * max(1.0, self._weight_size(node))

    def _scale(self, what: str, name: str) -> float:
        return self._scales.get((what, name, self._phase), 0.0)

    def _shape(self, key: ArrayKey) -> Sequence[int]:
        stored = self._capture.arrays.get(key)
        return stored.shape if stored is not None else ()


def node_key_of_output(name: str) -> str:
    """Return the key of the node that an output's name belongs to."""
    # An output other than the first has its number after the key.
    key, _, number = name.rpartition(":")
    return key if key and number.isdigit() else name
