"""Where padding begins and ends on each backend. Pure."""

from collections.abc import Sequence
from typing import Any

from keras_matrix.trace.explain.causes import BOTH_BACKEND_FILES, THEANO_BACKEND_FILE
from keras_matrix.trace.finding import Finding, FindingKind, Hint

POOLING_LAYERS = (
    *("MaxPooling1D", "MaxPooling2D", "MaxPooling3D"),
    *("AveragePooling1D", "AveragePooling2D", "AveragePooling3D"),
)
CONVOLUTION_LAYERS = ("Conv1D", "Conv2D", "Conv3D", "DepthwiseConv2D", "ConvLSTM2D")
SEPARABLE_LAYERS = ("SeparableConv1D", "SeparableConv2D")
TRANSPOSED_LAYERS = ("Conv2DTranspose", "Conv3DTranspose")


def same_pooling_hint(finding: Finding) -> Hint | None:
    """Return why a pooling layer with padding 'same' differs."""
    if finding.layer not in POOLING_LAYERS or finding.config.get("padding") != "same":
        return None
    if finding.kind is FindingKind.BUILD and "padding must be zero" in finding.message:
        return Hint(
            "Theano has no gradient for an average that excludes the padding.",
            "AveragePoolGrad in theano/tensor/signal/pool.py, tag rel-1.0.4",
        )
    if finding.kind is FindingKind.GRADIENT:
        return None
    return Hint(
        "With padding 'same' TensorFlow pads as little as it can, with an odd place at the end; "
        "Keras on Theano pads the pool size minus one or two on both sides, so the windows begin "
        "elsewhere.",
        "keras-team/keras#13841; pool2d and pool3d in " + BOTH_BACKEND_FILES,
    )


def same_convolution_hint(finding: Finding) -> Hint | None:
    """Return why a convolution with padding 'same' differs."""
    if finding.kind not in (FindingKind.FORWARD, FindingKind.SHAPE):
        return None
    config = finding.config
    if finding.layer == "ConvLSTM2D" and _has_even_size(config.get("kernel_size")):
        return Hint(
            "The recurrent convolution uses padding 'same'; for an even kernel the odd place is at "
            "the end on TensorFlow and at the beginning on Theano.",
            "ConvLSTM2DCell.recurrent_conv in keras/layers/convolutional_recurrent.py; "
            "_postprocess_conv2d_output in " + THEANO_BACKEND_FILE,
        )
    if config.get("padding") != "same":
        return None
    if finding.layer in SEPARABLE_LAYERS and _has_even_size(config.get("kernel_size")):
        return Hint(
            "Theano pads half of an even kernel on both sides, and Keras crops the surplus as if "
            "for the pointwise kernel, whose size is 1: one place too many is left.",
            "separable_conv1d and separable_conv2d in " + THEANO_BACKEND_FILE,
        )
    if finding.layer in (*CONVOLUTION_LAYERS, *SEPARABLE_LAYERS, *TRANSPOSED_LAYERS):
        return Hint(
            "With padding 'same' TensorFlow pads as little as it can, with an odd place at the "
            "end; Theano pads half of the kernel on both sides. These places differ for even "
            "kernels, and for strides that do not fit the input's size.",
            f"_preprocess_padding and conv2d in {THEANO_BACKEND_FILE}; SAME of tf.nn.convolution",
        )
    return None


def transposed_hint(finding: Finding) -> Hint | None:
    """Return why a transposed convolution cannot be built."""
    if finding.kind is not FindingKind.BUILD or finding.layer not in TRANSPOSED_LAYERS:
        return None
    if (
        _has_even_size(finding.config.get("kernel_size"))
        and finding.config.get("padding") == "same"
    ):
        return Hint(
            "Keras does not support even kernels with padding 'same' on Theano; use an odd kernel.",
            "conv2d_transpose in " + THEANO_BACKEND_FILE,
        )
    return None


def _has_even_size(sizes: Any) -> bool:
    return isinstance(sizes, Sequence) and any(
        isinstance(size, int) and size % 2 == 0 for size in sizes
    )
