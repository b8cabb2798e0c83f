"""A model that can be written as a script and made smaller: its layers, and how they are connected.

Pure. The names of layers are those of the traced model, so that a place keeps its name.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from keras_matrix.trace.dump import Array, Port, Shape, SourceLocation


class InputTensor(msgspec.Struct, frozen=True, kw_only=True):
    """An input of the model, whose numbers are recorded; ``shape`` is without the batch."""

    key: str
    shape: Shape
    dtype: str


class WrittenLayer(msgspec.Struct, frozen=True, kw_only=True):
    """A layer; ``weights`` are the short names of its weights, in Keras's order."""

    name: str
    kind: str
    own: bool
    config: dict[str, Any]
    source: SourceLocation | None = None
    weights: list[str] = []


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """One application of a layer, to outputs of other calls or to inputs."""

    key: str
    layer: str
    feeds: list[Port]
    outputs: int = 1


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """An output of the model; ``loss`` is as the probe describes it, None for the mean.

    The mean takes targets of as many ``dimensions`` as the output has, with the batch.
    """

    port: Port
    loss: Any = None
    dimensions: int = 2


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model with how it is trained; ``calls`` are in an order in which they can be computed.

    ``optimizer`` is as the probe describes it, None for plain SGD. ``metric`` is one to compile
    with, if any. ``cropped`` tells that the recorded weights are larger than the layers.
    """

    inputs: list[InputTensor]
    layers: list[WrittenLayer]
    calls: list[Application]
    outputs: list[Output]
    optimizer: Any = None
    metric: str = ""
    epochs: int = 1
    cropped: bool = False

    def layer(self, name: str) -> WrittenLayer:
        """Return the layer of that name."""
        return next(layer for layer in self.layers if layer.name == name)


class Recorded:
    """A recorded array, with a digest of its content."""

    def __init__(self, array: Array) -> None:
        self.array = array

    @cached_property
    def digest(self) -> str:
        """A digest of the array's numbers, shape and type."""
        head = f"{self.array.dtype} {self.array.shape} ".encode()
        return hashlib.sha256(head + self.array.tobytes()).hexdigest()


Arrays = Mapping[str, Recorded]


@dataclass(frozen=True)
class Candidate:
    """A model with its recorded arrays, by the names that the functions below return."""

    model: Model
    arrays: Arrays

    @cached_property
    def digest(self) -> str:
        """A digest of all that decides what the written script does."""
        arrays = {name: recorded.digest for name, recorded in self.arrays.items()}
        content = msgspec.json.encode((self.model, sorted(arrays.items())))
        return hashlib.sha256(content).hexdigest()

    @property
    def samples(self) -> int:
        """How many samples the batch has."""
        return len(self.arrays[input_name(self.model.inputs[0].key)].array)

    @property
    def size(self) -> "Size":
        """How large the candidate is."""
        numbers = sum(recorded.array.size for recorded in self.arrays.values())
        return Size(
            layers=len(self.model.layers),
            samples=self.samples,
            numbers=int(numbers),
            epochs=self.model.epochs,
        )


class Size(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """How large a script is: layers, samples of the batch, epochs, recorded numbers."""

    layers: int
    samples: int
    epochs: int
    numbers: int


def input_name(key: str) -> str:
    """Return the name of an input's array."""
    return f"input {key}"


def target_name(port: Port) -> str:
    """Return the name of the array of an output's targets."""
    return f"target {port[0]} {port[1]}"


def samples_name(port: Port) -> str:
    """Return the name of the array of an output's sample weights."""
    return f"samples {port[0]} {port[1]}"


def weight_name(layer: str, weight: str) -> str:
    """Return the name of the array of a layer's weight."""
    return f"weight {layer}/{weight}"


def pruned(model: Model, arrays: Arrays) -> Candidate:
    """Leave out what no output depends on: calls, layers, inputs and arrays."""
    needed = ancestors(model.calls, (output.port[0] for output in model.outputs))
    calls = [call for call in model.calls if call.key in needed]
    used = {call.layer for call in calls}
    layers = [layer for layer in model.layers if layer.name in used]
    inputs = [tensor for tensor in model.inputs if tensor.key in needed]
    smaller = msgspec.structs.replace(model, calls=calls, layers=layers, inputs=inputs)
    names = {input_name(tensor.key) for tensor in inputs}
    for output in model.outputs:
        names |= {target_name(output.port), samples_name(output.port)}
    names |= {weight_name(layer.name, weight) for layer in layers for weight in layer.weights}
    return Candidate(smaller, {name: arrays[name] for name in arrays if name in names})


def ancestors(calls: Iterable[Application], keys: Iterable[str]) -> set[str]:
    """Return the keys given, and those of all that they depend on."""
    by_key = {call.key: call for call in calls}
    pending, found = list(keys), set[str]()
    while pending:
        key = pending.pop()
        if key not in found:
            found.add(key)
            pending += [feed[0] for feed in by_key[key].feeds] if key in by_key else []
    return found


def with_rows(candidate: Candidate, rows: list[int]) -> Candidate:
    """Return a candidate with only some samples of its batch."""
    arrays = {
        name: recorded if name.startswith("weight ") else Recorded(recorded.array[rows])
        for name, recorded in candidate.arrays.items()
    }
    return Candidate(candidate.model, arrays)
