"""What a trace tells: findings, each with its place, its figures and its cause."""

from collections.abc import Sequence
from enum import Enum
from typing import Any

import msgspec

from keras_matrix.trace.distance import Distance
from keras_matrix.trace.dump import Building, Node, Shape


class Kind(Enum):
    """What differs, in the order of the verdict."""

    BUILD = "build"
    START = "start"
    SHAPE = "shape"
    NAN = "nan"
    FORWARD = "forward"
    LOSS = "loss"
    GRADIENT = "gradient"
    UPDATE = "update"
    TRAINING = "training"


ORDER = {kind: place for place, kind in enumerate(Kind)}


class Origin(Enum):
    """Where a difference comes from."""

    REAL = "differs by itself"
    AMPLIFIED = "amplifies rounding"
    INHERITED = "inherited"


class Hint(msgspec.Struct, frozen=True):
    """A known cause, and where it can be read up."""

    text: str
    source: str


class Minimal(msgspec.Struct, frozen=True):
    """A script that shows a finding, and where it lies in the run's folder."""

    path: str
    text: str


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One difference of an image from the reference.

    ``where`` is the key of a node, the name of a weight or of a metric; ``layer`` the class of the
    layer there, ``config`` its configuration. ``chained`` is the distance as the model computes
    it, ``alone`` that from identical inputs; ``limit`` the largest that is rounding.
    """

    kind: Kind
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
    script: Minimal | None = None


def at(
    kind: Kind, origin: Origin, where: str, node: Node | Building | None, **more: Any
) -> Finding:
    """Make a finding at a layer, or at none."""
    if node is not None:
        more.update(layer=node.kind, config=node.config, input_shapes=node.input_shapes)
    return Finding(kind=kind, origin=origin, where=where, **more)


def shapes_in_words(shapes: Sequence[Shape]) -> str:
    """Write shapes as Keras does; sizes that it does not know are question marks."""
    sizes = (["?" if size is None else str(size) for size in shape] for shape in shapes)
    return ", ".join(f"({', '.join(shape)})" for shape in sizes)
