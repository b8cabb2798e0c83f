import math
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_matrix.compare.assess import exit_code
from keras_matrix.compare.certain import OneSided
from keras_matrix.compare.comparison import ArrayDifference, Comparison, Row, Verdict
from keras_matrix.compare.metrics import Measure
from keras_matrix.compare.pairs import compare_images, compare_runs
from keras_matrix.compare.question import Asked
from keras_matrix.errors import ExitCode, NothingSelectedError
from keras_matrix.plan.cells import Caps, Cell, Init, Limits, Terms
from keras_matrix.plan.images import BaseKind
from keras_matrix.plan.question import Question
from keras_matrix.plan.settings import Floatx, KerasSettings
from keras_matrix.plan.tolerance import Tolerance, Tolerances
from keras_matrix.records.bounded import Number
from keras_matrix.records.events import Failure
from keras_matrix.records.observation import Call, Observation
from keras_matrix.records.record import Outcome, Record
from tests.unit.records.builders import array, call, end, record

AGREE, DIFFER, INCONCLUSIVE = Verdict.AGREE, Verdict.DIFFER, Verdict.INCONCLUSIVE
MISSING, REPORTED = Verdict.MISSING, Verdict.REPORTED


def no_arrays(
    one: Record, here: Measure, other: Record, there: Measure, rule: Tolerance
) -> ArrayDifference | None:
    return None


def compared(
    records: Sequence[Record],
    *rules: Tolerance,
    images: Sequence[str] = ("tf", "theano"),
    planned: Sequence[str] = (),
    compare_arrays: Any = no_arrays,
) -> Comparison:
    return compare_images(
        records,
        images=images,
        planned=planned or [one.cell.id for one in records],
        tolerances=Tolerances(rules),
        compare_arrays=compare_arrays,
        title="mlp (a-run)",
    )


def score(
    image: str, loss: Number, seed: int | None = None, floatx: Floatx = Floatx.FLOAT32
) -> Record:
    cell = Cell(image, KerasSettings(floatx=floatx), seed)
    return record(cell, call(metrics={"loss": loss}))


def only(comparison: Comparison) -> Row:
    (row,) = comparison.rows
    return row


@pytest.mark.parametrize(
    ("tf", "theano", "verdict"),
    [
        (0.5, 0.5, AGREE),
        (0.5, 0.5014, AGREE),
        (0.5, 0.5016, DIFFER),
        (0.5, 0.4986, AGREE),
        (0.5, 0.4984, DIFFER),
        (1000.0, 1001.0, AGREE),
        (0.0, 0.001, AGREE),
        (0.0, 0.0011, DIFFER),
        ("nan", "nan", AGREE),
        ("nan", 0.5, DIFFER),
        (0.5, "nan", DIFFER),
        ("inf", "inf", AGREE),
        ("-inf", "-inf", AGREE),
        ("inf", "-inf", DIFFER),
        ("inf", 0.5, DIFFER),
        (0.5, "inf", DIFFER),
    ],
)
def test_a_score_within_tolerance_of_the_reference_agrees(
    tf: Number, theano: Number, verdict: Verdict
) -> None:
    comparison = compared([score("tf", tf), score("theano", theano)])
    assert only(comparison).verdict is verdict
    assert comparison.differs is (verdict is DIFFER)
    assert exit_code(comparison) == (ExitCode.DIFFER if verdict is DIFFER else ExitCode.AGREE)


def test_nothing_but_nan_is_within_a_share_of_infinity() -> None:
    loose = Tolerance("*", rtol=1.0)
    assert only(compared([score("tf", "inf"), score("theano", 1.0)], loose)).verdict is DIFFER


def test_a_row_says_what_was_compared() -> None:
    row = only(compared([score("tf", 0.5), score("theano", 0.4)], Tolerance("*", atol=0.2)))
    assert (row.metric, row.reference_name, row.other_name) == ("evaluate.loss", "tf", "theano")
    assert row.absolute == pytest.approx(0.1)
    assert row.relative == pytest.approx(0.2)
    assert row.tolerance == Tolerance("*", atol=0.2)
    assert row.reference is not None
    assert row.reference.values == (0.5,)


