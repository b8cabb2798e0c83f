"""Learning curves as values: what training calls logged after each epoch, over seeds. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from keras_matrix.compare.intervals import MAX_FINITE
from keras_matrix.compare.metrics import NO_SITE
from keras_matrix.records.observation import Call
from keras_matrix.records.record import Record
from keras_matrix.report.plots.series import series_styles, usable_records

Floats = NDArray[np.float64]

MAX_CURVE_EPOCHS = 100
"""Epochs of a curve that are drawn, and its last one; a longer curve is thinned evenly."""
MIN_PERCENTILE_SEEDS = 10
"""Seeds from which on the band goes by percentiles; with fewer it is the whole range."""
LOW_PERCENTILE = 10
HIGH_PERCENTILE = 90
VALIDATION_PREFIX = "val_"
"""Keras puts this before a metric's name where it is measured on the validation data."""


@dataclass(frozen=True)
class Curve:
    """A metric of one series, with an entry for each epoch that is drawn.

    ``median``, ``low`` and ``high`` are NaN where no seed has a finite value. ``reached`` counts
    the seeds that trained so far, ``not_finite`` those of them without a finite value;
    ``all_not_finite`` counts such values by epoch, including the epochs that are not drawn.
    """

    name: str
    seeds: int
    epochs: tuple[int, ...]
    median: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    reached: tuple[int, ...]
    not_finite: tuple[int, ...]
    all_not_finite: Mapping[int, int]


@dataclass(frozen=True)
class Panel:
    """A metric of one training call, or of several calls from one line of the script.

    ``call_starts`` are the first epochs of the second and each further call; ``epochs`` counts
    all epochs, of which every ``step``-th is drawn.
    """

    calls: tuple[str, ...]
    metric: str
    curves: tuple[Curve, ...]
    call_starts: tuple[int, ...]
    epochs: int
    step: int

    @property
    def calls_name(self) -> str:
        """The name of the call, or of the first and the last one."""
        return self.calls[0] if len(self.calls) == 1 else f"{self.calls[0]} to {self.calls[-1]}"


@dataclass
class _ScriptLine:
    """The calls at one line of the script: values by metric, series, seed and epoch."""

    calls: list[str] = field(default_factory=list)
    call_starts: tuple[int, ...] = ()
    values: dict[str, dict[str, dict[int, dict[int, float]]]] = field(default_factory=dict)


def make_panels(records: Sequence[Record], images: Sequence[str]) -> tuple[Panel, ...]:
    """Return what can be drawn: a panel for each line of the script and each metric."""
    usable = usable_records(records)
    lines: dict[tuple[str, ...], _ScriptLine] = {}
    for record in usable:
        for key, calls in _calls_by_line(record).items():
            _add_calls(lines.setdefault(key, _ScriptLine()), record, calls)
    names = list(series_styles(usable, images))
    return tuple(
        _panel(line, metric, [(name, values[name]) for name in names if name in values])
        for line in lines.values()
        for metric, values in sorted(line.values.items(), key=lambda item: _rank(item[0], line))
    )


def _rank(metric: str, line: _ScriptLine) -> tuple[int, bool]:
    """Order metrics as they were logged, each before its own value on the validation data."""
    trained = [name for name in line.values if not name.startswith(VALIDATION_PREFIX)]
    base = metric.removeprefix(VALIDATION_PREFIX)
    return trained.index(base) if base in trained else len(trained), metric != base


def _calls_by_line(record: Record) -> dict[tuple[str, ...], list[Call]]:
    """Return the finished training calls of a record, those of a loop together."""
    calls_by_line: dict[tuple[str, ...], list[Call]] = {}
    for call in record.observation.calls:
        if call.finished and call.epochs:
            site = call.name if call.site == NO_SITE else call.site
            calls_by_line.setdefault((call.kind, call.model, site), []).append(call)
    return calls_by_line


def _add_calls(line: _ScriptLine, record: Record, calls: Sequence[Call]) -> None:
    if len(calls) > len(line.calls):
        line.calls = [call.name for call in calls]
    numbered_epochs: list[tuple[int, Mapping[str, float | str]]] = []
    call_starts = []
    for call in calls:
        if numbered_epochs:
            call_starts.append(len(numbered_epochs) + 1)
        # A single call keeps Keras' numbers, also where it resumed at a later epoch.
        first = call.epochs[0].epoch + 1 if len(calls) == 1 else len(numbered_epochs) + 1
        numbered_epochs += [
            (number, epoch.metrics) for number, epoch in enumerate(call.epochs, first)
        ]
    if len(call_starts) >= len(line.call_starts):
        line.call_starts = tuple(call_starts)
    seed = -1 if record.cell.seed is None else record.cell.seed
    for epoch, metrics in numbered_epochs:
        for metric, value in metrics.items():
            seeds_by_series = line.values.setdefault(metric, {})
            epochs_by_seed = seeds_by_series.setdefault(record.cell.group.id, {})
            epochs_by_seed.setdefault(seed, {})[epoch] = float(value)


def _panel(
    line: _ScriptLine,
    metric: str,
    series: Sequence[tuple[str, Mapping[int, Mapping[int, float]]]],
) -> Panel:
    epochs = sorted({epoch for _, seeds in series for values in seeds.values() for epoch in values})
    step = math.ceil(len(epochs) / MAX_CURVE_EPOCHS)
    drawn = sorted({*range(0, len(epochs), step), len(epochs) - 1})
    curves = tuple(_curve(name, seeds, epochs, drawn) for name, seeds in series)
    return Panel(tuple(line.calls), metric, curves, line.call_starts, len(epochs), step)


def _curve(
    name: str,
    seeds: Mapping[int, Mapping[int, float]],
    epochs: Sequence[int],
    drawn: Sequence[int],
) -> Curve:
    """Return the curve of a series; ``drawn`` are the indices of the epochs to draw."""
    # Both arrays have shape (seeds, epochs).
    values = np.array(
        [[by_epoch.get(epoch, math.nan) for epoch in epochs] for by_epoch in seeds.values()],
        dtype=np.float64,
    )
    reached = np.array([[epoch in by_epoch for epoch in epochs] for by_epoch in seeds.values()])
    # A value whose square overflows cannot be drawn either.
    finite = reached & (np.abs(np.nan_to_num(values, nan=math.inf)) < MAX_FINITE)
    not_finite = (reached & ~finite).sum(axis=0)
    bands = [_band(values[finite[:, index], index]) for index in drawn]
    return Curve(
        name=name,
        seeds=len(seeds),
        epochs=tuple(epochs[index] for index in drawn),
        median=tuple(median for _, median, _ in bands),
        low=tuple(low for low, _, _ in bands),
        high=tuple(high for _, _, high in bands),
        reached=tuple(int(reached[:, index].sum()) for index in drawn),
        not_finite=tuple(int(not_finite[index]) for index in drawn),
        all_not_finite={
            epoch: int(count) for epoch, count in zip(epochs, not_finite, strict=True) if count
        },
    )


def _band(values: Floats) -> tuple[float, float, float]:
    """Return the low end of the band of some seeds' values, their median, and its high end."""
    if not len(values):
        return math.nan, math.nan, math.nan
    if len(values) < MIN_PERCENTILE_SEEDS:
        return float(values.min()), float(np.median(values)), float(values.max())
    low, median, high = np.percentile(values, (LOW_PERCENTILE, 50, HIGH_PERCENTILE))
    return float(low), float(median), float(high)
