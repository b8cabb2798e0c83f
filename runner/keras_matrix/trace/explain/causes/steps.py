"""Causes in the optimizer's steps. Pure."""

from keras_matrix.trace.explain.cause import Cause, Counterfactual
from keras_matrix.trace.explain.causes.sources import THEANO_BACKEND_FILE
from keras_matrix.trace.explain.edits import Insert, Place
from keras_matrix.trace.explain.situation import Situation
from keras_matrix.trace.finding import FindingKind

COUNTING_OPTIMIZERS = ("Adam", "Adamax", "Nadam")
"""Optimizers whose learning rate depends on the number of steps taken."""
COUNT_AT_REST = """\
from keras import backend as K
K.update_add = lambda x, increment: K.update(x, x + 0 * increment)
"""


def _counts_steps(situation: Situation) -> bool:
    return situation.optimizer in COUNTING_OPTIMIZERS or situation.decay > 0


def _is_applied_several_times(situation: Situation) -> bool:
    return situation.applications > 1


CAUSES = (
    Cause(
        text="The layer is applied several times: Theano applies only one update of each "
        "variable, TensorFlow applies all.",
        source="Function.__init__ in " + THEANO_BACKEND_FILE,
        kinds=(FindingKind.UPDATE,),
        what="^moving average",
        holds=_is_applied_several_times,
    ),
    Cause(
        text="Keras does not order the increment of the step count and its use: TensorFlow often "
        "reads the count after the increment, so its first step has the learning rate of the "
        "second; Theano reads it before.",
        source="get_updates in keras/optimizers.py, tag 2.3.1; tensorflow/tensorflow#28215, "
        "keras-team/keras#10769",
        kinds=(FindingKind.UPDATE,),
        what="^(weight|slot)",
        holds=_counts_steps,
        counterfactual=Counterfactual(
            "the count of steps kept at 0 on both", lambda _: [Insert(Place.IMPORTS, COUNT_AT_REST)]
        ),
    ),
)
