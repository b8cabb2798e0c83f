"""From what was measured to findings, for one image against the reference. Pure but for reading."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.record import Outcome, Record
from runner.text import brief
from runner.trace import judge, literature, steps
from runner.trace.bundle import Bundle, Failed
from runner.trace.finding import ORDER, Finding, Kind, Origin
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
WORDS = {
    "nodes": "when its layers are listed",
    "weights": "when its weights are read",
    "forward": "when its output is computed",
    "loss": "when the loss is computed",
    "gradient": "when its gradient is computed",
    "update": "when the optimizer steps",
}
"""A stage of the probe to what was going on there."""


@dataclass(frozen=True)
class Side:
    """One image's cell: what it saw, and how it ended."""

    image: str
    bundle: Bundle
    record: Record

    @property
    def ok(self) -> bool:
        """Whether the script ran to its end."""
        return self.record.outcome is Outcome.OK


def broken(reference: Side, other: Side) -> Iterator[Finding]:
    """Yield what one image could build or compute and the other could not."""
    failures = [{(f.stage, f.name): f for f in s.bundle.failed} for s in (reference, other)]
    told = False
    for side, own, foreign in (
        (reference, failures[0], failures[1]),
        (other, failures[1], failures[0]),
    ):
        for key, failed in own.items():
            if key in foreign or failed.stage not in WORDS:
                continue
            told = True
            yield _not_computed(side, failed)
    one, two = reference, other
    if one.ok == two.ok:
        if one.bundle.looked and two.bundle.looked:
            yield from _other_model(one, two)
        return
    side = two if one.ok else one
    if not (told and side.bundle.looked):
        yield _not_run(side)


def _not_computed(side: Side, failed: Failed) -> Finding:
    node = side.bundle.node(failed.name) or judge.holder(side.bundle, failed.name)
    where = failed.name or "the model"
    return Finding(
        kind=Kind.BUILD,
        origin=Origin.REAL,
        where=where,
        layer=node.kind if node is not None else "",
        what=f"fails on {side.image} only, {WORDS[failed.stage]}",
        message=f"{failed.error}: {brief(failed.message)}",
        config=node.config if node is not None else {},
        input_shapes=node.input_shapes if node is not None else [],
    )


def _not_run(side: Side) -> Finding:
    """Tell of a script that ends on one image only, before the model was seen or after."""
    building, record = side.bundle.building, side.record
    end = record.observation.end
    of_layer = building is not None and (
        end is None or end.error is None or building.message[:80] in end.error.message
    )
    stage = "after the look" if side.bundle.looked else "while the model is built"
    if building is not None and of_layer and not side.bundle.looked:
        return Finding(
            kind=Kind.BUILD,
            origin=Origin.REAL,
            where=building.layer,
            layer=building.kind,
            what=f"fails on {side.image} only, {stage}",
            message=f"{building.error}: {brief(building.message)}",
            config=building.config,
            input_shapes=building.input_shapes,
        )
    kind = Kind.TRAINING if side.bundle.looked else Kind.BUILD
    return Finding(
        kind=kind,
        origin=Origin.REAL,
        where="the script",
        what=f"fails on {side.image} only, {stage}",
        message=brief(record.reason),
    )


def _other_model(one: Side, two: Side) -> Iterator[Finding]:
    keys = [{node.key for node in side.bundle.nodes} for side in (one, two)]
    for side, own, foreign in ((one, keys[0], keys[1]), (two, keys[1], keys[0])):
        for key in sorted(own - foreign)[:3]:
            node = side.bundle.node(key)
            yield Finding(
                kind=Kind.BUILD,
                origin=Origin.REAL,
                where=key,
                layer=node.kind if node is not None else "",
                what=f"a layer of the model on {side.image} only",
            )


def findings(bundle: Bundle, table: Table, alone: Table) -> list[Finding]:
    """Return what differs up to the optimizer's steps, real or not, in verdict order."""
    found = list(judge.forward(bundle, table, alone))
    found += judge.loss(bundle, table, alone, _real(found))
    found += judge.gradient(bundle, table, alone, _real(found))
    found += steps.update(bundle, table, alone, _real(found))
    return found


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
        listed.append(StageSummary(stage, len(found[stage]), over, name, worst.excess))
    return listed


def literature_of(reference: Bundle, other: Bundle) -> tuple[float | None, float | None]:
    """Return D_MAD and D_CLASS of the model's outputs, the largest of several."""
    if reference.model is None:
        return None, None
    phase = reference.model.phases[0]
    mads: list[float] = []
    classes: list[float] = []
    for index, (key, place) in enumerate(reference.model.outputs):
        from runner.trace.bundle import port

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
