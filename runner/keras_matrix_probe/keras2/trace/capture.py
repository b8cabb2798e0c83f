"""One capture of a model, stage by stage: a failure ends only the stage that it occurs in."""

from typing import Any, Callable, Dict, List, Optional, Sequence, Set, Tuple

from ...contract import TraceRequest
from ..metrics import unique_names
from . import describe, gradients, weights
from .dump import Dump, Reference, port
from .graph import Graph, Node
from .layer_calls import describe_failure
from .optimizer_steps import OptimizerSteps
from .replay import Replayer
from .state import SavedState
from .values import GraphFunction, LearningPhase, by_parts


class GradientTarget:
    """A tensor to compute the gradient of the loss by.

    ``node`` is the node whose output the tensor is, empty for a weight; ``after`` are the nodes
    that the gradient comes through.
    """

    def __init__(self, what: str, name: str, tensor: Any, node: str, after: List[str]) -> None:
        self.what = what
        self.name = name
        self.tensor = tensor
        self.node = node
        self.after = after


class ModelCapture:
    """Captures one model with its first batch.

    ``reference`` is what the reference image's cell captured, in all rounds but the first; its
    batch and weights are used if that is requested. ``skipped`` names layers that this backend
    cannot apply: what comes after them is computed from the reference's outputs of them.
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
        self._phase = LearningPhase(keras.backend)
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

    def run_stages(self, train: Any, values: List[Any], failure: Any, state: SavedState) -> None:
        """Go through all stages; ``train`` is None if building it raised ``failure``."""
        self._stage("nodes", self._describe)
        batch = values[: len(self._tensors)]
        if self._request.impose:
            batch = self._impose(batch)
            state = SavedState(self._backend, self._model)
        if self._request.look:
            self._stage("weights", lambda: self._dump_start(batch))
            feeds = [*zip(self._tensors, batch), *self._reference_feeds()]
            self._stage("forward", lambda: self._forward(feeds))
            if not self._skipped:
                self._stage("loss", lambda: self._loss(batch))
                state.restore_variables()
            if failure is not None:
                stage = "gradient" if not self._skipped else "skipped"
                self._dump.entry("failed", stage=stage, name="", **describe_failure(failure))
            self._stage("gradient", lambda: self._gradient(feeds))
            if train is not None and self._request.steps:
                rest = values[len(self._tensors) :]
                self._stage("update", lambda: self._update(train, [*batch, *rest]))
                state.restore_variables()
        self._replay(batch, state)

    def _stage(self, name: str, work: Callable[[], None]) -> None:
        self._dump.entry("stage", name=name)
        try:
            work()
        except Exception as failure:  # of any kind: it is this stage's result
            self._dump.entry("failed", stage=name, name="", **describe_failure(failure))

    def _describe(self) -> None:
        model = self._model
        for node in describe.describe_nodes(self._graph, self._weights):
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
        """Return the nodes' outputs that are the model's, in order."""
        ports = []
        for tensor in self._model.outputs:
            places = (
                (node.key, index)
                for node in self._graph.nodes
                for index, output in enumerate(node.outputs)
                if output is tensor
            )
            ports.append(next(places, ("", 0)))
        return ports

    def _impose(self, batch: List[Any]) -> List[Any]:
        """Set the reference's weights, and return its batch."""
        reference = self._reference
        if reference is None:
            return batch
        pairs = []
        for name, weight in self._weights:
            value = reference.get("weight", name, "start")
            if value is not None:
                pairs.append((weight, weights.own(weight, value)))
        self._backend.batch_set_value(pairs)
        imposed = [reference.get("batch", str(index), "first") for index in range(len(batch))]
        return [own if value is None else value for own, value in zip(batch, imposed)]

    def _dump_start(self, batch: Sequence[Any]) -> None:
        weights.dump_all(self._backend, self._dump, self._weights, "weight", "start")
        for index, value in enumerate(batch):
            self._dump.array("batch", str(index), "first", value)
        self._dump.entry(
            "batch",
            inputs=len(self._model._feed_inputs),
            targets=len(self._model._feed_targets),
        )

    def _reference_feeds(self) -> List[Tuple[Any, Any]]:
        """Return the reference's outputs of the layers that this backend cannot apply."""
        feeds = []
        for node in self._skipped:
            value = None
            if self._reference is not None:
                phase = self._phase.names()[-1][0]
                value = self._reference.get("output", port(node.key, 0), phase)
            if value is not None:
                feeds.append((node.outputs[0], value))
        return feeds

    def _forward(self, feeds: Sequence[Tuple[Any, Any]]) -> None:
        fed = [tensor for tensor, _ in feeds]
        broken = [
            node.key
            for node in self._skipped
            if not any(node.outputs[0] is tensor for tensor in fed)
        ]
        self._values(self._graph, feeds, broken)

    def _values(self, graph: Graph, feeds: Sequence[Tuple[Any, Any]], broken: List[str]) -> None:
        """Dump the outputs of all nodes of a graph, then those of inner graphs."""
        tensors = [tensor for tensor, _ in feeds]
        inner: Dict[str, Dict[str, List[Any]]] = {}

        def compute(nodes: Sequence[Node]) -> None:
            nested = [node for node in nodes if node.inner is not None]
            outputs = [tensor for node in nodes for tensor in node.outputs]
            outputs += [tensor for node in nested for tensor in node.inputs]
            function = GraphFunction(self._backend, self._phase, tensors, outputs)
            for name, number in self._phase.names():
                results = iter(function([value for _, value in feeds], number))
                for node in nodes:
                    for index in range(len(node.outputs)):
                        self._dump.array("output", port(node.key, index), name, next(results))
                for node in nested:
                    inputs = [next(results) for _ in node.inputs]
                    inner.setdefault(node.key, {})[name] = inputs

        def fail(node: Node, failure: Exception) -> None:
            broken.append(node.key)
            self._dump.entry("failed", stage="forward", name=node.key, **describe_failure(failure))

        by_parts(
            graph.nodes,
            compute,
            fail,
            before=lambda node: self._reachable(node, broken),
            size=len(graph.nodes),
        )
        for node in graph.nodes:
            if node.inner is not None and node.key in inner:
                self._inner_values(node.inner, inner[node.key], broken)

    def _reachable(self, node: Node, broken: List[str]) -> bool:
        """Tell whether a node's inputs can be computed; if not, the node counts as broken, too."""
        if node.key not in broken and any(key in broken for key, _ in node.feeds):
            broken.append(node.key)
        return node.key not in broken and all(node is not skipped for skipped in self._skipped)

    def _inner_values(self, graph: Graph, inputs: Dict[str, List[Any]], broken: List[str]) -> None:
        """Dump the nodes of a nested model, from its inputs in each learning phase."""
        for phase, values in inputs.items():
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

        def compute(items: Sequence[GradientTarget]) -> None:
            tensors = [item.tensor for item in items]
            symbolic = gradients.of_loss(self._backend, self._model.total_loss, tensors)
            connected = [pair for pair in zip(items, symbolic) if pair[1] is not None]
            inputs = [tensor for tensor, _ in feeds]
            outputs = [gradient for _, gradient in connected]
            function = GraphFunction(self._backend, self._phase, inputs, outputs)
            results = function([value for _, value in feeds], number)
            for (item, _), value in zip(connected, results):
                by_weight = item.what == "gradient"
                shared = weights.common(item.tensor, value) if by_weight else value
                self._dump.array(item.what, item.name, name, shared)

        def fail(item: GradientTarget, failure: Exception) -> None:
            broken.add(item.node)
            by = self._stopped_by(item.after, feeds)
            self._dump.entry(
                "failed", stage="gradient", name=item.name, by=by, **describe_failure(failure)
            )

        def is_reached(item: GradientTarget) -> bool:
            # A gradient that a layer does not pass on never reaches the layers before it.
            if any(key in broken for key in item.after):
                if item.what != "gradient":
                    broken.add(item.node)
                return False
            return True

        targets = self._gradient_targets()
        by_parts(targets, compute, fail, before=is_reached, size=max(1, len(targets)))

    def _stopped_by(self, after: Sequence[str], feeds: Sequence[Tuple[Any, Any]]) -> str:
        """Return which of the nodes that use a tensor passes no gradient on to it."""
        if len(after) < 2:
            return after[0] if after else ""
        fed = [tensor for tensor, _ in feeds]
        for node in self._graph.nodes:
            if node.key not in after:
                continue
            ones = [self._backend.ones_like(tensor) for tensor in node.outputs]
            try:
                symbolic = gradients.through(self._backend, node.outputs, ones, node.inputs, [])
                outputs = [gradient for gradient in symbolic if gradient is not None]
                compute = GraphFunction(self._backend, self._phase, fed, outputs)
                compute([value for _, value in feeds], self._phase.names()[-1][1])
            except Exception:  # of any kind: the failure itself is reported already
                return node.key
        return ""

    def _gradient_targets(self) -> List[GradientTarget]:
        """Return all tensors to compute gradients by, those of the last layer first."""
        trained = {id(weight) for weight in self._model._collected_trainable_weights}
        names = {id(weight): name for name, weight in self._weights}
        users: Dict[str, List[str]] = {}
        for node in self._graph.nodes:
            for key, _ in node.feeds:
                users.setdefault(key, []).append(node.key)
        targets: List[GradientTarget] = []
        seen: List[Any] = []
        for node in reversed(self._graph.nodes):
            for index, tensor in enumerate(node.outputs):
                floats = "float" in str(getattr(tensor, "dtype", ""))
                if floats and not any(tensor is other for other in seen):
                    seen.append(tensor)
                    label = port(node.key, index)
                    after = users.get(node.key, [])
                    targets.append(
                        GradientTarget("gradient.output", label, tensor, node.key, after)
                    )
            for weight in getattr(node.layer, "weights", None) or []:
                if id(weight) in trained:
                    trained.discard(id(weight))
                    label = names.get(id(weight), str(weight.name))
                    targets.append(GradientTarget("gradient", label, weight, "", [node.key]))
        for weight in self._model._collected_trainable_weights:
            if id(weight) in trained:
                label = names.get(id(weight), str(weight.name))
                targets.append(GradientTarget("gradient", label, weight, "", []))
        return targets

    def _update(self, train: Any, values: List[Any]) -> None:
        names = list(unique_names(self._model.metrics_names))
        steps = OptimizerSteps(self._keras, self._model, self._dump, self._request.steps)
        steps.train_on_batch(train, values, names, self._phase.names()[-1][0])

    def _replay(self, batch: Sequence[Any], state: SavedState) -> None:
        reference, request = self._reference, self._request
        if reference is None:
            return

        def fail(what: str, name: str, failure: Exception) -> None:
            self._dump.entry("failed", stage=what, name=name, **describe_failure(failure))

        feeds = [*zip(self._tensors, batch), *self._reference_feeds()]
        replayer = Replayer(self._backend, self._dump, reference, feeds, fail)
        nodes = [node for node in self._graph.all() if node not in self._skipped]
        if request.forward:
            chosen = [node for node in nodes if node.key in request.forward]
            self._stage("alone", lambda: replayer.forward(chosen))
        if request.loss:
            self._stage("alone.loss", lambda: replayer.loss(self._model, self._outputs()))
        if request.gradient:
            outer = [node for node in self._graph.nodes if node.key in request.gradient]
            self._stage("alone.gradient", lambda: replayer.backward(outer, self._weights))
            self._stage("alone.penalty", lambda: replayer.penalty(self._model, self._weights))
        if request.moving:
            chosen = [node for node in nodes if node.key in request.moving and node.inner is None]
            arguments = (chosen, self._weights, request.steps, state.restore_variables)
            self._stage("alone.moving", lambda: replayer.averages(*arguments))
        if request.update:
            steps = OptimizerSteps(self._keras, self._model, self._dump, request.steps)
            phase = self._phase.names()[-1][0]
            self._stage("alone.step", lambda: steps.from_reference(reference, phase, state))
