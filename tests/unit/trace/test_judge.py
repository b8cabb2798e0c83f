"""From two images' captures to what differs, and where it starts."""

from pathlib import Path
from typing import Any

import numpy
import pytest

from keras_matrix.trace import conclude, judge
from keras_matrix.trace.finding import FindingKind, Origin, TraceStage
from keras_matrix.trace.judge import Replay
from keras_matrix.trace.result import ImageTrace, StageSummary
from keras_matrix.trace.rounding import Allowance
from tests.unit.trace.builders import TracedModel, chain, floats, node

ONE, OFF, SLIGHTLY = floats([[1.0, -2.0]]), floats([[1.5, -2.0]]), floats([[1.001, -2.0]])
NAN = floats([[numpy.nan, -2.0]])
REAL, AMPLIFIED, INHERITED = Origin.REAL, Origin.AMPLIFIED, Origin.INHERITED


def weighted(*keys: str) -> dict[str, Any]:
    return {key: {"weights": [f"{key}/kernel"]} for key in keys}


@pytest.fixture
def model(tmp_path: Path) -> TracedModel:
    """Three layers in a row, each with a weight, without outputs yet."""
    traced = TracedModel(tmp_path, chain("a", "b", "c", **weighted("a", "b", "c")))
    traced.dump_both("batch", "0", numpy.ones((4, 2), "f4"), when="first")
    for key in "abc":
        traced.dump_both("weight", f"{key}/kernel", numpy.eye(2, dtype="f4"), when="start")
    traced.dump_both("output", "x", ONE)
    return traced


def verdict(traced: TracedModel) -> FindingKind | None:
    findings = conclude.in_verdict_order(traced.findings())
    return ImageTrace(image="theano", findings=findings).kind


def outputs(traced: TracedModel, **others: Any) -> None:
    """Dump the layers' outputs; ``others`` are those that differ on the other image."""
    for key in "abc":
        traced.dump_both("output", key, ONE, others.get(key))


# Forward


def test_there_is_no_finding_where_all_agree(model: TracedModel) -> None:
    outputs(model)
    model.dump_both("metric", "loss", floats(0.5))
    assert model.findings() == []
    assert not model.replay()
    assert verdict(model) is None


def test_a_layer_that_differs_is_real_and_what_follows_inherits_it(model: TracedModel) -> None:
    outputs(model, b=OFF, c=OFF)
    model.dump_both("alone", "b", ONE, OFF)
    model.dump_both("alone", "c", ONE)
    assert model.origins() == {"b": REAL, "c": INHERITED}
    assert verdict(model) is FindingKind.FORWARD


def test_only_what_differs_is_replayed(model: TracedModel) -> None:
    outputs(model, b=OFF, c=OFF)
    assert model.replay() == Replay(forward=("b", "c"))


def test_amplified_rounding_is_not_a_difference(model: TracedModel) -> None:
    outputs(model, b=SLIGHTLY)
    model.dump_both("alone", "b", ONE)
    assert model.origins() == {"b": AMPLIFIED}
    assert verdict(model) is None


def test_two_layers_may_differ_by_themselves(model: TracedModel) -> None:
    outputs(model, a=OFF, b=OFF, c=OFF)
    for key, other in (("a", OFF), ("b", ONE), ("c", SLIGHTLY)):
        model.dump_both("alone", key, ONE, other)
    assert model.origins() == {"a": REAL, "b": INHERITED, "c": REAL}


def test_a_layer_that_cannot_be_replayed_is_to_blame_if_its_input_agrees(
    model: TracedModel,
) -> None:
    outputs(model, b=OFF, c=OFF)
    assert model.origins() == {"b": REAL, "c": INHERITED}


def test_both_branches_feed_what_joins_them(tmp_path: Path) -> None:
    nodes = [
        node("x", "InputLayer"),
        *(node("a", feeds=["x"]), node("b", feeds=["x"]), node("sum", "Add", ["a", "b"])),
    ]
    traced = TracedModel(tmp_path, nodes)
    traced.dump_both("output", "a", ONE)
    traced.dump_both("output", "b", ONE, OFF)
    traced.dump_both("output", "sum", ONE, OFF)
    for key, other in (("b", OFF), ("sum", ONE)):
        traced.dump_both("alone", key, ONE, other)
    assert traced.origins() == {"b": REAL, "sum": INHERITED}


