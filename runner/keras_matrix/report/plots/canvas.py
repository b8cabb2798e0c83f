"""Figures and their layout. Sizes are in units of 1/72 inch, which a page shows as a pixel each."""

import math
from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from keras_matrix.report.plots.theme import NEUTRAL_COLOR, TEXT_COLOR, SeriesStyle

FIGURE_WIDTH = 640
UNITS_PER_INCH = 72
ROW_HEIGHT = 24
FRAME_HEIGHT = 64
"""Height of what is above and below the rows of a figure."""
HEADING_POSITION = -0.8
"""Position of the heading of the texts beside the rows, in rows; the first row is at 0."""
SIDE_TEXT_POSITION = 1.02
"""Left end of a text beside the axes, in widths of the axes."""
LEGEND_CHARACTER_WIDTH = 7.3
LEGEND_HANDLE_WIDTH = 56
"""Width of a legend's entry without its text."""
LEGEND_LINE_HEIGHT = 18
MAX_SUBDIVIDED_DECADES = 3
"""Decades of a logarithmic axis that also has ticks between the powers of ten."""
MAX_DECADE_TICKS = 7
"""Ticks of a logarithmic axis that has them at powers of ten only."""
NOT_FINITE_POSITION = 0.03
"""Height of the first series' crosses, in heights of the axes."""
NOT_FINITE_STEP = 0.05
"""Distance from one series' crosses to the next one's, in heights of the axes."""


def blank_figure(height: float) -> tuple[Figure, Axes]:
    """Return an empty figure and its axes."""
    size = (FIGURE_WIDTH / UNITS_PER_INCH, height / UNITS_PER_INCH)
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.add_subplot()


def figure_of_rows(labels: Sequence[str], row_height: float = ROW_HEIGHT) -> tuple[Figure, Axes]:
    """Return a figure of labelled rows from the top down, the first one at y = 0."""
    figure, axes = blank_figure(FRAME_HEIGHT + row_height * len(labels))
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    return figure, axes


def write_beside_rows(axes: Axes, heading: str, texts: Sequence[str]) -> None:
    """Write a text to the right of each row, and the heading of these texts above the first."""
    for row, text in enumerate((heading, *texts), -1):
        write_beside(
            axes,
            row if row >= 0 else HEADING_POSITION,
            text,
            TEXT_COLOR if row >= 0 else NEUTRAL_COLOR,
        )


def write_beside(axes: Axes, row: float, text: str, color: str) -> None:
    """Write a text to the right of the axes, at the height of a row."""
    axes.text(
        *(SIDE_TEXT_POSITION, row, text),
        transform=axes.get_yaxis_transform(),
        verticalalignment="center",
        fontsize=11,
        color=color,
    )


def add_legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """Put a legend above the axes, in as many columns as fit; the figure grows by its lines."""
    widths = [
        len(str(handle.get_label())) * LEGEND_CHARACTER_WIDTH + LEGEND_HANDLE_WIDTH
        for handle in handles
    ]
    columns = next(
        (n for n in range(len(widths), 1, -1) if _legend_width(widths, n) <= FIGURE_WIDTH), 1
    )
    lines = math.ceil(len(handles) / columns)
    figure.set_figheight(figure.get_figheight() + LEGEND_LINE_HEIGHT * lines / UNITS_PER_INCH)
    # matplotlib fills one column after the other; readers go line by line.
    by_column = [handle for column in range(columns) for handle in handles[column::columns]]
    figure.legend(
        handles=by_column,
        loc="outside upper left",
        ncols=columns,
        handlelength=2.6,
        columnspacing=1.6,
        borderpad=0.2,
        borderaxespad=0.1,
    )


def _legend_width(widths: Sequence[float], columns: int) -> float:
    """Return the width of a legend with entries of these widths in so many columns."""
    return sum(max(widths[column::columns]) for column in range(columns))


def marker_handle(marker: str, color: str, text: str, *, hollow: bool = False) -> Line2D:
    """Return a legend's entry for a marker."""
    return Line2D(
        [],
        [],
        linestyle="none",
        marker=marker,
        markersize=7,
        color=color,
        markerfacecolor="none" if hollow else color,
        label=text,
    )


def series_handle(style: SeriesStyle, text: str) -> Line2D:
    """Return a legend's entry for a series that is a line."""
    return Line2D(
        [],
        [],
        color=style.color,
        linestyle=style.line.value,
        marker=style.marker,
        markersize=5,
        label=text,
    )


def draw_crosses(axes: Axes, positions: Sequence[float], series_index: int, color: str) -> None:
    """Mark, at the foot of the axes, where a series has a value that is not finite."""
    if not positions:
        # An empty line would still take room in the layout.
        return
    axes.plot(
        positions,
        [NOT_FINITE_POSITION + NOT_FINITE_STEP * series_index] * len(positions),
        transform=axes.get_xaxis_transform(),
        linestyle="none",
        marker="x",
        markersize=5,
        color=color,
        clip_on=False,
    )


def log_ticks(low: float, high: float) -> list[float]:
    """Return round numbers for a logarithmic axis, at least one of them between its ends."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    decades = last - first
    if decades <= MAX_SUBDIVIDED_DECADES:
        factors = (1, 2, 3, 5) if math.log10(high) - math.log10(low) < 1 else (1, 2, 5)
        ticks = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
    else:
        step = math.ceil(decades / MAX_DECADE_TICKS)
        # Multiples of the step: 1 is always a tick if it lies between the ends.
        ticks = [10.0**power for power in range(first, last + 1) if power % step == 0]
    inside = [tick for tick in ticks if low <= tick <= high]
    return inside or [float(f"{math.sqrt(low) * math.sqrt(high):.2g}")]


def set_log_scale(axis: Axis, low: float, high: float) -> None:
    """Make an axis logarithmic, from ``low`` to ``high``, with plain numbers at its ticks."""
    axes = axis.axes
    set_scale, set_limits = (
        (axes.set_xscale, axes.set_xlim) if axis is axes.xaxis else (axes.set_yscale, axes.set_ylim)
    )
    set_scale("log")
    set_limits(low, high)
    set_ticks(axis, log_ticks(low, high))


def set_ticks(axis: Axis, values: Sequence[float]) -> None:
    """Put ticks at these values and no others."""
    axis.set_major_locator(FixedLocator(values))
    axis.set_major_formatter(FixedFormatter([f"{value:g}" for value in values]))
    axis.set_minor_locator(NullLocator())


def draw_baseline(axes: Axes, value: float) -> None:
    """Draw a thin line across all rows at the value that means no difference."""
    axes.axvline(value, color=NEUTRAL_COLOR, linewidth=1.0, zorder=1)


def write_in_middle(axes: Axes, text: str) -> None:
    """Write a text into the middle of empty axes."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=TEXT_COLOR)


def fix_layout(figure: Figure) -> Figure:
    """Lay a figure out once, so that it is the same each time it is drawn."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    figure.set_layout_engine("none")
    return figure
