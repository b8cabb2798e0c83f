"""A metric over runs: its value in each run, a line for each image."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure

from keras_matrix.compare.figures import number
from keras_matrix.compare.intervals import MAX_FINITE
from keras_matrix.report.plots import canvas
from keras_matrix.report.plots.chart import (
    Chart,
    clean,
    listed_parts,
    short_label,
    short_number,
    slug,
)
from keras_matrix.report.plots.series import MAX_SERIES_LABEL_LENGTH
from keras_matrix.report.plots.theme import NEUTRAL_COLOR, plot_settings, series_style
from keras_matrix.text import plural

AXES_HEIGHT = 300
"""Height of the chart without its legend, in units of 1/72 inch."""
MAX_DRAWN_RUNS = 200
"""Runs that are drawn: the last ones."""
MAX_LARGE_MARKERS = 40
"""Points of a series whose markers are large; of more they are small."""
MIN_TIME_MARGIN = timedelta(hours=12)
"""Time before and after a single run."""

Points = Mapping[str, Sequence[tuple[datetime, float]]]
"""The time of each run and its value, by series."""


def draw_history(series: Points, metric: str) -> Chart:
    """Draw a metric's values by the time of their runs, a line for each series.

    A time without a zone counts as UTC; all times are shown in UTC.

    Raises:
        ValueError: there is no run.
    """
    points = {
        name: sorted((_as_utc(time), value) for time, value in runs)
        for name, runs in series.items()
        if runs
    }
    times = sorted({time for runs in points.values() for time, _ in runs})
    if not times:
        raise ValueError("there is no run to draw")
    drawn_times = times[-MAX_DRAWN_RUNS:]
    drawn = {
        name: [(time, value) for time, value in runs if time >= drawn_times[0]]
        for name, runs in points.items()
    }
    by_time = [dict(runs) for runs in drawn.values()]
    return Chart(
        slug("history", metric),
        f"{short_label(metric, 60)} over runs",
        " ".join(_description(metric, drawn, len(times))),
        _figure(metric, drawn),
        ("run, UTC", *(clean(name) for name in drawn)),
        tuple(
            (
                time.strftime("%Y-%m-%d %H:%M:%S"),
                *(number(values.get(time)) for values in by_time),
            )
            for time in drawn_times
        ),
    )


def _as_utc(time: datetime) -> datetime:
    aware = time if time.tzinfo is not None else time.replace(tzinfo=timezone.utc)
    return aware.astimezone(timezone.utc)


def _is_drawable(value: float) -> bool:
    # A value whose square overflows cannot be drawn either; NaN compares as false.
    return abs(value) < MAX_FINITE


def _description(metric: str, drawn: Points, runs: int) -> Iterator[str]:
    """Yield the sentences that say what the chart shows."""
    ranges = listed_parts(_range(name, points) for name, points in drawn.items())
    yield f"{clean(metric)} over {plural(runs, 'run')}: {ranges}."
    if runs > MAX_DRAWN_RUNS:
        yield f"The last {MAX_DRAWN_RUNS} are drawn."
    not_finite = sum(not _is_drawable(value) for points in drawn.values() for _, value in points)
    if not_finite:
        verb = "is" if not_finite == 1 else "are"
        yield f"{plural(not_finite, 'value')} {verb} not finite and marked by a cross."


def _range(name: str, points: Sequence[tuple[datetime, float]]) -> str:
    values = [value for _, value in points if _is_drawable(value)]
    if not values:
        return f"{clean(name)} has no finite value"
    low, high, last = map(short_number, (min(values), max(values), values[-1]))
    return f"{clean(name)} between {low} and {high}, last {last}"


def _figure(metric: str, drawn: Points) -> Figure:
    values = [value for points in drawn.values() for _, value in points]
    with plot_settings():
        figure, axes = canvas.blank_figure(AXES_HEIGHT)
        handles: list[Artist] = []
        for index, (name, points) in enumerate(drawn.items()):
            _draw_series(axes, index, points)
            label = short_label(name, MAX_SERIES_LABEL_LENGTH)
            handles.append(canvas.series_handle(series_style(index), label))
        if not all(map(_is_drawable, values)):
            handles.append(canvas.marker_handle("x", NEUTRAL_COLOR, "not finite"))
        if not any(map(_is_drawable, values)):
            axes.set_yticks([])
            canvas.write_in_middle(axes, "no finite value")
        _set_time_axis(axes, [time for points in drawn.values() for time, _ in points])
        axes.set_ylabel(short_label(metric))
        canvas.add_legend(figure, handles)
        return canvas.fix_layout(figure)


def _draw_series(axes: Axes, index: int, points: Sequence[tuple[datetime, float]]) -> None:
    style = series_style(index)
    axes.plot(
        [date2num(time) for time, _ in points],
        [value if _is_drawable(value) else math.nan for _, value in points],
        color=style.color,
        linestyle=style.line.value,
        linewidth=1.8,
        marker=style.marker,
        markersize=5 if len(points) <= MAX_LARGE_MARKERS else 3,
    )
    not_finite = [date2num(time) for time, value in points if not _is_drawable(value)]
    canvas.draw_crosses(axes, not_finite, index, style.color)


def _set_time_axis(axes: Axes, times: Sequence[datetime]) -> None:
    first, last = min(times), max(times)
    margin = (last - first) * 0.03 if last > first else MIN_TIME_MARGIN
    axes.set_xlim(date2num(first - margin), date2num(last + margin))
    locator = AutoDateLocator(tz=timezone.utc)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=timezone.utc))
    axes.set_xlabel("time of the run, UTC")