def test_the_tolerance_is_relative_to_the_reference() -> None:
    rule = Tolerance("*", rtol=0.5)
    records = [score("tf", 1.0), score("theano", 2.0)]
    assert only(compared(records, rule, images=["tf", "theano"])).verdict is DIFFER
    assert only(compared(records, rule, images=["theano", "tf"])).verdict is AGREE


def test_times_are_reported_unless_a_rule_names_them() -> None:
    records = [
        record(Cell(image), call("fit", seconds=spent))
        for image, spent in (("tf", 1.0), ("theano", 9.0))
    ]
    assert only(compared(records)).verdict is REPORTED
    assert exit_code(compared(records)) == ExitCode.AGREE
    assert only(compared(records, Tolerance("fit.seconds", atol=1))).verdict is DIFFER


def test_a_metric_on_one_side_only_is_missing() -> None:
    comparison = compared([record(Cell("tf"), call()), score("theano", 0.5)])
    row = only(comparison)
    assert (row.verdict, row.reference, row.absolute) == (MISSING, None, None)
    assert exit_code(comparison) == ExitCode.DIFFER


def test_three_images_are_each_compared_with_the_first() -> None:
    records = [score("tf", 0.5), score("theano", 0.5), score("jax", 0.6)]
    rows = compared(records, images=["tf", "theano", "jax"]).rows
    assert [(row.reference_name, row.other_name, row.verdict) for row in rows] == [
        ("tf", "theano", AGREE),
        ("tf", "jax", DIFFER),
    ]


def test_medians_over_the_seeds_both_have_are_compared() -> None:
    records = [score("tf", loss, seed) for seed, loss in enumerate([0.1, 0.2, 0.9, 77.0])]
    records += [score("theano", loss, seed) for seed, loss in enumerate([0.3, 0.2, 0.1])]
    row = only(compared(records))
    assert row.reference is not None
    assert row.other is not None
    assert row.reference.values == (0.1, 0.2, 0.9)
    assert (row.reference.median, row.reference.low, row.reference.high) == (0.2, 0.1, 0.9)
    assert row.other.values == (0.3, 0.2, 0.1)
    assert (row.absolute, row.verdict) == (0.0, INCONCLUSIVE)


@pytest.mark.parametrize(
    ("shift", "noise", "verdict"),
    [(0.0, 1e-4, AGREE), (0.5, 1e-2, DIFFER), (0.4, 0.5, INCONCLUSIVE), (0.0, 0.5, AGREE)],
)
def test_several_seeds_are_judged_by_their_interval(
    shift: float, noise: float, verdict: Verdict
) -> None:
    draw = random.Random(1)
    records = [score("tf", 0.5 + draw.gauss(0, noise), seed) for seed in range(12)]
    records += [score("theano", 0.5 + shift + draw.gauss(0, noise), seed) for seed in range(12)]
    comparison = compared(records)
    row = only(comparison)
    assert row.verdict is verdict
    assert row.inference is not None
    assert (row.inference.seeds_needed is not None) == (verdict is INCONCLUSIVE)
    assert comparison.inconclusive == (verdict is INCONCLUSIVE)


def test_the_level_is_shared_out_over_all_that_is_judged() -> None:
    records = [
        score(image, 0.5 + seed * (1 + shift), seed)
        for shift, image in enumerate(("tf", "theano", "cntk"))
        for seed in range(3)
    ]
    rows = compared(records, images=("tf", "theano", "cntk")).rows
    assert [row.inference.comparisons for row in rows if row.inference is not None] == [2, 2]


def test_repeats_count_as_one_value_a_seed() -> None:
    def cell(image: str, seed: int, repeat: int) -> Record:
        return record(
            Cell(image, seed=seed, repeat=repeat),
            call(metrics={"loss": 0.5 + repeat + seed * (9 if image == "tf" else 7)}),
        )

    records = [cell(i, s, r) for i in ("tf", "theano") for s in range(4) for r in range(3)]
    row = only(compared(records))
    assert row.inference is not None
    assert row.inference.reference.n == 4


