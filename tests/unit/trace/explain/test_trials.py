"""Trials of causes: which scripts are run, and what is concluded from what they came to."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest

from keras_matrix.plan.contract import TrialStage
from keras_matrix.trace.cause import CauseStatus, Hint, Referee
from keras_matrix.trace.explain import causes
from keras_matrix.trace.explain.cause import Cause, Counterfactual
from keras_matrix.trace.explain.edits import Insert, Place
from keras_matrix.trace.explain.situation import Situation
from keras_matrix.trace.explain.trials import (
    MAX_CAUSES_TRIED,
    Trial,
    TriedFinding,
    conclude,
    plan_trials,
    trial_stage,
)
from keras_matrix.trace.finding import INFERRED_SHAPE, FindingKind
from tests.unit.trace.builders import CaptureWriter, finding, floats
from tests.unit.trace.explain.situations import at_layer

TEXT = """\
# dense: forward
import numpy as np
x = np.zeros((2, 3))
inputs = Input(shape=(3,))
layer = Dense(units=2)
model = Model(inputs, layer(inputs))
model.compile('sgd', 'mse')
"""
Side = Any
"""An array that an image computed in a trial, or the message that it failed with."""


def cause(text: str = "Because.", *, tried: bool = True) -> Cause:
    edits = [Insert(Place.MODEL, f"layer.name = {text!r}")]
    taken_away = Counterfactual(f"no {text}", lambda _: edits)
    return Cause(
        text=text,
        source="a.py",
        kinds=(FindingKind.FORWARD,),
        counterfactual=taken_away if tried else None,
    )


def case(folder: Path, *fitting: Cause) -> TriedFinding:
    about = at_layer(folder / "model", FindingKind.FORWARD, "Dense", what="output")
    return TriedFinding(about, tuple(fitting), TEXT)


def computed(folder: Path, trials: Sequence[tuple[Side, Side]]) -> list[Any]:
    """Return the results of trials, given as what the reference and the other image made."""
    writers = [CaptureWriter(folder / side) for side in ("reference", "other")]
    for number, sides in enumerate(trials):
        for writer, value in zip(writers, sides, strict=True):
            if isinstance(value, str):
                failure = {"error": "ValueError", "message": value, "by": ""}
                writer.dump.entry("failed", stage="trial", name=str(number), **failure)
            else:
                writer.array("trial", f"{number} output:0", "training", value)
    reference, other = (writer.read() for writer in writers)
    return [(number, reference, other) for number in range(len(trials))]


def judged(folder: Path, as_is: tuple[Side, Side], without: tuple[Side, Side]) -> Hint:
    """Return what a trial of one cause says of it."""
    case_of_one = case(folder, cause())
    plan = [trial for trial in plan_trials(case_of_one) if not trial.double]
    results = computed(folder, [as_is, without])
    (hint,), referee = conclude(case_of_one, list(zip(plan, results, strict=True)))
    assert referee is None
    return hint


ONES = floats([[1.0, 2.0]])
APART = floats([[1.0, 2.5]])
ROUNDED = ONES * (1 + 1e-7)

# What is run


@pytest.mark.parametrize(
    ("kind", "what", "stage"),
    [
        (FindingKind.BUILD, "fails on theano only", TrialStage.BUILD),
        (FindingKind.BUILD, f"{INFERRED_SHAPE} (?, 1)", TrialStage.SHAPE),
        (FindingKind.SHAPE, "output", TrialStage.FORWARD),
        (FindingKind.NAN, "output", TrialStage.FORWARD),
        (FindingKind.NAN, "gradient by its input", TrialStage.GRADIENT),
        (FindingKind.NAN, "loss", TrialStage.LOSS),
        (FindingKind.LOSS, "loss", TrialStage.LOSS),
        (FindingKind.GRADIENT, "gradient by the outputs", TrialStage.LOSS),
        (FindingKind.GRADIENT, "gradient of a regularizer", TrialStage.GRADIENT),
        (FindingKind.UPDATE, "weight after step 1", TrialStage.UPDATE),
    ],
)
def test_a_trial_computes_what_the_finding_is_about(
    kind: FindingKind, what: str, stage: TrialStage
) -> None:
    assert trial_stage(finding(kind, what=what)) is stage


def test_a_script_runs_as_it_is_in_float64_and_without_each_cause(tmp_path: Path) -> None:
    several = [cause(f"Cause {n}.") for n in range(MAX_CAUSES_TRIED + 2)]
    plan = plan_trials(case(tmp_path, *several))
    assert [(trial.cause, trial.double) for trial in plan] == [
        (None, False),
        (None, True),
        *((one, False) for one in several[:MAX_CAUSES_TRIED]),
    ]
    assert plan[0].text == TEXT
    assert "layer.name = 'Cause 0.'\nmodel = Model(" in plan[2].text


def test_a_failure_has_no_float64_and_without_a_cause_to_try_there_is_no_trial(
    tmp_path: Path,
) -> None:
    untried = cause(tried=False)
    about = case(tmp_path, untried)
    failure = replace(
        about, situation=replace(about.situation, finding=finding(FindingKind.BUILD, what="fails"))
    )
    assert plan_trials(failure) == []
    assert [trial.double for trial in plan_trials(about)] == [False, True]


def test_a_script_without_a_referee_is_not_run_in_float64(tmp_path: Path) -> None:
    plan = plan_trials(case(tmp_path, cause()), with_referee=False)
    assert [(trial.cause is None, trial.double) for trial in plan] == [
        (True, False),
        (False, False),
    ]
    assert plan_trials(case(tmp_path), with_referee=False) == []


def test_layers_within_layers_have_no_dtype_of_their_own(tmp_path: Path) -> None:
    text = TEXT.replace("Dense(units=2)", "TimeDistributed.from_config({'dtype': 'float32'})")
    plan = plan_trials(replace(case(tmp_path), text=text))
    assert "'dtype': 'float64'" in plan[1].text


# What is concluded


def test_a_difference_that_goes_away_proves_a_cause(tmp_path: Path) -> None:
    hint = judged(tmp_path, (ONES, APART), (ONES, ROUNDED))
    assert hint.status is CauseStatus.PROVEN
    assert hint.proof is not None
    assert hint.proof.instead == "no Because."
    assert hint.proof.before.difference == pytest.approx(0.5)
    assert hint.proof.after.difference == pytest.approx(2.4e-7, rel=0.1)


@pytest.mark.parametrize(
    ("as_is", "without", "status"),
    [
        # A hundredth of it is left.
        ((ONES, APART), (ONES, ONES + 0.004), CauseStatus.PROVEN),
        ((ONES, APART), (ONES, ONES + 0.1), CauseStatus.POSSIBLE),
        ((ONES, APART), (ONES, APART), CauseStatus.REFUTED),
        ((ONES, APART), (ONES, ONES + 0.3), CauseStatus.REFUTED),
        # Failures, shapes and what is not finite are differences, too.
        ((ONES, "no kernel"), (ONES, ONES), CauseStatus.PROVEN),
        ((ONES, "no kernel"), (ONES, "no kernel"), CauseStatus.REFUTED),
        ((ONES, "no kernel"), (ONES, "another failure"), CauseStatus.POSSIBLE),
        ((ONES, ONES[:, :1]), (ONES, ONES), CauseStatus.PROVEN),
        ((ONES, ONES * numpy.nan), (ONES, ONES), CauseStatus.PROVEN),
        ((ONES, ONES * numpy.nan), (ONES, ONES * numpy.nan), CauseStatus.REFUTED),
    ],
)
def test_what_is_left_of_a_difference(
    tmp_path: Path, as_is: tuple[Side, Side], without: tuple[Side, Side], status: CauseStatus
) -> None:
    hint = judged(tmp_path, as_is, without)
    assert hint.status is status
    assert hint.proof is not None


@pytest.mark.parametrize(
    ("as_is", "without"),
    [
        # The script alone does not show the difference.
        ((ONES, ONES), (ONES, ONES)),
        ((ONES, ROUNDED), (ONES, APART)),
        # What was done instead is not possible on either image.
        ((ONES, APART), ("no such layer", "no such layer")),
        (("fails", "fails"), (ONES, ONES)),
    ],
)
def test_a_trial_that_shows_nothing_leaves_a_cause_possible(
    tmp_path: Path, as_is: tuple[Side, Side], without: tuple[Side, Side]
) -> None:
    hint = judged(tmp_path, as_is, without)
    assert (hint.status, hint.proof) == (CauseStatus.POSSIBLE, None)


def test_a_proven_cause_comes_first_and_what_was_not_tried_is_left_out(tmp_path: Path) -> None:
    about = case(tmp_path, cause("a"), cause("b"), cause("c", tried=False))
    plan = [trial for trial in plan_trials(about) if not trial.double]
    results = computed(tmp_path, [(ONES, APART), (ONES, APART), (ONES, ONES)])
    hints, _ = conclude(about, list(zip(plan, results, strict=True)))
    assert [(hint.text, hint.status) for hint in hints] == [
        ("b", CauseStatus.PROVEN),
        ("a", CauseStatus.REFUTED),
    ]


# Who is off


def referee(folder: Path, single: tuple[Side, Side], double: tuple[Side, Side]) -> Referee | None:
    about = case(folder)
    results = computed(folder, [single, double])
    return conclude(about, list(zip(plan_trials(about), results, strict=True)))[1]


EXACT = numpy.array([[1.0, 2.0]])


def test_one_side_is_off(tmp_path: Path) -> None:
    found = referee(tmp_path, (ONES, APART), (EXACT, EXACT))
    assert found == Referee(reference=0.0, other=0.5, between=0.0)
    assert not found.both_right


def test_each_side_is_right_by_its_own_definition(tmp_path: Path) -> None:
    found = referee(tmp_path, (ONES, APART), (EXACT, EXACT + APART - ONES))
    assert found is not None
    assert found.both_right


def test_a_side_that_is_not_finite_in_float32_only(tmp_path: Path) -> None:
    found = referee(tmp_path, (ONES * numpy.inf, ONES), (EXACT, EXACT))
    assert found == Referee(reference=0.0, other=0.0, between=0.0, reference_odd=2)
    assert not found.both_right


@pytest.mark.parametrize(
    "double", [(EXACT, "no float64"), ("no float64", EXACT), (EXACT, EXACT * numpy.inf)]
)
def test_without_both_float64s_nobody_is_off(tmp_path: Path, double: tuple[Side, Side]) -> None:
    assert referee(tmp_path, (ONES, APART), double) is None


# The counterfactuals of all causes

FORGED: tuple[dict[str, Any], ...] = (
    {},
    {"strides": "x", "kernel_size": [2, 2], "size": {}},
    {"pool_size": [0], "axis": "a"},
)


@pytest.mark.parametrize("config", FORGED)
def test_a_counterfactual_of_a_forged_layer_is_not_tried(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    about = at_layer(tmp_path, FindingKind.FORWARD, "Dense", config=config, what="output")
    for one in causes.ALL:
        assert all(isinstance(trial, Trial) for trial in plan_trials(_only(about, one)))


def _only(about: Situation, one: Cause) -> TriedFinding:
    return TriedFinding(about, (one,), TEXT)


@pytest.mark.parametrize(
    ("kind", "where", "what", "label", "beside"),
    [
        (
            FindingKind.UPDATE,
            "bn/moving_variance",
            "weight after step 1",
            "l/moving_variance",
            "l/g",
        ),
        (
            FindingKind.UPDATE,
            "a/kernel.slot1",
            "slot after step 1",
            "dense_1/kernel",
            "dense_1/bias",
        ),
        (FindingKind.LOSS, "loss", "loss", "loss", "gradient:0"),
        (FindingKind.GRADIENT, "loss", "gradient by the outputs", "gradient:0", "loss"),
        (FindingKind.GRADIENT, "a", "gradient by a/kernel", "dense_1/kernel", "input:0"),
        (FindingKind.GRADIENT, "a", "gradient by its input", "input:0", "dense_1/kernel"),
    ],
)
def test_a_cause_is_judged_by_what_the_finding_is_about(
    tmp_path: Path, kind: FindingKind, where: str, what: str, label: str, beside: str
) -> None:
    """Not by what lies beside it and stays apart for another reason."""
    about = case(tmp_path, cause())
    own = replace(about.situation, finding=finding(kind, where=where, what=what))
    about = replace(about, situation=own)
    writers = [CaptureWriter(tmp_path / side) for side in ("reference", "other")]
    for number, values in enumerate(((ONES, APART), (ONES, ROUNDED))):
        for writer, value, far in zip(writers, values, (1.0, 9.0), strict=True):
            writer.array("trial", f"{number} {label}", "1", value)
            writer.array("trial", f"{number} {beside}", "1", floats([far]))
    reference, other = (writer.read() for writer in writers)
    plan = [trial for trial in plan_trials(about) if not trial.double]
    results = [(number, reference, other) for number in range(2)]
    (hint,), _ = conclude(about, list(zip(plan, results, strict=True)))
    assert hint.status is CauseStatus.PROVEN
