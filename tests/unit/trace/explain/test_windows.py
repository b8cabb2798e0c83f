"""Where windows begin, and whether their largest element occurs twice."""

from typing import Any

import numpy
import pytest

from keras_matrix.trace.explain.windows import (
    MAX_EXAMINED,
    Padding,
    dilated,
    has_ties_along_an_axis,
    has_ties_in_windows,
    tensorflow_padding,
    theano_pooling_padding,
)
from tests.unit.trace.builders import floats


@pytest.mark.parametrize(
    ("size", "window", "stride", "padding"),
    [
        (5, 3, 1, (1, 1)),
        (5, 2, 1, (0, 1)),
        (4, 2, 2, (0, 0)),
        (5, 2, 2, (0, 1)),
        (4, 3, 2, (0, 1)),
        (5, 3, 2, (1, 1)),
        (8, 1, 3, (0, 0)),
    ],
)
def test_tensorflow_pads_as_little_as_it_can(
    size: int, window: int, stride: int, padding: Padding
) -> None:
    assert tensorflow_padding(size, window, stride) == padding


@pytest.mark.parametrize(("window", "places"), [(1, 0), (2, 1), (3, 1), (4, 3), (5, 3)])
def test_keras_on_theano_pads_a_pooling_by_its_window(window: int, places: int) -> None:
    assert theano_pooling_padding(window) == places


def test_a_dilated_window() -> None:
    assert [dilated(3, rate) for rate in (1, 2, 3)] == [3, 5, 7]


def row(*values: float) -> Any:
    return floats(values).reshape(1, -1, 1)


@pytest.mark.parametrize(
    ("array", "stride", "tied"),
    [
        (row(1, 1, 2, 3), 2, True),
        (row(1, 2, 2, 3), 2, False),
        (row(1, 2, 2, 3), 1, True),
        (row(0, 0), 2, True),
        (row(numpy.nan, numpy.nan), 2, False),
        (row(1), 2, False),
    ],
)
def test_ties_in_windows_of_two(array: Any, stride: int, tied: bool) -> None:
    assert has_ties_in_windows(array, [2], [stride], [(0, 0)]) is tied


def test_padding_ties_with_nothing() -> None:
    assert has_ties_in_windows(row(-1, -2, -3), [3], [3], [(2, 1)]) is False


def test_windows_of_images() -> None:
    image = floats(numpy.arange(16)).reshape(1, 4, 4, 1)
    assert has_ties_in_windows(image, [2, 2], [2, 2], [(0, 0)] * 2) is False
    image[0, 0, 1, 0] = image[0, 1, 1, 0]
    assert has_ties_in_windows(image, [2, 2], [2, 2], [(0, 0)] * 2) is True


def test_a_large_array_is_searched_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keras_matrix.trace.explain.windows.MAX_EXAMINED", 4)
    assert MAX_EXAMINED > 4
    ordered = floats(numpy.arange(8)).reshape(4, 2, 1)
    assert has_ties_in_windows(ordered, [2], [2], [(0, 0)]) is None


@pytest.mark.parametrize(
    ("array", "tied"),
    [([[1, 2], [3, 4]], False), ([[1, 1], [3, 4]], True), ([[1, 4], [1, 3]], True)],
)
def test_ties_along_some_axis(array: Any, tied: bool) -> None:
    assert has_ties_along_an_axis(floats(array)) is tied