def test_seeds_are_matched_by_number_not_by_place() -> None:
    records = [score("tf", 0.1, 0), score("tf", 0.9, 7), score("theano", 0.9, 7)]
    row = only(compared(records))
    assert row.verdict is AGREE
    assert row.reference is not None
    assert row.reference.values == (0.9,)


def test_repeats_are_replicates_of_their_own() -> None:
    records = [
        record(Cell(image, seed=0, repeat=repeat), call(metrics={"loss": loss}))
        for image in ("tf", "theano")
        for repeat, loss in enumerate([0.1, 0.2, 0.3])
    ]
    row = only(compared(records))
    assert row.reference is not None
    assert row.reference.values == (0.1, 0.2, 0.3)


def test_without_a_shared_seed_nothing_is_judged() -> None:
    comparison = compared([score("tf", 0.1, 0), score("theano", 0.9, 1)])
    row = only(comparison)
    assert row.verdict is REPORTED
    assert row.reference is not None
    assert row.other is not None
    assert (row.reference.values, row.other.values) == ((0.1,), (0.9,))


@pytest.mark.parametrize("place", range(3))
def test_a_nan_among_the_seeds_is_not_hidden_by_the_median(place: int) -> None:
    records = [score("tf", 0.1, seed) for seed in range(3)]
    losses: list[Number] = [0.1, 0.1, 0.1]
    losses[place] = "nan"
    records += [score("theano", loss, seed) for seed, loss in enumerate(losses)]
    row = only(compared(records))
    assert row.other is not None
    assert math.isnan(row.other.median)
    assert row.verdict is INCONCLUSIVE, "one of three is too few to call it, and never agreement"


def test_settings_are_compared_one_by_one() -> None:
    records = [score("tf", 0.5), score("theano", 0.5)]
    records += [
        score(image, loss, floatx=Floatx.FLOAT64) for image, loss in (("tf", 0.9), ("theano", 0.5))
    ]
    rows = compared(records).rows
    assert [(row.group, row.verdict) for row in rows] == [("default", AGREE), ("float64", DIFFER)]


def test_the_settings_of_one_image_are_compared_with_the_first() -> None:
    records = [score("tf", 0.5), score("tf", 0.9, floatx=Floatx.FLOAT64)]
    row = only(compared(records, images=["tf"]))
    assert (row.group, row.reference_name, row.other_name) == ("tf", "default", "float64")
    assert row.verdict is DIFFER


def test_one_cell_is_its_values_alone() -> None:
    comparison = compared([score("tf", 0.5)], images=["tf"])
    row = only(comparison)
    assert (row.verdict, row.other, row.other_name) == (REPORTED, None, "")
    assert exit_code(comparison) == ExitCode.AGREE


def test_a_cell_that_failed_has_no_score_and_a_reason() -> None:
    broken = record(
        Cell("theano"),
        call(metrics={"loss": 0.9}),
        outcome=Outcome.SCRIPT_ERROR,
        reason="ValueError: no",
        log_tail=("last line",),
    )
    comparison = compared([score("tf", 0.5), broken])
    assert only(comparison).verdict is REPORTED
    (failure,) = comparison.failures
    assert (failure.cell, failure.outcome) == ("theano", Outcome.SCRIPT_ERROR)
    assert (failure.reason, failure.log_tail) == ("ValueError: no", ("last line",))
    assert exit_code(comparison) == ExitCode.CELL_FAILED


def test_one_failed_seed_leaves_the_others_compared() -> None:
    records = [score("tf", 0.1, 0), score("tf", 0.1, 1), score("theano", 0.9, 0)]
    records.append(record(Cell("theano", seed=1), outcome=Outcome.TIMEOUT))
    comparison = compared(records)
    assert only(comparison).verdict is DIFFER
    assert exit_code(comparison) == ExitCode.CELL_FAILED


def test_planned_cells_without_a_record_are_missing() -> None:
    comparison = compared([score("tf", 0.5)], planned=["tf", "theano"])
    assert comparison.missing == ("theano",)
    assert exit_code(comparison) == ExitCode.CELL_FAILED


