"""Read what a cell captured of a model: an index, and one ``.npy`` file for each array.

A container wrote these files, so they are bounded, checked and never unpickled.
"""

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

MAX_INDEX_BYTES = 64 * 2**20
MAX_ARRAY_BYTES = 2**30
"""The most bytes of one array, as declared and as its file has them."""
MAX_INDEX_LINES = 500_000

STAGE_LABELS = {
    "weights": "weights and batch",
    "forward": "layers' outputs",
    "loss": "loss and metrics",
    "gradient": "gradients",
    "update": "first steps of the optimizer",
    "alone": "differing layers alone",
    "alone.loss": "the loss alone",
    "alone.gradient": "differing gradients alone",
    "alone.moving": "moving averages alone",
    "alone.step": "steps from the same gradients",
    "trial": "trials of causes",
}
"""What each stage of the probe computes, as the progress display names it."""

Array = arrays.Array
ArrayKey = tuple[str, str, str]
"""What an array is, of which node or weight, and when (a learning phase, or a step's number)."""
Port = tuple[Text, Count]
"""The key of a node, and the index of one of its outputs."""
Shape = Annotated[list[Whole | None], msgspec.Meta(max_length=64)]
"""The sizes of a symbolic tensor; None is a size that Keras does not know."""


class _Entry(msgspec.Struct, frozen=True, tag_field="entry"):
    """One line of the index."""


class StoredArray(_Entry, frozen=True, tag="array"):
    """An array, and the file that it is in."""

    what: Text
    name: Text
    when: Text
    file: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,9}\.npy\Z")]
    shape: Annotated[list[Count], msgspec.Meta(max_length=64)]
    dtype: Text


class SourceLocation(msgspec.Struct, frozen=True):
    """Where a class or function that the script defines begins."""

    file: Text
    line: Count
    name: Text


class Node(_Entry, frozen=True, tag="node"):
    """One application of a layer.

    ``kind`` is the layer's class, ``own`` whether that class is Keras's own, ``source`` where the
    script defines it. ``feeds`` are the outputs of other nodes that are its inputs. ``nested``
    tells that the layer is itself a model.
    """

    key: Text
    layer: Text
    kind: Text
    own: bool
    config: dict[Text, Any]
    source: SourceLocation | None
    feeds: list[Port]
    outputs: Count
    input_shapes: list[Shape]
    output_shapes: list[Shape]
    weights: list[Text]
    nested: bool


class CompiledModel(_Entry, frozen=True, tag="model"):
    """How the model was compiled; ``outputs`` are the nodes' outputs that are the model's."""

    name: Text
    optimizer: Any
    loss: Any
    metrics: list[Text]
    phases: Annotated[list[Text], msgspec.Meta(min_length=1, max_length=2)]
    outputs: list[Port]


class BatchArrays(_Entry, frozen=True, tag="batch"):
    """How many arrays of the batch are inputs, and how many targets; sample weights follow."""

    inputs: Count
    targets: Count


class UnbuiltLayer(_Entry, frozen=True, tag="building"):
    """A layer that the backend could not apply while the script built its model."""

    layer: Text
    kind: Text
    own: bool
    config: dict[Text, Any]
    source: SourceLocation | None
    input_shapes: list[Shape]
    error: Text
    message: LongText


class FailedComputation(_Entry, frozen=True, tag="failed"):
    """Something that could not be computed; ``name`` is empty if it is a whole stage.

    ``by`` is the node that passes no gradient on, empty if that is not known.
    """

    stage: Text
    name: Text
    error: Text
    message: LongText
    by: Text = ""


class StageBegun(_Entry, frozen=True, tag="stage"):
    """The beginning of a stage."""

    name: Text


class RandomLayersOff(_Entry, frozen=True, tag="still"):
    """The random layers that were switched off."""

    layers: list[Text]


class SkippedLayers(_Entry, frozen=True, tag="skipped"):
    """Layers that this backend cannot apply and that the capture therefore left out."""

    layers: list[Text]


class StepSpread(_Entry, frozen=True, tag="repeated"):
    """How far apart two repetitions of the same optimizer steps came out on this image."""

    spread: Number


class CaptureEnd(_Entry, frozen=True, tag="looked"):
    """The end of a capture that went through all stages."""

    model: Text


