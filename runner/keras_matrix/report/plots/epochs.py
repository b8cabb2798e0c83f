"""Learning curves as values: what the training calls of a run told after each epoch. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from keras_matrix.compare.intervals import LARGEST
from keras_matrix.compare.metrics import NO_SITE
from keras_matrix.records.observation import Call
from keras_matrix.records.record import Record
from keras_matrix.report.plots.series import good, series

Floats = NDArray[np.float64]

MOST_POINTS = 100
"""Epochs of a curve that are kept; of more, every so many."""
MANY_SEEDS = 10
LOW, HIGH = 10, 90
"""From so many seeds on, a band goes by these percentiles."""
VALIDATION = "val_"


@dataclass(frozen=True)
class Curve:
    """A metric of one series, an entry an epoch that is shown; NaN where no seed is finite.

    ``reached`` counts the seeds that came so far, ``lost`` those whose value is not finite;
    ``all_lost`` are all such values by epoch, also of epochs that are not shown.
    """

    name: str
    seeds: int
    epochs: tuple[int, ...]
    median: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    reached: tuple[int, ...]
    lost: tuple[int, ...]
    all_lost: Mapping[int, int]


@dataclass(frozen=True)
class Panel:
    """A metric of a training call, or of several from one line of the script.

    ``begun`` are the epochs with which a further call began; ``epochs`` counts all there are,
    of which every ``step``-th is shown.
    """

    calls: tuple[str, ...]
    metric: str
    curves: tuple[Curve, ...]
    begun: tuple[int, ...]
    epochs: int
    step: int

    @property
    def place(self) -> str:
        """The calls by name."""
        return self.calls[0] if len(self.calls) == 1 else f"{self.calls[0]} to {self.calls[-1]}"


@dataclass
class _Line:
    """What was called at one line of the script: its values by metric, series and seed."""

    calls: list[str] = field(default_factory=list)
    begun: tuple[int, ...] = ()
    values: dict[str, dict[str, dict[int, dict[int, float]]]] = field(default_factory=dict)


def panels(records: Sequence[Record], images: Sequence[str]) -> tuple[Panel, ...]:
    """Return what there is to draw: a panel for each line of the script and each metric."""
    used = good(records)
    lines: dict[tuple[str, ...], _Line] = {}
    for record in used:
        for place, calls in _calls(record).items():
            _add(lines.setdefault(place, _Line()), record, calls)
    order = list(series(used, images))
    return tuple(
        _panel(line, metric, [(name, values[name]) for name in order if name in values])
        for line in lines.values()
        for metric, values in sorted(line.values.items(), key=lambda item: _rank(item[0], line))
    )


def _rank(metric: str, line: _Line) -> tuple[int, bool]:
    """Order metrics as they come, each before its own value on the validation data."""
    trained = [name for name in line.values if not name.startswith(VALIDATION)]
    base = metric.removeprefix(VALIDATION)
    return trained.index(base) if base in trained else len(trained), metric != base


def _calls(record: Record) -> dict[tuple[str, ...], list[Call]]:
    """Return the finished training calls, those of a loop together."""
    found: dict[tuple[str, ...], list[Call]] = {}
    for call in record.observation.calls:
        if call.finished and call.epochs:
            own = (call.name,) if call.site == NO_SITE else (call.site,)
            found.setdefault((call.kind, call.model, *own), []).append(call)
    return found


def _add(line: _Line, record: Record, calls: Sequence[Call]) -> None:
    if len(calls) > len(line.calls):
        line.calls = [call.name for call in calls]
    numbered: list[tuple[int, Mapping[str, float | str]]] = []
    begun = []
    for call in calls:
        if numbered:
            begun.append(len(numbered) + 1)
        # Of a single call as Keras counts, also where it went on from an earlier epoch.
        first = call.epochs[0].epoch + 1 if len(calls) == 1 else len(numbered) + 1
        numbered += [(first + place, epoch.metrics) for place, epoch in enumerate(call.epochs)]
    if len(begun) >= len(line.begun):
        line.begun = tuple(begun)
    seed = -1 if record.cell.seed is None else record.cell.seed
    for epoch, metrics in numbered:
        for metric, value in metrics.items():
            sides = line.values.setdefault(metric, {}).setdefault(record.cell.group.id, {})
            sides.setdefault(seed, {})[epoch] = float(value)


def _panel(
    line: _Line, metric: str, sides: Sequence[tuple[str, Mapping[int, Mapping[int, float]]]]
) -> Panel:
    known = {epoch for _, seeds in sides for values in seeds.values() for epoch in values}
    epochs = sorted(known)
    step = math.ceil(len(epochs) / MOST_POINTS)
    shown = sorted({*range(0, len(epochs), step), len(epochs) - 1})
    found = tuple(_curve(name, seeds, epochs, shown) for name, seeds in sides)
    return Panel(tuple(line.calls), metric, found, line.begun, len(epochs), step)


def _curve(
    name: str,
    seeds: Mapping[int, Mapping[int, float]],
    epochs: Sequence[int],
    shown: Sequence[int],
) -> Curve:
    missing = math.nan
    values = np.array(
        [[curve.get(epoch, missing) for epoch in epochs] for curve in seeds.values()],
        dtype=np.float64,
    )
    there = np.array([[epoch in curve for epoch in epochs] for curve in seeds.values()])
    # What cannot be squared is no more to be drawn than what is not finite.
    usable = there & (np.abs(np.nan_to_num(values, nan=math.inf)) < LARGEST)
    lost = (there & ~usable).sum(axis=0)
    bands = [_band(values[usable[:, at], at]) for at in shown]
    return Curve(
        name=name,
        seeds=len(seeds),
        epochs=tuple(epochs[at] for at in shown),
        median=tuple(band[1] for band in bands),
        low=tuple(band[0] for band in bands),
        high=tuple(band[2] for band in bands),
        reached=tuple(int(there[:, at].sum()) for at in shown),
        lost=tuple(int(lost[at]) for at in shown),
        all_lost={epoch: int(count) for epoch, count in zip(epochs, lost, strict=True) if count},
    )


def _band(values: Floats) -> tuple[float, float, float]:
    """Return where the band of some seeds begins, their median, and where it ends."""
    if not len(values):
        return math.nan, math.nan, math.nan
    if len(values) < MANY_SEEDS:
        return float(values.min()), float(np.median(values)), float(values.max())
    low, middle, high = np.percentile(values, (LOW, 50, HIGH))
    return float(low), float(middle), float(high)
