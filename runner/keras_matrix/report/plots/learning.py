"""Learning curves: each metric of the training calls by epoch, a line for each series."""

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
    listed_parts,
    make_unique,
    short_label,
    short_number,
    slug,
)
from keras_matrix.report.plots.epochs import (
    HIGH_PERCENTILE,
    LOW_PERCENTILE,
    MIN_PERCENTILE_SEEDS,
    Curve,
    Panel,
    make_panels,
)
from keras_matrix.report.plots.series import series_labels, series_styles, usable_records
from keras_matrix.report.plots.theme import NEUTRAL_COLOR, SeriesStyle, plot_settings
from keras_matrix.text import plural

AXES_HEIGHT = 300
"""Height of a chart without its legend, in units of 1/72 inch."""
MAX_CHARTS = 16
"""Charts of learning curves in a report of one run."""
MIN_LOG_RATIO = 1000.0
"""Ratio of the largest value to the smallest from which on the axis is logarithmic."""
MIN_AXIS_VALUE = 1e-300
"""Lower end of a logarithmic axis at least: a smaller one cannot be drawn."""
MAX_POINTS_ALL_MARKED = 15
"""Points of a curve each of which has a marker; of a longer one, some."""
MARKERS_OF_LONG_CURVE = 8
MAX_CALLS_MARKED = 30
"""Calls after the first whose start is marked; of more, none is."""
TITLE_NAME_LENGTH = 60
"""Characters of a name in a chart's title."""


def draw_curves(records: Sequence[Record], images: Sequence[str]) -> tuple[Chart, ...]:
    """Draw the learning curves of a run's successful cells; ``images`` are in the plan's order."""
    panels = make_panels(records, images)
    styles = series_styles(usable_records(records), images)
    drawn = panels[:MAX_CHARTS]
    names = make_unique(slug("curves", panel.calls[0], panel.metric) for panel in drawn)
    titles = make_unique(map(_title, drawn))
    left_out = len(panels) - len(drawn)
    charts = []
    for position, (panel, name, title) in enumerate(zip(drawn, names, titles, strict=True), 1):
        sentences = [*_description(panel)]
        if left_out and position == len(drawn):
            curves = plural(left_out, "further metric is", "further metrics are")
            sentences.append(f"{curves} in the records only.")
        charts.append(_chart(panel, name, title, " ".join(sentences), styles))
    return tuple(charts)


def _title(panel: Panel) -> str:
    metric = short_label(panel.metric, TITLE_NAME_LENGTH)
    return f"{metric} by epoch: {short_label(panel.calls_name, TITLE_NAME_LENGTH)}"


def _description(panel: Panel) -> Iterator[str]:
    """Yield the sentences that say what a chart shows."""
    seeds = max(curve.seeds for curve in panel.curves)
    shown = (
        f"median and {_band_name(seeds)} of {seeds} seeds per image"
        if seeds > 1
        else "one run per image"
    )
    ends = listed_parts(map(_end, panel.curves))
    yield f"{clean(panel.metric)} by epoch of {clean(panel.calls_name)}, {shown}: {ends}."
    if panel.call_starts:
        calls = plural(len(panel.calls), "call")
        yield f"Epochs are numbered through {calls} from one line of the script."
    if panel.step > 1:
        yield f"Of {panel.epochs} epochs, one in {panel.step} is drawn."
    stopped = [
        f"{clean(curve.name)} {curve.reached[-1]} of {curve.seeds}"
        for curve in panel.curves
        if curve.reached[-1] < curve.seeds
    ]
    if stopped:
        yield f"Not all seeds reach the last epoch: {listed_parts(stopped)}."
    gaps = [
        f"{clean(curve.name)} has {sum(curve.all_not_finite.values())} "
        f"(first in epoch {min(curve.all_not_finite)})"
        for curve in panel.curves
        if curve.all_not_finite
    ]
    if gaps:
        yield (
            f"Values that are not finite are left out and marked by a cross: {listed_parts(gaps)}."
        )


def _end(curve: Curve) -> str:
    """Say at which value a curve ends."""
    last = max(
        (index for index, value in enumerate(curve.median) if math.isfinite(value)), default=None
    )
    if last is None:
        return f"{clean(curve.name)} has no finite value"
    value = short_number(curve.median[last])
    if curve.seeds > 1:
        value += f" ({short_number(curve.low[last])} to {short_number(curve.high[last])})"
    return f"{clean(curve.name)} ends at {value} in epoch {curve.epochs[last]}"


def _band_name(seeds: int) -> str:
    """Say what the band of so many seeds is."""
    if seeds < MIN_PERCENTILE_SEEDS:
        return "range"
    return f"{LOW_PERCENTILE}th to {HIGH_PERCENTILE}th percentile"


