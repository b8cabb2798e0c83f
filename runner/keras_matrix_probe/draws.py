"""Draws from NumPy that are the same under every backend, Python and NumPy version. Pure.

The distributions are those of Keras's initializers (keras/initializers.py and
keras/backend/tensorflow_backend.py, tag 2.3.1).
"""

from typing import Any, Callable, List, Sequence

import numpy

NUMBERS_AT_ONCE = 2**20
"""Numbers to draw at once, so that a large weight needs little more memory than its own.

A change of it changes the numbers of the truncated normal.
"""
TRUNCATED_AT = 2.0
"""Standard deviations beyond which a truncated normal draws again."""


def stream(*key: int) -> Any:
    """Return the generator for ``key``, independent of the generator for any other key.

    It is a ``RandomState``: NumPy keeps its streams as they are (NEP 19), and NumPy 1.16 has no
    other generator.
    """
    words: List[int] = []
    for number in key:
        words += [number % 2**32, number // 2**32 % 2**32]
    return numpy.random.RandomState(numpy.array(words, dtype="uint32"))


def normal(state: Any, shape: Sequence[int], mean: float, stddev: float, dtype: str) -> Any:
    """Draw from a normal distribution."""
    return _filled(shape, dtype, lambda size: state.standard_normal(size) * stddev + mean)


def uniform(state: Any, shape: Sequence[int], low: float, high: float, dtype: str) -> Any:
    """Draw uniformly from ``low`` to ``high``."""
    return _filled(shape, dtype, lambda size: state.random_sample(size) * (high - low) + low)


def truncated_normal(
    state: Any, shape: Sequence[int], mean: float, stddev: float, dtype: str
) -> Any:
    """Draw from a normal distribution, and again where a number is over two deviations off.

    TensorFlow does so, and Keras documents it.
    """

    def draw(size: int) -> Any:
        numbers = state.standard_normal(size)
        outside = numpy.flatnonzero(numpy.abs(numbers) > TRUNCATED_AT)
        while outside.size:
            numbers[outside] = state.standard_normal(outside.size)
            outside = outside[numpy.abs(numbers[outside]) > TRUNCATED_AT]
        return numbers * stddev + mean

    return _filled(shape, dtype, draw)


def orthogonal(state: Any, shape: Sequence[int], gain: float) -> Any:
    """Draw an orthogonal matrix, in the shape that ``Orthogonal`` gives it.

    Keras takes one factor of the singular value decomposition of a normal matrix, whose signs
    depend on the linear algebra library. The product of both factors does not, and is uniformly
    distributed over the orthogonal matrices as well.
    """
    rows = 1
    for size in shape[:-1]:
        rows *= size
    left, _, right = numpy.linalg.svd(state.standard_normal((rows, shape[-1])), full_matrices=False)
    matrix = numpy.dot(left, right).reshape(shape)
    return gain * matrix[: shape[0], : shape[1]]


def _filled(shape: Sequence[int], dtype: str, draw: Callable[[int], Any]) -> Any:
    numbers = numpy.empty(tuple(shape), dtype=dtype)
    flat = numbers.reshape(-1)
    for start in range(0, flat.size, NUMBERS_AT_ONCE):
        size = min(NUMBERS_AT_ONCE, flat.size - start)
        flat[start : start + size] = draw(size)
    return numbers
