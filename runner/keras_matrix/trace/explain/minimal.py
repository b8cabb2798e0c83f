"""Write a minimal script that shows a finding: one layer, with the inputs that it was given.

Weights are set as the reference had them; a script turns kernels around where the backend does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy

from keras_matrix.text import one_line
from keras_matrix.trace.dump import Array, Capture, Node, port
from keras_matrix.trace.explain.expressions import (
    NoMinimalScriptError,
    ScriptParts,
    layer_expression,
    serialized_expression,
)
from keras_matrix.trace.explain.weights import weights_expression
from keras_matrix.trace.finding import Finding, FindingKind

FORGED_MODEL_ERRORS = (
    *(ArithmeticError, AttributeError, LookupError, StopIteration),
    *(RuntimeError, TypeError, ValueError),
)
"""What a model description that the probe did not write raises here; it gets no script."""


@dataclass(frozen=True)
class WrittenScript:
    """A script's text, and the content of the ``.npz`` file beside it, empty if it needs none."""

    text: str
    data: bytes = b""


def write_script(
    finding: Finding, capture: Capture, code: str, script: str, name: str
) -> WrittenScript | None:
    """Write a script for a finding; return None if one layer cannot show it.

    ``capture`` is the reference's, ``code`` the text of the traced script, ``script`` its file
    name, ``name`` that of the new script without its suffix.
    """
    if finding.kind in (FindingKind.START, FindingKind.TRAINING):
        return None
    try:
        if finding.kind is FindingKind.BUILD and not _needs_real_inputs(finding, capture):
            return _write_unbuilt(finding, capture, code, script, name)
        return _LayerScript(finding, capture, code, script, name).write()
    except (NoMinimalScriptError, *FORGED_MODEL_ERRORS):
        return None


def _needs_real_inputs(finding: Finding, capture: Capture) -> bool:
    """Tell whether a failure may depend on the input's values, such as an embedding's indices."""
    return finding.layer == "Embedding" and capture.node(finding.where) is not None


def _write_unbuilt(
    finding: Finding, capture: Capture, code: str, script: str, name: str
) -> WrittenScript | None:
    """Write a script with a layer that one backend cannot build, on random inputs."""
    if not finding.layer or not finding.input_shapes or not all(finding.input_shapes):
        return None
    parts = ScriptParts()
    by_layer_name = (node for node in capture.nodes if node.layer == finding.where)
    node = capture.node(finding.where) or next(by_layer_name, None)
    source = node.source if node is not None else None
    layer = layer_expression(finding.layer, finding.config, source, code, script, parts)
    shapes = [shape[1:] for shape in finding.input_shapes]
    names = _input_names(len(shapes))
    data_lines = ["np.random.seed(0)"]
    for input_name, shape in zip(names, shapes, strict=True):
        sizes = ", ".join(str(size or 5) for size in (4, *shape))
        data_lines.append(f"{input_name} = np.random.rand({sizes})")
    return _assemble(finding, parts, ScriptBody(layer, names, shapes, data_lines), script, name)


def _input_names(count: int) -> list[str]:
    return ["x"] if count == 1 else [f"x{index}" for index in range(count)]


