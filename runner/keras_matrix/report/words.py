"""A comparison in one sentence, and single rows in words."""

from collections import Counter
from collections.abc import Sequence

from keras_matrix.compare import figures
from keras_matrix.compare.comparison import CellNote, Comparison, Row, Verdict, by_pair
from keras_matrix.compare.intervals import MAX_SEEDS_NEEDED
from keras_matrix.records.record import Outcome
from keras_matrix.text import listed, plural

MAX_METRICS = 3
"""Metrics of a pair that are named in the sentence."""
MAX_METHODS = 3
"""Methods that are described; each takes a line."""
VERDICT_RULE = (
    "Agree if the interval of two one-sided tests lies within what is allowed; differ if the "
    "interval shown excludes zero and the difference is larger than what is allowed."
)


def in_words(comparison: Comparison) -> str:
    """Summarize a comparison in one line."""
    parts = []
    if comparison.failures:
        parts.append(f"{_failures(comparison.failures)} gave no result")
    if comparison.missing:
        parts.append(f"{not_run(comparison)} yet")
    judged = [row for row in comparison.rows if row.verdict is not Verdict.REPORTED]
    if judged:
        parts += _pairs(judged)
    elif not parts:
        names = " and ".join(dict.fromkeys(row.reference_name for row in comparison.rows))
        parts.append(f"{names or comparison.title}: nothing to compare with yet")
    text = "; ".join(parts)
    return f"{text}."


def not_run(comparison: Comparison) -> str:
    """Return how many planned cells have not run: ``2 planned cells have not run``."""
    count = len(comparison.missing)
    return f"{plural(count, 'planned cell')} {'has' if count == 1 else 'have'} not run"


def describe_methods(comparison: Comparison) -> tuple[str, ...]:
    """Describe how several seeds were judged: a line for each method, that of most rows first."""
    methods = Counter(
        row.inference.method
        for row in comparison.rows
        if row.inference is not None and row.verdict is not Verdict.REPORTED
    )
    if not methods:
        return ()
    first, *others = [f"method: {method}" for method, _ in methods.most_common(MAX_METHODS)]
    return (f"{first} {VERDICT_RULE}", *others)


def _failures(failures: Sequence[CellNote]) -> str:
    cells: dict[Outcome, list[str]] = {}
    for failure in failures:
        cells.setdefault(failure.outcome, []).append(failure.cell)
    *groups, last = [f"{listed(ids, 1)} ({outcome.value})" for outcome, ids in cells.items()]
    return f"{', '.join(groups)} and {last}" if groups else last


def _pairs(judged: Sequence[Row]) -> list[str]:
    return [_pair(*names, rows) for names, rows in by_pair(judged).items()]


def _pair(reference: str, other: str, rows: Sequence[Row]) -> str:
    differing = [row for row in rows if row.verdict in (Verdict.DIFFER, Verdict.MISSING)]
    inconclusive = [row for row in rows if row.verdict is Verdict.INCONCLUSIVE]
    undecided = f"; {_undecided(inconclusive)}" if inconclusive else ""
    if differing:
        metrics = listed([describe_difference(row) for row in differing], MAX_METRICS)
        return (
            f"{other} differs from {reference} in {len(differing)} of "
            f"{plural(len(rows), 'judged metric')}: {metrics}{undecided}"
        )
    if inconclusive:
        agreeing = f"{len(rows) - len(inconclusive)} of {plural(len(rows), 'judged metric')}"
        return f"{other} agrees with {reference} in {agreeing}{undecided}"
    judged = "the one judged metric" if len(rows) == 1 else f"all {len(rows)} judged metrics"
    return f"{other} agrees with {reference} in {judged}, within tolerance"


def _undecided(rows: Sequence[Row]) -> str:
    numbers = [seeds for row in rows if (seeds := _seeds_needed(row)) is not None]
    enough = f"; about {max(numbers)} seeds would settle it" if numbers else ""
    # Metrics beyond those named are in the count already.
    names = ", ".join(figures.metric(row) for row in rows[:MAX_METRICS])
    return f"too few seeds to tell in {len(rows)} ({names}{enough})"


def _seeds_needed(row: Row) -> int | None:
    """Return how many seeds would settle a row; None if that is unknown, or beyond counting."""
    seeds = row.inference.seeds_needed if row.inference is not None else None
    return seeds if seeds is not None and seeds < MAX_SEEDS_NEEDED else None


def describe_difference(row: Row) -> str:
    """Describe a row that differs, or lacks a side: its values, and what is allowed."""
    allowed = f"allowed {figures.tolerance(row)}"
    if row.elementwise:
        # The row's columns are means, which may well be the same.
        largest = figures.number(row.absolute)
        return f"{figures.metric(row)} (elements differ by up to {largest}; {allowed})"
    values = f"{figures.summary(row.other)} against {figures.summary(row.reference)}"
    if row.verdict is Verdict.MISSING:
        return f"{figures.metric(row)} is on one side only ({values})"
    return f"{figures.metric(row)} ({values}; {allowed})"


def describe_inconclusive(row: Row) -> str:
    """Describe a row with too few seeds: its values and interval, and how many seeds it needs."""
    parts = [
        f"{figures.summary(row.other)} against {figures.summary(row.reference)}",
        f"interval {figures.interval(row)}",
        f"allowed {figures.tolerance(row)}",
    ]
    seeds = _seeds_needed(row)
    if seeds is not None:
        parts.append(f"about {seeds} seeds would settle it")
    return f"{figures.metric(row)} ({'; '.join(parts)})"
