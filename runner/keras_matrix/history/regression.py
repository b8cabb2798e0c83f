"""What has become worse, or better, since an earlier run of the same model. Pure.

Worse is: a metric of an image that lies elsewhere than the earlier run's of the same image, unless
its name says that it lies better; a cell without a result that had one; images that agreed with
each other and no longer do.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property

from keras_matrix.compare import figures
from keras_matrix.compare.comparison import Comparison, Row, Verdict
from keras_matrix.compare.inference import compare
from keras_matrix.compare.intervals import Scale
from keras_matrix.compare.pairs import VERDICTS
from keras_matrix.plan.cells import Cell
from keras_matrix.plan.tolerance import MetricKind
from keras_matrix.records.record import Manifest, Outcome
from keras_matrix.records.recorded import RecordedRun
from keras_matrix.text import one_line

APART = (Verdict.DIFFER, Verdict.MISSING)
SHORT = 12
"""Characters of a digest that people read."""
MOST_CELLS = 3

# The last part of Keras's names: "acc" of old, "dense_1_loss" of several outputs.
_LOWER_IS_BETTER = re.compile(
    r"(.+_)?(loss|error|mse|mae|mape|msle|hinge|crossentropy|logcosh|divergence)(_\d+)?"
)
_HIGHER_IS_BETTER = re.compile(r"(.+_)?(accuracy|acc|auc|precision|recall|f1)(_\d+)?")


class Trend(Enum):
    """What a change is."""

    REGRESSED = "regressed"
    IMPROVED = "improved"


@dataclass(frozen=True)
class Change:
    """One thing that is not as it was; ``text`` is one line that says what."""

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
    """What has changed since an earlier run; ``notes`` say what may be why, and what is not told.

    ``between`` is the comparison of the two runs, image by image.
    """

    earlier: str
    between: Comparison
    changes: tuple[Change, ...]
    notes: tuple[str, ...]

    @property
    def regressed(self) -> bool:
        """Tell whether anything has become worse."""
        return any(change.trend is Trend.REGRESSED for change in self.changes)

    @property
    def judged(self) -> bool:
        """Tell whether any metric of the two runs could be held against each other."""
        return _judged(self.between)

    @property
    def told(self) -> tuple[str, ...]:
        """All there is to say, what has become worse first: one line each."""
        worse = [c for c in self.changes if c.trend is Trend.REGRESSED]
        better = [c for c in self.changes if c.trend is Trend.IMPROVED]
        since = f"since {self.earlier}"
        lines = [f"{c.trend.value} {since}: {c.text}." for c in (*worse, *better)]
        if not worse:
            what = "nothing" if self.judged else "nothing that could be judged"
            lines.insert(0, f"{what} has regressed {since}.")
        return (*lines, *self.notes)


def judge(before: ComparedRun, after: ComparedRun, between: Comparison) -> RunChanges:
    """Return what has changed; ``between`` compares ``before`` with ``after`` image by image."""
    between = _as_samples(before, after, between)
    changes = (*_metrics(between), *_cells(before, after), *_verdicts(before, after))
    notes = (*_reasons(before.manifest, after.manifest), *_untold(before, after, between))
    return RunChanges(one_line(before.manifest.run), between, changes, notes)


def _metrics(between: Comparison) -> list[Change]:
    found = []
    for row in between.rows:
        name = figures.metric(row)
        if row.verdict is Verdict.MISSING and row.other is None:
            found.append(Change(Trend.REGRESSED, f"{name} is no longer measured"))
        elif row.verdict is Verdict.DIFFER:
            trend = Trend.IMPROVED if _is_better(row) else Trend.REGRESSED
            found.append(Change(trend, f"{name} {_values(row)}"))
    return found


def _is_better(row: Row) -> bool:
    """Tell whether a metric moved to where its name says it should be."""
    if row.reference is None or row.other is None or row.kind is MetricKind.ARRAY:
        return False
    before, after = row.reference.median, row.other.median
    if math.isnan(after):
        return False
    rise = after - before
    if row.inference is not None and row.inference.estimate is not None:
        # What the verdict is on: the mean difference, or the ratio of means.
        neutral = 1.0 if row.inference.scale is Scale.RATIO else 0.0
        rise = row.inference.estimate - neutral
    last = row.metric.rpartition(".")[2]
    if row.kind is MetricKind.TIME or _LOWER_IS_BETTER.fullmatch(last):
        return rise < 0 or math.isnan(before)
    return bool(_HIGHER_IS_BETTER.fullmatch(last)) and (rise > 0 or math.isnan(before))


def _values(row: Row) -> str:
    if row.elementwise:
        return f"differs in its elements by up to {figures.number(row.absolute)}"
    return f"is {figures.summary(row.other)}, was {figures.summary(row.reference)}"


def _cells(before: ComparedRun, after: ComparedRun) -> list[Change]:
    groups: dict[tuple[Trend, str], list[str]] = {}
    for cell, now in after.outcomes.items():
        then = _counterparts(cell, before)
        if not then:
            continue
        if now is not Outcome.OK and all(one is Outcome.OK for one in then):
            groups.setdefault((Trend.REGRESSED, now.value), []).append(cell.id)
        elif now is Outcome.OK and any(one is not Outcome.OK for one in then):
            groups.setdefault((Trend.IMPROVED, "ok"), []).append(cell.id)
    found = []
    for (trend, outcome), cells in groups.items():
        more = f" and {len(cells) - MOST_CELLS} more" if len(cells) > MOST_CELLS else ""
        ended = f"failed ({outcome}), was ok" if trend is Trend.REGRESSED else "is ok, failed then"
        found.append(Change(trend, f"{', '.join(cells[:MOST_CELLS])}{more} {ended}"))
    return found


def _counterparts(cell: Cell, before: ComparedRun) -> list[Outcome]:
    """Return how the same cell ended then; where it was not run, all of its image and setting."""
    if cell in before.outcomes:
        return [before.outcomes[cell]]
    return [outcome for one, outcome in before.outcomes.items() if one.group == cell.group]


def _verdicts(before: ComparedRun, after: ComparedRun) -> list[Change]:
    """Return where images (or settings) of a run agreed with each other and differ, or reversed."""
    then = {_key(row): row for row in before.comparison.rows}
    found = []
    for row in after.comparison.rows:
        earlier = then.get(_key(row))
        if earlier is None:
            continue
        what = f"{row.other_name} and {row.reference_name}"
        if earlier.verdict is Verdict.AGREE and row.verdict in APART:
            text = f"{what} agreed in {figures.metric(row)} and now differ"
            found.append(Change(Trend.REGRESSED, text))
        elif earlier.verdict in APART and row.verdict is Verdict.AGREE:
            text = f"{what} differed in {figures.metric(row)} and now agree"
            found.append(Change(Trend.IMPROVED, text))
    return found


def _key(row: Row) -> tuple[str, str, str, str]:
    return row.group, row.reference_name, row.other_name, row.metric


def _reasons(before: Manifest, after: Manifest) -> list[str]:
    """Return what else is not as it was, and may be why."""
    found = []
    old, new = before.plan, after.plan
    if old.script_sha256 != new.script_sha256:
        commits = ""
        if before.commit and after.commit and before.commit != after.commit:
            commits = f" (commit {before.commit[:SHORT]} then, {after.commit[:SHORT]} now)"
        found.append(f"the script has changed since{commits}")
    for name, image in after.images.items():
        known = before.images.get(name)
        if known is not None and known.id != image.id:
            builds = f"{_short(known.id)} then, {_short(image.id)} now"
            found.append(f"image {name} is another build than then ({builds})")
    if old.arguments != new.arguments:
        found.append("the script had other arguments then")
    if old.limits != new.limits:
        found.append("limits on memory, processors or time were others then")
    if before.tool != after.tool:
        found.append(f"then it was made by {one_line(before.tool)}")
    return [f"{text}." for text in found]


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:SHORT]


def _untold(before: ComparedRun, after: ComparedRun, between: Comparison) -> list[str]:
    """Return what could not be judged, and what may be chance."""
    if not _judged(between):
        shared = before.outcomes.keys() & after.outcomes.keys()
        why = "no cell has a result in both" if shared else "they share no seed"
        told = f"the two runs' metrics could not be held against each other ({why})"
        return [f"{told}; how cells ended and how images compare was."]
    found = []
    if not before.outcomes.keys() & after.outcomes.keys():
        told = "the two runs share no seed, and are compared as independent samples"
        found.append(f"{told}; the same seeds tell smaller differences.")
    apart = any(row.verdict is Verdict.DIFFER for row in between.rows)
    if apart and any(cell.seed is None for cell in after.outcomes):
        told = "no seed was given: metrics differ by chance, too"
        found.append(f"{told}; --seeds tells the two apart.")
    return found


def _judged(between: Comparison) -> bool:
    return any(row.verdict is not Verdict.REPORTED for row in between.rows)


def _as_samples(before: ComparedRun, after: ComparedRun, between: Comparison) -> Comparison:
    """Judge what shares no seed, and was only reported, from several seeds a side, unpaired.

    Not where seeds were repeated: their values are not independent.
    """
    rows = [row for row in between.rows if _is_unjudged(row)]
    if any(cell.repeat for cell in (*before.outcomes, *after.outcomes)):
        return between
    judged = {id(row): _sampled(row, len(rows)) for row in rows}
    return replace(between, rows=tuple(judged.get(id(row), row) for row in between.rows))


def _is_unjudged(row: Row) -> bool:
    sides = (row.reference, row.other)
    several = all(side is not None and len(side.values) > 1 for side in sides)
    judged = row.tolerance is not None and row.kind is not MetricKind.ARRAY
    return row.verdict is Verdict.REPORTED and judged and several


def _sampled(row: Row, comparisons: int) -> Row:
    if row.reference is None or row.other is None or row.tolerance is None:
        return row
    margin = row.tolerance.allowed(row.reference.median)
    if not math.isfinite(margin):
        return row
    # By keys of their own: in order, two equally long sides would be paired.
    then = {("then", place): value for place, value in enumerate(row.reference.values)}
    now = {("now", place): value for place, value in enumerate(row.other.values)}
    inference = compare(then, now, margin=margin, comparisons=comparisons)
    return replace(row, inference=inference, verdict=VERDICTS[inference.finding])