class _LayerScript:
    """Writes the script of a finding at a layer that the reference computed."""

    def __init__(
        self, finding: Finding, capture: Capture, code: str, script: str, name: str
    ) -> None:
        self._finding = finding
        self._capture = capture
        self._code = code
        self._script = script
        self._name = name
        self._parts = ScriptParts()
        self._phase = capture.model.phases[-1] if capture.model is not None else "training"

    def write(self) -> WrittenScript:
        node = self._find_node()
        if node.nested or not node.feeds:
            raise NoMinimalScriptError
        inputs = [self._array("output", port(*feed)) for feed in node.feeds]
        if any(array is None for array in inputs) or node.outputs != 1:
            raise NoMinimalScriptError
        loss, target = self._loss_and_target(node, self._array("output", port(node.key, 0)))
        names = _input_names(len(inputs))
        data_lines = [
            f"{name} = {self._parts.array_expression(name, array)}"
            for name, array in zip(names, inputs, strict=True)
        ]
        if target is not None:
            data_lines.append(f"y = {self._parts.array_expression('y', target)}")
        body = ScriptBody(
            layer_expression(
                *(node.kind, node.config, node.source, self._code, self._script, self._parts)
            ),
            names,
            [list(array.shape[1:]) for array in inputs],
            data_lines,
            weights=weights_expression(node, self._capture, self._parts),
            loss=loss,
            optimizer=self._optimizer(),
            batch_size=len(inputs[0]) if node.config.get("stateful") is True else None,
        )
        return _assemble(self._finding, self._parts, body, self._script, self._name)

    def _find_node(self) -> Node:
        finding, capture = self._finding, self._capture
        node = capture.node(finding.where)
        if node is None and finding.layer:
            weight = finding.where.partition(".slot")[0]
            node = next((node for node in capture.nodes if weight in node.weights), None)
        if node is None and capture.model is not None and self._is_about_loss():
            node = capture.node(capture.model.outputs[self._output_index()][0])
        if node is None:
            raise NoMinimalScriptError
        return node

    def _is_about_loss(self) -> bool:
        return self._finding.where == "loss" or self._finding.what.startswith("loss")

    def _output_index(self) -> int:
        """Return which of the model's outputs the loss is about."""
        model = self._capture.model
        output = self._finding.where.removesuffix("_loss")
        keys = [key for key, _ in model.outputs] if model is not None else []
        return keys.index(output) if output in keys else 0

    def _array(self, what: str, name: str) -> Any:
        """Return an array as the training phase, or else the inference phase, has it."""
        for phase in (self._phase, "inference"):
            array = self._capture.array((what, name, phase))
            if array is not None:
                return array
        return None

    def _loss_and_target(
        self, node: Node, outputs: Array | None
    ) -> tuple[str | None, Array | None]:
        """Return the loss's expression and its targets; None stands for a loss without targets."""
        if self._is_about_loss():
            return self._model_loss_and_target()
        kind = self._finding.kind
        if outputs is None or outputs.dtype.kind != "f" or kind is FindingKind.SHAPE:
            return None, None
        upstream = None
        if kind in (FindingKind.GRADIENT, FindingKind.NAN, FindingKind.UPDATE):
            upstream = self._array("gradient.output", port(node.key, 0))
        if upstream is None:
            return "'mse'", numpy.zeros_like(outputs)
        # The gradient of the mean square by an output is 2 (output - target) / count.
        return "'mse'", (outputs - upstream * outputs.size / 2).astype(outputs.dtype)

    def _model_loss_and_target(self) -> tuple[str, Array]:
        model, batch, index = self._capture.model, self._capture.batch, self._output_index()
        if model is None or batch is None:
            raise NoMinimalScriptError
        target = self._capture.array(("batch", str(batch.inputs + index), "first"))
        loss = model.loss
        if isinstance(loss, list):
            loss = loss[index]
        elif isinstance(loss, Mapping) and "function" not in loss and "kind" not in loss:
            loss = next(iter(loss.values()))
        if target is None:
            raise NoMinimalScriptError
        return self._expression(loss, "keras.losses"), target

    def _expression(self, serialized: Any, module: str) -> str:
        return serialized_expression(serialized, module, self._code, self._script, self._parts)

    def _optimizer(self) -> str | None:
        model = self._capture.model
        if self._finding.kind is not FindingKind.UPDATE or model is None:
            return None
        return self._expression(model.optimizer, "keras.optimizers")


@dataclass(frozen=True)
class ScriptBody:
    """The part of a script that makes the data and the model.

    ``layer``, ``loss``, ``optimizer`` and ``weights`` are expressions; ``loss`` is None for a loss
    that needs no targets. ``names`` and ``shapes`` are those of the inputs, ``data_lines`` the
    statements that make them. ``batch_size`` is the one that a stateful layer is bound to.
    """

    layer: str
    names: list[str]
    shapes: list[list[Any]]
    data_lines: list[str]
    loss: str | None = None
    optimizer: str | None = None
    weights: str | None = None
    batch_size: int | None = None


def _assemble(
    finding: Finding, parts: ScriptParts, body: ScriptBody, script: str, name: str
) -> WrittenScript:
    parts.imports |= {("keras.layers", "Input"), ("keras.models", "Model")}
    if body.loss is None:
        parts.imports.add(("keras", "backend as K"))
    title = f"{finding.where}: {finding.kind.value}, {finding.what}; found in {script}."
    inputs = [_input_expression(shape, body.batch_size) for shape in body.shapes]
    several = len(inputs) > 1
    first = body.names[0]
    fitted = f"[{', '.join(body.names)}]" if several else first
    loss = body.loss or "lambda y, p: K.mean(p)"
    lines = [
        f"# {one_line(title)}",
        f"# It prints nothing; to see the difference: keras-matrix trace {name}.py",
        "import numpy as np",
        *parts.import_lines(),
        *parts.definitions,
        "",
        *([f"data = np.load('{name}.npz')"] if parts.data else []),
        *body.data_lines,
        f"inputs = [{', '.join(inputs)}]" if several else f"inputs = {inputs[0]}",
        f"layer = {body.layer}",
        "model = Model(inputs, layer(inputs))",
        *([f"layer.set_weights({body.weights})"] if body.weights is not None else []),
        f"model.compile({body.optimizer or repr('sgd')}, {loss})",
        *(
            [f"y = np.zeros([len({first})] + [1] * (len(model.output_shape) - 1))"]
            if body.loss is None
            else []
        ),
        f"model.fit({fitted}, y, batch_size=len({first}), shuffle=False, verbose=0)",
    ]
    return WrittenScript("\n".join(lines) + "\n", parts.packed_data())


def _input_expression(shape: list[Any], batch_size: int | None) -> str:
    sizes = tuple(shape)
    if batch_size is None:
        return f"Input(shape={sizes})"
    return f"Input(batch_shape={(batch_size, *sizes)})"
