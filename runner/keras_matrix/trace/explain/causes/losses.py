"""Causes in the loss: logits or probabilities, clips, labels. Pure."""

from collections.abc import Callable

import numpy

from keras_matrix.trace.dump import Array
from keras_matrix.trace.explain.cause import TENSORFLOW, Cause, Counterfactual
from keras_matrix.trace.explain.causes.sources import BOTH_BACKEND_FILES, THEANO_BACKEND_FILE
from keras_matrix.trace.explain.edits import Insert, Place
from keras_matrix.trace.explain.situation import Situation
from keras_matrix.trace.finding import FindingKind

EPSILON = 1e-7
"""Keras's ``epsilon()``, which probabilities are clipped by."""
CLOSE = 1e-4
"""How close to 1 a probability is for float32 to leave few digits of the rest."""
CROSSENTROPIES = (
    "binary_crossentropy",
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
)
LOSSES = (FindingKind.LOSS, FindingKind.NAN, FindingKind.GRADIENT)
OF_LOSS = "^(loss|gradient by the outputs)"
TENSORFLOW_LOSSES = "in tensorflow/python/keras/backend.py, tag v1.14.0, and "
WRITTEN_OUT = """\
from keras import backend as K
def binary(target, output, from_logits=False):
    output = K.sigmoid(output) if from_logits else output
    p = K.clip(output, 1e-7, 1 - 1e-7)
    return -target * K.log(p) - (1 - target) * K.log(1 - p)
def categorical(target, output, from_logits=False, axis=-1):
    output = K.softmax(output) if from_logits else output
    p = K.clip(output, 1e-7, 1 - 1e-7)
    return -K.sum(target * K.log(p), axis=-1)
def sparse(target, output, from_logits=False, axis=-1):
    labels = K.one_hot(K.cast(target, 'int32'), K.int_shape(output)[-1])
    return categorical(K.reshape(labels, (-1,) + K.int_shape(output)[1:]), output, from_logits)
K.binary_crossentropy = binary
K.categorical_crossentropy = categorical
K.sparse_categorical_crossentropy = sparse
"""


def crossentropy(situation: Situation) -> str:
    """Return which crossentropy of Keras's the finding is about; empty if it is about none."""
    losses = situation.loss.split()
    index = situation.output_index
    name = losses[index if index < len(losses) else 0] if losses else ""
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name).removeprefix("_")
    return snake if snake in CROSSENTROPIES else ""


def comes_from(situation: Situation) -> str:
    """Return 'sigmoid' or 'softmax' if the last operation of the output is that one.

    TensorFlow's losses look for that operation; a layer in between hides it.
    """
    node = situation.output_node
    if node is None or not node.own or node.nested:
        return ""
    if node.kind == "Softmax":
        return "softmax"
    simple = ("Dense", "Activation", "Conv1D", "Conv2D", "Conv3D", "SeparableConv2D")
    activation = node.config.get("activation")
    return str(activation) if node.kind in simple and activation in ("sigmoid", "softmax") else ""


def takes_logits(situation: Situation) -> bool:
    """Tell whether TensorFlow computes the loss from what the sigmoid or softmax was given."""
    if situation.from_logits:
        return False
    expected = "sigmoid" if crossentropy(situation) == "binary_crossentropy" else "softmax"
    return bool(crossentropy(situation)) and comes_from(situation) == expected


def _share_at_bounds(predictions: Array) -> tuple[int, int]:
    """Return how many probabilities clipping moves, or float32 rounds to 1, and of how many."""
    moved = (predictions < EPSILON) | (predictions > 1 - EPSILON)
    return int(moved.sum()), int(predictions.size)


def _is_clipped(situation: Situation) -> bool:
    predictions = situation.predictions
    return predictions is not None and _share_at_bounds(predictions)[0] > 0


def _is_close_to_one(situation: Situation) -> bool:
    predictions = situation.predictions
    if predictions is None:
        return False
    return not _is_clipped(situation) and bool((predictions > 1 - CLOSE).any())


def _is_binary(situation: Situation) -> bool:
    return crossentropy(situation) == "binary_crossentropy"


def _hides_its_sigmoid(situation: Situation) -> bool:
    return _is_binary(situation) and not takes_logits(situation) and not situation.from_logits


