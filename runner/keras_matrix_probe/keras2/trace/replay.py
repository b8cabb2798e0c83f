"""Replay layers alone: from the reference's inputs, whatever this backend computes before them.

Each is computed a second time from inputs that are moved by one unit in the last place: what this
changes is not a difference between backends.
"""

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy

from . import gradients, weights
from .dump import Dump, Reference, port
from .graph import Node
from .state import nudged
from .values import NODES_PER_FUNCTION, GraphFunction, LearningPhase, by_parts

NUDGE_SEED = 1
NUDGED = ".nudged"
"""The ending of what is computed from moved inputs."""
ReportFailure = Callable[[str, str, Exception], None]
"""Called with what was computed, the key of the node, and the failure."""


class Replayer:
    """Replays nodes of one model; ``feeds`` are its input tensors with the reference's batch."""

    def __init__(
        self,
        backend: Any,
        dump: Dump,
        reference: Reference,
        feeds: Sequence[Tuple[Any, Any]],
        report_failure: ReportFailure,
    ) -> None:
        self._backend = backend
        self._dump = dump
        self._reference = reference
        self._feeds = feeds
        self._report_failure = report_failure
        self._phase = LearningPhase(backend)

    def forward(self, nodes: Sequence[Node]) -> None:
        """Compute the outputs of nodes from the reference's inputs of them."""
        nodes = [
            node for node in nodes if node.feeds and self._inputs(node, self._phase.names()[0][0])
        ]
        for group in apart(nodes):
            by_parts(
                group, self._outputs_of, lambda node, e: self._report_failure("alone", node.key, e)
            )

    def backward(self, nodes: Sequence[Node], named: Sequence[weights.Named]) -> None:
        """Compute the gradients by inputs and weights of nodes from the reference's, by outputs."""
        trained = {id(weight): name for name, weight in named}
        by_parts(
            [node for node in nodes if node.feeds],
            lambda some: self._gradients_of(some, trained),
            lambda node, e: self._report_failure("alone.gradient", node.key, e),
        )

    def loss(self, model: Any, outputs_of: Sequence[Tuple[str, int]]) -> None:
        """Compute the loss and its gradients from the reference's outputs of the model."""
        backend, phase = self._backend, self._phase
        tensors = [tensor for tensor, _ in self._feeds]
        pairs = [
            (tensor, port(*place))
            for tensor, place in zip(model.outputs, outputs_of)
            if not _among(tensor, tensors)
        ]
        outputs = [tensor for tensor, _ in pairs]
        symbolic = enumerate(gradients.of_loss(backend, model.total_loss, outputs))
        connected = [(index, gradient) for index, gradient in symbolic if gradient is not None]
        compute = GraphFunction(
            backend,
            phase,
            [*tensors, *outputs],
            [model.total_loss, *(gradient for _, gradient in connected)],
        )
        for name, number in phase.names():
            stored = [self._reference.get("output", where, name) for _, where in pairs]
            if any(value is None for value in stored):
                continue
            for suffix, values in (("", stored), (NUDGED, _nudge(stored))):
                results = compute([*(value for _, value in self._feeds), *values], number)
                self._dump.array("alone.loss" + suffix, "loss", name, results[0])
                for (index, _), value in zip(connected, results[1:]):
                    self._dump.array("alone.loss.gradient" + suffix, pairs[index][1], name, value)

    def penalty(self, model: Any, named: Sequence[weights.Named]) -> None:
        """Compute the gradients of the regularizers, which pass through no layer."""
        if not model.losses:
            return
        trained = {id(weight) for weight in model._collected_trainable_weights}
        listed = [(name, weight) for name, weight in named if id(weight) in trained]
        total = sum(model.losses)
        symbolic = gradients.of_loss(self._backend, total, [weight for _, weight in listed])
        connected = [pair for pair in zip(listed, symbolic) if pair[1] is not None]
        tensors = [tensor for tensor, _ in self._feeds]
        compute = GraphFunction(
            self._backend, self._phase, tensors, [gradient for _, gradient in connected]
        )
        phase, number = self._phase.names()[-1]
        results = compute([value for _, value in self._feeds], number)
        for ((name, weight), _), value in zip(connected, results):
            self._dump.array("alone.penalty", name, phase, weights.common(weight, value))

    def averages(
        self,
        nodes: Sequence[Node],
        named: Sequence[weights.Named],
        steps: int,
        restore: Callable[[], None],
    ) -> None:
        """Make the layers' own updates, as of moving averages, from the reference's inputs.

        They are made ``steps`` times, from the same inputs each time; ``restore`` sets all
        variables back. All applications of a layer are taken together, as in training.
        """
        phase, number = self._phase.names()[-1]
        layers: Dict[int, List[Node]] = {}
        for node in nodes:
            layers.setdefault(id(node.layer), []).append(node)
        for applied in layers.values():
            try:
                self._averages_of(applied, named, steps, restore, phase, number)
            except Exception as failure:  # of any kind: of the script's own layer, too
                self._report_failure("alone.moving", applied[0].key, failure)
            restore()

    def _averages_of(
        self,
        nodes: Sequence[Node],
        named: Sequence[weights.Named],
        steps: int,
        restore: Callable[[], None],
        phase: str,
        number: int,
    ) -> None:
        layer = nodes[0].layer
        stored = [self._inputs(node, phase) for node in nodes if node.feeds]
        tensors = [tensor for node in nodes for tensor in node.inputs]
        twice = len({id(tensor) for node in nodes for tensor in node.inputs}) < len(tensors)
        if twice or len(stored) < len(nodes) or any(values is None for values in stored):
            # A model that is used twice has its layers' tensors only once.
            return
        updates = [update for node in nodes for update in layer.get_updates_for(node.inputs)]
        updates += layer.get_updates_for(None)
        own = {id(weight) for weight in layer.non_trainable_weights}
        listed = [(name, weight) for name, weight in named if id(weight) in own]
        if not updates or not listed:
            return
        around = self._around(nodes, phase)
        inputs = [*tensors, *(tensor for tensor, _ in around)]
        batch = [value for _, value in around]
        values = [value for one in stored for value in one or []]
        output = self._backend.sum(tensors[0])
        compute = GraphFunction(self._backend, self._phase, inputs, [output], updates)
        for suffix, fed in (("", values), (NUDGED, _nudge(values))):
            restore()
            for step in range(1, steps + 1):
                compute([*fed, *batch], number)
                what = "alone.moving" + suffix
                weights.dump_all(self._backend, self._dump, listed, what, str(step))

    def _inputs(self, node: Node, phase: str) -> Optional[List[Any]]:
        values = [
            self._reference.get("output", port(source, index), phase)
            for source, index in node.feeds
        ]
        return None if any(value is None for value in values) else values

    def _around(self, nodes: Sequence[Node], phase: str) -> List[Tuple[Any, Any]]:
        """Return the inputs of the models that nodes are in: masks are computed from them."""
        feeds = list(self._feeds)
        graphs: List[Any] = []
        for node in nodes:
            if node.within is None or any(node.within is graph for graph in graphs):
                continue
            graphs.append(node.within)
            for entry in node.within.entries():
                for index, tensor in enumerate(entry.outputs):
                    value = self._reference.get("output", port(entry.key, index), phase)
                    if value is not None:
                        feeds.append((tensor, value))
        return feeds

    def _outputs_of(self, nodes: Sequence[Node]) -> None:
        around = self._around(nodes, self._phase.names()[0][0])
        inputs = [tensor for node in nodes for tensor in node.inputs]
        inputs += [tensor for tensor, _ in around]
        outputs = [tensor for node in nodes for tensor in node.outputs]
        compute = GraphFunction(self._backend, self._phase, inputs, outputs)
        for name, number in self._phase.names():
            batch = [value for _, value in self._around(nodes, name)]
            stored = [value for node in nodes for value in self._inputs(node, name) or []]
            for suffix, values in (("", stored), (NUDGED, _nudge(stored))):
                results = iter(compute([*values, *batch], number))
                for node in nodes:
                    for index in range(len(node.outputs)):
                        where = port(node.key, index)
                        self._dump.array("alone" + suffix, where, name, next(results))

    def _gradients_of(self, nodes: Sequence[Node], trained: Dict[int, str]) -> None:
        phase, number = self._phase.names()[-1]
        tensors: List[Any] = []
        values: List[Any] = []
        results: List[Any] = []
        places: List[Tuple[str, str, Any]] = []
        for node in nodes:
            inputs = self._inputs(node, phase)
            upstream = [
                self._reference.get("gradient.output", port(node.key, index), phase)
                for index in range(len(node.outputs))
            ]
            if inputs is None or all(value is None for value in upstream):
                continue
            pairs = [(t, u) for t, u in zip(node.outputs, upstream) if u is not None]
            placeholders = [
                self._backend.placeholder(ndim=value.ndim, dtype=value.dtype.name)
                for _, value in pairs
            ]
            floats = [
                (index, tensor)
                for index, tensor in enumerate(node.inputs)
                if inputs[index].dtype.kind == "f"
            ]
            own = [weight for weight in node.layer.trainable_weights if id(weight) in trained]
            symbolic = gradients.through(
                self._backend,
                [tensor for tensor, _ in pairs],
                placeholders,
                [tensor for _, tensor in floats],
                own,
            )
            tensors += [*node.inputs, *placeholders]
            values += [*inputs, *(value for _, value in pairs)]
            named = [(node.key, "input:%d" % index, None) for index, _ in floats]
            named += [(node.key, trained[id(weight)], weight) for weight in own]
            for place, tensor in zip(named, symbolic):
                if tensor is not None:
                    results.append(tensor)
                    places.append(place)
        if not results:
            return
        around = self._around(nodes, phase)
        batch = [value for _, value in around]
        tensors += [tensor for tensor, _ in around]
        compute = GraphFunction(self._backend, self._phase, tensors, results)
        for suffix, fed in (("", values), (NUDGED, _nudge(values))):
            for (key, name, weight), value in zip(places, compute([*fed, *batch], number)):
                shared = value if weight is None else weights.common(weight, value)
                self._dump.array("alone.gradient" + suffix, "%s %s" % (key, name), phase, shared)


def apart(nodes: Sequence[Node]) -> List[List[Node]]:
    """Group nodes so that no node feeds another of its group.

    In one function a tensor is either given or computed.
    """
    groups: List[List[Node]] = []
    for node in nodes:
        for group in groups:
            if len(group) < NODES_PER_FUNCTION and not any(_touch(node, other) for other in group):
                group.append(node)
                break
        else:
            groups.append([node])
    return groups


def _touch(first: Node, second: Node) -> bool:
    return any(_among(tensor, second.outputs) for tensor in first.inputs) or any(
        _among(tensor, first.outputs) for tensor in second.inputs
    )


def _among(tensor: Any, tensors: Sequence[Any]) -> bool:
    return any(tensor is other for other in tensors)


def _nudge(values: Sequence[Any]) -> List[Any]:
    return [nudged(numpy.asarray(value), NUDGE_SEED, i) for i, value in enumerate(values)]
