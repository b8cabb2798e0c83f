"""What has become worse, or better, since an earlier run."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from keras_matrix.compare import assess
from keras_matrix.compare.comparison import Verdict
from keras_matrix.history.from_disk import since
from keras_matrix.history.regression import RunChanges, Trend
from keras_matrix.plan.cells import Cell, Limits
from keras_matrix.plan.tolerance import Tolerance, Tolerances
from keras_matrix.records.bounded import Number
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Outcome, Record
from keras_matrix.records.recorded import read
from tests.unit.history.builders import Losses, change, losses, made
from tests.unit.records.builders import array, call, record

WORSE, BETTER = Trend.REGRESSED, Trend.IMPROVED


def judged(
    folder: Path,
    before: Sequence[Record],
    after: Sequence[Record],
    rules: Sequence[Tolerance] = (),
) -> RunChanges:
    then = made(folder / "then", before, on=1)
    now = made(folder / "now", after, on=2)
    return changed_since(then, now, rules)


def changed_since(then: RunFolder, now: RunFolder, rules: Sequence[Tolerance] = ()) -> RunChanges:
    run = read(now)
    return since(
        read(then), run, assess.compare_run(run, Tolerances(tuple(rules))), Tolerances(tuple(rules))
    )


def changes(found: RunChanges) -> list[tuple[Trend, str]]:
    return [(change.trend, change.text) for change in found.changes]


def one(metric: str, value: Number, image: str = "tf") -> list[Record]:
    return [record(Cell(image, seed=0), call(metrics={metric: value}))]


def failed(cell: Cell, outcome: Outcome = Outcome.TIMEOUT) -> Record:
    return record(cell, outcome=outcome, reason="it took too long")


SAME: Losses = {"tf": [0.5], "theano": [0.5]}


def test_nothing_has_changed(tmp_path: Path) -> None:
    found = judged(tmp_path, losses(SAME), losses(SAME))
    assert found.changes == ()
    assert not found.regressed
    assert found.lines == ("nothing has regressed since then.",)


def test_a_metric_that_is_worse_is_a_regression_of_its_image(tmp_path: Path) -> None:
    found = judged(tmp_path, losses(SAME), losses({"tf": [0.5], "theano": [0.75]}))
    assert changes(found) == [
        (WORSE, "theano: evaluate.loss is 0.75, was 0.5"),
        (WORSE, "theano and tf agreed in evaluate.loss and now differ"),
    ]
    assert found.regressed
    assert found.lines[0] == "regressed since then: theano: evaluate.loss is 0.75, was 0.5."


def test_both_images_may_have_moved_and_still_agree(tmp_path: Path) -> None:
    found = judged(tmp_path, losses(SAME), losses({"tf": [0.75], "theano": [0.75]}))
    assert changes(found) == [
        (WORSE, "tf: evaluate.loss is 0.75, was 0.5"),
        (WORSE, "theano: evaluate.loss is 0.75, was 0.5"),
    ]


def test_within_tolerance_nothing_has_changed(tmp_path: Path) -> None:
    found = judged(tmp_path, losses(SAME), losses({"tf": [0.5005], "theano": [0.4995]}))
    assert found.changes == ()


@pytest.mark.parametrize(
    ("metric", "value", "trend"),
    [
        ("loss", 0.4, BETTER),
        ("loss", 0.6, WORSE),
        ("val_loss", 0.4, BETTER),
        ("dense_1_loss", 0.4, BETTER),
        ("mean_squared_error", 0.4, BETTER),
        ("mae_1", 0.4, BETTER),
        ("accuracy", 0.6, BETTER),
        ("accuracy", 0.4, WORSE),
        ("acc", 0.6, BETTER),
        ("val_categorical_accuracy_2", 0.6, BETTER),
        ("auc", 0.4, WORSE),
        # What is better is not known: other than it was is worse.
        ("cosine_proximity", 0.4, WORSE),
        ("cosine_proximity", 0.6, WORSE),
        ("glossy", 0.4, WORSE),
        ("inaccuracy", 0.6, WORSE),
        ("loss", "nan", WORSE),
        ("accuracy", "inf", BETTER),
    ],
)
def test_what_is_better_goes_by_the_name(
    metric: str, value: Number, trend: Trend, tmp_path: Path
) -> None:
    (found,) = judged(tmp_path, one(metric, 0.5), one(metric, value)).changes
    assert found.trend is trend
    assert f"tf: evaluate.{metric} is {value}, was 0.5" == found.text


def test_a_loss_that_was_not_finite_and_is(tmp_path: Path) -> None:
    (found,) = judged(tmp_path, one("loss", "nan"), one("loss", 0.5)).changes
    assert found.trend is BETTER


def test_an_improvement_is_reported_but_is_no_regression(tmp_path: Path) -> None:
    found = judged(tmp_path, losses({"tf": [0.5], "theano": [0.75]}), losses(SAME))
    assert changes(found) == [
        (BETTER, "theano: evaluate.loss is 0.5, was 0.75"),
        (BETTER, "theano and tf differed in evaluate.loss and now agree"),
    ]
    assert not found.regressed
    assert found.lines[0] == "nothing has regressed since then."
    assert found.lines[1].startswith("improved since then: theano: evaluate.loss")


def test_what_is_worse_is_reported_first(tmp_path: Path) -> None:
    found = judged(tmp_path, losses(SAME), losses({"tf": [0.25], "theano": [0.75]}))
    assert [line.split()[0] for line in found.lines] == ["regressed", "regressed", "improved"]


def test_a_metric_that_is_gone_and_one_that_is_new(tmp_path: Path) -> None:
    assert changes(judged(tmp_path, one("loss", 0.5), one("mse", 0.5))) == [
        (WORSE, "tf: evaluate.loss is no longer measured")
    ]


def test_a_time_is_worse_only_where_it_is_judged(tmp_path: Path) -> None:
    before = [record(Cell("tf"), call(metrics={"loss": 0.5}, seconds=1.0))]
    after = [record(Cell("tf"), call(metrics={"loss": 0.5}, seconds=9.0))]
    assert judged(tmp_path / "a", before, after).changes == ()
    rules = [Tolerance("evaluate.seconds", rtol=0.5)]
    assert changes(judged(tmp_path / "b", before, after, rules)) == [
        (WORSE, "tf: evaluate.seconds is 9, was 1")
    ]
    assert changes(judged(tmp_path / "c", after, before, rules)) == [
        (BETTER, "tf: evaluate.seconds is 1, was 9")
    ]


def test_a_predicted_array_has_no_better_side(tmp_path: Path) -> None:
    before = [record(Cell("tf"), call("predict", arrays=[array(mean=0.5)]))]
    after = [record(Cell("tf"), call("predict", arrays=[array(mean=0.25)]))]
    (found,) = judged(tmp_path, before, after).changes
    assert found.trend is WORSE
    assert "predict.0" in found.text


# Several seeds


def test_seeds_are_paired(tmp_path: Path) -> None:
    values = [0.5 + 0.01 * seed for seed in range(10)]
    worse = [value + 0.1 + 0.001 * (seed % 3) for seed, value in enumerate(values)]
    (found,) = judged(tmp_path, losses({"tf": values}), losses({"tf": worse})).changes
    assert found.trend is WORSE
    assert "tf: evaluate.loss is" in found.text


def test_too_few_seeds_to_tell_is_no_regression(tmp_path: Path) -> None:
    found = judged(tmp_path, losses({"tf": [0.1, 0.9]}), losses({"tf": [0.9, 0.2]}, first=9))
    assert found.changes == ()
    assert found.between.inconclusive


def test_the_same_script_and_seed_on_one_image_give_the_same_or_have_changed(
    tmp_path: Path,
) -> None:
    (found,) = judged(tmp_path, losses({"tf": [0.1, 0.9]}), losses({"tf": [0.1, 0.8]})).changes
    assert found.text == "tf: evaluate.loss is 0.45 [0.1..0.8], was 0.5 [0.1..0.9]"


def test_other_seeds_are_compared_as_independent_samples(tmp_path: Path) -> None:
    before = losses({"tf": [0.50, 0.51, 0.52, 0.49], "theano": [0.50, 0.51, 0.52, 0.49]})
    after = losses({"tf": [0.90, 0.91, 0.92, 0.89], "theano": [0.10, 0.11, 0.12, 0.09]}, first=9)
    found = judged(tmp_path, before, after)
    assert (WORSE, "tf: evaluate.loss is 0.905 [0.89..0.92], was 0.505 [0.49..0.52]") in changes(
        found
    )
    assert [trend for trend, text in changes(found) if text.startswith("theano:")] == [BETTER]
    assert "Welch" in str(found.between.rows[0].inference)
    assert found.judged
    assert any("share no seed" in note for note in found.notes)


def test_one_seed_a_side_that_is_not_shared_says_nothing(tmp_path: Path) -> None:
    found = judged(tmp_path, losses({"tf": [0.5]}), losses({"tf": [0.9]}, first=9))
    assert found.changes == ()
    assert not found.judged
    assert found.lines[0] == "nothing that could be judged has regressed since then."
    assert "they share no seed" in found.lines[1]


def test_repeats_of_other_seeds_are_no_independent_samples(tmp_path: Path) -> None:
    def repeated(seed: int, loss: float) -> list[Record]:
        return [
            record(Cell("tf", seed=seed, repeat=repeat), call(metrics={"loss": loss + repeat}))
            for repeat in range(3)
        ]

    found = judged(tmp_path, repeated(0, 0.1), repeated(1, 9.0))
    assert {row.verdict for row in found.between.rows} == {Verdict.REPORTED}
    assert not found.judged


def test_without_a_seed_chance_is_named(tmp_path: Path) -> None:
    before = [record(Cell("tf"), call(metrics={"loss": 0.5}))]
    after = [record(Cell("tf"), call(metrics={"loss": 0.9}))]
    found = judged(tmp_path, before, after)
    assert found.regressed
    assert any("differ by chance" in note and "--seeds" in note for note in found.notes)


# How cells ended


def test_a_cell_that_was_ok_and_fails(tmp_path: Path) -> None:
    after = [*losses({"tf": [0.5]}), failed(Cell("theano", seed=0))]
    assert changes(judged(tmp_path, losses(SAME), after)) == [
        (WORSE, "theano.seed0 failed (time-out), was ok")
    ]


def test_a_cell_that_failed_and_is_ok(tmp_path: Path) -> None:
    before = [*losses({"tf": [0.5]}), failed(Cell("theano", seed=0))]
    found = judged(tmp_path, before, losses(SAME))
    assert changes(found) == [(BETTER, "theano.seed0 is ok, failed then")]
    assert not found.regressed


def test_a_cell_that_still_fails_is_no_regression(tmp_path: Path) -> None:
    before = [*losses({"tf": [0.5]}), failed(Cell("theano", seed=0))]
    after = [*losses({"tf": [0.5]}), failed(Cell("theano", seed=0), Outcome.OUT_OF_MEMORY)]
    assert judged(tmp_path, before, after).changes == ()


def test_a_cell_of_another_seed_is_compared_with_all_of_its_image(tmp_path: Path) -> None:
    fails = [*losses({"tf": [0.5, 0.5]}, first=7), failed(Cell("theano", seed=7))]
    assert changes(judged(tmp_path / "a", losses(SAME), fails)) == [
        (WORSE, "theano.seed7 failed (time-out), was ok")
    ]
    before = [*losses(SAME), failed(Cell("theano", seed=1))]
    assert judged(tmp_path / "b", before, fails).changes == ()


def test_many_cells_that_fail_alike_are_one_line(tmp_path: Path) -> None:
    before = losses({"tf": [0.5] * 6})
    after = [failed(Cell("tf", seed=seed)) for seed in range(6)]
    assert changes(judged(tmp_path, before, after)) == [
        (WORSE, "tf.seed0, tf.seed1, tf.seed2 and 3 more failed (time-out), was ok")
    ]


def test_an_image_that_was_not_run_then_cannot_have_regressed(tmp_path: Path) -> None:
    after = [*losses({"tf": [0.5]}), failed(Cell("theano", seed=0))]
    assert judged(tmp_path, losses({"tf": [0.5]}), after).changes == ()


# Rules, and reasons


def test_both_runs_are_judged_by_the_rules_of_the_later_one(tmp_path: Path) -> None:
    then = made(tmp_path / "then", losses({"tf": [0.5], "theano": [0.6]}), on=1)
    now = made(tmp_path / "now", losses({"tf": [0.5], "theano": [0.6]}), on=2)
    change(then, tolerances=(Tolerance("*", atol=1.0),))
    found = changed_since(then, now)
    # By the earlier run's own rule they agreed; that the rule is gone is no regression.
    assert found.changes == ()


def test_what_may_be_why_is_reported(tmp_path: Path) -> None:
    then = made(tmp_path / "then", losses(SAME), on=1, commit="a" * 40)
    now = made(
        tmp_path / "now",
        losses(SAME),
        on=2,
        commit="b" * 40,
        script=b"import keras  # other\n",
        build="second build",
        tool="keras-matrix 1",
    )
    plan = replace(now.manifest().plan, arguments=("--fast",), limits=Limits(cpus=2.0))
    change(now, plan=plan)
    notes = changed_since(then, now).notes
    assert f"the script has changed since (commit {'a' * 12} then, {'b' * 12} now)." in notes
    (build,) = (note for note in notes if "image tf " in note)
    builds = [run.manifest().images["tf"].id[7:19] for run in (then, now)]
    assert build == (f"image tf is another build than then ({builds[0]} then, {builds[1]} now).")
    assert "the script had other arguments then." in notes
    assert "limits on memory, processors or time were others then." in notes
    assert "then it was made by keras-matrix 0." in notes


def test_a_hostile_metric_stays_on_its_line(tmp_path: Path) -> None:
    name = "loss\nregressed since never: \x1b[31m"
    for line in judged(tmp_path, one(name, 0.5), one(name, 0.9)).lines:
        assert "\n" not in line
        assert "\x1b" not in line
