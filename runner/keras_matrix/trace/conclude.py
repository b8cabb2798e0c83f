"""From measurements to an image's findings, summaries and profile. Pure but for reading arrays."""

import math
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from keras_matrix.text import brief
from keras_matrix.trace import judge, literature, steps
from keras_matrix.trace.dump import Capture, port
from keras_matrix.trace.finding import (
    ALWAYS_COUNT,
    VERDICT_ORDER,
    Finding,
    FindingKind,
    Origin,
    TraceStage,
    finding_at,
)
from keras_matrix.trace.measure import Measurement, Measurements
from keras_matrix.trace.reach import Consequence, Reached
from keras_matrix.trace.result import LayerDistance, StageSummary

STAGE_OF_ARRAY = {
    "weight": TraceStage.WEIGHTS,
    "batch": TraceStage.WEIGHTS,
    "output": TraceStage.OUTPUTS,
    "metric": TraceStage.LOSS,
    "gradient": TraceStage.GRADIENTS,
    "gradient.output": TraceStage.GRADIENTS,
    "step": TraceStage.UPDATES,
    "step.slot": TraceStage.UPDATES,
    "after": TraceStage.TRAINING,
}
WEIGHT_STAGES = (TraceStage.GRADIENTS, TraceStage.UPDATES, TraceStage.TRAINING)
"""Stages whose arrays are named by weights; outputs and their gradients are named by nodes."""
SLOT_SUFFIX = ".slot"
MAIN_SHARE = 0.1
"""The share of the largest distance of the loss that a finding must bring about to explain it."""
MAX_PROFILE_ENTRIES = 4000
"""The most profile entries of one stage."""


def find_differences(
    capture: Capture, measurements: Measurements, replays: Measurements
) -> list[Finding]:
    """Return all differences up to the optimizer's steps, real or not, in verdict order."""
    outputs = judge.judge_outputs(capture, measurements, replays)
    findings = [*of_stage(TraceStage.OUTPUTS, outputs)]
    for stage, judge_stage in (
        (TraceStage.LOSS, judge.judge_loss),
        (TraceStage.GRADIENTS, judge.judge_gradients),
        (TraceStage.UPDATES, steps.judge_steps),
    ):
        differing = judge_stage(capture, measurements, replays, real_ones(findings))
        findings += of_stage(stage, differing)
    return findings


