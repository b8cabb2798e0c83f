"""Figures as text: the same in every report."""

import math

from keras_matrix.compare.comparison import Row, Summary
from keras_matrix.compare.intervals import Scale
from keras_matrix.plan.tolerance import MetricKind
from keras_matrix.text import one_line

DIGITS = 6
MOST_RELATIVE = 10.0
"""A reference under a tenth of the difference is next to zero: no share of it says anything."""


def number(value: float | None) -> str:
    """Return a number with six significant digits, a dash for none."""
    if value is None:
        return "-"
    if math.isnan(value):
        return "nan"
    return f"{value:.{DIGITS}g}"


def summary(value: Summary | None) -> str:
    """Return a value, or the median with smallest and largest where there are several."""
    if value is None:
        return "-"
    if len(value.values) == 1:
        return number(value.values[0])
    return f"{number(value.median)} [{number(value.low)}..{number(value.high)}]"


def relative(row: Row) -> str:
    """Return a row's relative difference as a percentage; for times, how many times as long.

    A dash where the reference is zero, or next to it.
    """
    if row.kind is MetricKind.TIME and row.reference is not None and row.other is not None:
        if row.reference.median > 0:
            return f"{row.other.median / row.reference.median:.3g}x"
        return "-"
    if row.relative is None or not row.relative <= MOST_RELATIVE:
        return "-"
    return f"{row.relative * 100:.3g}%"


def interval(row: Row) -> str:
    """Return the interval that several seeds give: of the difference, or of a ratio of times."""
    if row.inference is None or row.inference.interval is None:
        return "-"
    found = row.inference.interval
    unit = "x" if row.inference.scale is Scale.RATIO else ""
    return f"{found.low:.4g}..{found.high:.4g}{unit}"


def tolerance(row: Row) -> str:
    """Return what a row allows."""
    if row.tolerance is None:
        return "-"
    parts = []
    if row.tolerance.atol or not row.tolerance.rtol:
        parts.append(f"{row.tolerance.atol:g}")
    if row.tolerance.rtol:
        parts.append(f"{row.tolerance.rtol * 100:g}%")
    return " + ".join(parts)


def metric(row: Row) -> str:
    """Return a row's metric, with its group where there are several."""
    name = one_line(row.metric)
    return f"{row.group}: {name}" if row.group else name


def label(row: Row) -> str:
    """Return a row's metric and, of an array, what the columns show."""
    if row.kind is not MetricKind.ARRAY:
        return metric(row)
    shown = "means, largest difference" if row.elementwise else "mean"
    return f"{metric(row)} ({shown})"
