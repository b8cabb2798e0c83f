"""Times by image: to the first batch, of the first and the further epochs, and in total."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keras_matrix.compare.figures import number
from keras_matrix.compare.metrics import measures
from keras_matrix.plan.tolerance import MetricKind
from keras_matrix.records.record import Record
from keras_matrix.report.plots import canvas
from keras_matrix.report.plots.chart import Chart, clean, listed_parts, short_label, short_number
from keras_matrix.report.plots.series import series_labels, series_styles, usable_records
from keras_matrix.report.plots.theme import NEUTRAL_COLOR, TEXT_COLOR, SeriesStyle, plot_settings

TIME_NAMES = {
    "seconds": "total",
    "first_batch_seconds": "first batch",
    "first_epoch_seconds": "first epoch",
    "steady_epoch_seconds": "steady epoch",
}
"""What a chart calls a time, by the last part of its metric's name."""
MIN_LOG_RATIO = 5.0
"""Ratio of the longest time to the shortest from which on the axis is logarithmic."""
MAX_DRAWN_METRICS = 16
MAX_DOTS = 60
"""Seeds that are drawn as a dot each; of more, the median and both ends are drawn."""
MAX_IMAGES_IN_WORDS = 4
"""Series whose medians the description says."""
LABEL_PART_LENGTH = 24
"""Characters of a call's name, and of a time's name, in a row's label."""
ROW_MARGIN = 12
"""Height of a row without its series, in units of 1/72 inch."""
SERIES_HEIGHT = 15
"""Height of each series in a row, in units of 1/72 inch."""
ROW_SHARE = 0.8
"""Share of a row's height that its series fill."""
DOTS_SHARE = 0.88
"""Share of a series' height that its dots spread over."""


@dataclass(frozen=True)
class SeriesTimes:
    """One time of one series in seconds, for each seed; ``compiled`` says which compiled code."""

    metric: str
    series: str
    values: tuple[float, ...]
    compiled: tuple[bool, ...]

    @property
    def median(self) -> float:
        """The median over the seeds, in seconds."""
        return float(np.median(self.values))


def draw_times(records: Sequence[Record], images: Sequence[str]) -> tuple[Chart, ...]:
    """Draw the times of a run's successful cells; ``images`` are in the plan's order."""
    times = measured_times(records, images)
    if not times:
        return ()
    metrics = list(dict.fromkeys(time.metric for time in times))
    drawn = metrics[:MAX_DRAWN_METRICS]
    styles = series_styles(usable_records(records), images)
    with plot_settings():
        figure = _figure([time for time in times if time.metric in drawn], drawn, styles)
    header = ("time", "image", "seeds", "median, s", "smallest, s", "largest, s", "with compiling")
    rows = tuple(
        (
            *(clean(time.metric), clean(time.series), str(len(time.values))),
            *(number(time.median), number(min(time.values)), number(max(time.values))),
            str(sum(time.compiled)),
        )
        for time in times
    )
    description = _description(times, metrics, len(drawn))
    return (Chart("times", "Times by image", description, figure, header, rows),)


def measured_times(records: Sequence[Record], images: Sequence[str]) -> tuple[SeriesTimes, ...]:
    """Return the times of successful cells, by metric in the script's order, then by series."""
    usable = usable_records(records)
    values: dict[str, dict[str, list[tuple[float, bool]]]] = {}
    for record in usable:
        for measure in measures(record):
            if measure.kind is MetricKind.TIME and 0 <= measure.value < float("inf"):
                by_series = values.setdefault(measure.metric, {})
                by_series.setdefault(record.cell.group.id, []).append(
                    (measure.value, measure.compiled > 0)
                )
    names = list(series_styles(usable, images))
    return tuple(
        SeriesTimes(
            metric,
            name,
            tuple(value for value, _ in by_series[name]),
            tuple(compiled for _, compiled in by_series[name]),
        )
        for metric, by_series in values.items()
        for name in names
        if name in by_series
    )