Entry = (
    StoredArray
    | Node
    | CompiledModel
    | BatchArrays
    | UnbuiltLayer
    | FailedComputation
    | StageBegun
    | RandomLayersOff
    | SkippedLayers
    | StepSpread
    | CaptureEnd
)
_ENTRY_DECODER = msgspec.json.Decoder(Entry)


@dataclass
class Capture:
    """What one cell captured of its model.

    ``disabled`` are the random layers that were switched off, ``skipped`` those that the backend
    cannot apply, ``step_spread`` how far repetitions of the same optimizer steps came out apart.
    ``complete`` tells that the cell went through all stages.
    """

    folder: Path
    arrays: dict[ArrayKey, StoredArray] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    failures: list[FailedComputation] = field(default_factory=list)
    disabled: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    step_spread: float = 0.0
    model: CompiledModel | None = None
    batch: BatchArrays | None = None
    unbuilt: UnbuiltLayer | None = None
    complete: bool = False

    def array(self, key: ArrayKey) -> Array | None:
        """Read an array; None if the cell did not capture it.

        Raises:
            UnreadableError: the file is missing, too large or malformed.
        """
        stored = self.arrays.get(key)
        if stored is None:
            return None
        array = read_array(self.folder / stored.file)
        if list(array.shape) != stored.shape:
            raise UnreadableError(f"the shape of {stored.file} is not the one in the index")
        return array

    @cached_property
    def trained(self) -> frozenset[str]:
        """The weights that the loss has a gradient for, cached once the index has been read."""
        return frozenset(name for what, name, _ in self.arrays if what == "gradient")

    def node(self, key: str) -> Node | None:
        """Return the node with that key; None if the model has no such node."""
        return next((node for node in self.nodes if node.key == key), None)


def read_array(path: Path) -> Array:
    """Read a ``.npy`` file without unpickling anything.

    Raises:
        UnreadableError: the file is missing, too large or malformed.
    """
    content = memoryview(read_bounded(path, MAX_ARRAY_BYTES))
    try:
        return arrays.parse(content)
    except arrays.DAMAGE as error:
        raise UnreadableError(
            f"{path.name} is not an array file ({arrays.reason(error)})"
        ) from error


def read(folder: Path) -> Capture:
    """Read a cell's capture; it is empty if the cell ended before the model trained.

    Raises:
        UnreadableError: the index is not what the probe writes.
    """
    capture = Capture(folder)
    if not (folder / INDEX_FILE).exists():
        return capture
    lines = read_bounded(folder / INDEX_FILE, MAX_INDEX_BYTES).split(b"\n")
    if len(lines) > MAX_INDEX_LINES:
        raise UnreadableError(f"{INDEX_FILE} has more than {MAX_INDEX_LINES} lines")
    # A cell that was stopped while it wrote leaves the last line unfinished.
    for number, line in enumerate(lines[:-1], start=1):
        try:
            _add(capture, _ENTRY_DECODER.decode(line))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UnreadableError(f"{INDEX_FILE}, line {number}: {brief(str(error))}") from error
    return capture


def stage_of_line(line: bytes) -> str | None:
    """Return the label of the stage that an index line begins; None if it begins no stage."""
    try:
        entry = _ENTRY_DECODER.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return STAGE_LABELS.get(entry.name) if isinstance(entry, StageBegun) else None


def _add(capture: Capture, entry: _Entry) -> None:
    match entry:
        case StoredArray():
            # An element has at least one byte.
            if math.prod(entry.shape) > MAX_ARRAY_BYTES:
                raise UnreadableError(
                    f"{entry.file} is declared larger than {MAX_ARRAY_BYTES} bytes"
                )
            capture.arrays[entry.what, entry.name, entry.when] = entry
        case Node():
            capture.nodes.append(entry)
        case FailedComputation():
            capture.failures.append(entry)
        case RandomLayersOff():
            capture.disabled = tuple(entry.layers)
        case SkippedLayers():
            capture.skipped = tuple(entry.layers)
        case StepSpread():
            capture.step_spread = float(entry.spread)
        case CompiledModel():
            capture.model = entry
        case BatchArrays():
            capture.batch = entry
        case UnbuiltLayer():
            capture.unbuilt = entry
        case CaptureEnd():
            capture.complete = True


def port(key: str, index: int) -> str:
    """Return the name of a node's output, as the probe writes it."""
    return key if index == 0 else f"{key}:{index}"
