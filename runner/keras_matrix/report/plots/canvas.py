"""Make figures and lay them out: sizes in units of which 72 are an inch, a page's pixel each."""

import math
from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from keras_matrix.report.plots.theme import NEUTRAL, TEXT, Look

WIDTH = 640
UNIT = 72
ROW = 24
FRAME = 64
"""Height of a row, and of what is above and below all rows."""
HEADING = -0.8
"""Where, in rows, the heading of what stands beside them is."""
CHARACTER = 7.3
HANDLE = 56
"""Width of a character of the legend, and of what is besides its text."""
SUBDIVIDED = 3
MOST_TICKS = 7


def blank(height: float) -> tuple[Figure, Axes]:
    """Return an empty figure and its axes."""
    figure = Figure(figsize=(WIDTH / UNIT, height / UNIT), layout="constrained")
    return figure, figure.add_subplot()


def of_rows(labels: Sequence[str], row: float = ROW) -> tuple[Figure, Axes]:
    """Return a figure of rows from the top down, the first at y = 0."""
    figure, axes = blank(FRAME + row * len(labels))
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    return figure, axes


def beside(axes: Axes, heading: str, texts: Sequence[str]) -> None:
    """Write a text to the right of each row, and what it is above the first."""
    for place, text in enumerate((heading, *texts), -1):
        axes.text(
            *(1.02, place if place >= 0 else HEADING, text),
            transform=axes.get_yaxis_transform(),
            verticalalignment="center",
            fontsize=11,
            color=TEXT if place >= 0 else NEUTRAL,
        )


def legend(figure: Figure, handles: Sequence[Artist], extra: float = 18) -> None:
    """Put a legend above the axes, in as many columns as fit; the figure grows by its lines."""
    widths = [len(str(handle.get_label())) * CHARACTER + HANDLE for handle in handles]
    columns = next((n for n in range(len(widths), 1, -1) if _wide(widths, n) <= WIDTH), 1)
    lines = math.ceil(len(handles) / columns)
    figure.set_figheight(figure.get_figheight() + extra * lines / UNIT)
    # It fills one column after the other, and is read line by line.
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


def _wide(widths: Sequence[float], columns: int) -> float:
    """Return how wide a legend of so many columns is."""
    return sum(max(widths[column::columns]) for column in range(columns))


def key(marker: str, color: str, text: str, *, hollow: bool = False) -> Line2D:
    """Return an entry of a legend for a marker."""
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


def line_key(look: Look, text: str) -> Line2D:
    """Return an entry of a legend for a series."""
    return Line2D(
        [],
        [],
        color=look.color,
        linestyle=look.line.value,
        marker=look.marker,
        markersize=5,
        label=text,
    )


def crosses(axes: Axes, places: Sequence[float], series: int, color: str) -> None:
    """Mark, at the foot of the axes, where a series has a value that is not finite."""
    if not places:
        # An empty line would still take room.
        return
    axes.plot(
        places,
        [0.03 + 0.05 * series] * len(places),
        transform=axes.get_xaxis_transform(),
        linestyle="none",
        marker="x",
        markersize=5,
        color=color,
        clip_on=False,
    )


def log_ticks(low: float, high: float) -> list[float]:
    """Return round numbers for a logarithmic axis, at least one of them within."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    decades = last - first
    if decades <= SUBDIVIDED:
        factors = (1, 2, 3, 5) if math.log10(high) - math.log10(low) < 1 else (1, 2, 5)
        found = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
    else:
        step = math.ceil(decades / MOST_TICKS)
        # Whichever they are, 1 is one of them.
        found = [10.0**power for power in range(first, last + 1) if power % step == 0]
    within = [tick for tick in found if low <= tick <= high]
    return within or [float(f"{math.sqrt(low) * math.sqrt(high):.2g}")]


def on_log(axis: Axis, low: float, high: float) -> None:
    """Make an axis logarithmic, from ``low`` to ``high``, with plain numbers at it."""
    axes = axis.axes
    set_scale, set_limits = (
        (axes.set_xscale, axes.set_xlim) if axis is axes.xaxis else (axes.set_yscale, axes.set_ylim)
    )
    set_scale("log")
    set_limits(low, high)
    ticks(axis, log_ticks(low, high))


def ticks(axis: Axis, places: Sequence[float]) -> None:
    """Put ticks at these places and no others."""
    axis.set_major_locator(FixedLocator(places))
    axis.set_major_formatter(FixedFormatter([f"{place:g}" for place in places]))
    axis.set_minor_locator(NullLocator())


def line_at(axes: Axes, value: float) -> None:
    """Draw a thin line across the rows, as where there is no difference."""
    axes.axvline(value, color=NEUTRAL, linewidth=1.0, zorder=1)


def remark(axes: Axes, text: str) -> None:
    """Write a text into the middle of empty axes."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=TEXT)


def finished(figure: Figure) -> Figure:
    """Lay a figure out once, so that it comes out the same each time it is drawn."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    figure.set_layout_engine("none")
    return figure
