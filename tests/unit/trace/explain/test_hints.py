"""Known causes, by what a finding looks like."""

from pathlib import Path
from typing import Any

import pytest

from keras_matrix.trace.dump import Capture
from keras_matrix.trace.explain.hints import RULES, FindingContext, find_hint, finding_context
from keras_matrix.trace.finding import INFERRED_SHAPE, FindingKind
from tests.unit.trace.builders import SCRIPT, CaptureWriter, chain, finding, node

NOTHING = FindingContext()


def why(
    kind: FindingKind, layer: str = "", context: FindingContext = NOTHING, **changed: Any
) -> str:
    hint = find_hint(finding(kind, layer=layer, **changed), context)
    return "" if hint is None else hint.text


SAME = {"padding": "same"}
EVEN = {**SAME, "kernel_size": [2, 2]}


@pytest.mark.parametrize(
    ("kind", "layer", "config", "word"),
    [
        (FindingKind.START, "Conv2D", {}, "turn the kernel around"),
        (FindingKind.SHAPE, "MaxPooling1D", SAME, "windows begin elsewhere"),
        (FindingKind.FORWARD, "AveragePooling2D", SAME, "windows begin elsewhere"),
        (FindingKind.GRADIENT, "MaxPooling2D", SAME, "are the largest"),
        (FindingKind.GRADIENT, "GlobalMaxPooling1D", {}, "are the largest"),
        (FindingKind.FORWARD, "Conv2D", EVEN, "odd place at the end"),
        (FindingKind.FORWARD, "ConvLSTM2D", EVEN, "recurrent convolution"),
        (FindingKind.SHAPE, "SeparableConv2D", EVEN, "one place too many"),
        (FindingKind.BUILD, "Conv2DTranspose", EVEN, "even kernels"),
        (FindingKind.BUILD, "UpSampling2D", {"interpolation": "bilinear"}, "bilinear"),
        (FindingKind.BUILD, "Embedding", {}, "index out of range"),
        (FindingKind.FORWARD, "Dot", {"normalize": True}, "smallest norm"),
        (FindingKind.FORWARD, "BatchNormalization", {"epsilon": 1e-6}, "1.001e-5"),
        (FindingKind.UPDATE, "BatchNormalization", {}, "variance"),
        (FindingKind.GRADIENT, "Maximum", {}, "ties"),
        (FindingKind.GRADIENT, "Dense", {"activation": "relu"}, "exactly 0"),
        (FindingKind.GRADIENT, "ReLU", {}, "exactly 0"),
        (FindingKind.GRADIENT, "LSTM", {"recurrent_activation": "hard_sigmoid"}, "hard_sigmoid"),
    ],
)
def test_causes_by_layer_and_configuration(
    kind: FindingKind, layer: str, config: dict[str, Any], word: str
) -> None:
    assert word in why(kind, layer, config=config)


@pytest.mark.parametrize(
    ("kind", "layer", "config"),
    [
        (FindingKind.FORWARD, "Dense", {}),
        (FindingKind.FORWARD, "Conv2D", {"padding": "valid", "kernel_size": [2, 2]}),
        (FindingKind.FORWARD, "MaxPooling1D", {"padding": "valid"}),
        (FindingKind.FORWARD, "BatchNormalization", {"epsilon": 1e-3}),
        (FindingKind.FORWARD, "Dot", {"normalize": False}),
        (FindingKind.GRADIENT, "AveragePooling2D", {}),
        (FindingKind.GRADIENT, "Dense", {"activation": "tanh"}),
        (FindingKind.BUILD, "Conv2DTranspose", {**SAME, "kernel_size": [3, 3]}),
        (FindingKind.TRAINING, "Dense", {}),
    ],
)
def test_an_unknown_difference_has_no_hint(
    kind: FindingKind, layer: str, config: dict[str, Any]
) -> None:
    assert why(kind, layer, config=config) == ""


@pytest.mark.parametrize(
    ("layer", "message", "word"),
    [
        ("AveragePooling2D", "padding must be zero", "no gradient for an average"),
        ("Conv2D", "strides > 1 not supported", "strides and dilates"),
        ("DepthwiseConv2D", "only supports equal length strides", "equal strides"),
        ("Lambda", "An operation has `None` for gradient.", "K.round"),
    ],
)
def test_causes_by_message(layer: str, message: str, word: str) -> None:
    assert word in why(FindingKind.BUILD, layer, message=message, config=SAME)


def test_a_normalization_of_images_has_another_cause_than_one_of_rows() -> None:
    images = why(FindingKind.UPDATE, "BatchNormalization", input_shapes=[[None, 8, 8, 3]])
    rows = why(FindingKind.UPDATE, "BatchNormalization", input_shapes=[[None, 8]])
    assert "Bessel" in images
    assert "Bessel" not in rows


@pytest.mark.parametrize("kind", [FindingKind.LOSS, FindingKind.NAN, FindingKind.GRADIENT])
def test_a_crossentropy(kind: FindingKind) -> None:
    context = FindingContext(loss="binary_crossentropy")
    assert "clips" in why(kind, where="loss", context=context)
    assert why(kind, where="loss", context=FindingContext(loss="mse")) == ""


def test_a_layer_is_not_explained_by_the_loss() -> None:
    assert why(FindingKind.GRADIENT, "Dense", FindingContext(loss="binary_crossentropy")) == ""


