"""What a trace reports: findings, each with its place, its figures and its cause."""

from collections.abc import Sequence
from enum import Enum
from typing import Any

import msgspec

from keras_matrix.trace.cause import Hint, Referee
from keras_matrix.trace.distance import Distance
from keras_matrix.trace.dump import Node, Shape, UnbuiltLayer
from keras_matrix.trace.reach import Reach


class FindingKind(Enum):
    """What differs, in the order in which findings are reported: that of a training step."""

    BUILD = "build"
    START = "start"
    SHAPE = "shape"
    NAN = "nan"
    FORWARD = "forward"
    LOSS = "loss"
    GRADIENT = "gradient"
    UPDATE = "update"
    TRAINING = "training"


VERDICT_ORDER = {kind: place for place, kind in enumerate(FindingKind)}
"""The rank of each kind, among findings that reach as much."""
ALWAYS_COUNT = (FindingKind.BUILD, FindingKind.START, FindingKind.SHAPE)
"""Kinds that count whatever they were measured to reach: they change what can be measured."""


class TraceStage(Enum):
    """What was compared, in the order of a training step."""

    WEIGHTS = "weights"
    OUTPUTS = "outputs"
    LOSS = "loss and metrics"
    GRADIENTS = "gradients"
    UPDATES = "updates"
    TRAINING = "training"


class Origin(Enum):
    """Where a difference comes from."""

    REAL = "differs by itself"
    AMPLIFIED = "amplifies rounding"
    INHERITED = "inherited"


class MinimalScript(msgspec.Struct, frozen=True):
    """A script that shows a finding, and its path in the run folder."""

    path: str
    text: str


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One difference of an image from the reference.

    Attributes:
        where: The key of a node, or the name of a weight or metric.
        layer: The class of the layer there, with its ``config``.
        chained: The distance as the whole model computes it.
        alone: The distance when computed from identical inputs.
        limit: The largest distance that rounding explains.
        hint: The cause that is known and was not refuted.
        refuted: Causes that fit and were tried, without which the difference stays.
        referee: How far each image is from float64.
        stage: What was compared; None if something could not be built, applied or computed, or is
            configured otherwise.
        reach: What a real finding reaches; None if that could not be measured.
    """

    kind: FindingKind
    origin: Origin
    where: str
    layer: str = ""
    what: str = ""
    message: str = ""
    config: dict[str, Any] = {}
    input_shapes: list[list[int | None]] = []
    chained: Distance | None = None
    alone: Distance | None = None
    limit: float | None = None
    hint: Hint | None = None
    refuted: list[Hint] = []
    referee: Referee | None = None
    script: MinimalScript | None = None
    stage: TraceStage | None = None
    reach: Reach | None = None

    @property
    def fails(self) -> bool:
        """Whether something fails there, on one of the images."""
        return self.kind in (FindingKind.BUILD, FindingKind.TRAINING) and bool(self.message)

    @property
    def counts(self) -> bool:
        """Whether the difference is real and has consequences, as far as those are known."""
        reaches_nothing = self.reach is not None and not self.reach
        return self.origin is Origin.REAL and (self.kind in ALWAYS_COUNT or not reaches_nothing)


def finding_at(
    kind: FindingKind, origin: Origin, where: str, layer: Node | UnbuiltLayer | None, **fields: Any
) -> Finding:
    """Make a finding, described by the layer that it is at, if there is one."""
    if layer is not None:
        fields.update(layer=layer.kind, config=layer.config, input_shapes=layer.input_shapes)
    return Finding(kind=kind, origin=origin, where=where, **fields)


INFERRED_SHAPE = "inferred output shape"


def inferred_shape_finding(
    node: Node, image: str, shapes: Sequence[Shape], other_image: str, other_shapes: Sequence[Shape]
) -> Finding:
    """Make the finding of a layer for which Keras infers another output shape on each image."""
    return finding_at(
        *(FindingKind.SHAPE, Origin.REAL, node.key, node),
        stage=TraceStage.OUTPUTS,
        what=f"{INFERRED_SHAPE} {shapes_in_words(shapes)} on {image}, "
        f"{shapes_in_words(other_shapes)} on {other_image}",
    )


def shapes_in_words(shapes: Sequence[Shape]) -> str:
    """Write shapes as Keras does, with a question mark for a size that is not known."""
    sizes = (["?" if size is None else str(size) for size in shape] for shape in shapes)
    return ", ".join(f"({', '.join(shape)})" for shape in sizes)
