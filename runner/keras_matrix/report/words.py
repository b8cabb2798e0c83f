"""Say a comparison in one line."""

from collections import Counter
from collections.abc import Sequence

from keras_matrix.compare import figures
from keras_matrix.compare.comparison import CellNote, Comparison, Row, Verdict
from keras_matrix.compare.intervals import MOST_SEEDS
from keras_matrix.records.record import Outcome

MOST_NAMED = 3
RULE = (
    "Agree: the interval of two one-sided tests lies within what is allowed; differ: the interval "
    "shown excludes zero and the difference is beyond it."
)


def in_words(comparison: Comparison) -> str:
    """Return what a comparison comes to, in one line."""
    parts = []
    if comparison.failures:
        parts.append(f"{_failures(comparison.failures)} gave no result")
    if comparison.missing:
        one = len(comparison.missing) == 1
        cells = "1 planned cell has" if one else f"{len(comparison.missing)} planned cells have"
        parts.append(f"{cells} not run yet")
    judged = [row for row in comparison.rows if row.verdict is not Verdict.REPORTED]
    if judged:
        parts += _pairs(judged)
    elif not parts:
        names = " and ".join(dict.fromkeys(row.reference_name for row in comparison.rows))
        parts.append(f"{names or comparison.title}: nothing to compare with yet")
    text = "; ".join(parts)
    return f"{text}."


def method(comparison: Comparison) -> tuple[str, ...]:
    """Return how several seeds were judged: each way once, the one of most rows first."""
    found = Counter(
        row.inference.method
        for row in comparison.rows
        if row.inference is not None and row.verdict is not Verdict.REPORTED
    )
    if not found:
        return ()
    told = [f"method: {one}" for one, _ in found.most_common(MOST_NAMED)]
    return (f"{told[0]} {RULE}", *told[1:])


def _failures(failures: Sequence[CellNote]) -> str:
    cells: dict[Outcome, list[str]] = {}
    for failure in failures:
        cells.setdefault(failure.outcome, []).append(failure.cell)
    *groups, last = [
        f"{found[0]}{f' and {len(found) - 1} more' if len(found) > 1 else ''} ({outcome.value})"
        for outcome, found in cells.items()
    ]
    return f"{', '.join(groups)} and {last}" if groups else last


def _pairs(judged: Sequence[Row]) -> list[str]:
    pairs = dict.fromkeys((row.reference_name, row.other_name) for row in judged)
    return [
        _pair(*pair, [row for row in judged if (row.reference_name, row.other_name) == pair])
        for pair in pairs
    ]


def _pair(reference: str, other: str, rows: Sequence[Row]) -> str:
    apart = [row for row in rows if row.verdict in (Verdict.DIFFER, Verdict.MISSING)]
    unsettled = [row for row in rows if row.verdict is Verdict.INCONCLUSIVE]
    count = len(rows)
    open_ones = f"; {_unsettled(unsettled)}" if unsettled else ""
    if apart:
        named = ", ".join(difference(row) for row in apart[:MOST_NAMED])
        more = f" and {len(apart) - MOST_NAMED} more" if len(apart) > MOST_NAMED else ""
        return (
            f"{other} differs from {reference} in {len(apart)} of {count} judged metrics: "
            f"{named}{more}{open_ones}"
        )
    if unsettled:
        agreed = count - len(unsettled)
        return f"{other} agrees with {reference} in {agreed} of {count} judged metrics{open_ones}"
    judged = "the one judged metric" if count == 1 else f"all {count} judged metrics"
    return f"{other} agrees with {reference} in {judged}, within tolerance"


def _unsettled(rows: Sequence[Row]) -> str:
    needed = [row.inference.seeds_needed for row in rows if row.inference is not None]
    known = [seeds for seeds in needed if seeds is not None and seeds < MOST_SEEDS]
    enough = f"; about {max(known)} seeds would settle it" if known else ""
    named = ", ".join(figures.metric(row) for row in rows[:MOST_NAMED])
    return f"too few seeds to tell in {len(rows)} ({named}{enough})"


def difference(row: Row) -> str:
    """Say of a row that differs, or lacks a side, what its sides are and what it allows."""
    allowed = f"allowed {figures.tolerance(row)}"
    if row.elementwise:
        # Its columns are means, which may well be the same.
        most = figures.number(row.absolute)
        return f"{figures.metric(row)} (elements differ by up to {most}; {allowed})"
    values = f"{figures.summary(row.other)} against {figures.summary(row.reference)}"
    if row.verdict is Verdict.MISSING:
        return f"{figures.metric(row)} is on one side only ({values})"
    return f"{figures.metric(row)} ({values}; {allowed})"


def unsettled(row: Row) -> str:
    """Say of a row that too few seeds were run for what is known, and how many would do."""
    parts = [
        f"{figures.summary(row.other)} against {figures.summary(row.reference)}",
        f"interval {figures.interval(row)}",
        f"allowed {figures.tolerance(row)}",
    ]
    needed = row.inference.seeds_needed if row.inference is not None else None
    if needed is not None and needed < MOST_SEEDS:
        parts.append(f"about {needed} seeds would settle it")
    return f"{figures.metric(row)} ({'; '.join(parts)})"
