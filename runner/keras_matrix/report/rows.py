"""Which rows of a comparison a report for people shows, and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass

from keras_matrix.compare.comparison import Comparison, Row, Verdict
from keras_matrix.plan.tolerance import MetricKind

ORDER = {MetricKind.SCORE: 0, MetricKind.ARRAY: 1, MetricKind.TIME: 2}
TO_SEE_FIRST = (Verdict.DIFFER, Verdict.MISSING, Verdict.INCONCLUSIVE)
MOST_ROWS = 60


@dataclass(frozen=True)
class Table:
    """The rows to show of two sides; ``more`` are left out."""

    reference: str
    other: str
    rows: tuple[Row, ...]
    more: int

    @property
    def rest(self) -> str:
        """What is left out, in words; empty where nothing is."""
        if not self.more:
            return ""
        return f"and {self.more} more row{'s' * (self.more != 1)}; --json has them all."


def tables(comparison: Comparison) -> tuple[Table, ...]:
    """Return a table for each two sides: scores first, times last.

    Of a long one, what does not agree goes before the rest, so that none of it is left out first.
    """
    pairs = dict.fromkeys((row.reference_name, row.other_name) for row in comparison.rows)
    return tuple(
        table(*pair, [row for row in comparison.rows if _names(row) == pair]) for pair in pairs
    )


def table(reference: str, other: str, rows: Sequence[Row], most: int = MOST_ROWS) -> Table:
    """Return the table of two sides' rows, ``most`` of them."""
    ordered = sorted(rows, key=lambda row: ORDER[row.kind])
    if len(ordered) > most:
        ordered.sort(key=lambda row: row.verdict not in TO_SEE_FIRST)
    shown = tuple(ordered[:most])
    return Table(reference, other, shown, len(ordered) - len(shown))


def _names(row: Row) -> tuple[str, str]:
    return row.reference_name, row.other_name
