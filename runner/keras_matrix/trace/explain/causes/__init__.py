"""Known causes, by what they are about.

In: what is known at a finding. Out: the causes whose conditions are met there, each with its source
(a file and function of Keras 2.3.1, Theano 1.0.4 or TensorFlow 1.14.0, or an issue) and with what
takes it away. Pure.
"""

from keras_matrix.trace.explain.cause import Cause
from keras_matrix.trace.explain.causes import (
    building,
    functions,
    kinks,
    losses,
    normalization,
    padding,
    steps,
)
from keras_matrix.trace.explain.situation import Situation

ALL: tuple[Cause, ...] = (
    *building.CAUSES,
    *padding.CAUSES,
    *steps.CAUSES,
    *normalization.CAUSES,
    *losses.CAUSES,
    *kinks.CAUSES,
    *functions.CAUSES,
)
"""The causes in the order in which they are told and tried."""


def fitting(situation: Situation) -> list[Cause]:
    """Return the causes that fit a finding, the most likely first."""
    return [cause for cause in ALL if cause.fits(situation)]
