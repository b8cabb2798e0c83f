"""What the charts of differences and of ratios share: a bar for each row of a comparison."""

from dataclasses import dataclass

from matplotlib.axes import Axes

from keras_matrix.compare import figures
from keras_matrix.compare.comparison import Row, Verdict
from keras_matrix.compare.figures import number
from keras_matrix.report.plots.chart import short_label
from keras_matrix.report.plots.theme import (
    AGREE_COLOR,
    DIFFER_COLOR,
    INCONCLUSIVE_COLOR,
    NEUTRAL_COLOR,
)

VERDICT_COLORS = {
    Verdict.AGREE: AGREE_COLOR,
    Verdict.DIFFER: DIFFER_COLOR,
    Verdict.MISSING: DIFFER_COLOR,
    Verdict.INCONCLUSIVE: INCONCLUSIVE_COLOR,
    Verdict.REPORTED: NEUTRAL_COLOR,
}
VERDICT_MARKERS = {
    Verdict.AGREE: "o",
    Verdict.DIFFER: "D",
    Verdict.MISSING: "D",
    Verdict.INCONCLUSIVE: "s",
    Verdict.REPORTED: "o",
}
MAX_DRAWN_ROWS = 40
METRIC_LABEL_LENGTH = 34
AXIS_NAME_LENGTH = 20
"""Characters of an image's name at an axis."""
TITLE_NAME_LENGTH = 40
"""Characters of an image's name in a chart's title."""

Ends = tuple[float, float]


@dataclass(frozen=True)
class DifferenceBar:
    """A row of a comparison to draw: in units of the tolerance, or as a ratio.

    ``value`` is None where there is no difference to draw; ``reason`` then says why.
    ``judged_interval`` is the narrower interval, which the verdict compares with the tolerance.
    """

    row: Row
    value: float | None
    interval: Ends | None = None
    judged_interval: Ends | None = None
    reason: str = ""


def axis_names(*images: str) -> list[str]:
    """Return the names of images as short as the label of an axis needs them."""
    return [short_label(image, AXIS_NAME_LENGTH) for image in images]


def title_names(*images: str) -> list[str]:
    """Return the names of images as short as a chart's title needs them."""
    return [short_label(image, TITLE_NAME_LENGTH) for image in images]


def row_label(bar: DifferenceBar) -> str:
    """Return the name of a bar's metric as short as the label of a row needs it."""
    return short_label(figures.metric(bar.row), METRIC_LABEL_LENGTH)


def bar_values(bar: DifferenceBar) -> list[float]:
    """Return all values that a bar draws: its difference and the ends of its intervals."""
    values = [] if bar.value is None else [bar.value]
    for interval in (bar.interval, bar.judged_interval):
        values += interval or ()
    return values


def draw_bar(axes: Axes, row: int, bar: DifferenceBar, low: float, high: float) -> None:
    """Draw a row between the ends of the axis: both intervals and the difference."""
    if bar.value is None:
        return
    color = VERDICT_COLORS[bar.row.verdict]
    for interval, width in ((bar.interval, 1.4), (bar.judged_interval, 4.0)):
        if interval is not None:
            ends = [min(max(end, low), high) for end in interval]
            axes.plot(ends, (row, row), color=color, linewidth=width, solid_capstyle="butt")
    inside = low <= bar.value <= high
    marker = VERDICT_MARKERS[bar.row.verdict] if inside else (">" if bar.value > high else "<")
    axes.plot(
        [min(max(bar.value, low), high)],
        [row],
        marker=marker,
        markersize=8,
        color=color,
        markeredgecolor=color,
        linestyle="none",
        clip_on=False,
        zorder=4,
    )


def end_texts(interval: Ends | None) -> tuple[str, str]:
    """Return the ends of an interval for a table, dashes where there is none."""
    return (number(interval[0]), number(interval[1])) if interval else ("-", "-")
