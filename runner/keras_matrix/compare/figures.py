"""Format figures as text, the same in every report. Pure."""

import math

from keras_matrix.compare.comparison import Row, Summary
from keras_matrix.compare.intervals import Scale
from keras_matrix.plan.tolerance import MetricKind
from keras_matrix.text import one_line

SIGNIFICANT_DIGITS = 6
MAX_RELATIVE = 10.0
"""The largest relative difference to show: a reference under a tenth of it is next to zero."""


def number(value: float | None) -> str:
    """Format a number with six significant digits; a dash stands for no number."""
    if value is None:
        return "-"
    if math.isnan(value):
        return "nan"
    return f"{value:.{SIGNIFICANT_DIGITS}g}"


def summary(value: Summary | None) -> str:
    """Format a single value, or the median and the range of several."""
    if value is None:
        return "-"
    if len(value.values) == 1:
        return number(value.values[0])
    return f"{number(value.median)} [{number(value.low)}..{number(value.high)}]"


def relative(row: Row) -> str:
    """Format a row's relative difference as a percentage; for times, as how many times as long.

    A dash stands for a reference that is zero, or next to it.
    """
    if row.kind is MetricKind.TIME and row.reference is not None and row.other is not None:
        if row.reference.median > 0:
            return f"{row.other.median / row.reference.median:.3g}x"
        return "-"
    if row.relative is None or not row.relative <= MAX_RELATIVE:
        return "-"
    return f"{row.relative * 100:.3g}%"


def interval(row: Row) -> str:
    """Format the interval from several seeds: of the difference, or of a ratio of times."""
    if row.inference is None or row.inference.interval is None:
        return "-"
    low, high = row.inference.interval.low, row.inference.interval.high
    unit = "x" if row.inference.scale is Scale.RATIO else ""
    return f"{low:.4g}..{high:.4g}{unit}"


def tolerance(row: Row) -> str:
    """Format the tolerance that a row was judged by."""
    if row.tolerance is None:
        return "-"
    inference = row.inference
    if inference is not None and inference.spreads is not None and not row.rests_on_seeds:
        return f"{inference.margin:.3g} ({inference.spreads:.3g} sd)"
    parts = []
    if row.tolerance.atol or not row.tolerance.rtol:
        parts.append(f"{row.tolerance.atol:g}")
    if row.tolerance.rtol:
        parts.append(f"{row.tolerance.rtol * 100:g}%")
    if row.seeds is not None and row.seeds.floor:
        parts.append(f"noise {number(row.seeds.floor)}")
    return " + ".join(parts)


def metric(row: Row) -> str:
    """Return the name of a row's metric, with its group where there are several."""
    name = one_line(row.metric)
    return f"{row.group}: {name}" if row.group else name


def label(row: Row) -> str:
    """Return the name of a row's metric; for an array, also what its columns show."""
    if row.kind is not MetricKind.ARRAY:
        return metric(row)
    shown = "means, largest difference" if row.elementwise else "mean"
    return f"{metric(row)} ({shown})"
