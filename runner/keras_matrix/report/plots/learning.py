"""Learning curves: each metric of the training calls over epochs, by image, over its seeds."""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from keras_matrix.compare.figures import number
from keras_matrix.records.record import Record
from keras_matrix.report.plots import canvas
from keras_matrix.report.plots.chart import (
    Chart,
    clean,
    counted,
    label,
    listed,
    roughly,
    slug,
    unique,
)
from keras_matrix.report.plots.epochs import HIGH, LOW, MANY_SEEDS, Panel, panels
from keras_matrix.report.plots.series import good, labels, series
from keras_matrix.report.plots.theme import NEUTRAL, Look, drawing

HEIGHT = 300
MOST_CHARTS = 16
DECADES = 1000.0
"""Largest by smallest, from which on an axis is logarithmic."""
SMALLEST = 1e-300
FEW_POINTS = 15
MARKS = 8
MOST_CALLS_MARKED = 30


def curves(records: Sequence[Record], images: Sequence[str]) -> tuple[Chart, ...]:
    """Draw the learning curves of a run's good cells; ``images`` are in the plan's order."""
    found = panels(records, images)
    looks = series(good(records), images)
    shown = found[:MOST_CHARTS]
    names = unique(slug("curves", panel.calls[0], panel.metric) for panel in shown)
    titles = unique(map(_title, shown))
    left_out = len(found) - MOST_CHARTS
    charts = []
    drawn = zip(shown, names, titles, strict=True)
    for place, (panel, name, title) in enumerate(drawn, 1):
        told = [*_described(panel)]
        if left_out > 0 and place == MOST_CHARTS:
            told.append(f"{counted(left_out, 'further curve')} are in the records only.")
        charts.append(_chart(panel, name, title, " ".join(told), looks))
    return tuple(charts)


def _title(panel: Panel) -> str:
    return f"{label(panel.metric, 60)} by epoch: {label(panel.place, 60)}"


def _described(panel: Panel) -> Iterator[str]:
    metric = clean(panel.metric)
    seeds = max(curve.seeds for curve in panel.curves)
    of = f"median and {_span(seeds)} of {seeds} seeds an image" if seeds > 1 else "one run each"
    ends = []
    for curve in panel.curves:
        at = max((n for n, value in enumerate(curve.median) if math.isfinite(value)), default=None)
        if at is None:
            ends.append(f"{clean(curve.name)} has no finite value")
            continue
        value = roughly(curve.median[at])
        if curve.seeds > 1:
            value += f" ({roughly(curve.low[at])} to {roughly(curve.high[at])})"
        ends.append(f"{clean(curve.name)} ends at {value}, epoch {curve.epochs[at]}")
    yield f"{metric} by epoch, {clean(panel.place)}, {of}: {listed(ends)}."
    if panel.begun:
        yield (
            f"Epochs run on over {counted(len(panel.calls), 'call')} from one line of the script."
        )
    if panel.step > 1:
        yield f"Of {panel.epochs} epochs one in {panel.step} is shown."
    early = [
        f"{clean(curve.name)} in {curve.reached[-1]} of {curve.seeds}"
        for curve in panel.curves
        if curve.reached[-1] < curve.seeds
    ]
    if early:
        yield f"Not all seeds come to the last epoch: {listed(early)}."
    gaps = [
        f"{clean(curve.name)} has {counted(sum(curve.all_lost.values()), 'value')} "
        f"(first at epoch {min(curve.all_lost)})"
        for curve in panel.curves
        if curve.all_lost
    ]
    if gaps:
        yield f"Left out as not finite, and marked by a cross: {listed(gaps)}."


def _span(seeds: int) -> str:
    """Say what the band of so many seeds is."""
    if seeds < MANY_SEEDS:
        return "range"
    return f"{LOW} to {HIGH} %"


