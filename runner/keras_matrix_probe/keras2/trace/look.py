"""One look into a model: stage after stage, each by itself, so that a failure costs but one."""

from typing import Any, Callable, Dict, List, Optional, Sequence, Set, Tuple

from ...contract import TraceRequest
from ..metrics import unique_names
from . import describe, gradients, weights
from .alone import Alone
from .building import failed
from .dump import Dump, Reference, port
from .graph import Graph, Node
from .state import State
from .updates import Steps
from .values import Function, Phase, by_parts


class Wanted:
    """A tensor to have the loss's gradient by; ``after`` are the nodes that it comes through.

    ``node`` is the node that a layer's output is of, empty for a weight.
    """

    def __init__(self, what: str, name: str, tensor: Any, node: str, after: List[str]) -> None:
        self.what = what
        self.name = name
        self.tensor = tensor
        self.node = node
        self.after = after


class Look:
    """Looks into one model, with its first batch.

    ``reference`` is what the reference image's cell saw, in all rounds but the first: its batch
    and weights are taken where that is asked for. ``skipped`` names layers that this backend cannot
    apply: what comes after them is looked at from the reference's outputs of them.
    """

    def __init__(
        self,
        keras: Any,
        model: Any,
        graph: Graph,
        dump: Dump,
        request: TraceRequest,
        reference: Optional[Reference],
        skipped: Sequence[str],
    ) -> None:
        self._keras = keras
        self._backend = keras.backend
        self._model = model
        self._dump = dump
        self._request = request
        self._reference = reference
        self._phase = Phase(keras.backend)
        self._graph = graph
        self._weights = weights.named(model)
        self._skipped = [
            node for node in self._graph.nodes if str(getattr(node.layer, "name", "")) in skipped
        ]
        self._tensors = [
            *model._feed_inputs,
            *model._feed_targets,
            *model._feed_sample_weights,
        ]

    def all(self, train: Any, values: List[Any], failure: Any, state: State) -> None:
        """Go through all stages; ``train`` is None where building it raised ``failure``."""
        self._stage("nodes", self._describe)
        batch = values[: len(self._tensors)]
        if self._request.impose:
            batch = self._imposed(batch)
            state = State(self._backend, self._model)
        if self._request.look:
            self._stage("weights", lambda: self._start(batch))
            feeds = [*zip(self._tensors, batch), *self._lent()]
            self._stage("forward", lambda: self._forward(feeds))
            if not self._skipped:
                self._stage("loss", lambda: self._loss(batch))
                state.restore_variables()
            if failure is not None:
                stage = "gradient" if not self._skipped else "skipped"
                self._dump.entry("failed", stage=stage, name="", **failed(failure))
            self._stage("gradient", lambda: self._gradient(feeds))
            if train is not None and self._request.steps:
                rest = values[len(self._tensors) :]
                self._stage("update", lambda: self._update(train, [*batch, *rest]))
                state.restore_variables()
        self._alone(batch, state)

    def _stage(self, name: str, work: Callable[[], None]) -> None:
        self._dump.entry("stage", name=name)
        try:
            work()
        except Exception as failure:  # of whatever kind: it is this stage's result
            self._dump.entry("failed", stage=name, name="", **failed(failure))

    def _describe(self) -> None:
        model = self._model
        for node in describe.nodes(self._graph, self._weights):
            self._dump.entry("node", **node)
        self._dump.entry(
            "model",
            name=str(model.name),
            optimizer=describe.serialized(model.optimizer),
            loss=describe.serialized(model.loss),
            metrics=list(unique_names(model.metrics_names)),
            phases=[name for name, _ in self._phase.names()],
            outputs=self._outputs(),
        )

    def _outputs(self) -> List[Tuple[str, int]]:
        """Return which node's outputs are the model's, in order."""
        found = []
        for tensor in self._model.outputs:
            places = (
                (node.key, index)
                for node in self._graph.nodes
                for index, one in enumerate(node.outputs)
                if one is tensor
            )
            found.append(next(places, ("", 0)))
        return found

    def _imposed(self, batch: List[Any]) -> List[Any]:
        """Take over the reference's weights and batch."""
        reference = self._reference
        if reference is None:
            return batch
        pairs = []
        for name, weight in self._weights:
            value = reference.get("weight", name, "start")
            if value is not None:
                pairs.append((weight, weights.own(weight, value)))
        self._backend.batch_set_value(pairs)
        taken = [reference.get("batch", str(index), "first") for index in range(len(batch))]
        return [own if value is None else value for own, value in zip(batch, taken)]

    def _start(self, batch: Sequence[Any]) -> None:
        weights.dump_all(self._backend, self._dump, self._weights, "weight", "start")
        for index, value in enumerate(batch):
            self._dump.array("batch", str(index), "first", value)
        self._dump.entry(
            "batch",
            inputs=len(self._model._feed_inputs),
            targets=len(self._model._feed_targets),
        )

    def _lent(self) -> List[Tuple[Any, Any]]:
        """Return the reference's outputs of the layers that this backend cannot apply."""
        found = []
        for node in self._skipped:
            value = None
            if self._reference is not None:
                phase = self._phase.names()[-1][0]
                value = self._reference.get("output", port(node.key, 0), phase)
            if value is not None:
                found.append((node.outputs[0], value))
        return found

    def _forward(self, feeds: Sequence[Tuple[Any, Any]]) -> None:
        given = [tensor for tensor, _ in feeds]
        broken = [
            node.key
            for node in self._skipped
            if not any(node.outputs[0] is tensor for tensor in given)
        ]
        self._values(self._graph, feeds, broken)

    def _values(self, graph: Graph, feeds: Sequence[Tuple[Any, Any]], broken: List[str]) -> None:
        """Dump the outputs of all nodes of a graph, then those of the graphs within."""
        tensors = [tensor for tensor, _ in feeds]
        inner: Dict[str, Dict[str, List[Any]]] = {}

        def compute(nodes: Sequence[Node]) -> None:
            nested = [node for node in nodes if node.inner is not None]
            wanted = [tensor for node in nodes for tensor in node.outputs]
            wanted += [tensor for node in nested for tensor in node.inputs]
            function = Function(self._backend, self._phase, tensors, wanted)
            for name, number in self._phase.names():
                results = iter(function([value for _, value in feeds], number))
                for node in nodes:
                    for index in range(len(node.outputs)):
                        self._dump.array("output", port(node.key, index), name, next(results))
                for node in nested:
                    given = [next(results) for _ in node.inputs]
                    inner.setdefault(node.key, {})[name] = given

        def fail(node: Node, failure: Exception) -> None:
            broken.append(node.key)
            self._dump.entry("failed", stage="forward", name=node.key, **failed(failure))

        by_parts(
            graph.nodes,
            compute,
            fail,
            before=lambda node: self._reachable(node, broken),
            size=len(graph.nodes),
        )
        for node in graph.nodes:
            if node.inner is not None and node.key in inner:
                self._inner(node.inner, inner[node.key], broken)

    def _reachable(self, node: Node, broken: List[str]) -> bool:
        """Tell whether a node's inputs are there; one without them is as good as broken itself."""
        if node.key not in broken and any(key in broken for key, _ in node.feeds):
            broken.append(node.key)
        return node.key not in broken and all(node is not one for one in self._skipped)

    def _inner(self, graph: Graph, given: Dict[str, List[Any]], broken: List[str]) -> None:
        """Dump what is within a nested model, from the inputs that it gets in each phase."""
        for phase, values in given.items():
            phases = self._phase
            self._phase = phases.only(phase)
            try:
                self._values(graph, list(zip(graph.inputs, values)), broken)
            finally:
                self._phase = phases

    def _loss(self, batch: Sequence[Any]) -> None:
        model = self._model
        model._make_test_function()
        phase = [0] if model._uses_dynamic_learning_phase() else []
        model.reset_metrics()
        results = model.test_function([*batch, *phase])
        results = results if isinstance(results, (list, tuple)) else [results]
        for name, value in zip(unique_names(model.metrics_names), results):
            self._dump.array("metric", name, self._phase.names()[0][0], value)

    def _gradient(self, feeds: Sequence[Tuple[Any, Any]]) -> None:
        name, number = self._phase.names()[-1]
        broken: Set[str] = set()

        def compute(items: Sequence[Wanted]) -> None:
            tensors = [item.tensor for item in items]
            found = gradients.of_loss(self._backend, self._model.total_loss, tensors)
            kept = [(item, one) for item, one in zip(items, found) if one is not None]
            given = [tensor for tensor, _ in feeds]
            wanted = [one for _, one in kept]
            function = Function(self._backend, self._phase, given, wanted)
            results = function([value for _, value in feeds], number)
            for (item, _), value in zip(kept, results):
                own = item.what == "gradient"
                shared = weights.common(item.tensor, value) if own else value
                self._dump.array(item.what, item.name, name, shared)

        def fail(item: Wanted, failure: Exception) -> None:
            broken.add(item.node)
            by = self._stopped_by(item.after, feeds)
            self._dump.entry("failed", stage="gradient", name=item.name, by=by, **failed(failure))

        def reached(item: Wanted) -> bool:
            # What a layer does not pass on never comes to those before it.
            if any(key in broken for key in item.after):
                if item.what != "gradient":
                    broken.add(item.node)
                return False
            return True

        wanted = self._by_what_follows()
        by_parts(wanted, compute, fail, before=reached, size=max(1, len(wanted)))

    def _stopped_by(self, after: Sequence[str], feeds: Sequence[Tuple[Any, Any]]) -> str:
        """Return which of several nodes that take a tensor passes no gradient on to it."""
        if len(after) < 2:
            return after[0] if after else ""
        given = [tensor for tensor, _ in feeds]
        for node in self._graph.nodes:
            if node.key not in after:
                continue
            ones = [self._backend.ones_like(tensor) for tensor in node.outputs]
            try:
                found = gradients.through(self._backend, node.outputs, ones, node.inputs, [])
                wanted = [one for one in found if one is not None]
                compute = Function(self._backend, self._phase, given, wanted)
                compute([value for _, value in feeds], self._phase.names()[-1][1])
            except Exception:  # of whatever kind: the one that was met is told already
                return node.key
        return ""

    def _by_what_follows(self) -> List[Wanted]:
        """Return what gradients are wanted by, the last layer's first."""
        trained = {id(weight) for weight in self._model._collected_trainable_weights}
        names = {id(weight): name for name, weight in self._weights}
        users: Dict[str, List[str]] = {}
        for node in self._graph.nodes:
            for key, _ in node.feeds:
                users.setdefault(key, []).append(node.key)
        found: List[Wanted] = []
        seen: List[Any] = []
        for node in reversed(self._graph.nodes):
            for index, tensor in enumerate(node.outputs):
                floats = "float" in str(getattr(tensor, "dtype", ""))
                if floats and not any(tensor is one for one in seen):
                    seen.append(tensor)
                    label = port(node.key, index)
                    after = users.get(node.key, [])
                    found.append(Wanted("gradient.output", label, tensor, node.key, after))
            for weight in getattr(node.layer, "weights", None) or []:
                if id(weight) in trained:
                    trained.discard(id(weight))
                    label = names.get(id(weight), str(weight.name))
                    found.append(Wanted("gradient", label, weight, "", [node.key]))
        for weight in self._model._collected_trainable_weights:
            if id(weight) in trained:
                label = names.get(id(weight), str(weight.name))
                found.append(Wanted("gradient", label, weight, "", []))
        return found

    def _update(self, train: Any, values: List[Any]) -> None:
        names = list(unique_names(self._model.metrics_names))
        steps = Steps(self._keras, self._model, self._dump, self._request.steps)
        steps.natural(train, values, names, self._phase.names()[-1][0])

    def _alone(self, batch: Sequence[Any], state: State) -> None:
        reference, request = self._reference, self._request
        if reference is None:
            return

        def fail(what: str, name: str, failure: Exception) -> None:
            self._dump.entry("failed", stage=what, name=name, **failed(failure))

        feeds = [*zip(self._tensors, batch), *self._lent()]
        alone = Alone(self._backend, self._dump, reference, feeds, fail)
        nodes = [node for node in self._graph.all() if node not in self._skipped]
        if request.forward:
            picked = [node for node in nodes if node.key in request.forward]
            self._stage("alone", lambda: alone.forward(picked))
        if request.loss:
            self._stage("alone.loss", lambda: alone.loss(self._model, self._outputs()))
        if request.gradient:
            outer = [node for node in self._graph.nodes if node.key in request.gradient]
            self._stage("alone.gradient", lambda: alone.backward(outer, self._weights))
            self._stage("alone.penalty", lambda: alone.penalty(self._model, self._weights))
        if request.update:
            steps = Steps(self._keras, self._model, self._dump, request.steps)
            phase = self._phase.names()[-1][0]
            self._stage("alone.step", lambda: steps.isolated(reference, phase, state))
