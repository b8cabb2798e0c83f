"""Read what a cell dumped of a model. What a container wrote is not to be trusted."""

import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import msgspec

from keras_matrix.plan.contract import INDEX_FILE
from keras_matrix.records import arrays
from keras_matrix.records.bounded import Count, LongText, Number, Text, Whole
from keras_matrix.records.untrusted import UnreadableError, read_bounded
from keras_matrix.text import brief

MAX_INDEX = 64 * 2**20
MAX_ARRAY = 2**30
MAX_ELEMENTS = MAX_ARRAY
MAX_ENTRIES = 500_000

STAGES = {
    "weights": "weights and batch",
    "forward": "layers' outputs",
    "loss": "loss and metrics",
    "gradient": "gradients",
    "update": "first steps of the optimizer",
    "alone": "differing layers alone",
    "alone.loss": "the loss alone",
    "alone.gradient": "differing gradients alone",
    "alone.step": "steps from the same gradients",
}
"""The probe's stages, in words."""

Array = arrays.Array
Key = tuple[str, str, str]
"""What an array is, of which node or weight, and when (a phase or a step)."""
Port = tuple[Text, Count]
Shape = Annotated[list[Whole | None], msgspec.Meta(max_length=64)]


class _Entry(msgspec.Struct, frozen=True, tag_field="entry"):
    pass


class Stored(_Entry, frozen=True, tag="array"):
    """An array and its file."""

    what: Text
    name: Text
    when: Text
    file: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,9}\.npy\Z")]
    shape: Annotated[list[Count], msgspec.Meta(max_length=64)]
    dtype: Text


class Source(msgspec.Struct, frozen=True):
    """Where a class or function of the script's own begins."""

    file: Text
    line: Count
    name: Text


class Node(_Entry, frozen=True, tag="node"):
    """A layer applied once; ``feeds`` are the outputs of others that it takes."""

    key: Text
    layer: Text
    kind: Text
    own: bool
    config: dict[Text, Any]
    source: Source | None
    feeds: list[Port]
    outputs: Count
    input_shapes: list[Shape]
    output_shapes: list[Shape]
    weights: list[Text]
    nested: bool


class Model(_Entry, frozen=True, tag="model"):
    """How the model was compiled; ``outputs`` are those of nodes that are the model's."""

    name: Text
    optimizer: Any
    loss: Any
    metrics: list[Text]
    phases: Annotated[list[Text], msgspec.Meta(min_length=1, max_length=2)]
    outputs: list[Port]


class Batch(_Entry, frozen=True, tag="batch"):
    """How many of the batch's arrays are inputs, and how many targets; weights follow."""

    inputs: Count
    targets: Count


class Building(_Entry, frozen=True, tag="building"):
    """A layer that could not be applied."""

    layer: Text
    kind: Text
    own: bool
    config: dict[Text, Any]
    source: Source | None
    input_shapes: list[Shape]
    error: Text
    message: LongText


class Failed(_Entry, frozen=True, tag="failed"):
    """Something that could not be computed; ``name`` is empty for a whole stage.

    ``by`` is the node that passes no gradient on, where that was found out.
    """

    stage: Text
    name: Text
    error: Text
    message: LongText
    by: Text = ""


class Stage(_Entry, frozen=True, tag="stage"):
    """A stage has begun."""

    name: Text


class Still(_Entry, frozen=True, tag="still"):
    """Random layers that were switched off."""

    layers: list[Text]


class Skipped(_Entry, frozen=True, tag="skipped"):
    """Layers that this backend cannot apply, and that the look went on without."""

    layers: list[Text]


class Repeated(_Entry, frozen=True, tag="repeated"):
    """How far apart the same steps of the optimizer came out when they were taken again."""

    spread: Number


class Looked(_Entry, frozen=True, tag="looked"):
    """The look is over."""

    model: Text


Entry = (
    Stored | Node | Model | Batch | Building | Failed | Stage | Still | Skipped | Repeated | Looked
)
_ENTRIES = msgspec.json.Decoder(Entry)


@dataclass
class Bundle:
    """What one cell saw."""

    folder: Path
    arrays: dict[Key, Stored] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    still: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    spread: float = 0.0
    model: Model | None = None
    batch: Batch | None = None
    building: Building | None = None
    looked: bool = False

    def array(self, key: Key) -> Array | None:
        """Read an array, None if there is none.

        Raises:
            UnreadableError: its file is missing, too large or malformed.
        """
        stored = self.arrays.get(key)
        if stored is None:
            return None
        found = read_array(self.folder / stored.file)
        if list(found.shape) != stored.shape:
            raise UnreadableError(f"{stored.file} is not of the shape that its index tells")
        return found

    @cached_property
    def trained(self) -> frozenset[str]:
        """The weights that the loss has a gradient by; asked for once all is read."""
        return frozenset(name for what, name, _ in self.arrays if what == "gradient")

    def node(self, key: str) -> Node | None:
        """Return the node of that key."""
        return next((node for node in self.nodes if node.key == key), None)


def read_array(path: Path) -> Array:
    """Read a ``.npy`` file; nothing is unpickled.

    Raises:
        UnreadableError: it is missing, too large or malformed.
    """
    content = memoryview(read_bounded(path, MAX_ARRAY))
    try:
        return arrays.parse(content)
    except arrays.DAMAGE as error:
        raise UnreadableError(
            f"{path.name} is not an array file ({arrays.reason(error)})"
        ) from error


def read(folder: Path) -> Bundle:
    """Read a cell's dump; that of a cell that never came to its model is empty.

    Raises:
        UnreadableError: the index is not what the probe writes.
    """
    bundle = Bundle(folder)
    if not (folder / INDEX_FILE).exists():
        return bundle
    lines = read_bounded(folder / INDEX_FILE, MAX_INDEX).split(b"\n")
    # A cell that was ended in the middle leaves the last line unfinished.
    if len(lines) > MAX_ENTRIES:
        raise UnreadableError(f"{INDEX_FILE} has more than {MAX_ENTRIES} lines")
    for number, line in enumerate(lines[:-1], start=1):
        try:
            _add(bundle, _ENTRIES.decode(line))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UnreadableError(f"{INDEX_FILE}, line {number}: {brief(str(error))}") from error
    return bundle


def stage(line: bytes) -> str | None:
    """Return the stage that a line of an index begins, None if it begins none."""
    try:
        entry = _ENTRIES.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return STAGES.get(entry.name) if isinstance(entry, Stage) else None


def _add(bundle: Bundle, entry: _Entry) -> None:
    match entry:
        case Stored():
            if math.prod(entry.shape) > MAX_ELEMENTS:
                raise UnreadableError(f"{entry.file} is told to be larger than {MAX_ARRAY} bytes")
            bundle.arrays[entry.what, entry.name, entry.when] = entry
        case Node():
            bundle.nodes.append(entry)
        case Failed():
            bundle.failed.append(entry)
        case Still():
            bundle.still = tuple(entry.layers)
        case Skipped():
            bundle.skipped = tuple(entry.layers)
        case Repeated():
            bundle.spread = float(entry.spread)
        case Model():
            bundle.model = entry
        case Batch():
            bundle.batch = entry
        case Building():
            bundle.building = entry
        case Looked():
            bundle.looked = True


def port(key: str, index: int) -> str:
    """Name one of a node's outputs, as the probe does."""
    return key if index == 0 else f"{key}:{index}"
