"""Whole models are taken over, written and made smaller, without cells."""

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy
import pytest

from keras_matrix.trace.dump import Capture
from keras_matrix.trace.finding import Finding, FindingKind, Origin
from keras_matrix.trace.reduce.model import Candidate, Recorded
from keras_matrix.trace.reduce.steps import Shown, propose
from keras_matrix.trace.reduce.store import SMALLEST, ReductionFolder
from keras_matrix.trace.reduce.target import ReductionTarget, stable_part, stage_of, target_of
from keras_matrix.trace.reduce.whole import NotWritableError, take_over
from keras_matrix.trace.reduce.writing import TracedScript, write
from tests.unit.trace.builders import PHASES, SCRIPT, CaptureWriter, apart, finding, floats, node

X = floats(numpy.arange(12).reshape(4, 3))
ORIGIN = TracedScript("", SCRIPT)


def captured(
    folder: Path, nodes: list[dict[str, Any]], outputs: list[str], images: Sequence[str] = ()
) -> Capture:
    """Return a capture; the outputs of ``images`` have four dimensions."""
    writer = CaptureWriter(folder).model(nodes, outputs)
    for one in nodes:
        for phase in PHASES:
            shown = X.reshape(4, 1, 1, 3) if one["key"] in images else X
            writer.array("output", one["key"], phase, shown)
        for weight in one["weights"]:
            writer.array("weight", weight, "start", floats(numpy.ones((3, 3))))
    return writer.batch([X], [X] * len(outputs)).read()


def dense(key: str, *feeds: str, **changed: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"config": {"units": 3}, "weights": [f"{key}/kernel"], **changed}
    return node(key, "Dense", feeds, **fields)


@pytest.fixture
def chain(tmp_path: Path) -> Capture:
    nodes = [node("x", "InputLayer"), dense("a", "x"), dense("b", "a"), dense("c", "b")]
    return captured(tmp_path, nodes, ["c"])


def at(where: str, capture: Capture, **changed: Any) -> ReductionTarget:
    return target_of(finding(where=where, what="output", **changed), "theano", capture)


def steps_from(capture: Capture, target: ReductionTarget) -> dict[str, Candidate]:
    whole = take_over(capture, target, 1)
    steps: dict[str, Candidate] = {}
    for step in propose(Shown(whole, capture), target):
        steps.setdefault(step.words, step.result.candidate)
    return steps


def test_a_whole_model_is_written_with_its_names(chain: Capture) -> None:
    whole = take_over(chain, at("b", chain), 1)
    text = write(whole, ORIGIN, "title", "").text
    ast.parse(text)
    assert "a = Dense(units=3, name='a')(x_)" in text
    assert "c = Dense(units=3, name='c')(b)" in text
    assert "model.get_layer('b').set_weights([" in text
    assert "batch_size=4, epochs=1" in text


def test_what_is_after_and_before_the_place_is_cut_first(chain: Capture) -> None:
    steps = steps_from(chain, at("b", chain))
    first, *_ = steps
    assert first == "without c"
    assert [layer.name for layer in steps["without c"].model.layers] == ["a", "b"]
    before = steps["without a, output recorded"]
    assert [layer.name for layer in before.model.layers] == ["b", "c"]
    assert [tensor.key for tensor in before.model.inputs] == ["a_output"]
    assert "Input(shape=(3,), name='a_output')" in write(before, ORIGIN, "", "").text


def test_a_cut_output_gets_the_gradient_that_it_had(tmp_path: Path) -> None:
    nodes = [node("x", "InputLayer"), dense("a", "x"), dense("b", "a")]
    captured(tmp_path, nodes, ["b"])
    writer = CaptureWriter(tmp_path / "again").model(nodes, ["b"])
    for one in nodes:
        writer.array("output", one["key"], "training", X)
        for weight in one["weights"]:
            writer.array("weight", weight, "start", floats(numpy.ones((3, 3))))
    gradient = floats(numpy.full((4, 3), 0.5))
    writer.array("gradient.output", "a", "training", gradient)
    capture = writer.batch([X], [X]).read()
    steps = steps_from(capture, at("a", capture, kind=FindingKind.GRADIENT))
    target = steps["without b"].arrays["target a 0"].array
    assert numpy.allclose(2 * (X - target) / X.size, gradient)


def test_layers_of_the_same_shape_are_left_out(chain: Capture) -> None:
    steps = steps_from(chain, at("c", chain))
    bypassed = steps["without b"]
    assert [(call.key, call.feeds) for call in bypassed.model.calls] == [
        ("a", [("x", 0)]),
        ("c", [("a", 0)]),
    ]


def test_samples_and_units_become_fewer(chain: Capture) -> None:
    steps = steps_from(chain, at("c", chain))
    assert steps["with 1 sample"].samples == 1
    assert steps["without samples 0 to 1"].samples == 2
    smaller = steps["with 1 units in b"]
    assert smaller.model.cropped
    text = write(smaller, ORIGIN, "", "").text
    assert "set_weights(model.get_layer('b'), [" in text
    assert "def set_weights(layer, weights)" in text


