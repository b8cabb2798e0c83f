"""Judge measurements: which differences there are, and which of them are real. Pure.

An array that differs is computed again, alone, from the reference's inputs. If it still differs,
the difference is real; if not, it is inherited or amplified rounding.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from keras_matrix.trace.distance import MAX_FLOAT64
from keras_matrix.trace.dump import Capture, Node, port
from keras_matrix.trace.finding import Finding, FindingKind, Origin, finding_at
from keras_matrix.trace.measure import Measurement, Measurements, node_measurements

MIN_REAL_EXCESS = 100.0
"""Times the limit beyond which a gradient is real although it could not be replayed.

Rounding does not grow that large while everything else agrees.
"""
START_ARRAYS = ("weight", "batch")
"""What the arrays are that every image has to start with alike."""


@dataclass(frozen=True)
class Replay:
    """What to compute again from identical inputs."""

    forward: tuple[str, ...] = ()
    gradient: tuple[str, ...] = ()
    moving: tuple[str, ...] = ()
    loss: bool = False
    update: bool = False

    def __bool__(self) -> bool:
        return bool(self.forward or self.gradient or self.moving or self.loss or self.update)

    def __or__(self, other: "Replay") -> "Replay":
        return Replay(
            forward=tuple(dict.fromkeys((*self.forward, *other.forward))),
            gradient=tuple(dict.fromkeys((*self.gradient, *other.gradient))),
            moving=tuple(dict.fromkeys((*self.moving, *other.moving))),
            loss=self.loss or other.loss,
            update=self.update or other.update,
        )


def plan_replay(capture: Capture, measurements: Measurements) -> Replay:
    """Return what differs by more than rounding and therefore has to be replayed alone."""
    phases = learning_phases(capture)
    over_limit = {what for (what, _, _), m in measurements.items() if m.over_limit}
    return Replay(
        forward=_differing_outputs(capture, measurements, phases),
        gradient=tuple(
            node.key
            for node in capture.nodes
            if any_over_limit(_node_gradients(measurements, node, phases[-1]))
        ),
        moving=tuple(
            node.key
            for node in capture.nodes
            if any(
                measurement.over_limit and name in node.weights and name not in capture.trained
                for (what, name, _), measurement in measurements.items()
                if what == "step"
            )
        ),
        loss=bool({"metric", "gradient", "gradient.output"} & over_limit),
        update=any(
            measurement.over_limit
            and (what == "step.slot" or (what == "step" and name in capture.trained))
            for (what, name, _), measurement in measurements.items()
        ),
    )


def _differing_outputs(
    capture: Capture, measurements: Measurements, phases: list[str]
) -> tuple[str, ...]:
    return tuple(
        node.key
        for node in capture.nodes
        if any_over_limit(node_measurements(measurements, "output", node, phases))
    )


def same_start(measurements: Measurements) -> bool:
    """Tell whether first weights and first batch are the reference's."""
    return not any(m.over_limit for (what, _, _), m in measurements.items() if what in START_ARRAYS)


def judge_start(capture: Capture, measurements: Measurements) -> Iterator[Finding]:
    """Yield the weights and parts of the batch that differ before anything was computed."""
    for (what, name, _), measurement in measurements.items():
        if what not in START_ARRAYS or not measurement.over_limit:
            continue
        node = node_of_weight(capture, name) if what == "weight" else None
        text = "the first weights differ" if what == "weight" else "the first batch differs"
        yield measured_finding(FindingKind.START, Origin.REAL, name, node, text, measurement)


def judge_outputs(
    capture: Capture, measurements: Measurements, replays: Measurements
) -> Iterator[Finding]:
    """Yield the layers whose outputs differ, each after all layers that feed it."""
    phases = learning_phases(capture)
    differing = _differing_outputs(capture, measurements, phases)
    real: set[str] = set()
    for node in capture.nodes:
        if node.key not in differing:
            continue
        if any(key.startswith(node.key + "/") for key in real):
            # The finding of a layer inside this one covers it.
            real.add(node.key)
            continue
        chained = furthest(node_measurements(measurements, "output", node, phases))
        replayed = furthest(node_measurements(replays, "alone", node, phases))
        input_differs = any(key in differing for key, _ in node.feeds)
        if replayed.over_limit if replayed is not None else not input_differs:
            origin = Origin.REAL
            real.add(node.key)
        else:
            origin = Origin.INHERITED if input_differs else Origin.AMPLIFIED
        shown = replayed if origin is Origin.REAL and replayed is not None else chained
        if replayed is not None:
            only = _only_phase(replays, "alone", node, phases)
        else:
            only = _only_phase(measurements, "output", node, phases)
        kind = finding_kind(shown, FindingKind.FORWARD)
        if shown is not None and not shown.distance.same_shape:
            kind = FindingKind.SHAPE
        yield measured_finding(kind, origin, node.key, node, f"output{only}", chained, replayed)


