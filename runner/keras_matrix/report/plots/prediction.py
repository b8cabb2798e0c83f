"""Reported figures, each against the interval in which one more run would lie."""

import math
from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from keras_matrix.compare.figures import number
from keras_matrix.compare.intervals import Scale
from keras_matrix.compare.reproduction import FigureVerdict, JudgedFigure, Reproduction
from keras_matrix.report.plots import canvas
from keras_matrix.report.plots.chart import Chart, clean, listed_parts, short_label, short_number
from keras_matrix.report.plots.theme import (
    AGREE_COLOR,
    DIFFER_COLOR,
    NEUTRAL_COLOR,
    TOLERANCE_COLOR,
    plot_settings,
)
from keras_matrix.text import plural

MAX_DRAWN_FIGURES = 40
MAX_DRAWN_HALF_WIDTHS = 8.0
"""Distance, in half widths of the interval, from which on an arrow stands for a figure."""
VERDICT_COLORS = {
    FigureVerdict.CONSISTENT: AGREE_COLOR,
    FigureVerdict.INCONSISTENT: DIFFER_COLOR,
}
VERDICT_MARKERS = {FigureVerdict.CONSISTENT: "o", FigureVerdict.INCONSISTENT: "D"}


def draw_reported(reproduction: Reproduction) -> tuple[Chart, ...]:
    """Draw the reported figures that have an interval, each against its own."""
    figures = reproduction.figures
    comparable = [figure for figure in figures if half_widths(figure) is not None]
    if not comparable:
        return ()
    drawn = comparable[:MAX_DRAWN_FIGURES]
    counts = {
        verdict: sum(figure.verdict is verdict for figure in figures) for verdict in FigureVerdict
    }
    by_verdict = ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count)
    outside = [
        f"{clean(_name(figure))} reported as {short_number(figure.reported)}, one more run would "
        f"lie in {_interval(figure)}"
        for figure in comparable
        if figure.verdict is FigureVerdict.INCONSISTENT
    ]
    description = (
        "Reported figures, on a scale on which one more run would lie between -1 and 1: "
        f"{plural(len(figures), 'figure')}, {by_verdict}."
    )
    if outside:
        description += f" Outside: {listed_parts(outside)}."
    if len(drawn) < len(comparable):
        description += f" The first {len(drawn)} are drawn."
    return (
        Chart(
            "reported",
            "Reported figures against the interval of one more run",
            description,
            _figure(drawn),
            ("figure", "reported", "measured", "one more run: from", "to", "verdict"),
            tuple(_table_row(figure) for figure in figures),
        ),
    )


def half_widths(figure: JudgedFigure) -> float | None:
    """Return how far a figure is from its interval's middle, in half widths of the interval.

    -1 and 1 are the ends of the interval; None without one. Ratios are placed by their
    logarithms, so that their intervals are as symmetric as others.
    """
    if figure.prediction is None:
        return None
    interval = figure.prediction.interval
    low, high, value = interval.low, interval.high, figure.reported
    if figure.prediction.scale is Scale.RATIO:
        if min(low, high, value) <= 0:
            return None
        low, high, value = math.log(low), math.log(high), math.log(value)
    half_width = (high - low) / 2
    middle = low + half_width
    if half_width > 0:
        return (value - middle) / half_width
    return 0.0 if value == middle else math.copysign(math.inf, value - middle)


def _figure(drawn: Sequence[JudgedFigure]) -> Figure:
    positions = [half_widths(figure) or 0.0 for figure in drawn]
    furthest = max((1.6, *(abs(position) for position in positions)))
    reach = min(MAX_DRAWN_HALF_WIDTHS, furthest * 1.1)
    with plot_settings():
        figure, axes = canvas.figure_of_rows([short_label(_name(judged), 34) for judged in drawn])
        axes.axvspan(-1, 1, color=TOLERANCE_COLOR, linewidth=0, zorder=0)
        canvas.draw_baseline(axes, 0)
        axes.set_xlim(-reach, reach)
        limit = int(MAX_DRAWN_HALF_WIDTHS)
        canvas.set_ticks(axes.xaxis, [n for n in range(-limit, limit + 1) if abs(n) <= reach])
        for row, (judged, position) in enumerate(zip(drawn, positions, strict=True)):
            axes.plot((-1, 1), (row, row), color=NEUTRAL_COLOR, linewidth=1.4)
            axes.vlines((-1, 0, 1), row - 0.18, row + 0.18, color=NEUTRAL_COLOR, linewidth=1.4)
            arrow = ">" if position > 0 else "<"
            axes.plot(
                [min(max(position, -reach), reach)],
                [row],
                marker=VERDICT_MARKERS[judged.verdict] if abs(position) <= reach else arrow,
                markersize=8,
                linestyle="none",
                color=VERDICT_COLORS[judged.verdict],
                clip_on=False,
                zorder=4,
            )
        texts = [f"{judged.reported:.4g} / {_interval(judged)}" for judged in drawn]
        canvas.write_beside_rows(axes, "reported / one more run", texts)
        axes.set_xlabel("reported, in half widths of the interval")
        handles = [
            canvas.marker_handle(VERDICT_MARKERS[verdict], VERDICT_COLORS[verdict], verdict.value)
            for verdict in FigureVerdict
            if any(judged.verdict is verdict for judged in drawn)
        ]
        canvas.add_legend(figure, [*handles, Patch(color=TOLERANCE_COLOR, label="one more run")])
        return canvas.fix_layout(figure)


def _name(figure: JudgedFigure) -> str:
    other = f" / {figure.than}" if figure.than else ""
    return f"{figure.image}{other} {figure.metric}"


def _interval(figure: JudgedFigure) -> str:
    if figure.prediction is None:
        return "-"
    interval = figure.prediction.interval
    unit = "x" if figure.prediction.scale is Scale.RATIO else ""
    return f"{interval.low:.4g} to {interval.high:.4g}{unit}"


def _table_row(figure: JudgedFigure) -> tuple[str, ...]:
    prediction = figure.prediction
    values: tuple[float | None, ...] = (None, None, None)
    if prediction is not None:
        values = (prediction.center, prediction.interval.low, prediction.interval.high)
    return (
        clean(_name(figure)),
        number(figure.reported),
        *(number(value) for value in values),
        figure.verdict.value,
    )
