"""Known causes of differences, recognized by what a finding looks like. Pure.

Each names its source: a file and function of Keras 2.3.1, Theano 1.0.4 or TensorFlow 1.14.0, or an
issue. A cause is only likely, as the layer's class and configuration suggest it; the figures of a
finding are measured.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from keras_matrix.trace import judge
from keras_matrix.trace.dump import Capture
from keras_matrix.trace.explain import padding, slicing
from keras_matrix.trace.explain.causes import (
    BOTH_BACKEND_FILES,
    L2_NORMALIZE_HINT,
    MAXIMUM_TIES_HINT,
    THEANO_BACKEND_FILE,
    find_hint_in_code,
)
from keras_matrix.trace.finding import INFERRED_SHAPE, Finding, FindingKind, Hint

OPTIMIZERS_WITH_STEP_COUNT = ("Adam", "Adamax", "Nadam")
"""Optimizers whose learning rate depends on the number of steps taken."""
RELU_LAYERS = ("ReLU", "LeakyReLU", "PReLU", "ThresholdedReLU")
RECURRENT_LAYERS = ("SimpleRNN", "GRU", "LSTM")
GET_GRADIENTS = "Optimizer.get_gradients in keras/optimizers.py, tag 2.3.1"
FUSED_BATCH_NORM = "fused_batch_norm in tensorflow/python/ops/nn_impl.py, tag v1.14.0"
NORMALIZE_BATCH = "normalize_batch_in_training in " + THEANO_BACKEND_FILE
LAMBDA_SHAPE_HINT = Hint(
    "Without output_shape, Keras on Theano assumes that a Lambda's output has the shape of its "
    "input; give the Lambda its output_shape.",
    "Lambda.compute_output_shape in keras/layers/core.py, tag 2.3.1",
)


@dataclass(frozen=True)
class FindingContext:
    """What else is known where a finding is.

    ``decays`` tells that the optimizer's learning rate decays, ``shared`` that the layer is applied
    several times; ``code`` is the part of the script that defines what the finding is about.
    """

    optimizer: str = ""
    decays: bool = False
    shared: bool = False
    loss: str = ""
    code: str = ""


Rule = Callable[[Finding, FindingContext], Hint | None]


def find_hint(finding: Finding, context: FindingContext) -> Hint | None:
    """Return the known cause that fits a finding; None if there is no such cause."""
    hints = (rule(finding, context) for rule in RULES)
    return next((hint for hint in hints if hint is not None), None)


def _set_weights(finding: Finding, context: FindingContext) -> Hint | None:
    convolutions = (*padding.CONVOLUTION_LAYERS, *padding.TRANSPOSED_LAYERS)
    if finding.kind is FindingKind.START and finding.layer in convolutions:
        return Hint(
            "Theano's convolutions turn the kernel around, TensorFlow's do not: a kernel that is "
            "set from an array is a different filter on each; convert it with "
            "keras.utils.conv_utils.convert_kernel on one of them.",
            "_need_convert_kernel in keras/engine/saving.py, tag 2.3.1",
        )
    return None


def _unsupported(finding: Finding, context: FindingContext) -> Hint | None:
    if finding.kind is not FindingKind.BUILD:
        return None
    config, message = finding.config, finding.message
    if "RecursionError" in message:
        return Hint(
            "Theano walks graphs recursively: a model this deep needs "
            "sys.setrecursionlimit(10000) before it is trained.",
            "theano/gof/graph.py and theano/gradient.py, tag rel-1.0.4",
        )
    if "strides > 1 not supported" in message:
        return Hint(
            "TensorFlow has no convolution that both strides and dilates.",
            "_get_strides_and_dilation_rate in tensorflow/python/ops/nn_ops.py, tag v1.14.0",
        )
    if finding.layer == "BatchNormalization" and "epsilon" in message:
        return Hint(
            "Theano's batch normalization accepts no epsilon below 1e-5; TensorFlow's fused one "
            "silently uses 1.001e-5 instead.",
            "batch_normalization_train in theano/tensor/nnet/bn.py, tag rel-1.0.4; "
            + FUSED_BATCH_NORM,
        )
    if finding.layer == "BatchNormalization" and not (config.get("center") or config.get("scale")):
        return Hint(
            "Without center and scale, Keras passes Theano a gamma of the input's own shape.",
            NORMALIZE_BATCH,
        )
    if finding.layer == "Embedding":
        return Hint(
            "An index out of range is an error on TensorFlow; Theano counts it from the end.",
            "gather in " + BOTH_BACKEND_FILES,
        )
    if finding.layer == "UpSampling2D" and config.get("interpolation") == "bilinear":
        return Hint(
            "On Theano, Keras supports bilinear upsampling by a factor of 2 only.",
            "resize_images in " + THEANO_BACKEND_FILE,
        )
    if finding.layer == "Lambda" and INFERRED_SHAPE in finding.what:
        return LAMBDA_SHAPE_HINT
    if "gradient" in message and "None" in message:
        return Hint(
            "TensorFlow has no gradient for K.round and K.argmax; on Theano it is zero.",
            GET_GRADIENTS,
        )
    if "equal length strides" in message:
        return Hint(
            "TensorFlow's depthwise convolution supports equal strides only.",
            "tensorflow/core/kernels/depthwise_conv_op.cc, tag v1.14.0",
        )
    return None


def _lambda(finding: Finding, context: FindingContext) -> Hint | None:
    if finding.layer != "Lambda":
        return None
    if finding.kind is FindingKind.SHAPE and INFERRED_SHAPE in finding.what:
        return LAMBDA_SHAPE_HINT
    return find_hint_in_code(context.code)


def _normalized(finding: Finding, context: FindingContext) -> Hint | None:
    normalizes = finding.layer == "Dot" and finding.config.get("normalize") is True
    if normalizes or (finding.where == "loss" and context.loss.startswith("cosine")):
        return L2_NORMALIZE_HINT
    return None


def _shared_layer(finding: Finding, context: FindingContext) -> Hint | None:
    if finding.kind is FindingKind.UPDATE and "moving" in finding.what and context.shared:
        return Hint(
            "The layer is applied several times: Theano applies only one update of each variable, "
            "TensorFlow applies all.",
            "Function.__init__ in " + THEANO_BACKEND_FILE,
        )
    return None


def _batch_normalization(finding: Finding, context: FindingContext) -> Hint | None:
    if finding.layer != "BatchNormalization":
        return None
    if finding.kind is FindingKind.UPDATE:
        rank = len(finding.input_shapes[0]) if finding.input_shapes else 0
        if rank == 4:
            return Hint(
                "TensorFlow's fused batch normalization returns the variance with Bessel's "
                "correction, and Keras corrects it once more; on Theano it includes epsilon.",
                "FusedBatchNorm in tensorflow/core/kernels/fused_batch_norm_op.cc, tag v1.14.0; "
                "BatchNormalization.call in keras/layers/normalization.py, tag 2.3.1",
            )
        return Hint(
            "On Theano the variance that is averaged includes epsilon.",
            NORMALIZE_BATCH,
        )
    epsilon = finding.config.get("epsilon")
    if finding.kind is FindingKind.FORWARD and isinstance(epsilon, float) and epsilon < 1.001e-5:
        return Hint(
            "TensorFlow's fused batch normalization raises epsilon to 1.001e-5.",
            FUSED_BATCH_NORM,
        )
    return None


def _crossentropy(finding: Finding, context: FindingContext) -> Hint | None:
    if finding.layer or "crossentropy" not in context.loss.lower():
        return None
    if finding.kind is FindingKind.BUILD and "label" in finding.message.lower():
        return Hint(
            "A label out of range is an error on TensorFlow; Theano counts it from the end.",
            "sparse_categorical_crossentropy in " + BOTH_BACKEND_FILES,
        )
    if finding.kind in (FindingKind.LOSS, FindingKind.NAN, FindingKind.GRADIENT):
        return Hint(
            "After a sigmoid or softmax TensorFlow computes the loss from the logits, otherwise "
            "from log(p + 1e-7); Theano first clips p to between 1e-7 and 1 - 1e-7 and divides it "
            "by its sum.",
            "binary_crossentropy and categorical_crossentropy in "
            "tensorflow/python/keras/backend.py, tag v1.14.0, and " + THEANO_BACKEND_FILE,
        )
    return None


def _ties(finding: Finding, context: FindingContext) -> Hint | None:
    if finding.kind is not FindingKind.GRADIENT:
        return None
    if "Pooling" in finding.layer and "Average" not in finding.layer:
        return Hint(
            "Where several elements are the largest, Theano gives each the whole gradient; "
            "TensorFlow gives it to the first, or, for a global maximum, a share to each.",
            "Theano/Theano#4568; MaxPoolGrad in theano/tensor/signal/pool.py, tag rel-1.0.4; "
            "_MinOrMaxGrad in tensorflow/python/ops/math_grad.py, tag v1.14.0",
        )
    if finding.layer in ("Maximum", "Minimum", "Lambda") or "hinge" in context.loss:
        return MAXIMUM_TIES_HINT
    return None


def _kinks(finding: Finding, context: FindingContext) -> Hint | None:
    if finding.kind is not FindingKind.GRADIENT:
        return None
    activations = f"{finding.config.get('activation')}{finding.config.get('recurrent_activation')}"
    if "hard_sigmoid" in activations:
        return Hint(
            "At the bounds where hard_sigmoid is clipped, -2.5 and 2.5, only one of the backends "
            "has a gradient.",
            "hard_sigmoid in theano/tensor/nnet/sigm.py, tag rel-1.0.4, and "
            "tensorflow/python/keras/backend.py, tag v1.14.0",
        )
    if "relu" in activations.lower() or finding.layer in RELU_LAYERS:
        return Hint(
            "At exactly 0, Theano's relu, 0.5 * (x + |x|), has the gradient 0.5, TensorFlow's 0.",
            "relu in theano/tensor/nnet/nnet.py, tag rel-1.0.4",
        )
    return None


def _step_count(finding: Finding, context: FindingContext) -> Hint | None:
    if finding.kind is not FindingKind.UPDATE or finding.layer == "BatchNormalization":
        return None
    if context.optimizer in OPTIMIZERS_WITH_STEP_COUNT or context.decays:
        return Hint(
            "Keras does not order the increment of the step count and its use: TensorFlow often "
            "reads the count after the increment, so its first step has the learning rate of the "
            "second; Theano reads it before.",
            f"{context.optimizer}.get_updates in keras/optimizers.py, tag 2.3.1; "
            "tensorflow/tensorflow#28215, keras-team/keras#10769",
        )
    return find_hint_in_code(context.code)


def _dropout(finding: Finding, context: FindingContext) -> Hint | None:
    if finding.layer in RECURRENT_LAYERS and "dropout" in finding.what:
        return Hint(
            "Keras on Theano has no dropout in recurrent layers; it warns and leaves it out.",
            f"{finding.layer}.__init__ in keras/layers/recurrent.py, tag 2.3.1",
        )
    return None


RULES: tuple[Rule, ...] = (
    _set_weights,
    lambda finding, _: padding.same_pooling_hint(finding),
    lambda finding, _: padding.transposed_hint(finding),
    _unsupported,
    lambda finding, _: padding.same_convolution_hint(finding),
    _normalized,
    _shared_layer,
    _batch_normalization,
    _dropout,
    _lambda,
    _ties,
    _kinks,
    _crossentropy,
    _step_count,
)
"""The rules in the order in which they are tried; the first hint counts."""


def finding_context(finding: Finding, capture: Capture, code: str) -> FindingContext:
    """Return what the reference's capture and the script's code say about a finding's place."""
    optimizer, decay, loss = "", 0.0, ""
    if capture.model is not None:
        optimizer = _name(capture.model.optimizer)
        decay = _config(capture.model.optimizer).get("decay") or 0.0
        loss = _name(capture.model.loss)
    node = capture.node(finding.where) or judge.node_of_weight(capture, finding.where)
    shared = node is not None and sum(n.layer == node.layer for n in capture.nodes) > 1
    text = code if finding.kind in (FindingKind.UPDATE, FindingKind.LOSS) else ""
    if node is not None and node.source is not None:
        text = slicing.function_at(code, node.source.line) or ""
        text += slicing.needed_statements(code, text or node.source.name) or ""
    return FindingContext(optimizer, bool(decay), shared, loss, text)


def _name(serialized: Any) -> str:
    """Return the name of a serialized optimizer or loss, or the names of several."""
    if isinstance(serialized, Mapping):
        name = serialized.get("kind") or serialized.get("function")
        return str(name) if name else " ".join(_name(part) for part in serialized.values())
    if isinstance(serialized, list):
        return " ".join(_name(part) for part in serialized)
    return str(serialized)


def _config(serialized: Any) -> Mapping[str, Any]:
    config = serialized.get("config") if isinstance(serialized, Mapping) else None
    return config if isinstance(config, Mapping) else {}
