"""Differences as intervals, each in units of what is allowed; times as ratios."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from keras_matrix.compare import figures
from keras_matrix.compare.comparison import Comparison, Row, Verdict
from keras_matrix.compare.figures import number
from keras_matrix.compare.intervals import Interval
from keras_matrix.plan.tolerance import Kind
from keras_matrix.report.plots import canvas
from keras_matrix.report.plots.chart import Chart, clean, counted, label, listed, slug, unique
from keras_matrix.report.plots.theme import (
    AGREE,
    DIFFER,
    INCONCLUSIVE,
    MARGIN,
    NEUTRAL,
    TEXT,
    drawing,
)

COLORS = {
    Verdict.AGREE: AGREE,
    Verdict.DIFFER: DIFFER,
    Verdict.MISSING: DIFFER,
    Verdict.INCONCLUSIVE: INCONCLUSIVE,
    Verdict.REPORTED: NEUTRAL,
}
MARKERS = {
    Verdict.AGREE: "o",
    Verdict.DIFFER: "D",
    Verdict.MISSING: "D",
    Verdict.INCONCLUSIVE: "s",
    Verdict.REPORTED: "o",
}
MOST_ROWS = 40
LINEAR = 4.0
"""Up to so many times what is allowed an axis is linear."""
FURTHEST = 1e6
"""What lies further out is drawn there, as an arrow."""
MOST_RATIO = 1e4


@dataclass(frozen=True)
class Bar:
    """A row to draw: all in units of what is allowed, or all as ratios.

    ``value`` is None where there is no difference to draw, ``why`` then says what there is.
    ``held`` is the narrower interval that is held against what is allowed.
    """

    row: Row
    value: float | None
    interval: tuple[float, float] | None = None
    held: tuple[float, float] | None = None
    why: str = ""


def forest(comparison: Comparison) -> tuple[Chart, ...]:
    """Draw the differences of a comparison, those of each two sides in a chart of their own."""
    pairs = dict.fromkeys((row.reference_name, row.other_name) for row in comparison.rows)
    charts = []
    for pair in pairs:
        rows = [r for r in comparison.rows if (r.reference_name, r.other_name) == pair]
        judged = [scaled(row) for row in rows if row.tolerance is not None and row.other_name]
        judged = [bar for bar in judged if bar.row.verdict is not Verdict.REPORTED]
        times = [bar for row in rows if (bar := ratio(row)) is not None]
        if judged:
            charts.append(_scores(judged, *pair))
        if times:
            charts.append(_times(times, *pair))
    names = unique(chart.name for chart in charts)
    return tuple(
        Chart(name, one.title, one.description, one.figure, one.header, one.rows)
        for name, one in zip(names, charts, strict=True)
    )


def scaled(row: Row) -> Bar:
    """Return a judged row in units of what is allowed."""
    if row.reference is None or row.other is None:
        there = row.other_name if row.reference is None else row.reference_name
        return Bar(row, None, why=f"on {label(there, 16)} only")
    if row.elementwise:
        return Bar(row, None, why="element by element")
    found, tolerance = row.inference, row.tolerance
    if found is None:
        difference = row.other.median - row.reference.median
        allowed = tolerance.allowed(row.reference.median) if tolerance is not None else 0.0
        interval = held = None
    else:
        difference = math.nan if found.estimate is None else found.estimate
        allowed, interval, held = found.margin, found.interval, found.tost
    if not math.isfinite(difference) or not math.isfinite(allowed):
        return Bar(row, None, why="not finite")
    return Bar(
        row,
        _in_units(difference, allowed),
        _both_in_units(interval, allowed),
        _both_in_units(held, allowed),
    )


def ratio(row: Row) -> Bar | None:
    """Return a time that is reported, not judged, as a ratio; None for all else."""
    if row.kind is not Kind.TIME or row.verdict is not Verdict.REPORTED:
        return None
    if row.reference is None or row.other is None:
        return None
    found = row.inference
    if found is not None and found.estimate is not None:
        interval = found.interval
        return Bar(row, found.estimate, (interval.low, interval.high) if interval else None)
    if not (0 < row.reference.median < math.inf and 0 < row.other.median < math.inf):
        return None
    return Bar(row, row.other.median / row.reference.median)


def _in_units(value: float, allowed: float) -> float:
    if allowed > 0:
        return value / allowed
    # Nothing is allowed: any difference is infinitely beyond it.
    return math.copysign(math.inf, value) if value else 0.0


def _both_in_units(interval: Interval | None, allowed: float) -> tuple[float, float] | None:
    if interval is None:
        return None
    return _in_units(interval.low, allowed), _in_units(interval.high, allowed)


def _scores(bars: Sequence[Bar], reference: str, other: str) -> Chart:
    shown = _most_telling(bars)
    furthest = min(FURTHEST, max((1.0, *(abs(end) for bar in shown for end in _ends(bar)))))
    with drawing():
        figure, axes = canvas.of_rows([label(figures.metric(bar.row), 34) for bar in shown])
        axes.axvspan(-1, 1, color=MARGIN, linewidth=0, zorder=0)
        canvas.line_at(axes, 0)
        if furthest <= LINEAR:
            reach = max(1.25, furthest * 1.08)
            axes.set_xlim(-reach, reach)
            canvas.ticks(axes.xaxis, [n for n in range(-4, 5) if abs(n) <= reach])
        else:
            axes.set_xscale("symlog", linthresh=1.0)
            powers = _powers(furthest)
            reach = max(powers[-1], furthest) * 1.5
            axes.set_xlim(-reach, reach)
            canvas.ticks(axes.xaxis, [*(-power for power in reversed(powers)), 0, *powers])
        for place, bar in enumerate(shown):
            _draw(axes, place, bar, reach)
        canvas.beside(axes, "difference / allowed", [_difference(bar) for bar in shown])
        axes.set_xlabel(f"{label(other, 20)} - {label(reference, 20)}, in units of what is allowed")
        verdicts = dict.fromkeys(bar.row.verdict for bar in shown if bar.value is not None)
        handles: list[Line2D | Patch] = [
            _key(verdict) for verdict in Verdict if verdict in verdicts
        ]
        handles.append(Patch(color=MARGIN, label="allowed"))
        if any(bar.held for bar in shown):
            handles.append(Line2D([], [], color=TEXT, linewidth=4, label="two one-sided tests"))
            handles.append(Line2D([], [], color=TEXT, linewidth=1.4, label="interval"))
        canvas.legend(figure, handles)
        canvas.finished(figure)
    names = f"{label(other, 40)} against {label(reference, 40)}"
    told = _told(bars)
    if len(shown) < len(bars):
        told += f" The {len(shown)} furthest apart are drawn."
    return Chart(
        slug("differences", other, reference),
        f"Differences: {names}",
        f"Differences of {clean(other)} from {clean(reference)}, each divided by what is allowed, "
        f"so that -1 to 1 is the margin: {told}",
        figure,
        (
            *("metric", "difference", "from", "to", "allowed"),
            *("by what is allowed", "by it, from", "by it, to", "verdict"),
        ),
        tuple(_cells(bar) for bar in bars),
    )


def _powers(furthest: float) -> list[float]:
    highest = max(1, math.ceil(math.log10(furthest) - 1e-9))
    step = math.ceil(highest / 3)
    return [1.0, *(10.0**power for power in range(step, highest + 1, step))]


def _times(bars: Sequence[Bar], reference: str, other: str) -> Chart:
    shown = bars[:MOST_ROWS]
    least, most = 1 / MOST_RATIO, MOST_RATIO
    ends = [min(max(end, least), most) for bar in shown for end in _ends(bar)]
    with drawing():
        figure, axes = canvas.of_rows([label(figures.metric(bar.row), 34) for bar in shown])
        canvas.on_log(axes.xaxis, min(0.5, *ends) / 1.25, max(2.0, *ends) * 1.25)
        canvas.line_at(axes, 1)
        for place, bar in enumerate(shown):
            _draw(axes, place, bar, most, least)
        canvas.beside(axes, "ratio", [f"{bar.value:.3g}x" for bar in shown])
        axes.set_xlabel(
            f"{label(other, 20)} / {label(reference, 20)}: how many times as long (log scale)"
        )
        canvas.finished(figure)
    told = listed(
        f"{clean(figures.metric(bar.row))} {bar.value:.3g} times as long{_span(bar)}"
        for bar in bars
    )
    left_out = f" The first {MOST_ROWS} are drawn." if len(bars) > MOST_ROWS else ""
    return Chart(
        slug("ratios", other, reference),
        f"Times: {label(other, 40)} by {label(reference, 40)}",
        f"Ratios of the times of {clean(other)} to those of {clean(reference)}, 1 where they are "
        f"the same: {told}.{left_out}",
        figure,
        ("time", clean(reference), clean(other), "ratio", "from", "to"),
        tuple(
            (
                clean(figures.metric(bar.row)),
                figures.summary(bar.row.reference),
                figures.summary(bar.row.other),
                number(bar.value),
                *_numbers(bar.interval),
            )
            for bar in bars
        ),
    )


def _span(bar: Bar) -> str:
    if bar.interval is None:
        return ""
    return f" ({bar.interval[0]:.3g} to {bar.interval[1]:.3g})"


def _ends(bar: Bar) -> list[float]:
    ends = [] if bar.value is None else [bar.value]
    for interval in (bar.interval, bar.held):
        ends += interval or ()
    return ends


def _most_telling(bars: Sequence[Bar]) -> list[Bar]:
    """Return the rows to draw: of too many those that are furthest out, as they come."""
    if len(bars) <= MOST_ROWS:
        return list(bars)
    apart = sorted(bars, key=lambda bar: -abs(bar.value) if bar.value is not None else -math.inf)
    kept = {id(bar) for bar in apart[:MOST_ROWS]}
    return [bar for bar in bars if id(bar) in kept]


def _draw(axes: Axes, place: int, bar: Bar, most: float, least: float | None = None) -> None:
    """Draw a row: its interval, what is held against the margin, and the difference."""
    if bar.value is None:
        return
    lowest = -most if least is None else least
    color = COLORS[bar.row.verdict]
    for interval, width in ((bar.interval, 1.4), (bar.held, 4.0)):
        if interval is not None:
            low, high = (min(max(end, lowest), most) for end in interval)
            axes.plot(
                (low, high), (place, place), color=color, linewidth=width, solid_capstyle="butt"
            )
    inside = lowest <= bar.value <= most
    marker = MARKERS[bar.row.verdict] if inside else (">" if bar.value > most else "<")
    axes.plot(
        [min(max(bar.value, lowest), most)],
        [place],
        marker=marker,
        markersize=8,
        color=color,
        markeredgecolor=color,
        linestyle="none",
        clip_on=False,
        zorder=4,
    )


def _key(verdict: Verdict) -> Line2D:
    return canvas.key(MARKERS[verdict], COLORS[verdict], verdict.value)


def _difference(bar: Bar) -> str:
    """Return a difference, and what is allowed, in the metric's own unit."""
    if bar.value is None:
        return bar.why
    difference, allowed = _absolute(bar)
    return f"{difference:+.3g} / {allowed:.3g}"


