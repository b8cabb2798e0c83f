import math
from typing import Any

from keras_matrix.compare.metrics import Site, all_measures, loops, measures
from keras_matrix.plan.cells import Cell
from keras_matrix.plan.tolerance import MetricKind
from keras_matrix.records.observation import Call, Epoch
from tests.unit.records.builders import array, call, record


def measured(*calls: Call) -> dict[str, tuple[MetricKind, float]]:
    return {
        found.metric: (found.kind, found.value) for found in measures(record(Cell("tf"), *calls))
    }


def epochs(*seconds: float) -> list[Epoch]:
    return [Epoch(epoch=n, seconds=spent, metrics={}) for n, spent in enumerate(seconds)]


def test_names_are_those_of_the_calls() -> None:
    found = measured(
        call("fit", {"loss": 0.5, "val_loss": 0.75}),
        call("fit#2", {"loss": 0.25}),
        call("evaluate", {"acc": 1.0}),
        call("predict", arrays=[array("predict.0", 0.125)]),
    )
    assert found == {
        "fit.loss": (MetricKind.SCORE, 0.5),
        "fit.val_loss": (MetricKind.SCORE, 0.75),
        "fit#2.loss": (MetricKind.SCORE, 0.25),
        "evaluate.acc": (MetricKind.SCORE, 1.0),
        "predict.0": (MetricKind.ARRAY, 0.125),
    }


def test_an_array_has_its_file() -> None:
    kept = array("predict.0", 0.5, file="arrays/predict.0.npz")
    (found,) = measures(record(Cell("tf"), call("predict", arrays=[kept])))
    assert found.file == "arrays/predict.0.npz"


def test_an_array_that_is_not_of_numbers_is_no_measure() -> None:
    assert measured(call("predict", arrays=[array("predict.0", None)])) == {}


def test_words_become_numbers() -> None:
    found = measured(call("fit", {"loss": "nan", "low": "-inf", "high": "inf"}))
    assert math.isnan(found["fit.loss"][1])
    assert found["fit.low"][1] == -math.inf
    assert found["fit.high"][1] == math.inf


def test_times_stand_apart() -> None:
    found = measured(
        call("fit", seconds=20.0, first_batch_seconds=4.0, epochs=epochs(9.0, 3.0, 2.0, 4.0))
    )
    assert found == {
        "fit.seconds": (MetricKind.TIME, 20.0),
        "fit.first_batch_seconds": (MetricKind.TIME, 4.0),
        "fit.first_epoch_seconds": (MetricKind.TIME, 9.0),
        "fit.steady_epoch_seconds": (MetricKind.TIME, 3.0),
    }


def test_one_epoch_has_no_steady_ones() -> None:
    assert set(measured(call("fit", seconds=1.0, epochs=epochs(1.0)))) == {
        "fit.seconds",
        "fit.first_epoch_seconds",
    }


def test_a_call_that_never_returned_has_no_score() -> None:
    assert measured(call("fit", {"loss": 0.5}, epochs=epochs(1.0), finished=False)) == {}


def loop(count: int, kind: str = "fit", site: str = "model.py:9", **more: Any) -> list[Call]:
    """Return calls from one line, with their numbers for losses."""
    return [
        call(f"{kind}#{number}", {"loss": float(number)}, site=site, **more)
        for number in range(1, count + 1)
    ]


def names(*calls: Call) -> list[str]:
    return [one.metric for one in measures(record(Cell("tf"), *calls))]


def test_of_many_calls_from_one_line_the_first_and_the_last_are_measured() -> None:
    calls = loop(11)
    assert names(*calls) == ["fit#1.loss", "fit#11.loss"]
    assert len(names(*loop(10))) == 10
    # A reported figure may be one in the middle.
    assert len(all_measures(record(Cell("tf"), *calls))) == 11
    assert loops(record(Cell("tf"), *calls)) == {Site("fit", "sequential_1", "model.py:9"): 11}
    assert loops(record(Cell("tf"), *loop(10))) == {}


def test_the_last_call_is_the_last_that_returned() -> None:
    calls = loop(12)
    calls[-1].finished = False
    assert names(*calls) == ["fit#1.loss", "fit#11.loss"]


def test_lines_models_and_kinds_are_distinguished() -> None:
    several = [
        *loop(6, site="model.py:1"),
        *loop(6, site="model.py:2"),
        *loop(6, model="other"),
        *loop(6, kind="evaluate"),
    ]
    assert len(names(*several)) == 24


def test_calls_from_nowhere_in_the_script_are_all_measured() -> None:
    assert len(names(*loop(20, site="?"))) == 20
