"""Known causes of differences, by what a finding looks like. Pure.

Each names its source: a file and function of Keras 2.3.1, Theano 1.0.4 or TensorFlow 1.14.0, or an
issue. A cause is a likely one, by the layer's class and configuration; the figures are measured.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from keras_matrix.trace import judge
from keras_matrix.trace.dump import Bundle
from keras_matrix.trace.explain import padding, slicing
from keras_matrix.trace.explain.causes import BACKENDS, L2_NORMALIZE, of_functions
from keras_matrix.trace.finding import Finding, Hint, Kind

COUNTING = ("Adam", "Adamax", "Nadam")
"""Optimizers whose rate depends on the count of steps."""
RELUS = ("ReLU", "LeakyReLU", "PReLU", "ThresholdedReLU")
RECURRENT = ("SimpleRNN", "GRU", "LSTM")


@dataclass(frozen=True)
class About:
    """What else is known: the optimizer and whether its rate decays, the loss, the code there.

    ``shared`` tells that the layer is applied several times.
    """

    optimizer: str = ""
    decays: bool = False
    shared: bool = False
    loss: str = ""
    code: str = ""


Rule = Callable[[Finding, About], Hint | None]


def hint(finding: Finding, known: About) -> Hint | None:
    """Return the known cause that a finding looks like, None if there is none."""
    return next((found for rule in RULES if (found := rule(finding, known)) is not None), None)


def _set_weights(finding: Finding, known: About) -> Hint | None:
    if finding.kind is Kind.START and finding.layer in (*padding.CONVOLUTIONS, *padding.TRANSPOSED):
        return Hint(
            "Theano's convolutions turn the kernel around, TensorFlow's do not: a kernel that is "
            "set from an array is another filter there; pass it through "
            "keras.utils.conv_utils.convert_kernel on one of them.",
            "_need_convert_kernel in keras/engine/saving.py, tag 2.3.1",
        )
    return None


def _unsupported(finding: Finding, known: About) -> Hint | None:
    if finding.kind is not Kind.BUILD:
        return None
    config, message = finding.config, finding.message
    if "RecursionError" in message:
        return Hint(
            "Theano walks graphs by recursion: a model this deep needs "
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
            "Theano's batch normalization takes no epsilon below 1e-5; TensorFlow's fused one "
            "silently takes 1.001e-5 instead.",
            "batch_normalization_train in theano/tensor/nnet/bn.py, tag rel-1.0.4; "
            "fused_batch_norm in tensorflow/python/ops/nn_impl.py, tag v1.14.0",
        )
    if finding.layer == "BatchNormalization" and not (config.get("center") or config.get("scale")):
        return Hint(
            "Without center and scale Keras makes Theano a gamma of the input's own shape.",
            "normalize_batch_in_training in keras/backend/theano_backend.py, tag 2.3.1",
        )
    if finding.layer == "Embedding":
        return Hint(
            "An index out of range is an error on TensorFlow; Theano counts from the end.",
            "gather in " + BACKENDS,
        )
    if finding.layer == "UpSampling2D" and config.get("interpolation") == "bilinear":
        return Hint(
            "On Theano Keras offers bilinear upsampling by 2 only.",
            "resize_images in keras/backend/theano_backend.py, tag 2.3.1",
        )
    if finding.layer == "Lambda" and "output of shape" in finding.what:
        return _lambda_shape(finding)
    if "gradient" in message and "None" in message:
        return Hint(
            "TensorFlow has no gradient for K.round and K.argmax; Theano takes it for zero.",
            "Optimizer.get_gradients in keras/optimizers.py, tag 2.3.1",
        )
    if "equal length strides" in message:
        return Hint(
            "TensorFlow's depthwise convolution takes equal strides only.",
            "tensorflow/core/kernels/depthwise_conv_op.cc, tag v1.14.0",
        )
    return None


def _lambda_shape(finding: Finding) -> Hint | None:
    return Hint(
        "Without output_shape, Keras on Theano takes a Lambda's output for one of its input's "
        "shape; give Lambda its output_shape.",
        "Lambda.compute_output_shape in keras/layers/core.py, tag 2.3.1",
    )


def _lambda(finding: Finding, known: About) -> Hint | None:
    if finding.layer != "Lambda":
        return None
    if finding.kind is Kind.SHAPE and "to Keras" in finding.what:
        return _lambda_shape(finding)
    return of_functions(known.code)


def _normalized(finding: Finding, known: About) -> Hint | None:
    cosine = finding.layer == "Dot" and finding.config.get("normalize") is True
    if cosine or (finding.where == "loss" and known.loss.startswith("cosine")):
        return L2_NORMALIZE
    return None


def _once(finding: Finding, known: About) -> Hint | None:
    if finding.kind is Kind.UPDATE and "moving" in finding.what and known.shared:
        return Hint(
            "The layer is applied several times: Theano keeps one update of each variable, "
            "TensorFlow makes all.",
            "Function.__init__ in keras/backend/theano_backend.py, tag 2.3.1",
        )
    return None


def _moving(finding: Finding, known: About) -> Hint | None:
    if finding.layer != "BatchNormalization":
        return None
    if finding.kind is Kind.UPDATE:
        rank = len(finding.input_shapes[0]) if finding.input_shapes else 0
        if rank == 4:
            return Hint(
                "TensorFlow's fused batch normalization returns the variance with Bessel's "
                "correction, and Keras corrects it once more; on Theano epsilon is in it.",
                "FusedBatchNorm in tensorflow/core/kernels/fused_batch_norm_op.cc, tag v1.14.0; "
                "BatchNormalization.call in keras/layers/normalization.py, tag 2.3.1",
            )
        return Hint(
            "On Theano the variance that is averaged includes epsilon.",
            "normalize_batch_in_training in keras/backend/theano_backend.py, tag 2.3.1",
        )
    epsilon = finding.config.get("epsilon")
    if finding.kind is Kind.FORWARD and isinstance(epsilon, float) and epsilon < 1.001e-5:
        return Hint(
            "TensorFlow's fused batch normalization raises epsilon to 1.001e-5.",
            "fused_batch_norm in tensorflow/python/ops/nn_impl.py, tag v1.14.0",
        )
    return None


def _crossentropy(finding: Finding, known: About) -> Hint | None:
    if finding.kind not in (Kind.LOSS, Kind.NAN, Kind.GRADIENT, Kind.BUILD):
        return None
    if finding.layer or "crossentropy" not in known.loss.lower():
        return None
    if finding.kind is Kind.BUILD and "label" not in finding.message.lower():
        return None
    if finding.kind is Kind.BUILD:
        return Hint(
            "A label out of range is an error on TensorFlow; Theano counts from the end.",
            "sparse_categorical_crossentropy in " + BACKENDS,
        )
    return Hint(
        "Behind a sigmoid or softmax TensorFlow computes the loss from the logits, elsewhere from "
        "log(p + 1e-7); Theano clips p to 1e-7 and 1 - 1e-7 first, and divides by its sum.",
        "binary_crossentropy and categorical_crossentropy in tensorflow/python/keras/backend.py, "
        "tag v1.14.0, and keras/backend/theano_backend.py, tag 2.3.1",
    )


def _ties(finding: Finding, known: About) -> Hint | None:
    if finding.kind is not Kind.GRADIENT:
        return None
    if "Pooling" in finding.layer and "Average" not in finding.layer:
        return Hint(
            "Where several elements are the largest, Theano gives each the whole gradient; "
            "TensorFlow gives it to the first, or, of a global maximum, a share to each.",
            "Theano/Theano#4568; MaxPoolGrad in theano/tensor/signal/pool.py, tag rel-1.0.4; "
            "_MinOrMaxGrad in tensorflow/python/ops/math_grad.py, tag v1.14.0",
        )
    if finding.layer in ("Maximum", "Minimum", "Lambda") or "hinge" in known.loss:
        return Hint(
            "At ties of a maximum or minimum TensorFlow shares the gradient out, or gives it to "
            "one side; Theano gives all of it to each.",
            "Theano/Theano#4568; _MinOrMaxGrad and _MaximumMinimumGrad in "
            "tensorflow/python/ops/math_grad.py, tag v1.14.0",
        )
    return None


def _kinks(finding: Finding, known: About) -> Hint | None:
    if finding.kind is not Kind.GRADIENT:
        return None
    words = str(finding.config.get("activation")) + str(finding.config.get("recurrent_activation"))
    if "hard_sigmoid" in words:
        return Hint(
            "At the bounds of its clip, -2.5 and 2.5, hard_sigmoid has a gradient on one only.",
            "hard_sigmoid in theano/tensor/nnet/sigm.py, tag rel-1.0.4, and "
            "tensorflow/python/keras/backend.py, tag v1.14.0",
        )
    if "relu" in words.lower() or finding.layer in (
        "ReLU",
        "LeakyReLU",
        "PReLU",
        "ThresholdedReLU",
    ):
        return Hint(
            "At exactly 0, Theano's relu, 0.5 * (x + |x|), has the gradient 0.5, TensorFlow's 0.",
            "relu in theano/tensor/nnet/nnet.py, tag rel-1.0.4",
        )
    return None


def _race(finding: Finding, known: About) -> Hint | None:
    if finding.kind is not Kind.UPDATE or finding.layer == "BatchNormalization":
        return None
    if known.optimizer in COUNTING or known.decays:
        return Hint(
            "Keras counts the steps with no order against their use: TensorFlow often reads the "
            "count after it went up, so its first step is taken for the second, with another rate; "
            "Theano reads it before.",
            f"{known.optimizer}.get_updates in keras/optimizers.py, tag 2.3.1; "
            "tensorflow/tensorflow#28215, keras-team/keras#10769",
        )
    return of_functions(known.code)


def _dropout(finding: Finding, known: About) -> Hint | None:
    if finding.layer in RECURRENT and "dropout" in finding.what:
        return Hint(
            "Recurrent layers have no dropout under Keras on Theano; it warns and leaves it out.",
            f"{finding.layer}.__init__ in keras/layers/recurrent.py, tag 2.3.1",
        )
    return None


RULES: tuple[Rule, ...] = (
    _set_weights,
    lambda finding, _: padding.same_pooling(finding),
    lambda finding, _: padding.transposed(finding),
    _unsupported,
    lambda finding, _: padding.same_convolution(finding),
    _normalized,
    _once,
    _moving,
    _dropout,
    _lambda,
    _ties,
    _kinks,
    _crossentropy,
    _race,
)


def about(finding: Finding, bundle: Bundle, code: str) -> About:
    """Return what the reference's model and the script tell about a finding's place."""
    model = bundle.model
    optimizer, decay, loss = "", 0.0, ""
    if model is not None:
        optimizer, config = _named(model.optimizer), _config(model.optimizer)
        decay = config.get("decay") or 0.0
        loss = _named(model.loss)
    node = bundle.node(finding.where) or judge.holder(bundle, finding.where)
    shared = node is not None and sum(one.layer == node.layer for one in bundle.nodes) > 1
    text = code if finding.kind in (Kind.UPDATE, Kind.LOSS) else ""
    if node is not None and node.source is not None:
        text = slicing.function_at(code, node.source.line) or ""
        text += slicing.needed(code, node.source.name if text == "" else text) or ""
    return About(optimizer, bool(decay), shared, loss, text)


def _named(thing: Any) -> str:
    """Return a serialized optimizer's or loss's name; the names of several."""
    if isinstance(thing, Mapping):
        name = thing.get("kind") or thing.get("function")
        return str(name) if name else " ".join(_named(one) for one in thing.values())
    if isinstance(thing, list):
        return " ".join(_named(one) for one in thing)
    return str(thing)


def _config(thing: Any) -> Mapping[str, Any]:
    found = thing.get("config") if isinstance(thing, Mapping) else None
    return found if isinstance(found, Mapping) else {}
