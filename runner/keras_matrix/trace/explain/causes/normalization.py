"""Causes in batch normalization, and in what is divided by a norm. Pure."""

from typing import Any

import numpy

from keras_matrix.trace.explain.cause import THEANO, Cause, Counterfactual
from keras_matrix.trace.explain.causes.sources import BOTH_BACKEND_FILES, THEANO_BACKEND_FILE
from keras_matrix.trace.explain.edits import Insert, Place
from keras_matrix.trace.explain.situation import Situation
from keras_matrix.trace.finding import FindingKind

LEAST_EPSILON = 1e-5
"""What Theano's batch normalization accepts."""
FUSED_EPSILON = 1.001e-5
"""What TensorFlow's fused batch normalization raises epsilon to."""
SMALL_SQUARE = 1e-7
"""The least sum of squares that l2_normalize divides by on Theano: ``epsilon()`` of Keras."""
BATCH_NORMALIZATION = ("BatchNormalization",)
FUSED_BATCH_NORM = "fused_batch_norm in tensorflow/python/ops/nn_impl.py, tag v1.14.0"
NORMALIZE_BATCH = "normalize_batch_in_training in " + THEANO_BACKEND_FILE

SAME_NORM = """\
from keras import backend as K
def l2_normalize(x, axis=None):
    return x / K.sqrt(K.maximum(K.sum(K.square(x), axis=axis, keepdims=True), 1e-12))
K.l2_normalize = l2_normalize
"""
SAME_VARIANCE = """\
from keras import backend as K
def normalize_batch(x, gamma, beta, reduction_axes, epsilon=1e-3):
    mean = K.mean(x, reduction_axes)
    variance = K.mean(K.square(x - mean), reduction_axes)
    normed = (x - mean) / K.sqrt(variance + epsilon)
    normed = normed if gamma is None else normed * gamma
    return normed if beta is None else normed + beta, mean, variance
K.normalize_batch_in_training = normalize_batch
"""


def _epsilon(situation: Situation) -> float:
    epsilon = situation.config["epsilon"]
    if not isinstance(epsilon, int | float):
        raise TypeError("epsilon is no number")
    return float(epsilon)


def _is_fused(situation: Situation) -> bool:
    """Tell whether Keras on TensorFlow calls the fused batch normalization: on a CPU, of images.

    Source: ``normalize_batch_in_training`` in keras/backend/tensorflow_backend.py, tag 2.3.1.
    """
    shapes = situation.finding.input_shapes
    return bool(shapes) and len(shapes[0]) == 4 and situation.config.get("axis", -1) in (-1, 3)


def _has_channels_last(situation: Situation) -> bool:
    shapes = situation.finding.input_shapes
    return bool(shapes) and situation.config.get("axis", -1) in (-1, len(shapes[0]) - 1)


def _is_variance(situation: Situation) -> bool:
    return situation.finding.where.rpartition("/")[2].startswith("moving_variance")


def has_small_rows(array: Any) -> bool:
    """Tell whether l2_normalize raises a norm of an array, along some axis, on Theano.

    At zero both backends return zero.
    """
    squares = numpy.square(array.astype(numpy.float64))
    axes: list[int | None] = [None, *range(array.ndim)]
    return any(
        bool(((total < SMALL_SQUARE) & (total > 0)).any())
        for total in (squares.sum(axis=axis) for axis in axes)
    )


def _dot_of_small_rows(situation: Situation) -> bool | None:
    return any(has_small_rows(array) for array in situation.inputs) if situation.inputs else None


def _loss_of_small_rows(situation: Situation) -> bool | None:
    if situation.predictions is None or not situation.targets:
        return None
    arrays = (situation.predictions, situation.targets[situation.output_index])
    return situation.loss.startswith("cosine") and any(has_small_rows(array) for array in arrays)