def test_a_run_without_a_record_is_nothing() -> None:
    with pytest.raises(NothingSelectedError, match=r"mlp \(a-run\)"):
        compared([], planned=["tf"])


def test_notes_and_stand_ins_are_reported() -> None:
    records = [
        record(Cell("tf"), notes=("so it is.",), base=BaseKind.STANDIN),
        record(Cell("theano"), base=BaseKind.HUB),
    ]
    notes = compared(records).notes
    assert notes[0] == "tf: so it is."
    assert "base: standin for tf," in notes[1]
    assert compared([score("tf", 1.0), score("theano", 1.0)]).notes == ()


def test_a_note_of_several_cells_is_reported_once() -> None:
    records = [
        record(Cell("tf", seed=0), notes=("shared.", "its own.")),
        record(Cell("tf", seed=1), notes=("shared.",)),
        record(Cell("theano", seed=0), notes=("shared.",)),
    ]
    assert compared(records).notes == ("3 cells: shared.", "tf.seed0: its own.")


def raised(status: str, traceback: str) -> Record:
    error = Failure(kind="E", message="no", traceback=traceback, file="model.py", line=3)
    broken = record(Cell("tf"), outcome=Outcome.SCRIPT_ERROR, log_tail=("of the log",))
    observation = Observation(end=end(status=status, exit_code=1, error=error))
    return replace(broken, observation=observation)


def test_of_a_failure_the_scripts_own_traceback_is_shown() -> None:
    frames = "".join(f"line {number}\n" for number in range(30))
    (failure,) = compared([raised("error", f"{frames}\x1b[31mE: no\n")]).failures
    assert failure.log_tail == (*(f"line {number}" for number in range(11, 30)), "E: no")


@pytest.mark.parametrize("failed", [raised("error", ""), raised("exit", "SystemExit: 2\n")])
def test_the_log_is_shown_where_it_says_more(failed: Record) -> None:
    # What argparse prints before it exits, for one.
    (failure,) = compared([failed]).failures
    assert failure.log_tail == ("of the log",)


def test_learning_rates_are_reported_unless_a_rule_names_them() -> None:
    records = [
        record(Cell(image), call("fit", {"lr": rate}))
        for image, rate in (("tf", 0.1), ("theano", 0.2))
    ]
    assert only(compared(records)).verdict is REPORTED
    assert only(compared(records, Tolerance("fit.lr", atol=0.01))).verdict is DIFFER


def test_remarks_on_the_run_go_first() -> None:
    comparison = compare_images(
        [record(Cell("tf"), notes=("so it is.",))],
        images=["tf"],
        planned=["tf"],
        tolerances=Tolerances(),
        compare_arrays=no_arrays,
        title="mlp",
        notes=["It was shortened."],
    )
    assert comparison.notes == ("It was shortened.", "tf: so it is.")


# Arrays


def predicted(image: str, mean: float = 0.5, seed: int | None = None) -> Record:
    return record(Cell(image, seed=seed), call("predict", arrays=[array("predict.0", mean)]))


def test_arrays_are_judged_element_by_element_not_by_their_means() -> None:
    apart = ArrayDifference(absolute=0.9, relative=1.8, close=False)
    records = [predicted("tf"), predicted("theano")]
    row = only(compared(records, compare_arrays=lambda *given: apart))
    assert (row.absolute, row.relative, row.verdict) == (0.9, 1.8, DIFFER)
    assert row.elementwise
    near = ArrayDifference(absolute=0.1, relative=0.1, close=True)
    records = [predicted("tf", 0.1), predicted("theano", 0.9)]
    assert only(compared(records, compare_arrays=lambda *given: near)).verdict is AGREE


def test_the_worst_seed_counts() -> None:
    by_seed = {
        0: ArrayDifference(absolute=0.5, relative=0.1, close=False),
        1: ArrayDifference(absolute=0.1, relative=0.7, close=True),
    }

    def compare_arrays(one: Record, *others: object) -> ArrayDifference:
        assert one.cell.seed is not None
        return by_seed[one.cell.seed]

    records = [predicted(image, seed=seed) for image in ("tf", "theano") for seed in (0, 1)]
    row = only(compared(records, compare_arrays=compare_arrays))
    assert (row.absolute, row.relative, row.verdict) == (0.5, 0.7, DIFFER)


