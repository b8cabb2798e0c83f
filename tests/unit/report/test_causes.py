"""Causes in words: how far they are proven, and who is off."""

import pytest

from keras_matrix.report.causes import cause_lines, describe_referee, describe_trial
from keras_matrix.trace.cause import CauseStatus, Hint, Proof, Referee, TrialOutcome
from tests.unit.trace.builders import finding

APART, CLOSE = TrialOutcome(2.6e-4), TrialOutcome(3.1e-9)
FAILS = TrialOutcome(problem="ValueError: no", failed_on="theano")
SHAPES = TrialOutcome(problem="shapes [2] and [3]")


@pytest.mark.parametrize(
    ("status", "before", "after", "sentence"),
    [
        (
            *(CauseStatus.PROVEN, APART, CLOSE),
            "with epsilon=1 instead, the difference goes away: 0.00026 becomes 3.1e-09",
        ),
        (
            *(CauseStatus.REFUTED, APART, APART),
            "with epsilon=1 instead, the difference stays: 0.00026 becomes 0.00026",
        ),
        (
            *(CauseStatus.POSSIBLE, APART, CLOSE),
            "with epsilon=1 instead, the difference changes: 0.00026 becomes 3.1e-09",
        ),
        (
            *(CauseStatus.PROVEN, SHAPES, CLOSE),
            (
                "with epsilon=1 instead, the difference goes away; before: shapes [2] and [3]; "
                "then: 3.1e-09"
            ),
        ),
        (
            *(CauseStatus.PROVEN, FAILS, CLOSE),
            "with epsilon=1 instead, it fails on theano no longer",
        ),
        (
            *(CauseStatus.REFUTED, FAILS, FAILS),
            "with epsilon=1 instead, it fails on theano as well",
        ),
        (
            *(CauseStatus.POSSIBLE, FAILS, APART),
            (
                "with epsilon=1 instead, another difference is left; before: a failure on theano; "
                "then: 0.00026"
            ),
        ),
    ],
)
def test_a_trial(
    status: CauseStatus, before: TrialOutcome, after: TrialOutcome, sentence: str
) -> None:
    hint = Hint("Because.", "a.py", status, Proof("epsilon=1", before, after))
    assert describe_trial(hint) == sentence


def test_a_cause_that_was_not_tried() -> None:
    assert describe_trial(Hint("Because.", "a.py")) is None


@pytest.mark.parametrize(
    ("between", "sentence"),
    [
        (1e-12, "from float64, theano is 0.06 off and tf is 3e-08 off"),
        (0.06, "in float64 they are 0.06 apart as well: each is right by its own definition"),
    ],
)
def test_who_is_off(between: float, sentence: str) -> None:
    referee = Referee(reference=3e-8, other=0.06, between=between)
    assert describe_referee(referee, "tf", "theano") == sentence


def test_numbers_that_only_float32_lacks() -> None:
    referee = Referee(reference=0.0, other=1e-8, between=0.0, reference_odd=8)
    sentence = "from float64, theano is 1e-08 off and tf is off by 8 NaN or Inf"
    assert describe_referee(referee, "tf", "theano") == sentence


def test_all_that_is_told_of_causes() -> None:
    proof = Proof("b", APART, APART)
    shown = finding(
        hint=Hint("Perhaps this.", "a.py"),
        refuted=[Hint("Not that.", "b.py", CauseStatus.REFUTED, proof)],
        referee=Referee(reference=0.0, other=1.0, between=0.0),
    )
    assert list(cause_lines(shown, "tf", "theano")) == [
        "  possible cause: Perhaps this.",
        "    a.py",
        "  not the cause: Not that.",
        "    with b instead, the difference stays: 0.00026 becomes 0.00026",
        "  from float64, theano is 1 off and tf is 0 off",
    ]
