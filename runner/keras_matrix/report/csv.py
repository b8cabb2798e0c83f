"""A comparison as CSV (RFC 4180): a row for each metric, and for each cell without a score."""

import csv
import io
from collections.abc import Iterator

from keras_matrix.compare.comparison import CellNote, Comparison, Row, Summary
from keras_matrix.text import one_line

COLUMNS = (
    *("group", "metric", "kind", "verdict", "reference", "other"),
    *("reference_n", "reference_median", "reference_low", "reference_high"),
    *("other_n", "other_median", "other_low", "other_high"),
    *("absolute", "relative", "elementwise", "atol", "rtol"),
    *("finding", "scale", "estimate", "interval_low", "interval_high", "margin", "level"),
    *("comparisons", "seeds", "seeds_needed", "method", "reason"),
)
CELL = "cell"
"""The kind of a row that tells of a cell without a score; its verdict is the cell's outcome."""
NOT_RUN = "not run"
FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
"""What a spreadsheet takes for the beginning of a formula, in full width too."""

Value = str | float | bool | None


def render(comparison: Comparison) -> str:
    """Return the comparison as CSV with a heading; numbers are whole, None is empty.

    A text that a spreadsheet would take for a formula begins with an apostrophe. All texts are
    quoted, so that none of them is parted at another separator either.
    """
    content = io.StringIO(newline="")
    writer = csv.DictWriter(content, COLUMNS, restval="", quoting=csv.QUOTE_NONNUMERIC)
    writer.writeheader()
    for described in _rows(comparison):
        writer.writerow({name: written(value) for name, value in described.items()})
    return content.getvalue()


def written(value: Value) -> str | float:
    """Return a value as it stands in CSV: safe in a spreadsheet, and on one line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        text = one_line(value)
        return f"'{text}" if text.startswith(FORMULA) else text
    # NumPy's own numbers would not be written as plain ones.
    return value if isinstance(value, int) else float(value)


def _rows(comparison: Comparison) -> Iterator[dict[str, Value]]:
    for row in comparison.rows:
        yield _row(row)
    for failure in comparison.failures:
        yield _cell(failure)
    for cell in comparison.missing:
        yield {"metric": cell, "kind": CELL, "verdict": NOT_RUN}


def _row(row: Row) -> dict[str, Value]:
    described: dict[str, Value] = {
        "group": row.group,
        "metric": row.metric,
        "kind": row.kind.value,
        "verdict": row.verdict.value,
        "reference": row.reference_name,
        "other": row.other_name,
        **_side("reference", row.reference),
        **_side("other", row.other),
        "absolute": row.absolute,
        "relative": row.relative,
        "elementwise": row.elementwise,
    }
    if row.tolerance is not None:
        described |= {"atol": row.tolerance.atol, "rtol": row.tolerance.rtol}
    found = row.inference
    if found is not None:
        described |= {
            "finding": found.finding.value,
            "scale": found.scale.value,
            "estimate": found.estimate,
            "interval_low": found.interval.low if found.interval else None,
            "interval_high": found.interval.high if found.interval else None,
            "margin": found.margin,
            "level": found.level,
            "comparisons": found.comparisons,
            "seeds": found.reference.n,
            "seeds_needed": found.seeds_needed,
            "method": found.method,
        }
    return described


def _side(name: str, side: Summary | None) -> dict[str, Value]:
    if side is None:
        return {f"{name}_n": 0}
    return {
        f"{name}_n": len(side.values),
        f"{name}_median": side.median,
        f"{name}_low": side.low,
        f"{name}_high": side.high,
    }


def _cell(failure: CellNote) -> dict[str, Value]:
    return {
        "metric": failure.cell,
        "kind": CELL,
        "verdict": failure.outcome.value,
        "reason": failure.reason,
    }