def test_arrays_that_were_not_kept_are_compared_by_their_means() -> None:
    row = only(compared([predicted("tf", 0.5), predicted("theano", 0.9)]))
    assert (row.verdict, row.elementwise) == (DIFFER, False)
    assert only(compared([predicted("tf", 0.5), predicted("theano", 0.5)])).verdict is AGREE


# Two runs


def two(
    before: Sequence[Record], after: Sequence[Record], planned: Sequence[str] = ()
) -> Comparison:
    return compare_runs(
        before,
        after,
        names=("old", "new"),
        planned=(
            planned or [one.cell.id for one in before],
            planned or [one.cell.id for one in after],
        ),
        tolerances=Tolerances(),
        compare_arrays=no_arrays,
    )


def test_two_runs_are_compared_image_by_image() -> None:
    rows = two(
        [score("tf", 0.5), score("theano", 0.5)], [score("tf", 0.5), score("theano", 0.9)]
    ).rows
    assert [(row.group, row.reference_name, row.other_name, row.verdict) for row in rows] == [
        ("tf", "old", "new", AGREE),
        ("theano", "old", "new", DIFFER),
    ]


def test_two_runs_are_compared_setting_by_setting() -> None:
    runs = [score("tf", 0.5), score("tf", 0.9, floatx=Floatx.FLOAT64)]
    rows = two(runs, runs).rows
    assert [(row.group, row.verdict) for row in rows] == [
        ("tf.default", AGREE),
        ("tf.float64", AGREE),
    ]


def test_a_failure_in_either_run_is_reported() -> None:
    failed = record(Cell("tf"), outcome=Outcome.CRASHED)
    for runs in (([failed], [score("tf", 0.5)]), ([score("tf", 0.5)], [failed])):
        assert exit_code(two(*runs)) == ExitCode.CELL_FAILED


@pytest.mark.parametrize(("before", "after"), [([], ["tf"]), (["tf"], [])])
def test_an_empty_run_is_named(before: list[str], after: list[str]) -> None:
    with pytest.raises(NothingSelectedError, match="new" if before else "old"):
        two([score(image, 0.5) for image in before], [score(image, 0.5) for image in after])


def test_the_same_call_in_another_order_is_the_same_metric() -> None:
    def calls(*names: str) -> list[Call]:
        return [call(name, {"loss": 0.5}) for name in names]

    comparison = compared(
        [
            record(Cell("tf"), *calls("fit", "evaluate")),
            record(Cell("theano"), *calls("evaluate", "fit")),
        ]
    )
    assert [row.verdict for row in comparison.rows] == [AGREE, AGREE]


# What is asked


def paired(image: str, loss: Number, seed: int, *, drawn: bool | None = False) -> Record:
    one = call("fit", {"loss": loss})
    one.drawn = drawn
    made = record(Cell(image, seed=seed), one)
    return replace(made, terms=Terms(Limits(), Caps(), Init.PAIRED))


def test_with_paired_weights_each_seed_is_judged_by_itself() -> None:
    records = [paired("tf", 0.5 + seed, seed) for seed in range(2)]
    records += [paired("theano", 0.5 + seed + 1e-7 * (seed + 1), seed) for seed in range(2)]
    row = only(compared(records))
    assert (row.verdict, row.inference) == (AGREE, None)
    assert row.asked == Asked(
        Question.COMPUTATION, "first weights are paired, and nothing else is drawn"
    )


def test_one_seed_beyond_is_a_difference_and_is_named() -> None:
    records = [paired("tf", 0.5 + seed, seed) for seed in range(9)]
    records += [paired("theano", 0.5 + seed + 0.1 * (seed == 7), seed) for seed in range(9)]
    row = only(compared(records))
    assert row.verdict is DIFFER
    assert row.seeds is not None
    assert [seed.seed for seed in row.seeds.beyond] == [7]
    assert (row.seeds.worst.reference, row.seeds.worst.other) == (7.5, 7.6)
    assert row.absolute == pytest.approx(0.1)


