"""Times by image: to the first batch, the first epoch, the steady ones, and in all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keras_matrix.compare.figures import number
from keras_matrix.compare.metrics import measures
from keras_matrix.plan.tolerance import Kind
from keras_matrix.records.record import Record
from keras_matrix.report.plots import canvas
from keras_matrix.report.plots.chart import Chart, clean, label, listed, roughly
from keras_matrix.report.plots.series import good, labels, series
from keras_matrix.report.plots.theme import NEUTRAL, TEXT, Look, drawing

WORDS = {
    "seconds": "total",
    "first_batch_seconds": "first batch",
    "first_epoch_seconds": "first epoch",
    "steady_epoch_seconds": "steady epoch",
}
LOG_FROM = 5.0
"""Largest by smallest, from which on an axis is logarithmic."""
MOST_METRICS = 16
MOST_DOTS = 60
"""Seeds of a row that are drawn one by one; of more, the median and both ends."""
SPREAD = 0.22
PER_SERIES = 15


@dataclass(frozen=True)
class Times:
    """One time on one series, a value a seed; ``compiled`` tells which contain a compile."""

    metric: str
    name: str
    values: tuple[float, ...]
    compiled: tuple[bool, ...]

    @property
    def median(self) -> float:
        """The median of all, in seconds."""
        return float(np.median(self.values))


def times(records: Sequence[Record], images: Sequence[str]) -> tuple[Chart, ...]:
    """Draw the times of a run's good cells; ``images`` are in the plan's order."""
    found = measured(records, images)
    if not found:
        return ()
    metrics = list(dict.fromkeys(one.metric for one in found))
    shown = metrics[:MOST_METRICS]
    looks = series(good(records), images)
    told = listed(_told(metric, found) for metric in _telling(metrics))
    cold = [one for one in found if any(one.compiled)]
    description = f"Times in seconds, a dot a seed: {told}."
    if cold:
        names = listed(dict.fromkeys(clean(one.name) for one in cold))
        description += f" Hollow dots contain the compiling of modules ({names})."
    if len(shown) < len(metrics):
        description += f" The first {len(shown)} of {len(metrics)} times are drawn."
    with drawing():
        figure = _figure([one for one in found if one.metric in shown], shown, looks)
    header = ("time", "image", "seeds", "median, s", "smallest, s", "largest, s", "with compiling")
    rows = tuple(
        (
            *(clean(one.metric), clean(one.name), str(len(one.values))),
            *(number(one.median), number(min(one.values)), number(max(one.values))),
            str(sum(one.compiled)),
        )
        for one in found
    )
    return (Chart("times", "Times by image", description, figure, header, rows),)


def measured(records: Sequence[Record], images: Sequence[str]) -> tuple[Times, ...]:
    """Return the times of the good records, by metric in the script's order, then by series."""
    used = good(records)
    values: dict[str, dict[str, list[tuple[float, bool]]]] = {}
    for record in used:
        for one in measures(record):
            if one.kind is Kind.TIME and 0 <= one.value < float("inf"):
                sides = values.setdefault(one.metric, {})
                sides.setdefault(record.cell.group.id, []).append((one.value, one.compiled > 0))
    order = list(series(used, images))
    return tuple(
        Times(
            metric,
            name,
            tuple(value for value, _ in sides[name]),
            tuple(compiled for _, compiled in sides[name]),
        )
        for metric, sides in values.items()
        for name in order
        if name in sides
    )


def _telling(metrics: Sequence[str]) -> list[str]:
    """Return the metrics to tell in words: those of the first call."""
    call = metrics[0].rpartition(".")[0]
    return [metric for metric in metrics if metric.rpartition(".")[0] == call]


def _told(metric: str, found: Sequence[Times]) -> str:
    sides = [one for one in found if one.metric == metric]
    values = ", ".join(f"{clean(one.name)} {roughly(one.median)} s" for one in sides[:4])
    return f"{_name(metric)} {values}"


def _name(metric: str) -> str:
    call, _, part = metric.rpartition(".")
    return f"{label(call, 24)}: {WORDS.get(part, label(part, 24))}"


def _figure(found: Sequence[Times], metrics: Sequence[str], looks: Mapping[str, Look]) -> Figure:
    height = 12 + PER_SERIES * max(1, len(looks))
    figure, axes = canvas.of_rows([_name(metric) for metric in metrics], height)
    everything = [value for one in found for value in one.values]
    positive = [value for value in everything if value > 0]
    if positive and max(positive) / min(positive) >= LOG_FROM:
        canvas.on_log(axes.xaxis, min(positive) / 1.3, max(positive) * 1.3)
        axes.set_xlabel("seconds (log scale)")
    else:
        axes.set_xlim(0, max(everything) * 1.05 or 1.0)
        axes.set_xlabel("seconds")
    for place in range(1, len(metrics)):
        axes.axhline(place - 0.5, color=NEUTRAL, linewidth=0.5)
    names = list(looks)
    for one in found:
        lane = (names.index(one.name) + 0.5) / len(names) - 0.5
        _draw(axes, one, metrics.index(one.metric) + lane * 0.8, 0.8 / len(names), looks[one.name])
    shown = labels(looks)
    used = [name for name in names if any(one.name == name for one in found)]
    handles = [canvas.key(looks[name].marker, looks[name].color, shown[name]) for name in used]
    if any(len(one.values) > 1 for one in found):
        handles.append(canvas.key("|", TEXT, "median"))
    if any(any(one.compiled) for one in found):
        handles.append(canvas.key("o", NEUTRAL, "with compiling", hollow=True))
    canvas.legend(figure, handles)
    return canvas.finished(figure)


def _draw(axes: Axes, one: Times, height: float, room: float, look: Look) -> None:
    """Draw one time: its seeds as dots in their order, from the top of its lane to the bottom."""
    dots = list(zip(one.values, one.compiled, strict=True))
    if len(dots) > MOST_DOTS:
        low, high = min(dots), max(dots)
        axes.plot((low[0], high[0]), (height, height), color=look.color, linewidth=1.4)
        dots = [low, high]
    heights = np.linspace(-SPREAD, SPREAD, len(dots)) * room * 2 + height if dots[1:] else [height]
    for cold in (False, True):
        at = [n for n, (_, compiled) in enumerate(dots) if compiled is cold]
        if not at:
            continue
        axes.plot(
            [dots[n][0] for n in at],
            [heights[n] for n in at],
            linestyle="none",
            marker=look.marker,
            markersize=4.5,
            color=look.color,
            markerfacecolor="none" if cold else look.color,
            alpha=1.0 if cold else 0.75,
        )
    if len(one.values) > 1:
        axes.vlines(one.median, height - room / 2, height + room / 2, color=TEXT, linewidth=2)
