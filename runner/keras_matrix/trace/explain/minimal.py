"""Write a minimal script that shows a finding: the layer by itself, with what it was fed.

Weights are set where every backend has them alike; the kernels of convolutions, which Theano turns
around, are left to the paired first weights.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy

from keras_matrix.text import one_line
from keras_matrix.trace.dump import Array, Bundle, Node, port
from keras_matrix.trace.explain.expressions import (
    WRAPPERS,
    NotPossibleError,
    Parts,
    arguments,
    identifier,
    layer,
    plain,
    taken,
)
from keras_matrix.trace.finding import Finding, Kind

TURNED_KERNELS = frozenset(
    {"Conv1D", "Conv2D", "Conv2DTranspose", "Conv3D", "Conv3DTranspose", "ConvLSTM2DCell"}
)
"""Layers whose kernels Theano turns around: those of ``KERNELS`` in the probe's ``paired.py``."""
FORGED = (
    *(ArithmeticError, AttributeError, LookupError, StopIteration),
    *(RuntimeError, TypeError, ValueError),
)
"""What comes of a model that is not one the probe has written: there is no script for that."""


@dataclass(frozen=True)
class Written:
    """A script's text, and the content of the ``.npz`` file beside it, empty if it needs none."""

    text: str
    data: bytes = b""


def write(finding: Finding, bundle: Bundle, code: str, script: str, name: str) -> Written | None:
    """Return a script for a finding, None where it takes more of the model than a layer.

    ``bundle`` is what the reference saw, ``code`` the traced script of that name; ``name`` is the
    new script's, without its ending.
    """
    if finding.kind in (Kind.START, Kind.TRAINING):
        return None
    try:
        if finding.kind is Kind.BUILD and not _of_numbers(finding, bundle):
            return _built(finding, bundle, code, script)
        return _Script(finding, bundle, code, script, name).write()
    except (NotPossibleError, *FORGED):
        return None


def _of_numbers(finding: Finding, bundle: Bundle) -> bool:
    """Tell whether a failure may come of the very numbers: indices, as an embedding takes them."""
    return finding.layer == "Embedding" and bundle.node(finding.where) is not None


def _built(finding: Finding, bundle: Bundle, code: str, script: str) -> Written | None:
    """Return a script that builds a layer which one backend cannot build."""
    if not finding.layer or not finding.input_shapes or not all(finding.input_shapes):
        return None
    parts = Parts()
    node = next((one for one in bundle.nodes if one.layer == finding.where), None)
    node = bundle.node(finding.where) or node
    source = node.source if node is not None else None
    made = layer(finding.layer, finding.config, source, code, script, parts)
    shapes = [shape[1:] for shape in finding.input_shapes]
    lines = ["np.random.seed(0)"]
    names = []
    for index, shape in enumerate(shapes):
        name = f"x{index}" if len(shapes) > 1 else "x"
        sizes = ", ".join(str(size or 5) for size in (4, *shape))
        lines.append(f"{name} = np.random.rand({sizes})")
        names.append(name)
    return _finish(finding, parts, Body(made, names, shapes, lines), script, "")