@pytest.mark.parametrize("drawn", [True, None])
def test_what_depends_on_masks_is_judged_over_seeds_the_rest_by_seed(drawn: bool | None) -> None:
    def cell(image: str, seed: int) -> Record:
        made = paired(image, 0.5 + seed * (1.5 if image == "tf" else 1.3), seed, drawn=drawn)
        first = call(metrics={"loss": 0.25 + seed})
        first.drawn = False
        made.observation.calls.append(first)
        return made

    rows = compared([cell(image, seed) for image in ("tf", "theano") for seed in range(3)]).rows
    questions = [row.asked.question for row in rows if row.asked is not None]
    assert questions == [Question.DISTRIBUTION, Question.COMPUTATION]
    # The level is for what is random only.
    assert [row.inference and row.inference.comparisons for row in rows] == [1, None]


def test_a_script_that_seeds_itself_is_judged_as_it_is() -> None:
    records = [score("tf", 0.5, seed) for seed in range(2)]
    row = only(compared([*records, *(score("theano", 0.6, seed) for seed in range(2))]))
    assert row.verdict is DIFFER
    assert row.asked is not None
    assert row.asked.why == "the script seeds itself, or draws nothing"


def test_the_question_can_be_chosen() -> None:
    records = [score("tf", 0.5 + seed, seed) for seed in range(3)]
    records += [score("theano", 0.6 + seed * 0.9, seed) for seed in range(3)]
    assert only(compared(records)).verdict is AGREE
    rule = Tolerance("*", atol=0.01, question=Question.COMPUTATION)
    assert only(compared(records, rule)).verdict is DIFFER


def test_repeats_of_a_seed_measure_the_noise_floor() -> None:
    def cell(image: str, repeat: int, loss: float) -> Record:
        made = paired(image, loss, 0)
        return replace(made, cell=Cell(image, seed=0, repeat=repeat))

    records = [cell("tf", 0, 0.50), cell("tf", 1, 0.51), cell("tf", 2, 0.49)]
    records += [cell("theano", repeat, 0.515) for repeat in range(3)]
    row = only(compared(records, Tolerance("*", atol=0.001)))
    assert row.seeds is not None
    assert row.seeds.floor == pytest.approx(0.02)
    assert row.verdict is AGREE
    assert row.seeds.worst.difference == pytest.approx(0.015)
    far = [cell("theano", repeat, 0.53) for repeat in range(3)]
    assert only(compared([*records[:3], *far], Tolerance("*", atol=0.001))).verdict is DIFFER


# What is certain


@pytest.mark.parametrize("seeds", [1, 2, 5])
@pytest.mark.parametrize(
    ("tf", "theano", "verdict"),
    [
        (0.5, "nan", DIFFER),
        ("nan", 0.5, DIFFER),
        ("inf", "-inf", DIFFER),
        ("nan", "inf", DIFFER),
        (0.5, "inf", DIFFER),
        ("nan", "nan", AGREE),
        ("inf", "inf", AGREE),
    ],
)
def test_what_is_not_finite_on_every_seed_of_one_side_is_certain(
    tf: Number, theano: Number, verdict: Verdict, seeds: int
) -> None:
    def value(loss: Number, seed: int) -> Number:
        return loss + seed if isinstance(loss, float) else loss

    records = [score("tf", value(tf, seed), seed) for seed in range(seeds)]
    records += [score("theano", value(theano, seed), seed) for seed in range(seeds)]
    row = only(compared(records))
    assert row.verdict is verdict
    assert row.certain


def test_the_certain_side_that_is_not_finite_is_named_first() -> None:
    records = [score("tf", 0.5 + seed, seed) for seed in range(2)]
    records += [score("theano", "nan", seed) for seed in range(2)]
    assert only(compared(records)).certain == (
        "NaN on every one of 2 seeds of theano, finite on every one of 2 seeds of tf"
    )


