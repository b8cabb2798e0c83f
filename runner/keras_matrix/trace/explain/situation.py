"""What is known where a finding is: what the conditions of causes are checked against."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import msgspec
import numpy

from keras_matrix.trace import judge
from keras_matrix.trace.dump import Array, Capture, Node, port
from keras_matrix.trace.explain import slicing
from keras_matrix.trace.finding import Finding, FindingKind

FAILS_ONLY = re.compile(r"fails on (\S+) only")
"""How the findings of failures name the image."""
TIME_DISTRIBUTED = "TimeDistributed"
SIZE_IF_UNKNOWN = 5
"""The size that minimal scripts on random inputs give an axis without one."""


@dataclass(frozen=True)
class Stack:
    """What an image runs: the name of Keras's backend, and the versions of its packages."""

    image: str
    backend: str
    packages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Situation:
    """A finding with its surroundings.

    ``capture`` and ``stack`` are the reference's, ``other`` and ``other_stack`` those of the image
    that the finding is about. ``script`` is the text of the traced script, and ``over_time``
    tells that the layer is applied to each step of a sequence, by a ``TimeDistributed``.
    """

    finding: Finding
    capture: Capture
    stack: Stack
    other: Capture
    other_stack: Stack
    script: str = ""
    over_time: bool = False

    def of_inner_layer(self) -> "Situation":
        """Return the situation of the layer that a ``TimeDistributed`` applies; of others, this."""
        inner = self.finding.config.get("layer")
        if self.finding.layer != TIME_DISTRIBUTED or not isinstance(inner, Mapping):
            return self
        config = inner.get("config")
        finding = msgspec.structs.replace(
            self.finding,
            layer=str(inner.get("class_name")),
            config=dict(config) if isinstance(config, Mapping) else {},
            input_shapes=[[*shape[:1], *shape[2:]] for shape in self.finding.input_shapes],
        )
        return replace(self, finding=finding, over_time=True)

    @property
    def stacks(self) -> tuple[Stack, Stack]:
        """Both images."""
        return self.stack, self.other_stack

    def image_of(self, backend: str) -> str:
        """Return the image of a backend; empty if none of the two has it."""
        return next((stack.image for stack in self.stacks if stack.backend == backend), "")

    def fails_on(self, backend: str) -> bool:
        """Tell whether the finding is a failure on the image of a backend."""
        match = FAILS_ONLY.search(self.finding.what)
        return match is not None and match.group(1) == self.image_of(backend)

    @cached_property
    def node(self) -> Node | None:
        """The application of a layer that the finding is at; None if it is at none."""
        where, nodes = self.finding.where, self.capture.nodes
        node = self.capture.node(where) or judge.node_of_weight(self.capture, where)
        if node is None and self.finding.layer:
            node = next((node for node in nodes if node.layer == where), None)
        return node

    @property
    def is_own_layer(self) -> bool:
        """Whether the class of the finding's layer is Keras's own, not the script's."""
        if self.node is not None:
            return self.node.own
        unbuilt = (capture.unbuilt for capture in (self.capture, self.other))
        return all(u.own for u in unbuilt if u is not None and u.layer == self.finding.where)

    @property
    def config(self) -> Mapping[str, Any]:
        """The configuration of the finding's layer."""
        return self.finding.config

    @cached_property
    def inputs(self) -> tuple[Array, ...]:
        """The layer's inputs as the reference computed them; empty if one was not captured."""
        if self.node is None:
            return ()
        arrays = [self._latest("output", port(*feed)) for feed in self.node.feeds]
        if self.over_time:
            arrays = [a if a is None else a.reshape(-1, *a.shape[2:]) for a in arrays]
        return tuple(array for array in arrays if array is not None) if all_known(arrays) else ()

    @cached_property
    def input_sizes(self) -> tuple[int, ...]:
        """The sizes of the layer's first input without the samples; empty if they are not known.

        They are those of its minimal script: that of a failure has inputs of its own.
        """
        if self.inputs and self.finding.kind is not FindingKind.BUILD:
            return self.inputs[0].shape[1:]
        shapes = self.finding.input_shapes
        return tuple(size or SIZE_IF_UNKNOWN for size in shapes[0][1:]) if shapes else ()

    @cached_property
    def weights(self) -> Mapping[str, Array]:
        """The layer's first weights by the last part of their names, in the layer's order."""
        names = self.node.weights if self.node is not None else []
        arrays = {name.rpartition("/")[2]: self._start(name) for name in names}
        return {name: array for name, array in arrays.items() if array is not None}

    @cached_property
    def targets(self) -> tuple[Array, ...]:
        """The first batch's targets."""
        batch = self.capture.batch
        if batch is None:
            return ()
        places = range(batch.inputs, batch.inputs + batch.targets)
        arrays = [self.capture.array(("batch", str(place), "first")) for place in places]
        return tuple(array for array in arrays if array is not None) if all_known(arrays) else ()

    @cached_property
    def output_index(self) -> int:
        """Which of the model's outputs a finding about the loss is about."""
        outputs = self.capture.model.outputs if self.capture.model is not None else []
        name = self.finding.where.removesuffix("_loss")
        return next((index for index, (key, _) in enumerate(outputs) if key == name), 0)

    @cached_property
    def output_node(self) -> Node | None:
        """The node whose output the loss is computed from; None if the model has no such node."""
        model = self.capture.model
        if model is None or self.output_index >= len(model.outputs):
            return None
        return self.capture.node(model.outputs[self.output_index][0])

    @cached_property
    def predictions(self) -> Array | None:
        """The model's output that the loss is computed from, as the reference computed it."""
        model = self.capture.model
        if model is None or self.output_index >= len(model.outputs):
            return None
        return self._latest("output", port(*model.outputs[self.output_index]))

    @property
    def loss(self) -> str:
        """The name of the loss, or the names of several losses."""
        return name_of(self.capture.model.loss) if self.capture.model is not None else ""

    @property
    def from_logits(self) -> bool:
        """Whether the loss is told that the model's output are logits."""
        loss = self.capture.model.loss if self.capture.model is not None else None
        losses = loss if isinstance(loss, list) else [loss]
        one = losses[self.output_index] if self.output_index < len(losses) else losses[0]
        return _config(one).get("from_logits") is True

    @property
    def optimizer(self) -> str:
        """The name of the optimizer."""
        return name_of(self.capture.model.optimizer) if self.capture.model is not None else ""

    @property
    def decay(self) -> float:
        """The optimizer's decay."""
        config = _config(self.capture.model.optimizer) if self.capture.model is not None else {}
        decay = config.get("decay")
        return float(decay) if isinstance(decay, int | float) else 0.0

    @property
    def applications(self) -> int:
        """How many times the layer is applied."""
        node = self.node
        return sum(n.layer == node.layer for n in self.capture.nodes) if node is not None else 0

    @cached_property
    def code(self) -> str:
        """The part of the script that defines what the finding is about."""
        node, finding = self.node, self.finding
        if node is not None and node.source is not None:
            text = slicing.function_at(self.script, node.source.line) or ""
            needed = slicing.needed_statements(self.script, text or node.source.name)
            return f"{text}\n{needed or slicing.definition(self.script, node.source.name)}".strip()
        names: list[str] = []
        if finding.kind is FindingKind.UPDATE:
            names = [self.optimizer, *_named_in(finding.config, "_constraint")]
        elif not finding.layer:
            # A loss, or a metric that is named as its function is.
            names = [finding.where, *self.loss.split()]
        elif "regularizer" in finding.what:
            return self.script
        definitions = {name: slicing.definition(self.script, name) for name in names}
        parts = [
            slicing.needed_statements(self.script, name) or text
            for name, text in definitions.items()
            if text
        ]
        return "\n".join(dict.fromkeys(parts))

    def _latest(self, what: str, name: str) -> Array | None:
        """Return an array as the training phase, or else another phase, has it."""
        for phase in reversed(judge.learning_phases(self.capture)):
            array = self.capture.array((what, name, phase))
            if array is not None:
                return array
        return None

    def _start(self, name: str) -> Array | None:
        return self.capture.array(("weight", name, "start"))

    def start_of_both(self) -> tuple[Array, Array] | None:
        """Return a first weight as both images have it."""
        key = ("weight", self.finding.where, "start")
        mine, other = self.capture.array(key), self.other.array(key)
        return (mine, other) if mine is not None and other is not None else None


