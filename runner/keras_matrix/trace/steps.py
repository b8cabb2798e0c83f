"""Judge the optimizer's first steps, and what each step changes without training it. Pure."""

from collections.abc import Iterator, Sequence

from keras_matrix.trace.dump import Capture, Node
from keras_matrix.trace.finding import Finding, FindingKind, Origin
from keras_matrix.trace.judge import (
    any_over_limit,
    finding_kind,
    furthest,
    is_over_limit,
    learning_phases,
    measured_finding,
    node_of_weight,
)
from keras_matrix.trace.measure import Measurement, Measurements, node_measurements

FIRST_STEP = "1"


def judge_steps(
    capture: Capture, measurements: Measurements, replays: Measurements, real: Sequence[Finding]
) -> Iterator[Finding]:
    """Yield the weights that differ after a step although their gradients agree."""
    names = dict.fromkeys(
        name
        for what, name, _ in (*measurements, *replays)
        if what.split(".")[-1] in ("step", "slot", "moving")
    )
    replayed = any(what == "alone.step" for what, _, _ in replays)
    for name in names:
        what = "step.slot" if name not in capture.trained and _is_slot(name) else "step"
        chained = _first_difference(measurements, what, name)
        alone = _first_difference(replays, f"alone.{what}", name)
        if what == "step" and name not in capture.trained:
            averaged = [m for key, m in replays.items() if key[:2] == ("alone.moving", name)]
            yield from _moving_average(capture, measurements, averaged, name, chained, real)
            continue
        first = alone or chained
        if first is None:
            continue
        if alone is not None:
            origin = Origin.REAL
        elif replayed:
            origin = Origin.INHERITED if real else Origin.AMPLIFIED
        else:
            origin = Origin.INHERITED if _gradients_differ(measurements) else Origin.REAL
        step, shown = first
        label = "slot of the optimizer" if what == "step.slot" else "weight"
        yield measured_finding(
            finding_kind(shown, FindingKind.UPDATE),
            *(origin, name, node_of_weight(capture, name), f"{label} after step {step}"),
            chained=chained[1] if chained is not None else None,
            alone=alone[1] if alone is not None else None,
        )


def _moving_average(
    capture: Capture,
    measurements: Measurements,
    averaged: Sequence[Measurement],
    name: str,
    chained: tuple[str, Measurement] | None,
    real: Sequence[Finding],
) -> Iterator[Finding]:
    """Yield the finding of a moving average; ``averaged`` is what was averaged alone, by step.

    Without that, it is real if what it averages agrees.
    """
    alone = furthest(averaged)
    if chained is None and not is_over_limit(alone):
        return
    nodes = [node for node in capture.nodes if name in node.weights]
    if alone is not None and alone.over_limit:
        origin = Origin.REAL
    elif alone is not None:
        origin = Origin.INHERITED if real else Origin.AMPLIFIED
    else:
        origin = _origin_in_model(capture, measurements, nodes, chained, real)
    after = f" after step {chained[0]}" if chained is not None else ""
    in_model = chained[1] if chained is not None else None
    yield measured_finding(
        finding_kind(alone if is_over_limit(alone) else in_model, FindingKind.UPDATE),
        *(origin, name, nodes[0] if nodes else None),
        *(f"moving average{after}", in_model, alone),
    )


def _origin_in_model(
    capture: Capture,
    measurements: Measurements,
    nodes: Sequence[Node],
    chained: tuple[str, Measurement] | None,
    real: Sequence[Finding],
) -> Origin:
    """Return the origin of a moving average's difference that could not be computed alone."""
    phase = learning_phases(capture)[-1]
    input_differs = any(
        any_over_limit(node_measurements(measurements, "output", source, [phase]))
        for node in nodes
        for key, _ in node.feeds
        if (source := capture.node(key)) is not None
    )
    blamed = {finding.where for finding in real}
    if any(node.key in blamed for node in nodes):
        return Origin.INHERITED
    first = chained is not None and chained[0] == FIRST_STEP
    if input_differs or (not first and _first_step_differs(capture, measurements)):
        # After a first step that differs, the layers before have other weights.
        return Origin.INHERITED if real else Origin.AMPLIFIED
    return Origin.REAL


def _first_step_differs(capture: Capture, measurements: Measurements) -> bool:
    """Tell whether trained weights differ after the first step."""
    return any(
        measurement.over_limit and name in capture.trained
        for (what, name, step), measurement in measurements.items()
        if what == "step" and step == FIRST_STEP
    )


def _first_difference(
    measurements: Measurements, what: str, name: str
) -> tuple[str, Measurement] | None:
    """Return the first step after which a weight differs, and by how much."""
    steps = [step for array, weight, step in measurements if (array, weight) == (what, name)]
    for step in sorted(steps, key=_step_number):
        if measurements[what, name, step].over_limit:
            return step, measurements[what, name, step]
    return None


def _step_number(step: str) -> int:
    return int(step) if step.isdecimal() else 0


def _is_slot(name: str) -> bool:
    return name == "iterations" or ".slot" in name


def _gradients_differ(measurements: Measurements) -> bool:
    return any(
        measurement.over_limit
        for (what, _, _), measurement in measurements.items()
        if what.startswith("gradient")
    )
