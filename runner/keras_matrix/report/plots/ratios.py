"""Ratios of times as intervals: how many times as long one image takes as the other."""

import math
from collections.abc import Sequence

from keras_matrix.compare import figures
from keras_matrix.compare.comparison import Row, Verdict
from keras_matrix.compare.figures import number
from keras_matrix.plan.tolerance import MetricKind
from keras_matrix.report.plots import canvas
from keras_matrix.report.plots.bars import (
    MAX_DRAWN_ROWS,
    DifferenceBar,
    axis_names,
    bar_values,
    draw_bar,
    end_texts,
    row_label,
    title_names,
)
from keras_matrix.report.plots.chart import Chart, clean, listed_parts, slug
from keras_matrix.report.plots.theme import plot_settings

MAX_DRAWN_RATIO = 1e4
"""Largest ratio of two times, or its inverse, that is drawn in its place."""


def ratio_bar(row: Row) -> DifferenceBar | None:
    """Return a time that is reported, not judged, as a ratio; None for any other row."""
    if row.kind is not MetricKind.TIME or row.verdict is not Verdict.REPORTED:
        return None
    if row.reference is None or row.other is None:
        return None
    inference = row.inference
    if inference is not None and inference.estimate is not None:
        interval = inference.interval
        ends = (interval.low, interval.high) if interval else None
        return DifferenceBar(row, inference.estimate, ends)
    if not (0 < row.reference.median < math.inf and 0 < row.other.median < math.inf):
        return None
    return DifferenceBar(row, row.other.median / row.reference.median)


def ratios_chart(bars: Sequence[DifferenceBar], reference: str, other: str) -> Chart:
    """Draw the ratios of two sides' times, a row for each time."""
    drawn = bars[:MAX_DRAWN_ROWS]
    low, high = 1 / MAX_DRAWN_RATIO, MAX_DRAWN_RATIO
    values = [min(max(value, low), high) for bar in drawn for value in bar_values(bar)]
    with plot_settings():
        figure, axes = canvas.figure_of_rows([row_label(bar) for bar in drawn])
        canvas.set_log_scale(axes.xaxis, min(0.5, *values) / 1.25, max(2.0, *values) * 1.25)
        canvas.draw_baseline(axes, 1)
        for row, bar in enumerate(drawn):
            draw_bar(axes, row, bar, low, high)
        canvas.write_beside_rows(axes, "ratio", [f"{bar.value:.3g}x" for bar in drawn])
        axes.set_xlabel(
            f"{' / '.join(axis_names(other, reference))}: how many times as long (log scale)"
        )
        canvas.fix_layout(figure)
    ratios = listed_parts(
        f"{clean(figures.metric(bar.row))} {bar.value:.3g} times as long{_span(bar)}"
        for bar in bars
    )
    left_out = f" The first {MAX_DRAWN_ROWS} are drawn." if len(bars) > MAX_DRAWN_ROWS else ""
    return Chart(
        slug("ratios", other, reference),
        f"Times: {' divided by '.join(title_names(other, reference))}",
        f"Times of {clean(other)} divided by those of {clean(reference)}; 1 means equally long: "
        f"{ratios}.{left_out}",
        figure,
        ("time", clean(reference), clean(other), "ratio", "from", "to"),
        tuple(
            (
                clean(figures.metric(bar.row)),
                figures.summary(bar.row.reference),
                figures.summary(bar.row.other),
                number(bar.value),
                *end_texts(bar.interval),
            )
            for bar in bars
        ),
    )


def _span(bar: DifferenceBar) -> str:
    if bar.interval is None:
        return ""
    return f" ({bar.interval[0]:.3g} to {bar.interval[1]:.3g})"
