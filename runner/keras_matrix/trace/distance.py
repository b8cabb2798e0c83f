"""How far two arrays are apart. Pure."""

import math
from typing import Any

import msgspec
import numpy

from keras_matrix.trace.dump import Array

FLOAT32_EPSILON = float(numpy.finfo(numpy.float32).eps)
"""The unit in the last place of 1.0 in float32."""
MAX_FLOAT64 = float(numpy.finfo(numpy.float64).max)


class Distance(msgspec.Struct, frozen=True, kw_only=True):
    """The distance of an array from the reference's, over the elements that are finite in both.

    Attributes:
        scale: The largest magnitude in the reference.
        maximum: The largest absolute difference.
        relative: The largest difference divided by the magnitude of its own reference element.
        ulps: The largest difference in units in the last place at ``scale``, of the coarser type of
            the two arrays.
        cosine: The cosine of the angle between the two arrays.
        flips: The fraction of rows whose largest element is at another place; None without rows.
        odd: How many elements are finite in only one array, or not finite in different ways.
        not_finite: How many elements of this array are not finite.
        reference_not_finite: How many elements of the reference are not finite.

    ``relative`` and ``ulps`` are None where they are not finite, after a division by zero.
    """

    shape: tuple[int, ...]
    reference_shape: tuple[int, ...]
    size: int = 0
    scale: float = 0.0
    maximum: float = 0.0
    mean: float = 0.0
    rms: float = 0.0
    relative: float | None = 0.0
    ulps: float | None = 0.0
    cosine: float = 1.0
    flips: float | None = None
    odd: int = 0
    not_finite: int = 0
    reference_not_finite: int = 0

    @property
    def same_shape(self) -> bool:
        """Whether both arrays have the same shape."""
        return self.shape == self.reference_shape


def measure_distance(reference: Array, other: Array) -> Distance:
    """Compare an array with the reference's, element by element, in float64."""
    shapes: dict[str, Any] = {"shape": other.shape, "reference_shape": reference.shape}
    if reference.shape != other.shape or reference.size == 0:
        return Distance(**shapes, size=reference.size)
    expected, actual = (array.astype(numpy.float64).reshape(-1) for array in (reference, other))
    both_finite = numpy.isfinite(expected) & numpy.isfinite(actual)
    equal = (expected == actual) | (numpy.isnan(expected) & numpy.isnan(actual))
    counts: dict[str, Any] = {
        "size": int(expected.size),
        "odd": int((~both_finite & ~equal).sum()),
        "not_finite": int((~numpy.isfinite(actual)).sum()),
        "reference_not_finite": int((~numpy.isfinite(expected)).sum()),
    }
    if not both_finite.any():
        return Distance(**shapes, **counts)
    if not both_finite.all():
        expected, actual = expected[both_finite], actual[both_finite]
    epsilon = max(_epsilon(array) for array in (reference, other))
    with numpy.errstate(all="ignore"):
        differences = numpy.minimum(numpy.abs(actual - expected), MAX_FLOAT64)
        magnitudes = numpy.abs(expected)
        scale = float(magnitudes.max())
        relative = float(numpy.where(differences == 0, 0.0, differences / magnitudes).max())
        maximum = float(differences.max())
        return Distance(
            **shapes,
            **counts,
            scale=scale,
            maximum=maximum,
            mean=_finite(float(differences.mean()), maximum),
            rms=_finite(float(numpy.sqrt(numpy.square(differences).mean())), maximum),
            relative=relative if math.isfinite(relative) else None,
            ulps=_ulps(maximum, epsilon * scale),
            cosine=_cosine(expected, actual),
            flips=_flips(reference, other),
        )


def _finite(mean: float, upper_bound: float) -> float:
    """Return a mean, or a value that it cannot exceed if computing the mean overflowed."""
    return mean if math.isfinite(mean) else upper_bound


def _epsilon(array: Array) -> float:
    return float(numpy.finfo(array.dtype).eps) if array.dtype.kind == "f" else FLOAT32_EPSILON


def _ulps(maximum: float, unit: float) -> float | None:
    if maximum == 0:
        return 0.0
    ulps = maximum / unit if unit > 0 else math.inf
    return ulps if math.isfinite(ulps) else None


def _cosine(expected: Array, actual: Array) -> float:
    largest = max(float(numpy.abs(expected).max()), float(numpy.abs(actual).max()))
    if largest == 0:
        return 1.0
    # Without scaling, the squares of large numbers overflow.
    expected, actual = expected / largest, actual / largest
    norm = float(numpy.linalg.norm(expected) * numpy.linalg.norm(actual))
    return float(expected @ actual) / norm if norm > 0 else 0.0


def _flips(reference: Array, other: Array) -> float | None:
    if reference.ndim < 2 or reference.shape[-1] < 2 or reference.dtype.kind != "f":
        return None
    expected = reference.reshape(-1, reference.shape[-1]).argmax(axis=1)
    actual = other.reshape(-1, other.shape[-1]).argmax(axis=1)
    return float((expected != actual).mean())
