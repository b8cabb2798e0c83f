"""Functions of Keras's backend that differ, for code of the script's own. Pure."""

import re

from keras_matrix.trace.finding import Hint

BACKENDS = "keras/backend/theano_backend.py and tensorflow_backend.py, tag 2.3.1"
THEANO = "keras/backend/theano_backend.py, tag 2.3.1"
L2_NORMALIZE = Hint(
    "The smallest norm that is divided by is sqrt(1e-7) on Theano, sqrt(1e-12) on TensorFlow.",
    "l2_normalize in " + BACKENDS,
)
FUNCTIONS = (
    (r"\bl2_normalize\b", L2_NORMALIZE.text, L2_NORMALIZE.source),
    (
        r"\breverse\(",
        "On Theano, K.reverse knows no negative axis but -1, and leaves the others as they are.",
        "reverse in " + THEANO,
    ),
    (
        r"\bone_hot\(",
        "K.one_hot of -1 is a row of zeros on TensorFlow, the last class on Theano.",
        "one_hot in " + BACKENDS,
    ),
    (
        r"\bctc_batch_cost\(",
        "On Theano, K.ctc_batch_cost gives (1, samples) for (samples, 1), and other values.",
        "ctc_batch_cost in " + BACKENDS,
    ),
    (
        r"\bbatch_dot\(",
        "On Theano, K.batch_dot knows no negative axes.",
        "batch_dot in " + THEANO,
    ),
    (
        r"\bslice\(",
        "On Theano, K.slice with a size of -1 leaves out the last element.",
        "slice in " + THEANO,
    ),
    (
        r"\bswitch\(",
        "In TensorFlow's gradient of K.switch the other branch counts zero times: NaN if infinite.",
        "switch in " + BACKENDS,
    ),
    (
        r"\bnot_equal\((\w+), \1\)|\b(\w+) != \2\b",
        "Theano takes a tensor for equal to itself without looking: NaN is not found that way.",
        "local_useless_elemwise_comparison in theano/tensor/opt.py, tag rel-1.0.4",
    ),
    (
        r"\blog\(.*(sigmoid|exp)\(",
        (
            "Theano rewrites log(sigmoid) and log(1 + exp) as softplus, which stays finite; "
            "TensorFlow computes them as they are written."
        ),
        "logsigm_to_softplus and log1pexp_to_softplus in theano/tensor/nnet/sigm.py, tag rel-1.0.4",
    ),
    (
        r"\bsqrt\(",
        "K.sqrt clips at 0 first: its gradient there is 0 times infinity on Theano.",
        "sqrt in " + BACKENDS,
    ),
    (
        r"\bmean\(.*(int|cast|argmax|equal|greater|less)",
        "The mean of integers is an integer on TensorFlow, not so on Theano.",
        "mean in " + BACKENDS,
    ),
    (
        r"\bround\(",
        "Gradients of K.round: none on TensorFlow, zero on Theano.",
        "Optimizer.get_gradients in keras/optimizers.py, tag 2.3.1",
    ),
    (
        r"\b(max|maximum|minimum|min)\(",
        (
            "At ties TensorFlow shares the gradient out, or gives it to one side; Theano gives "
            "all of it to each."
        ),
        (
            "Theano/Theano#4568; _MinOrMaxGrad and _MaximumMinimumGrad in "
            "tensorflow/python/ops/math_grad.py, tag v1.14.0"
        ),
    ),
    (
        r"\bupdate_(add|sub)\(|\bupdate\(",
        "Of several updates of one variable Theano keeps the first, TensorFlow makes all.",
        "Function.__init__ in " + THEANO,
    ),
)
"""A call in the script's own code, what differs about it, and where to read that."""


def of_functions(code: str) -> Hint | None:
    """Return the cause by the first function of those that code calls."""
    for pattern, text, source in FUNCTIONS:
        if re.search(pattern, code):
            return Hint(text, source)
    return None
