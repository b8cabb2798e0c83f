"""Known causes, by what a finding looks like."""

from pathlib import Path
from typing import Any

import pytest

from keras_matrix.trace.dump import Bundle
from keras_matrix.trace.explain.hints import RULES, About, about, hint
from keras_matrix.trace.finding import Kind
from tests.unit.trace.builders import SCRIPT, Writing, chain, finding, node

NOTHING = About()


def why(kind: Kind, layer: str = "", known: About = NOTHING, **changed: Any) -> str:
    found = hint(finding(kind, layer=layer, **changed), known)
    return "" if found is None else found.text


SAME = {"padding": "same"}
EVEN = {**SAME, "kernel_size": [2, 2]}


@pytest.mark.parametrize(
    ("kind", "layer", "config", "word"),
    [
        (Kind.START, "Conv2D", {}, "turn the kernel around"),
        (Kind.SHAPE, "MaxPooling1D", SAME, "windows begin elsewhere"),
        (Kind.FORWARD, "AveragePooling2D", SAME, "windows begin elsewhere"),
        (Kind.GRADIENT, "MaxPooling2D", SAME, "are the largest"),
        (Kind.GRADIENT, "GlobalMaxPooling1D", {}, "are the largest"),
        (Kind.FORWARD, "Conv2D", EVEN, "odd place at the end"),
        (Kind.FORWARD, "ConvLSTM2D", EVEN, "recurrent convolution"),
        (Kind.SHAPE, "SeparableConv2D", EVEN, "one place too many"),
        (Kind.BUILD, "Conv2DTranspose", EVEN, "even kernels"),
        (Kind.BUILD, "UpSampling2D", {"interpolation": "bilinear"}, "bilinear"),
        (Kind.BUILD, "Embedding", {}, "index out of range"),
        (Kind.FORWARD, "Dot", {"normalize": True}, "smallest norm"),
        (Kind.FORWARD, "BatchNormalization", {"epsilon": 1e-6}, "1.001e-5"),
        (Kind.UPDATE, "BatchNormalization", {}, "variance"),
        (Kind.GRADIENT, "Maximum", {}, "ties"),
        (Kind.GRADIENT, "Dense", {"activation": "relu"}, "exactly 0"),
        (Kind.GRADIENT, "ReLU", {}, "exactly 0"),
        (Kind.GRADIENT, "LSTM", {"recurrent_activation": "hard_sigmoid"}, "hard_sigmoid"),
    ],
)
def test_causes_by_layer_and_configuration(
    kind: Kind, layer: str, config: dict[str, Any], word: str
) -> None:
    assert word in why(kind, layer, config=config)


@pytest.mark.parametrize(
    ("kind", "layer", "config"),
    [
        (Kind.FORWARD, "Dense", {}),
        (Kind.FORWARD, "Conv2D", {"padding": "valid", "kernel_size": [2, 2]}),
        (Kind.FORWARD, "MaxPooling1D", {"padding": "valid"}),
        (Kind.FORWARD, "BatchNormalization", {"epsilon": 1e-3}),
        (Kind.FORWARD, "Dot", {"normalize": False}),
        (Kind.GRADIENT, "AveragePooling2D", {}),
        (Kind.GRADIENT, "Dense", {"activation": "tanh"}),
        (Kind.BUILD, "Conv2DTranspose", {**SAME, "kernel_size": [3, 3]}),
        (Kind.TRAINING, "Dense", {}),
    ],
)
def test_what_is_not_known_has_no_cause(kind: Kind, layer: str, config: dict[str, Any]) -> None:
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
    assert word in why(Kind.BUILD, layer, message=message, config=SAME)


def test_a_normalization_of_images_has_another_cause_than_one_of_rows() -> None:
    images = why(Kind.UPDATE, "BatchNormalization", input_shapes=[[None, 8, 8, 3]])
    rows = why(Kind.UPDATE, "BatchNormalization", input_shapes=[[None, 8]])
    assert "Bessel" in images
    assert "Bessel" not in rows


@pytest.mark.parametrize("kind", [Kind.LOSS, Kind.NAN, Kind.GRADIENT])
def test_a_crossentropy(kind: Kind) -> None:
    known = About(loss="binary_crossentropy")
    assert "clips" in why(kind, where="loss", known=known)
    assert why(kind, where="loss", known=About(loss="mse")) == ""


