"""Causes in functions of Keras's backend module that the script's own code calls. Pure."""

import ast
import re
from collections.abc import Callable

import numpy

from keras_matrix.trace.dump import Array
from keras_matrix.trace.explain.cause import TENSORFLOW, Cause, Counterfactual
from keras_matrix.trace.explain.causes.normalization import (
    L2_NORMALIZE,
    LEAST_NORM,
    WITH_SAME_NORM,
    has_small_rows,
)
from keras_matrix.trace.explain.causes.sources import BOTH_BACKEND_FILES, THEANO_BACKEND_FILE
from keras_matrix.trace.explain.edits import Edit, Insert, Place
from keras_matrix.trace.explain.situation import Situation
from keras_matrix.trace.finding import FindingKind

COMPUTED = (
    *(FindingKind.SHAPE, FindingKind.NAN, FindingKind.FORWARD),
    *(FindingKind.LOSS, FindingKind.GRADIENT),
)
SLOPES = (FindingKind.NAN, FindingKind.GRADIENT)
SATURATED = 15.0
"""The size of an argument beyond which float32 has nothing of the rest of a sigmoid or softplus."""
UPDATES = ("update", "update_add", "update_sub")
IMPORT = "from keras import backend as K\n"
POSITIVE_AXES_OF_REVERSE = f"""\
{IMPORT}reverse_along = K.reverse
def reverse(x, axes):
    axes = [axes] if isinstance(axes, int) else axes
    return reverse_along(x, [axis % K.ndim(x) for axis in axes])
K.reverse = reverse
"""
POSITIVE_AXES_OF_DOT = f"""\
{IMPORT}dot_along = K.batch_dot
def batch_dot(x, y, axes=None):
    axes = (axes, axes) if isinstance(axes, int) else axes
    return dot_along(x, y, axes and (axes[0] % K.ndim(x), axes[1] % K.ndim(y)))
K.batch_dot = batch_dot
"""
SLICE_TO_THE_END = f"""\
{IMPORT}def slice_of(x, start, size):
    ends = [None if count == -1 else first + count for first, count in zip(start, size)]
    return x[tuple(slice(first, end) for first, end in zip(start, ends))]
K.slice = slice_of
"""
MEAN_OF_FLOATS = f"""\
{IMPORT}mean_of = K.mean
K.mean = lambda x, axis=None, keepdims=False: mean_of(K.cast(x, K.floatx()), axis, keepdims)
"""
ROUND_WITH_GRADIENT = f"""\
{IMPORT}rounded = K.round
K.round = lambda x: x + K.stop_gradient(rounded(x) - x)
"""
EACH_INPUT = """\
for name in [name for name in sorted(globals()) if name in ('x', 'x0', 'x1', 'x2', 'x3')]:
    globals()[name] = {}
"""


def _in_keras(instead: str, lines: str) -> Counterfactual:
    edits: list[Edit] = [Insert(Place.IMPORTS, lines)]
    return Counterfactual(instead, lambda _: edits)


def _of_inputs(instead: str, expression: str) -> Counterfactual:
    edits: list[Edit] = [
        Insert(Place.INPUTS, EACH_INPUT.format(expression.format("globals()[name]")))
    ]
    return Counterfactual(instead, lambda _: edits)


Test = Callable[[Array], bool]


def _some_input(function: str, test: Test) -> Callable[[Situation], bool | None]:
    """Return the condition that a function of the backend is given an element of some kind.

    It can be refused only where the function is applied to a lambda's argument as it is: otherwise
    the function's argument was not captured.
    """
    directly = re.compile(rf"lambda (\w+)\s*:.*\b{function}\(\s*\1\s*[,)]", re.DOTALL)

    def holds(situation: Situation) -> bool | None:
        if any(map(test, situation.inputs)):
            return True
        return False if situation.inputs and directly.search(situation.code) else None

    return holds


def _has_small_weight(situation: Situation) -> bool | None:
    return True if any(map(has_small_rows, situation.weights.values())) else None


def _has_negative(array: Array) -> bool:
    return bool((array < 0).any())


def _has_no_positive(array: Array) -> bool:
    return bool((array <= 0).any())


def _has_zero(array: Array) -> bool:
    return bool((array == 0).any())


def _has_nan(array: Array) -> bool:
    return bool(numpy.isnan(array).any())


def _has_large(array: Array) -> bool:
    return bool((numpy.abs(array) > SATURATED).any())


def _updates_one_variable_twice(situation: Situation) -> bool:
    """Tell whether a function of the script's code updates a variable in two calls."""
    for function in ast.walk(ast.parse(situation.code)):
        if not isinstance(function, ast.FunctionDef):
            continue
        variables = [
            ast.unparse(call.args[0])
            for call in ast.walk(function)
            if isinstance(call, ast.Call)
            and call.args
            and ast.unparse(call.func).rpartition(".")[2] in UPDATES
        ]
        if len(set(variables)) < len(variables):
            return True
    return False


