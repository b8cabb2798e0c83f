"""Take over the whole model from the reference's capture; models within it are unfolded. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from keras_matrix.trace.dump import Array, Capture, CompiledModel, Node, Port, Shape, port
from keras_matrix.trace.finding import FindingKind
from keras_matrix.trace.reduce.model import (
    Application,
    Candidate,
    InputTensor,
    Model,
    Output,
    Recorded,
    WrittenLayer,
    ancestors,
    input_name,
    pruned,
    samples_name,
    target_name,
    weight_name,
)
from keras_matrix.trace.reduce.target import ReductionTarget, script_name

KINDS_WITH_OPTIMIZER = (
    *(FindingKind.BUILD, FindingKind.NAN),
    *(FindingKind.UPDATE, FindingKind.TRAINING),
)
"""Kinds that may depend on the optimizer; the others come before its first step."""


KINDS_WITHOUT_SHAPES = (FindingKind.BUILD, FindingKind.SHAPE)
"""Kinds for which what comes after the place may have another shape on each image."""


class NotWritableError(Exception):
    """Raised if a model cannot be written as a script of its own; the message says why."""


def take_over(capture: Capture, target: ReductionTarget, steps: int) -> Candidate:
    """Return the whole model, with its recorded inputs, targets and first weights.

    ``steps`` is how many updates to train for, if only the training shows the finding.

    Raises:
        NotWritableError: it has parts that are not layers, or something was not captured.
        UnreadableError: an array cannot be read.
    """
    model = capture.model
    if model is None or capture.batch is None:
        raise NotWritableError("the capture of the model is not complete")
    unfolded = _Unfolded(capture)
    outputs, arrays = _outputs(capture, model, unfolded)
    fitting = _fitting_on_both(unfolded, target)
    for name, node in unfolded.layers.items():
        for weight in node.weights if name in fitting else ():
            key = weight_name(name, short(weight))
            arrays[key] = Recorded(_array(capture, "weight", weight, "start"))
    for key, array in unfolded.recorded.items():
        arrays[input_name(key)] = Recorded(array)
    metric = ""
    if target.kind is FindingKind.LOSS and target.name != "loss":
        metric = _metric(target.where, model)
    whole = Model(
        inputs=unfolded.inputs,
        layers=[
            WrittenLayer(
                name=name,
                kind=node.kind,
                own=node.own,
                config=node.config,
                source=node.source,
                weights=[short(weight) for weight in node.weights],
            )
            for name, node in unfolded.layers.items()
        ],
        calls=unfolded.calls,
        outputs=outputs,
        optimizer=model.optimizer if target.kind in KINDS_WITH_OPTIMIZER else None,
        metric=metric,
        epochs=max(1, steps) if target.trains else 1,
    )
    return pruned(whole, arrays)


def _fitting_on_both(unfolded: "_Unfolded", target: ReductionTarget) -> set[str]:
    """Return the layers whose recorded weights fit on both images.

    After a place where shapes may differ, a layer may have been built for another size.
    """
    if target.kind not in KINDS_WITHOUT_SHAPES:
        return set(unfolded.layers)
    places = [call.key for call in unfolded.calls if call.layer in target.layers]
    before = ancestors(unfolded.calls, places)
    return {call.layer for call in unfolded.calls if call.key in before} - {
        call.layer for call in unfolded.calls if call.key not in before
    }


def record_again(candidate: Candidate, capture: Capture) -> Candidate:
    """Return a candidate with the weights that a cell captured, which fit their layers."""
    arrays: dict[str, Recorded] = dict(candidate.arrays)
    for layer in candidate.model.layers:
        for weight in layer.weights:
            value = capture.array(("weight", f"{layer.name}/{weight}", "start"))
            if value is not None and weight_name(layer.name, weight) in arrays:
                arrays[weight_name(layer.name, weight)] = Recorded(value)
    return Candidate(msgspec.structs.replace(candidate.model, cropped=False), arrays)


def short(weight: str) -> str:
    """Return a weight's name within its layer, with its number if the layer has several."""
    return weight.rpartition("/")[2]