def _only_phase(measurements: Measurements, what: str, node: Node, phases: list[str]) -> str:
    """Name the learning phase if a node's outputs differ in only one of two."""
    return _phase_note(
        [
            phase
            for phase in phases
            if any_over_limit(node_measurements(measurements, what, node, [phase]))
        ],
        phases,
    )


def _phase_note(differing: list[str], phases: list[str]) -> str:
    return f", {differing[0]} phase only" if len(differing) == 1 and len(phases) > 1 else ""


def judge_loss(
    capture: Capture, measurements: Measurements, replays: Measurements, real: Sequence[Finding]
) -> Iterator[Finding]:
    """Yield the loss and the metrics that differ although the model's outputs agree."""
    phases = learning_phases(capture)
    replayed_loss = furthest(m for (what, _, _), m in replays.items() if what == "alone.loss")
    names = dict.fromkeys(name for what, name, _ in measurements if what == "metric")
    metrics = {
        name: furthest(m for key, m in measurements.items() if key[:2] == ("metric", name))
        for name in names
    }
    outputs = capture.model.outputs if capture.model is not None else []
    outputs_differ = any(
        is_over_limit(measurements.get(("output", port(key, index), phase)))
        for phase in phases
        for key, index in outputs
    )
    for name, chained in metrics.items():
        if chained is None or not chained.over_limit:
            continue
        of_loss = is_loss(name, metrics)
        # Only the loss can be replayed alone, other metrics cannot.
        replayed = replayed_loss if of_loss else None
        if is_over_limit(replayed):
            origin = Origin.REAL
        elif outputs_differ:
            origin = Origin.INHERITED
        else:
            origin = Origin.REAL if replayed is None else Origin.AMPLIFIED
        measured = [p for p in phases if ("metric", name, p) in measurements]
        differing = [p for p in measured if measurements["metric", name, p].over_limit]
        yield measured_finding(
            finding_kind(replayed or chained, FindingKind.LOSS),
            *(origin, name, None),
            ("loss" if of_loss else "metric") + _phase_note(differing, measured),
            *(chained, replayed),
        )
    if is_over_limit(replayed_loss) and not is_over_limit(metrics.get("loss")):
        # The loss agrees in the model, but not from identical outputs.
        yield measured_finding(
            finding_kind(replayed_loss, FindingKind.LOSS),
            *(Origin.REAL, "loss", None, "loss", metrics.get("loss"), replayed_loss),
        )


def is_loss(name: str, names: Collection[str]) -> bool:
    """Tell whether a name among those of losses and metrics is that of a loss."""
    return name == "loss" or (name.endswith("_loss") and "loss" in names)


def judge_gradients(
    capture: Capture, measurements: Measurements, replays: Measurements, real: Sequence[Finding]
) -> Iterator[Finding]:
    """Yield the layers, and the loss, whose gradients differ although their outputs agree."""
    phase = learning_phases(capture)[-1]
    blamed = {finding.where for finding in real}
    explained = bool(real)
    by_outputs = furthest(m for key, m in replays.items() if key[0] == "alone.loss.gradient")
    if by_outputs is not None and by_outputs.over_limit:
        explained = True
        yield measured_finding(
            finding_kind(by_outputs, FindingKind.GRADIENT),
            Origin.INHERITED if "loss" in blamed else Origin.REAL,
            *("loss", None, "gradient by the outputs", None, by_outputs),
        )
    for (what, name, _), penalty in replays.items():
        if what != "alone.penalty" or not penalty.over_limit:
            continue
        explained = True
        yield measured_finding(
            finding_kind(penalty, FindingKind.GRADIENT),
            *(Origin.REAL, name, node_of_weight(capture, name), "gradient of a regularizer"),
            *(measurements.get(("gradient", name, phase)), penalty),
        )
    # Gradients are computed backwards, so the first layer to differ is the last of the model.
    for node in reversed(capture.nodes):
        chained = furthest(_node_gradients(measurements, node, phase))
        if chained is None or not any_over_limit(_node_gradients(measurements, node, phase)):
            continue
        parts = replayed_gradients(replays, node)
        replayed = furthest(parts.values())
        shown, what = chained, "gradient"
        if replayed is not None and replayed.over_limit:
            part = max(parts, key=lambda name: parts[name].excess)
            shown = replayed
            what = f"gradient by {'its input' if part.startswith('input:') else part}"
            origin = Origin.INHERITED if node.key in blamed else Origin.REAL
            explained = True
        elif (
            replayed is None
            and _far_off(measurements, node, chained, phase)
            and (not explained or _gradient_arrives(measurements, node, phase))
        ):
            # It could not be replayed alone, and nothing else explains it.
            origin = Origin.REAL
            explained = True
        else:
            origin = Origin.INHERITED if explained else Origin.AMPLIFIED
        yield measured_finding(
            finding_kind(shown, FindingKind.GRADIENT),
            *(origin, node.key, node, what, chained, replayed),
        )