def all_known(arrays: list[Array | None]) -> bool:
    """Tell whether none of some arrays is missing."""
    return all(array is not None for array in arrays)


def preactivation(situation: Situation, activation: str) -> Array | None:
    """Return what a layer's activation is applied to; None if it cannot be computed on the host.

    The layer is an ``Activation``, or a ``Dense`` of Keras's own. Computed in float64.
    """
    node, inputs = situation.node, situation.inputs
    if node is None or not inputs or situation.config.get("activation") != activation:
        return None
    values = inputs[0].astype(numpy.float64)
    if situation.finding.layer == "Activation":
        return values
    kernel = situation.weights.get("kernel")
    if situation.finding.layer != "Dense" or kernel is None or values.shape[-1] != kernel.shape[0]:
        return None
    bias = situation.weights.get("bias")
    product: Array = values @ kernel.astype(numpy.float64)
    return product if bias is None else product + bias.astype(numpy.float64)


def name_of(serialized: Any) -> str:
    """Return the name of a serialized optimizer or loss, or the names of several."""
    if isinstance(serialized, Mapping):
        name = serialized.get("kind") or serialized.get("function")
        return str(name) if name else " ".join(name_of(part) for part in serialized.values())
    if isinstance(serialized, list):
        return " ".join(name_of(part) for part in serialized)
    return str(serialized)


def _named_in(config: Mapping[str, Any], suffix: str) -> Iterator[str]:
    """Yield the names of functions and classes that settings with a suffix have."""
    for setting, value in config.items():
        name = value.get("class_name") if isinstance(value, Mapping) else value
        if setting.endswith(suffix) and isinstance(name, str):
            yield name


def _config(serialized: Any) -> Mapping[str, Any]:
    config = serialized.get("config") if isinstance(serialized, Mapping) else None
    return config if isinstance(config, Mapping) else {}