def _table(panel: Panel) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return the header and the rows of a chart's table, a row for each epoch."""
    header = ["epoch"]
    columns: list[list[str]] = [[str(epoch) for epoch in panel.curves[0].epochs]]
    for curve in panel.curves:
        name = clean(curve.name)
        header.append(f"{name} median" if curve.seeds > 1 else name)
        columns.append([number(value) for value in curve.median])
        if curve.seeds > 1:
            header += [f"{name} from", f"{name} to"]
            columns += [[number(value) for value in ends] for ends in (curve.low, curve.high)]
        if any(curve.not_finite) or min(curve.reached) < curve.seeds:
            header.append(f"{name} finite seeds")
            counts = zip(curve.reached, curve.not_finite, strict=True)
            columns.append([str(reached - not_finite) for reached, not_finite in counts])
    return tuple(header), tuple(zip(*columns, strict=True))


def _chart(
    panel: Panel, name: str, title: str, description: str, styles: Mapping[str, SeriesStyle]
) -> Chart:
    header, rows = _table(panel)
    with plot_settings():
        figure, axes = canvas.blank_figure(AXES_HEIGHT)
        labels = series_labels(styles)
        handles: list[Artist] = []
        for index, curve in enumerate(panel.curves):
            style = styles[curve.name]
            _draw_curve(axes, panel, index, style)
            handles.append(canvas.series_handle(style, labels[curve.name]))
        seeds = max(curve.seeds for curve in panel.curves)
        if seeds > 1:
            band = f"{_band_name(seeds)} of {seeds} seeds"
            handles.append(Patch(color=NEUTRAL_COLOR, alpha=0.25, linewidth=0, label=band))
        if any(curve.all_not_finite for curve in panel.curves):
            handles.append(canvas.marker_handle("x", NEUTRAL_COLOR, "not finite"))
        if 0 < len(panel.call_starts) <= MAX_CALLS_MARKED:
            handles.append(Line2D([], [], color=NEUTRAL_COLOR, linestyle=":", label="next call"))
            for epoch in panel.call_starts:
                axes.axvline(epoch - 0.5, color=NEUTRAL_COLOR, linestyle=":", linewidth=1)
        _set_scales(axes, panel)
        metric = short_label(panel.metric)
        axes.set_xlabel("epoch")
        axes.set_ylabel(f"{metric}, median" if seeds > 1 else metric)
        canvas.add_legend(figure, handles)
        canvas.fix_layout(figure)
    return Chart(name, title, description, figure, header, rows)


def _draw_curve(axes: Axes, panel: Panel, index: int, style: SeriesStyle) -> None:
    """Draw a curve of the panel: its median as a line, its band as an area."""
    curve = panel.curves[index]
    epochs = np.array(curve.epochs, dtype=np.float64)
    single_epoch = len(epochs) == 1
    if single_epoch:
        # Side by side, so that the series do not cover one another.
        epochs += (index - (len(panel.curves) - 1) / 2) * 0.06
    color = style.color
    if curve.seeds > 1 and single_epoch:
        axes.vlines(epochs, curve.low, curve.high, color=color, alpha=0.5, linewidth=4)
    elif curve.seeds > 1:
        axes.fill_between(epochs, curve.low, curve.high, color=color, alpha=0.2, linewidth=0)
    axes.plot(
        epochs,
        curve.median,
        color=color,
        linestyle=style.line.value,
        linewidth=1.8,
        marker=style.marker,
        markersize=5,
        markevery=_marked_points(curve.median, index),
    )
    crosses = [epoch for epoch, count in zip(epochs, curve.not_finite, strict=True) if count]
    canvas.draw_crosses(axes, crosses, index, color)


def _marked_points(values: Sequence[float], series_index: int) -> list[int]:
    """Return the indices of the points with a marker: some, and those without a line to them.

    The first marker of each series is shifted, so that the markers of series alike stay apart.
    """
    finite = [math.isfinite(value) for value in values]
    padded = [False, *finite, False]
    isolated = [
        index
        for index, is_finite in enumerate(finite)
        if is_finite and not (padded[index] or padded[index + 2])
    ]
    step = 1 if len(values) <= MAX_POINTS_ALL_MARKED else len(values) // MARKERS_OF_LONG_CURVE
    regular = range(series_index * step // 4 % step, len(values), step)
    return sorted({*isolated, *regular})


def _set_scales(axes: Axes, panel: Panel) -> None:
    values = [
        value
        for curve in panel.curves
        for value in (*curve.low, *curve.median, *curve.high)
        if math.isfinite(value)
    ]
    if not values:
        axes.set_yticks([])
        canvas.write_in_middle(axes, "no finite value")
    elif min(values) > 0 and max(values) / min(values) > MIN_LOG_RATIO:
        low = max(min(values) / 1.5, MIN_AXIS_VALUE)
        canvas.set_log_scale(axes.yaxis, low, max(values) * 1.5)
    epochs = panel.curves[0].epochs
    if len(epochs) == 1:
        axes.set_xlim(epochs[0] - 0.5, epochs[0] + 0.5)
        axes.set_xticks(epochs)
    else:
        axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, min_n_ticks=1))