def _absolute(bar: Bar) -> tuple[float, float]:
    row, found = bar.row, bar.row.inference
    if found is not None and found.estimate is not None:
        return found.estimate, found.margin
    if row.reference is None or row.other is None or row.tolerance is None:
        return math.nan, math.nan
    return row.other.median - row.reference.median, row.tolerance.allowed(row.reference.median)


def _cells(bar: Bar) -> tuple[str, ...]:
    found = bar.row.inference
    known = bar.value is not None
    difference, allowed = _absolute(bar) if known else (None, None)
    interval = found.interval if known and found is not None else None
    return (
        clean(figures.label(bar.row)),
        number(difference) if known else bar.why,
        *_numbers((interval.low, interval.high) if interval else None),
        number(allowed) if known else figures.tolerance(bar.row),
        number(bar.value),
        *_numbers(bar.interval),
        bar.row.verdict.value,
    )


def _numbers(interval: tuple[float, float] | None) -> tuple[str, str]:
    return (number(interval[0]), number(interval[1])) if interval else ("-", "-")


def _told(bars: Sequence[Bar]) -> str:
    counts = [
        f"{sum(bar.row.verdict is verdict for bar in bars)} {verdict.value}"
        for verdict in Verdict
        if any(bar.row.verdict is verdict for bar in bars)
    ]
    told = f"{counted(len(bars), 'metric')}, {', '.join(counts)}."
    apart = [bar for bar in bars if bar.value is not None]
    if apart:
        worst = max(apart, key=lambda bar: abs(bar.value or 0.0))
        told += (
            f" Furthest apart is {clean(figures.metric(worst.row))}, at {worst.value:.3g} times "
            "what is allowed."
        )
    unseen = [f"{clean(figures.metric(bar.row))} ({bar.why})" for bar in bars if bar.value is None]
    if unseen:
        told += f" In the table only: {listed(unseen)}."
    return told
