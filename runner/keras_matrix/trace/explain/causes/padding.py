"""Causes in where windows begin, where kernels are turned, and what is padded. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from keras_matrix.trace.cause import Proof, TrialOutcome
from keras_matrix.trace.distance import measure_distance
from keras_matrix.trace.explain.cause import THEANO, Cause, Counterfactual
from keras_matrix.trace.explain.causes.sources import BOTH_BACKEND_FILES, THEANO_BACKEND_FILE
from keras_matrix.trace.explain.edits import SET_WEIGHTS, Apply, Edit, Insert, Place, Without
from keras_matrix.trace.explain.situation import Situation
from keras_matrix.trace.explain.windows import (
    Padding,
    dilated,
    tensorflow_padding,
    theano_convolution_padding,
    theano_pooling_padding,
)
from keras_matrix.trace.finding import FindingKind

POOLING_LAYERS = (
    *("MaxPooling1D", "MaxPooling2D", "MaxPooling3D"),
    *("AveragePooling1D", "AveragePooling2D", "AveragePooling3D"),
)
CONVOLUTION_LAYERS = ("Conv1D", "Conv2D", "Conv3D", "DepthwiseConv2D")
SEPARABLE_LAYERS = ("SeparableConv1D", "SeparableConv2D")
TRANSPOSED_LAYERS = ("Conv2DTranspose", "Conv3DTranspose")
TURNED_LAYERS = ("Conv1D", "Conv2D", "Conv3D", "ConvLSTM2D", *TRANSPOSED_LAYERS)
SAME = {"padding": "same"}
OUTPUTS = (FindingKind.FORWARD, FindingKind.SHAPE, FindingKind.NAN)
OF_OUTPUT = "^output"


@dataclass(frozen=True)
class Axis:
    """One spatial axis of a layer: its size, and the window that moves along it."""

    size: int
    window: int
    stride: int

    @property
    def padding(self) -> Padding:
        """Where TensorFlow pads it for 'same'."""
        return tensorflow_padding(self.size, self.window, self.stride)


def spatial_axes(situation: Situation) -> list[Axis]:
    """Return the spatial axes of a pooling or convolution, with what its windows span on each."""
    config = situation.config
    sizes = list(situation.input_sizes)
    window = listed(config.get("pool_size") or config.get("kernel_size"))
    sizes = sizes[1:] if config.get("data_format") == "channels_first" else sizes[:-1]
    sizes = sizes[len(sizes) - len(window) :]
    strides = listed(config.get("strides") or 1, len(window))
    rates = listed(config.get("dilation_rate") or 1, len(window))
    spans = [dilated(size, rate) for size, rate in zip(window, rates, strict=True)]
    return [Axis(*axis) for axis in zip(sizes, spans, strides, strict=True)]


def listed(sizes: Any, count: int = 1) -> list[int]:
    """Return sizes that a configuration gives as a number or as several."""
    if isinstance(sizes, Sequence) and not isinstance(sizes, str):
        return [int(size) for size in sizes]
    return [int(sizes)] * count


def _has_even_window(situation: Situation) -> bool:
    return any(size % 2 == 0 for size in listed(situation.config["kernel_size"]))


# Pooling


def _pools_begin_elsewhere(situation: Situation) -> bool:
    return any(
        axis.padding[0] != theano_pooling_padding(axis.window) for axis in spatial_axes(situation)
    )


def _padded(pads: Sequence[Padding], name: str, config: Mapping[str, Any]) -> str:
    """Return the expression of a layer that pads or crops so many places on each axis."""
    places = ", ".join(f"({begin}, {end})" for begin, end in pads)
    argument = places if len(pads) == 1 else f"({places})"
    form = config.get("data_format")
    if form == "channels_first" and len(pads) > 1:
        argument += ", data_format='channels_first'"
    return f"{name}{len(pads)}D({argument})"


def _made_explicit(situation: Situation) -> list[Edit]:
    """Pad where TensorFlow does, by a layer of its own, and let the windows have no padding."""
    axes = spatial_axes(situation)
    pads = [axis.padding for axis in axes]
    first = len(axes) == 1 and situation.config.get("data_format") == "channels_first"
    if first or situation.over_time:
        return []
    edits: list[Edit] = [Insert(Place.MODEL, "layer.padding = 'valid'")]
    if any(begin or end for begin, end in pads):
        padding = _padded(pads, "ZeroPadding", situation.config)
        name = padding.partition("(")[0]
        edits += [
            Insert(Place.IMPORTS, f"from keras.layers import {name}"),
            Apply(f"layer({padding}({{}}))"),
        ]
    return edits


def _explicit_words(situation: Situation) -> str:
    pads = [axis.padding for axis in spatial_axes(situation)]
    if not any(begin or end for begin, end in pads):
        return "padding='valid' (TensorFlow's 'same' pads nothing here)"
    return f"{_padded(pads, 'ZeroPadding', situation.config)} and padding='valid'"


EXPLICIT_PADDING = Counterfactual(_explicit_words, _made_explicit)

# Transposed convolutions


def _transposed_axes(situation: Situation) -> list[Axis]:
    """Return the axes of the convolution that a transposed one is the transpose of."""
    return [
        Axis(axis.size * axis.stride, axis.window, axis.stride) for axis in spatial_axes(situation)
    ]


def _cropped(situation: Situation) -> list[Edit]:
    pads = [axis.padding for axis in _transposed_axes(situation)]
    # Without padding the output has max(window - stride, 0) places more.
    narrow = any(axis.window < axis.stride for axis in _transposed_axes(situation))
    if narrow or situation.over_time:
        return []
    cropping = _padded(pads, "Cropping", situation.config)
    return [
        Insert(Place.IMPORTS, f"from keras.layers import {cropping.partition('(')[0]}"),
        Insert(Place.MODEL, "layer.padding = 'valid'"),
        Apply(f"{cropping}(layer({{}}))"),
    ]


CROPPED = Counterfactual(
    lambda s: (
        f"padding='valid' and "
        f"{_padded([a.padding for a in _transposed_axes(s)], 'Cropping', s.config)}"
    ),
    _cropped,
)


# Kernels


def _is_turned(situation: Situation) -> bool:
    """Tell whether the two images' kernels are the same once one of them is turned around.

    Captured kernels are in one convention, so those that were set alike differ.
    """
    both = situation.start_of_both()
    if both is None or both[0].ndim < 3 or both[0].shape != both[1].shape:
        return False
    return bool(numpy.array_equal(turned(both[0]), both[1]))


def _turned_back(situation: Situation) -> Proof:
    """Return how far the kernels are apart as they are, and with one of them turned around.

    Raises:
        ValueError: they were not captured; the cause does not fit then.
    """
    both = situation.start_of_both()
    if both is None:
        raise ValueError("no kernels")
    mine, other = both
    return Proof(
        "one of the kernels turned around",
        TrialOutcome(measure_distance(mine, other).maximum),
        TrialOutcome(measure_distance(turned(mine), other).maximum),
    )


def turned(kernel: Any) -> Any:
    """Return a kernel turned around: backwards along all axes but the last two, the channels."""
    return kernel[(slice(None, None, -1),) * (kernel.ndim - 2)]


CAUSES = (
    Cause(
        text="Theano's convolutions turn the kernel around, TensorFlow's do not: a kernel that is "
        "set from an array is a different filter on each; convert it with "
        "keras.utils.conv_utils.convert_kernel on one of them.",
        source="_need_convert_kernel in keras/engine/saving.py, tag 2.3.1",
        kinds=(FindingKind.START,),
        layers=TURNED_LAYERS,
        holds=_is_turned,
        proof=_turned_back,
    ),
    Cause(
        text="Theano has no gradient for an average that excludes the padding.",
        source="AveragePoolGrad in theano/tensor/signal/pool.py, tag rel-1.0.4",
        kinds=(FindingKind.BUILD,),
        layers=POOLING_LAYERS,
        settings=SAME,
        message="padding must be zero for average_exc_pad",
        failing=THEANO,
        counterfactual=EXPLICIT_PADDING,
    ),
    Cause(
        text="With padding 'same' TensorFlow pads as little as it can, with an odd place at the "
        "end; Keras on Theano pads the pool size minus one or two on both sides, so the windows "
        "begin elsewhere.",
        source="keras-team/keras#13841; pool2d and pool3d in " + BOTH_BACKEND_FILES,
        kinds=OUTPUTS,
        layers=POOLING_LAYERS,
        settings=SAME,
        what=OF_OUTPUT,
        holds=_pools_begin_elsewhere,
        counterfactual=EXPLICIT_PADDING,
    ),
    Cause(
        text="The recurrent convolution uses padding 'same'; for an even kernel the odd place is "
        "at the end on TensorFlow and at the beginning on Theano.",
        source="ConvLSTM2DCell.recurrent_conv in keras/layers/convolutional_recurrent.py; "
        "_postprocess_conv2d_output in " + THEANO_BACKEND_FILE,
        kinds=OUTPUTS,
        layers=("ConvLSTM2D",),
        what=OF_OUTPUT,
        holds=_has_even_window,
        counterfactual=Counterfactual(
            "a kernel of odd size",
            lambda situation: [
                Insert(
                    Place.MODEL,
                    "layer.cell.kernel_size = "
                    f"{tuple(size | 1 for size in listed(situation.config['kernel_size']))}",
                ),
                Without(SET_WEIGHTS),
            ],
        ),
    ),
    Cause(
        text="Theano pads half of an even kernel on both sides, and Keras crops the surplus as if "
        "for the pointwise kernel, whose size is 1: one place too many is left.",
        source="separable_conv1d and separable_conv2d in " + THEANO_BACKEND_FILE,
        kinds=OUTPUTS,
        layers=SEPARABLE_LAYERS,
        settings=SAME,
        what=OF_OUTPUT,
        holds=_has_even_window,
        counterfactual=EXPLICIT_PADDING,
    ),
    Cause(
        text="With padding 'same' TensorFlow pads as little as it can, with an odd place at the "
        "end; Theano pads half of the kernel on both sides, so the windows begin elsewhere for "
        "even kernels, and for strides that do not fit the input's size.",
        source=f"_preprocess_padding and conv2d in {THEANO_BACKEND_FILE}; SAME of "
        "tf.nn.convolution",
        kinds=OUTPUTS,
        layers=(*CONVOLUTION_LAYERS, *SEPARABLE_LAYERS),
        settings=SAME,
        what=OF_OUTPUT,
        holds=lambda situation: any(
            axis.padding[0] != theano_convolution_padding(axis.window)
            for axis in spatial_axes(situation)
        ),
        counterfactual=EXPLICIT_PADDING,
    ),
    Cause(
        text="With padding 'same' TensorFlow leaves out as little as it can, with an odd place at "
        "the end; Theano leaves out half of the kernel at the beginning. These differ for strides "
        "that do not fit the kernel.",
        source=f"conv2d_transpose in {BOTH_BACKEND_FILES}; SAME of tf.nn.conv2d_transpose",
        kinds=OUTPUTS,
        layers=TRANSPOSED_LAYERS,
        settings={**SAME, "output_padding": None},
        what=OF_OUTPUT,
        holds=lambda situation: any(
            axis.padding[0] != theano_convolution_padding(axis.window)
            for axis in _transposed_axes(situation)
        ),
        counterfactual=CROPPED,
    ),
    Cause(
        text="Keras does not support even kernels with padding 'same' on Theano; use an odd "
        "kernel.",
        source="conv2d_transpose in " + THEANO_BACKEND_FILE,
        kinds=(FindingKind.BUILD,),
        layers=TRANSPOSED_LAYERS,
        settings=SAME,
        message="even kernel sizes are not supported with Theano",
        failing=THEANO,
        holds=_has_even_window,
        counterfactual=CROPPED,
    ),
)
"""The more specific before the more general."""
