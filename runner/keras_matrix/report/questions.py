"""What was asked of the metrics of a comparison, and what would settle the rest, in words."""

from collections import Counter
from collections.abc import Sequence

from keras_matrix.compare import figures
from keras_matrix.compare.comparison import Comparison, Row
from keras_matrix.compare.question import Asked
from keras_matrix.plan.question import Question
from keras_matrix.plan.tolerance import MetricKind
from keras_matrix.text import listed, plural

MAX_METRICS = 3
"""Undecided metrics that are named."""
MAX_SEEDS = 100
"""The largest number of seeds to advise: with more, something else is the better advice."""
MAX_METHODS = 3
"""Methods that are described; each takes a line."""
TRACE = "keras-matrix trace finds where a difference starts from one batch"
SECONDS_OF_MINUTE = 60


def describe_questions(comparison: Comparison) -> tuple[str, ...]:
    """Say what was asked, why, and how it was answered: a line for each question.

    The question of most rows comes first; then how the intervals over seeds were computed.
    """
    judged = [row for row in comparison.rows if row.asked is not None]
    groups: dict[Asked, list[Row]] = {}
    for row in judged:
        if row.asked is not None:
            groups.setdefault(row.asked, []).append(row)
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    lines = [_question(asked, rows, several=len(groups) > 1) for asked, rows in ordered]
    methods = Counter(row.inference.method for row in judged if row.inference is not None)
    lines += [f"method: {method}" for method, _ in methods.most_common(MAX_METHODS)]
    return tuple(lines)


def _question(asked: Asked, rows: Sequence[Row], *, several: bool) -> str:
    of = f" (asked of {plural(len(rows), 'metric')})" if several else ""
    return f"question{of}: {_asks(asked, rows)} {asked.why[0].upper()}{asked.why[1:]}. {_how(rows)}"


def _asks(asked: Asked, rows: Sequence[Row]) -> str:
    if asked.question is Question.DISTRIBUTION:
        return "do both behave the same over all seeds?"
    return f"do both compute the same{'' if _seeds(rows) == 1 else ' on each seed'}?"


def _seeds(rows: Sequence[Row]) -> int:
    return max((len(row.reference.values) for row in rows if row.reference), default=1)


def _how(rows: Sequence[Row]) -> str:
    inferred = [row for row in rows if row.inference is not None]
    if all(row.certain for row in rows):
        return "It needs no statistics: it is so on every seed that was run."
    if not inferred:
        if _seeds(rows) == 1:
            return "The verdict is about these two runs."
        return "Compared seed by seed: the verdict is about these runs."
    texts = [
        "Agree: the means are shown to be closer than is allowed, or the two are on each seed.",
        "Differ: the means are shown to be apart, and are further apart than is allowed.",
    ]
    spreads = {row.inference.spreads for row in inferred if row.inference is not None}
    for spread in sorted(spread for spread in spreads if spread is not None):
        texts.append(
            f"Without a tolerance, {spread:.3g} standard deviations (sd) between seeds of "
            f"{rows[0].reference_name} are allowed."
        )
    if any(row.kind is MetricKind.ARRAY for row in inferred):
        texts.append("Of an array that is the mean of its elements.")
    return " ".join(texts)


def undecided(rows: Sequence[Row], seed_seconds: float | None, *, named: bool = True) -> str:
    """Say which rows have too few seeds, and what would settle them: more seeds, or what else."""
    inferences = [row.inference for row in rows if row.inference is not None]
    needed = [one.seeds_needed for one in inferences if one.seeds_needed is not None]
    seeds = _seeds(rows)
    feasible = [count for count in needed if count <= MAX_SEEDS]
    advice = ""
    if feasible:
        what = "it" if len(rows) == 1 else "them"
        if len(feasible) < len(needed):
            what = f"{len(feasible)} of them"
        advice = f"about {max(feasible)} seeds would settle {what}"
        if seed_seconds is not None and max(feasible) > seeds:
            more = (max(feasible) - seeds) * seed_seconds
            advice += f", {max(feasible) - seeds} more, about {_time(more)} here"
    if len(feasible) < len(needed):
        remedies = dict.fromkeys(row.asked.remedy for row in rows if row.asked and row.asked.remedy)
        others = "; for the others " if feasible else ""
        advice += f"{others}over {MAX_SEEDS} seeds would be needed: "
        advice += ", and ".join([*remedies, TRACE])
    elif not needed and any(row.inference is None for row in rows):
        advice = "give several --seeds"
    if not named:
        return advice
    names = listed([figures.metric(row) for row in rows], MAX_METRICS)
    found = f"too few seeds to tell in {plural(len(rows), 'metric')} ({names})"
    return f"{found}: {advice}" if advice else found


def _time(seconds: float) -> str:
    if seconds < SECONDS_OF_MINUTE:
        return plural(max(1, round(seconds)), "second")
    return plural(round(seconds / SECONDS_OF_MINUTE), "minute")
