from collections.abc import Mapping, Sequence

import pytest

from keras_matrix.compare.matrix import (
    Counts,
    MatrixEntry,
    MatrixRow,
    Status,
    columns,
    matrix_row,
    overall,
)
from keras_matrix.compare.pairs import compare_images
from keras_matrix.plan.cells import Cell
from keras_matrix.plan.settings import Floatx, KerasSettings
from keras_matrix.plan.tolerance import Tolerances
from keras_matrix.records.record import Outcome, Record
from tests.unit.records.builders import call, manifest, record

DOUBLE = KerasSettings(floatx=Floatx.FLOAT64)
NAMES = ("tf", "theano", "cntk")


def row(records: Sequence[Record], planned: Sequence[Cell] = ()) -> MatrixRow:
    cells = planned or [one.cell for one in records]
    made = manifest(cells)
    comparison = compare_images(
        records,
        images=made.plan.images,
        planned=[cell.id for cell in cells],
        tolerances=Tolerances(),
        compare_arrays=lambda *_: None,
        title="mlp (a-run)",
    )
    return matrix_row(comparison, made)


def good(
    image: str,
    loss: float = 0.5,
    seed: int | None = None,
    metrics: Mapping[str, float] | None = None,
) -> Record:
    return record(Cell(image, seed=seed), call(metrics={"loss": loss, **(metrics or {})}))


def bad(image: str, outcome: Outcome = Outcome.SCRIPT_ERROR, seed: int | None = None) -> Record:
    return record(Cell(image, seed=seed), outcome=outcome, reason="it broke")


def entry(found: MatrixRow, column: str) -> MatrixEntry:
    one = found.entry(column)
    assert one is not None
    return one


def test_the_first_image_is_the_reference_and_the_others_are_compared_with_it() -> None:
    found = row([good("tf"), good("theano"), good("cntk", 0.7)])
    assert (found.model, found.run) == ("mlp", "a-run")
    assert [(one.name, one.status, one.reference, one.sentence) for one in found.entries] == [
        ("tf", Status.REFERENCE, "", "1 cell ran"),
        ("theano", Status.AGREE, "tf", "agrees in 1 judged metric"),
        ("cntk", Status.DIFFER, "tf", "differs in 1 of 1 judged metric: evaluate.loss"),
    ]


def test_what_differs_is_named_up_to_two_and_counted() -> None:
    metrics = ("a", "b", "c", "d")
    found = row(
        [
            good("tf", metrics=dict.fromkeys(metrics, 1.0)),
            good("theano", metrics=dict.fromkeys(metrics, 2.0)),
        ]
    )
    theano = entry(found, "theano")
    assert theano.sentence == "differs in 4 of 5 judged metrics: evaluate.a, evaluate.b and 2 more"
    assert theano.counts == Counts(cells=1, judged=5, differing=4)
    assert theano.counts.agreeing == 1


def test_a_metric_on_one_side_only_is_a_difference() -> None:
    theano = entry(row([good("tf", metrics={"extra": 1.0}), good("theano")]), "theano")
    assert theano.status is Status.DIFFER
    assert theano.sentence.endswith("judged metrics: evaluate.extra")


def test_too_few_seeds_are_reported() -> None:
    losses = [(0.5, 0.6), (0.6, 0.5), (0.4, 0.55)]
    records = [
        one
        for seed, (left, right) in enumerate(losses)
        for one in (good("tf", left, seed), good("theano", right, seed))
    ]
    theano = entry(row(records), "theano")
    assert theano.status is Status.INCONCLUSIVE
    assert theano.sentence == "too few seeds to tell in 1 of 1 judged metric"


def test_a_failure_goes_before_a_difference_and_both_are_reported() -> None:
    records = [good("tf", 0.5, 0), good("theano", 0.9, 0), good("tf", 0.5, 1)]
    theano = entry(row([*records, bad("theano", Outcome.TIMEOUT, 1)]), "theano")
    assert theano.status is Status.FAILED
    assert theano.sentence == (
        "1 of 2 cells failed: time-out; differs in 1 of 1 judged metric: evaluate.loss"
    )
    assert (theano.counts.cells, theano.counts.failed) == (2, 1)


def test_where_all_cells_failed_nothing_else_is_said() -> None:
    found = row([good("tf"), bad("theano", Outcome.OUT_OF_MEMORY)])
    assert entry(found, "tf").status is Status.REFERENCE
    assert entry(found, "theano").sentence == "1 of 1 cell failed: out of memory"


