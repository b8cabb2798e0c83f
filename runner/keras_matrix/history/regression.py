"""Find what has become worse, or better, since an earlier run of the same model. Pure.

Worse is: a metric of an image that differs from the earlier run's, unless its name says that it is
better now; a cell that failed and had a result before; images that agreed with each other and no
longer do.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from keras_matrix.compare import figures
from keras_matrix.compare.comparison import Comparison, Row, Verdict
from keras_matrix.compare.intervals import Scale
from keras_matrix.plan.cells import Cell
from keras_matrix.plan.tolerance import MetricKind
from keras_matrix.records.record import Manifest, Outcome
from keras_matrix.records.recorded import RecordedRun
from keras_matrix.text import listed, one_line

APART = (Verdict.DIFFER, Verdict.MISSING)
DIGEST_LENGTH = 12
"""Characters of a digest that are shown."""
MAX_CELLS_NAMED = 3

# The last part of Keras's names: "acc" in old versions, "dense_1_loss" with several outputs.
_LOWER_IS_BETTER = re.compile(
    r"(.+_)?(loss|error|mse|mae|mape|msle|hinge|crossentropy|logcosh|divergence)(_\d+)?"
)
_HIGHER_IS_BETTER = re.compile(r"(.+_)?(accuracy|acc|auc|precision|recall|f1)(_\d+)?")


class Trend(Enum):
    """The direction of a change."""

    REGRESSED = "regressed"
    IMPROVED = "improved"


@dataclass(frozen=True)
class Change:
    """One change since the earlier run; ``text`` describes it on one line."""

    trend: Trend
    text: str


@dataclass(frozen=True)
class ComparedRun:
    """A run, and the comparison of its own images with each other."""

    run: RecordedRun
    comparison: Comparison

    @property
    def manifest(self) -> Manifest:
        """The run's manifest."""
        return self.run.manifest

    @cached_property
    def outcomes(self) -> Mapping[Cell, Outcome]:
        """How each cell that has run ended."""
        return {record.cell: record.outcome for record in self.run.records}


@dataclass(frozen=True)
class RunChanges:
    """What has changed since an earlier run.

    ``between`` is the comparison of the two runs, image by image. ``notes`` say what may be the
    reason of a change, and what could not be judged.
    """

    earlier: str
    between: Comparison
    changes: tuple[Change, ...]
    notes: tuple[str, ...]

    @property
    def regressed(self) -> bool:
        """Whether anything has become worse."""
        return any(change.trend is Trend.REGRESSED for change in self.changes)

    @property
    def judged(self) -> bool:
        """Whether any metric of the two runs could be judged."""
        return _is_any_judged(self.between)

    @property
    def lines(self) -> tuple[str, ...]:
        """All changes and notes, a line each; what has become worse comes first."""
        worse = [c for c in self.changes if c.trend is Trend.REGRESSED]
        better = [c for c in self.changes if c.trend is Trend.IMPROVED]
        since = f"since {self.earlier}"
        lines = [f"{c.trend.value} {since}: {c.text}." for c in (*worse, *better)]
        if not worse:
            what = "nothing" if self.judged else "nothing that could be judged"
            lines.insert(0, f"{what} has regressed {since}.")
        return (*lines, *self.notes)


def judge(before: ComparedRun, after: ComparedRun, between: Comparison) -> RunChanges:
    """Judge what has changed; ``between`` compares ``before`` with ``after`` image by image."""
    changes = (
        *_changed_metrics(between),
        *_changed_cells(before, after),
        *_changed_verdicts(before, after),
    )
    notes = (*_reasons(before.manifest, after.manifest), *_caveats(before, after, between))
    return RunChanges(one_line(before.manifest.run), between, changes, notes)


def _changed_metrics(between: Comparison) -> list[Change]:
    changes = []
    for row in between.rows:
        name = figures.metric(row)
        if row.verdict is Verdict.MISSING and row.other is None:
            changes.append(Change(Trend.REGRESSED, f"{name} is no longer measured"))
        elif row.verdict is Verdict.DIFFER:
            trend = Trend.IMPROVED if _is_better(row) else Trend.REGRESSED
            changes.append(Change(trend, f"{name} {_values(row)}"))
    return changes


def _is_better(row: Row) -> bool:
    """Return whether a metric moved in the direction that is better by its name."""
    if row.reference is None or row.other is None or row.kind is MetricKind.ARRAY:
        return False
    before, after = row.reference.median, row.other.median
    if math.isnan(after):
        return False
    rise = after - before
    if row.inference is not None and row.inference.estimate is not None:
        # The verdict is on the mean difference, or on the ratio of means.
        unchanged = 1.0 if row.inference.scale is Scale.RATIO else 0.0
        rise = row.inference.estimate - unchanged
    last = row.metric.rpartition(".")[2]
    if row.kind is MetricKind.TIME or _LOWER_IS_BETTER.fullmatch(last):
        return rise < 0 or math.isnan(before)
    return bool(_HIGHER_IS_BETTER.fullmatch(last)) and (rise > 0 or math.isnan(before))


