"""Judge what the script's whole training came to: is it more than chaos? Pure.

The noise floor is how far the same backend ends up from itself when its first weights are moved by
one unit in the last place: what rounding grows to in this training, on this data.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from keras_matrix.records.observation import Call
from keras_matrix.records.record import Record
from keras_matrix.trace import rounding
from keras_matrix.trace.distance import Distance, measure_distance
from keras_matrix.trace.dump import ArrayKey, Capture
from keras_matrix.trace.finding import Finding, FindingKind, Origin
from keras_matrix.trace.judge import finding_kind, measured_finding, node_of_weight
from keras_matrix.trace.measure import AFTER_TRAINING, Measurement, Measurements
from keras_matrix.trace.rounding import Allowance

NOISE_FLOOR_FACTOR = 10.0
"""How many times the noise floor is still chaos.

Two backends round differently at each step, while the weights are moved only once.
"""
ULPS_PER_UPDATE = 16.0
"""Units in the last place, by the root of the updates, that training may add to a weight."""
HELD_OUT_LOSS = "val_loss"
LOSS_NAMES = ("loss", HELD_OUT_LOSS)
CURVE = "curve"
"""What marks a loss by epoch, among what was measured."""
STEPS_IF_UNREPORTED = 64.0
"""The number of updates that is assumed if the script reported none."""


def measure_trained_weights(
    reference: Capture,
    other: Capture,
    nudged: Sequence[tuple[Capture, Capture]],
    steps: float,
    allowance: Allowance,
    epsilon: float,
) -> Measurements:
    """Measure the weights after the whole training, with rounding and the noise floor as limits.

    ``nudged`` are pairs of one backend's capture and its capture from moved weights; ``epsilon`` is
    the unit in the last place of 1 in the model's numbers.

    Raises:
        UnreadableError: an array cannot be read.
    """
    distances = {
        key: _weight_distance(reference, other, *key[1:])
        for key in reference.arrays
        if key[0] == AFTER_TRAINING and key in other.arrays
    }
    # Rounding of any weight reaches all others, so a small bias is no more exact than the rest.
    largest = max((distance.scale for distance in distances.values()), default=0.0)
    measurements: Measurements = {}
    for key, distance in distances.items():
        noise_floor = max(
            (_weight_distance(*pair, *key[1:]).maximum for pair in nudged), default=0.0
        )
        scale = distance.scale if allowance.is_set else largest
        limit = rounding.rounding_bound(scale, steps, ULPS_PER_UPDATE, allowance, epsilon)
        limit = max(limit, NOISE_FLOOR_FACTOR * noise_floor)
        measurements[key] = Measurement(distance, limit)
    return measurements


def measure_curves(
    records: tuple[Record, Record],
    nudged: Sequence[tuple[Record, Record]],
    allowance: Allowance,
    epsilon: float,
) -> Measurements:
    """Measure the losses by epoch that both images reported, with the noise floor as their limit.

    ``nudged`` are pairs of one backend's record and its record from moved weights.
    """
    updates = count_updates(records[0])
    floors = [(loss_curves(record), loss_curves(moved)) for record, moved in nudged]
    other_curves = loss_curves(records[1])
    return {
        (CURVE, name, "fit"): _measure_curve(
            curve,
            other_curves[name],
            [(own.get(name, ()), moved.get(name, ())) for own, moved in floors],
            lambda scale: rounding.rounding_bound(
                scale, updates, rounding.CHAINED_ULPS, allowance, epsilon
            ),
        )
        for name, curve in loss_curves(records[0]).items()
        if name in other_curves
    }


def judge_training(
    capture: Capture, measurements: Measurements, explained: Callable[[ArrayKey], bool]
) -> Iterator[Finding]:
    """Yield what differs after the whole training by more than the noise floor.

    ``explained`` tells whether a difference in the first steps reaches it.
    """
    for key, measurement in measurements.items():
        if not measurement.over_limit:
            continue
        what, name, _ = key
        origin = Origin.INHERITED if explained(key) else Origin.REAL
        if what == AFTER_TRAINING:
            yield measured_finding(
                FindingKind.TRAINING,
                *(origin, name, node_of_weight(capture, name)),
                *("weight after training", measurement),
            )
        elif measurement.distance.same_shape:
            kind = finding_kind(measurement, FindingKind.TRAINING)
            yield measured_finding(kind, origin, name, None, "loss by epoch", measurement)
        else:
            (epochs,), (own,) = measurement.distance.reference_shape, measurement.distance.shape
            text = f"{epochs} epochs on the reference, {own} on the other image"
            yield measured_finding(FindingKind.TRAINING, origin, name, None, text)


def _weight_distance(reference: Capture, other: Capture, name: str, when: str) -> Distance:
    key = (AFTER_TRAINING, name, when)
    expected, actual = reference.array(key), other.array(key)
    if expected is None or actual is None:
        return Distance(shape=(), reference_shape=())
    return measure_distance(expected, actual)


def _measure_curve(
    curve: Sequence[float],
    other: Sequence[float],
    floors: Sequence[tuple[Sequence[float], Sequence[float]]],
    bound: Callable[[float], float],
) -> Measurement:
    """Measure a loss by epoch; ``floors`` are curves and those from moved weights.

    ``bound`` is what rounding explains of a loss of a size.
    """
    scale = max((abs(loss) for loss in curve if math.isfinite(loss)), default=0.0)
    floor = max((_largest_difference(*pair) for pair in floors), default=0.0)
    one_only = _finite_in_one_only(curve, other)
    # If moved weights make the loss NaN or infinite, rounding alone does.
    chaotic = any(_finite_in_one_only(*pair) for pair in floors)
    distance = Distance(
        shape=(len(other),),
        reference_shape=(len(curve),),
        scale=scale,
        maximum=_largest_difference(curve, other),
        odd=int(one_only and not chaotic),
    )
    limit = max(bound(scale), NOISE_FLOOR_FACTOR * floor)
    return Measurement(distance, math.inf if one_only and chaotic else limit)


def loss_curves(record: Record) -> Mapping[str, tuple[float, ...]]:
    """Return the losses of the script's first call of fit, one value for each epoch."""
    call = _first_fit(record)
    if call is None:
        return {}
    return {
        name: tuple(float(epoch.metrics[name]) for epoch in call.epochs)
        for name in LOSS_NAMES
        if all(name in epoch.metrics for epoch in call.epochs)
    }


def _first_fit(record: Record) -> Call | None:
    return next((call for call in record.observation.calls if call.kind == "fit"), None)


def _finite_in_one_only(curve: Sequence[float], other: Sequence[float]) -> bool:
    """Tell whether one of two curves is finite at an epoch where the other is not."""
    pairs = zip(curve, other, strict=False)
    return any(math.isfinite(first) != math.isfinite(second) for first, second in pairs)


def _largest_difference(curve: Sequence[float], other: Sequence[float]) -> float:
    """Return the largest difference of two curves over the epochs that both have as numbers."""
    return max(
        (
            abs(first - second)
            for first, second in zip(curve, other, strict=False)
            if math.isfinite(first) and math.isfinite(second)
        ),
        default=0.0,
    )


def count_updates(record: Record) -> float:
    """Return how many updates the first call of fit made, or an assumption if that is unknown."""
    call = _first_fit(record)
    if call is None:
        return STEPS_IF_UNREPORTED
    samples, batch_size = call.params.get("samples", 0), call.params.get("batch_size", 0)
    batches = math.ceil(samples / batch_size) if batch_size else call.params.get("steps", 1)
    return float(max(1, len(call.epochs) * batches))
