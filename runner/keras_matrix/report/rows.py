"""The rows and columns of a comparison that a report for people shows, in their order."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from keras_matrix.compare import figures
from keras_matrix.compare.comparison import Comparison, Row, Verdict, by_pair
from keras_matrix.plan.tolerance import MetricKind
from keras_matrix.text import and_more

KIND_ORDER = {MetricKind.SCORE: 0, MetricKind.ARRAY: 1, MetricKind.TIME: 2}
NEEDS_ATTENTION = (Verdict.DIFFER, Verdict.MISSING, Verdict.INCONCLUSIVE)
"""Verdicts whose rows are the last to be left out."""
MAX_ROWS = 60
"""Rows that a table of two sides shows."""


@dataclass(frozen=True)
class PairTable:
    """The rows to show of two sides; ``left_out`` is how many further ones there are.

    ``other`` is empty where there is nothing to compare with. ``inferred`` tells whether several
    seeds were judged, so that there are intervals to show.
    """

    reference: str
    other: str
    rows: tuple[Row, ...]
    left_out: int
    inferred: bool

    @property
    def rest(self) -> str:
        """What is left out, in words; empty if nothing is."""
        return f"{and_more(self.left_out, 'row')}; --json has them all." if self.left_out else ""


@dataclass(frozen=True)
class Column:
    """A column of figures: its heading, and what it shows of a row."""

    heading: str
    show: Callable[[Row], str]


def columns(table: PairTable) -> Iterator[Column]:
    """Yield a table's columns, without the last one: the verdict, which each form marks in its way.

    The first column names the metric; the others are numbers.
    """
    yield Column("metric", figures.label)
    yield Column(table.reference, lambda row: figures.summary(row.reference))
    if table.other:
        yield Column(table.other, lambda row: figures.summary(row.other))
        yield Column("difference", lambda row: figures.number(row.absolute))
        yield Column("relative", figures.relative)
        if table.inferred:
            yield Column("interval", figures.interval)
        yield Column("allowed", figures.tolerance)


def tables(comparison: Comparison) -> tuple[PairTable, ...]:
    """Return a table for each two sides: scores first, times last.

    In a long table the rows that do not agree come before the rest, so that they are shown.
    """
    inferred = any(row.inference is not None for row in comparison.rows)
    pairs = by_pair(comparison.rows)
    return tuple(table(*names, rows, inferred=inferred) for names, rows in pairs.items())


def table(
    reference: str,
    other: str,
    rows: Sequence[Row],
    max_rows: int = MAX_ROWS,
    *,
    inferred: bool = False,
) -> PairTable:
    """Return the table of two sides' rows, at most ``max_rows`` of them."""
    ordered = sorted(rows, key=lambda row: KIND_ORDER[row.kind])
    if len(ordered) > max_rows:
        ordered.sort(key=lambda row: row.verdict not in NEEDS_ATTENTION)
    shown = tuple(ordered[:max_rows])
    return PairTable(reference, other, shown, len(ordered) - len(shown), inferred)