def of_stage(stage: TraceStage, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings as those of a stage."""
    for finding in findings:
        yield msgspec.structs.replace(finding, stage=stage)


def find_configuration_differences(
    reference: Capture, other: Capture, reference_image: str, image: str
) -> Iterator[Finding]:
    """Yield layers that Keras configured differently on the two images."""
    other_nodes = {node.key: node for node in other.nodes}
    for node in reference.nodes:
        other_node = other_nodes.get(node.key)
        if other_node is None or other_node.kind != node.kind:
            continue
        for name, expected in node.config.items():
            actual = other_node.config.get(name)
            numbers = isinstance(expected, int | float) and isinstance(actual, int | float)
            if numbers and expected != actual:
                yield finding_at(
                    # Random layers are off: what they would differ by is not measured.
                    *(FindingKind.FORWARD, Origin.REAL, node.key, node),
                    what=f"{name} is {brief(str(expected))} on {reference_image}, "
                    f"{brief(str(actual))} on {image}",
                )


def inherit_build_failures(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings, with build failures inherited if an output has another shape before them."""
    if not any(
        finding.origin is Origin.REAL
        and finding.kind is FindingKind.SHAPE
        and finding.chained is not None
        for finding in findings
    ):
        return list(findings)
    return [
        msgspec.structs.replace(finding, origin=Origin.INHERITED)
        if finding.kind is FindingKind.BUILD
        else finding
        for finding in findings
    ]


def in_verdict_order(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings in the order in which they are reported.

    Those that are real and reach anything are first, among them those that explain the loss; of
    those that reach as much, in the order of a training step.
    """
    losses = [target.distance for f in findings if (target := _reached_loss(f)) is not None]
    # None cannot be compared: it is NaN on one image, or infinitely far.
    largest = math.inf if None in losses else max(filter(None, losses), default=0.0)
    return sorted(
        findings,
        key=lambda finding: (
            finding.origin is not Origin.REAL,
            _rank(finding, largest),
            VERDICT_ORDER[finding.kind],
        ),
    )


def _rank(finding: Finding, largest_loss: float) -> int:
    """Return how far back a real finding is reported, by the most that it explains."""
    reach = finding.reach
    if finding.kind in ALWAYS_COUNT or reach is None or reach.target(Consequence.SCRIPT):
        return 0
    if not reach:
        return 4
    loss = _reached_loss(finding)
    if loss is not None:
        distance = math.inf if loss.distance is None else loss.distance
        if distance >= MAIN_SHARE * largest_loss:
            return 0
    kinds = {target.what for target in reach.targets}
    if any(t.distance is None for t in reach.targets if t.what is not Consequence.METRICS):
        return 0
    if Consequence.PREDICTIONS in kinds:
        return 1
    return 3 if kinds == {Consequence.METRICS} else 2


def _reached_loss(finding: Finding) -> Reached | None:
    reach = finding.reach if finding.origin is Origin.REAL else None
    return reach.target(Consequence.LOSS) if reach is not None else None


def is_complete(reference: Capture, other: Capture, measurements: Measurements) -> bool:
    """Tell whether everything up to the gradients by weights was computed on both images."""
    lacking = any(
        failure.stage in ("forward", "loss", "skipped")
        or (
            failure.stage == "gradient"
            and (not failure.name or judge.node_of_weight(capture, failure.name) is not None)
        )
        for capture in (reference, other)
        for failure in capture.failures
    )
    compared = {what for what, _, _ in measurements}
    return not lacking and not other.skipped and {"metric", "gradient"} <= compared


def real_ones(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings that differ by themselves."""
    return [finding for finding in findings if finding.origin is Origin.REAL]


def summarize_stages(measurements: Measurements) -> list[StageSummary]:
    """Return how much of each stage was compared, and which array is furthest apart there."""
    by_stage: dict[TraceStage, list[tuple[str, Measurement]]] = {}
    for (what, name, _), measurement in measurements.items():
        stage = STAGE_OF_ARRAY.get(what)
        if stage is not None:
            by_stage.setdefault(stage, []).append((name, measurement))
    summaries = []
    for stage in TraceStage:
        if stage not in by_stage:
            continue
        entries = by_stage[stage]
        worst_name, worst = max(entries, key=lambda entry: entry[1].excess)
        over = sum(measurement.over_limit for _, measurement in entries)
        excess = worst.excess if math.isfinite(worst.excess) else None
        summaries.append(StageSummary(stage, len(entries), over, worst_name, excess))
    return summaries


def profile_layers(capture: Capture, measurements: Measurements) -> list[LayerDistance]:
    """Return how far apart each node is, stage by stage, in the order of the model.

    Of a node's outputs or weights, the one that is furthest apart counts. A stage has at most
    ``MAX_PROFILE_ENTRIES`` entries.
    """
    key_by_output = {
        port(node.key, index): node.key for node in capture.nodes for index in range(node.outputs)
    }
    key_by_weight = {name: node.key for node in reversed(capture.nodes) for name in node.weights}
    excesses: dict[tuple[TraceStage, str, str], float] = {}
    for (what, name, when), measurement in measurements.items():
        stage = STAGE_OF_ARRAY.get(what)
        if stage is TraceStage.OUTPUTS or what == "gradient.output":
            key = key_by_output.get(name)
        elif stage in WEIGHT_STAGES:
            key = key_by_weight.get(name) or key_by_weight.get(name.rpartition(SLOT_SUFFIX)[0])
        else:
            continue
        if stage is None or key is None:
            continue
        place = stage, key, when if stage is TraceStage.OUTPUTS else ""
        excesses[place] = max(excesses.get(place, 0.0), measurement.excess)
    rank = {node.key: index for index, node in enumerate(capture.nodes)}
    places = sorted(excesses, key=lambda place: rank[place[1]])
    return [
        LayerDistance(*place, _three_digits(excesses[place]))
        for stage in TraceStage
        for place in [place for place in places if place[0] is stage][:MAX_PROFILE_ENTRIES]
    ]


def _three_digits(excess: float) -> float | None:
    """Return a distance with three significant digits; None for what cannot be compared."""
    return float(f"{excess:.3g}") if math.isfinite(excess) else None


def literature_distances(reference: Capture, other: Capture) -> tuple[float | None, float | None]:
    """Return D_MAD and D_CLASS of the model's outputs, each the largest over all outputs."""
    if reference.model is None:
        return None, None
    phase = reference.model.phases[0]
    mads: list[float] = []
    classes: list[float] = []
    for index, (key, output) in enumerate(reference.model.outputs):
        array_key = ("output", port(key, output), phase)
        truth = literature.targets(reference, index)
        expected, actual = reference.array(array_key), other.array(array_key)
        if truth is None or expected is None or actual is None or expected.shape != actual.shape:
            continue
        if (d_mad := literature.d_mad(truth, expected, actual)) is not None:
            mads.append(d_mad)
        if (d_class := literature.d_class(truth, expected, actual)) is not None:
            classes.append(d_class)
    return max(mads, default=None), max(classes, default=None)