def _description(times: Sequence[SeriesTimes], metrics: Sequence[str], drawn: int) -> str:
    # In words only the times of the first call; the table has all.
    first_call = metrics[0].rpartition(".")[0]
    medians = listed_parts(
        _medians(metric, times) for metric in metrics if metric.rpartition(".")[0] == first_call
    )
    description = f"Times in seconds, a dot for each seed. Medians: {medians}."
    compiling = dict.fromkeys(clean(time.series) for time in times if any(time.compiled))
    if compiling:
        description += (
            f" Hollow dots include the compilation of modules ({listed_parts(compiling)})."
        )
    if drawn < len(metrics):
        description += f" The first {drawn} of {len(metrics)} times are drawn."
    return description


def _medians(metric: str, times: Sequence[SeriesTimes]) -> str:
    of_metric = [time for time in times if time.metric == metric]
    medians = ", ".join(
        f"{clean(time.series)} {short_number(time.median)} s"
        for time in of_metric[:MAX_IMAGES_IN_WORDS]
    )
    return f"{_metric_label(metric)} ({medians})"


def _metric_label(metric: str) -> str:
    call, _, part = metric.rpartition(".")
    time_name = TIME_NAMES.get(part, short_label(part, LABEL_PART_LENGTH))
    return f"{short_label(call, LABEL_PART_LENGTH)}: {time_name}"


def _figure(
    times: Sequence[SeriesTimes], metrics: Sequence[str], styles: Mapping[str, SeriesStyle]
) -> Figure:
    """Draw a row for each metric, divided into a lane for each series."""
    row_height = ROW_MARGIN + SERIES_HEIGHT * max(1, len(styles))
    figure, axes = canvas.figure_of_rows([_metric_label(metric) for metric in metrics], row_height)
    values = [value for time in times for value in time.values]
    positive = [value for value in values if value > 0]
    if positive and max(positive) / min(positive) >= MIN_LOG_RATIO:
        canvas.set_log_scale(axes.xaxis, min(positive) / 1.3, max(positive) * 1.3)
        axes.set_xlabel("seconds (log scale)")
    else:
        axes.set_xlim(0, max(values) * 1.05 or 1.0)
        axes.set_xlabel("seconds")
    for row in range(1, len(metrics)):
        axes.axhline(row - 0.5, color=NEUTRAL_COLOR, linewidth=0.5)
    names = list(styles)
    lane_height = ROW_SHARE / len(names)
    for time in times:
        offset = ((names.index(time.series) + 0.5) / len(names) - 0.5) * ROW_SHARE
        position = metrics.index(time.metric) + offset
        _draw_lane(axes, time, position, lane_height, styles[time.series])
    labels = series_labels(styles)
    handles = [
        canvas.marker_handle(style.marker, style.color, labels[name])
        for name, style in styles.items()
        if any(time.series == name for time in times)
    ]
    if any(len(time.values) > 1 for time in times):
        handles.append(canvas.marker_handle("|", TEXT_COLOR, "median"))
    if any(any(time.compiled) for time in times):
        handles.append(canvas.marker_handle("o", NEUTRAL_COLOR, "with compiling", hollow=True))
    canvas.add_legend(figure, handles)
    return canvas.fix_layout(figure)


def _draw_lane(
    axes: Axes, time: SeriesTimes, position: float, height: float, style: SeriesStyle
) -> None:
    """Draw one series' times: its seeds as dots in their order, from the lane's top down."""
    dots = list(zip(time.values, time.compiled, strict=True))
    if len(dots) > MAX_DOTS:
        low, high = min(dots), max(dots)
        axes.plot((low[0], high[0]), (position, position), color=style.color, linewidth=1.4)
        dots = [low, high]
    spread = height * DOTS_SHARE / 2
    heights = np.linspace(-spread, spread, len(dots)) + position if dots[1:] else [position]
    for with_compiling in (False, True):
        indices = [index for index, (_, compiled) in enumerate(dots) if compiled is with_compiling]
        if not indices:
            continue
        axes.plot(
            [dots[index][0] for index in indices],
            [heights[index] for index in indices],
            linestyle="none",
            marker=style.marker,
            markersize=4.5,
            color=style.color,
            markerfacecolor="none" if with_compiling else style.color,
            alpha=1.0 if with_compiling else 0.75,
        )
    if len(time.values) > 1:
        low_end, high_end = position - height / 2, position + height / 2
        axes.vlines(time.median, low_end, high_end, color=TEXT_COLOR, linewidth=2)
