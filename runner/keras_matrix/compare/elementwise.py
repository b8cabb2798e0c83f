"""Compare two arrays element by element. Pure."""

import numpy
import numpy.typing

from keras_matrix.compare.comparison import ArrayDifference
from keras_matrix.plan.tolerance import Tolerance
from keras_matrix.records.arrays import FloatArray


def difference(reference: FloatArray, other: FloatArray, tolerance: Tolerance) -> ArrayDifference:
    """Return the largest differences of two arrays; infinite ones if their shapes differ.

    An element that is not finite agrees only with the same one (NaN with NaN).
    """
    if reference.shape != other.shape:
        return ArrayDifference(absolute=float("inf"), relative=float("inf"), close=False)
    if reference.size == 0:
        return ArrayDifference(absolute=0.0, relative=0.0, close=True)
    same = (reference == other) | (numpy.isnan(reference) & numpy.isnan(other))
    with numpy.errstate(all="ignore"):
        close = numpy.isclose(
            other, reference, rtol=tolerance.rtol, atol=tolerance.atol, equal_nan=True
        )
        absolute = numpy.where(same, 0.0, numpy.abs(other - reference))
        absolute = numpy.where(numpy.isnan(absolute), numpy.inf, absolute)
        relative = numpy.where(same, 0.0, absolute / numpy.abs(reference))
        relative = numpy.where(numpy.isnan(relative), numpy.inf, relative)
    return ArrayDifference(
        absolute=float(absolute.max()), relative=float(relative.max()), close=bool(close.all())
    )
