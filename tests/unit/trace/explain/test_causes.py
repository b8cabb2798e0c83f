"""Known causes: each under its condition, and none where the condition is not met."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest

from keras_matrix.trace.cause import CauseStatus
from keras_matrix.trace.dump import Capture
from keras_matrix.trace.explain import causes
from keras_matrix.trace.explain.situation import Stack
from keras_matrix.trace.finding import INFERRED_SHAPE, FindingKind
from tests.unit.trace.builders import finding, floats
from tests.unit.trace.explain.situations import (
    FAILS_ON_TF,
    FAILS_ON_THEANO,
    TF,
    THEANO,
    at_layer,
    at_loss,
    situation,
    told,
)

BUILD, FORWARD, SHAPE = FindingKind.BUILD, FindingKind.FORWARD, FindingKind.SHAPE
GRADIENT, UPDATE, LOSS = FindingKind.GRADIENT, FindingKind.UPDATE, FindingKind.LOSS
SAME = {"padding": "same", "strides": [2, 2]}
IMAGES = floats(numpy.arange(2 * 4 * 4).reshape(2, 4, 4, 1) * 0.37 % 1)


def only(texts: list[str]) -> str:
    (text,) = texts
    return text


# Where windows begin


@pytest.mark.parametrize("layer", ["MaxPooling2D", "AveragePooling2D"])
def test_a_pooling_whose_windows_begin_elsewhere(tmp_path: Path, layer: str) -> None:
    about = at_layer(
        *(tmp_path, FORWARD, layer),
        config={**SAME, "pool_size": [2, 2]},
        inputs=[IMAGES],
        what="output",
    )
    assert "windows begin elsewhere" in only(told(about))


@pytest.mark.parametrize(
    "config",
    [
        {"padding": "valid", "strides": [2, 2], "pool_size": [2, 2]},
        # Three wide and one apart: one place on both sides, on both backends.
        {"padding": "same", "strides": [1, 1], "pool_size": [3, 3]},
    ],
)
def test_a_pooling_whose_windows_begin_at_the_same_place(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    about = at_layer(tmp_path, FORWARD, "MaxPooling2D", config=config, inputs=[IMAGES])
    assert told(about) == []


@pytest.mark.parametrize(
    ("kernel", "stride", "size", "differ"),
    [(2, 1, 5, True), (3, 2, 4, True), (3, 2, 5, False), (3, 1, 4, False), (5, 1, 9, False)],
)
def test_a_convolution_by_kernel_stride_and_size(
    tmp_path: Path, kernel: int, stride: int, size: int, differ: bool
) -> None:
    config = {"padding": "same", "kernel_size": [kernel], "strides": [stride], "dilation_rate": [1]}
    given = floats(numpy.ones((2, size, 3)))
    about = at_layer(tmp_path, FORWARD, "Conv1D", config=config, inputs=[given], what="output")
    assert bool(told(about)) is differ


def test_a_dilated_kernel_is_wider(tmp_path: Path) -> None:
    config = {"padding": "same", "kernel_size": [2], "strides": [1], "dilation_rate": [2]}
    given = floats(numpy.ones((2, 8, 3)))
    about = at_layer(tmp_path, FORWARD, "Conv1D", config=config, inputs=[given], what="output")
    # It spans three places: one on both sides.
    assert told(about) == []


def test_a_separable_kernel_of_even_size(tmp_path: Path) -> None:
    config = {**SAME, "kernel_size": [2, 2]}
    about = at_layer(
        *(tmp_path, SHAPE, "SeparableConv2D"), config=config, inputs=[IMAGES], what="output"
    )
    assert "one place too many" in told(about)[0]


@pytest.mark.parametrize(("size", "fits"), [([2, 2], True), ([3, 3], False)])
def test_a_transposed_kernel_of_even_size(tmp_path: Path, size: list[int], fits: bool) -> None:
    message = "ValueError: even kernel sizes are not supported with Theano."
    about = at_layer(
        *(tmp_path, BUILD, "Conv2DTranspose"),
        config={**SAME, "kernel_size": size},
        inputs=[IMAGES],
        what=FAILS_ON_THEANO,
        message=message,
    )
    assert bool(told(about)) is fits


KERNEL = floats([[[1.0]], [[2.0]], [[3.0]]])


@pytest.mark.parametrize(("other", "fits"), [(KERNEL[::-1], True), (KERNEL + 1, False)])
def test_a_kernel_is_called_turned_only_if_it_is(tmp_path: Path, other: Any, fits: bool) -> None:
    about = at_layer(
        *(tmp_path, FindingKind.START, "Conv1D"),
        weights={"kernel": KERNEL},
        other_weights={"kernel": other},
        where="layer_1/kernel",
    )
    hints = [cause.hint(about) for cause in causes.fitting(about)]
    assert bool(hints) is fits
    for hint in hints:
        assert hint.status is CauseStatus.PROVEN
        assert hint.proof is not None
        assert (hint.proof.before.difference, hint.proof.after.difference) == (2.0, 0.0)


# Messages


@pytest.mark.parametrize(
    ("layer", "config", "what", "message", "word"),
    [
        (
            *("AveragePooling2D", {**SAME, "pool_size": [3, 3]}, FAILS_ON_THEANO),
            "ValueError: padding must be zero for average_exc_pad",
            "no gradient for an average",
        ),
        (
            *("Conv2D", {"dilation_rate": [2, 2]}, FAILS_ON_TF),
            "ValueError: strides > 1 not supported in conjunction with dilation_rate > 1",
            "strides and dilates",
        ),
        (
            *("DepthwiseConv2D", {"strides": [1, 2]}, FAILS_ON_TF),
            "InvalidArgumentError: Current implementation only supports equal length strides",
            "equal strides",
        ),
        (
            *("UpSampling2D", {"interpolation": "bilinear", "size": [3, 3]}, FAILS_ON_THEANO),
            "NotImplementedError: Bilinear upscaling with factors other than (2, 2)",
            "factor of 2",
        ),
        (
            *("Dense", {}, FAILS_ON_THEANO),
            "RecursionError: maximum recursion depth exceeded",
            "recursively",
        ),
    ],
)
def test_a_failure_by_its_message(
    tmp_path: Path, layer: str, config: dict[str, Any], what: str, message: str, word: str
) -> None:
    def texts(**changed: Any) -> list[str]:
        fields = {"what": what, "message": message, **changed}
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        return told(at_layer(folder, BUILD, layer, config=config, inputs=[IMAGES], **fields))

    assert word in only(texts())
    assert texts(message="OSError: No space left on device") == []
    other_image = FAILS_ON_TF if what == FAILS_ON_THEANO else FAILS_ON_THEANO
    assert texts(what=other_image) == []


# Normalization

TOO_SMALL = "ValueError: epsilon must be at least 1e-5, got 1e-06"
NO_VECTOR = "TypeError: Cannot convert Type TensorType(float32, (True, True, True, False))"
PLAIN = {"scale": True, "center": True, "epsilon": 1e-3, "axis": -1}


@pytest.mark.parametrize(
    ("config", "message", "word"),
    [
        ({**PLAIN, "epsilon": 1e-6}, TOO_SMALL, "no epsilon below"),
        ({**PLAIN, "epsilon": 1e-5}, TOO_SMALL, "no epsilon below"),
        ({**PLAIN, "epsilon": 1.001e-5}, TOO_SMALL, ""),
        ({**PLAIN, "scale": False, "center": False}, NO_VECTOR, "ones of the input's own shape"),
        (
            {**PLAIN, "scale": False, "center": False},
            "TypeError: ('An update must have the same type as the original shared variable",
            "ones of the input's own shape",
        ),
        (
            {**PLAIN, "scale": False, "center": False},
            "ValueError: Dimension 0 in Rebroadcast's input was supposed to be 1 (got 8 instead)",
            "ones of the input's own shape",
        ),
        ({**PLAIN, "scale": False, "center": False}, "TypeError: epsilon", ""),
        ({**PLAIN, "scale": False}, NO_VECTOR, ""),
        ({**PLAIN, "epsilon": 1e-3}, "ValueError: epsilon of another kind", ""),
    ],
)
def test_a_normalization_that_theano_cannot_build(
    tmp_path: Path, config: dict[str, Any], message: str, word: str
) -> None:
    about = at_layer(
        *(tmp_path, BUILD, "BatchNormalization"),
        config=config,
        inputs=[IMAGES],
        what=FAILS_ON_THEANO,
        message=message,
    )
    assert bool(told(about)) is bool(word)
    assert word in "".join(told(about))


@pytest.mark.parametrize(
    ("epsilon", "given", "fits"),
    [(1e-5, IMAGES, True), (1e-3, IMAGES, False), (1e-5, IMAGES[:, 0, :, 0], False)],
)
def test_an_epsilon_that_the_fused_normalization_raises(
    tmp_path: Path, epsilon: float, given: Any, fits: bool
) -> None:
    config = {**PLAIN, "epsilon": epsilon}
    about = at_layer(
        *(tmp_path, FORWARD, "BatchNormalization"),
        config=config,
        inputs=[given],
        what="output, training phase only",
    )
    assert bool(told(about)) is fits


@pytest.mark.parametrize(
    ("name", "given", "word"),
    [
        ("moving_variance", IMAGES, "Bessel"),
        ("moving_variance", IMAGES[:, 0, :, 0], "includes epsilon"),
        ("moving_mean", IMAGES, ""),
    ],
)
def test_a_moving_average(tmp_path: Path, name: str, given: Any, word: str) -> None:
    about = at_layer(
        *(tmp_path, UPDATE, "BatchNormalization"),
        config=PLAIN,
        inputs=[given],
        weights={name: floats([0.0])},
        where=f"layer_1/{name}",
        what="moving average after step 1",
    )
    assert bool(told(about)) is bool(word)
    assert word in "".join(told(about))


@pytest.mark.parametrize(("scale", "fits"), [(0.0, True), (1.0, False)])
def test_a_layer_that_is_applied_to_each_step_of_a_sequence(
    tmp_path: Path, scale: float, fits: bool
) -> None:
    config = {"pool_size": [2, 2], "strides": [2, 2], "padding": "valid"}
    sequences = floats(scale * numpy.arange(2 * 3 * 16)).reshape(2, 3, 4, 4, 1)
    about = at_layer(
        *(tmp_path, GRADIENT, "TimeDistributed"),
        config={"layer": {"class_name": "MaxPooling2D", "config": config}},
        inputs=[sequences],
        what="gradient by its input",
    )
    assert told(about) == []
    inner = about.of_inner_layer()
    assert bool(told(inner)) is fits
    assert inner.input_sizes == (4, 4, 1)
    assert inner.of_inner_layer() is inner


def test_a_layer_that_is_applied_several_times(tmp_path: Path) -> None:
    about = at_layer(
        *(tmp_path, UPDATE, "BatchNormalization"),
        config=PLAIN,
        inputs=[IMAGES],
        weights={"moving_mean": floats([0.0])},
        where="layer_1/moving_mean",
        what="moving average after step 1",
        applied=2,
    )
    assert "applied several times" in only(told(about))


@pytest.mark.parametrize(("scale", "fits"), [(1e-5, True), (1.0, False), (0.0, False)])
def test_short_vectors_in_a_normalized_product(tmp_path: Path, scale: float, fits: bool) -> None:
    inputs = [floats(numpy.full((2, 3), scale)), floats(numpy.ones((2, 3)))]
    config = {"normalize": True}
    about = at_layer(tmp_path, FORWARD, "Dot", config=config, inputs=inputs, what="output")
    assert bool(told(about)) is fits


# Losses

SIGMOID = {"config": {"activation": "sigmoid"}}
SOFTMAX = {"config": {"activation": "softmax"}}
LABELS = floats([[0.0], [1.0]])


@pytest.mark.parametrize(
    ("predictions", "last", "word"),
    [
        ([[1.0], [0.0]], SIGMOID, "2 of 2 are beyond"),
        ([[0.5], [1.0]], {"kind": "Activation", **SIGMOID}, "1 of 2 are beyond"),
        ([[0.5], [0.99999]], SIGMOID, "few digits"),
        ([[0.5], [0.4]], SIGMOID, ""),
        ([[1.0], [0.0]], {}, "not directly a sigmoid"),
        ([[1.0], [0.0]], {"kind": "TimeDistributed"}, "not directly a sigmoid"),
        ([[1.0], [0.0]], {"kind": "Dropout"}, "not directly a sigmoid"),
    ],
)
@pytest.mark.parametrize("loss", ["binary_crossentropy", {"kind": "BinaryCrossentropy"}])
def test_a_binary_crossentropy_says_what_happened(
    tmp_path: Path, loss: Any, predictions: Any, last: dict[str, Any], word: str
) -> None:
    about = at_loss(tmp_path, LOSS, loss, floats(predictions), LABELS, last=last)
    assert bool(told(about)) is bool(word)
    assert word in "".join(told(about))


@pytest.mark.parametrize(
    ("predictions", "last", "word"),
    [
        ([[1.0, 0.0]], SOFTMAX, "the logits"),
        ([[0.6, 0.4]], SOFTMAX, ""),
        ([[1.0, 0.0]], {}, ""),
    ],
)
def test_a_categorical_crossentropy_says_what_happened(
    tmp_path: Path, predictions: Any, last: dict[str, Any], word: str
) -> None:
    about = at_loss(
        *(tmp_path, GRADIENT, "categorical_crossentropy", floats(predictions)),
        floats([[0.0, 1.0]]),
        last=last,
        what="gradient by the outputs",
    )
    assert bool(told(about)) is bool(word)
    assert word in "".join(told(about))


@pytest.mark.parametrize(("row", "fits"), [([0.0, 0.0], True), ([0.0, 1.0], False)])
def test_a_row_of_zeros(tmp_path: Path, row: list[float], fits: bool) -> None:
    about = at_loss(
        *(tmp_path, FindingKind.NAN, "sparse_categorical_crossentropy"), floats([row]), floats([1])
    )
    assert bool(told(about)) is fits


@pytest.mark.parametrize(("label", "fits"), [(-1.0, True), (1.0, False), (5.0, False)])
def test_a_label_below_zero(tmp_path: Path, label: float, fits: bool) -> None:
    about = at_loss(
        *(tmp_path, BUILD, "sparse_categorical_crossentropy", floats([[0.5, 0.5]])),
        floats([label]),
        what=FAILS_ON_TF,
        message="InvalidArgumentError: Received a label value of -1 which is outside",
    )
    assert bool(told(about)) is fits


@pytest.mark.parametrize("loss", ["mse", "kullback_leibler_divergence", "my_binary_loss"])
def test_another_loss_has_no_cause(tmp_path: Path, loss: str) -> None:
    about = at_loss(tmp_path, LOSS, loss, floats([[1.0], [0.0]]), LABELS, last=SIGMOID)
    assert told(about) == []


@pytest.mark.parametrize(("size", "fits"), [(1e-5, True), (1.0, False)])
def test_a_cosine_of_short_vectors(tmp_path: Path, size: float, fits: bool) -> None:
    rows = floats([[size, size]])
    assert bool(told(at_loss(tmp_path, LOSS, "cosine_proximity", rows, rows))) is fits


@pytest.mark.parametrize(
    ("kind", "logit", "fits"),
    [
        ("BinaryCrossentropy", 20.0, True),
        ("BinaryCrossentropy", -20.0, True),
        ("BinaryCrossentropy", 3.0, False),
        ("CategoricalCrossentropy", 3.0, False),
    ],
)
def test_a_loss_from_logits(tmp_path: Path, kind: str, logit: float, fits: bool) -> None:
    loss = {"kind": kind, "own": True, "config": {"from_logits": True}}
    texts = told(at_loss(tmp_path, LOSS, loss, floats([[logit]]), floats([[1.0]])))
    assert bool(texts) is fits
    assert all("from_logits=True" in text for text in texts)


METRIC = "def hits(y, p):\n    return K.mean(K.cast(K.equal(y, p), 'int32'))\n"


@pytest.mark.parametrize(("where", "fits"), [("hits", True), ("misses", False)])
def test_a_metric_by_the_function_that_it_is_named_after(
    tmp_path: Path, where: str, fits: bool
) -> None:
    about = at_loss(tmp_path, LOSS, "mse", LABELS, LABELS, where=where, what="metric")
    texts = told(replace(about, script=METRIC + "\n\ndef misses(y, p):\n    return y\n"))
    assert bool(texts) is fits


def test_code_elsewhere_in_the_script_is_not_about_the_loss(tmp_path: Path) -> None:
    about = at_loss(tmp_path, LOSS, "mse", LABELS, LABELS)
    assert told(replace(about, script="unit = lambda t: K.l2_normalize(t)\n")) == []


# Ties and kinks


@pytest.mark.parametrize(
    ("given", "fits"), [(numpy.ones((1, 4, 4, 1)), True), (IMAGES + IMAGES**2, False)]
)
def test_a_pooling_with_ties(tmp_path: Path, given: Any, fits: bool) -> None:
    config = {"pool_size": [2, 2], "strides": [2, 2], "padding": "valid"}
    about = at_layer(
        *(tmp_path, GRADIENT, "MaxPooling2D"),
        config=config,
        inputs=[floats(given)],
        what="gradient by its input",
    )
    assert bool(told(about)) is fits


@pytest.mark.parametrize(("row", "fits"), [([1, 2, 2], True), ([1, 1, 2], False)])
def test_a_global_pooling_with_ties(tmp_path: Path, row: list[int], fits: bool) -> None:
    given = floats(row).reshape(1, 3, 1)
    about = at_layer(
        tmp_path, GRADIENT, "GlobalMaxPooling1D", inputs=[given], what="gradient by its input"
    )
    assert bool(told(about)) is fits


@pytest.mark.parametrize(("second", "fits"), [([1.0, 3.0], True), ([3.0, 4.0], False)])
def test_a_maximum_with_ties(tmp_path: Path, second: list[float], fits: bool) -> None:
    inputs = [floats([[1.0, 2.0]]), floats([second])]
    about = at_layer(tmp_path, GRADIENT, "Maximum", inputs=inputs, what="gradient by its input")
    assert bool(told(about)) is fits


@pytest.mark.parametrize(
    ("layer", "activation", "given", "fits"),
    [
        ("Dense", "relu", 0.0, True),
        ("Dense", "relu", 0.5, False),
        ("Activation", "relu", 0.0, True),
        ("Activation", "relu", 0.5, False),
        ("Activation", "tanh", 0.0, False),
        ("Activation", "hard_sigmoid", 2.5, True),
        ("Activation", "hard_sigmoid", 2.6, False),
        ("ReLU", None, 0.0, True),
        ("ReLU", None, -0.5, False),
        ("ThresholdedReLU", None, 0.0, False),
    ],
)
def test_an_activation_at_its_kink(
    tmp_path: Path, layer: str, activation: str | None, given: float, fits: bool
) -> None:
    weights = {"kernel": floats([[1.0]]), "bias": floats([0.0])} if layer == "Dense" else {}
    about = at_layer(
        *(tmp_path, GRADIENT, layer),
        config={"activation": activation} if activation else {},
        inputs=[floats([[given]])],
        weights=weights,
        what="gradient by its input",
    )
    assert bool(told(about)) is fits


def test_an_activation_that_was_not_captured_is_a_possible_kink(tmp_path: Path) -> None:
    about = at_layer(
        *(tmp_path, GRADIENT, "LSTM"),
        config={"activation": "tanh", "recurrent_activation": "hard_sigmoid"},
        inputs=[floats(numpy.ones((1, 2, 2)))],
        what="gradient by its input",
    )
    assert "hard_sigmoid" in only(told(about))


# Steps


@pytest.mark.parametrize(
    ("optimizer", "what", "fits"),
    [
        ({"kind": "Adam", "config": {}}, "weight after step 1", True),
        ({"kind": "SGD", "config": {"decay": 0.1}}, "slot of the optimizer after step 1", True),
        ({"kind": "SGD", "config": {"decay": 0.0}}, "weight after step 1", False),
        ({"kind": "Adam", "config": {}}, "moving average after step 1", False),
    ],
)
def test_an_optimizer_that_counts_its_steps(
    tmp_path: Path, optimizer: dict[str, Any], what: str, fits: bool
) -> None:
    about = at_layer(tmp_path, UPDATE, "Dense", model={"optimizer": optimizer}, what=what)
    assert bool(told(about)) is fits


TWICE = "def updates(p):\n    return [K.update_sub(p, 1), K.update_sub(p, 2)]\n"
ONCE = "def updates(p, q):\n    return [K.update_sub(p, 1), K.update_sub(q, 2)]\n"


@pytest.mark.parametrize(("script", "fits"), [(TWICE, True), (ONCE, False)])
def test_a_variable_with_two_updates(tmp_path: Path, script: str, fits: bool) -> None:
    config = {"kernel_constraint": "updates"}
    about = at_layer(
        *(tmp_path, UPDATE, "Dense"), config=config, script=script, what="weight after step 1"
    )
    assert bool(told(about)) is fits


def test_code_elsewhere_in_the_script_is_not_about_an_update(tmp_path: Path) -> None:
    about = at_layer(tmp_path, UPDATE, "Dense", script=TWICE, what="weight after step 1")
    assert told(about) == []


# What the script's own code calls


@pytest.mark.parametrize(
    ("kind", "code", "given", "word"),
    [
        (FORWARD, "K.l2_normalize(t)", 1e-5, "smallest norm"),
        (FORWARD, "K.l2_normalize(t)", 1.0, ""),
        (FORWARD, "K.reverse(t, -2)", 1.0, "negative axis"),
        (FORWARD, "K.reverse(t, axes=(1, -3))", 1.0, "negative axis"),
        (FORWARD, "K.reverse(t, -1)", 1.0, ""),
        (FORWARD, "K.one_hot(t, 3)", -1.0, "row of zeros"),
        (FORWARD, "K.one_hot(t, 3)", 1.0, ""),
        (SHAPE, "K.slice(t, [0, 1], [-1, 2])", 1.0, "last element"),
        (SHAPE, "K.slice(t, [0, 1], [2, 2])", 1.0, ""),
        (GRADIENT, "K.sqrt(t)", -1.0, "0 times infinity"),
        (GRADIENT, "K.sqrt(t)", 1.0, ""),
        (FORWARD, "K.sqrt(t)", -1.0, ""),
        (GRADIENT, "K.switch(t, t, t)", 0.0, "not taken"),
        (FindingKind.NAN, "K.log(1 + K.exp(t))", 100.0, "softplus"),
        (FORWARD, "K.mean(K.cast(t, 'int32'))", 1.0, "integer"),
        (FORWARD, "K.mean(t)", 1.0, ""),
        (FORWARD, "K.batch_dot(t, t, axes=-1)", 1.0, "no negative axes"),
        (GRADIENT, "K.max(t, axis=1)", 1.0, "ties"),
        (FORWARD, "K.max(t, axis=1)", 1.0, ""),
    ],
)
def test_a_function_of_the_backend(
    tmp_path: Path, kind: FindingKind, code: str, given: float, word: str
) -> None:
    about = at_layer(
        *(tmp_path, kind, "Lambda"),
        inputs=[floats([[given, given]])],
        script=f"layer = Lambda(lambda t: {code})\n",
        line=1,
        what="gradient by its input" if kind in (GRADIENT, FindingKind.NAN) else "output",
    )
    assert bool(told(about)) is bool(word)
    assert word in "".join(told(about))


def test_what_a_function_is_given_may_be_unknown(tmp_path: Path) -> None:
    about = at_layer(
        *(tmp_path, GRADIENT, "Lambda"),
        inputs=[floats([[1.0]])],
        script="layer = Lambda(lambda t: K.sqrt(t - 2))\n",
        line=1,
        what="gradient by its input",
    )
    assert "0 times infinity" in only(told(about))


# Shapes and indices


@pytest.mark.parametrize(("shape", "fits"), [(None, True), ([2], False)])
def test_a_lambda_without_a_shape(tmp_path: Path, shape: Any, fits: bool) -> None:
    about = at_layer(
        *(tmp_path, SHAPE, "Lambda"),
        config={"output_shape": shape},
        what=f"{INFERRED_SHAPE} (?, 1) on tf, (?, 3) on theano",
    )
    assert bool(told(about)) is fits


@pytest.mark.parametrize(("index", "fits"), [(-1.0, True), (1.0, False), (9.0, False)])
def test_an_index_below_zero(tmp_path: Path, index: float, fits: bool) -> None:
    about = at_layer(
        *(tmp_path, BUILD, "Embedding"),
        inputs=[floats([[index]])],
        what=FAILS_ON_TF,
        message="InvalidArgumentError: indices[0,0] = -1 is not in [0, 4)",
    )
    assert bool(told(about)) is fits


def test_a_dropout_that_theano_leaves_out(tmp_path: Path) -> None:
    what = "dropout is 0.5 on tf, 0.0 on theano"
    assert "no dropout" in only(told(at_layer(tmp_path / "a", FORWARD, "LSTM", what=what)))
    what = "dropout is 0.5 on tf, 0.2 on theano"
    assert told(at_layer(tmp_path / "b", FORWARD, "LSTM", what=what)) == []


# What all causes have in common


def test_a_class_that_the_script_names_like_one_of_kerass(tmp_path: Path) -> None:
    config = {**SAME, "pool_size": [2, 2]}
    about = at_layer(
        *(tmp_path, FORWARD, "MaxPooling2D"),
        config=config,
        inputs=[IMAGES],
        script="class MaxPooling2D(Layer):\n    pass\n",
        line=1,
        what="output",
    )
    assert told(about) == []


@pytest.mark.parametrize(
    "stacks",
    [
        (TF, Stack("tf2", "tensorflow", {"keras": "2.3.1", "tensorflow": "1.14.0"})),
        (TF, Stack("theano", "theano", {"keras": "2.2.4", "theano": "1.0.4"})),
        (Stack("tf", "tensorflow", {"keras": "2.3.1", "tensorflow": "2.2.0"}), THEANO),
        (TF, Stack("mine", "")),
    ],
)
def test_causes_are_for_the_versions_that_they_were_read_in(
    tmp_path: Path, stacks: tuple[Stack, Stack]
) -> None:
    config = {**SAME, "pool_size": [2, 2]}
    about = at_layer(
        *(tmp_path, FORWARD, "MaxPooling2D"),
        config=config,
        inputs=[IMAGES],
        stacks=stacks,
        what="output",
    )
    assert told(about) == []


@pytest.mark.parametrize("kind", list(FindingKind))
@pytest.mark.parametrize(
    "config",
    [
        {},
        {"padding": "same", "kernel_size": "x", "pool_size": {}, "epsilon": "nan"},
        {"padding": "same", "kernel_size": [2, 2], "strides": [0, 0], "epsilon": None},
        {"activation": {"a": 1}, "size": None, "output_shape": None},
    ],
)
def test_no_configuration_is_too_strange(
    tmp_path: Path, kind: FindingKind, config: dict[str, Any]
) -> None:
    layers = {layer for cause in causes.ALL for layer in cause.layers} | {"", "Dense"}
    for layer in sorted(layers):
        about = situation(
            finding(kind, layer=layer, config=config, input_shapes=[[]]), [Capture(tmp_path)] * 2
        )
        assert len(told(about)) < len(causes.ALL)


def test_each_cause_has_a_source_and_a_condition_beside_the_class() -> None:
    for cause in causes.ALL:
        assert ".py" in cause.source or ".cc" in cause.source
        assert cause.settings or cause.message or cause.code or cause.holds, cause.text
