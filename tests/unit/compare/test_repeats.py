import math

import numpy as np
import pytest

from keras_matrix.compare.repeats import Repeatability, identical, repeatability, seeds_itself

NAN = math.nan


def test_repeats_that_are_the_same_to_the_bit() -> None:
    found = repeatability({1: [0.1, 0.1, 0.1], 2: [NAN, NAN], 3: [0.5]})
    assert found == Repeatability(seeds=2, runs=5, bit_identical=True, spread=0.0)


def test_repeats_that_are_not() -> None:
    found = repeatability({1: [1.0, 3.0], 2: [10.0, 10.0, 13.0], 3: [NAN, 1.0]})
    assert (found.seeds, found.runs, found.bit_identical) == (3, 7, False)
    # Squares 2 and 6, degrees of freedom 1 and 2.
    assert found.spread == pytest.approx(math.sqrt(8 / 3))


def test_a_last_bit_is_a_difference() -> None:
    assert repeatability({1: [0.3, 0.1 + 0.2]}).bit_identical is False
    assert not identical([0.0, -0.0])


@pytest.mark.parametrize("values", [{}, {1: [0.5], 2: [0.5]}])
def test_without_repeats_nothing_is_known(values: dict[int, list[float]]) -> None:
    found = repeatability(values)
    assert (found.seeds, found.bit_identical, found.spread) == (0, None, None)


def test_repeats_that_are_not_finite_have_no_spread() -> None:
    found = repeatability({1: [NAN, math.inf]})
    assert (found.bit_identical, found.spread) == (False, None)


def test_the_spread_within_seeds_is_estimated_well() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(0, 5, (300, 1)) + rng.normal(0, 0.2, (300, 3))
    assert repeatability(dict(enumerate(values.tolist()))).spread == pytest.approx(0.2, rel=0.1)


def test_a_script_that_seeds_itself_is_reported_by_all_of_its_metrics() -> None:
    constant, varied = {1: 0.7, 2: 0.7}, {1: 0.7, 2: 0.8}
    assert seeds_itself({"loss": constant, "accuracy": constant})
    assert not seeds_itself({"loss": varied, "accuracy": constant})


@pytest.mark.parametrize(
    "values", [{}, {"loss": {}}, {"loss": {1: 0.7}}, {"loss": {1: NAN, 2: NAN}}]
)
def test_too_little_tells_nothing_of_a_script(values: dict[str, dict[int, float]]) -> None:
    assert not seeds_itself(values)
