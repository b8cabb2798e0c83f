"""What differences reach, and the order in which they are reported."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy
import pytest

from keras_matrix.trace import conclude
from keras_matrix.trace.consequences import Consequences
from keras_matrix.trace.dataflow import Dataflow
from keras_matrix.trace.finding import Finding, FindingKind, Origin
from keras_matrix.trace.reach import Consequence, Reach, Reached
from tests.unit.trace.builders import (
    Fields,
    TracedModel,
    after_training,
    chain,
    finding,
    floats,
    node,
)

ONE, OFF = floats([[1.0, -2.0]]), floats([[1.5, -2.0]])
LOSS, PREDICTIONS, METRICS = Consequence.LOSS, Consequence.PREDICTIONS, Consequence.METRICS
GRADIENTS, UPDATES, TRAINING = Consequence.GRADIENTS, Consequence.UPDATES, Consequence.TRAINING


class Model:
    """A model in which all agrees, but for what is named: ``output_b`` is the output of b.

    Of the names of what differs, the part before the first ``_`` is what it is.
    """

    def __init__(self, folder: Path, nodes: Sequence[Fields], **differs: Any) -> None:
        self.traced = TracedModel(folder, nodes)
        self._differs = {name.replace("__", "/"): value for name, value in differs.items()}
        both = self.traced.dump_both
        both("batch", "0", numpy.ones((4, 2), "f4"), when="first")
        for entry in nodes:
            key = entry["key"]
            self._dump("output", key)
            if entry["kind"] != "InputLayer":
                self._dump("gradient.output", key, when="training")
            for name in entry["weights"]:
                both("weight", name, numpy.eye(2, dtype="f4"), when="start")
                self._dump("gradient", name, when="training")
                self._dump("step", name, when="1")
        for name in ("loss", "accuracy"):
            self._dump("metric", name)

    def _dump(self, what: str, name: str, **when: str) -> None:
        other = self._differs.pop(f"{what}_{name}".replace("gradient.output", "arrives"), None)
        self.traced.dump_both(what, name, ONE, other, **when)

    def alone(self, what: str, name: str, other: Any = None, *, when: Any = "training") -> "Model":
        self.traced.dump_both(what, name, ONE, other, when=when)
        return self

    def findings(self, **evidence: Any) -> list[Finding]:
        assert not self._differs
        return [one for one in self.traced.concluded(**evidence) if one.origin is Origin.REAL]


def weighted(*keys: str, **more: str) -> list[Fields]:
    changed: dict[str, Fields] = {key: {"weights": [f"{key}/kernel"]} for key in keys}
    for key, kind in more.items():
        changed[key]["kind"] = kind
    return chain(*keys, **changed)


def reached(difference: Finding) -> dict[Consequence, int]:
    assert difference.reach is not None
    return {target.what: target.count for target in difference.reach.targets}


# Outputs


def test_a_layer_that_differs_reaches_all_that_is_computed_from_it(tmp_path: Path) -> None:
    model = Model(
        *(tmp_path, weighted("a", "b", "c")),
        **dict.fromkeys(("output_b", "output_c", "metric_loss", "gradient_a__kernel"), OFF),
        gradient_c__kernel=OFF,
        arrives_a=OFF,
        step_a__kernel=OFF,
        metric_accuracy=OFF,
    )
    for key, other in (("b", OFF), ("c", None)):
        model.alone("alone", key, other, when=("inference", "training"))
    (difference,) = model.findings(trained=after_training(a__kernel=0.5, loss=0.5))
    assert difference.where == "b"
    assert reached(difference) == {
        LOSS: 1,
        PREDICTIONS: 1,
        METRICS: 1,
        GRADIENTS: 2,
        UPDATES: 1,
        TRAINING: 2,
    }
    target = difference.reach.target(PREDICTIONS) if difference.reach is not None else None
    assert target is not None
    assert (target.worst, target.distance) == ("c", 0.5)
    assert target.excess is not None
    assert target.excess > 1000


def test_a_difference_that_a_later_layer_hides_reaches_nothing(tmp_path: Path) -> None:
    model = Model(tmp_path, weighted("a", "b", "c"), output_b=OFF)
    (difference,) = model.alone("alone", "b", OFF, when=("inference", "training")).findings()
    assert difference.reach == Reach()
    assert not difference.counts


def test_a_difference_of_another_branch_is_not_laid_to_a_layer(tmp_path: Path) -> None:
    nodes = [
        node("x", "InputLayer"),
        *(node("dead", feeds=["x"]), node("a", feeds=["x"], weights=["a/kernel"])),
    ]
    model = Model(tmp_path, nodes, output_dead=OFF, metric_accuracy=OFF)
    model.alone("alone", "dead", OFF, when=("inference", "training"))
    metric, dead = model.findings()
    assert (metric.where, reached(metric)) == ("accuracy", {METRICS: 1})
    assert (dead.where, dead.reach) == ("dead", Reach())


def test_what_the_training_phase_alone_computes_is_no_prediction(tmp_path: Path) -> None:
    model = TracedModel(tmp_path, weighted("a"))
    for phase, other in (("inference", None), ("training", OFF)):
        model.dump_both("output", "a", ONE, other, when=phase)
        model.dump_both("metric", "loss", ONE, other, when=phase)
        model.dump_both("alone", "a", ONE, other, when=phase)
    model.dump_both("gradient", "a/kernel", ONE, when="training")
    difference, inherited = model.concluded()
    assert (difference.where, reached(difference)) == ("a", {LOSS: 1})
    assert inherited.origin is Origin.INHERITED


def test_a_difference_inside_a_nested_model_reaches_what_comes_after_it(tmp_path: Path) -> None:
    nodes = [
        *(node("x", "InputLayer"), node("m/in", "InputLayer"), node("m/a", feeds=["m/in"])),
        *(node("m", "Model", ["x"], nested=True), node("b", feeds=["m"], weights=["b/kernel"])),
    ]
    model = Model(tmp_path, nodes, output_m__a=OFF, output_m=OFF, output_b=OFF, metric_loss=OFF)
    for key, other in (("m/a", OFF), ("m", OFF), ("b", None)):
        model.alone("alone", key, other, when=("inference", "training"))
    (difference,) = model.findings()
    assert (difference.where, reached(difference)) == ("m/a", {LOSS: 1, PREDICTIONS: 1})


# Gradients


def pooled(folder: Path, **differs: Any) -> Model:
    """A pooling whose gradient by its input differs, after a layer with a weight."""
    nodes = weighted("a", "pool", "b", pool="MaxPooling2D")
    nodes[2]["weights"] = []
    model = Model(folder, nodes, arrives_a=OFF, **differs)
    return model.alone("alone.gradient", "pool input:0", OFF)


def test_a_gradient_that_no_weight_gets_reaches_nothing(tmp_path: Path) -> None:
    (difference,) = pooled(tmp_path).findings()
    assert (difference.where, difference.what) == ("pool", "gradient by its input")
    assert difference.reach == Reach()


def test_a_gradient_reaches_the_weights_before_it_and_their_training(tmp_path: Path) -> None:
    model = pooled(tmp_path, gradient_a__kernel=OFF, step_a__kernel=OFF)
    model.alone("alone.gradient", "a a/kernel")
    (difference,) = model.findings(trained=after_training(b__kernel=0.5, loss=0.5))
    assert reached(difference) == {GRADIENTS: 1, UPDATES: 1, TRAINING: 2}


def test_a_gradient_that_the_layer_before_stops_does_not_reach_further(tmp_path: Path) -> None:
    nodes = weighted("z", "a", "pool", "b", pool="MaxPooling2D")
    model = Model(tmp_path, nodes, arrives_a=OFF, gradient_z__kernel=OFF)
    model.alone("alone.gradient", "pool input:0", OFF)
    model.alone("alone.gradient", "z z/kernel", OFF)
    by_place = {one.where: one.reach for one in model.findings()}
    assert by_place["pool"] == Reach()
    assert by_place["z"]


def tiny(value: float) -> Any:
    return floats([[value, 0.0]])


@pytest.mark.parametrize(
    ("optimizer", "size", "counts"),
    [
        ({"kind": "SGD", "own": True, "config": {"learning_rate": 0.01}}, 1e-10, True),
        ({"kind": "SGD", "own": True, "config": {"learning_rate": 0.01}}, 8.9e-20, False),
        ({"kind": "Adam", "own": True, "config": {"lr": 0.001, "epsilon": 1e-7}}, 8.9e-20, False),
        ({"kind": "Adam", "own": True, "config": {"lr": 0.001, "epsilon": 1e-7}}, 1e-15, True),
        ({"kind": "Mine", "own": False, "config": {}}, 1e-15, True),
        (None, 1e-25, False),
    ],
)
def test_a_gradient_too_small_to_change_a_weight_reaches_nothing(
    tmp_path: Path, optimizer: Any, size: float, counts: bool
) -> None:
    traced = TracedModel(tmp_path, weighted("a"), optimizer=optimizer)
    traced.dump_both("weight", "a/kernel", floats([[0.5, 0.1]]), when="start")
    traced.dump_both("output", "a", ONE)
    traced.dump_both("metric", "loss", ONE)
    traced.dump_both("gradient", "a/kernel", tiny(0.0), tiny(size), when="training")
    traced.dump_both("alone.gradient", "a a/kernel", tiny(0.0), tiny(size), when="training")
    (difference,) = traced.concluded()
    assert difference.counts is counts


def test_a_slot_that_only_underflows_on_one_image_reaches_nothing(tmp_path: Path) -> None:
    for size, counts in ((8e-39, False), (8e-30, True)):
        traced = TracedModel(tmp_path / str(counts), weighted("a"))
        traced.dump_both("output", "a", ONE)
        traced.dump_both("metric", "loss", ONE)
        traced.dump_both("gradient", "a/kernel", ONE, when="training")
        for what in ("step.slot", "alone.step.slot"):
            traced.dump_both(what, "a/kernel.slot2", tiny(size), tiny(0.0), when="1")
        (difference,) = traced.concluded()
        assert difference.counts is counts


@pytest.mark.parametrize(
    ("activation", "size", "counts"),
    [("sigmoid", 7.8e-20, False), ("sigmoid", 1e-5, True), ("linear", 7.8e-20, True)],
)
def test_a_probability_that_cannot_be_told_from_0_reaches_nothing(
    tmp_path: Path, activation: str, size: float, counts: bool
) -> None:
    nodes = chain("a", a={"weights": ["a/kernel"], "config": {"activation": activation}})
    traced = TracedModel(tmp_path, nodes)
    traced.dump_both("output", "a", tiny(0.0), tiny(size))
    traced.dump_both("alone", "a", tiny(0.0), tiny(size))
    traced.dump_both("metric", "loss", ONE)
    traced.dump_both("gradient", "a/kernel", ONE, when="training")
    (difference,) = traced.concluded()
    assert difference.counts is counts


def test_a_gradient_of_nan_is_never_too_small(tmp_path: Path) -> None:
    nan = floats([[numpy.nan, -2.0]])
    model = Model(tmp_path, weighted("a"), gradient_a__kernel=nan)
    (difference,) = model.alone("alone.gradient", "a a/kernel", nan).findings()
    assert difference.kind is FindingKind.NAN
    target = difference.reach.target(GRADIENTS) if difference.reach is not None else None
    assert target is not None
    assert target.distance is None


def test_what_could_not_be_measured_is_not_taken_for_nothing(tmp_path: Path) -> None:
    (difference,) = pooled(tmp_path).findings(complete=False)
    assert difference.reach is None
    assert difference.counts


# Losses, metrics, updates


def test_a_loss_reaches_gradients_only_if_its_own_differ(tmp_path: Path) -> None:
    for own, expected in ((ONE, {LOSS: 1}), (OFF, {LOSS: 1, GRADIENTS: 1})):
        folder = tmp_path / str(len(expected))
        model = Model(folder, weighted("a"), metric_loss=OFF, gradient_a__kernel=OFF)
        model.alone("alone.loss", "loss", OFF, when=("inference", "training"))
        model.alone("alone.loss.gradient", "a", own)
        model.alone("alone.gradient", "a a/kernel")
        assert reached(model.findings()[0]) == expected


def test_a_metric_reaches_itself(tmp_path: Path) -> None:
    (difference,) = Model(tmp_path, weighted("a"), metric_accuracy=OFF).findings()
    assert reached(difference) == {METRICS: 1}


def test_an_update_reaches_what_is_trained(tmp_path: Path) -> None:
    model = Model(tmp_path, weighted("a", "b"), step_b__kernel=OFF)
    model.alone("alone.step", "b/kernel", OFF, when="1")
    (difference,) = model.findings(trained=after_training(a__kernel=0.5))
    assert reached(difference) == {UPDATES: 1, TRAINING: 1}


def test_a_moving_average_does_not_train_the_other_weights(tmp_path: Path) -> None:
    nodes = weighted("a", "bn", bn="BatchNormalization")
    nodes[2]["weights"] = ["bn/moving_mean"]
    traced = TracedModel(tmp_path, nodes)
    for key in ("x", "a", "bn"):
        traced.dump_both("output", key, ONE)
    traced.dump_both("metric", "loss", ONE)
    traced.dump_both("gradient", "a/kernel", ONE, when="training")
    traced.dump_both("step", "bn/moving_mean", ONE, OFF, when="1")
    trained = after_training(bn__moving_mean=0.5, val_loss=0.5, a__kernel=0.5, loss=0.5)
    average, *after = [one for one in traced.concluded(trained=trained) if one.counts]
    assert (average.where, reached(average)) == ("bn/moving_mean", {UPDATES: 1, TRAINING: 2})
    assert {one.where for one in after} == {"a/kernel", "loss"}


# After training


def test_what_nothing_reaches_is_a_finding_of_its_own(tmp_path: Path) -> None:
    training, idle = pooled(tmp_path).findings(trained=after_training(loss=46.0))
    assert (training.kind, training.where) == (FindingKind.TRAINING, "loss")
    assert reached(training) == {TRAINING: 1}
    assert (idle.where, idle.reach) == ("pool", Reach())


# What several reach


def test_what_several_differences_reach_names_the_others(tmp_path: Path) -> None:
    model = pooled(tmp_path, gradient_a__kernel=OFF)
    model.alone("alone.gradient", "a a/kernel", floats([[1.25, -2.0]]))
    by_place = {one.where: one for one in model.findings()}
    pool, layer = (by_place[name].reach for name in ("pool", "a"))
    assert pool is not None
    assert layer is not None
    assert [target.also for target in pool.targets] == [["a"]]
    assert [target.also for target in layer.targets] == [["pool"]]
    # Alone it is 0.25 apart; what came with its input is the other half.
    assert [target.distance for target in layer.targets] == [0.25]
    assert [target.distance for target in pool.targets] == [0.25]


def test_what_a_place_differs_by_alone_is_not_laid_to_what_feeds_it(tmp_path: Path) -> None:
    model = pooled(tmp_path, gradient_a__kernel=OFF)
    model.alone("alone.gradient", "a a/kernel", OFF)
    by_place = {one.where: one for one in model.findings()}
    assert by_place["pool"].reach == Reach()
    assert reached(by_place["a"]) == {GRADIENTS: 1}


# Failures and other starts


def test_a_failure_reaches_the_script(tmp_path: Path) -> None:
    evidence = TracedModel(tmp_path, weighted("a")).evidence(fails=True)
    failure = finding(FindingKind.BUILD, message="ValueError: no")
    (difference,) = Consequences(evidence, [failure]).attach([failure])
    assert difference.reach == Reach(targets=[Reached(what=Consequence.SCRIPT)])


def test_what_fails_in_a_script_that_runs_counts_whatever_it_reaches(tmp_path: Path) -> None:
    failure = finding(FindingKind.BUILD, message="ValueError: no")
    evidence = TracedModel(tmp_path, weighted("a")).evidence()
    (difference,) = Consequences(evidence, [failure]).attach([failure])
    assert difference.reach is None
    assert difference.counts


def test_another_start_reaches_what_differs_from_it(tmp_path: Path) -> None:
    other = Model(tmp_path / "other", weighted("a"), output_a=OFF, metric_loss=OFF)
    evidence = TracedModel(tmp_path / "imposed", weighted("a")).evidence(
        start=other.traced.table(), trained=after_training(a__kernel=0.5)
    )
    start = finding(FindingKind.START, where="a/kernel")
    (difference,) = Consequences(evidence, [start]).attach([start])
    assert reached(difference) == {LOSS: 1, PREDICTIONS: 1, TRAINING: 1}


@pytest.mark.parametrize(
    ("stage", "name", "complete"),
    [
        ("forward", "a", False),
        ("loss", "", False),
        ("gradient", "a/kernel", False),
        ("gradient", "", False),
        ("gradient", "x", True),
        ("update", "", True),
    ],
)
def test_what_was_not_computed_could_be_reached(
    tmp_path: Path, stage: str, name: str, complete: bool
) -> None:
    traced = Model(tmp_path, weighted("a")).traced
    traced.sides[1].dump.entry("failed", stage=stage, name=name, error="E", message="no")
    captures = traced.reference, traced.sides[1].read()
    assert conclude.is_complete(*captures, traced.table()) is complete


# The order


def reaching(what: Consequence, distance: float | None = 1.0) -> Reach:
    return Reach(targets=[Reached(what=what, distance=distance, excess=distance)])


def order(*findings: Finding) -> list[str]:
    return [one.where for one in conclude.in_verdict_order(findings)]


def test_what_reaches_most_is_reported_first() -> None:
    assert order(
        finding(FindingKind.GRADIENT, where="nothing", reach=Reach()),
        finding(FindingKind.LOSS, where="metric", reach=reaching(METRICS)),
        finding(FindingKind.TRAINING, where="training", reach=reaching(TRAINING)),
        finding(FindingKind.GRADIENT, where="gradient", reach=reaching(GRADIENTS)),
        finding(FindingKind.FORWARD, where="predictions", reach=reaching(PREDICTIONS)),
        finding(FindingKind.LOSS, where="loss", reach=reaching(LOSS)),
        finding(FindingKind.FORWARD, where="layer", reach=reaching(LOSS)),
        finding(FindingKind.SHAPE, where="shape", reach=Reach()),
        finding(FindingKind.BUILD, where="build"),
    ) == [
        *("build", "shape", "layer", "loss", "predictions", "gradient", "training"),
        *("metric", "nothing"),
    ]


def test_what_brings_the_loss_furthest_apart_is_reported_first() -> None:
    assert order(
        finding(FindingKind.FORWARD, where="slight", reach=reaching(LOSS, 1e-6)),
        finding(FindingKind.LOSS, where="loss", reach=reaching(LOSS, 46.0)),
    ) == ["loss", "slight"]


def test_a_loss_of_nan_is_the_furthest_apart() -> None:
    assert order(
        finding(FindingKind.FORWARD, where="slight", reach=reaching(LOSS, 46.0)),
        finding(FindingKind.NAN, where="loss", reach=reaching(LOSS, None)),
    ) == ["loss", "slight"]


def test_weights_of_nan_come_before_a_layer_that_differs() -> None:
    assert order(
        finding(FindingKind.FORWARD, where="layer", reach=reaching(LOSS)),
        finding(FindingKind.NAN, where="gradient", reach=reaching(GRADIENTS, None)),
    ) == ["gradient", "layer"]


def test_what_is_not_real_is_last() -> None:
    inherited = finding(where="inherited", origin=Origin.INHERITED)
    idle = finding(where="idle", reach=Reach())
    assert order(inherited, idle) == ["idle", "inherited"]


# The graph


def test_a_difference_spreads_to_all_that_consume_it(tmp_path: Path) -> None:
    nodes = [
        node("x", "InputLayer"),
        *(node("a", feeds=["x"]), node("b", feeds=["x"]), node("sum", "Add", ["a", "b"])),
    ]
    flow = Dataflow(TracedModel(tmp_path, nodes).reference)
    assert flow.forwards(["a"], lambda _: True) == {"a", "sum"}
    assert flow.forwards(["x"], lambda key: key != "a") == {"x", "b", "sum"}
    assert flow.before(["a"]) == {"a", "x"}
    assert flow.backwards([("sum", 0)], lambda place: place != ("b", 0)) == {"sum", "a", "x"}
