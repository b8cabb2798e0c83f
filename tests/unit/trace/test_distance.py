"""Distances against numbers worked out by hand."""

import math
from typing import Any

import numpy
import pytest

from keras_matrix.trace.distance import FLOAT32_EPSILON, measure_distance
from tests.unit.trace.builders import floats

NAN, INF = math.nan, math.inf


def test_equal_arrays_are_not_apart() -> None:
    distance = measure_distance(floats([1.0, -2.0]), floats([1.0, -2.0]))
    assert (distance.maximum, distance.mean, distance.rms, distance.relative, distance.ulps) == (
        0,
        0,
        0,
        0,
        0,
    )
    assert distance.cosine == pytest.approx(1.0)
    assert (distance.odd, distance.same_shape) == (0, True)


def test_figures_of_a_known_pair() -> None:
    distance = measure_distance(floats([3.0, 4.0]), floats([3.0, 2.0]))
    assert (distance.size, distance.scale, distance.maximum, distance.mean) == (2, 4.0, 2.0, 1.0)
    assert distance.rms == pytest.approx(math.sqrt(2))
    assert distance.relative == 0.5
    assert distance.cosine == pytest.approx((9 + 8) / (5 * math.sqrt(13)))


def test_one_unit_in_the_last_place() -> None:
    one = floats([1.0, 0.25])
    moved = numpy.nextafter(one, floats(INF), dtype="float32")
    assert measure_distance(one, moved).ulps == 1.0
    assert measure_distance(one, moved).maximum == FLOAT32_EPSILON


def test_a_difference_is_relative_to_its_own_element() -> None:
    distance = measure_distance(floats([100.0, 0.5]), floats([101.0, 1.0]))
    assert (distance.maximum, distance.relative) == (1.0, 1.0)


def test_elements_are_compared_in_float64() -> None:
    assert measure_distance(numpy.array([255], "uint8"), numpy.array([0], "uint8")).maximum == 255.0
    distance = measure_distance(numpy.array([1.0], "float16"), numpy.array([1.0 + 2**-20]))
    assert distance.maximum == 2**-20


@pytest.mark.parametrize("other", [floats([1.0]), floats([[1.0], [2.0]]), floats(1.0)])
def test_different_shapes_are_reported_and_not_compared(other: Any) -> None:
    distance = measure_distance(floats([1.0, 2.0]), other)
    assert not distance.same_shape
    assert (distance.reference_shape, distance.shape, distance.maximum) == ((2,), other.shape, 0.0)


def test_empty_arrays_are_the_same() -> None:
    distance = measure_distance(numpy.zeros((0, 3)), numpy.zeros((0, 3)))
    assert (distance.same_shape, distance.size, distance.maximum, distance.odd) == (True, 0, 0.0, 0)


def test_scalars_are_compared() -> None:
    assert measure_distance(floats(1.0), floats(1.5)).maximum == 0.5


@pytest.mark.parametrize(
    ("reference", "other", "odd", "not_finite", "of_reference"),
    [
        ([NAN, 1.0], [NAN, 1.0], 0, 1, 1),
        ([INF, 1.0], [INF, 1.0], 0, 1, 1),
        ([INF, 1.0], [-INF, 1.0], 1, 1, 1),
        ([NAN, 1.0], [INF, 1.0], 1, 1, 1),
        ([1.0, 1.0], [NAN, 1.0], 1, 1, 0),
        ([NAN, INF], [1.0, 2.0], 2, 0, 2),
        ([NAN, NAN], [NAN, NAN], 0, 2, 2),
    ],
)
def test_what_is_not_finite_is_counted(
    reference: Any, other: Any, odd: int, not_finite: int, of_reference: int
) -> None:
    distance = measure_distance(floats(reference), floats(other))
    assert (distance.odd, distance.not_finite, distance.reference_not_finite) == (
        odd,
        not_finite,
        of_reference,
    )


def test_figures_are_of_what_is_finite_in_both() -> None:
    distance = measure_distance(floats([1.0, NAN, 2.0]), floats([1.5, 9.0, 2.0]))
    assert (distance.size, distance.scale, distance.maximum, distance.mean) == (3, 2.0, 0.5, 0.25)


def test_zeros_have_no_last_place() -> None:
    zeros = floats([0.0, 0.0])
    assert measure_distance(zeros, zeros).ulps == 0.0
    distance = measure_distance(zeros, floats([1e-9, 0.0]))
    assert distance.ulps is None
    assert distance.relative is None


@pytest.mark.parametrize(
    ("reference", "other", "cosine"),
    [
        ([1.0, 0.0], [0.0, 1.0], 0.0),
        ([1.0, 1.0], [-1.0, -1.0], -1.0),
        ([1.0, 2.0], [2.0, 4.0], 1.0),
        ([0.0, 0.0], [0.0, 0.0], 1.0),
        ([0.0, 0.0], [1.0, 0.0], 0.0),
    ],
)
def test_the_angle(reference: Any, other: Any, cosine: float) -> None:
    assert measure_distance(floats(reference), floats(other)).cosine == pytest.approx(cosine)


def test_rows_with_another_largest_element() -> None:
    reference = floats([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    other = floats([[0.8, 0.2], [0.9, 0.1], [0.6, 0.4], [0.3, 0.7]])
    assert measure_distance(reference, other).flips == 0.25


@pytest.mark.parametrize(
    "array", [floats([1.0, 2.0]), floats([[1.0], [2.0]]), numpy.eye(2, 2, 0, int)]
)
def test_without_rows_of_scores_there_are_no_flips(array: Any) -> None:
    assert measure_distance(array, array).flips is None


def test_the_largest_numbers_raise_no_alarm() -> None:
    largest = float(numpy.finfo("float64").max)
    distance = measure_distance(numpy.array([largest, 1.0]), numpy.array([-largest, 1.0]))
    assert distance.maximum > 1e308
    assert not math.isnan(distance.cosine)
