"""Measure how far apart two cells' captures are, and how far rounding alone may bring them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy

from keras_matrix.trace import rounding
from keras_matrix.trace.distance import FLOAT32_EPSILON, Distance, measure_distance
from keras_matrix.trace.dump import Array, ArrayKey, Capture, Node, port
from keras_matrix.trace.rounding import Allowance, RoundingBounds

NUDGED_SUFFIX = ".nudged"
"""What marks an array computed from inputs moved by one unit in the last place."""
FLOATS = ("float16", "float32", "float64")
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
    bounds = RoundingBounds(reference, scales, allowance, coarsest_epsilon(reference, other))
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
    bounds = RoundingBounds(model, scales, allowance, coarsest_epsilon(model, reference, other))
    replays: Measurements = {}
    for key, expected, actual in _array_pairs(reference, other):
        distance = measure_distance(expected, actual)
        nudge = max(_nudge_effect(reference, key, expected), _nudge_effect(other, key, actual))
        replays[key] = Measurement(distance, bounds.limit(key, distance.scale, nudge))
    return replays


def measure_inherited(
    captures: tuple[Capture, Capture],
    replays: tuple[Capture, Capture],
    measurements: Measurements,
) -> Measurements:
    """Measure what arrays differ by besides what they differ by alone, under the model's keys.

    ``captures`` are the reference's and the other image's, ``replays`` what the two computed alone.
    Of each image's array the one that it computed from the reference's inputs is subtracted: what
    is left came with its own inputs, and how far that is apart is not the place's own doing.

    Raises:
        UnreadableError: an array cannot be read.
    """
    inherited: Measurements = {}
    for key in replays[0].arrays:
        in_model = _key_in_model(key)
        if in_model not in measurements or key not in replays[1].arrays:
            continue
        expected, actual = (
            _difference(capture.array(in_model), alone.array(key))
            for capture, alone in zip(captures, replays, strict=True)
        )
        if expected is not None and actual is not None:
            distance = measure_distance(expected, actual)
            inherited[in_model] = Measurement(distance, measurements[in_model].limit)
    return inherited


def _key_in_model(key: ArrayKey) -> ArrayKey | None:
    """Return the key in the model of a value of the first step that was computed alone."""
    what, name, when = key
    match what:
        case "alone":
            return "output", name, when
        case "alone.loss":
            return "metric", name, when
        case "alone.gradient":
            return "gradient", name.partition(" ")[2], when
    return None


def _difference(array: Array | None, alone: Array | None) -> Array | None:
    """Subtract an array in float64; None if the two cannot be compared."""
    if array is None or alone is None or array.shape != alone.shape or array.dtype.kind != "f":
        return None
    with numpy.errstate(all="ignore"):
        difference: Array = array.astype(numpy.float64) - alone.astype(numpy.float64)
    return difference if bool(numpy.isfinite(difference).all()) else None


def coarsest_epsilon(*captures: Capture) -> float:
    """Return the unit in the last place of 1 in the coarsest type that the model's values have.

    It is that of float32 if the model has no values of another type.
    """
    names = {
        stored.dtype
        for capture in captures
        for (what, _, _), stored in capture.arrays.items()
        if what in ("weight", "output", "alone")
    }
    known = [float(numpy.finfo(name).eps) for name in names if name in FLOATS]
    return max(known, default=FLOAT32_EPSILON)


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