def test_a_cosine_loss() -> None:
    assert "norm" in why(
        FindingKind.LOSS, where="loss", context=FindingContext(loss="cosine_proximity")
    )


@pytest.mark.parametrize(
    "context", [FindingContext(optimizer="Adam"), FindingContext(optimizer="SGD", decays=True)]
)
def test_optimizers_with_a_step_count(context: FindingContext) -> None:
    assert "count" in why(FindingKind.UPDATE, "Dense", context)


def test_an_optimizer_that_does_not_count_has_no_cause() -> None:
    assert why(FindingKind.UPDATE, "Dense", FindingContext(optimizer="SGD")) == ""


@pytest.mark.parametrize(
    ("code", "word"), [("K.l2_normalize(x)", "norm"), ("K.one_hot(x, 3)", "row of zeros")]
)
def test_functions_of_the_backend_in_the_scripts_code(code: str, word: str) -> None:
    assert word in why(FindingKind.FORWARD, "Lambda", FindingContext(code=code))


def test_a_lambda_without_a_shape() -> None:
    text = why(FindingKind.SHAPE, "Lambda", what=f"{INFERRED_SHAPE} (?, 1) on tf, (?, 3) on theano")
    assert "output_shape" in text


@pytest.mark.parametrize("kind", list(FindingKind))
@pytest.mark.parametrize(
    "config",
    [{}, {"padding": 5, "kernel_size": "x", "epsilon": "nan"}, {"activation": {"a": 1}}],
)
def test_no_configuration_is_too_strange(kind: FindingKind, config: dict[str, Any]) -> None:
    layers = ("BatchNormalization", "Conv2D", "Conv2DTranspose", "ConvLSTM2D", "Dot", "LSTM", "")
    for layer in layers:
        difference = finding(kind, layer=layer, config=config)
        for rule in RULES:
            rule(difference, NOTHING)


def test_a_normalization_may_have_an_epsilon_that_is_not_a_number() -> None:
    assert why(FindingKind.FORWARD, "BatchNormalization", config={"epsilon": "none"}) == ""
    assert why(FindingKind.FORWARD, "BatchNormalization", config={"epsilon": None}) == ""


# The context of a finding


CODE = """\
from keras import backend as K
from keras.layers import Lambda, Layer
def unit(x):
    return K.l2_normalize(x)
first = Lambda(lambda x: unit(x))
class Unit(Layer):
    def call(self, x):
        return unit(x)
"""


def seen(folder: Path, **model: Any) -> Capture:
    lambda_at = {"file": SCRIPT, "line": 5, "name": "<lambda>"}
    class_at = {"file": SCRIPT, "line": 6, "name": "Unit"}
    nodes = chain(
        *("first", "own", "dense"),
        first={"kind": "Lambda", "source": lambda_at},
        own={"kind": "Unit", "source": class_at},
    )
    return CaptureWriter(folder).model(nodes, **model).read()


@pytest.mark.parametrize("where", ["first", "own"])
def test_the_code_of_a_layer_and_what_it_calls(tmp_path: Path, where: str) -> None:
    context = finding_context(finding(where=where), seen(tmp_path), CODE)
    assert "l2_normalize" in context.code


def test_a_layer_of_kerass_has_no_code(tmp_path: Path) -> None:
    assert finding_context(finding(where="dense"), seen(tmp_path), CODE).code == ""


def test_the_optimizer_and_its_decay(tmp_path: Path) -> None:
    optimizer = {"kind": "Adam", "own": True, "config": {"decay": 0.1}}
    context = finding_context(finding(), seen(tmp_path, optimizer=optimizer), CODE)
    assert (context.optimizer, context.decays) == ("Adam", True)


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        ("mse", "mse"),
        ({"function": "mse", "own": True, "source": None}, "mse"),
        ({"kind": "Huber", "own": True, "config": {}}, "Huber"),
        (["mse", "mae"], "mse mae"),
        ({"a": "mse", "b": "mae"}, "mse mae"),
    ],
)
def test_all_ways_to_give_a_loss(tmp_path: Path, loss: Any, name: str) -> None:
    assert finding_context(finding(), seen(tmp_path, loss=loss), CODE).loss == name


def test_without_a_model_the_context_is_empty(tmp_path: Path) -> None:
    assert finding_context(finding(), Capture(tmp_path), CODE) == FindingContext()


def forged(name: str) -> list[dict[str, Any]]:
    return [node("dense", source={"file": SCRIPT, "line": 1, "name": name})]


@pytest.mark.parametrize("name", ["(", "", "a\0", "-" * 4000 + "1"])
def test_a_forged_source_does_not_crash(tmp_path: Path, name: str) -> None:
    capture = CaptureWriter(tmp_path).model(forged(name)).read()
    assert finding_context(finding(), capture, CODE).code == ""


@pytest.mark.parametrize(
    ("kind", "layer"),
    [
        (FindingKind.START, "Conv2D"),
        (FindingKind.GRADIENT, "ReLU"),
        (FindingKind.BUILD, "Embedding"),
    ],
)
def test_a_cause_has_a_source(kind: FindingKind, layer: str) -> None:
    hint = find_hint(finding(kind, layer=layer), NOTHING)
    assert hint is not None
    assert ".py" in hint.source
