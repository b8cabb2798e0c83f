"""Judge what became of the real training: is it more than chaos? Pure.

The floor is how far the same backend comes apart from itself when its first weights are moved by
one unit in the last place: what rounding grows to in this training, on this data.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from keras_matrix.records.observation import Call
from keras_matrix.records.record import Record
from keras_matrix.trace import rounding
from keras_matrix.trace.distance import Distance, distance
from keras_matrix.trace.dump import Bundle
from keras_matrix.trace.finding import Finding, Kind, Origin
from keras_matrix.trace.judge import finding_of, holder
from keras_matrix.trace.measure import AFTER, Measured, Table
from keras_matrix.trace.rounding import Allowance

FACTOR = 10.0
"""Times the floor: backends round anew at each step, a nudge happens but once."""
PER_STEP = 16.0
"""Units in the last place that an update may add."""
LOSSES = ("loss", "val_loss")
UNTOLD_STEPS = 64.0


def after(
    reference: Bundle,
    other: Bundle,
    nudged: Sequence[tuple[Bundle, Bundle]],
    steps: float,
    allowance: Allowance,
) -> Table:
    """Measure the weights after the real training, against rounding and the noise floor.

    ``nudged`` are pairs of what one backend's run and its run from moved weights came to.

    Raises:
        UnreadableError: an array cannot be read.
    """
    apart = {
        key: _between(reference, other, *key[1:])
        for key in reference.arrays
        if key[0] == AFTER and key in other.arrays
    }
    # Rounding of any weight reaches all others: a small bias is no more exact than the rest.
    largest = max((one.scale for one in apart.values()), default=0.0)
    found: Table = {}
    for key, one in apart.items():
        floor = max((_between(*pair, *key[1:]).maximum for pair in nudged), default=0.0)
        scale = one.scale if allowance.given else largest
        limit = rounding.bound(scale, steps, PER_STEP, allowance)
        found[key] = Measured(one, max(limit, FACTOR * floor))
    return found


def training(
    reference: Bundle,
    table: Table,
    records: tuple[Record, Record],
    floors: Sequence[tuple[Record, Record]],
    allowance: Allowance,
    real: Sequence[Finding],
) -> Iterator[Finding]:
    """Yield what differs after the real training by more than the noise floor.

    ``floors`` are pairs of the records of one backend's run and its run from moved weights.
    """
    origin = Origin.INHERITED if real else Origin.REAL
    for (what, name, _), found in table.items():
        if what == AFTER and found.over:
            node = holder(reference, name)
            yield finding_of(Kind.TRAINING, origin, name, node, "weight after training", found)
    yield from _history(records, floors, allowance, origin, steps_of(records[0]))


def _between(one: Bundle, two: Bundle, name: str, when: str) -> Distance:
    first, second = one.array((AFTER, name, when)), two.array((AFTER, name, when))
    if first is None or second is None:
        return Distance(shape=(), reference_shape=())
    return distance(first, second)


def _history(
    records: tuple[Record, Record],
    floors: Sequence[tuple[Record, Record]],
    allowance: Allowance,
    origin: Origin,
    steps: float,
) -> Iterator[Finding]:
    curves = losses(records[0]), losses(records[1])
    for name, curve in curves[0].items():
        if name not in curves[1]:
            continue
        other = curves[1][name]
        if len(curve) != len(other):
            what = f"{len(curve)} epochs on the reference, {len(other)} on the other image"
            yield finding_of(Kind.TRAINING, origin, name, None, what)
            continue
        scale = max((abs(value) for value in curve if math.isfinite(value)), default=0.0)
        shape = (len(curve),)
        if _odd(curve, other):
            if any(_odd(losses(a).get(name, ()), losses(b).get(name, ())) for a, b in floors):
                # Rounding alone turns it into what is not finite.
                continue
            odd = Distance(shape=shape, reference_shape=shape, scale=scale, odd=1)
            yield finding_of(Kind.NAN, origin, name, None, "loss by epoch", Measured(odd, 0.0))
            continue
        apart = _apart(curve, other)
        floor = max(
            (_apart(losses(one).get(name, ()), losses(two).get(name, ())) for one, two in floors),
            default=0.0,
        )
        limit = max(rounding.bound(scale, steps, rounding.CHAINED, allowance), FACTOR * floor)
        if apart > limit:
            figures = Distance(shape=shape, reference_shape=shape, scale=scale, maximum=apart)
            yield finding_of(
                Kind.TRAINING, origin, name, None, "loss by epoch", Measured(figures, limit)
            )


def losses(record: Record) -> Mapping[str, tuple[float, ...]]:
    """Return the losses of the first training call, an epoch each."""
    call = _first_fit(record)
    if call is None:
        return {}
    return {
        name: tuple(float(epoch.metrics[name]) for epoch in call.epochs)
        for name in LOSSES
        if all(name in epoch.metrics for epoch in call.epochs)
    }


def _first_fit(record: Record) -> Call | None:
    return next((call for call in record.observation.calls if call.kind == "fit"), None)


def _odd(one: Sequence[float], two: Sequence[float]) -> bool:
    """Tell whether one of two curves is finite where the other is not."""
    pairs = zip(one, two, strict=False)
    return any(math.isfinite(first) != math.isfinite(second) for first, second in pairs)


def _apart(one: Sequence[float], two: Sequence[float]) -> float:
    """Return the largest difference of two curves, as far as both go and are finite."""
    return max(
        (
            abs(first - second)
            for first, second in zip(one, two, strict=False)
            if math.isfinite(first) and math.isfinite(second)
        ),
        default=0.0,
    )


def steps_of(record: Record) -> float:
    """Return how many updates there were, as far as that was told."""
    call = _first_fit(record)
    if call is None:
        return UNTOLD_STEPS
    samples, size = call.params.get("samples", 0), call.params.get("batch_size", 0)
    batches = math.ceil(samples / size) if size else call.params.get("steps", 1)
    return float(max(1, len(call.epochs) * batches))