def _logits_are_clipped(situation: Situation) -> bool:
    """Tell whether a sigmoid or softmax of the output is beyond the clip."""
    logits = situation.predictions
    if not situation.from_logits or not crossentropy(situation) or logits is None:
        return False
    logits = logits.astype(numpy.float64)
    if _is_binary(situation):
        return bool((numpy.abs(logits) > -numpy.log(EPSILON)).any())
    below = logits.max(axis=-1, keepdims=True) - logits
    return bool((below > -numpy.log(EPSILON)).any())


def _both(*conditions: Callable[[Situation], bool]) -> Callable[[Situation], bool]:
    return lambda situation: all(condition(situation) for condition in conditions)


def _not(condition: Callable[[Situation], bool]) -> Callable[[Situation], bool]:
    return lambda situation: not condition(situation)


def _clipped_words(situation: Situation) -> str:
    moved, size = _share_at_bounds(numpy.asarray(situation.predictions))
    return (
        f"The output is a {comes_from(situation)}, so TensorFlow computes the loss from the "
        "logits; Theano computes it from the probabilities, which it clips to between 1e-7 and "
        f"1 - 1e-7: {moved} of {size} are beyond."
    )


def _zero_rows(situation: Situation) -> bool:
    predictions = situation.predictions
    if predictions is None or crossentropy(situation) != "sparse_categorical_crossentropy":
        return False
    return bool((predictions.sum(axis=-1) == 0).any())


def _labels_below_zero(situation: Situation) -> bool:
    if crossentropy(situation) != "sparse_categorical_crossentropy" or not situation.targets:
        return False
    return bool((situation.targets[situation.output_index] < 0).any())


ALIKE = Counterfactual(
    "the loss written out from clipped probabilities on both",
    lambda _: [Insert(Place.IMPORTS, WRITTEN_OUT)],
)
CLIPPED_SOURCE = (
    "binary_crossentropy and categorical_crossentropy " + TENSORFLOW_LOSSES + THEANO_BACKEND_FILE
)

CAUSES = (
    Cause(
        text="A label below 0 is an error on TensorFlow; Theano counts it from the end.",
        source="sparse_categorical_crossentropy in " + BOTH_BACKEND_FILES,
        kinds=(FindingKind.BUILD,),
        message="label value",
        failing=TENSORFLOW,
        holds=_labels_below_zero,
        counterfactual=Counterfactual(
            "labels from 0 up", lambda _: [Insert(Place.INPUTS, "y = np.maximum(y, 0)")]
        ),
    ),
    Cause(
        text="For a row of outputs that are all 0, Theano divides by their sum, 0 / 0; TensorFlow "
        "clips them to 1e-7 first.",
        source="categorical_crossentropy in "
        + THEANO_BACKEND_FILE
        + "; sparse_categorical_crossentropy in tensorflow/python/keras/backend.py, tag v1.14.0",
        kinds=LOSSES,
        what=OF_LOSS,
        holds=_both(_zero_rows, _not(takes_logits)),
        counterfactual=ALIKE,
    ),
    Cause(
        text=_clipped_words,
        source=CLIPPED_SOURCE,
        kinds=LOSSES,
        what=OF_LOSS,
        holds=_both(takes_logits, _is_clipped),
        counterfactual=ALIKE,
    ),
    Cause(
        text=lambda situation: (
            f"The output is a {comes_from(situation)}, so TensorFlow computes the loss from the "
            "logits; Theano computes log(1 - p), of which float32 keeps few digits where p is "
            "close to 1."
        ),
        source=CLIPPED_SOURCE,
        kinds=LOSSES,
        what=OF_LOSS,
        holds=_both(takes_logits, _is_binary, _is_close_to_one),
        counterfactual=ALIKE,
    ),
    Cause(
        text="The output is not directly a sigmoid, so TensorFlow computes log(p + 1e-7) from "
        "clipped probabilities; Theano computes log(p).",
        source="binary_crossentropy " + TENSORFLOW_LOSSES + THEANO_BACKEND_FILE,
        kinds=LOSSES,
        what=OF_LOSS,
        holds=_hides_its_sigmoid,
        counterfactual=ALIKE,
    ),
    Cause(
        text="With from_logits=True TensorFlow computes the loss from the logits; Theano applies "
        "the sigmoid or softmax and clips it to between 1e-7 and 1 - 1e-7.",
        source=CLIPPED_SOURCE,
        kinds=LOSSES,
        what=OF_LOSS,
        holds=_logits_are_clipped,
        counterfactual=ALIKE,
    ),
)
