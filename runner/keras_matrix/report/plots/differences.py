"""Differences as intervals, in units of the tolerance."""

import math
from collections.abc import Sequence
from dataclasses import replace

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from keras_matrix.compare import figures
from keras_matrix.compare.comparison import Comparison, Row, Verdict, by_pair
from keras_matrix.compare.figures import number
from keras_matrix.compare.intervals import Interval
from keras_matrix.report.plots import canvas
from keras_matrix.report.plots.bars import (
    MAX_DRAWN_ROWS,
    VERDICT_COLORS,
    VERDICT_MARKERS,
    DifferenceBar,
    Ends,
    axis_names,
    bar_values,
    draw_bar,
    end_texts,
    row_label,
    title_names,
)
from keras_matrix.report.plots.chart import (
    Chart,
    clean,
    listed_parts,
    make_unique,
    short_label,
    slug,
)
from keras_matrix.report.plots.ratios import ratio_bar, ratios_chart
from keras_matrix.report.plots.theme import TEXT_COLOR, TOLERANCE_COLOR, plot_settings
from keras_matrix.text import plural

MAX_LINEAR_DISTANCE = 4.0
"""Largest difference, in tolerances, that still gets a linear axis."""
MAX_DRAWN_DISTANCE = 1e6
"""Largest difference, in tolerances, that is drawn in its place; an arrow stands for others."""


def draw_differences(comparison: Comparison) -> tuple[Chart, ...]:
    """Draw the differences of a comparison, those of each two sides in charts of their own."""
    charts = []
    for pair, rows in by_pair(comparison.rows).items():
        differences = [
            scaled_bar(row)
            for row in rows
            if row.other_name and row.tolerance is not None and row.verdict is not Verdict.REPORTED
        ]
        ratios = [bar for row in rows if (bar := ratio_bar(row)) is not None]
        if differences:
            charts.append(_differences_chart(differences, *pair))
        if ratios:
            charts.append(ratios_chart(ratios, *pair))
    names = make_unique(chart.name for chart in charts)
    return tuple(replace(chart, name=name) for name, chart in zip(names, charts, strict=True))


def scaled_bar(row: Row) -> DifferenceBar:
    """Return a judged row in units of its tolerance."""
    if row.reference is None or row.other is None:
        image = row.other_name if row.reference is None else row.reference_name
        return DifferenceBar(row, None, reason=f"on {short_label(image, 16)} only")
    if row.elementwise:
        return DifferenceBar(row, None, reason="element by element")
    difference, allowed = _difference(row)
    if not math.isfinite(difference) or not math.isfinite(allowed):
        return DifferenceBar(row, None, reason="not finite")
    inference = row.inference
    return DifferenceBar(
        row,
        _in_tolerances(difference, allowed),
        _ends_in_tolerances(inference.interval if inference else None, allowed),
        _ends_in_tolerances(inference.tost if inference else None, allowed),
    )


def _difference(row: Row) -> tuple[float, float]:
    """Return a row's difference and what its tolerance allows, both in the metric's own unit.

    NaN for what is not known.
    """
    inference = row.inference
    if inference is not None:
        difference = math.nan if inference.estimate is None else inference.estimate
        return difference, inference.margin
    if row.reference is None or row.other is None:
        return math.nan, math.nan
    if row.seeds is not None:
        worst = row.seeds.worst
        if worst.reference is None or worst.other is None:
            return math.nan, math.nan
        return worst.other - worst.reference, worst.allowed
    allowed = row.tolerance.allowed(row.reference.median) if row.tolerance is not None else 0.0
    return row.other.median - row.reference.median, allowed


def _in_tolerances(value: float, allowed: float) -> float:
    if allowed > 0:
        return value / allowed
    # Where nothing is allowed, any difference is infinitely far out.
    return math.copysign(math.inf, value) if value else 0.0


def _ends_in_tolerances(interval: Interval | None, allowed: float) -> Ends | None:
    if interval is None:
        return None
    return _in_tolerances(interval.low, allowed), _in_tolerances(interval.high, allowed)


