"""What one image can build or compute and another cannot. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from keras_matrix.records.record import Outcome, Record
from keras_matrix.text import brief
from keras_matrix.trace import judge
from keras_matrix.trace.dump import Capture, FailedComputation, Node, port
from keras_matrix.trace.finding import (
    Finding,
    FindingKind,
    Origin,
    finding_at,
    inferred_shape_finding,
)

FAILURE_PHRASES = {
    "nodes": "when its layers are listed",
    "weights": "when its weights are read",
    "forward": "when its output is computed",
    "loss": "when the loss is computed",
    "gradient": "when its gradient is computed",
    "update": "when the optimizer steps",
}
"""What the probe was doing in each of its stages, as a finding words it."""


@dataclass(frozen=True)
class ImageCapture:
    """What one image's cell captured of the model, and how the cell ended."""

    image: str
    capture: Capture
    record: Record

    @property
    def ok(self) -> bool:
        """Whether the script ran to its end."""
        return self.record.outcome is Outcome.OK


def find_failures(reference: ImageCapture, other: ImageCapture) -> list[Finding]:
    """Return what fails on one image only, and layers whose inferred output shapes differ."""
    shapes = list(_inferred_shapes(reference, other))
    failures_by_image = list(_failures(reference, other))
    failures = [finding for _, finding in failures_by_image]
    real = [pair for pair in failures_by_image if pair[1].origin is Origin.REAL]
    if not real or _same_layer([finding for _, finding in real]):
        return shapes
    failed, first = real[0]
    cause = _shape_before(first, reference, other, shapes)
    if cause is None:
        return [*shapes, *failures]
    # What fails got an input of another shape, so the layer before it is to blame.
    blamed = msgspec.structs.replace(
        cause,
        kind=FindingKind.BUILD,
        what=f"{cause.what}; {first.where} then fails on {failed.image} only",
        message=first.message,
    )
    inherited = [
        msgspec.structs.replace(finding, origin=Origin.INHERITED)
        for finding in (*shapes, *failures)
        if finding is not cause
    ]
    return [blamed, *inherited]


def failing_images(reference: ImageCapture, other: ImageCapture) -> set[str]:
    """Return which of two images fail where the other does not."""
    pairs = list(_failures(reference, other))
    real = [pair for pair in pairs if pair[1].origin is Origin.REAL]
    if _same_layer([finding for _, finding in real]):
        return set()
    return {image.image for image, finding in real if finding.fails}


def _failures(
    reference: ImageCapture, other: ImageCapture
) -> Iterator[tuple[ImageCapture, Finding]]:
    """Yield what one image could build or compute and the other could not, with that image."""
    both_ok = reference.ok and other.ok
    any_computation = False
    for failed, intact in ((reference, other), (other, reference)):
        failed_on_both = {(failure.stage, failure.name) for failure in intact.capture.failures}
        own = {(failure.stage, failure.name): failure for failure in failed.capture.failures}
        origin = Origin.REAL
        for key, failure in own.items():
            if key in failed_on_both or failure.stage not in FAILURE_PHRASES:
                continue
            if both_ok and _only_for_capture(failure, failed, intact):
                continue
            any_computation = True
            yield failed, _not_computed(failure, failed, intact, origin)
            # What fails later depends on what failed first.
            origin = Origin.INHERITED
    if not other.capture.complete:
        yield other, _script_failed(other)
    elif reference.ok == other.ok:
        yield from _missing_layers(reference, other)
    elif not any_computation:
        failed = other if reference.ok else reference
        yield failed, _script_failed(failed)


def _same_layer(real: list[Finding]) -> bool:
    """Tell whether both images fail first at the same layer, which is not a difference."""
    return len(real) > 1 and len({finding.where for finding in real}) == 1


def _only_for_capture(
    failure: FailedComputation, failed: ImageCapture, intact: ImageCapture
) -> bool:
    """Tell whether only the capture needed what failed, not the training itself."""
    of_weight = judge.node_of_weight(failed.capture, failure.name) is not None
    if failure.stage != "gradient" or of_weight:
        return False
    gradients = (key for key in intact.capture.arrays if key[0] == "gradient")
    return all(key in failed.capture.arrays for key in gradients)


