"""What one image can build or compute and another cannot. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from keras_matrix.records.record import Outcome, Record
from keras_matrix.text import brief
from keras_matrix.trace import judge
from keras_matrix.trace.dump import Bundle, Failed, Node, port
from keras_matrix.trace.finding import Finding, Kind, Origin, at, shapes_in_words

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


def broken(reference: Side, other: Side) -> list[Finding]:
    """Return what fails on one image only, and layers whose shapes Keras takes for others."""
    shapes = list(_shapes(reference, other))
    told = list(_failures(reference, other))
    if _alike([one for _, one in told]):
        return shapes
    failures = [one for _, one in told]
    first = next(((side, one) for side, one in told if one.origin is Origin.REAL), None)
    if first is None:
        return shapes
    side, real = first
    cause = _cause(real, reference, other, shapes)
    if cause is None:
        return [*shapes, *failures]
    # What fails got an input of another shape: the layer before it is to blame.
    where = f"{real.where} then fails on {side.image} only"
    blamed = msgspec.structs.replace(
        cause, kind=Kind.BUILD, what=f"{cause.what}; {where}", message=real.message
    )
    rest = [one for one in (*shapes, *failures) if one is not cause]
    return [blamed, *(msgspec.structs.replace(one, origin=Origin.INHERITED) for one in rest)]


def _failures(reference: Side, other: Side) -> Iterator[tuple[Side, Finding]]:
    """Yield what one image could build or compute and the other could not, with that image."""
    both_ok = reference.ok and other.ok
    failed_on = [{(f.stage, f.name): f for f in s.bundle.failed} for s in (reference, other)]
    told = False
    for side, own, foreign, whole in (
        (reference, failed_on[0], failed_on[1], other),
        (other, failed_on[1], failed_on[0], reference),
    ):
        origin = Origin.REAL
        for key, failed in own.items():
            if key in foreign or failed.stage not in WORDS:
                continue
            if both_ok and _aside(side, failed, whole):
                continue
            told = True
            yield side, _not_computed(side, failed, origin, whole)
            # What comes after rests on what failed first.
            origin = Origin.INHERITED
    if not other.bundle.looked:
        yield other, _not_run(other)
    elif reference.ok == other.ok:
        yield from _other_model(reference, other)
    elif not told:
        side = other if reference.ok else reference
        yield side, _not_run(side)


def _alike(failures: list[Finding]) -> bool:
    """Tell whether the first failures of both images are of one layer: that is no difference."""
    real = [one.where for one in failures if one.origin is Origin.REAL]
    return len(real) > 1 and len(set(real)) == 1


def _aside(side: Side, failed: Failed, whole: Side) -> bool:
    """Tell whether something failed that only the look wanted, not the training itself."""
    if failed.stage != "gradient" or judge.holder(side.bundle, failed.name) is not None:
        return False
    trained = (key for key in whole.bundle.arrays if key[0] == "gradient")
    return all(key in side.bundle.arrays for key in trained)


def _not_computed(side: Side, failed: Failed, origin: Origin, whole: Side) -> Finding:
    node = side.bundle.node(failed.name) or judge.holder(side.bundle, failed.name)
    where = failed.name or "the model"
    if failed.stage == "gradient":
        blamed = side.bundle.node(failed.by) or _stops_gradient(side.bundle, whole.bundle)
        node, where = (blamed, blamed.key) if blamed is not None else (node, where)
    return at(
        Kind.BUILD,
        origin,
        where,
        node,
        what=f"fails on {side.image} only, {WORDS[failed.stage]}",
        message=f"{failed.error}: {brief(failed.message)}",
    )


def _stops_gradient(bundle: Bundle, whole: Bundle) -> Node | None:
    """Return the layer that a gradient reaches on both images, and passes on one only."""
    phase = judge.phases_of(whole)[-1]

    def lost(key: str, index: int) -> bool:
        name = ("gradient.output", port(key, index), phase)
        return name in whole.arrays and name not in bundle.arrays

    for node in reversed(bundle.nodes):
        passed = not any(lost(node.key, index) for index in range(node.outputs))
        if passed and any(lost(*feed) for feed in node.feeds):
            return node
    return None


def _not_run(side: Side) -> Finding:
    """Tell of a script that ends on one image only, before the model was seen or after."""
    building, record = side.bundle.building, side.record
    end = record.observation.end
    of_layer = building is not None and (
        end is None or end.error is None or building.message[:80] in end.error.message
    )
    if side.bundle.looked:
        what = f"fails on {side.image} only, after the look"
        return at(
            Kind.TRAINING, Origin.REAL, "the script", None, what=what, message=brief(record.reason)
        )
    what = f"fails on {side.image} only, while the model is built"
    if building is not None and of_layer:
        message = f"{building.error}: {brief(building.message)}"
        return at(Kind.BUILD, Origin.REAL, building.layer, building, what=what, message=message)
    return at(Kind.BUILD, Origin.REAL, "the script", None, what=what, message=brief(record.reason))


def _other_model(one: Side, two: Side) -> Iterator[tuple[Side, Finding]]:
    keys = [{node.key for node in side.bundle.nodes} for side in (one, two)]
    for side, own, foreign in ((one, keys[0], keys[1]), (two, keys[1], keys[0])):
        for key in sorted(own - foreign)[:3]:
            node = side.bundle.node(key)
            what = f"a layer of the model on {side.image} only"
            found = at(Kind.BUILD, Origin.REAL, key, None, what=what)
            layer = node.kind if node is not None else ""
            yield side, msgspec.structs.replace(found, layer=layer)


def _shapes(reference: Side, other: Side) -> Iterator[Finding]:
    """Yield layers that, from inputs of the same shapes, have another output shape to Keras."""
    nodes = {node.key: node for node in other.bundle.nodes}
    for node in reference.bundle.nodes:
        found = nodes.get(node.key)
        if found is None or found.input_shapes != node.input_shapes:
            continue
        if found.output_shapes != node.output_shapes:
            yield at(
                Kind.SHAPE,
                Origin.REAL,
                node.key,
                node,
                what=f"an output of shape {shapes_in_words(node.output_shapes)} to Keras on "
                f"{reference.image}, {shapes_in_words(found.output_shapes)} on {other.image}",
            )


def _cause(real: Finding, reference: Side, other: Side, shapes: list[Finding]) -> Finding | None:
    """Return the layer before a failure that gives it an input of another shape."""
    if shapes:
        return None if shapes[0].where == real.where else shapes[0]
    if other.bundle.looked and reference.bundle.looked:
        return None
    side = reference if reference.bundle.looked else other
    node = next((one for one in side.bundle.nodes if one.layer == real.where), None)
    if node is None or not real.input_shapes or node.input_shapes == real.input_shapes:
        return None
    before = side.bundle.node(node.feeds[0][0]) if len(node.feeds) == 1 else None
    if before is None or not before.feeds:
        return None
    image = other.image if side is reference else reference.image
    return at(
        Kind.SHAPE,
        Origin.REAL,
        before.key,
        before,
        what=f"an output of shape {shapes_in_words(node.input_shapes)} to Keras on {side.image}, "
        f"{shapes_in_words(real.input_shapes)} on {image}",
    )