def test_a_difference_inside_a_nested_model_is_reported_once(tmp_path: Path) -> None:
    nodes = [
        node("x", "InputLayer"),
        node("m/in", "InputLayer"),
        *(node("m/a", feeds=["m/in"]), node("m", "Model", ["x"], nested=True)),
    ]
    traced = TracedModel(tmp_path, nodes)
    for key in ("m/a", "m"):
        traced.dump_both("output", key, ONE, OFF)
        traced.dump_both("alone", key, ONE, OFF)
    assert traced.origins() == {"m/a": REAL}


def test_any_output_of_a_layer_counts(tmp_path: Path) -> None:
    traced = TracedModel(tmp_path, chain("lstm", lstm={"outputs": 2}))
    traced.dump_both("output", "lstm", ONE)
    traced.dump_both("output", "lstm:1", ONE, OFF)
    traced.dump_both("alone", "lstm", ONE)
    traced.dump_both("alone", "lstm:1", ONE, OFF)
    assert traced.origins() == {"lstm": REAL}


def test_a_difference_in_one_phase_only_says_so(model: TracedModel) -> None:
    model.dump_both("output", "a", ONE, when="inference")
    model.dump_both("output", "a", ONE, OFF, when="training")
    model.dump_both("alone", "a", ONE, when="inference")
    model.dump_both("alone", "a", ONE, OFF, when="training")
    (finding,) = model.findings()
    assert finding.what == "output, training phase only"


def test_a_difference_in_both_phases_is_not(model: TracedModel) -> None:
    outputs(model, a=OFF)
    model.dump_both("alone", "a", ONE, OFF)
    assert model.findings()[0].what == "output"


@pytest.mark.parametrize(
    ("other", "kind"),
    [
        (OFF, FindingKind.FORWARD),
        (NAN, FindingKind.NAN),
        (floats([[1.0], [-2.0]]), FindingKind.SHAPE),
    ],
)
def test_kinds_of_differing_outputs(model: TracedModel, other: Any, kind: FindingKind) -> None:
    outputs(model, a=other)
    model.dump_both("alone", "a", ONE, other)
    assert verdict(model) is kind


def test_nan_on_both_images_is_not_a_difference(tmp_path: Path) -> None:
    traced = TracedModel(tmp_path, chain("a"))
    traced.dump_both("output", "a", NAN, NAN)
    assert traced.findings() == []


def test_a_finding_has_the_layer_and_the_figures(model: TracedModel) -> None:
    outputs(model, b=OFF)
    model.dump_both("alone", "b", ONE, SLIGHTLY)
    (finding,) = model.findings()
    assert (finding.layer, finding.where, finding.input_shapes) == ("Dense", "b", [[None, 3]])
    assert finding.chained is not None
    assert finding.alone is not None
    assert finding.chained.maximum == 0.5
    assert finding.alone.maximum == pytest.approx(0.001, rel=1e-3)
    assert finding.limit is not None
    assert 0 < finding.limit < 0.001


def test_what_the_user_allows_is_not_a_difference(model: TracedModel) -> None:
    outputs(model, b=OFF)
    model.dump_both("alone", "b", ONE, OFF)
    assert model.findings(Allowance(atol=1.0)) == []


# The start


def test_different_first_weights_are_reported_with_their_layer(tmp_path: Path) -> None:
    traced = TracedModel(tmp_path, chain("a", **weighted("a")))
    traced.dump_both("weight", "a/kernel", ONE, OFF, when="start")
    (finding,) = judge.judge_start(traced.reference, traced.table())
    assert (finding.kind, finding.origin, finding.where, finding.layer) == (
        *(FindingKind.START, REAL),
        *("a/kernel", "Dense"),
    )
    assert not judge.same_start(traced.table())


def test_a_different_first_batch_is_reported(tmp_path: Path) -> None:
    traced = TracedModel(tmp_path, chain("a"))
    traced.dump_both("batch", "0", ONE, OFF, when="first")
    (finding,) = judge.judge_start(traced.reference, traced.table())
    assert finding.what == "the first batch differs"


def test_the_same_start_has_no_finding(model: TracedModel) -> None:
    outputs(model, a=OFF)
    assert judge.same_start(model.table())
    assert list(judge.judge_start(model.reference, model.table())) == []


# Loss and metrics


