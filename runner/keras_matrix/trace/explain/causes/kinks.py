"""Causes in gradients at ties and kinks, where each backend has another one. Pure."""

import numpy

from keras_matrix.trace.dump import Array
from keras_matrix.trace.explain.cause import Cause, Counterfactual
from keras_matrix.trace.explain.causes.padding import spatial_axes
from keras_matrix.trace.explain.edits import Insert, Place
from keras_matrix.trace.explain.situation import Situation, preactivation
from keras_matrix.trace.explain.windows import has_ties_along_an_axis, has_ties_in_windows
from keras_matrix.trace.finding import FindingKind

GRADIENTS = (FindingKind.GRADIENT,)
OF_GRADIENT = "^gradient($| by)"
MAX_POOLING = ("MaxPooling1D", "MaxPooling2D", "MaxPooling3D")
GLOBAL_MAX_POOLING = ("GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D")
RELU_LAYERS = ("ReLU", "LeakyReLU", "PReLU")
ROUNDING = 4 * float(numpy.finfo(numpy.float32).eps)
"""How far from a kink, as a share of its largest input, a number counts as on it."""
HARD_SIGMOID_BOUND = 2.5
MAXIMUM_TIES = (
    "At ties of a maximum or minimum TensorFlow splits the gradient or gives it to one side; "
    "Theano gives all of it to each side."
)
MAXIMUM_TIES_SOURCE = (
    "Theano/Theano#4568; _MinOrMaxGrad and _MaximumMinimumGrad in "
    "tensorflow/python/ops/math_grad.py, tag v1.14.0"
)
RELU_AT_ZERO = "At exactly 0, Theano's relu, 0.5 * (x + |x|), has the gradient 0.5, TensorFlow's 0."
RELU_SOURCE = "relu in theano/tensor/nnet/nnet.py, tag rel-1.0.4"
INPUT_NAMES = "[name for name in sorted(globals()) if name in ('x', 'x0', 'x1', 'x2', 'x3')]"
MOVED_INPUTS = f"""\
moves = np.random.RandomState(7)
for name in {INPUT_NAMES}:
    value = globals()[name].astype('float64')
    globals()[name] = value + moves.uniform(0.25, 1, value.shape) * (np.abs(value).max() + 1e-3)
"""
MOVED_WEIGHTS = """\
sizes = [w.shape if w.ndim < 3 else () for w in layer.get_weights()]  # kernels may be turned
layer.set_weights([w + moves.uniform(0.01, 0.1, s) for w, s in zip(layer.get_weights(), sizes)])
"""


def _channels_last(situation: Situation) -> Array | None:
    """Return the layer's first input with its channels at the end; None if it was not captured."""
    inputs = situation.inputs
    if not inputs:
        return None
    if situation.config.get("data_format") == "channels_first":
        return numpy.moveaxis(inputs[0], 1, -1)
    return inputs[0]


def _pool_has_ties(situation: Situation) -> bool | None:
    array = _channels_last(situation)
    if array is None:
        return None
    axes = spatial_axes(situation)
    pads = [axis.padding for axis in axes]
    if situation.config.get("padding") != "same":
        pads = [(0, 0)] * len(axes)
    windows = [axis.window for axis in axes]
    return has_ties_in_windows(array, windows, [axis.stride for axis in axes], pads)


def _global_pool_has_ties(situation: Situation) -> bool | None:
    array = _channels_last(situation)
    if array is None:
        return None
    flat = array.reshape(array.shape[0], -1, array.shape[-1])
    return bool(((flat == flat.max(axis=1, keepdims=True)).sum(axis=1) > 1).any())


def _inputs_are_equal_somewhere(situation: Situation) -> bool | None:
    inputs = situation.inputs
    if len(inputs) < 2:
        return None
    return any(
        bool((first == second).any())
        for index, first in enumerate(inputs)
        for second in inputs[:index]
    )


def _code_has_ties(situation: Situation) -> bool | None:
    """Tell whether the inputs of the script's code have ties; it may reduce something else."""
    if not situation.inputs:
        return None
    return True if any(map(has_ties_along_an_axis, situation.inputs)) else None


def _hinge_at_its_kink(situation: Situation) -> bool | None:
    predictions = situation.predictions
    if "hinge" not in situation.loss.lower():
        return False
    if predictions is None or not situation.targets:
        return None
    targets = situation.targets[situation.output_index]
    if situation.loss.lower().startswith("categorical"):
        return None
    return bool((numpy.abs(1 - targets * predictions) <= ROUNDING).any())


def _is_relu_at_zero(situation: Situation) -> bool | None:
    before = preactivation(situation, "relu")
    if before is not None:
        return bool((numpy.abs(before) <= ROUNDING * max(1e-30, _size(situation))).any())
    # The activation of another layer: what it is applied to was not captured.
    return None if situation.config.get("activation") == "relu" else False


