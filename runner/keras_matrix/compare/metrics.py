"""Name what a cell measured: from an observation to metrics under stable names. Pure.

Of the calls that a script makes in a loop, hundreds of them, the first and the last are measured.

``fit.loss`` is the last epoch's; a second fit is ``fit#2``. ``fit.seconds`` is the wall time
around the call, which is what people print; it includes graph building and compiling, so the
time to the first batch, the first epoch and the steady epochs (median of the others) stand apart.
"""

import statistics
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from keras_matrix.plan.tolerance import MetricKind
from keras_matrix.records.observation import Call
from keras_matrix.records.record import Record

Key = TypeVar("Key", bound=Hashable)

MOST_CALLS = 10
NO_SITE = "?"


@dataclass(frozen=True)
class Site:
    """A line of the script that calls a method on a model."""

    kind: str
    model: str
    place: str


class Measure(msgspec.Struct, frozen=True):
    """One metric of one cell; for an array ``value`` is its mean and ``file`` holds all of it.

    ``compiled`` counts the modules that the backend compiled within a time.
    """

    metric: str
    kind: MetricKind
    value: float
    file: str | None = None
    compiled: int = 0


def measures(record: Record) -> tuple[Measure, ...]:
    """Return the metrics of a record's finished calls, in the order of the script.

    Of more than ``MOST_CALLS`` from one site, those of the first and the last.
    """
    return tuple(one for call in measured_calls(record) for one in _of_call(call))


def all_measures(record: Record) -> tuple[Measure, ...]:
    """Return the metrics of all finished calls, also of those in the middle of a loop."""
    return tuple(one for call in _finished(record) for one in _of_call(call))


def measured_calls(record: Record) -> tuple[Call, ...]:
    """Return the finished calls whose metrics count."""
    ends = {
        id(call)
        for calls in _by_site(record).values()
        for call in (calls if len(calls) <= MOST_CALLS else (calls[0], calls[-1]))
    }
    return tuple(call for call in _finished(record) if call.site == NO_SITE or id(call) in ends)


def loops(record: Record) -> dict[Site, int]:
    """Return the number of calls at each site where only the first and the last are measured."""
    by_site = _by_site(record)
    return {site: len(calls) for site, calls in by_site.items() if len(calls) > MOST_CALLS}


def _by_site(record: Record) -> dict[Site, list[Call]]:
    found: dict[Site, list[Call]] = {}
    for call in _finished(record):
        if call.site != NO_SITE:
            found.setdefault(Site(call.kind, call.model, call.site), []).append(call)
    return found


def _finished(record: Record) -> list[Call]:
    return [call for call in record.observation.calls if call.finished]


def _of_call(call: Call) -> list[Measure]:
    found = [
        Measure(f"{call.name}.{metric}", MetricKind.SCORE, float(value))
        for metric, value in call.metrics.items()
    ]
    found += [
        Measure(f"{array.name}", MetricKind.ARRAY, float(array.mean), array.file)
        for array in call.arrays
        if array.mean is not None
    ]
    times = [
        ("seconds", call.seconds, call.compiled),
        ("first_batch_seconds", call.first_batch_seconds, call.first_batch_compiled),
    ]
    if call.epochs:
        first, *others = call.epochs
        times.append(("first_epoch_seconds", first.seconds, first.compiled))
        # Any epoch may be the first to do something, such as a prediction every tenth one.
        steady = [one.seconds for one in others if not one.compiled]
        if steady:
            times.append(("steady_epoch_seconds", statistics.median(steady), 0))
    found += [
        Measure(f"{call.name}.{name}", MetricKind.TIME, value, compiled=compiled)
        for name, value, compiled in times
        if value is not None
    ]
    return found


def without_compiles(side: Mapping[Key, Iterable[Measure]]) -> dict[Key, dict[str, Measure]]:
    """Return the measures of replicates by name, times with a compile in them left out.

    Where all replicates of a side compiled within a time, it is kept: there is no other.
    """
    warm = {one.metric for found in side.values() for one in found if not one.compiled}
    return {
        key: {one.metric: one for one in found if not one.compiled or one.metric not in warm}
        for key, found in side.items()
    }