CAUSES = (
    Cause(
        text=LEAST_NORM,
        source=L2_NORMALIZE,
        kinds=(FindingKind.FORWARD, FindingKind.GRADIENT, FindingKind.LOSS),
        code=r"\bl2_normalize\b",
        holds=_some_input("l2_normalize", has_small_rows),
        counterfactual=WITH_SAME_NORM,
    ),
    Cause(
        text=LEAST_NORM,
        source=L2_NORMALIZE,
        kinds=(FindingKind.UPDATE,),
        code=r"\bl2_normalize\b",
        holds=_has_small_weight,
        counterfactual=WITH_SAME_NORM,
    ),
    Cause(
        text="On Theano, K.reverse supports no negative axis except -1 and does not reverse along "
        "the others.",
        source="reverse in " + THEANO_BACKEND_FILE,
        kinds=COMPUTED,
        code=r"\breverse\([^()]*(\([^()]*)?-[2-9]",
        counterfactual=_in_keras("the axis counted from the start", POSITIVE_AXES_OF_REVERSE),
    ),
    Cause(
        text="K.one_hot of -1 is a row of zeros on TensorFlow and the last class on Theano.",
        source="one_hot in " + BOTH_BACKEND_FILES,
        kinds=COMPUTED,
        code=r"\bone_hot\(",
        holds=_some_input("one_hot", _has_negative),
        counterfactual=_of_inputs("classes from 0 up", "np.maximum({}, 0)"),
    ),
    Cause(
        text="On Theano, K.ctc_batch_cost returns the shape (1, samples) instead of (samples, 1), "
        "and other values.",
        source="ctc_batch_cost in " + BOTH_BACKEND_FILES,
        kinds=(*COMPUTED, FindingKind.BUILD),
        code=r"\bctc_batch_cost\(",
    ),
    Cause(
        text="On Theano, K.batch_dot supports no negative axes.",
        source="batch_dot in " + THEANO_BACKEND_FILE,
        kinds=(*COMPUTED, FindingKind.BUILD),
        code=r"\bbatch_dot\([^)]*-\d",
        counterfactual=_in_keras("axes counted from the start", POSITIVE_AXES_OF_DOT),
    ),
    Cause(
        text="On Theano, K.slice with a size of -1 leaves out the last element.",
        source="slice in " + THEANO_BACKEND_FILE,
        kinds=(*COMPUTED, FindingKind.BUILD),
        code=r"\bslice\([^)]*-1",
        counterfactual=_in_keras("-1 taken as all that is left, on both", SLICE_TO_THE_END),
    ),
    Cause(
        text="TensorFlow's gradient of K.switch adds zero times the gradient of the branch that "
        "is not taken, which is NaN if that gradient is infinite.",
        source="switch in " + BOTH_BACKEND_FILES,
        kinds=SLOPES,
        what="^gradient",
        code=r"\bswitch\(",
        holds=_some_input("switch", _has_zero),
        counterfactual=_of_inputs("inputs above 0", "np.abs({}) + 0.1"),
    ),
    Cause(
        text="Theano treats a tensor as equal to itself without comparing its elements, so such a "
        "comparison does not detect NaN.",
        source="local_useless_elemwise_comparison in theano/tensor/opt.py, tag rel-1.0.4",
        kinds=COMPUTED,
        code=r"\bnot_equal\((\w+), \1\)|\b(\w+) != \2\b",
        holds=_some_input("not_equal", _has_nan),
        counterfactual=_of_inputs("inputs without NaN", "np.nan_to_num({})"),
    ),
    Cause(
        text="Theano rewrites log(sigmoid) and log(1 + exp) as softplus, which stays finite; "
        "TensorFlow computes them as they are written.",
        source="logsigm_to_softplus and log1pexp_to_softplus in theano/tensor/nnet/sigm.py, "
        "tag rel-1.0.4",
        kinds=(FindingKind.NAN, FindingKind.FORWARD, FindingKind.GRADIENT),
        code=r"\blog\(.*(sigmoid|exp)\(",
        holds=_some_input("log", _has_large),
        counterfactual=_of_inputs("inputs between -5 and 5", "np.clip({}, -5, 5)"),
    ),
    Cause(
        text="K.sqrt first clips its argument at 0; the gradient there is 0 times infinity on "
        "Theano.",
        source="sqrt in " + BOTH_BACKEND_FILES,
        kinds=SLOPES,
        what="^gradient",
        code=r"\bsqrt\(",
        holds=_some_input("sqrt", _has_no_positive),
        counterfactual=_of_inputs("inputs above 0", "np.abs({}) + 0.1"),
    ),
    Cause(
        text="K.mean of integers is an integer on TensorFlow but not on Theano.",
        source="mean in " + BOTH_BACKEND_FILES,
        kinds=(FindingKind.FORWARD, FindingKind.LOSS),
        code=r"\bmean\(.*(int|argmax)",
        counterfactual=_in_keras("the integers cast to floats first", MEAN_OF_FLOATS),
    ),
    Cause(
        text="TensorFlow has no gradient for K.round; on Theano it is zero.",
        source="Optimizer.get_gradients in keras/optimizers.py, tag 2.3.1",
        kinds=(FindingKind.BUILD,),
        message="`None` for gradient",
        failing=TENSORFLOW,
        code=r"\bround\(",
        counterfactual=_in_keras("a rounding that passes the gradient on", ROUND_WITH_GRADIENT),
    ),
    Cause(
        text="TensorFlow has no gradient for K.argmax; on Theano it is zero.",
        source="Optimizer.get_gradients in keras/optimizers.py, tag 2.3.1",
        kinds=(FindingKind.BUILD,),
        message="`None` for gradient",
        failing=TENSORFLOW,
        code=r"\bargm(ax|in)\(",
    ),
    Cause(
        text="TensorFlow multiplies no floats by booleans; Theano converts them.",
        source="binary_op_wrapper in tensorflow/python/ops/math_ops.py, tag v1.14.0; upcast_out in "
        "theano/scalar/basic.py, tag rel-1.0.4",
        kinds=(FindingKind.BUILD,),
        layers=("Lambda",),
        message="type bool",
        failing=TENSORFLOW,
    ),
    Cause(
        text="If one variable has several updates, Theano applies only the first; TensorFlow "
        "applies all.",
        source="Function.__init__ in " + THEANO_BACKEND_FILE,
        kinds=(FindingKind.UPDATE,),
        code=r"\bupdate_(add|sub)\(|\bupdate\(",
        holds=_updates_one_variable_twice,
    ),
)
