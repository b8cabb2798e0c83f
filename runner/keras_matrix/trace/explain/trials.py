"""Which scripts to try for a finding, and what the trials say of its causes. Pure.

A cause is tried by its counterfactual: the minimal script as it is, and with the cause taken away.
The referee of a finding is the same script in float64.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy

from keras_matrix.plan.contract import TrialStage
from keras_matrix.text import brief
from keras_matrix.trace.cause import CauseStatus, Hint, Proof, Referee, TrialOutcome
from keras_matrix.trace.distance import measure_distance
from keras_matrix.trace.dump import Array, ArrayKey, Capture
from keras_matrix.trace.explain.cause import FORGED_MODEL_ERRORS, Cause, in_words
from keras_matrix.trace.explain.edits import Edit, edited
from keras_matrix.trace.explain.situation import Situation
from keras_matrix.trace.finding import INFERRED_SHAPE, Finding, FindingKind

TRIAL = "trial"
"""What the arrays and failures of trials are in a cell's index."""
GONE_SHARE = 0.01
"""The share of a difference that may be left for it to count as gone."""
STAYS_SHARE = 0.5
"""The share of a difference from which on it counts as the same."""
ROUNDING_ULPS = 64.0
"""Units in the last place, of the largest number of a trial, that rounding explains in one layer.

Times the root of the number of terms, which for the small layers of minimal scripts is below 16.
"""
FLOAT32_EPSILON = float(numpy.finfo(numpy.float32).eps)
MAX_CAUSES_TRIED = 3
"""The most causes of one finding that are tried."""


@dataclass(frozen=True)
class TriedFinding:
    """A finding of an image, the causes that fit it, and its minimal script's text."""

    situation: Situation
    causes: tuple[Cause, ...]
    text: str

    @property
    def finding(self) -> Finding:
        """The finding."""
        return self.situation.finding


@dataclass(frozen=True)
class Trial:
    """A script to run on each image: the minimal script, changed for ``cause``, or as it is.

    ``double`` tells that it is run in float64.
    """

    text: str
    stage: TrialStage
    cause: Cause | None = None
    instead: str = ""
    double: bool = False


Results = tuple[int, Capture, Capture]
"""The number of a trial, and what the cells of the reference and the other image captured."""


def trial_stage(finding: Finding) -> TrialStage:
    """Return what has to be computed to see a finding."""
    if INFERRED_SHAPE in finding.what:
        return TrialStage.SHAPE
    if finding.kind is FindingKind.BUILD:
        return TrialStage.BUILD
    if finding.kind is FindingKind.UPDATE:
        return TrialStage.UPDATE
    if finding.kind is FindingKind.LOSS or finding.what.startswith(("loss", "gradient by the")):
        return TrialStage.LOSS
    if finding.kind is FindingKind.GRADIENT or finding.what.startswith("gradient"):
        return TrialStage.GRADIENT
    return TrialStage.FORWARD


def plan_trials(case: TriedFinding, *, with_referee: bool = True) -> list[Trial]:
    """Return what to run for a finding: its script as it is, in float64, and without each cause.

    Without a referee the script is not run in float64.
    """
    stage = trial_stage(case.finding)
    trials = [Trial(case.text, stage)]
    if with_referee and stage not in (TrialStage.BUILD, TrialStage.SHAPE):
        trials.append(Trial(_in_double(case.text), stage, double=True))
    for cause in case.causes[:MAX_CAUSES_TRIED]:
        trials += _counterfactual(case, stage, cause)
    # A script that only shows the difference again proves nothing.
    return trials if len(trials) > 1 else []


def _counterfactual(case: TriedFinding, stage: TrialStage, cause: Cause) -> Iterable[Trial]:
    if cause.counterfactual is None:
        return
    try:
        edits: Sequence[Edit] = cause.counterfactual.edits(case.situation)
        text = edited(case.text, edits) if edits else None
        instead = in_words(cause.counterfactual.instead, case.situation)
    except FORGED_MODEL_ERRORS:
        return
    if text is not None and text != case.text:
        yield Trial(text, stage, cause, instead)


