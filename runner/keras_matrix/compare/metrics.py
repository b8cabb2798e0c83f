"""Turn what a cell observed into metrics under stable names. Pure.

``fit.loss`` is the loss of the last epoch; a second fit is ``fit#2``. ``fit.seconds`` is the wall
time around the call, which is what people print. It includes graph building and compiling, so the
times to the first batch, of the first epoch and of the steady epochs (the median of the others)
are metrics of their own.

A script may make hundreds of calls in a loop: of those, only the first and the last are measured.
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

MAX_CALLS_OF_SITE = 10
"""Calls from one line of the script that are all measured; of more, the first and the last."""
NO_SITE = "?"
"""The site of a call whose line is not known."""


@dataclass(frozen=True)
class Site:
    """A line of the script that calls a method on a model."""

    kind: str
    model: str
    place: str


class Measure(msgspec.Struct, frozen=True):
    """One metric of one cell; for an array, ``value`` is its mean and ``file`` holds its elements.

    ``compiled`` counts the modules that the backend compiled within a time. ``drawn`` is whether
    the metric depends on numbers that the backend drew by itself, None if that is not known.
    ``shape`` is that of an array, ``spread`` the standard deviation of its elements.
    """

    metric: str
    kind: MetricKind
    value: float
    file: str | None = None
    compiled: int = 0
    drawn: bool | None = None
    shape: tuple[int, ...] = ()
    spread: float | None = None

    @property
    def figures(self) -> dict[str, float]:
        """All figures that are known of the metric, by name: of an array, two."""
        found = {self.metric: self.value}
        if self.spread is not None:
            found[f"{self.metric} (spread)"] = self.spread
        return found


def measures(record: Record) -> tuple[Measure, ...]:
    """Return the metrics of a record's finished calls, in the order of the script.

    Of more than ``MAX_CALLS_OF_SITE`` calls from one site, those of the first and the last.
    """
    return tuple(measure for call in measured_calls(record) for measure in _measures_of_call(call))


def all_measures(record: Record) -> tuple[Measure, ...]:
    """Return the metrics of all finished calls, those in the middle of a loop included."""
    return tuple(measure for call in _finished(record) for measure in _measures_of_call(call))


def measured_calls(record: Record) -> tuple[Call, ...]:
    """Return the finished calls whose metrics are compared."""
    ends = {
        id(call)
        for calls in _by_site(record).values()
        for call in (calls if len(calls) <= MAX_CALLS_OF_SITE else (calls[0], calls[-1]))
    }
    return tuple(call for call in _finished(record) if call.site == NO_SITE or id(call) in ends)


def loops(record: Record) -> dict[Site, int]:
    """Return the number of calls at each site where only the first and the last are measured."""
    by_site = _by_site(record)
    return {site: len(calls) for site, calls in by_site.items() if len(calls) > MAX_CALLS_OF_SITE}


def _by_site(record: Record) -> dict[Site, list[Call]]:
    calls: dict[Site, list[Call]] = {}
    for call in _finished(record):
        if call.site != NO_SITE:
            calls.setdefault(Site(call.kind, call.model, call.site), []).append(call)
    return calls


def _finished(record: Record) -> list[Call]:
    return [call for call in record.observation.calls if call.finished]


def _measures_of_call(call: Call) -> list[Measure]:
    measures = [
        Measure(f"{call.name}.{metric}", MetricKind.SCORE, float(value), drawn=call.drawn)
        for metric, value in call.metrics.items()
    ]
    measures += [
        Measure(
            array.name,
            MetricKind.ARRAY,
            float(array.mean),
            array.file,
            drawn=call.drawn,
            shape=tuple(array.shape),
            spread=None if array.std is None else float(array.std),
        )
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
        # A later epoch may be the first to do something, such as a prediction every tenth epoch.
        steady = [epoch.seconds for epoch in others if not epoch.compiled]
        if steady:
            times.append(("steady_epoch_seconds", statistics.median(steady), 0))
    measures += [
        Measure(f"{call.name}.{name}", MetricKind.TIME, value, compiled=compiled)
        for name, value, compiled in times
        if value is not None
    ]
    return measures


def without_compiles(side: Mapping[Key, Iterable[Measure]]) -> dict[Key, dict[str, Measure]]:
    """Return the measures of replicates by name, leaving out times that include a compile.

    A time that includes one in all replicates of a side is kept, as there is no other.
    """
    warm = {
        measure.metric for measures in side.values() for measure in measures if not measure.compiled
    }
    return {
        key: {
            measure.metric: measure
            for measure in measures
            if not measure.compiled or measure.metric not in warm
        }
        for key, measures in side.items()
    }