def _values(row: Row) -> str:
    if row.elementwise:
        return f"differs in its elements by up to {figures.number(row.absolute)}"
    return f"is {figures.summary(row.other)}, was {figures.summary(row.reference)}"


def _changed_cells(before: ComparedRun, after: ComparedRun) -> list[Change]:
    groups: dict[tuple[Trend, str], list[str]] = {}
    for cell, now in after.outcomes.items():
        then = _earlier_outcomes(cell, before)
        if not then:
            continue
        if now is not Outcome.OK and all(outcome is Outcome.OK for outcome in then):
            groups.setdefault((Trend.REGRESSED, now.value), []).append(cell.id)
        elif now is Outcome.OK and any(outcome is not Outcome.OK for outcome in then):
            groups.setdefault((Trend.IMPROVED, "ok"), []).append(cell.id)
    changes = []
    for (trend, outcome), cells in groups.items():
        ended = f"failed ({outcome}), was ok" if trend is Trend.REGRESSED else "is ok, failed then"
        changes.append(Change(trend, f"{listed(cells, MAX_CELLS_NAMED)} {ended}"))
    return changes


def _earlier_outcomes(cell: Cell, before: ComparedRun) -> list[Outcome]:
    """Return the same cell's earlier outcome; without one, those of its image and setting."""
    if cell in before.outcomes:
        return [before.outcomes[cell]]
    return [outcome for other, outcome in before.outcomes.items() if other.group == cell.group]


def _changed_verdicts(before: ComparedRun, after: ComparedRun) -> list[Change]:
    """Return where images, or settings, agreed with each other and now differ, or vice versa."""
    then = {_key(row): row for row in before.comparison.rows}
    changes = []
    for row in after.comparison.rows:
        earlier = then.get(_key(row))
        if earlier is None:
            continue
        sides = f"{row.other_name} and {row.reference_name}"
        if earlier.verdict is Verdict.AGREE and row.verdict in APART:
            text = f"{sides} agreed in {figures.metric(row)} and now differ"
            changes.append(Change(Trend.REGRESSED, text))
        elif earlier.verdict in APART and row.verdict is Verdict.AGREE:
            text = f"{sides} differed in {figures.metric(row)} and now agree"
            changes.append(Change(Trend.IMPROVED, text))
    return changes


def _key(row: Row) -> tuple[str, str, str, str]:
    return row.group, row.reference_name, row.other_name, row.metric


def _reasons(before: Manifest, after: Manifest) -> list[str]:
    """Return what else has changed and may be the reason, a sentence each."""
    reasons = []
    old, new = before.plan, after.plan
    if old.script_sha256 != new.script_sha256:
        commits = ""
        if before.commit and after.commit and before.commit != after.commit:
            commits = f" (commit {_short(before.commit)} then, {_short(after.commit)} now)"
        reasons.append(f"the script has changed since{commits}")
    for name, image in after.images.items():
        earlier = before.images.get(name)
        if earlier is not None and not earlier.is_build(image):
            builds = f"{_short(earlier.digest)} then, {_short(image.digest)} now"
            reasons.append(f"image {name} is another build than then ({builds})")
    if old.arguments != new.arguments:
        reasons.append("the script had other arguments then")
    if old.limits != new.limits:
        reasons.append("limits on memory, processors or time were others then")
    if before.tool != after.tool:
        reasons.append(f"then it was made by {one_line(before.tool)}")
    return [f"{text}." for text in reasons]


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:DIGEST_LENGTH]


def _caveats(before: ComparedRun, after: ComparedRun, between: Comparison) -> list[str]:
    """Return what could not be judged, and what may be chance, a sentence each."""
    if not _is_any_judged(between):
        shared = before.outcomes.keys() & after.outcomes.keys()
        why = "no cell has a result in both" if shared else "they share no seed"
        text = f"the metrics of the two runs cannot be compared ({why})"
        return [f"{text}; only how cells ended and how images compare was judged."]
    caveats = []
    if not before.outcomes.keys() & after.outcomes.keys():
        caveats.append(
            "the two runs share no seed, and are compared as independent samples; with the same "
            "seeds, smaller differences can be found."
        )
    apart = any(row.verdict is Verdict.DIFFER for row in between.rows)
    if apart and any(cell.seed is None for cell in after.outcomes):
        caveats.append(
            "no seed was given, so metrics may differ by chance; --seeds tells chance from change."
        )
    return caveats


def _is_any_judged(between: Comparison) -> bool:
    return any(row.verdict is not Verdict.REPORTED for row in between.rows)