def replayed_gradients(replays: Measurements, node: Node) -> dict[str, Measurement]:
    """Return the gradients of a node replayed alone, by the name of the weight or ``input:0``."""
    prefix = node.key + " "
    return {
        name.removeprefix(prefix): measurement
        for (what, name, _), measurement in replays.items()
        if what == "alone.gradient" and name.startswith(prefix)
    }


def _far_off(measurements: Measurements, node: Node, chained: Measurement, phase: str) -> bool:
    """Tell whether a node's gradient is far off although its inputs and outputs agree."""
    outermost = bool(node.feeds) and "/" not in node.key
    if not outermost or chained.excess <= MIN_REAL_EXCESS:
        return False
    ports = [*node.feeds, *((node.key, index) for index in range(node.outputs))]
    return not any(is_over_limit(measurements.get(("output", port(*p), phase))) for p in ports)


def _gradient_arrives(measurements: Measurements, node: Node, phase: str) -> bool:
    """Tell whether the gradients by all outputs of a node were measured, and agree."""
    ports = (port(node.key, index) for index in range(node.outputs))
    gradients = [measurements.get(("gradient.output", name, phase)) for name in ports]
    return all(one is not None and not one.over_limit for one in gradients)


def _node_gradients(measurements: Measurements, node: Node, phase: str) -> Iterator[Measurement]:
    """Yield the gradients by a node's inputs and weights."""
    keys = [("gradient.output", port(key, index), phase) for key, index in node.feeds]
    keys += [("gradient", name, phase) for name in node.weights]
    yield from (measurements[key] for key in keys if key in measurements)


def learning_phases(capture: Capture) -> list[str]:
    """Return the learning phases that were captured, inference first."""
    return capture.model.phases if capture.model is not None else ["inference", "training"]


def node_of_weight(capture: Capture, weight: str) -> Node | None:
    """Return the first node that has a weight, or the weight of an optimizer's slot."""
    return next(
        (
            node
            for node in capture.nodes
            if any(weight == name or weight.startswith(name + ".slot") for name in node.weights)
        ),
        None,
    )


def any_over_limit(measurements: Iterable[Measurement]) -> bool:
    """Tell whether rounding does not explain one of the distances."""
    return any(measurement.over_limit for measurement in measurements)


def is_over_limit(measurement: Measurement | None) -> bool:
    """Tell whether something was measured and rounding does not explain its distance."""
    return measurement is not None and measurement.over_limit


def furthest(measurements: Iterable[Measurement]) -> Measurement | None:
    """Return the measurement that is furthest beyond its limit; None of no measurements."""
    return max(measurements, key=lambda measurement: measurement.excess, default=None)


def finding_kind(measurement: Measurement | None, otherwise: FindingKind) -> FindingKind:
    """Return NAN if elements are not finite on one image only, else the kind that is given."""
    odd = measurement is not None and measurement.distance.odd
    return FindingKind.NAN if odd else otherwise


def measured_finding(
    kind: FindingKind,
    origin: Origin,
    where: str,
    node: Node | None,
    what: str,
    chained: Measurement | None = None,
    alone: Measurement | None = None,
) -> Finding:
    """Make a finding from measurements; the limit is that of ``alone`` where there is one."""
    decisive = alone or chained
    return finding_at(
        kind,
        origin,
        where,
        node,
        what=what,
        chained=chained.distance if chained is not None else None,
        alone=alone.distance if alone is not None else None,
        limit=min(decisive.limit, MAX_FLOAT64) if decisive is not None else None,
    )
