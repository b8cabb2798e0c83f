"""Halve sizes: a layer's units or filters, an input's length, width or features. Pure.

The recorded weights are then larger than their layers, and the script crops them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from keras_matrix.trace.reduce.model import (
    Candidate,
    InputTensor,
    Recorded,
    WrittenLayer,
    ancestors,
    input_name,
    target_name,
)

UNIT_SETTINGS = ("units", "filters", "output_dim", "depth_multiplier")
"""Settings of a layer that are how many features its output has."""
LENGTH_SETTINGS = ("input_length",)
"""Settings of a layer that repeat the length of its input."""


def smaller(candidate: Candidate) -> Iterator[tuple[str, Candidate]]:
    """Yield candidates with one size halved, each with words for it."""
    for layer in candidate.model.layers:
        for name, size, config in _halved_settings(layer.config):
            words = f"with {size // 2} {name} in {layer.name}"
            yield words, _with_layer(candidate, layer, config, size)
    for tensor in candidate.model.inputs:
        array = candidate.arrays[input_name(tensor.key)].array
        groups = [list(range(1, array.ndim - 1)), [array.ndim - 1] if array.ndim > 1 else []]
        for axes in groups:
            if any(array.shape[axis] > 1 for axis in axes):
                what = "features" if axes == [array.ndim - 1] else "places"
                sizes = [array.shape[axis] // 2 or 1 for axis in axes]
                words = f"with {' x '.join(map(str, sizes))} {what} in {tensor.key}"
                yield words, _with_input(candidate, tensor, axes)


def _halved_settings(config: Mapping[str, Any]) -> Iterator[tuple[str, int, dict[str, Any]]]:
    for name, value in config.items():
        if name in UNIT_SETTINGS and isinstance(value, int) and value > 1:
            yield name, value, {**config, name: value // 2}
        elif name in ("layer", "cell") and isinstance(value, Mapping):
            inner = value.get("config")
            if isinstance(inner, Mapping):
                for setting, size, halved in _halved_settings(inner):
                    yield setting, size, {**config, name: {**value, "config": halved}}


def _with_layer(
    candidate: Candidate, layer: WrittenLayer, config: dict[str, Any], size: int
) -> Candidate:
    model = candidate.model
    changed = msgspec.structs.replace(layer, config=config)
    layers = [changed if other is layer else other for other in model.layers]
    arrays: dict[str, Recorded] = dict(candidate.arrays)
    keys = {call.key for call in model.calls if call.layer == layer.name}
    for output in model.outputs:
        name = target_name(output.port)
        recorded = arrays.get(name)
        if recorded is None or not recorded.array.ndim:
            continue
        features = recorded.array.shape[-1]
        if features % size == 0 and keys & ancestors(model.calls, [output.port[0]]):
            arrays[name] = Recorded(recorded.array[..., : features // size * (size // 2)])
    smaller_model = msgspec.structs.replace(model, layers=layers, cropped=True)
    return Candidate(smaller_model, arrays)


def _with_input(candidate: Candidate, tensor: InputTensor, axes: list[int]) -> Candidate:
    model = candidate.model
    arrays: dict[str, Recorded] = dict(candidate.arrays)
    array = arrays[input_name(tensor.key)].array
    cut = tuple(
        slice(array.shape[axis] // 2 or 1) if axis in axes else slice(None)
        for axis in range(array.ndim)
    )
    arrays[input_name(tensor.key)] = Recorded(array[cut])
    length, halved = (array.shape[1], array.shape[1] // 2 or 1) if 1 in axes else (0, 0)
    for output in model.outputs:
        name = target_name(output.port)
        target = arrays[name].array if name in arrays else None
        if target is not None and target.ndim > 2 and target.shape[1] == length:
            arrays[name] = Recorded(target[:, :halved])
    layers = [
        msgspec.structs.replace(
            layer,
            config={
                name: halved if name in LENGTH_SETTINGS and value == length else value
                for name, value in layer.config.items()
            },
        )
        for layer in model.layers
    ]
    shape = [
        None if size is None else arrays[input_name(tensor.key)].array.shape[axis]
        for axis, size in enumerate(tensor.shape, start=1)
    ]
    cropped = msgspec.structs.replace(tensor, shape=shape)
    inputs = [cropped if other is tensor else other for other in model.inputs]
    return Candidate(
        msgspec.structs.replace(model, layers=layers, inputs=inputs, cropped=True), arrays
    )