def test_many_outcomes_are_counted() -> None:
    outcomes = [Outcome.TIMEOUT, Outcome.CRASHED, Outcome.KILLED]
    records = [bad("theano", one, seed) for seed, one in enumerate(outcomes)]
    found = row([*(good("tf", 0.5, seed) for seed in range(3)), *records])
    assert entry(found, "theano").sentence == ("3 of 3 cells failed: time-out, crashed and 1 more")


def test_without_the_reference_nothing_is_judged() -> None:
    found = row([bad("tf"), good("theano")])
    assert entry(found, "tf").status is Status.FAILED
    assert entry(found, "theano").status is Status.NOT_JUDGED
    assert entry(found, "theano").sentence == "1 cell ran, but the reference gave no result"


def test_cells_that_have_not_run_are_reported() -> None:
    planned = [Cell(image, seed=seed) for seed in range(2) for image in ("tf", "theano", "cntk")]
    records = [good("tf", 0.5, 0), good("tf", 0.5, 1), good("theano", 0.5, 0)]
    found = row(records, planned)
    assert entry(found, "theano").status is Status.NOT_RUN
    assert entry(found, "theano").sentence == ("1 of 2 cells not run; agrees in 1 judged metric")
    assert entry(found, "cntk").sentence == "2 of 2 cells not run"


def test_metrics_without_a_verdict_are_no_agreement() -> None:
    seconds = [record(Cell(image), call(seconds=1.0)) for image in ("tf", "theano")]
    theano = entry(row(seconds), "theano")
    assert (theano.status, theano.counts.judged) == (Status.NOT_JUDGED, 0)
    assert theano.sentence == "nothing that both sides measured is judged"


def test_one_image_alone_has_nothing_to_be_compared_with() -> None:
    (one,) = row([good("tf", 0.5, 0), good("tf", 0.6, 1)]).entries
    assert (one.status, one.reference) == (Status.NOT_JUDGED, "")
    assert one.sentence == "2 cells ran; nothing to compare them with"


def test_each_keras_json_has_a_reference_of_its_own() -> None:
    cells = [Cell(image, floatx) for floatx in (KerasSettings(), DOUBLE) for image in NAMES[:2]]
    losses = (0.5, 0.5, 0.7, 0.9)
    found = row([record(c, call(metrics={"loss": x})) for c, x in zip(cells, losses, strict=True)])
    assert [(one.name, one.status.value, one.reference) for one in found.entries] == [
        ("tf.default", "reference", ""),
        ("theano.default", "agree", "tf.default"),
        ("tf.float64", "reference", ""),
        ("theano.float64", "differ", "tf.float64"),
    ]


def test_settings_of_one_image_are_compared_with_the_first() -> None:
    records = [
        record(Cell("tf", settings), call(metrics={"loss": loss}))
        for settings, loss in ((KerasSettings(), 0.5), (DOUBLE, 0.6))
    ]
    found = row(records)
    assert [(one.name, one.status.value, one.reference) for one in found.entries] == [
        ("tf.default", "reference", ""),
        ("tf.float64", "differ", "tf.default"),
    ]


def test_a_keras_json_without_any_record_takes_no_other_ones_verdict() -> None:
    planned = [Cell(image, floatx) for floatx in (DOUBLE, KerasSettings()) for image in NAMES[:2]]
    records = [record(cell, call(metrics={"loss": 0.5})) for cell in planned[2:]]
    found = row(records, planned)
    assert {one.name: one.status.value for one in found.entries} == {
        "tf.default": "reference",
        "theano.default": "agree",
        "tf.float64": "not run",
        "theano.float64": "not run",
    }


def test_a_hostile_metric_stays_on_one_line() -> None:
    name = "x\nfake\x1b[31m"
    found = row([good("tf", metrics={name: 1.0}), good("theano", metrics={name: 2.0})])
    assert entry(found, "theano").sentence == ("differs in 1 of 2 judged metrics: evaluate.x fake")


def test_rows_of_several_runs_share_their_columns() -> None:
    first = row([good("tf"), good("theano")])
    second = row([good("theano"), good("cntk")])
    assert columns([first, second]) == NAMES
    assert first.entry("cntk") is None


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((), Status.NOT_JUDGED),
        ((Status.REFERENCE, Status.AGREE), Status.AGREE),
        ((Status.REFERENCE, Status.AGREE, Status.INCONCLUSIVE), Status.INCONCLUSIVE),
        ((Status.INCONCLUSIVE, Status.DIFFER), Status.DIFFER),
        ((Status.DIFFER, Status.NOT_RUN, Status.FAILED), Status.FAILED),
    ],
)
def test_the_worst_goes_before_the_rest(statuses: Sequence[Status], expected: Status) -> None:
    assert overall([MatrixEntry("tf", "", status, "") for status in statuses]) is expected