def losses(traced: TracedModel, other: float, alone: float | None = None) -> None:
    traced.dump_both("metric", "loss", floats(1.0), floats(other))
    if alone is not None:
        traced.dump_both("alone.loss", "loss", floats(1.0), floats(alone))


def test_a_loss_that_differs_from_identical_outputs_is_real(model: TracedModel) -> None:
    outputs(model)
    losses(model, 1.5, alone=1.5)
    assert model.origins() == {"loss": REAL}
    assert verdict(model) is FindingKind.LOSS


def test_a_loss_is_replayed(model: TracedModel) -> None:
    outputs(model)
    losses(model, 1.5)
    assert model.replay() == Replay(loss=True)


def test_a_loss_inherits_its_outputs_difference(model: TracedModel) -> None:
    outputs(model, c=OFF)
    model.dump_both("alone", "c", ONE, OFF)
    losses(model, 1.5, alone=1.0)
    assert model.origins() == {"c": REAL, "loss": INHERITED}


def test_a_loss_may_differ_beside_its_outputs(model: TracedModel) -> None:
    outputs(model, c=OFF)
    model.dump_both("alone", "c", ONE, OFF)
    losses(model, 1.5, alone=1.25)
    assert model.origins() == {"c": REAL, "loss": REAL}


def test_a_loss_that_agrees_from_identical_outputs_amplifies(model: TracedModel) -> None:
    outputs(model)
    losses(model, 1.001, alone=1.0)
    assert model.origins() == {"loss": AMPLIFIED}
    assert verdict(model) is None


def test_a_loss_that_cannot_be_replayed_is_real_where_outputs_agree(model: TracedModel) -> None:
    outputs(model)
    losses(model, 1.5)
    assert model.origins() == {"loss": REAL}


def test_a_loss_that_differs_only_alone_is_reported(model: TracedModel) -> None:
    outputs(model)
    losses(model, 1.0, alone=1.5)
    assert model.origins() == {"loss": REAL}


def test_a_loss_of_nan_is_one(model: TracedModel) -> None:
    outputs(model)
    losses(model, float("nan"), alone=float("nan"))
    assert verdict(model) is FindingKind.NAN


def test_a_metric_differs_by_itself_where_outputs_agree(model: TracedModel) -> None:
    outputs(model)
    model.dump_both("metric", "loss", floats(1.0))
    model.dump_both("metric", "accuracy", floats(0.5), floats(0.75))
    assert model.origins() == {"accuracy": REAL}
    assert model.findings()[0].what == "metric"


def test_a_metric_inherits_its_outputs_difference(model: TracedModel) -> None:
    outputs(model, c=OFF)
    model.dump_both("alone", "c", ONE, OFF)
    model.dump_both("metric", "accuracy", floats(0.5), floats(0.75))
    assert model.origins() == {"c": REAL, "accuracy": INHERITED}


def test_the_loss_of_one_output_is_a_loss(model: TracedModel) -> None:
    outputs(model)
    losses(model, 1.5, alone=1.5)
    model.dump_both("metric", "c_loss", floats(1.0), floats(1.5))
    assert {one.what for one in model.findings()} == {"loss"}


# Gradients


def gradients(traced: TracedModel, **others: Any) -> None:
    """Dump gradients by the layers' weights, all layers' outputs being the same."""
    outputs(traced)
    for key in "abc":
        traced.dump_both("gradient.output", key, ONE, when="training")
        traced.dump_both("gradient", f"{key}/kernel", ONE, others.get(key), when="training")


def alone_gradient(traced: TracedModel, name: str, one: Any, two: Any = None) -> None:
    traced.dump_both("alone.gradient", name, one, two, when="training")


def test_a_gradient_that_differs_alone_is_real(model: TracedModel) -> None:
    gradients(model, b=OFF)
    alone_gradient(model, "b b/kernel", ONE, OFF)
    assert model.origins() == {"b": REAL}
    assert verdict(model) is FindingKind.GRADIENT
    assert model.findings()[0].what == "gradient by b/kernel"


def test_a_gradient_by_an_input_differs_in_the_layer_that_takes_it(model: TracedModel) -> None:
    outputs(model)
    model.dump_both("gradient.output", "a", ONE, OFF, when="training")
    assert model.replay().gradient == ("b",)
    alone_gradient(model, "b input:0", ONE, OFF)
    (finding,) = model.findings()
    assert (finding.where, finding.what) == ("b", "gradient by its input")


