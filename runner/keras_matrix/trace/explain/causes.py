"""Functions of Keras's backend module that differ, to explain code that the script defines. Pure.

The hints hold for Keras 2.3.1 on Theano 1.0.4 and TensorFlow 1.14.0.
"""

import re

from keras_matrix.trace.finding import Hint

THEANO_BACKEND_FILE = "keras/backend/theano_backend.py, tag 2.3.1"
BOTH_BACKEND_FILES = "keras/backend/theano_backend.py and tensorflow_backend.py, tag 2.3.1"
L2_NORMALIZE_HINT = Hint(
    "The smallest norm that l2_normalize divides by is sqrt(1e-7) on Theano and sqrt(1e-12) on "
    "TensorFlow.",
    "l2_normalize in " + BOTH_BACKEND_FILES,
)
MAXIMUM_TIES_HINT = Hint(
    "At ties of a maximum or minimum TensorFlow splits the gradient or gives it to one side; "
    "Theano gives all of it to each side.",
    "Theano/Theano#4568; _MinOrMaxGrad and _MaximumMinimumGrad in "
    "tensorflow/python/ops/math_grad.py, tag v1.14.0",
)
HINTS_BY_CALL = (
    (r"\bl2_normalize\b", L2_NORMALIZE_HINT),
    (
        r"\breverse\(",
        Hint(
            "On Theano, K.reverse supports no negative axis except -1 and does not reverse along "
            "the others.",
            "reverse in " + THEANO_BACKEND_FILE,
        ),
    ),
    (
        r"\bone_hot\(",
        Hint(
            "K.one_hot of -1 is a row of zeros on TensorFlow and the last class on Theano.",
            "one_hot in " + BOTH_BACKEND_FILES,
        ),
    ),
    (
        r"\bctc_batch_cost\(",
        Hint(
            "On Theano, K.ctc_batch_cost returns the shape (1, samples) instead of (samples, 1), "
            "and other values.",
            "ctc_batch_cost in " + BOTH_BACKEND_FILES,
        ),
    ),
    (
        r"\bbatch_dot\(",
        Hint(
            "On Theano, K.batch_dot supports no negative axes.",
            "batch_dot in " + THEANO_BACKEND_FILE,
        ),
    ),
    (
        r"\bslice\(",
        Hint(
            "On Theano, K.slice with a size of -1 leaves out the last element.",
            "slice in " + THEANO_BACKEND_FILE,
        ),
    ),
    (
        r"\bswitch\(",
        Hint(
            "TensorFlow's gradient of K.switch adds zero times the gradient of the branch that is "
            "not taken, which is NaN if that gradient is infinite.",
            "switch in " + BOTH_BACKEND_FILES,
        ),
    ),
    (
        r"\bnot_equal\((\w+), \1\)|\b(\w+) != \2\b",
        Hint(
            "Theano treats a tensor as equal to itself without comparing its elements, so such a "
            "comparison does not detect NaN.",
            "local_useless_elemwise_comparison in theano/tensor/opt.py, tag rel-1.0.4",
        ),
    ),
    (
        r"\blog\(.*(sigmoid|exp)\(",
        Hint(
            "Theano rewrites log(sigmoid) and log(1 + exp) as softplus, which stays finite; "
            "TensorFlow computes them as they are written.",
            "logsigm_to_softplus and log1pexp_to_softplus in theano/tensor/nnet/sigm.py, "
            "tag rel-1.0.4",
        ),
    ),
    (
        r"\bsqrt\(",
        Hint(
            "K.sqrt first clips its argument at 0; the gradient there is 0 times infinity on "
            "Theano.",
            "sqrt in " + BOTH_BACKEND_FILES,
        ),
    ),
    (
        r"\bmean\(.*(int|cast|argmax|equal|greater|less)",
        Hint(
            "K.mean of integers is an integer on TensorFlow but not on Theano.",
            "mean in " + BOTH_BACKEND_FILES,
        ),
    ),
    (
        r"\bround\(",
        Hint(
            "K.round has no gradient on TensorFlow and the gradient zero on Theano.",
            "Optimizer.get_gradients in keras/optimizers.py, tag 2.3.1",
        ),
    ),
    (r"\b(max|maximum|minimum|min)\(", MAXIMUM_TIES_HINT),
    (
        r"\bupdate_(add|sub)\(|\bupdate\(",
        Hint(
            "If one variable has several updates, Theano applies only the first; TensorFlow "
            "applies all.",
            "Function.__init__ in " + THEANO_BACKEND_FILE,
        ),
    ),
)
"""Patterns of calls in the script's own code, and what differs about the function called."""


def find_hint_in_code(code: str) -> Hint | None:
    """Return the hint of the first pattern in ``HINTS_BY_CALL`` that the code matches."""
    return next((hint for pattern, hint in HINTS_BY_CALL if re.search(pattern, code)), None)
