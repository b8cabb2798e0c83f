"""From what was measured to findings, for one image against the reference. Pure but for reading."""

import math
from collections.abc import Iterator, Sequence

import msgspec

from runner.text import brief
from runner.trace import judge, literature, steps
from runner.trace.bundle import Bundle, port
from runner.trace.finding import ORDER, Finding, Kind, Origin, at
from runner.trace.measure import Measured, Table
from runner.trace.result import Stage, StageSummary

STAGES = {
    "weight": Stage.WEIGHTS,
    "batch": Stage.WEIGHTS,
    "output": Stage.OUTPUTS,
    "metric": Stage.LOSS,
    "gradient": Stage.GRADIENTS,
    "gradient.output": Stage.GRADIENTS,
    "step": Stage.UPDATES,
    "step.slot": Stage.UPDATES,
    "after": Stage.TRAINING,
}


def findings(bundle: Bundle, table: Table, alone: Table) -> list[Finding]:
    """Return what differs up to the optimizer's steps, real or not, in verdict order."""
    found = list(judge.forward(bundle, table, alone))
    found += judge.loss(bundle, table, alone, _real(found))
    found += judge.gradient(bundle, table, alone, _real(found))
    found += steps.update(bundle, table, alone, _real(found))
    return found


def configured(
    reference: Bundle, other: Bundle, reference_image: str, image: str
) -> Iterator[Finding]:
    """Yield layers that Keras itself made with other settings than those asked for."""
    nodes = {node.key: node for node in other.nodes}
    for node in reference.nodes:
        found = nodes.get(node.key)
        if found is None or found.kind != node.kind:
            continue
        for name, value in node.config.items():
            own = found.config.get(name)
            if isinstance(value, int | float) and isinstance(own, int | float) and value != own:
                told = f"{brief(str(value))} on {reference_image}, {brief(str(own))} on {image}"
                yield at(Kind.FORWARD, Origin.REAL, node.key, node, what=f"{name} is {told}")


def settled(found: Sequence[Finding]) -> list[Finding]:
    """Return findings with those failures put down that come of an output of another shape."""
    real = (one for one in found if one.origin is Origin.REAL and one.kind is Kind.SHAPE)
    if not any(one.chained is not None for one in real):
        return list(found)
    return [
        msgspec.structs.replace(one, origin=Origin.INHERITED) if one.kind is Kind.BUILD else one
        for one in found
    ]


def in_order(found: Sequence[Finding]) -> list[Finding]:
    """Return findings in the order of the verdict, real ones first."""
    return sorted(found, key=lambda one: (one.origin is not Origin.REAL, ORDER[one.kind]))


def _real(found: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in found if finding.origin is Origin.REAL]


def summaries(table: Table) -> list[StageSummary]:
    """Return how much of each stage was compared, and what is furthest apart there."""
    found: dict[Stage, list[tuple[str, Measured]]] = {}
    for (what, name, _), measured in table.items():
        stage = STAGES.get(what)
        if stage is not None:
            found.setdefault(stage, []).append((name, measured))
    listed = []
    for stage in Stage:
        if stage not in found:
            continue
        name, worst = max(found[stage], key=lambda entry: entry[1].excess)
        over = sum(measured.over for _, measured in found[stage])
        excess = worst.excess if math.isfinite(worst.excess) else None
        listed.append(StageSummary(stage, len(found[stage]), over, name, excess))
    return listed


def literature_of(reference: Bundle, other: Bundle) -> tuple[float | None, float | None]:
    """Return D_MAD and D_CLASS of the model's outputs, the largest of several."""
    if reference.model is None:
        return None, None
    phase = reference.model.phases[0]
    mads: list[float] = []
    classes: list[float] = []
    for index, (key, place) in enumerate(reference.model.outputs):
        name = ("output", port(key, place), phase)
        truth = literature.targets_of(reference, index)
        one, two = reference.array(name), other.array(name)
        if truth is None or one is None or two is None or one.shape != two.shape:
            continue
        if (mad := literature.d_mad(truth, one, two)) is not None:
            mads.append(mad)
        if (kept := literature.d_class(truth, one, two)) is not None:
            classes.append(kept)
    return max(mads, default=None), max(classes, default=None)
