"""What a trace says of causes, in words: how far they are proven, and who is off. Pure."""

from collections.abc import Iterator

from keras_matrix.text import plural
from keras_matrix.trace.cause import CauseStatus, Hint, Referee, TrialOutcome
from keras_matrix.trace.finding import Finding

LABELS = {
    CauseStatus.PROVEN: "cause, proven",
    CauseStatus.POSSIBLE: "possible cause",
    CauseStatus.REFUTED: "not the cause",
}


def cause_lines(finding: Finding, reference: str, image: str) -> Iterator[str]:
    """Yield the lines on a finding's causes, and on who is off."""
    told = [finding.hint] if finding.hint is not None else []
    for hint in (*told, *finding.refuted):
        yield f"  {LABELS[hint.status]}: {hint.text}"
        if hint.status is not CauseStatus.REFUTED:
            yield f"    {hint.source}"
        if (trial := describe_trial(hint)) is not None:
            yield f"    {trial}"
    if finding.referee is not None:
        yield f"  {describe_referee(finding.referee, reference, image)}"


def describe_trial(hint: Hint) -> str | None:
    """Return what the trial of a cause came to; None if it was not tried."""
    proof = hint.proof
    if proof is None:
        return None
    subject = f"it fails on {proof.before.failed_on}" if proof.before.failed_on else ""
    match hint.status:
        case CauseStatus.PROVEN:
            verb = f"{subject} no longer" if subject else "the difference goes away"
        case CauseStatus.REFUTED:
            verb = f"{subject} as well" if subject else "the difference stays"
        case CauseStatus.POSSIBLE:
            verb = "another difference is left" if subject else "the difference changes"
    text = f"with {proof.instead} instead, {verb}"
    if subject and hint.status is not CauseStatus.POSSIBLE:
        return text
    before, after = describe_outcome(proof.before), describe_outcome(proof.after)
    if proof.before.problem or proof.after.problem:
        return f"{text}; before: {before}; then: {after}"
    return f"{text}: {before} becomes {after}"


def describe_outcome(outcome: TrialOutcome) -> str:
    """Return how far apart a trial came out."""
    if outcome.failed_on:
        return f"a failure on {outcome.failed_on}"
    return outcome.problem or f"{outcome.difference or 0:.2g}"


def describe_referee(referee: Referee, reference: str, image: str) -> str:
    """Return who is off, by float64."""
    if referee.both_right:
        return (
            f"in float64 they are {referee.between:.2g} apart as well: each is right by its own "
            "definition"
        )
    other = _off(image, referee.other, referee.other_odd)
    return f"from float64, {other} and {_off(reference, referee.reference, referee.reference_odd)}"


def _off(image: str, distance: float, odd: int) -> str:
    """Return how far an image is from its own float64."""
    if odd:
        return f"{image} is off by {plural(odd, 'NaN or Inf', 'NaN or Inf')}"
    return f"{image} is {distance:.2g} off"
