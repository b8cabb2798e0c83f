"""A metric over runs: how it went from one to the next, by image."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone

from matplotlib.artist import Artist
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure

from keras_matrix.compare.figures import number
from keras_matrix.compare.intervals import LARGEST
from keras_matrix.report.plots import canvas
from keras_matrix.report.plots.chart import Chart, clean, counted, label, listed, roughly, slug
from keras_matrix.report.plots.theme import NEUTRAL, drawing, look

HEIGHT = 300
MOST_POINTS = 200
"""Runs that are drawn: the last ones."""
FEW_POINTS = 40
LEAST_SPAN = timedelta(hours=12)
"""Around a single run."""

Points = Mapping[str, Sequence[tuple[datetime, float]]]
"""A value a run, by series."""


def history(series: Points, metric: str) -> Chart:
    """Draw a metric's values by the time of their runs, a line for each image.

    Times without a zone count as UTC, in which all are shown.

    Raises:
        ValueError: there is no run.
    """
    points = {
        name: sorted((_utc(time), value) for time, value in given)
        for name, given in series.items()
        if given
    }
    runs = sorted({time for one in points.values() for time, _ in one})
    if not runs:
        raise ValueError("there is no run to draw")
    first = runs[-MOST_POINTS:][0]
    shown = {
        name: [(time, value) for time, value in one if time >= first]
        for name, one in points.items()
    }
    described = " ".join(_described(metric, shown, runs))
    by_time = {name: dict(one) for name, one in shown.items()}
    rows = tuple(
        (
            time.strftime("%Y-%m-%d %H:%M:%S"),
            *(number(one.get(time)) for one in by_time.values()),
        )
        for time in runs[-MOST_POINTS:]
    )
    return Chart(
        slug("history", metric),
        f"{label(metric, 60)} over runs",
        described,
        _figure(metric, shown),
        ("run, UTC", *(clean(name) for name in shown)),
        rows,
    )


def _utc(time: datetime) -> datetime:
    aware = time if time.tzinfo is not None else time.replace(tzinfo=timezone.utc)
    return aware.astimezone(timezone.utc)


def _usable(value: float) -> bool:
    # What cannot be squared is no more to be drawn than what is not finite.
    return abs(value) < LARGEST


def _described(metric: str, shown: Points, runs: Sequence[datetime]) -> list[str]:
    told = []
    for name, points in shown.items():
        values = [value for _, value in points if _usable(value)]
        if not values:
            told.append(f"{clean(name)} has no finite value")
            continue
        low, high, last = (roughly(one) for one in (min(values), max(values), values[-1]))
        span = f"between {low} and {high}, last {last}"
        told.append(f"{clean(name)} {span}")
    found = [f"{clean(metric)} over {counted(len(runs), 'run')}: {listed(told)}."]
    if len(runs) > MOST_POINTS:
        found.append(f"The last {MOST_POINTS} are shown.")
    lost = sum(not _usable(value) for points in shown.values() for _, value in points)
    if lost:
        found.append(f"Not finite, and marked by a cross: {counted(lost, 'value')}.")
    return found


def _figure(metric: str, shown: Points) -> Figure:
    with drawing():
        figure, axes = canvas.blank(HEIGHT)
        handles: list[Artist] = []
        for place, (name, points) in enumerate(shown.items()):
            style = look(place)
            times = [date2num(time) for time, _ in points]
            values = [value if _usable(value) else math.nan for _, value in points]
            axes.plot(
                times,
                values,
                color=style.color,
                linestyle=style.line.value,
                linewidth=1.8,
                marker=style.marker,
                markersize=5 if len(points) <= FEW_POINTS else 3,
            )
            lost = [date2num(time) for time, value in points if not _usable(value)]
            canvas.crosses(axes, lost, place, style.color)
            handles.append(canvas.line_key(style, label(name, 24)))
        if any(not _usable(value) for points in shown.values() for _, value in points):
            handles.append(canvas.key("x", NEUTRAL, "not finite"))
        if not any(_usable(value) for points in shown.values() for _, value in points):
            axes.set_yticks([])
            canvas.remark(axes, "no finite value")
        every = [time for points in shown.values() for time, _ in points]
        margin = max((max(every) - min(every)) * 0.03, LEAST_SPAN * (min(every) == max(every)))
        axes.set_xlim(date2num(min(every) - margin), date2num(max(every) + margin))
        locator = AutoDateLocator(tz=timezone.utc)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=timezone.utc))
        axes.set_xlabel("time of the run, UTC")
        axes.set_ylabel(label(metric))
        canvas.legend(figure, handles)
        return canvas.finished(figure)
