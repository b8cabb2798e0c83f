"""Figures as text: the same in every report."""

import math

from runner.comparison import Row, Summary
from runner.intervals import Scale
from runner.text import one_line
from runner.tolerance import Kind

DIGITS = 6


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
    """Return a row's relative difference as a percentage; for times, how many times as long."""
    if row.kind is Kind.TIME and row.reference is not None and row.other is not None:
        if row.reference.median > 0:
            return f"{row.other.median / row.reference.median:.3g}x"
        return "-"
    if row.relative is None:
        return "-"
    return f"{row.relative * 100:.3g}%" if math.isfinite(row.relative) else "inf"


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
    """Return a row's metric, with its group where there are several, and what an array shows."""
    name = one_line(row.metric)
    if row.kind is Kind.ARRAY:
        name = f"{name} (mean)"
    return f"{row.group}: {name}" if row.group else name
