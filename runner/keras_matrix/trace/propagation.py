"""What a difference at one place can reach: the outputs, losses and gradients after it. Pure."""

from collections.abc import Iterator, Mapping
from functools import partial

from keras_matrix.trace.dataflow import Dataflow
from keras_matrix.trace.dump import ArrayKey, Capture, Node, Port, port
from keras_matrix.trace.finding import Finding, TraceStage
from keras_matrix.trace.judge import (
    is_loss,
    is_over_limit,
    learning_phases,
    replayed_gradients,
)
from keras_matrix.trace.measure import Measurements, node_measurements

INPUT_PART = "input:"
"""The beginning of the name of a gradient by one of a node's inputs."""

OWN_ARRAYS: Mapping[TraceStage | None, tuple[str, ...]] = {
    TraceStage.LOSS: ("metric",),
    TraceStage.UPDATES: ("step", "step.slot"),
}
"""What the arrays are whose name is the place of a finding of a stage."""


class Propagation:
    """Follows differences through a model; what was not measured counts as differing.

    With ``strict`` a difference ends where it is measured to be no more than rounding; without, it
    arrives wherever the model's graph leads.
    """

    def __init__(self, capture: Capture, measurements: Measurements, replays: Measurements) -> None:
        self._capture = capture
        self._nodes = {node.key: node for node in capture.nodes}
        self._measurements = measurements
        self._replays = replays
        self._flow = Dataflow(capture)
        self._phases = learning_phases(capture)
        self._outputs = capture.model.outputs if capture.model is not None else []
        self._metrics = {name for what, name, _ in measurements if what == "metric"}

    def own(self, finding: Finding) -> Measurements:
        """Return what a finding was measured to be apart alone, under the keys of the model.

        Where it could not be replayed, what the model computes there is its own.
        """
        replayed: Measurements = {}
        for key, measurement in self._replays.items():
            in_model = self._key_in_model(finding, key)
            if in_model is not None:
                replayed[in_model] = measurement
        measured = replayed or {
            key: measurement
            for key, measurement in self._measurements.items()
            if key[1] == finding.where and key[0] in OWN_ARRAYS.get(finding.stage, ())
        }
        return {key: measurement for key, measurement in measured.items() if measurement.over_limit}

    def reached(self, finding: Finding, *, strict: bool) -> set[ArrayKey]:
        """Return the outputs, losses and gradients in the first step that a finding may change."""
        match finding.stage:
            case TraceStage.OUTPUTS:
                return set(self._after_outputs(finding.where, strict))
            case TraceStage.LOSS:
                return set(self._after_loss(finding.where))
            case TraceStage.GRADIENTS:
                return set(self._after_gradient(finding.where, strict))
            case _:
                # A step comes after them, and other first weights are not the model's.
                return set()

    def averages_after(self, finding: Finding) -> set[str]:
        """Return the weights without a gradient, as moving averages, of what outputs arrive at."""
        if finding.stage is not TraceStage.OUTPUTS or not self._starts(
            finding.where, self._phases[-1]
        ):
            return set()
        keys = self._flow.forwards([finding.where], lambda _: True)
        names = {n for node in self._capture.nodes if node.key in keys for n in node.weights}
        return names - self._capture.trained

    def _key_in_model(self, finding: Finding, key: ArrayKey) -> ArrayKey | None:
        """Return the key in the model of what a replay of a finding computed alone."""
        what, name, when = key
        where, stage = finding.where, finding.stage
        if stage is TraceStage.OUTPUTS and what == "alone":
            node = self._nodes.get(where)
            ports = [port(where, index) for index in range(node.outputs)] if node else []
            return ("output", name, when) if name in ports else None
        if stage is TraceStage.LOSS and what == "alone.loss":
            return ("metric", where, when) if is_loss(where, self._metrics) else None
        if stage is TraceStage.GRADIENTS and what == "alone.gradient":
            node_key, _, part = name.partition(" ")
            by_weight = node_key == where and not part.startswith(INPUT_PART)
            return ("gradient", part, when) if by_weight else None
        if stage is TraceStage.GRADIENTS and what == "alone.penalty":
            return ("gradient", name, when) if name == where else None
        if stage is TraceStage.UPDATES and what.startswith("alone.step"):
            return (what.removeprefix("alone."), name, when) if name == where else None
        if stage is TraceStage.UPDATES and what == "alone.moving":
            return ("step", name, when) if name == where else None
        return None

    def _after_outputs(self, where: str, strict: bool) -> Iterator[ArrayKey]:
        """Yield what a difference of a node's outputs may change."""
        for phase in self._phases:
            if not self._starts(where, phase):
                continue
            passes = partial(self._passes, phase=phase, strict=strict)
            reached = self._flow.forwards([where], passes)
            ports = [place for place in self._outputs if place[0] in reached]
            for place in ports:
                yield ("output", port(*place), phase)
            if not ports:
                continue
            for name in self._metrics:
                yield ("metric", name, phase)
            if phase == self._phases[-1]:
                on_the_way = self._flow.before(key for key, _ in self._outputs)
                yield from self._gradients(self._flow.before(reached & on_the_way))

    def _starts(self, where: str, phase: str) -> bool:
        """Tell whether the outputs of a node that differs do so in a learning phase."""
        node = self._nodes.get(where)
        if node is None:
            return True
        alone = [*node_measurements(self._replays, "alone", node, [phase])]
        chained = [*node_measurements(self._measurements, "output", node, [phase])]
        return not alone + chained or any(m.over_limit for m in alone + chained)

    def _passes(self, key: str, *, phase: str, strict: bool) -> bool:
        node = self._nodes.get(key)
        if node is None or not strict:
            return True
        measured = [*node_measurements(self._measurements, "output", node, [phase])]
        return not measured or any(m.over_limit for m in measured)

    def _after_loss(self, where: str) -> Iterator[ArrayKey]:
        if not is_loss(where, self._metrics):
            return
        phase = self._phases[-1]
        by_outputs = [m for key, m in self._replays.items() if key[0] == "alone.loss.gradient"]
        if not by_outputs or any(measurement.over_limit for measurement in by_outputs):
            yield from self._gradients(self._flow.before(key for key, _ in self._outputs))
        for (what, name, when), _ in self._measurements.items():
            if what == "metric" and when == phase and name == where:
                yield (what, name, when)

    def _after_gradient(self, where: str, strict: bool) -> Iterator[ArrayKey]:
        """Yield the gradients by weights that a difference of a gradient may change."""
        node = self._nodes.get(where)
        if node is None:
            if where == "loss":
                yield from self._gradients(self._flow.before(key for key, _ in self._outputs))
            else:
                yield ("gradient", where, self._phases[-1])
            return
        parts = replayed_gradients(self._replays, node)
        differing = {name for name, measurement in parts.items() if measurement.over_limit}
        ports = [
            feed
            for index, feed in enumerate(node.feeds)
            if f"{INPUT_PART}{index}" in differing or not differing
        ]
        yield from self._gradients(
            self._flow.backwards(ports, lambda place: self._passes_back(place, strict))
        )
        for name in node.weights:
            if name in differing or not differing:
                yield ("gradient", name, self._phases[-1])

    def _passes_back(self, place: Port, strict: bool) -> bool:
        if not strict:
            return True
        measured = self._measurements.get(("gradient.output", port(*place), self._phases[-1]))
        return measured is None or is_over_limit(measured)

    def _gradients(self, keys: set[str]) -> Iterator[ArrayKey]:
        nodes: list[Node] = [node for node in self._capture.nodes if node.key in keys]
        for node in nodes:
            for name in node.weights:
                yield ("gradient", name, self._phases[-1])
