"""From what was measured to findings, for one image against the reference. Pure but for reading."""

import math
from collections.abc import Iterator, Sequence

import msgspec

from keras_matrix.text import brief
from keras_matrix.trace import judge, literature, steps
from keras_matrix.trace.dump import Bundle, port
from keras_matrix.trace.finding import ORDER, Finding, Kind, Origin, at
from keras_matrix.trace.measure import Measured, Table
from keras_matrix.trace.result import LayerDistance, Stage, StageSummary

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
BY_WEIGHT = (Stage.GRADIENTS, Stage.UPDATES, Stage.TRAINING)
"""Stages that tell of weights; the outputs and their gradients are told of nodes."""
SLOT = ".slot"
MOST_PLACES = 4000
"""Entries of a stage's profile."""


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


def profile(bundle: Bundle, table: Table) -> list[LayerDistance]:
    """Return how far apart each node is, stage by stage, in the order of the model.

    Of a node that has several outputs or weights the one that is furthest apart counts. A stage's
    entries end after ``MOST_PLACES``.
    """
    owners = {port(node.key, n): node.key for node in bundle.nodes for n in range(node.outputs)}
    holders = {name: node.key for node in reversed(bundle.nodes) for name in node.weights}
    found: dict[tuple[Stage, str, str], float] = {}
    for (what, name, when), measured in table.items():
        stage = STAGES.get(what)
        if stage is Stage.OUTPUTS or what == "gradient.output":
            key = owners.get(name)
        elif stage in BY_WEIGHT:
            key = holders.get(name) or holders.get(name.rpartition(SLOT)[0])
        else:
            continue
        if stage is None or key is None:
            continue
        place = stage, key, when if stage is Stage.OUTPUTS else ""
        found[place] = max(found.get(place, 0.0), measured.excess)
    order = {node.key: place for place, node in enumerate(bundle.nodes)}
    places = sorted(found, key=lambda place: order[place[1]])
    return [
        LayerDistance(stage, key, phase, _told(found[stage, key, phase]))
        for wanted in Stage
        for stage, key, phase in [one for one in places if one[0] is wanted][:MOST_PLACES]
    ]


def _told(excess: float) -> float | None:
    """Return a distance with the digits that say something, None for what cannot be compared."""
    return float(f"{excess:.3g}") if math.isfinite(excess) else None


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
