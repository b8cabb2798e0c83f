"""Where windows begin on each backend, and what is special about the values in them. Pure."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy
from numpy.lib.stride_tricks import sliding_window_view

from keras_matrix.trace.dump import Array

MAX_EXAMINED = 4_000_000
"""The most elements of an array that are searched for ties."""

Padding = tuple[int, int]
"""Places that are added at the beginning and at the end of an axis."""


def tensorflow_padding(size: int, window: int, stride: int) -> Padding:
    """Return where TensorFlow pads an axis for 'same': as little as it can.

    An odd place is at the end. Source: the notes on padding of ``tf.nn.convolution``, tag v1.14.0.
    """
    total = max((math.ceil(size / stride) - 1) * stride + window - size, 0)
    return total // 2, total - total // 2


def theano_pooling_padding(window: int) -> int:
    """Return how many places Keras on Theano pads before the first window of a pooling.

    Source: ``pool2d`` in keras/backend/theano_backend.py, tag 2.3.1.
    """
    return window - 2 if window > 2 and window % 2 == 1 else window - 1


def theano_convolution_padding(window: int) -> int:
    """Return how many places 'half' pads before the first window of a convolution.

    Source: ``_preprocess_padding`` in keras/backend/theano_backend.py, tag 2.3.1.
    """
    return window // 2


def dilated(size: int, rate: int) -> int:
    """Return how many places a dilated kernel spans."""
    return (size - 1) * rate + 1


def has_ties_in_windows(
    array: Array, window: Sequence[int], strides: Sequence[int], pads: Sequence[Padding]
) -> bool | None:
    """Tell whether the largest element of a window occurs in it twice.

    ``array`` has samples first and channels last. Return None if it is too large to be searched to
    its end, and has no tie in the part that was searched.
    """
    whole = array.size <= MAX_EXAMINED
    samples = max(1, MAX_EXAMINED // max(1, array[:1].size))
    part = array[:samples].astype(numpy.float64)
    part = numpy.pad(part, [(0, 0), *pads, (0, 0)], constant_values=-numpy.inf)
    axes = tuple(range(1, part.ndim - 1))
    if any(part.shape[axis] < size for axis, size in zip(axes, window, strict=True)):
        return False
    views: Any = sliding_window_view(part, tuple(window), axis=axes)
    steps = (slice(None), *(slice(None, None, stride) for stride in strides))
    views = views[steps]
    largest = numpy.full(views.shape[: part.ndim], -numpy.inf)
    count = numpy.zeros(largest.shape, dtype=numpy.int64)
    for place in itertools.product(*map(range, window)):
        values = views[(..., *place)]
        higher = values > largest
        count = numpy.where(higher, 1, count + ((values == largest) & (values > -numpy.inf)))
        largest = numpy.maximum(largest, values)
    if bool((count > 1).any()):
        return True
    return False if whole else None


def has_ties_along_an_axis(array: Array) -> bool:
    """Tell whether the largest or smallest element along some axis, or of all, occurs twice."""
    axes: list[int | None] = [None, *range(array.ndim)]
    for extreme in (numpy.max, numpy.min):
        for axis in axes:
            if array.size and array.shape:
                bound = extreme(array, axis=axis, keepdims=True)
                if bool(((array == bound).sum(axis=axis) > 1).any()):
                    return True
    return False