def _in_double(text: str) -> str:
    """Let layers within layers have no dtype of their own."""
    return text.replace("'dtype': 'float32'", "'dtype': 'float64'")


def conclude(
    case: TriedFinding, trials: Sequence[tuple[Trial, Results]]
) -> tuple[list[Hint], Referee | None]:
    """Return the causes of a finding as their trials leave them, and who is off.

    A proven cause comes first, then those that are possible, then what was refuted.

    Raises:
        UnreadableError: an array cannot be read.
    """
    as_is = next((r for t, r in trials if t.cause is None and not t.double), None)
    double = next((r for t, r in trials if t.double), None)
    if as_is is None:
        return [cause.hint(case.situation) for cause in case.causes], None
    before = outcome(case.situation, as_is)
    tried = {id(trial.cause): (trial, results) for trial, results in trials if trial.cause}
    hints = []
    for cause in case.causes:
        hint = cause.hint(case.situation)
        if id(cause) in tried and differs(before):
            trial, results = tried[id(cause)]
            hint = _judged(hint, trial, before, outcome(case.situation, results))
        hints.append(hint)
    order = [CauseStatus.PROVEN, CauseStatus.POSSIBLE, CauseStatus.REFUTED]
    hints.sort(key=lambda hint: order.index(hint.status))
    if hints and hints[0].status is CauseStatus.PROVEN:
        # What was not tried since another cause explains all of it is no cause.
        hints = [h for h in hints if h.status is not CauseStatus.POSSIBLE or h.proof is not None]
    return hints, (_referee(case.finding, as_is, double) if double is not None else None)


@dataclass(frozen=True)
class Measured:
    """How far apart a trial came out on two images.

    ``share`` is the largest difference of an array divided by that array's largest number, in units
    that rounding explains.
    """

    outcome: TrialOutcome
    share: float = 0.0


def differs(measured: Measured) -> bool:
    """Tell whether a trial came out apart by more than rounding."""
    problem = measured.outcome.problem
    return bool(problem and problem != FAILS_ON_BOTH) or measured.share > 1


def _judged(hint: Hint, trial: Trial, before: Measured, after: Measured) -> Hint:
    proof = Proof(trial.instead, before.outcome, after.outcome)
    status = CauseStatus.POSSIBLE
    if after.outcome.problem == FAILS_ON_BOTH:
        return hint
    if not differs(after) or _is_small(before.outcome, after.outcome):
        status = CauseStatus.PROVEN
    elif _is_same(before.outcome, after.outcome):
        status = CauseStatus.REFUTED
    return Hint(hint.text, hint.source, status, proof)


def _is_small(before: TrialOutcome, after: TrialOutcome) -> bool:
    if before.difference is None or after.difference is None or after.problem:
        return False
    return after.difference <= GONE_SHARE * before.difference


def _is_same(before: TrialOutcome, after: TrialOutcome) -> bool:
    if before.problem or after.problem:
        return (before.problem, before.failed_on) == (after.problem, after.failed_on)
    if before.difference is None or after.difference is None:
        return False
    return after.difference >= STAYS_SHARE * before.difference


FAILS_ON_BOTH = "fails on both"