def _layer_at_zero(situation: Situation) -> bool | None:
    if not situation.inputs:
        return None
    return bool((situation.inputs[0] == 0).any())


def _is_hard_sigmoid_at_bound(situation: Situation) -> bool | None:
    before = preactivation(situation, "hard_sigmoid")
    if before is not None:
        distances = numpy.abs(numpy.abs(before) - HARD_SIGMOID_BOUND)
        return bool((distances <= ROUNDING * HARD_SIGMOID_BOUND).any())
    names = (situation.config.get(n) for n in ("activation", "recurrent_activation"))
    return None if "hard_sigmoid" in names else False


def _size(situation: Situation) -> float:
    """Return the largest input of the layer."""
    return max((float(numpy.abs(a).max()) for a in situation.inputs if a.size), default=0.0)


def _weight_has_ties(situation: Situation) -> bool | None:
    both = situation.start_of_both()
    return has_ties_along_an_axis(both[0]) if both is not None else None


WITHOUT_TIES = Counterfactual(
    "inputs that have no ties", lambda _: [Insert(Place.INPUTS, MOVED_INPUTS)]
)
OFF_THE_KINK = Counterfactual(
    "inputs and weights moved off that point",
    lambda _: [Insert(Place.INPUTS, MOVED_INPUTS), Insert(Place.COMPILE, MOVED_WEIGHTS)],
)

CAUSES = (
    Cause(
        text="Where several elements of a window are the largest, Theano gives each the whole "
        "gradient; TensorFlow gives it to the first.",
        source="Theano/Theano#4568; MaxPoolGrad in theano/tensor/signal/pool.py, tag rel-1.0.4",
        kinds=GRADIENTS,
        layers=MAX_POOLING,
        what=OF_GRADIENT,
        holds=_pool_has_ties,
        counterfactual=WITHOUT_TIES,
    ),
    Cause(
        text="Where several elements are the largest, Theano gives each the whole gradient; "
        "TensorFlow gives a share to each.",
        source=MAXIMUM_TIES_SOURCE,
        kinds=GRADIENTS,
        layers=GLOBAL_MAX_POOLING,
        what=OF_GRADIENT,
        holds=_global_pool_has_ties,
        counterfactual=WITHOUT_TIES,
    ),
    Cause(
        text=MAXIMUM_TIES,
        source=MAXIMUM_TIES_SOURCE,
        kinds=GRADIENTS,
        layers=("Maximum", "Minimum"),
        what=OF_GRADIENT,
        holds=_inputs_are_equal_somewhere,
        counterfactual=WITHOUT_TIES,
    ),
    Cause(
        text=MAXIMUM_TIES,
        source=MAXIMUM_TIES_SOURCE,
        kinds=GRADIENTS,
        what=OF_GRADIENT,
        code=r"\b(max|maximum|minimum|min)\(",
        holds=_code_has_ties,
        counterfactual=WITHOUT_TIES,
    ),
    Cause(
        text=MAXIMUM_TIES,
        source=MAXIMUM_TIES_SOURCE,
        kinds=GRADIENTS,
        what="^gradient of a regularizer",
        code=r"\b(max|maximum|minimum|min)\(",
        holds=_weight_has_ties,
        counterfactual=Counterfactual(
            "weights that have no ties",
            lambda _: [Insert(Place.COMPILE, f"moves = np.random.RandomState(7)\n{MOVED_WEIGHTS}")],
        ),
    ),
    Cause(
        text=MAXIMUM_TIES,
        source=MAXIMUM_TIES_SOURCE,
        kinds=GRADIENTS,
        what="^gradient by the outputs",
        holds=_hinge_at_its_kink,
        counterfactual=WITHOUT_TIES,
    ),
    Cause(
        text="At the bounds where hard_sigmoid is clipped, -2.5 and 2.5, only one of the backends "
        "has a gradient.",
        source="hard_sigmoid in theano/tensor/nnet/sigm.py, tag rel-1.0.4, and "
        "tensorflow/python/keras/backend.py, tag v1.14.0",
        kinds=GRADIENTS,
        what=OF_GRADIENT,
        holds=_is_hard_sigmoid_at_bound,
        counterfactual=OFF_THE_KINK,
    ),
    Cause(
        text=RELU_AT_ZERO,
        source=RELU_SOURCE,
        kinds=GRADIENTS,
        what=OF_GRADIENT,
        holds=_is_relu_at_zero,
        counterfactual=OFF_THE_KINK,
    ),
    Cause(
        text=RELU_AT_ZERO,
        source=RELU_SOURCE,
        kinds=GRADIENTS,
        layers=RELU_LAYERS,
        what=OF_GRADIENT,
        holds=_layer_at_zero,
        counterfactual=OFF_THE_KINK,
    ),
)