def _differences_chart(bars: Sequence[DifferenceBar], reference: str, other: str) -> Chart:
    drawn = _furthest_out(bars)
    furthest = max((1.0, *(abs(value) for bar in drawn for value in bar_values(bar))))
    with plot_settings():
        figure, axes = canvas.figure_of_rows([row_label(bar) for bar in drawn])
        axes.axvspan(-1, 1, color=TOLERANCE_COLOR, linewidth=0, zorder=0)
        canvas.draw_baseline(axes, 0)
        reach = _set_distance_scale(axes, min(MAX_DRAWN_DISTANCE, furthest))
        for row, bar in enumerate(drawn):
            draw_bar(axes, row, bar, -reach, reach)
        texts = [_difference_text(bar) for bar in drawn]
        canvas.write_beside_rows(axes, "difference / allowed", texts)
        axes.set_xlabel(f"{' - '.join(axis_names(other, reference))}, in units of what is allowed")
        verdicts = {bar.row.verdict for bar in drawn if bar.value is not None}
        handles: list[Line2D | Patch] = [
            canvas.marker_handle(VERDICT_MARKERS[verdict], VERDICT_COLORS[verdict], verdict.value)
            for verdict in Verdict
            if verdict in verdicts
        ]
        handles.append(Patch(color=TOLERANCE_COLOR, label="allowed"))
        if any(bar.judged_interval for bar in drawn):
            tests = "two one-sided tests"
            handles.append(Line2D([], [], color=TEXT_COLOR, linewidth=4, label=tests))
            handles.append(Line2D([], [], color=TEXT_COLOR, linewidth=1.4, label="interval"))
        canvas.add_legend(figure, handles)
        canvas.fix_layout(figure)
    description = _description(bars, reference, other)
    if len(drawn) < len(bars):
        description += f" The {len(drawn)} furthest out are drawn."
    return Chart(
        slug("differences", other, reference),
        f"Differences: {' against '.join(title_names(other, reference))}",
        description,
        figure,
        (
            *("metric", "difference", "from", "to", "allowed"),
            *("difference / allowed", "from / allowed", "to / allowed", "verdict"),
        ),
        tuple(_table_row(bar) for bar in bars),
    )


def _set_distance_scale(axes: Axes, furthest: float) -> float:
    """Set an axis on which ``furthest`` fits, linear if it is near; return where the axis ends."""
    if furthest <= MAX_LINEAR_DISTANCE:
        reach = max(1.25, furthest * 1.08)
        axes.set_xlim(-reach, reach)
        limit = int(MAX_LINEAR_DISTANCE)
        canvas.set_ticks(axes.xaxis, [n for n in range(-limit, limit + 1) if abs(n) <= reach])
        return reach
    axes.set_xscale("symlog", linthresh=1.0)
    highest_power = max(1, math.ceil(math.log10(furthest) - 1e-9))
    step = math.ceil(highest_power / 3)
    ticks = [1.0, *(10.0**power for power in range(step, highest_power + 1, step))]
    reach = max(ticks[-1], furthest) * 1.5
    axes.set_xlim(-reach, reach)
    canvas.set_ticks(axes.xaxis, [*(-tick for tick in reversed(ticks)), 0, *ticks])
    return reach


def _furthest_out(bars: Sequence[DifferenceBar]) -> list[DifferenceBar]:
    """Return the rows to draw: of too many those that are furthest out, in their order."""
    if len(bars) <= MAX_DRAWN_ROWS:
        return list(bars)
    by_distance = sorted(
        bars, key=lambda bar: -abs(bar.value) if bar.value is not None else -math.inf
    )
    drawn = {id(bar) for bar in by_distance[:MAX_DRAWN_ROWS]}
    return [bar for bar in bars if id(bar) in drawn]


def _difference_text(bar: DifferenceBar) -> str:
    """Say a difference and what is allowed, in the metric's own unit."""
    if bar.value is None:
        return bar.reason
    difference, allowed = _difference(bar.row)
    return f"{difference:+.3g} / {allowed:.3g}"


def _table_row(bar: DifferenceBar) -> tuple[str, ...]:
    row = bar.row
    if bar.value is None:
        values = (bar.reason, "-", "-", figures.tolerance(row))
    else:
        difference, allowed = _difference(row)
        interval = row.inference.interval if row.inference is not None else None
        ends = (interval.low, interval.high) if interval else None
        values = (number(difference), *end_texts(ends), number(allowed))
    scaled_values = (number(bar.value), *end_texts(bar.interval))
    return (clean(figures.label(row)), *values, *scaled_values, row.verdict.value)


def _description(bars: Sequence[DifferenceBar], reference: str, other: str) -> str:
    counts = {verdict: sum(bar.row.verdict is verdict for bar in bars) for verdict in Verdict}
    by_verdict = ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count)
    description = (
        f"Differences of {clean(other)} from {clean(reference)}, each divided by what is allowed, "
        f"so that -1 to 1 is within tolerance: {plural(len(bars), 'metric')}, {by_verdict}."
    )
    placed = [bar for bar in bars if bar.value is not None]
    if placed:
        furthest = max(placed, key=lambda bar: abs(bar.value or 0.0))
        description += (
            f" Furthest out is {clean(figures.metric(furthest.row))}, at {furthest.value:.3g} "
            "times what is allowed."
        )
    not_drawn = [
        f"{clean(figures.metric(bar.row))} ({bar.reason})" for bar in bars if bar.value is None
    ]
    if not_drawn:
        description += f" In the table only: {listed_parts(not_drawn)}."
    return description