def _not_computed(
    failure: FailedComputation, failed: ImageCapture, intact: ImageCapture, origin: Origin
) -> Finding:
    capture = failed.capture
    node = capture.node(failure.name) or judge.node_of_weight(capture, failure.name)
    where = failure.name or "the model"
    if failure.stage == "gradient":
        blocking = capture.node(failure.by) or _blocks_gradient(capture, intact.capture)
        if blocking is not None:
            node, where = blocking, blocking.key
    return finding_at(
        *(FindingKind.BUILD, origin, where, node),
        what=f"fails on {failed.image} only, {FAILURE_PHRASES[failure.stage]}",
        message=f"{failure.error}: {brief(failure.message)}",
    )


def _blocks_gradient(failed: Capture, intact: Capture) -> Node | None:
    """Return the layer that a gradient reaches on both images but passes on one only."""
    phase = judge.learning_phases(intact)[-1]

    def is_lost(key: str, index: int) -> bool:
        name = ("gradient.output", port(key, index), phase)
        return name in intact.arrays and name not in failed.arrays

    for node in reversed(failed.nodes):
        reached = not any(is_lost(node.key, index) for index in range(node.outputs))
        if reached and any(is_lost(*feed) for feed in node.feeds):
            return node
    return None


def _script_failed(failed: ImageCapture) -> Finding:
    """Make the finding of a script that fails on one image, before or after the capture."""
    unbuilt, record = failed.capture.unbuilt, failed.record
    if not failed.capture.complete:
        kind, what = FindingKind.BUILD, f"fails on {failed.image} only, while the model is built"
        end = record.observation.end
        error = end.error if end is not None else None
        if unbuilt is not None and (error is None or unbuilt.message[:80] in error.message):
            message = f"{unbuilt.error}: {brief(unbuilt.message)}"
            return finding_at(kind, Origin.REAL, unbuilt.layer, unbuilt, what=what, message=message)
    else:
        kind, what = FindingKind.TRAINING, f"fails on {failed.image} only, after the capture"
    message = brief(record.reason)
    return finding_at(kind, Origin.REAL, "the script", None, what=what, message=message)


def _missing_layers(
    reference: ImageCapture, other: ImageCapture
) -> Iterator[tuple[ImageCapture, Finding]]:
    """Yield layers that only one image's model has, at most three of each image."""
    for image, lacking in ((reference, other), (other, reference)):
        lacking_keys = {node.key for node in lacking.capture.nodes}
        extra = {node.key: node for node in image.capture.nodes if node.key not in lacking_keys}
        for key in sorted(extra)[:3]:
            what = f"a layer of the model on {image.image} only"
            finding = finding_at(FindingKind.BUILD, Origin.REAL, key, None, what=what)
            yield image, msgspec.structs.replace(finding, layer=extra[key].kind)


def _inferred_shapes(reference: ImageCapture, other: ImageCapture) -> Iterator[Finding]:
    """Yield layers for which Keras infers another output shape from the same input shapes."""
    other_nodes = {node.key: node for node in other.capture.nodes}
    for node in reference.capture.nodes:
        other_node = other_nodes.get(node.key)
        if other_node is None or other_node.input_shapes != node.input_shapes:
            continue
        if other_node.output_shapes != node.output_shapes:
            yield inferred_shape_finding(
                *(node, reference.image, node.output_shapes),
                *(other.image, other_node.output_shapes),
            )


def _shape_before(
    failure: Finding, reference: ImageCapture, other: ImageCapture, shapes: list[Finding]
) -> Finding | None:
    """Return the finding of the layer that gives a failing layer an input of another shape."""
    if shapes:
        return None if shapes[0].where == failure.where else shapes[0]
    if other.capture.complete and reference.capture.complete:
        return None
    intact, failed = (reference, other) if reference.capture.complete else (other, reference)
    nodes = intact.capture.nodes
    node = next((node for node in nodes if node.layer == failure.where), None)
    if node is None or not failure.input_shapes or node.input_shapes == failure.input_shapes:
        return None
    before = intact.capture.node(node.feeds[0][0]) if len(node.feeds) == 1 else None
    if before is None or not before.feeds:
        return None
    return inferred_shape_finding(
        before, intact.image, node.input_shapes, failed.image, failure.input_shapes
    )
