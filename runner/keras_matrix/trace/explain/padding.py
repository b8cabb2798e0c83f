"""Where padding begins and ends, as the backends have it. Pure."""

from collections.abc import Sequence
from typing import Any

from keras_matrix.trace.explain.causes import BACKENDS
from keras_matrix.trace.finding import Finding, Hint, Kind

POOLING = (
    *("MaxPooling1D", "MaxPooling2D", "MaxPooling3D"),
    *("AveragePooling1D", "AveragePooling2D", "AveragePooling3D"),
)
CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D", "DepthwiseConv2D", "ConvLSTM2D")
SEPARABLE = ("SeparableConv1D", "SeparableConv2D")
TRANSPOSED = ("Conv2DTranspose", "Conv3DTranspose")


def same_pooling(finding: Finding) -> Hint | None:
    """Return why a pooling with padding 'same' differs."""
    if finding.layer not in POOLING or finding.config.get("padding") != "same":
        return None
    if finding.kind is Kind.BUILD and "padding must be zero" in finding.message:
        return Hint(
            "Theano has no gradient for an average that leaves out the padding.",
            "AveragePoolGrad in theano/tensor/signal/pool.py, tag rel-1.0.4",
        )
    if finding.kind is Kind.GRADIENT:
        return None
    return Hint(
        "With padding 'same' TensorFlow pads as little as it can, the odd one at the end; Keras on "
        "Theano pads the pool size less one or two on both sides, so the windows begin elsewhere.",
        "keras-team/keras#13841; pool2d and pool3d in " + BACKENDS,
    )


def same_convolution(finding: Finding) -> Hint | None:
    """Return why a convolution with padding 'same' differs."""
    if finding.kind not in (Kind.FORWARD, Kind.SHAPE):
        return None
    config = finding.config
    if finding.layer == "ConvLSTM2D" and _even(config.get("kernel_size")):
        return Hint(
            "The recurrent convolution pads 'same'; for an even kernel the odd place is at the end "
            "on TensorFlow, at the beginning on Theano.",
            "ConvLSTM2DCell.recurrent_conv in keras/layers/convolutional_recurrent.py; "
            "_postprocess_conv2d_output in keras/backend/theano_backend.py, tag 2.3.1",
        )
    if config.get("padding") != "same":
        return None
    if finding.layer in SEPARABLE and _even(config.get("kernel_size")):
        return Hint(
            "Theano pads an even kernel by half of it on both sides, and Keras crops the surplus "
            "by the pointwise kernel, which is 1: one place too many is left.",
            "separable_conv1d and separable_conv2d in keras/backend/theano_backend.py, tag 2.3.1",
        )
    if finding.layer in (*CONVOLUTIONS, *SEPARABLE, *TRANSPOSED):
        return Hint(
            "With padding 'same' TensorFlow pads as little as it can, the odd place at the end; "
            "Theano pads half of the kernel on both sides. For even kernels, and for strides on "
            "sizes they do not fit, these are different places.",
            "_preprocess_padding and conv2d in keras/backend/theano_backend.py, tag 2.3.1; "
            "SAME of tf.nn.convolution",
        )
    return None


def transposed(finding: Finding) -> Hint | None:
    """Return why a transposed convolution cannot be built."""
    if finding.kind is not Kind.BUILD or finding.layer not in TRANSPOSED:
        return None
    if _even(finding.config.get("kernel_size")) and finding.config.get("padding") == "same":
        return Hint(
            "Keras does not offer even kernels with padding 'same' on Theano; take an odd one.",
            "conv2d_transpose in keras/backend/theano_backend.py, tag 2.3.1",
        )
    return None


def _even(sizes: Any) -> bool:
    return isinstance(sizes, Sequence) and any(
        isinstance(size, int) and size % 2 == 0 for size in sizes
    )