def test_gradients_before_a_layer_that_differs_inherit_it(model: TracedModel) -> None:
    gradients(model, a=OFF)
    model.dump_both("gradient.output", "b", ONE, OFF, when="training")
    alone_gradient(model, "c input:0", ONE, OFF)
    alone_gradient(model, "a a/kernel", ONE)
    assert model.origins() == {"c": REAL, "a": INHERITED}


def test_gradients_inherit_from_outputs(model: TracedModel) -> None:
    gradients(model)
    model.dump_both("output", "c", ONE, OFF)
    model.dump_both("alone", "c", ONE, OFF)
    model.dump_both("gradient", "c/kernel", ONE, OFF, when="training")
    alone_gradient(model, "c c/kernel", ONE)
    assert [(one.kind, one.origin) for one in model.findings()] == [
        (FindingKind.FORWARD, REAL),
        (FindingKind.GRADIENT, INHERITED),
    ]


def test_gradients_that_agree_alone_amplify(model: TracedModel) -> None:
    gradients(model, b=SLIGHTLY)
    alone_gradient(model, "b b/kernel", ONE)
    assert model.origins() == {"b": AMPLIFIED}
    assert verdict(model) is None


def test_a_loss_whose_gradient_differs_is_to_blame(model: TracedModel) -> None:
    gradients(model, c=OFF)
    model.dump_both("alone.loss.gradient", "c", ONE, OFF, when="training")
    alone_gradient(model, "c c/kernel", ONE)
    assert model.origins() == {"loss": REAL, "c": INHERITED}
    assert model.findings()[0].what == "gradient by the outputs"


def test_a_regularizer_whose_gradient_differs_is_to_blame(model: TracedModel) -> None:
    gradients(model, b=OFF)
    model.dump_both("alone.penalty", "b/kernel", ONE, OFF, when="training")
    alone_gradient(model, "b b/kernel", ONE)
    assert model.origins() == {"b/kernel": REAL, "b": INHERITED}
    assert model.findings()[0].what == "gradient of a regularizer"


def test_differing_gradients_replay_the_loss(model: TracedModel) -> None:
    gradients(model, b=OFF)
    assert model.replay() == Replay(gradient=("b",), loss=True)


def test_a_gradient_of_nan_is_one(model: TracedModel) -> None:
    gradients(model, b=NAN)
    alone_gradient(model, "b b/kernel", ONE, NAN)
    assert verdict(model) is FindingKind.NAN


def test_a_gradient_that_cannot_be_replayed_is_real_where_nothing_explains_it(
    model: TracedModel,
) -> None:
    gradients(model, b=OFF)
    assert model.origins() == {"b": REAL}


def test_a_gradient_that_cannot_be_replayed_inherits_what_arrives_at_it(model: TracedModel) -> None:
    outputs(model)
    for key, arrives in (("a", OFF), ("b", None), ("c", None)):
        model.dump_both("gradient.output", key, ONE, arrives, when="training")
        other = None if key == "c" else OFF
        model.dump_both("gradient", f"{key}/kernel", ONE, other, when="training")
    assert model.origins() == {"b": REAL, "a": INHERITED}


def test_a_gradient_that_cannot_be_replayed_is_real_where_what_arrives_agrees(
    model: TracedModel,
) -> None:
    gradients(model, a=OFF, c=OFF)
    alone_gradient(model, "c c/kernel", ONE, OFF)
    assert model.origins() == {"c": REAL, "a": REAL}


def test_a_gradient_that_cannot_be_replayed_is_not_real_where_outputs_are_apart(
    model: TracedModel,
) -> None:
    gradients(model, b=OFF)
    model.dump_both("output", "b", ONE, SLIGHTLY, when="training")
    model.dump_both("alone", "b", ONE, when="training")
    assert [(one.kind, one.where, one.origin) for one in model.findings()] == [
        (FindingKind.FORWARD, "b", AMPLIFIED),
        (FindingKind.GRADIENT, "b", AMPLIFIED),
    ]


# Steps of the optimizer


def stepped(traced: TracedModel, one: Any, two: Any, when: str = "1") -> None:
    gradients(traced)
    traced.dump_both("step", "b/kernel", one, two, when=when)


def test_an_update_that_differs_from_the_same_gradients_is_real(model: TracedModel) -> None:
    stepped(model, ONE, OFF)
    model.dump_both("alone.step", "b/kernel", ONE, OFF, when="1")
    assert model.origins() == {"b/kernel": REAL}
    assert verdict(model) is FindingKind.UPDATE
    (finding,) = model.findings()
    assert (finding.layer, finding.what) == ("Dense", "weight after step 1")