def test_arrays_of_another_shape_differ_whatever_their_means() -> None:
    def cell(image: str, seed: int) -> Record:
        made = array("predict.0", 0.5 + seed)
        made = msgspec.structs.replace(made, shape=[2, len(image)])
        return record(Cell(image, seed=seed), call("predict", arrays=[made]))

    row = only(compared([cell(image, seed) for image in ("tf", "theano") for seed in range(2)]))
    assert row.verdict is DIFFER
    assert row.certain == "the shapes differ: tf [2, 2], theano [2, 6]"


def test_with_own_weights_the_means_of_arrays_are_compared_not_their_elements() -> None:
    def refuse(*given: object) -> ArrayDifference:
        raise AssertionError("elements differ by nature")

    records = [predicted("tf", 0.5 + 0.1 * seed, seed) for seed in range(3)]
    records += [predicted("theano", 0.5 + 0.11 * seed, seed) for seed in range(3)]
    row = only(compared(records, compare_arrays=refuse))
    assert row.asked is not None
    assert row.asked.question is Question.DISTRIBUTION
    assert row.inference is not None


def test_a_script_that_fails_on_every_seed_of_one_image_is_a_difference() -> None:
    records = [score("tf", 0.5, seed) for seed in range(2)]
    records += [record(Cell("theano", seed=s), outcome=Outcome.SCRIPT_ERROR) for s in range(2)]
    comparison = compared(records)
    assert comparison.one_sided == (OneSided("theano", "tf", Outcome.SCRIPT_ERROR, 2),)
    assert exit_code(comparison) == ExitCode.CELL_FAILED
    assert compared([*records[:3], score("theano", 0.5, 1)]).one_sided == ()


# More seeds


the_same_each_time = settings(derandomize=True, deadline=None, max_examples=60, database=None)
losses = st.floats(0.01, 1000, allow_nan=False)
near = st.floats(-1, 1).map(lambda share: share * 1e-3)


@the_same_each_time
@given(st.lists(st.tuples(losses, near), min_size=1, max_size=6))
def test_seeds_that_agree_agree_however_many_they_are(seeds: list[tuple[float, float]]) -> None:
    for count in range(1, len(seeds) + 1):
        records = [score("tf", loss, seed) for seed, (loss, _) in enumerate(seeds[:count])]
        records += [
            score("theano", loss * (1 + off), seed)
            for seed, (loss, off) in enumerate(seeds[:count])
        ]
        assert only(compared(records)).verdict is AGREE


@the_same_each_time
@given(
    st.lists(st.tuples(losses, st.floats(-0.2, 0.2)), min_size=2, max_size=8),
    st.lists(st.tuples(losses, near), min_size=1, max_size=4),
    st.sampled_from([(), (Tolerance("*", atol=1.0),), (Tolerance("*", atol=99.0),)]),
)
def test_a_seed_that_agrees_never_takes_agreement_away(
    seeds: list[tuple[float, float]],
    more: list[tuple[float, float]],
    rules: tuple[Tolerance, ...],
) -> None:
    before = None
    pairs_of_values = [(loss, loss * (1 + off)) for loss, off in (*seeds, *more)]
    for count in range(len(seeds), len(pairs_of_values) + 1):
        values = list(enumerate(pairs_of_values[:count]))
        records = [score("tf", one, seed) for seed, (one, _) in values]
        records += [score("theano", other, seed) for seed, (_, other) in values]
        verdict = only(compared(records, *rules)).verdict
        assert not (before is AGREE and verdict is not AGREE)
        before = verdict


def test_arrays_of_the_same_mean_are_not_the_same_on_all_seeds() -> None:
    """As probabilities are, whose mean is one over their number whatever the seed."""

    def cell(image: str, seed: int) -> Record:
        made = msgspec.structs.replace(array("predict.0", 0.5), std=0.1 * seed + 0.01 * len(image))
        return record(Cell(image, seed=seed), call("predict", arrays=[made]))

    row = only(compared([cell(image, seed) for image in ("tf", "theano") for seed in range(3)]))
    assert row.asked is not None
    assert row.asked.why == "each backend draws its own first weights"
    assert row.verdict is AGREE