def outcome(situation: Situation, results: Results) -> Measured:
    """Return how far apart a trial came out.

    Raises:
        UnreadableError: an array cannot be read.
    """
    number, *captures = results
    failed = [_failure(number, capture) for capture in captures]
    images = [stack.image for stack in situation.stacks]
    if all(failed):
        return Measured(TrialOutcome(problem=FAILS_ON_BOTH))
    if any(failed):
        image, message = next((i, m) for i, m in zip(images, failed, strict=True) if m)
        return Measured(TrialOutcome(problem=message, failed_on=image))
    largest, share = 0.0, 0.0
    for key in _arrays_about(situation.finding, number, captures[0]):
        expected, actual = captures[0].array(key), captures[1].array(key)
        if expected is None or actual is None:
            continue
        if key[2] == "inferred":
            if not numpy.array_equal(expected, actual):
                return Measured(TrialOutcome(problem=f"{_shape(expected)} and {_shape(actual)}"))
            continue
        distance = measure_distance(expected, actual)
        if not distance.same_shape:
            shapes = f"{list(distance.reference_shape)} and {list(distance.shape)}"
            return Measured(TrialOutcome(problem=f"shapes {shapes}"))
        if distance.odd:
            counts = (distance.reference_not_finite, distance.not_finite)
            texts = [f"{c} on {i}" for c, i in zip(counts, images, strict=True)]
            return Measured(TrialOutcome(problem=f"NaN or Inf: {', '.join(texts)}"))
        largest = max(largest, distance.maximum)
        rounding = ROUNDING_ULPS * FLOAT32_EPSILON * distance.scale
        if distance.maximum > 0:
            share = max(share, distance.maximum / rounding if rounding else numpy.inf)
    return Measured(TrialOutcome(largest), float(share))


def _shape(sizes: Array) -> str:
    names = ["?" if size < 0 else str(int(size)) for size in sizes.reshape(-1)]
    return f"({', '.join(names)})"


def _failure(number: int, capture: Capture) -> str:
    """Return why a trial failed on an image; empty if it did not."""
    for failure in capture.failures:
        if (failure.stage, failure.name) == (TRIAL, str(number)):
            return f"{failure.error}: {brief(failure.message)}"
    return "" if arrays_of(number, capture) else "nothing was computed"


def arrays_of(number: int, capture: Capture) -> list[ArrayKey]:
    """Return the keys of what a trial computed."""
    return [
        key for key in capture.arrays if key[0] == TRIAL and key[1].partition(" ")[0] == str(number)
    ]


def _arrays_about(finding: Finding, number: int, capture: Capture) -> list[ArrayKey]:
    """Return the keys of what a finding is about: its loss, weight or gradient, not all else.

    The minimal script names its layer otherwise, so a weight is known by its own name in the layer.
    Where none has that name, all count.
    """
    keys = arrays_of(number, capture)
    stage = trial_stage(finding)
    own = _own_name(finding.where)
    if stage is TrialStage.LOSS:
        own = "gradient" if finding.what.startswith("gradient") else "loss"
    elif stage is TrialStage.GRADIENT:
        _, by, part = finding.what.partition("gradient by ")
        if not by:
            return keys
        own = "input" if part.startswith("its input") else _own_name(part)
    elif stage is not TrialStage.UPDATE:
        return keys
    about = [key for key in keys if _own_name(key[1].partition(" ")[2]) == own]
    return about or keys


def _own_name(label: str) -> str:
    """Return the name of a weight in its layer, or of what else a trial computed."""
    return label.partition(".slot")[0].rpartition("/")[2].partition(":")[0]


def _referee(finding: Finding, as_is: Results, double: Results) -> Referee | None:
    """Return each side's distance from its float64, where the two float32s are furthest apart.

    Return None if one image computes no float64, or if not all numbers of it are finite.
    """
    number, *captures = as_is
    worst, referee = (0, 0.0), None
    for what, name, when in _arrays_about(finding, number, captures[0]):
        label = f"{double[0]} {name.partition(' ')[2]}"
        arrays = [capture.array((what, name, when)) for capture in captures]
        arrays += [capture.array((what, label, when)) for capture in double[1:]]
        known = [array for array in arrays if array is not None]
        if len(known) < len(arrays) or len({array.shape for array in known}) != 1:
            continue
        mine, other, exact, other_exact = known
        distance = measure_distance(mine, other)
        finite = numpy.isfinite(exact).all() and numpy.isfinite(other_exact).all()
        if finite and (distance.odd, distance.maximum) > worst:
            worst = (distance.odd, distance.maximum)
            of_reference = measure_distance(exact, mine)
            of_other = measure_distance(other_exact, other)
            referee = Referee(
                reference=of_reference.maximum,
                other=of_other.maximum,
                between=measure_distance(exact, other_exact).maximum,
                reference_odd=of_reference.odd,
                other_odd=of_other.odd,
            )
    return referee
