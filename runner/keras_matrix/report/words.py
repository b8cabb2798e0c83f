"""A comparison in one sentence, and single rows in words."""

from collections.abc import Sequence

from keras_matrix.compare import figures
from keras_matrix.compare.certain import OneSided
from keras_matrix.compare.comparison import CellNote, Comparison, Row, Verdict, by_pair
from keras_matrix.records.record import Outcome
from keras_matrix.report.questions import undecided
from keras_matrix.text import listed, plural

MAX_METRICS = 3
"""Metrics of a pair that are named in the sentence."""
MAX_CELLS = 3
"""Cells that ended in the same way and are named."""


def in_words(comparison: Comparison) -> str:
    """Summarize a comparison in one line."""
    parts = []
    if comparison.failures:
        parts.append(f"{_failures(comparison.failures)} gave no result")
    parts += [_one_sided(found) for found in comparison.one_sided]
    if comparison.missing:
        parts.append(f"{not_run(comparison)} yet")
    judged = [row for row in comparison.rows if row.verdict is not Verdict.REPORTED]
    if judged:
        parts += _pairs(judged, comparison)
    elif not parts:
        parts.append(_nothing_judged(comparison))
    text = "; ".join(parts)
    return f"{text}."


def not_run(comparison: Comparison) -> str:
    """Return how many planned cells have not run: ``2 planned cells have not run``."""
    count = len(comparison.missing)
    return f"{plural(count, 'planned cell')} {'has' if count == 1 else 'have'} not run"


def _nothing_judged(comparison: Comparison) -> str:
    pairs = list(by_pair(comparison.rows))
    if pairs and not pairs[0][1]:
        return f"{pairs[0][0]} ran alone, so there is nothing to compare; name two images with --on"
    if not pairs:
        return f"{comparison.title}: nothing was measured"
    names = [f"{other} and {reference}" for reference, other in pairs]
    return f"{listed(names, MAX_METRICS)}: nothing that both measured is judged"


def _failures(failures: Sequence[CellNote]) -> str:
    cells: dict[Outcome, list[str]] = {}
    for failure in failures:
        cells.setdefault(failure.outcome, []).append(failure.cell)
    groups = [
        f"{_and(ids) if len(ids) <= MAX_CELLS else listed(ids, 1)} ({outcome.value})"
        for outcome, ids in cells.items()
    ]
    return _and(groups)


def _and(texts: Sequence[str]) -> str:
    *others, last = texts
    return f"{', '.join(others)} and {last}" if others else last


def _one_sided(found: OneSided) -> str:
    seeds = "" if found.seeds == 1 else f" on each of {found.seeds} seeds"
    return (
        f"the script fails on {found.image}{seeds} and never on {found.other}, "
        "which is a difference"
    )


def _pairs(judged: Sequence[Row], comparison: Comparison) -> list[str]:
    return [_pair(*names, rows, comparison) for names, rows in by_pair(judged).items()]


def _pair(reference: str, other: str, rows: Sequence[Row], comparison: Comparison) -> str:
    differing = [row for row in rows if row.verdict in (Verdict.DIFFER, Verdict.MISSING)]
    inconclusive = [row for row in rows if row.verdict is Verdict.INCONCLUSIVE]
    rest = f"; {undecided(inconclusive, comparison.seed_seconds)}" if inconclusive else ""
    if differing:
        metrics = listed([describe_difference(row) for row in differing], MAX_METRICS)
        return (
            f"{other} differs from {reference} in {len(differing)} of "
            f"{plural(len(rows), 'judged metric')}: {metrics}{rest}"
        )
    if len(inconclusive) == len(rows):
        return f"{other} against {reference}: {undecided(inconclusive, comparison.seed_seconds)}"
    if inconclusive:
        agreeing = f"{len(rows) - len(inconclusive)} of {plural(len(rows), 'judged metric')}"
        return f"{other} agrees with {reference} in {agreeing}{rest}"
    judged = "the one judged metric" if len(rows) == 1 else f"all {len(rows)} judged metrics"
    return f"{other} agrees with {reference} in {judged}, within tolerance{_on_seeds(rows)}"


def _on_seeds(rows: Sequence[Row]) -> str:
    """Say how many seeds were compared one by one, if a verdict rests on that."""
    counts = [
        len(row.reference.values) if row.seeds is None else len(row.seeds.seeds)
        for row in rows
        if row.rests_on_seeds and row.reference is not None
    ]
    return f" on each of {max(counts)} seeds" if max(counts, default=1) > 1 else ""


def describe_difference(row: Row) -> str:
    """Describe a row that differs, or lacks a side: its values, and what is allowed."""
    allowed = f"allowed {figures.tolerance(row)}"
    values = f"{figures.summary(row.other)} against {figures.summary(row.reference)}"
    if row.certain:
        return f"{figures.metric(row)} ({row.certain})"
    if row.verdict is Verdict.MISSING:
        return f"{figures.metric(row)} is on one side only ({values})"
    if row.elementwise:
        # The row's columns are means, which may well be the same.
        largest = figures.number(row.absolute)
        return f"{figures.metric(row)} (elements differ by up to {largest}; {allowed})"
    if row.seeds is not None and len(row.seeds.seeds) > 1:
        worst, beyond = row.seeds.worst, len(row.seeds.beyond)
        values = f"{figures.number(worst.other)} against {figures.number(worst.reference)}"
        count = f"beyond on {beyond} of {plural(len(row.seeds.seeds), 'seed')}"
        return f"{figures.metric(row)} (seed {worst.seed}: {values}; {allowed}; {count})"
    return f"{figures.metric(row)} ({values}; {allowed})"


def describe_inconclusive(row: Row, seed_seconds: float | None = None) -> str:
    """Describe a row with too few seeds: its values and interval, and what would settle it."""
    parts = [
        f"{figures.summary(row.other)} against {figures.summary(row.reference)}",
        f"interval {figures.interval(row)}",
        f"allowed {figures.tolerance(row)}",
    ]
    enough = undecided([row], seed_seconds, named=False)
    return f"{figures.metric(row)} ({'; '.join([*parts, enough] if enough else parts)})"
