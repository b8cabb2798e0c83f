"""A comparison as CSV (RFC 4180): a row for each metric, and for each cell without a result."""

import csv
import io
from collections.abc import Iterator

from keras_matrix.compare.comparison import CellNote, Comparison, Row, Summary
from keras_matrix.text import one_line

CSV_COLUMNS = (
    *("group", "metric", "kind", "verdict", "reference", "other"),
    *("reference_n", "reference_median", "reference_low", "reference_high"),
    *("other_n", "other_median", "other_low", "other_high"),
    *("absolute", "relative", "elementwise", "atol", "rtol"),
    *("finding", "scale", "estimate", "interval_low", "interval_high", "margin", "level"),
    *("comparisons", "seeds", "seeds_needed", "method", "reason"),
    *("question", "question_why", "certain", "spreads", "noise_floor"),
    *("worst_seed", "worst_reference", "worst_other", "worst_allowed", "seeds_beyond"),
)
CELL_KIND = "cell"
"""The kind of a row that describes a cell without a result; its verdict is the cell's outcome."""
NOT_RUN = "not run"
"""The verdict of a planned cell that has not run."""
FORMULA_STARTS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
"""What a spreadsheet takes for the beginning of a formula, in full width too."""

Value = str | float | bool | None


def render(comparison: Comparison) -> str:
    """Render the comparison as CSV with a header; numbers have all their digits, None is empty.

    A text that a spreadsheet would take for a formula gets an apostrophe in front. All texts are
    quoted, so that no reader that expects another separator splits one.
    """
    content = io.StringIO(newline="")
    writer = csv.DictWriter(content, CSV_COLUMNS, restval="", quoting=csv.QUOTE_NONNUMERIC)
    writer.writeheader()
    for fields in _rows(comparison):
        writer.writerow({name: csv_value(value) for name, value in fields.items()})
    return content.getvalue()


def csv_value(value: Value) -> str | float:
    """Return a value as CSV holds it: safe in a spreadsheet, and on one line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        text = one_line(value)
        return f"'{text}" if text.startswith(FORMULA_STARTS) else text
    # NumPy's numbers would be written with the name of their type.
    return value if isinstance(value, int) else float(value)


def _rows(comparison: Comparison) -> Iterator[dict[str, Value]]:
    for row in comparison.rows:
        yield _row(row)
    for failure in comparison.failures:
        yield _cell(failure)
    for cell in comparison.missing:
        yield {"metric": cell, "kind": CELL_KIND, "verdict": NOT_RUN}


def _row(row: Row) -> dict[str, Value]:
    fields: dict[str, Value] = {
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
        fields |= {"atol": row.tolerance.atol, "rtol": row.tolerance.rtol}
    if row.asked is not None:
        fields |= {"question": row.asked.question.value, "question_why": row.asked.why}
    fields["certain"] = row.certain
    if row.seeds is not None:
        worst = row.seeds.worst
        fields |= {
            "noise_floor": row.seeds.floor,
            "worst_seed": worst.seed,
            "worst_reference": worst.reference,
            "worst_other": worst.other,
            "worst_allowed": worst.allowed,
            "seeds_beyond": len(row.seeds.beyond),
        }
    inference = row.inference
    if inference is not None:
        fields |= {
            "spreads": inference.spreads,
            "finding": inference.finding.value,
            "scale": inference.scale.value,
            "estimate": inference.estimate,
            "interval_low": inference.interval.low if inference.interval else None,
            "interval_high": inference.interval.high if inference.interval else None,
            "margin": inference.margin,
            "level": inference.level,
            "comparisons": inference.comparisons,
            "seeds": inference.reference.n,
            "seeds_needed": inference.seeds_needed,
            "method": inference.method,
        }
    return fields


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
        "kind": CELL_KIND,
        "verdict": failure.outcome.value,
        "reason": failure.reason,
    }
