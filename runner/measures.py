"""Name what a cell measured: from an observation to metrics under stable names. Pure.

``fit.loss`` is the last epoch's; a second fit is ``fit#2``. ``fit.seconds`` is the wall time
around the call, which is what people print; it includes graph building and compiling, so the
time to the first batch, the first epoch and the steady epochs (median of the others) stand apart.
"""

import statistics
from dataclasses import dataclass

from runner.record import Record
from runner.stream import Call
from runner.tolerance import Kind


@dataclass(frozen=True)
class Measure:
    """One metric of one cell; for an array ``value`` is its mean and ``file`` holds all of it."""

    metric: str
    kind: Kind
    value: float
    file: str | None = None


def measures(record: Record) -> tuple[Measure, ...]:
    """Return all metrics of a record's finished calls, in the order of the script."""
    found: list[Measure] = []
    for call in record.observation.calls:
        if call.finished:
            found += _of_call(call)
    return tuple(found)


def _of_call(call: Call) -> list[Measure]:
    found = [
        Measure(f"{call.name}.{metric}", Kind.SCORE, float(value))
        for metric, value in call.metrics.items()
    ]
    found += [
        Measure(f"{array.name}", Kind.ARRAY, float(array.mean), array.file)
        for array in call.arrays
        if array.mean is not None
    ]
    times = {"seconds": call.seconds, "first_batch_seconds": call.first_batch_seconds}
    if call.epochs:
        times["first_epoch_seconds"] = call.epochs[0].seconds
    if len(call.epochs) > 1:
        times["steady_epoch_seconds"] = statistics.median(
            epoch.seconds for epoch in call.epochs[1:]
        )
    found += [
        Measure(f"{call.name}.{name}", Kind.TIME, value)
        for name, value in times.items()
        if value is not None
    ]
    return found
