"""Replay layers alone: from the reference's inputs, whatever this backend made of the ones before.

Each is computed a second time from inputs that are moved by one unit in the last place: what that
changes is no difference between backends.
"""

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy

from . import gradients, weights
from .dump import Dump, Reference, port
from .graph import Node
from .state import nudged
from .values import CHUNK, Function, Phase, by_parts

NUDGE_SEED = 1
Failed = Callable[[str, str, Exception], None]
"""Told what was computed, the key of the node, and what went wrong."""


class Alone:
    """Replays nodes of one model. ``feeds`` are its input tensors, with the reference's batch."""

    def __init__(
        self,
        backend: Any,
        dump: Dump,
        reference: Reference,
        feeds: Sequence[Tuple[Any, Any]],
        failed: Failed,
    ) -> None:
        self._backend = backend
        self._dump = dump
        self._reference = reference
        self._feeds = feeds
        self._failed = failed
        self._phase = Phase(backend)

    def forward(self, nodes: Sequence[Node]) -> None:
        """Compute the outputs of nodes."""
        nodes = [
            node for node in nodes if node.feeds and self._inputs(node, self._phase.names()[0][0])
        ]
        for group in apart(nodes):
            by_parts(group, self._outputs_of, lambda n, e: self._failed("alone", n.key, e))

    def backward(self, nodes: Sequence[Node], named: Sequence[weights.Named]) -> None:
        """Compute what arrives at inputs and weights of nodes, of the reference's gradients."""
        trained = {id(weight): name for name, weight in named}
        by_parts(
            [node for node in nodes if node.feeds],
            lambda chunk: self._through(chunk, trained),
            lambda n, e: self._failed("alone.gradient", n.key, e),
        )

    def loss(self, model: Any, outputs_of: Sequence[Tuple[str, int]]) -> None:
        """Compute the loss, and its gradients, from the reference's outputs of the model."""
        backend, phase = self._backend, self._phase
        tensors = [tensor for tensor, _ in self._feeds]
        pairs = [
            (tensor, port(*place))
            for tensor, place in zip(model.outputs, outputs_of)
            if not _among(tensor, tensors)
        ]
        outputs = [tensor for tensor, _ in pairs]
        found = gradients.of_loss(backend, model.total_loss, outputs)
        wanted = [(index, one) for index, one in enumerate(found) if one is not None]
        compute = Function(
            backend,
            phase,
            [*tensors, *outputs],
            [model.total_loss, *(one for _, one in wanted)],
        )
        for name, number in phase.names():
            kept = [self._reference.get("output", where, name) for _, where in pairs]
            if any(value is None for value in kept):
                continue
            for suffix, values in (("", kept), (".nudged", _nudge(kept))):
                results = compute([*(value for _, value in self._feeds), *values], number)
                self._dump.array("alone.loss" + suffix, "loss", name, results[0])
                for (index, _), value in zip(wanted, results[1:]):
                    self._dump.array("alone.loss.gradient" + suffix, pairs[index][1], name, value)

    def penalty(self, model: Any, named: Sequence[weights.Named]) -> None:
        """Compute the gradients of the regularizers, which no layer passes on."""
        if not model.losses:
            return
        trained = {id(weight) for weight in model._collected_trainable_weights}
        listed = [(name, weight) for name, weight in named if id(weight) in trained]
        total = sum(model.losses)
        found = gradients.of_loss(self._backend, total, [weight for _, weight in listed])
        wanted = [(pair, one) for pair, one in zip(listed, found) if one is not None]
        tensors = [tensor for tensor, _ in self._feeds]
        compute = Function(self._backend, self._phase, tensors, [one for _, one in wanted])
        phase, number = self._phase.names()[-1]
        results = compute([value for _, value in self._feeds], number)
        for ((name, weight), _), value in zip(wanted, results):
            self._dump.array("alone.penalty", name, phase, weights.common(weight, value))

    def _inputs(self, node: Node, phase: str) -> Optional[List[Any]]:
        values = [
            self._reference.get("output", port(source, index), phase)
            for source, index in node.feeds
        ]
        return None if any(value is None for value in values) else values

    def _around(self, nodes: Sequence[Node], phase: str) -> List[Tuple[Any, Any]]:
        """Return the inputs of the models that nodes are in: masks are made from them."""
        found = list(self._feeds)
        seen: List[Any] = []
        for node in nodes:
            if node.within is None or any(node.within is one for one in seen):
                continue
            seen.append(node.within)
            for entry in node.within.entries():
                for index, tensor in enumerate(entry.outputs):
                    value = self._reference.get("output", port(entry.key, index), phase)
                    if value is not None:
                        found.append((tensor, value))
        return found

    def _outputs_of(self, nodes: Sequence[Node]) -> None:
        around = self._around(nodes, self._phase.names()[0][0])
        given = [tensor for node in nodes for tensor in node.inputs]
        given += [tensor for tensor, _ in around]
        wanted = [tensor for node in nodes for tensor in node.outputs]
        compute = Function(self._backend, self._phase, given, wanted)
        for name, number in self._phase.names():
            batch = [value for _, value in self._around(nodes, name)]
            kept = [value for node in nodes for value in self._inputs(node, name) or []]
            for suffix, values in (("", kept), (".nudged", _nudge(kept))):
                results = iter(compute([*values, *batch], number))
                for node in nodes:
                    for index in range(len(node.outputs)):
                        where = port(node.key, index)
                        self._dump.array("alone" + suffix, where, name, next(results))

    def _through(self, nodes: Sequence[Node], trained: Dict[int, str]) -> None:
        phase, number = self._phase.names()[-1]
        given: List[Any] = []
        values: List[Any] = []
        wanted: List[Any] = []
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
            holes = [
                self._backend.placeholder(ndim=value.ndim, dtype=value.dtype.name)
                for _, value in pairs
            ]
            floats = [
                (index, tensor)
                for index, tensor in enumerate(node.inputs)
                if inputs[index].dtype.kind == "f"
            ]
            own = [one for one in node.layer.trainable_weights if id(one) in trained]
            found = gradients.through(
                self._backend,
                [tensor for tensor, _ in pairs],
                holes,
                [tensor for _, tensor in floats],
                own,
            )
            given += [*node.inputs, *holes]
            values += [*inputs, *(value for _, value in pairs)]
            named = [(node.key, "input:%d" % index, None) for index, _ in floats]
            named += [(node.key, trained[id(one)], one) for one in own]
            for place, tensor in zip(named, found):
                if tensor is not None:
                    wanted.append(tensor)
                    places.append(place)
        if not wanted:
            return
        around = self._around(nodes, phase)
        batch = [value for _, value in around]
        given += [tensor for tensor, _ in around]
        compute = Function(self._backend, self._phase, given, wanted)
        for suffix, fed in (("", values), (".nudged", _nudge(values))):
            for (key, name, weight), value in zip(places, compute([*fed, *batch], number)):
                shared = value if weight is None else weights.common(weight, value)
                self._dump.array("alone.gradient" + suffix, "%s %s" % (key, name), phase, shared)


def apart(nodes: Sequence[Node]) -> List[List[Node]]:
    """Group nodes so that none feeds another of its group: a tensor is given or computed."""
    groups: List[List[Node]] = []
    for node in nodes:
        for group in groups:
            if len(group) < CHUNK and not any(_touch(node, one) for one in group):
                group.append(node)
                break
        else:
            groups.append([node])
    return groups


def _touch(one: Node, other: Node) -> bool:
    return any(_among(tensor, other.outputs) for tensor in one.inputs) or any(
        _among(tensor, one.outputs) for tensor in other.inputs
    )


def _among(tensor: Any, tensors: Sequence[Any]) -> bool:
    return any(tensor is one for one in tensors)


def _nudge(values: Sequence[Any]) -> List[Any]:
    return [nudged(numpy.asarray(value), NUDGE_SEED, i) for i, value in enumerate(values)]