def test_updates_are_replayed(model: TracedModel) -> None:
    stepped(model, ONE, OFF)
    assert model.replay() == Replay(update=True)


def test_an_update_that_agrees_alone_amplifies(model: TracedModel) -> None:
    stepped(model, ONE, SLIGHTLY)
    model.dump_both("alone.step", "b/kernel", ONE, when="1")
    assert model.origins() == {"b/kernel": AMPLIFIED}
    assert verdict(model) is None


def test_an_update_inherits_its_gradients_difference(model: TracedModel) -> None:
    gradients(model, b=OFF)
    alone_gradient(model, "b b/kernel", ONE, OFF)
    model.dump_both("step", "b/kernel", ONE, OFF, when="1")
    model.dump_both("alone.step", "b/kernel", ONE, when="1")
    assert model.origins() == {"b": REAL, "b/kernel": INHERITED}


def test_an_update_that_cannot_be_replayed_is_real_where_gradients_agree(
    model: TracedModel,
) -> None:
    stepped(model, ONE, OFF)
    assert model.origins() == {"b/kernel": REAL}


def test_a_slot_of_the_optimizer_is_named_as_such(model: TracedModel) -> None:
    gradients(model)
    model.dump_both("step.slot", "b/kernel.slot1", ONE, OFF, when="1")
    model.dump_both("alone.step.slot", "b/kernel.slot1", ONE, OFF, when="1")
    (finding,) = model.findings()
    assert (finding.origin, finding.layer) == (REAL, "Dense")
    assert finding.what == "slot of the optimizer after step 1"


def test_an_update_of_nan_is_one(model: TracedModel) -> None:
    stepped(model, ONE, NAN)
    model.dump_both("alone.step", "b/kernel", ONE, NAN, when="1")
    assert verdict(model) is FindingKind.NAN


def test_the_first_step_that_differs_is_reported(model: TracedModel) -> None:
    gradients(model)
    for step in range(1, 13):
        other = OFF if step >= 2 else ONE
        model.dump_both("step", "b/kernel", ONE, other, when=str(step))
    assert model.findings()[0].what == "weight after step 2"


def normalized(folder: Path, **outputs: Any) -> TracedModel:
    """A normalization whose moving mean differs after the first step."""
    nodes = chain("a", "bn", bn={"kind": "BatchNormalization", "weights": ["bn/moving_mean"]})
    traced = TracedModel(folder, nodes)
    for key in ("x", "a", "bn"):
        traced.dump_both("output", key, ONE, outputs.get(key))
        if key in outputs:
            traced.dump_both("alone", key, ONE, outputs[key])
    traced.dump_both("step", "bn/moving_mean", floats([1.0]), floats([1.5]), when="1")
    return traced


def test_a_moving_average_of_outputs_that_agree_is_real(tmp_path: Path) -> None:
    (finding,) = normalized(tmp_path).findings()
    assert (finding.kind, finding.origin, finding.layer) == (
        FindingKind.UPDATE,
        REAL,
        "BatchNormalization",
    )
    assert finding.what == "moving average after step 1"


def test_a_moving_average_of_outputs_that_differ_is_inherited(tmp_path: Path) -> None:
    assert normalized(tmp_path, a=OFF).origins() == {"a": REAL, "bn/moving_mean": INHERITED}


def test_a_layer_that_differs_has_moving_averages_that_do(tmp_path: Path) -> None:
    assert normalized(tmp_path, bn=OFF).origins() == {"bn": REAL, "bn/moving_mean": INHERITED}


def test_moving_averages_are_replayed_in_all_applications_of_their_layer(tmp_path: Path) -> None:
    assert normalized(tmp_path).replay() == Replay(moving=("bn",))


def averaged(traced: TracedModel, other: float) -> TracedModel:
    traced.dump_both("alone.moving", "bn/moving_mean", floats([1.0]), floats([other]), when="1")
    return traced


def test_a_moving_average_that_differs_from_the_same_inputs_is_real(tmp_path: Path) -> None:
    traced = averaged(normalized(tmp_path, a=OFF), 1.25)
    assert traced.origins() == {"a": REAL, "bn/moving_mean": REAL}
    average = traced.findings()[-1]
    assert average.alone is not None
    assert average.alone.maximum == 0.25


