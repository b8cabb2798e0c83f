"""What a text reports against where one more run would fall."""

import math
from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from keras_matrix.compare.figures import number
from keras_matrix.compare.intervals import Scale
from keras_matrix.compare.reproduction import FigureVerdict, JudgedFigure, Reproduction
from keras_matrix.report.plots import canvas
from keras_matrix.report.plots.chart import Chart, clean, counted, label, listed, roughly
from keras_matrix.report.plots.theme import AGREE, DIFFER, MARGIN, NEUTRAL, drawing

MOST_ROWS = 40
REACH = 8.0
"""What lies further out, in half widths of its interval, is drawn there, as an arrow."""
COLORS = {FigureVerdict.CONSISTENT: AGREE, FigureVerdict.INCONSISTENT: DIFFER}
MARKERS = {FigureVerdict.CONSISTENT: "o", FigureVerdict.INCONSISTENT: "D"}


def reported(reproduction: Reproduction) -> tuple[Chart, ...]:
    """Draw reported figures, each against its own interval; those that have one."""
    held = [one for one in reproduction.figures if position(one) is not None]
    if not held:
        return ()
    shown = held[:MOST_ROWS]
    counts = [
        f"{sum(one.verdict is verdict for one in reproduction.figures)} {verdict.value}"
        for verdict in FigureVerdict
        if any(one.verdict is verdict for one in reproduction.figures)
    ]
    off = [
        f"{clean(_name(one))} reported as {roughly(one.reported)}, one more run would lie in "
        f"{_interval(one)}"
        for one in held
        if one.verdict is FigureVerdict.INCONSISTENT
    ]
    description = (
        "Reported figures, on a scale on which one more run would lie between -1 and 1: "
        f"{counted(len(reproduction.figures), 'figure')}, {', '.join(counts)}."
    )
    if off:
        description += f" Outside: {listed(off)}."
    if len(shown) < len(held):
        description += f" The first {len(shown)} are drawn."
    return (
        Chart(
            "reported",
            "Reported figures against where one more run would fall",
            description,
            _figure(shown),
            ("figure", "reported", "measured", "one more run: from", "to", "verdict"),
            tuple(_cells(one) for one in reproduction.figures),
        ),
    )


def position(figure: JudgedFigure) -> float | None:
    """Return where a figure lies: -1 and 1 are the ends of its interval; None without one.

    Ratios are placed by their logarithms, so that their intervals are as symmetric as others.
    """
    if figure.prediction is None:
        return None
    interval = figure.prediction.interval
    low, high, value = interval.low, interval.high, figure.reported
    if figure.prediction.scale is Scale.RATIO:
        if min(low, high, value) <= 0:
            return None
        low, high, value = math.log(low), math.log(high), math.log(value)
    half = (high - low) / 2
    middle = low + half
    if half > 0:
        return (value - middle) / half
    return 0.0 if value == middle else math.copysign(math.inf, value - middle)


def _figure(shown: Sequence[JudgedFigure]) -> Figure:
    places = [position(one) or 0.0 for one in shown]
    reach = min(REACH, max((1.6, *(abs(place) for place in places))) * 1.1)
    with drawing():
        figure, axes = canvas.of_rows([label(_name(one), 34) for one in shown])
        axes.axvspan(-1, 1, color=MARGIN, linewidth=0, zorder=0)
        canvas.line_at(axes, 0)
        axes.set_xlim(-reach, reach)
        canvas.ticks(axes.xaxis, [n for n in range(-8, 9) if abs(n) <= reach])
        for row, (one, place) in enumerate(zip(shown, places, strict=True)):
            axes.plot((-1, 1), (row, row), color=NEUTRAL, linewidth=1.4)
            axes.vlines((-1, 0, 1), row - 0.18, row + 0.18, color=NEUTRAL, linewidth=1.4)
            inside = abs(place) <= reach
            axes.plot(
                [min(max(place, -reach), reach)],
                [row],
                marker=MARKERS[one.verdict] if inside else (">" if place > 0 else "<"),
                markersize=8,
                linestyle="none",
                color=COLORS[one.verdict],
                clip_on=False,
                zorder=4,
            )
        texts = [f"{one.reported:.4g} / {_interval(one)}" for one in shown]
        canvas.beside(axes, "reported / one more run", texts)
        axes.set_xlabel("reported, in half widths of the interval")
        handles = [
            canvas.key(MARKERS[verdict], COLORS[verdict], verdict.value)
            for verdict in FigureVerdict
            if any(one.verdict is verdict for one in shown)
        ]
        canvas.legend(figure, [*handles, Patch(color=MARGIN, label="one more run")])
        return canvas.finished(figure)


def _name(figure: JudgedFigure) -> str:
    against = f" / {figure.than}" if figure.than else ""
    return f"{figure.image}{against} {figure.metric}"


def _interval(figure: JudgedFigure) -> str:
    if figure.prediction is None:
        return "-"
    interval = figure.prediction.interval
    unit = "x" if figure.prediction.scale is Scale.RATIO else ""
    return f"{interval.low:.4g} to {interval.high:.4g}{unit}"


def _cells(figure: JudgedFigure) -> tuple[str, ...]:
    prediction = figure.prediction
    found: tuple[float | None, ...] = (None, None, None)
    if prediction is not None:
        found = (prediction.center, prediction.interval.low, prediction.interval.high)
    return (
        clean(_name(figure)),
        number(figure.reported),
        *(number(value) for value in found),
        figure.verdict.value,
    )
