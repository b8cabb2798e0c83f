"""Draws from NumPy that come out the same under every backend, Python and NumPy. Pure.

The distributions are those of Keras's initializers (keras/initializers.py and
keras/backend/tensorflow_backend.py, tag 2.3.1).
"""

from typing import Any, Callable, List, Sequence

import numpy

CHUNK = 2**20
"""Numbers drawn at once: a large weight needs little more memory than itself. It is part of what
defines the truncated normal's stream."""
TRUNCATED_AT = 2.0


def stream(*key: int) -> Any:
    """Return the generator for ``key``, independent of that for any other key.

    ``RandomState``, since NumPy froze its streams (NEP 19) and NumPy 1.16 has no other.
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
    """Draw from a normal distribution, again where a number is over two deviations off.

    That is what TensorFlow does and Keras documents.
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

    Keras takes one factor of the singular value decomposition of a normal matrix; the signs in
    it are the linear algebra library's choice. The product of both factors is drawn from all
    orthogonal matrices alike, too, and is the same with every library.
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
    for start in range(0, flat.size, CHUNK):
        size = min(CHUNK, flat.size - start)
        flat[start : start + size] = draw(size)
    return numbers