def _table(panel: Panel) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    header = ["epoch"]
    columns: list[list[str]] = [[str(epoch) for epoch in panel.curves[0].epochs]]
    for curve in panel.curves:
        name = clean(curve.name)
        header.append(f"{name} median" if curve.seeds > 1 else name)
        columns.append([number(value) for value in curve.median])
        if curve.seeds > 1:
            header += [f"{name} from", f"{name} to"]
            columns += [[number(value) for value in side] for side in (curve.low, curve.high)]
        if any(curve.lost) or min(curve.reached) < curve.seeds:
            header.append(f"{name} finite seeds")
            counts = zip(curve.reached, curve.lost, strict=True)
            columns.append([str(reached - lost) for reached, lost in counts])
    return tuple(header), tuple(zip(*columns, strict=True))


def _chart(
    panel: Panel, name: str, title: str, description: str, looks: Mapping[str, Look]
) -> Chart:
    header, rows = _table(panel)
    with drawing():
        figure, axes = canvas.blank(HEIGHT)
        shown = labels(looks)
        handles: list[Artist] = []
        for place, curve in enumerate(panel.curves):
            _draw(axes, panel, place, looks[curve.name])
            handles.append(canvas.line_key(looks[curve.name], shown[curve.name]))
        seeds = max(curve.seeds for curve in panel.curves)
        if seeds > 1:
            text = f"{_span(seeds)} of {seeds} seeds"
            handles.append(Patch(color=NEUTRAL, alpha=0.25, linewidth=0, label=text))
        if any(curve.all_lost for curve in panel.curves):
            handles.append(canvas.key("x", NEUTRAL, "not finite"))
        if 0 < len(panel.begun) <= MOST_CALLS_MARKED:
            handles.append(Line2D([], [], color=NEUTRAL, linestyle=":", label="next call"))
            for epoch in panel.begun:
                axes.axvline(epoch - 0.5, color=NEUTRAL, linestyle=":", linewidth=1)
        _scale(axes, panel)
        axes.set_xlabel("epoch")
        axes.set_ylabel(f"{label(panel.metric)}, median" if seeds > 1 else label(panel.metric))
        canvas.legend(figure, handles)
        canvas.finished(figure)
    return Chart(name, title, description, figure, header, rows)


def _draw(axes: Axes, panel: Panel, place: int, look: Look) -> None:
    curve = panel.curves[place]
    epochs = np.array(curve.epochs, dtype=np.float64)
    alone = len(epochs) == 1
    if alone:
        # Side by side, not upon each other.
        epochs += (place - (len(panel.curves) - 1) / 2) * 0.06
    if curve.seeds > 1 and alone:
        axes.vlines(epochs, curve.low, curve.high, color=look.color, alpha=0.5, linewidth=4)
    elif curve.seeds > 1:
        axes.fill_between(epochs, curve.low, curve.high, color=look.color, alpha=0.2, linewidth=0)
    axes.plot(
        epochs,
        curve.median,
        color=look.color,
        linestyle=look.line.value,
        linewidth=1.8,
        marker=look.marker,
        markersize=5,
        markevery=_marked(curve.median, place),
    )
    lost = [epoch for epoch, count in zip(epochs, curve.lost, strict=True) if count]
    canvas.crosses(axes, lost, place, look.color)


def _marked(values: Sequence[float], place: int) -> list[int]:
    """Return which points get a marker: some, and those that no line leads to."""
    usable = [math.isfinite(value) for value in values]
    padded = [False, *usable, False]
    alone = [n for n, one in enumerate(usable) if one and not (padded[n] or padded[n + 2])]
    step = 1 if len(values) <= FEW_POINTS else len(values) // MARKS
    some = range(place * step // 4 % step, len(values), step)
    return sorted({*alone, *some})


def _scale(axes: Axes, panel: Panel) -> None:
    values = [v for c in panel.curves for v in (*c.low, *c.median, *c.high) if math.isfinite(v)]
    if not values:
        axes.set_yticks([])
        canvas.remark(axes, "no finite value")
    elif min(values) > 0 and max(values) / min(values) > DECADES:
        canvas.on_log(axes.yaxis, max(min(values) / 1.5, SMALLEST), max(values) * 1.5)
    epochs = panel.curves[0].epochs
    if len(epochs) == 1:
        axes.set_xlim(epochs[0] - 0.5, epochs[0] + 0.5)
        axes.set_xticks(epochs)
    else:
        axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, min_n_ticks=1))
