"""How far two arrays are apart. Pure."""

from typing import Any

import msgspec
import numpy

from runner.trace.bundle import Array

EPS = float(numpy.finfo(numpy.float32).eps)


class Distance(msgspec.Struct, frozen=True, kw_only=True):
    """The distance of an array from the reference's, over elements that are finite in both.

    ``scale`` is the largest magnitude in the reference; ``relative`` the largest difference by
    the magnitude of its own element; ``ulps`` the largest in units in the last place of float32
    at ``scale``; ``cosine`` the cosine of the angle between both; ``flips`` the fraction of rows
    whose largest element is another one (None without rows). ``odd`` counts elements that are
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
    relative: float = 0.0
    ulps: float = 0.0
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
    apart = numpy.abs(two - one)
    scale = float(numpy.abs(one).max())
    sizes = numpy.abs(one)
    with numpy.errstate(all="ignore"):
        relative = numpy.where(apart == 0, 0.0, apart / sizes)
    maximum = float(apart.max())
    return Distance(
        **shapes,
        **counts,
        scale=scale,
        maximum=maximum,
        mean=float(apart.mean()),
        rms=float(numpy.sqrt(numpy.square(apart).mean())),
        relative=float(relative.max()),
        ulps=maximum / (EPS * scale) if scale > 0 else (0.0 if maximum == 0 else float("inf")),
        cosine=_cosine(one, two),
        flips=_flips(reference, other),
    )


def _cosine(one: Array, two: Array) -> float:
    norm = float(numpy.linalg.norm(one) * numpy.linalg.norm(two))
    if norm == 0:
        return 1.0 if bool((one == two).all()) else 0.0
    return float(one @ two) / norm


def _flips(reference: Array, other: Array) -> float | None:
    if reference.ndim < 2 or reference.shape[-1] < 2 or reference.dtype.kind != "f":
        return None
    rows = reference.reshape(-1, reference.shape[-1]).argmax(axis=1)
    others = other.reshape(-1, other.shape[-1]).argmax(axis=1)
    return float((rows != others).mean())