def test_a_moving_average_that_agrees_from_the_same_inputs_is_inherited(tmp_path: Path) -> None:
    traced = averaged(normalized(tmp_path, a=OFF), 1.0)
    assert traced.origins() == {"a": REAL, "bn/moving_mean": INHERITED}


def test_a_moving_average_that_agrees_alone_although_its_inputs_do_amplifies(
    tmp_path: Path,
) -> None:
    assert averaged(normalized(tmp_path), 1.0).origins() == {"bn/moving_mean": AMPLIFIED}


def test_a_moving_average_that_differs_only_alone_is_reported(tmp_path: Path) -> None:
    nodes = chain("bn", bn={"kind": "BatchNormalization", "weights": ["bn/moving_mean"]})
    traced = TracedModel(tmp_path, nodes)
    traced.dump_both("step", "bn/moving_mean", floats([1.0]), when="1")
    assert averaged(traced, 1.25).origins() == {"bn/moving_mean": REAL}


def test_a_loss_of_one_phase_only_says_so_if_both_were_computed(model: TracedModel) -> None:
    outputs(model)
    model.dump_both("metric", "loss", floats(1.0), floats(1.5), when="inference")
    assert model.findings()[0].what == "loss"
    model.dump_both("metric", "loss", floats(1.0), when="training")
    assert model.findings()[0].what == "loss, inference phase only"


# In all


def test_what_is_to_be_replayed_adds_up() -> None:
    both = Replay(forward=("a",)) | Replay(forward=("b", "a"), loss=True)
    assert both == Replay(forward=("a", "b"), loss=True)
    assert both
    assert not Replay()


def test_the_first_cause_in_a_training_step_is_the_verdict(model: TracedModel) -> None:
    gradients(model, b=OFF)
    alone_gradient(model, "b b/kernel", ONE, OFF)
    model.dump_both("output", "c", ONE, OFF)
    model.dump_both("alone", "c", ONE, OFF)
    losses(model, 1.5, alone=1.5)
    assert [one.kind for one in conclude.in_verdict_order(model.findings())] == [
        *(FindingKind.FORWARD, FindingKind.LOSS, FindingKind.GRADIENT),
    ]


def test_what_is_inherited_comes_after_what_is_real(model: TracedModel) -> None:
    outputs(model, b=OFF, c=OFF)
    losses(model, 1.5, alone=1.5)
    origins = [one.origin for one in conclude.in_verdict_order(model.findings())]
    assert origins == [REAL, REAL, INHERITED]


def test_stages_tell_how_much_agrees(model: TracedModel) -> None:
    outputs(model, c=OFF)
    losses(model, 1.0)
    summaries = {one.stage: one for one in conclude.summarize_stages(model.table())}
    assert list(summaries) == [TraceStage.WEIGHTS, TraceStage.OUTPUTS, TraceStage.LOSS]
    assert summaries[TraceStage.LOSS] == StageSummary(TraceStage.LOSS, 2, 0, "loss", 0.0)
    outputs_stage = summaries[TraceStage.OUTPUTS]
    assert (outputs_stage.compared, outputs_stage.over, outputs_stage.worst) == (8, 2, "c")
    assert outputs_stage.excess is not None
    assert outputs_stage.excess > 1


def test_settings_that_differ_between_images_are_reported(tmp_path: Path) -> None:
    one = TracedModel(tmp_path / "one", chain("bn", bn={"config": {"epsilon": 1e-7, "axis": -1}}))
    two = TracedModel(
        tmp_path / "two", chain("bn", bn={"config": {"epsilon": 1.001e-5, "axis": -1}})
    )
    (finding,) = conclude.find_configuration_differences(
        one.reference, two.reference, "tf", "theano"
    )
    assert (finding.kind, finding.origin, finding.where) == (FindingKind.FORWARD, REAL, "bn")
    assert finding.what == "epsilon is 1e-07 on tf, 1.001e-05 on theano"


def test_settings_of_any_size_are_reported(tmp_path: Path) -> None:
    one, two = (
        TracedModel(tmp_path / side, chain("a", a={"config": {"units": size}})).reference
        for side, size in (("one", 10**400), ("two", 1))
    )
    (finding,) = conclude.find_configuration_differences(one, two, "tf", "theano")
    assert finding.what.startswith("units is 1")