def test_a_layer_is_not_explained_by_the_loss() -> None:
    assert why(Kind.GRADIENT, "Dense", About(loss="binary_crossentropy")) == ""


def test_a_cosine_loss() -> None:
    assert "norm" in why(Kind.LOSS, where="loss", known=About(loss="cosine_proximity"))


@pytest.mark.parametrize("known", [About(optimizer="Adam"), About(optimizer="SGD", decays=True)])
def test_optimizers_that_count(known: About) -> None:
    assert "count" in why(Kind.UPDATE, "Dense", known)


def test_an_optimizer_that_does_not_count_has_no_cause() -> None:
    assert why(Kind.UPDATE, "Dense", About(optimizer="SGD")) == ""


@pytest.mark.parametrize(
    ("code", "word"), [("K.l2_normalize(x)", "norm"), ("K.one_hot(x, 3)", "row of zeros")]
)
def test_functions_of_the_backend_in_the_scripts_code(code: str, word: str) -> None:
    assert word in why(Kind.FORWARD, "Lambda", About(code=code))


def test_a_lambda_without_a_shape() -> None:
    found = why(Kind.SHAPE, "Lambda", what="an output of shape (?, 1) to Keras on tf")
    assert "output_shape" in found


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize(
    "config",
    [{}, {"padding": 5, "kernel_size": "x", "epsilon": "nan"}, {"activation": {"a": 1}}],
)
def test_no_configuration_is_too_strange(kind: Kind, config: dict[str, Any]) -> None:
    layers = ("BatchNormalization", "Conv2D", "Conv2DTranspose", "ConvLSTM2D", "Dot", "LSTM", "")
    for layer in layers:
        found = finding(kind, layer=layer, config=config)
        for rule in RULES:
            rule(found, NOTHING)


def test_a_normalization_may_have_an_epsilon_that_is_no_number() -> None:
    assert why(Kind.FORWARD, "BatchNormalization", config={"epsilon": "none"}) == ""
    assert why(Kind.FORWARD, "BatchNormalization", config={"epsilon": None}) == ""


# What is known of a finding


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


def seen(folder: Path, **model: Any) -> Bundle:
    lambda_at = {"file": SCRIPT, "line": 5, "name": "<lambda>"}
    class_at = {"file": SCRIPT, "line": 6, "name": "Unit"}
    nodes = chain(
        *("first", "own", "dense"),
        first={"kind": "Lambda", "source": lambda_at},
        own={"kind": "Unit", "source": class_at},
    )
    return Writing(folder).model(nodes, **model).read()


@pytest.mark.parametrize("where", ["first", "own"])
def test_the_code_of_a_layer_and_what_it_calls(tmp_path: Path, where: str) -> None:
    known = about(finding(where=where), seen(tmp_path), CODE)
    assert "l2_normalize" in known.code


def test_a_layer_of_kerass_has_no_code(tmp_path: Path) -> None:
    assert about(finding(where="dense"), seen(tmp_path), CODE).code == ""


def test_the_optimizer_and_its_decay(tmp_path: Path) -> None:
    optimizer = {"kind": "Adam", "own": True, "config": {"decay": 0.1}}
    known = about(finding(), seen(tmp_path, optimizer=optimizer), CODE)
    assert (known.optimizer, known.decays) == ("Adam", True)


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
    assert about(finding(), seen(tmp_path, loss=loss), CODE).loss == name


def test_without_a_model_nothing_is_known(tmp_path: Path) -> None:
    assert about(finding(), Bundle(tmp_path), CODE) == About()


def forged(name: str) -> list[dict[str, Any]]:
    return [node("dense", source={"file": SCRIPT, "line": 1, "name": name})]


@pytest.mark.parametrize("name", ["(", "", "a\0", "-" * 4000 + "1"])
def test_a_forged_source_is_no_crash(tmp_path: Path, name: str) -> None:
    bundle = Writing(tmp_path).model(forged(name)).read()
    assert about(finding(), bundle, CODE).code == ""


@pytest.mark.parametrize(
    ("kind", "layer"), [(Kind.START, "Conv2D"), (Kind.GRADIENT, "ReLU"), (Kind.BUILD, "Embedding")]
)
def test_a_cause_has_a_source(kind: Kind, layer: str) -> None:
    found = hint(finding(kind, layer=layer), NOTHING)
    assert found is not None
    assert ".py" in found.source