class _Unfolded:
    """A model's calls, with those of nested models in place of these models."""

    def __init__(self, capture: Capture) -> None:
        self.inputs: list[InputTensor] = []
        self.recorded: dict[str, Array] = {}
        self.layers: dict[str, Node] = {}
        self.calls: list[Application] = []
        self._capture = capture
        self._ports: dict[Port, Port] = {}
        holders = [node.key for node in capture.nodes if node.nested]
        self._levels: dict[str, list[Node]] = {}
        for node in capture.nodes:
            above = [key for key in holders if node.key.startswith(key + "/")]
            self._levels.setdefault(max(above, key=len, default=""), []).append(node)
        self._walk(self._levels.get("", []), None)

    def port(self, captured: Port) -> Port:
        """Return where an output of a captured node is in the unfolded model."""
        found = self._ports.get((captured[0], captured[1]))
        if found is None:
            raise NotWritableError(f"the output of {captured[0]} is not that of a layer")
        return found

    def _walk(self, nodes: Sequence[Node], bound: Sequence[Port] | None) -> None:
        left = list(bound or ())
        for node in nodes:
            feeds = [self.port(feed) for feed in node.feeds]
            if node.kind == "tensor":
                raise NotWritableError("its own code computes something between two layers")
            if not feeds and bound is None:
                self._add_input(node)
            elif not feeds:
                if not left:
                    raise NotWritableError(f"the inputs of the model around {node.key} are unknown")
                self._ports[node.key, 0] = left.pop(0)
            elif node.nested:
                self._unfold(node, feeds)
            else:
                self._add_call(node, feeds)

    def _add_input(self, node: Node) -> None:
        key = script_name(node.key)
        array = _output(self._capture, node.key)
        shape = known_shape(node.output_shapes, array)
        # What the script feeds may be of another type than the input: NumPy's float64.
        dtype = str(node.config.get("dtype") or array.dtype.name)
        self.inputs.append(InputTensor(key=key, shape=shape, dtype=dtype))
        self.recorded[key] = array
        self._ports[node.key, 0] = (key, 0)

    def _unfold(self, holder: Node, feeds: Sequence[Port]) -> None:
        inner = self._levels.get(holder.key, [])
        self._walk(inner, feeds)
        consumed = {feed[0] for node in inner for feed in node.feeds}
        ends = [(n.key, i) for n in inner if n.key not in consumed for i in range(n.outputs)]
        if len(ends) != holder.outputs:
            raise NotWritableError(f"the outputs of the model {holder.key} are not its last layers")
        for index, end in enumerate(ends):
            self._ports[holder.key, index] = self.port(end)

    def _add_call(self, node: Node, feeds: list[Port]) -> None:
        name = script_name(node.key)
        known = self.layers.setdefault(name, node)
        if known.weights != node.weights or known.kind != node.kind:
            raise NotWritableError(f"two layers would both be called {name}")
        applied = sum(call.layer == name for call in self.calls)
        key = name if not applied else f"{name}#{applied + 1}"
        self.calls.append(Application(key=key, layer=name, feeds=feeds, outputs=node.outputs))
        for index in range(node.outputs):
            self._ports[node.key, index] = (key, index)


def known_shape(shapes: Sequence[Shape], array: Array) -> Shape:
    """Return an array's shape without the batch, unknown where Keras did not know it either."""
    sizes: Shape = list(array.shape[1:])
    symbolic = shapes[0][1:] if shapes else []
    if len(symbolic) != len(sizes):
        return sizes
    return [None if one is None else size for one, size in zip(symbolic, sizes, strict=True)]


def _outputs(
    capture: Capture, model: CompiledModel, unfolded: _Unfolded
) -> tuple[list[Output], dict[str, Recorded]]:
    batch = capture.batch
    if batch is None or batch.targets != len(model.outputs):
        raise NotWritableError("some of its outputs have no targets")
    outputs = []
    arrays: dict[str, Recorded] = {}
    for index, captured in enumerate(model.outputs):
        place = unfolded.port(captured)
        number = batch.inputs + index
        arrays[target_name(place)] = Recorded(_array(capture, "batch", str(number), "first"))
        weights = capture.array(("batch", str(number + batch.targets), "first"))
        if weights is not None and not (weights == 1).all():
            arrays[samples_name(place)] = Recorded(weights)
        outputs.append(Output(port=place, loss=_loss(model.loss, index, captured[0])))
    return outputs, arrays


def _loss(loss: Any, index: int, output: str) -> Any:
    if isinstance(loss, list):
        return loss[index]
    if isinstance(loss, Mapping) and "function" not in loss and "kind" not in loss:
        return loss.get(output)
    return loss


def _metric(where: str, model: CompiledModel) -> str:
    """Return a metric's own name, without that of the output that it is of."""
    prefixes = (f"{output}_" for output, _ in model.outputs)
    return next((where.removeprefix(p) for p in prefixes if where.startswith(p)), where)


def _array(capture: Capture, what: str, name: str, when: str) -> Array:
    array = capture.array((what, name, when))
    if array is None:
        raise NotWritableError(f"{name} was not captured")
    return array


def _output(capture: Capture, key: str) -> Array:
    array = computed(capture, "output", (key, 0))
    if array is None:
        raise NotWritableError(f"the output of {key} was not captured")
    return array


def computed(capture: Capture, what: str, place: Port) -> Array | None:
    """Return an array of a node as the training phase, or else the inference phase, has it."""
    for phase in reversed(capture.model.phases if capture.model is not None else []):
        array = capture.array((what, port(*place), phase))
        if array is not None:
            return array
    return None
