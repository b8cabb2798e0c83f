"""Predict with every kind of convolution on weights paired for one seed; write all as JSON.

Of each case: the output, the output with all kernels turned around (the one that would be wrong),
or the error that the layer ends in.
"""

import json
import sys
import time

import keras
import numpy
from keras import backend as K
from keras.layers import (
    Bidirectional,
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
    ConvLSTM2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    Input,
    LocallyConnected1D,
    LocallyConnected2D,
    SeparableConv1D,
    SeparableConv2D,
    TimeDistributed,
)
from keras.models import Model, Sequential
from keras.utils.conv_utils import convert_kernel

from keras_matrix_probe.keras2 import paired

SPATIAL = {1: (7,), 2: (7, 9), 3: (5, 5, 7)}
EVEN = (8, 6)
CHANNELS = 3
OPTIONS = {
    "valid": {},
    "same": {"padding": "same"},
    "strides": {"strides": 2},
    "strides same": {"strides": 2, "padding": "same"},
    "dilation same": {"dilation_rate": 2, "padding": "same"},
    "kernel 2": {"kernel_size": 2},
}
CONVOLUTIONS = (
    (1, Conv1D, {"filters": 2}),
    (2, Conv2D, {"filters": 2}),
    (3, Conv3D, {"filters": 2}),
    (2, Conv2DTranspose, {"filters": 2}),
    (3, Conv3DTranspose, {"filters": 2}),
    (1, SeparableConv1D, {"filters": 2, "depth_multiplier": 2}),
    (2, SeparableConv2D, {"filters": 2, "depth_multiplier": 2}),
    (2, DepthwiseConv2D, {"depth_multiplier": 2}),
)


class Subclassed(Model):
    def __init__(self):
        super().__init__()
        self.convolution = Conv2D(2, 3, padding="same")
        self.flatten = Flatten()
        self.dense = Dense(2)

    def call(self, inputs):
        return self.dense(self.flatten(self.convolution(inputs)))


class Own(Conv2D):
    pass


def with_kernel(kind, **options):
    """Return what makes such a layer when it is called: its weights are drawn in its turn."""

    def make(x):
        return kind(**dict({"kernel_size": 3}, **options))(x)

    return make


def shape(spatial, data_format="channels_last"):
    return (CHANNELS, *spatial) if data_format == "channels_first" else (*spatial, CHANNELS)


def shared(x):
    convolution = Conv2D(CHANNELS, 3, padding="same")
    return convolution(convolution(x))


def nested(x):
    return Sequential([Conv2D(2, 3), Flatten(), Dense(2)])(x)


def distributed(x):
    return TimeDistributed(Conv2D(2, 3))(x)


def bidirectional(x):
    return Bidirectional(ConvLSTM2D(2, 3))(x)


def cases():
    """Yield name, input shape and what makes the output of the input."""
    for data_format in ("channels_last", "channels_first"):
        for dimensions, kind, fixed in CONVOLUTIONS:
            for name, option in OPTIONS.items():
                if kind in (Conv2DTranspose, Conv3DTranspose) and name == "strides same":
                    continue
                options = dict(fixed, data_format=data_format, **option)
                yield (
                    " ".join((kind.__name__, data_format, name)),
                    shape(SPATIAL[dimensions], data_format),
                    with_kernel(kind, **options),
                )
        for name in ("valid", "same"):
            yield (
                " ".join(("ConvLSTM2D", data_format, name)),
                (2, *shape((4, 5), data_format)),
                with_kernel(ConvLSTM2D, filters=2, data_format=data_format, **OPTIONS[name]),
            )
        yield (
            " ".join(("LocallyConnected2D", data_format)),
            shape((4, 3), data_format),
            with_kernel(LocallyConnected2D, filters=2, data_format=data_format),
        )
    yield "LocallyConnected1D", shape((4,)), with_kernel(LocallyConnected1D, filters=2)
    yield "Conv1D causal", shape((7,)), with_kernel(Conv1D, filters=2, padding="causal")
    yield "Sequential in Model", shape(SPATIAL[2]), nested
    yield "TimeDistributed", (2, *shape((5, 5))), distributed
    yield "Bidirectional", (2, *shape((4, 5))), bidirectional
    yield "shared", shape(SPATIAL[2]), shared
    yield "own subclass", shape(SPATIAL[2]), with_kernel(Own, filters=2)
    yield "subclassed model", shape(SPATIAL[2]), None

    # Where the backends' own layers differ, whatever the weights.
    for kind in (Conv2D, DepthwiseConv2D, Conv2DTranspose, SeparableConv2D):
        fixed = {} if kind is DepthwiseConv2D else {"filters": 2}
        for what, option in (("kernel 2 same", {"kernel_size": 2}), ("even same", {"strides": 2})):
            options = dict(fixed, padding="same", **option)
            yield (
                " ".join(("differs:", kind.__name__, what)),
                shape(EVEN),
                with_kernel(kind, **options),
            )


def turn_kernels(model):
    """Turn all kernels around; tell whether there were any."""
    kernels = [weight for weight in model.weights if K.ndim(weight) >= 3]
    for weight in kernels:
        K.set_value(weight, convert_kernel(K.get_value(weight)))
    return bool(kernels)


def results_of(input_shape, make):
    x = numpy.random.RandomState(1).uniform(-1, 1, (2, *input_shape)).astype("float32")
    if make is None:
        model = Subclassed()
    else:
        inputs = Input(input_shape)
        model = Model(inputs, make(inputs))
    found = {"output": model.predict(x).tolist()}
    if turn_kernels(model):
        found["turned"] = model.predict(x).tolist()
    return found


pairing = paired.install(keras, 7)
results = {}
for number, (name, input_shape, make) in enumerate(cases()):
    began = time.time()
    # After a case that fails under one backend only, the next ones draw alike all the same.
    pairing.drawn = 100 * number
    try:
        results[name] = results_of(input_shape, make)
    except Exception as error:
        results[name] = {"error": " ".join((type(error).__name__, str(error)[:300]))}
    # Only TensorFlow has it, where an ever larger graph gets slow.
    getattr(K, "clear_session", int)()
    print(name, round(time.time() - began, 1), "s")
record = {
    "cases": results,
    "converted": pairing.converted,
    "not_paired": pairing.not_paired,
}
with open(sys.argv[1], "w") as file:
    json.dump(record, file)