def test_models_within_the_model_are_unfolded(tmp_path: Path) -> None:
    nodes = [
        node("x", "InputLayer"),
        node("seq/seq_input", "InputLayer", layer="seq_input"),
        dense("seq/d", "seq/seq_input", layer="d"),
        node("seq", "Sequential", ["x"], nested=True),
        dense("out", "seq"),
    ]
    capture = captured(tmp_path, nodes, ["out"])
    whole = take_over(capture, at("out", capture), 1)
    assert [(call.key, call.feeds) for call in whole.model.calls] == [
        ("seq_d", [("x", 0)]),
        ("out", [("seq_d", 0)]),
    ]
    assert at("seq/d", capture).layers == ["seq_d"]
    assert at("seq", capture).layers == ["seq_d"]


def test_a_layer_that_is_used_twice_is_one_layer(tmp_path: Path) -> None:
    nodes = [node("x", "InputLayer"), dense("a", "x"), dense("a#2", "a", weights=["a/kernel"])]
    capture = captured(tmp_path, nodes, ["a#2"])
    whole = take_over(capture, at("a#2", capture), 1)
    text = write(whole, ORIGIN, "", "").text
    assert [layer.name for layer in whole.model.layers] == ["a"]
    assert "a_layer = Dense(units=3, name='a')" in text
    assert "a_2 = a_layer(a)" in text


def test_code_between_layers_cannot_be_written(tmp_path: Path) -> None:
    nodes = [node("m.input", "tensor"), dense("a", "m.input")]
    capture = captured(tmp_path, nodes, ["a"])
    with pytest.raises(NotWritableError):
        take_over(capture, at("a", capture), 1)


def real(**changed: Any) -> Finding:
    fields: dict[str, Any] = {"where": "b", "what": "output", "layer": "Dense", **changed}
    return finding(**fields)


def test_the_same_finding(chain: Capture) -> None:
    shown = {"alone": apart(0.5), "limit": 0.1}
    target = target_of(real(**shown), "theano", chain)
    assert target.is_shown_by(real(**shown), ["a", "b"])
    assert target.is_shown_by(real(**shown, where="b#2"), ["b"])
    assert not target.is_shown_by(real(**shown, where="a"), ["a", "b"])
    assert not target.is_shown_by(real(**shown, kind=FindingKind.LOSS), ["b"])
    assert not target.is_shown_by(real(**shown, origin=Origin.AMPLIFIED), ["b"])
    assert not target.is_shown_by(real(**shown, message="ValueError: other"), ["b"])
    assert not target.is_shown_by(real(alone=apart(0.05), limit=0.01), ["b"])


@pytest.mark.parametrize(
    ("what", "stage"),
    [
        ("output, training phase only", "output"),
        ("gradient by its input", "gradient"),
        ("weight after step 2", "weight after step"),
        ("loss by epoch", "loss by epoch"),
        ("fails on theano only, while the model is built", "fails, while the model is built"),
        (
            "inferred output shape (?, 4) on tf, (?, 8) on theano; d then fails on theano only",
            "inferred output shape, then a failure",
        ),
    ],
)
def test_stages_without_names_and_numbers(what: str, stage: str) -> None:
    assert stage_of(what) == stage


def test_messages_without_sizes() -> None:
    first = stable_part("ValueError: shapes (8, 4) and (6,) not aligned at dense_1/kernel")
    assert first == stable_part("ValueError: shapes (1, 2) and (3,) not aligned at dense_7/kernel")


def test_large_arrays_of_two_steps_are_never_mixed(chain: Capture, tmp_path: Path) -> None:
    whole = take_over(chain, at("b", chain), 1)
    large = {n: Recorded(numpy.resize(one.array, (90, 3))) for n, one in whole.arrays.items()}
    folder = ReductionFolder(tmp_path / "reduction")
    folder.path.mkdir()
    folder.write_script(SMALLEST, Candidate(whole.model, large), ORIGIN, "title")
    (data,) = folder.path.glob(f"{SMALLEST}-*.npz")
    assert f"np.load('{data.name}')" in folder.script(SMALLEST).read_text()
    folder.write_script(SMALLEST, whole, ORIGIN, "title")
    assert list(folder.path.glob("*.npz")) == []


def test_weights_after_a_place_of_another_shape_are_not_set(chain: Capture) -> None:
    whole = take_over(chain, at("b", chain, kind=FindingKind.BUILD), 1)
    text = write(whole, ORIGIN, "", "").text
    assert "get_layer('a').set_weights" in text
    assert "get_layer('b').set_weights" in text
    assert "get_layer('c').set_weights" not in text


def test_targets_without_use_have_the_dimensions_of_the_output(tmp_path: Path) -> None:
    nodes = [node("x", "InputLayer"), dense("a", "x"), dense("b", "a"), dense("c", "b")]
    images = captured(tmp_path, nodes, ["c"], images=["b"])
    steps = steps_from(images, at("b", images, kind=FindingKind.BUILD))
    text = write(steps["without c"], ORIGIN, "", "").text
    assert "y = np.zeros((4, 1, 1, 1))\n" in text