WITH_EPSILON = Counterfactual(
    "epsilon=1.001e-5", lambda _: [Insert(Place.MODEL, f"layer.epsilon = {FUSED_EPSILON}")]
)
WITH_SAME_NORM = Counterfactual(
    "the least norm sqrt(1e-12) on both", lambda _: [Insert(Place.IMPORTS, SAME_NORM)]
)
WITH_SAME_VARIANCE = Counterfactual(
    "the variance written out alike on both",
    lambda situation: (
        [Insert(Place.IMPORTS, SAME_VARIANCE)] if _has_channels_last(situation) else []
    ),
)
LEAST_NORM = (
    "The smallest norm that l2_normalize divides by is sqrt(1e-7) on Theano and sqrt(1e-12) on "
    "TensorFlow."
)
L2_NORMALIZE = "l2_normalize in " + BOTH_BACKEND_FILES

CAUSES = (
    Cause(
        text="Theano's batch normalization accepts no epsilon below 1e-5; TensorFlow's fused one "
        "silently uses 1.001e-5 instead.",
        source="batch_normalization_train in theano/tensor/nnet/bn.py, tag rel-1.0.4; "
        + FUSED_BATCH_NORM,
        kinds=(FindingKind.BUILD,),
        layers=BATCH_NORMALIZATION,
        message="epsilon must be at least 1e-5",
        failing=THEANO,
        # In float32, 1e-5 itself is below 1e-5.
        holds=lambda situation: float(numpy.float32(_epsilon(situation))) < LEAST_EPSILON,
        counterfactual=WITH_EPSILON,
    ),
    Cause(
        text="Without gamma and beta (scale=False, center=False), Keras on Theano passes ones of "
        "the input's own shape for gamma. Theano then returns a mean and a variance with as many "
        "dimensions as the input, which the moving averages, being vectors, cannot take.",
        source=NORMALIZE_BATCH + " (gamma = ones_like(x))",
        kinds=(FindingKind.BUILD,),
        layers=BATCH_NORMALIZATION,
        settings={"scale": False, "center": False},
        # When it is compiled, when an update is made, or when it is computed.
        message="Cannot convert Type TensorType|An update must have the same type"
        "|Rebroadcast.s input was supposed to be 1",
        failing=THEANO,
        counterfactual=Counterfactual(
            "scale=True", lambda _: [Insert(Place.MODEL, "layer.scale = True")]
        ),
    ),
    Cause(
        text="TensorFlow's fused batch normalization raises epsilon to 1.001e-5.",
        source=FUSED_BATCH_NORM,
        kinds=(FindingKind.FORWARD,),
        layers=BATCH_NORMALIZATION,
        what="^output",
        holds=lambda situation: _is_fused(situation) and _epsilon(situation) < FUSED_EPSILON,
        counterfactual=WITH_EPSILON,
    ),
    Cause(
        text="TensorFlow's fused batch normalization returns the variance with Bessel's "
        "correction, and Keras corrects it once more; on Theano it includes epsilon.",
        source="FusedBatchNorm in tensorflow/core/kernels/fused_batch_norm_op.cc, tag v1.14.0; "
        "BatchNormalization.call in keras/layers/normalization.py, tag 2.3.1; " + NORMALIZE_BATCH,
        kinds=(FindingKind.UPDATE,),
        layers=BATCH_NORMALIZATION,
        what="^moving average",
        holds=lambda situation: _is_variance(situation) and _is_fused(situation),
        counterfactual=WITH_SAME_VARIANCE,
    ),
    Cause(
        text="On Theano the variance that is averaged includes epsilon.",
        source=NORMALIZE_BATCH,
        kinds=(FindingKind.UPDATE,),
        layers=BATCH_NORMALIZATION,
        what="^moving average",
        holds=lambda situation: _is_variance(situation) and not _is_fused(situation),
        counterfactual=WITH_SAME_VARIANCE,
    ),
    Cause(
        text=LEAST_NORM,
        source=L2_NORMALIZE,
        kinds=(FindingKind.FORWARD, FindingKind.GRADIENT),
        layers=("Dot",),
        settings={"normalize": True},
        holds=_dot_of_small_rows,
        counterfactual=WITH_SAME_NORM,
    ),
    Cause(
        text=LEAST_NORM,
        source=L2_NORMALIZE,
        kinds=(FindingKind.LOSS, FindingKind.GRADIENT),
        what="^(loss|gradient by the outputs)",
        holds=_loss_of_small_rows,
        counterfactual=WITH_SAME_NORM,
    ),
)
