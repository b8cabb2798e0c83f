"""Measure how far apart two cells' captures are, and how far rounding alone may bring them."""

from collections.abc import Iterator
from dataclasses import dataclass

from keras_matrix.trace import rounding
from keras_matrix.trace.distance import Distance, measure_distance
from keras_matrix.trace.dump import Array, ArrayKey, Capture, Node, port
from keras_matrix.trace.rounding import Allowance, RoundingBounds

NUDGED_SUFFIX = ".nudged"
"""What marks an array computed from inputs moved by one unit in the last place."""
AFTER_TRAINING = "after"
"""What marks a weight as it is after the script's whole training."""


@dataclass(frozen=True)
class Measurement:
    """A distance, and the largest distance that rounding explains."""

    distance: Distance
    limit: float

    @property
    def over_limit(self) -> bool:
        """Whether rounding does not explain the distance."""
        return rounding.exceeds(self.distance, self.limit)

    @property
    def excess(self) -> float:
        """The distance divided by the limit; infinite if shapes or non-finite elements differ."""
        if not self.distance.same_shape or self.distance.odd:
            return float("inf")
        if self.limit == 0:
            return float("inf") if self.distance.maximum else 0.0
        return self.distance.maximum / self.limit


Measurements = dict[ArrayKey, Measurement]


def measure(reference: Capture, other: Capture, allowance: Allowance) -> Measurements:
    """Measure all arrays of a model that both cells captured.

    Raises:
        UnreadableError: an array cannot be read.
    """
    distances = {
        key: measure_distance(expected, actual)
        for key, expected, actual in _array_pairs(reference, other)
    }
    scales = {key: distance.scale for key, distance in distances.items()}
    bounds = RoundingBounds(reference, scales, allowance)
    return {
        key: Measurement(distance, bounds.limit(key, distance.scale, 0.0))
        for key, distance in distances.items()
    }


def measure_replays(
    reference: Capture,
    other: Capture,
    allowance: Allowance,
    model: Capture,
    measurements: Measurements,
) -> Measurements:
    """Measure what both cells replayed alone.

    ``model`` is the reference's first capture, which describes the model, ``measurements`` what
    was measured of it.

    Raises:
        UnreadableError: an array cannot be read.
    """
    scales = {key: measurement.distance.scale for key, measurement in measurements.items()}
    bounds = RoundingBounds(model, scales, allowance)
    replays: Measurements = {}
    for key, expected, actual in _array_pairs(reference, other):
        distance = measure_distance(expected, actual)
        nudge = max(_nudge_effect(reference, key, expected), _nudge_effect(other, key, actual))
        replays[key] = Measurement(distance, bounds.limit(key, distance.scale, nudge))
    return replays


def _array_pairs(reference: Capture, other: Capture) -> Iterator[tuple[ArrayKey, Array, Array]]:
    """Yield the arrays that both cells captured, except nudged ones and those after training."""
    for key in reference.arrays:
        what = key[0]
        if what.endswith(NUDGED_SUFFIX) or what == AFTER_TRAINING:
            continue
        expected, actual = reference.array(key), other.array(key)
        if expected is not None and actual is not None:
            yield key, expected, actual


def _nudge_effect(capture: Capture, key: ArrayKey, array: Array) -> float:
    """Return how far an array moves if its inputs move by one unit in the last place."""
    what, name, when = key
    nudged = capture.array((what + NUDGED_SUFFIX, name, when))
    return measure_distance(array, nudged).maximum if nudged is not None else 0.0


def node_measurements(
    measurements: Measurements, what: str, node: Node, phases: list[str]
) -> Iterator[Measurement]:
    """Yield what was measured of all outputs of a node, in all learning phases."""
    for phase in phases:
        for index in range(node.outputs):
            measurement = measurements.get((what, port(node.key, index), phase))
            if measurement is not None:
                yield measurement