class _Script:
    """Puts a script together for a finding that has a node."""

    def __init__(self, finding: Finding, bundle: Bundle, code: str, script: str, name: str) -> None:
        self._finding = finding
        self._bundle = bundle
        self._code = code
        self._script = script
        self._name = name
        self._parts = Parts()
        self._phase = bundle.model.phases[-1] if bundle.model is not None else "training"

    def write(self) -> Written:
        finding = self._finding
        node = self._node()
        if node.nested or not node.feeds:
            raise NotPossibleError
        given = [self._value("output", port(*feed)) for feed in node.feeds]
        outputs = self._value("output", port(node.key, 0), needed=False)
        if node.outputs != 1:
            raise NotPossibleError
        loss, target = self._loss(node, outputs)
        lines, names = [], []
        for index, value in enumerate(given):
            name = f"x{index}" if len(given) > 1 else "x"
            lines.append(f"{name} = {self._parts.array(name, value)}")
            names.append(name)
        if target is not None:
            lines.append(f"y = {self._parts.array('y', target)}")
        made = layer(node.kind, node.config, node.source, self._code, self._script, self._parts)
        weights = self._weights(node)
        shapes = [list(value.shape[1:]) for value in given]
        stateful = node.config.get("stateful") is True
        body = Body(
            made,
            names,
            shapes,
            lines,
            loss=loss,
            optimizer=self._optimizer(),
            weights=weights,
            batch=len(given[0]) if stateful else None,
        )
        return _finish(finding, self._parts, body, self._script, self._name)

    def _node(self) -> Node:
        finding, bundle = self._finding, self._bundle
        node = bundle.node(finding.where)
        if node is None and finding.layer:
            stem = finding.where.partition(".slot")[0]
            node = next((one for one in bundle.nodes if stem in one.weights), None)
        if node is None and bundle.model is not None and self._of_loss():
            node = bundle.node(bundle.model.outputs[self._output()][0])
        if node is None:
            raise NotPossibleError
        return node

    def _of_loss(self) -> bool:
        return self._finding.where == "loss" or self._finding.what.startswith("loss")

    def _output(self) -> int:
        model = self._bundle.model
        stem = self._finding.where.removesuffix("_loss")
        keys = [key for key, _ in model.outputs] if model is not None else []
        return keys.index(stem) if stem in keys else 0

    def _value(self, what: str, name: str, *, needed: bool = True) -> Any:
        for phase in (self._phase, "inference"):
            value = self._bundle.array((what, name, phase))
            if value is not None:
                return value
        if needed:
            raise NotPossibleError
        return None

    def _loss(self, node: Node, outputs: Array | None) -> tuple[str | None, Array | None]:
        """Return the loss's expression and its targets; None is a loss without targets."""
        if self._of_loss():
            return self._own_loss()
        if outputs is None or outputs.dtype.kind != "f" or self._finding.kind is Kind.SHAPE:
            return None, None
        upstream = None
        if self._finding.kind in (Kind.GRADIENT, Kind.NAN, Kind.UPDATE):
            upstream = self._value("gradient.output", port(node.key, 0), needed=False)
        if upstream is None:
            return "'mse'", numpy.zeros_like(outputs)
        # The gradient of the mean square by an output is 2 (output - target) / count.
        return "'mse'", (outputs - upstream * outputs.size / 2).astype(outputs.dtype)

    def _own_loss(self) -> tuple[str, Array]:
        model, batch, index = self._bundle.model, self._bundle.batch, self._output()
        if model is None or batch is None:
            raise NotPossibleError
        target = self._bundle.array(("batch", str(batch.inputs + index), "first"))
        given = model.loss
        if isinstance(given, list):
            given = given[index]
        elif isinstance(given, Mapping) and "function" not in given and "kind" not in given:
            given = next(iter(given.values()))
        if target is None:
            raise NotPossibleError
        return self._expression(given, "keras.losses"), target

    def _expression(self, given: Any, module: str) -> str:
        """Return what a serialized loss or optimizer is written as."""
        if isinstance(given, str):
            return repr(given)
        if not isinstance(given, Mapping):
            raise NotPossibleError
        if "function" in given:
            if given.get("own"):
                return repr(given["function"])
            return taken(given["function"], self._code, given, self._script, self._parts)
        kind, config = identifier(given["kind"]), given.get("config") or {}
        config = {
            name: plain(value)
            for name, value in config.items()
            if value is not None and name not in ("name", "reduction")
        }
        if given.get("own"):
            self._parts.imports.add((module, kind))
        else:
            taken(kind, self._code, given, self._script, self._parts)
        return f"{kind}({arguments(config)})"

    def _optimizer(self) -> str | None:
        model = self._bundle.model
        if self._finding.kind is not Kind.UPDATE or model is None:
            return None
        return self._expression(model.optimizer, "keras.optimizers")

    def _weights(self, node: Node) -> str | None:
        if not node.weights or node.kind in WRAPPERS or node.kind in TURNED_KERNELS or not node.own:
            return None
        values = [self._bundle.array(("weight", name, "start")) for name in node.weights]
        if any(value is None for value in values):
            return None
        texts = [
            self._parts.array(f"w{index}", value)
            for index, value in enumerate(values)
            if value is not None
        ]
        return f"[{', '.join(texts)}]"


@dataclass(frozen=True)
class Body:
    """A script's own part: names and shapes of inputs, ``lines`` that make the data.

    ``loss`` is None for one that needs no targets; ``batch`` a size that a stateful layer is bound
    to.
    """

    made: str
    names: list[str]
    shapes: list[list[Any]]
    lines: list[str]
    loss: str | None = None
    optimizer: str | None = None
    weights: str | None = None
    batch: int | None = None


def _finish(finding: Finding, parts: Parts, body: Body, script: str, name: str) -> Written:
    parts.imports |= {("keras.layers", "Input"), ("keras.models", "Model")}
    if body.loss is None:
        parts.imports.add(("keras", "backend as K"))
    modules: dict[str, list[str]] = {}
    for module, item in parts.imports:
        modules.setdefault(module, []).append(item)
    lines = [
        "# "
        + one_line(f"{finding.where}: {finding.kind.value}, {finding.what}; found in {script}."),
        "import numpy as np",
        *(f"from {one} import {', '.join(sorted(modules[one]))}" for one in sorted(modules)),
        *(text for text in parts.own if text),
        "",
        *([f"data = np.load('{name}.npz')"] if parts.beside else []),
        *body.lines,
    ]
    inputs = [_input(shape, body.batch) for shape in body.shapes]
    several = len(inputs) > 1
    lines.append(f"inputs = [{', '.join(inputs)}]" if several else f"inputs = {inputs[0]}")
    lines.append(f"layer = {body.made}")
    lines.append("model = Model(inputs, layer(inputs))")
    if body.weights is not None:
        lines.append(f"layer.set_weights({body.weights})")
    loss = body.loss or "lambda y, p: K.mean(p)"
    lines.append(f"model.compile({body.optimizer or repr('sgd')}, {loss})")
    first = body.names[0]
    if body.loss is None:
        lines.append(f"y = np.zeros((len({first}), 1))")
    fed = f"[{', '.join(body.names)}]" if several else first
    lines.append(f"model.fit({fed}, y, batch_size=len({first}), shuffle=False, verbose=0)")
    file = io.BytesIO()
    if parts.beside:
        beside: dict[str, Any] = {**parts.beside}
        numpy.savez_compressed(file, **beside)
    return Written("\n".join(lines) + "\n", file.getvalue())


def _input(shape: list[Any], batch: int | None) -> str:
    sizes = tuple(shape)
    return f"Input(shape={sizes})" if batch is None else f"Input(batch_shape={(batch, *sizes)})"
