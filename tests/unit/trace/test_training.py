"""Whether the results of a training differ by more than chaos."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from keras_matrix.plan.cells import Cell
from keras_matrix.records.observation import Epoch
from keras_matrix.records.record import Record
from keras_matrix.trace import training
from keras_matrix.trace.distance import FLOAT32_EPSILON
from keras_matrix.trace.dump import Capture
from keras_matrix.trace.finding import Finding, FindingKind, Origin
from keras_matrix.trace.measure import Measurements
from keras_matrix.trace.rounding import Allowance
from tests.unit.records.builders import call, record
from tests.unit.trace.builders import CaptureWriter, chain, floats

KEY = ("after", "a/kernel", "fit")
START = [1.0, -2.0]


def trained(folder: Path, *weights: float, name: str = "a/kernel") -> Capture:
    writer = CaptureWriter(folder).model(chain("a", a={"weights": ["a/kernel"]}))
    writer.array("after", name, "fit", floats(weights))
    return writer.read()


def fitted(losses: Sequence[Any], image: str = "tf", **more: Any) -> Record:
    """Return the record of a training with a loss for each epoch."""
    epochs = [
        Epoch(epoch=i, seconds=1.0, metrics={"loss": loss, **{k: v[i] for k, v in more.items()}})
        for i, loss in enumerate(losses)
    ]
    return record(Cell(image), call("fit", epochs=epochs))


def with_params(trained_record: Record, **params: int) -> Record:
    trained_record.observation.calls[0].params = params
    return trained_record


def judged(
    one: Sequence[Any],
    two: Sequence[Any],
    floors: Sequence[tuple[Sequence[Any], Sequence[Any]]] = (),
    allowance: Allowance | None = None,
    *,
    explained: bool = False,
) -> list[Finding]:
    """Judge two curves of the loss; ``floors`` are pairs with one from moved weights."""
    records = fitted(one), fitted(two, "theano")
    return curves(records, [(fitted(a), fitted(b)) for a, b in floors], allowance, explained)


def curves(
    records: tuple[Record, Record],
    nudged: Sequence[tuple[Record, Record]] = (),
    allowance: Allowance | None = None,
    explained: bool = False,
) -> list[Finding]:
    measured = training.measure_curves(records, nudged, allowance or Allowance(), FLOAT32_EPSILON)
    return list(training.judge_training(Capture(Path()), measured, lambda _: explained))


def after(
    tmp_path: Path,
    other: Sequence[float],
    nudged: Sequence[Sequence[float]] = (),
    allowance: Allowance | None = None,
    steps: float = 10,
) -> Measurements:
    """Measure weights after the training; ``nudged`` are those of trainings from moved weights."""
    reference = trained(tmp_path / "one", *START)
    pairs = [
        (reference, trained(tmp_path / f"nudged{index}", *weights))
        for index, weights in enumerate(nudged)
    ]
    two = trained(tmp_path / "two", *other)
    allowance = allowance or Allowance()
    return training.measure_trained_weights(
        reference, two, pairs, steps, allowance, FLOAT32_EPSILON
    )


# Weights


def test_weights_that_agree(tmp_path: Path) -> None:
    assert not after(tmp_path, START)[KEY].over_limit


def test_weights_that_are_apart_further_than_rounding(tmp_path: Path) -> None:
    assert after(tmp_path, [1.01, -2.0])[KEY].over_limit


def test_chaos_is_not_a_difference(tmp_path: Path) -> None:
    assert not after(tmp_path, [1.01, -2.0], nudged=[[1.002, -2.0]])[KEY].over_limit


def test_the_larger_floor_counts(tmp_path: Path) -> None:
    table = after(tmp_path, [1.01, -2.0], nudged=[START, [1.002, -2.0]])
    assert not table[KEY].over_limit
    assert table[KEY].limit == pytest.approx(0.02, rel=1e-3)


def test_more_than_the_noise_floor_is_a_difference(tmp_path: Path) -> None:
    assert after(tmp_path, [1.1, -2.0], nudged=[[1.002, -2.0]])[KEY].over_limit


def test_an_allowance_does_not_sink_the_floor(tmp_path: Path) -> None:
    assert not after(tmp_path, [1.01, -2.0], allowance=Allowance(atol=0.1))[KEY].over_limit
    table = after(tmp_path / "b", [1.01, -2.0], [[1.002, -2.0]], Allowance(atol=0.0))
    assert not table[KEY].over_limit


def test_more_steps_may_bring_weights_further_apart(tmp_path: Path) -> None:
    few, many = after(tmp_path / "few", START, steps=4), after(tmp_path / "many", START, steps=400)
    assert many[KEY].limit == pytest.approx(10 * few[KEY].limit)


def test_weights_of_nan_differ(tmp_path: Path) -> None:
    assert after(tmp_path, [math.nan, -2.0], nudged=[[2.0, -2.0]])[KEY].over_limit


def test_a_weight_that_only_one_image_kept_is_not_compared(tmp_path: Path) -> None:
    one = trained(tmp_path / "one", *START)
    two = trained(tmp_path / "two", *START, name="b/kernel")
    assert training.measure_trained_weights(one, two, [], 1, Allowance(), FLOAT32_EPSILON) == {}


def test_a_nudged_run_without_weights_has_no_noise_floor(tmp_path: Path) -> None:
    one, two = trained(tmp_path / "one", *START), trained(tmp_path / "two", 1.01, -2.0)
    nothing = CaptureWriter(tmp_path / "nothing").read()
    table = training.measure_trained_weights(
        *(one, two, [(one, nothing)], 1, Allowance(), FLOAT32_EPSILON)
    )
    assert table[KEY].over_limit


@pytest.mark.parametrize(("explained", "origin"), [(False, Origin.REAL), (True, Origin.INHERITED)])
def test_what_differs_after_training_is_inherited_if_something_before_reaches_it(
    tmp_path: Path, explained: bool, origin: Origin
) -> None:
    table = after(tmp_path, [1.5, -2.0])
    reference = trained(tmp_path / "again", *START)
    (difference,) = training.judge_training(reference, table, lambda key: explained and key == KEY)
    assert (difference.kind, difference.origin, difference.where, difference.layer) == (
        *(FindingKind.TRAINING, origin),
        *("a/kernel", "Dense"),
    )


# Losses


def test_curves_that_agree() -> None:
    assert judged([1.0, 0.5], [1.0, 0.5]) == []


def test_curves_that_part_beyond_rounding() -> None:
    (difference,) = judged([1.0, 0.5], [1.0, 0.7])
    assert (difference.kind, difference.origin, difference.where) == (
        FindingKind.TRAINING,
        Origin.REAL,
        "loss",
    )
    assert difference.chained is not None
    assert difference.chained.maximum == pytest.approx(0.2)


def test_curves_that_part_no_more_than_from_themselves() -> None:
    assert judged([1.0, 0.5], [1.0, 0.7], floors=[([1.0, 0.5], [1.0, 0.53])]) == []


def test_a_curve_that_turns_nan_on_one_image() -> None:
    (difference,) = judged([1.0, 0.5], [1.0, "nan"])
    assert difference.kind is FindingKind.NAN


def test_curves_that_turn_nan_on_both_agree() -> None:
    assert judged([1.0, "nan"], [1.0, "nan"]) == []


def test_a_training_that_turns_nan_by_a_nudge_is_chaos() -> None:
    assert judged([1.0, 0.5], [1.0, "nan"], floors=[([1.0, 0.5], [1.0, "inf"])]) == []


def test_an_earlier_end_is_a_difference_but_not_nan() -> None:
    (difference,) = judged([1.0, 0.5, 0.4], [1.0, 0.5])
    assert difference.kind is FindingKind.TRAINING


def test_a_relative_allowance_for_losses() -> None:
    assert judged([1.0, 0.5], [1.0, 0.7], allowance=Allowance(rtol=0.3)) == []


def test_losses_inherit_too() -> None:
    (result,) = judged([1.0], [2.0], explained=True)
    assert result.origin is Origin.INHERITED


def test_the_loss_on_held_out_data_is_judged_too() -> None:
    one, two = fitted([1.0], val_loss=[1.0]), fitted([1.0], val_loss=[2.0])
    assert [one.where for one in curves((one, two))] == ["val_loss"]


def test_a_loss_that_one_image_did_not_tell_is_not_compared() -> None:
    one, two = fitted([1.0], val_loss=[1.0]), fitted([1.0])
    assert curves((one, two)) == []


def test_a_script_that_trains_batch_by_batch_has_no_curves() -> None:
    trained_record = record(Cell("tf"), call("train_on_batch", {"loss": 1.0}))
    assert training.loss_curves(trained_record) == {}
    assert training.count_updates(trained_record) == training.STEPS_IF_UNREPORTED


@pytest.mark.parametrize(
    ("params", "steps"),
    [
        ({"samples": 100, "batch_size": 32}, 8),
        ({"steps": 5}, 10),
        ({}, 2),
        ({"samples": 0, "batch_size": 32}, 1),
    ],
)
def test_steps_are_counted(params: dict[str, int], steps: int) -> None:
    assert training.count_updates(with_params(fitted([1.0, 0.5]), **params)) == steps


def test_findings_of_a_training_are_kept_as_json() -> None:
    for difference in (*judged([1.0, 0.5], [1.0, "nan"]), *judged([1.0, 0.5], [1.0])):
        assert (
            msgspec.json.decode(msgspec.json.encode(difference), type=Finding).kind
            is difference.kind
        )
