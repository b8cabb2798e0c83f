"""How far two arrays are apart. Pure."""

import math
from typing import Any

import msgspec
import numpy

from keras_matrix.trace.dump import Array

EPS = float(numpy.finfo(numpy.float32).eps)
LARGEST = float(numpy.finfo(numpy.float64).max)


class Distance(msgspec.Struct, frozen=True, kw_only=True):
    """The distance of an array from the reference's, over elements that are finite in both.

    ``scale`` is the largest magnitude in the reference; ``relative`` the largest difference by
    the magnitude of its own element; ``ulps`` the largest in units in the last place of float32
    at ``scale``; ``cosine`` the cosine of the angle between both; ``flips`` the fraction of rows
    whose largest element is another one (None without rows). None also stands for what is not
    finite: something by zero. ``odd`` counts elements that are
    finite in one only, or not finite in different ways; ``not_finite`` and
    ``reference_not_finite`` those that are not in each.
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
        """Whether both have the same shape."""
        return self.shape == self.reference_shape


def distance(reference: Array, other: Array) -> Distance:
    """Compare an array with the reference's, element by element, in float64."""
    shapes: dict[str, Any] = {"shape": other.shape, "reference_shape": reference.shape}
    if reference.shape != other.shape or reference.size == 0:
        return Distance(**shapes, size=reference.size)
    one, two = (array.astype(numpy.float64).reshape(-1) for array in (reference, other))
    both = numpy.isfinite(one) & numpy.isfinite(two)
    alike = (one == two) | (numpy.isnan(one) & numpy.isnan(two))
    counts: dict[str, Any] = {
        "size": int(one.size),
        "odd": int((~both & ~alike).sum()),
        "not_finite": int((~numpy.isfinite(two)).sum()),
        "reference_not_finite": int((~numpy.isfinite(one)).sum()),
    }
    if not both.any():
        return Distance(**shapes, **counts)
    if not both.all():
        one, two = one[both], two[both]
    with numpy.errstate(all="ignore"):
        apart = numpy.minimum(numpy.abs(two - one), LARGEST)
        sizes = numpy.abs(one)
        scale = float(sizes.max())
        relative = float(numpy.where(apart == 0, 0.0, apart / sizes).max())
        maximum = float(apart.max())
        return Distance(
            **shapes,
            **counts,
            scale=scale,
            maximum=maximum,
            mean=_finite(float(apart.mean()), maximum),
            rms=_finite(float(numpy.sqrt(numpy.square(apart).mean())), maximum),
            relative=relative if math.isfinite(relative) else None,
            ulps=_ulps(maximum, scale),
            cosine=_cosine(one, two),
            flips=_flips(reference, other),
        )


def _finite(value: float, otherwise: float) -> float:
    """Return a mean that did not overflow, or what is known to be no less."""
    return value if math.isfinite(value) else otherwise


def _ulps(maximum: float, scale: float) -> float | None:
    if maximum == 0:
        return 0.0
    ulps = maximum / (EPS * scale) if EPS * scale > 0 else math.inf
    return ulps if math.isfinite(ulps) else None


def _cosine(one: Array, two: Array) -> float:
    largest = max(float(numpy.abs(one).max()), float(numpy.abs(two).max()))
    if largest == 0:
        return 1.0
    # Scaled, or the squares of large numbers overflow.
    one, two = one / largest, two / largest
    norm = float(numpy.linalg.norm(one) * numpy.linalg.norm(two))
    return float(one @ two) / norm if norm > 0 else 0.0


def _flips(reference: Array, other: Array) -> float | None:
    if reference.ndim < 2 or reference.shape[-1] < 2 or reference.dtype.kind != "f":
        return None
    rows = reference.reshape(-1, reference.shape[-1]).argmax(axis=1)
    others = other.reshape(-1, other.shape[-1]).argmax(axis=1)
    return float((rows != others).mean())
