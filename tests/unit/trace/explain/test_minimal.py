"""Minimal scripts run, on a Keras that only notes its calls."""

import ast
import io
import runpy
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy
import pytest

from keras_matrix.trace.dump import Capture, SourceLocation
from keras_matrix.trace.explain import slicing
from keras_matrix.trace.explain.expressions import (
    NoMinimalScriptError,
    ScriptParts,
    keyword_arguments,
    layer_expression,
    plain_value,
)
from keras_matrix.trace.explain.minimal import WrittenScript, write_script
from keras_matrix.trace.explain.weights import TURNED_KERNELS, turned_kernels
from keras_matrix.trace.finding import Finding, FindingKind
from keras_matrix_probe.keras2.paired import KERNELS
from tests.unit.trace.builders import SCRIPT, CaptureWriter, Fields, finding, floats, node

NAME = "forward_dense"
X = floats([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
OWN = {"file": SCRIPT, "line": 5, "name": "?"}
CODE = """\
import numpy as np
from keras import backend as K
from keras.layers import Lambda, Layer
from keras.optimizers import Optimizer

SCALE = 2


def scaled(x):
    return x * SCALE


class Twice(Layer):
    def call(self, x):
        return scaled(x)


class Slow(Optimizer):
    pass


def own_loss(y, p):
    return K.mean(scaled(p) - y)


first = Lambda(lambda x: scaled(x) + 1)
DATA = open('large.csv')
"""


def line_of(text: str) -> int:
    return next(i for i, line in enumerate(CODE.splitlines(), 1) if line.startswith(text))


def source(text: str, name: str = "?", file: str = SCRIPT) -> Fields:
    return {"file": file, "line": line_of(text), "name": name}


def captured(
    folder: Path, *nodes: Fields, arrays: Mapping[str, Any] | None = None, **model: Any
) -> CaptureWriter:
    """Return the writer of a capture with some inputs and one layer, the last of the nodes."""
    writer = CaptureWriter(folder).model(nodes, **model)
    for one in nodes[:-1]:
        writer.array("output", one["key"], "training", X)
    writer.array("output", nodes[-1]["key"], "training", X)
    for name, value in (arrays or {}).items():
        what, _, label = name.partition(" ")
        when = {"weight": "start", "batch": "first"}.get(what, "training")
        writer.array(what, label, when, value)
    return writer


def one_layer(folder: Path, kind: str = "Dense", **changed: Any) -> Capture:
    arrays = changed.pop("arrays", None)
    model = changed.pop("model", {})
    nodes = node("x", "InputLayer"), {**node("dense", kind, ["x"]), **changed}
    return captured(folder, *nodes, arrays=arrays, **model).read()


def script(
    capture: Capture, difference: Finding | None = None, code: str = CODE, name: str = NAME
) -> WrittenScript | None:
    return write_script(difference or finding(layer="Dense"), capture, code, SCRIPT, name)


# A Keras that notes its calls


class Noting:
    """Any class of Keras that a script imports."""

    output_shape = (None, 1)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args = args
        self.kwargs = kwargs
        self.weights: Any = None
        self.compiled: tuple[Any, ...] = ()
        self.fitted: tuple[Any, ...] = ()
        self.batch_size = 0

    @classmethod
    def from_config(cls, config: Any) -> "Noting":
        return cls(**config)

    def __call__(self, inputs: Any) -> Any:
        return inputs

    def set_weights(self, weights: Any) -> None:
        self.weights = weights

    def compile(self, *given: Any) -> None:
        self.compiled = given

    def fit(self, *given: Any, batch_size: int, **rest: Any) -> None:
        self.fitted, self.batch_size = given, batch_size


class Module(ModuleType):
    """A module with a class of any name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (Noting,), {})


def ran(
    written: WrittenScript | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str = NAME
) -> dict[str, Any]:
    """Run a script as its user would; return its names."""
    assert written is not None
    for module in ("", ".layers", ".models", ".optimizers", ".losses", ".backend"):
        monkeypatch.setitem(sys.modules, f"keras{module}", Module(f"keras{module}"))
    path = tmp_path / f"{name}.py"
    path.write_text(written.text)
    if written.data:
        path.with_suffix(".npz").write_bytes(written.data)
    monkeypatch.chdir(tmp_path)
    return runpy.run_path(str(path))


# Layers


def test_the_kernels_that_theano_turns_are_those_of_the_probe() -> None:
    # A layer's cell is the probe's concern: the layer has the cell's weights.
    layers = {**KERNELS, "ConvLSTM2D": KERNELS["ConvLSTM2DCell"]}
    assert dict(TURNED_KERNELS) == layers


@pytest.mark.parametrize(
    ("kind", "config", "names"),
    [
        ("Dense", {}, ()),
        ("SeparableConv2D", {}, ()),
        ("DepthwiseConv2D", {}, ()),
        ("ConvLSTM2D", {}, ("kernel", "recurrent_kernel")),
        ("TimeDistributed", {"layer": {"class_name": "Conv2D", "config": {}}}, ("kernel",)),
        ("TimeDistributed", {"layer": {"class_name": "Dense", "config": {}}}, ()),
        ("Bidirectional", {"layer": {"class_name": "ConvLSTM2D"}}, ()),
        (
            "RNN",
            {"cell": {"class_name": "ConvLSTM2DCell", "config": {}}},
            ("kernel", "recurrent_kernel"),
        ),
        (
            "ConvRNN2D",
            {"cell": [{"class_name": "ConvLSTM2DCell", "config": {}}]},
            ("kernel", "recurrent_kernel"),
        ),
    ],
)
def test_kernels_within_other_layers(kind: str, config: Fields, names: tuple[str, ...]) -> None:
    assert turned_kernels(kind, config) == names


def test_a_layer_with_its_weights_and_what_it_was_fed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = floats(numpy.arange(9).reshape(3, 3) / 10)
    arrays = {"weight d/kernel": kernel, "weight d/bias": floats([0, 0, 0])}
    capture = one_layer(
        tmp_path,
        config={"units": 3, "activation": "relu", "use_bias": True, "name": "dense"},
        weights=["d/kernel", "d/bias"],
        arrays=arrays,
    )
    names = ran(script(capture), tmp_path, monkeypatch)
    layer = names["layer"]
    assert type(layer).__name__ == "Dense"
    assert (layer.args, layer.kwargs) == ((), {"units": 3, "activation": "relu"})
    assert [value.dtype for value in layer.weights] == ["float32"] * 2
    assert (layer.weights[0] == kernel).all()
    assert layer.weights[1].tolist() == [0.0, 0.0, 0.0]
    assert names["x"].dtype == "float32"
    assert (names["x"] == X).all()
    assert names["inputs"].kwargs == {"shape": (3,)}
    assert names["model"].fitted[0] is names["x"]
    assert names["model"].batch_size == 2


def test_the_script_says_what_it_shows(tmp_path: Path) -> None:
    written = script(one_layer(tmp_path), finding(layer="Dense", what="output"))
    assert written is not None
    assert written.text.startswith(
        "# dense: forward, output; found in model.py.\n"
        f"# It prints nothing; to see the difference: keras-matrix trace {NAME}.py\n"
    )
    assert written.data == b""


def test_numbers_are_written_with_all_their_digits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = floats([[1 / 3, 1e-30, 3e38], [-0.0, numpy.nan, numpy.inf]])
    writer = captured(tmp_path, node("x", "InputLayer"), node("dense", feeds=["x"]))
    writer.array("output", "x", "training", exact)
    names = ran(script(writer.read()), tmp_path, monkeypatch)
    assert names["x"].tobytes() == exact.tobytes()


def test_large_arrays_are_in_a_file_beside_the_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = numpy.random.RandomState(0).rand(20, 30).astype("f4")
    writer = captured(tmp_path, node("x", "InputLayer"), node("dense", feeds=["x"]))
    writer.array("output", "x", "training", large)
    written = script(writer.read())
    assert written is not None
    assert len(written.text) < 2000
    assert list(numpy.load(io.BytesIO(written.data))) == ["x"]
    names = ran(written, tmp_path, monkeypatch)
    assert (names["x"] == large).all()


def test_pooling_over_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"pool_size": [2], "strides": [2], "padding": "same", "data_format": "channels_last"}
    capture = one_layer(tmp_path, "MaxPooling1D", config=config)
    names = ran(script(capture, finding(layer="MaxPooling1D")), tmp_path, monkeypatch)
    layer = names["layer"]
    assert type(layer).__name__ == "MaxPooling1D"
    assert layer.kwargs == {"pool_size": (2,), "strides": (2,), "padding": "same"}
    assert layer.weights is None


@pytest.mark.parametrize("backend", ["theano", "tensorflow"])
def test_kernels_are_set_as_the_backend_reads_them(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = floats(numpy.arange(2 * 3 * 2 * 2).reshape(2, 3, 2, 2))
    arrays = {"weight c/kernel": kernel, "weight c/bias": floats([1, 2])}
    config = {"filters": 2, "kernel_size": [2, 3]}
    weights = ["c/kernel", "c/bias"]
    capture = one_layer(tmp_path, "Conv2D", config=config, weights=weights, arrays=arrays)
    monkeypatch.setattr(Noting, "backend", staticmethod(lambda: backend), raising=False)
    written = script(capture)
    names = ran(written, tmp_path, monkeypatch)
    expected = kernel[::-1, ::-1] if backend == "theano" else kernel
    assert numpy.array_equal(names["layer"].weights[0], expected)
    assert names["layer"].weights[1].tolist() == [1.0, 2.0]


def test_a_wrapper_comes_from_its_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = {"class_name": "LSTM", "config": {"units": 4, "activation": "tanh"}}
    config = {"name": "b", "layer": inner, "merge_mode": "concat"}
    capture = one_layer(tmp_path, "Bidirectional", config=config)
    names = ran(script(capture, finding(layer="Bidirectional")), tmp_path, monkeypatch)
    assert names["layer"].kwargs == {"layer": inner, "merge_mode": "concat"}


def test_a_layer_of_several_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [node("a", "InputLayer"), node("b", "InputLayer"), node("dense", "Add", ["a", "b"])]
    names = ran(script(captured(tmp_path, *nodes).read()), tmp_path, monkeypatch)
    assert [one.kwargs for one in names["inputs"]] == [{"shape": (3,)}] * 2
    fed, _ = names["model"].fitted
    assert [(one == X).all() for one in fed] == [True, True]


def test_a_stateful_layer_is_bound_to_its_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = one_layer(tmp_path, "LSTM", config={"units": 3, "stateful": True})
    names = ran(script(capture, finding(layer="LSTM")), tmp_path, monkeypatch)
    assert names["inputs"].kwargs == {"batch_shape": (2, 3)}


# What the script defines


def test_a_lambda_comes_with_its_helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    capture = one_layer(tmp_path, "Lambda", source=source("first", "<lambda>"))
    names = ran(script(capture, finding(layer="Lambda")), tmp_path, monkeypatch)
    (function,) = names["layer"].args
    assert function(3) == 7
    assert "DATA" not in names


def test_a_lambda_with_arguments_and_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"arguments": {"k": 2}, "output_shape": [4, None], "function": ["...", None, None]}
    capture = one_layer(tmp_path, "Lambda", config=config, source=source("def scaled", "scaled"))
    names = ran(script(capture, finding(layer="Lambda")), tmp_path, monkeypatch)
    assert names["layer"].args[0](3) == 6
    assert names["layer"].kwargs == {"arguments": {"k": 2}, "output_shape": (4, None)}


def test_a_layer_class_comes_with_all_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = one_layer(tmp_path, "Twice", own=False, source=source("class Twice", "Twice"))
    names = ran(script(capture, finding(layer="Twice")), tmp_path, monkeypatch)
    assert type(names["layer"]).__name__ == "Twice"
    assert names["layer"].call(3) == 6
    assert "Slow" not in names


def test_a_lambda_that_closes_over_local_names_has_no_script(tmp_path: Path) -> None:
    code = "from keras.layers import Lambda\ndef build(n):\n    return Lambda(lambda x: x * n)\n"
    at = {"file": SCRIPT, "line": 3, "name": "<lambda>"}
    capture = one_layer(tmp_path, "Lambda", source=at)
    assert script(capture, finding(layer="Lambda"), code) is None


@pytest.mark.parametrize(
    "at", [None, {**OWN, "file": "other.py"}, {**OWN, "line": 1}, {**OWN, "line": 10**9}]
)
def test_a_function_that_is_not_in_the_script_has_no_script(tmp_path: Path, at: Any) -> None:
    assert script(one_layer(tmp_path, "Lambda", source=at), finding(layer="Lambda")) is None


def test_a_class_of_another_module_has_no_script(tmp_path: Path) -> None:
    at = source("class Twice", "Twice", file="layers.py")
    capture = one_layer(tmp_path, "Twice", own=False, source=at)
    assert script(capture, finding(layer="Twice")) is None


# Losses, gradients and updates


def of_loss(folder: Path, loss: Any, outputs: Sequence[str] | None = None) -> Capture:
    writer = captured(
        *(folder, node("x", "InputLayer"), node("dense", feeds=["x"])),
        loss=loss,
        outputs=outputs,
    )
    return writer.batch([X], [X * 2]).read()


LOSS = finding(FindingKind.LOSS, where="loss", what="loss")


def test_a_loss_by_name_has_the_models_targets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ran(script(of_loss(tmp_path, "poisson"), LOSS), tmp_path, monkeypatch)
    assert names["model"].compiled == ("sgd", "poisson")
    assert (names["y"] == X * 2).all()


@pytest.mark.parametrize(
    "loss", [["poisson"], {"dense": "poisson"}, {"function": "poisson", "own": True}]
)
def test_all_ways_to_give_a_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: Any
) -> None:
    names = ran(script(of_loss(tmp_path, loss), LOSS), tmp_path, monkeypatch)
    assert names["model"].compiled == ("sgd", "poisson")


def test_a_loss_of_the_scripts_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loss = {"function": "own_loss", "own": False, "source": source("def own_loss", "own_loss")}
    names = ran(script(of_loss(tmp_path, loss), LOSS), tmp_path, monkeypatch)
    assert names["model"].compiled == ("sgd", names["own_loss"])


def test_a_loss_object_of_kerass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loss = {
        "kind": "Huber",
        "own": True,
        "config": {"delta": 0.5, "reduction": "sum_over_batch_size", "name": "h"},
    }
    names = ran(script(of_loss(tmp_path, loss), LOSS), tmp_path, monkeypatch)
    optimizer_object = names["model"].compiled[1]
    assert (type(optimizer_object).__name__, optimizer_object.kwargs) == ("Huber", {"delta": 0.5})


AT = {"file": SCRIPT, "line": 1}


@pytest.mark.parametrize(
    "loss",
    [
        *(None, 5, [], {}, [["mse"]], {"function": 5}, {"kind": 5}),
        {"function": 5, "own": False, "source": AT},
        {"kind": "Huber", "own": True, "config": 5},
    ],
)
def test_a_loss_that_makes_no_sense_has_no_script(tmp_path: Path, loss: Any) -> None:
    # A container wrote it.
    assert script(of_loss(tmp_path, loss), LOSS) is None


def test_the_loss_of_a_model_without_outputs_has_no_script(tmp_path: Path) -> None:
    assert script(of_loss(tmp_path, "mse", outputs=[]), LOSS) is None


def test_a_gradient_of_another_shape_has_no_script(tmp_path: Path) -> None:
    capture = one_layer(tmp_path, arrays={"gradient.output dense": floats([1.0, 2.0])})
    assert script(capture, finding(FindingKind.GRADIENT, layer="Dense")) is None


def test_a_gradient_is_the_one_the_layer_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = floats([[0.5, -1.0, 0.0], [2.0, 0.25, -0.5]])
    capture = one_layer(tmp_path, arrays={"gradient.output dense": upstream})
    names = ran(
        script(capture, finding(FindingKind.GRADIENT, layer="Dense")), tmp_path, monkeypatch
    )
    assert names["model"].compiled == ("sgd", "mse")
    # The gradient of the mean square, at the layer's outputs, which are X here.
    assert numpy.allclose(2 * (X - names["y"]) / X.size, upstream, atol=1e-6)


def updated(folder: Path, optimizer: Any) -> Capture:
    arrays = {"weight d/kernel": numpy.eye(3, dtype="f4"), "gradient.output dense": X}
    return one_layer(
        folder,
        config={"units": 3},
        weights=["d/kernel"],
        arrays=arrays,
        model={"optimizer": optimizer},
    )


@pytest.mark.parametrize("where", ["d/kernel", "d/kernel.slot1"])
def test_an_update_has_the_models_optimizer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    optimizer = {"kind": "Adam", "own": True, "config": {"beta_1": 0.8999999761581421}}
    difference = finding(FindingKind.UPDATE, where=where, layer="Dense")
    names = ran(script(updated(tmp_path, optimizer), difference), tmp_path, monkeypatch)
    optimizer_object = names["model"].compiled[0]
    assert (type(optimizer_object).__name__, optimizer_object.kwargs) == ("Adam", {"beta_1": 0.9})


def test_an_optimizer_of_the_scripts_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    optimizer = {
        "kind": "Slow",
        "own": False,
        "config": {"rate": 0.5},
        "source": source("class Slow", "Slow"),
    }
    difference = finding(FindingKind.UPDATE, where="d/kernel", layer="Dense")
    names = ran(script(updated(tmp_path, optimizer), difference), tmp_path, monkeypatch)
    assert type(names["model"].compiled[0]) is names["Slow"]


# Layers that cannot be built


def built(**changed: Any) -> Finding:
    shapes = {"input_shapes": [[None, 8, None]], "where": "up", "layer": "UpSampling1D"}
    return finding(FindingKind.BUILD, **{**shapes, "config": {"size": 3}, **changed})


def test_a_layer_that_one_image_cannot_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ran(script(one_layer(tmp_path), built()), tmp_path, monkeypatch)
    assert (type(names["layer"]).__name__, names["layer"].kwargs) == ("UpSampling1D", {"size": 3})
    assert names["inputs"].kwargs == {"shape": (8, None)}
    assert names["x"].shape == (4, 8, 5)


def test_several_inputs_of_such_a_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    difference = built(layer="Dot", input_shapes=[[None, 2], [None, 3]], config={"axes": 1})
    names = ran(script(one_layer(tmp_path), difference), tmp_path, monkeypatch)
    assert [names["x0"].shape, names["x1"].shape] == [(4, 2), (4, 3)]


@pytest.mark.parametrize("changed", [{"layer": ""}, {"input_shapes": []}, {"input_shapes": [[]]}])
def test_a_failure_without_layer_or_shapes_has_no_script(tmp_path: Path, changed: Any) -> None:
    assert script(one_layer(tmp_path), built(**changed)) is None


# Findings that take more than one layer


@pytest.mark.parametrize("kind", [FindingKind.START, FindingKind.TRAINING])
def test_these_kinds_take_the_whole_model(tmp_path: Path, kind: FindingKind) -> None:
    assert script(one_layer(tmp_path), finding(kind, layer="Dense")) is None


@pytest.mark.parametrize(
    "changed", [{"nested": True}, {"feeds": []}, {"outputs": 2}, {"feeds": [["missing", 0]]}]
)
def test_a_node_that_is_more_than_a_layer_has_no_script(tmp_path: Path, changed: Any) -> None:
    assert script(one_layer(tmp_path, **changed)) is None


def test_a_place_that_is_not_a_node_has_no_script(tmp_path: Path) -> None:
    assert script(one_layer(tmp_path), finding(where="elsewhere")) is None


# What a container wrote does not become code


EVIL = "\nevil()\n#"


@pytest.mark.parametrize(
    ("nodes", "difference"),
    [
        ({"kind": f"Dense{EVIL}"}, {}),
        ({"config": {f"units=1){EVIL}": 1}}, {}),
        ({"config": {"units": EVIL}}, {}),
        ({"config": {"axis": {EVIL: [EVIL]}}}, {}),
        ({}, {"what": f"output{EVIL}"}),
        ({"key": f"dense{EVIL}"}, {"where": f"dense{EVIL}"}),
        ({"kind": "*"}, {}),
    ],
)
def test_nothing_that_a_container_writes_becomes_code(
    tmp_path: Path, nodes: Fields, difference: Fields
) -> None:
    written = script(one_layer(tmp_path, **nodes), finding(layer="Dense", **difference))
    if written is not None:
        names = {one.id for one in ast.walk(ast.parse(written.text)) if isinstance(one, ast.Name)}
        assert "evil" not in names
        assert "import *" not in written.text


@pytest.mark.parametrize("kind", [f"Dense{EVIL}", "import os"])
def test_nor_does_a_layer_that_cannot_be_built(tmp_path: Path, kind: str) -> None:
    assert script(one_layer(tmp_path), built(layer=kind)) is None


@pytest.mark.parametrize("kind", [f"SGD{EVIL}", "import os"])
def test_nor_does_an_optimizer(tmp_path: Path, kind: str) -> None:
    difference = finding(FindingKind.UPDATE, where="d/kernel", layer="Dense")
    optimizer = {"kind": kind, "own": True, "config": {}}
    assert script(updated(tmp_path, optimizer), difference) is None


# Expressions


def test_usual_settings_are_left_out() -> None:
    config = {
        "name": "d",
        "trainable": True,
        "units": 3,
        "use_bias": True,
        "activation": "linear",
        "kernel_regularizer": None,
        "bias_initializer": {"class_name": "Zeros", "config": {}},
        "kernel_initializer": {"class_name": "VarianceScaling", "config": {"scale": 1.0}},
    }
    parts = ScriptParts()
    assert layer_expression("Dense", config, None, CODE, SCRIPT, parts) == "Dense(units=3)"
    assert parts.imports == {("keras.layers", "Dense")}


def test_unusual_settings_are_kept() -> None:
    config = {"units": 3, "use_bias": False, "kernel_constraint": {"class_name": "MaxNorm"}}
    difference = layer_expression("Dense", config, None, CODE, SCRIPT, ScriptParts())
    assert (
        difference == "Dense(units=3, use_bias=False, kernel_constraint={'class_name': 'MaxNorm'})"
    )


def test_a_definition_is_taken_once() -> None:
    parts = ScriptParts()
    at = SourceLocation(file=SCRIPT, line=line_of("class Twice"), name="Twice")
    for _ in range(2):
        layer_expression("Twice", {}, at, CODE, SCRIPT, parts)
    assert parts.definitions == [slicing.needed_statements(CODE, "Twice")]


def test_a_setting_that_is_a_function_without_a_name_is_not_possible() -> None:
    config = {"units": 3, "kernel_regularizer": "<lambda>"}
    with pytest.raises(NoMinimalScriptError):
        layer_expression("Dense", config, None, CODE, SCRIPT, ScriptParts())


def test_what_the_script_does_not_define_is_not_possible() -> None:
    with pytest.raises(NoMinimalScriptError):
        layer_expression("Lambda", {}, None, CODE, SCRIPT, ScriptParts())


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.10000000149011612, 0.1),
        (1e-7, 1e-7),
        ([1, [2, None]], (1, (2, None))),
        ({"a": [0.5]}, {"a": (0.5,)}),
        ("text", "text"),
        (True, True),
    ],
)
def test_values_as_one_would_write_them(value: Any, written: Any) -> None:
    assert plain_value(value) == written


def test_arguments_are_keywords() -> None:
    assert keyword_arguments({"units": 3, "activation": "relu"}) == "units=3, activation='relu'"


@pytest.mark.parametrize(
    "value",
    [
        floats([]),
        floats(0.5),
        numpy.zeros((2, 3), "f4"),
        numpy.array([2**62, -1]),
        floats([[1e-45, 3.4e38]]),
        numpy.arange(48, dtype="f8").reshape(2, 4, 6) / 7,
        floats([numpy.nan, numpy.inf, -numpy.inf]),
    ],
)
def test_an_array_is_written_as_it_is(value: Any) -> None:
    array = eval(ScriptParts().array_expression("x", value), {"np": numpy})  # noqa: S307 # of our own making
    assert array.dtype == value.dtype
    assert array.shape == value.shape
    assert array.tobytes() == value.tobytes()
