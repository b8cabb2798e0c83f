"""What is rounding and what is not."""

import math
from pathlib import Path

import numpy
import pytest

from keras_matrix.trace.distance import FLOAT32_EPSILON
from keras_matrix.trace.measure import Measurement, Measurements
from keras_matrix.trace.rounding import Allowance, exceeds, node_key_of_output, rounding_bound
from tests.unit.trace.builders import TracedModel, apart, chain, floats, node

INF = math.inf
DENSE = chain("a", a={"weights": ["a/kernel", "a/bias"]})


def moved(value: float, ulps: float) -> float:
    return value * (1 + ulps * FLOAT32_EPSILON)


def key(what: str, name: str, when: str = "training") -> tuple[str, str, str]:
    return what, name, when


def dense(tmp_path: Path, inputs: int = 100, batch: int = 8) -> TracedModel:
    """Return a model of one layer, all of whose numbers are of size 1."""
    model = TracedModel(tmp_path, DENSE)
    model.dump_both("batch", "0", numpy.ones((batch, inputs), "f4"), when="first")
    model.dump_both("weight", "a/kernel", numpy.ones((inputs, 3), "f4"), when="start")
    model.dump_both("weight", "a/bias", numpy.ones(3, "f4"), when="start")
    model.dump_both("output", "x", numpy.ones((batch, inputs), "f4"))
    return model


# The bound of a sum


def bound(scale: float, terms: float, epsilon: float = FLOAT32_EPSILON) -> float:
    return rounding_bound(scale, terms, 16, Allowance(), epsilon)


def test_a_bound_grows_like_the_root_of_the_terms() -> None:
    assert rounding_bound(1.0, 1, 16, Allowance(), FLOAT32_EPSILON) == 16 * FLOAT32_EPSILON
    assert rounding_bound(1.0, 100, 16, Allowance(), FLOAT32_EPSILON) == pytest.approx(
        160 * FLOAT32_EPSILON
    )
    assert rounding_bound(3.0, 100, 16, Allowance(), FLOAT32_EPSILON) == pytest.approx(
        480 * FLOAT32_EPSILON
    )


def test_less_than_one_term_is_one() -> None:
    assert rounding_bound(1.0, 0, 16, Allowance(), FLOAT32_EPSILON) == rounding_bound(
        1.0, 1, 16, Allowance(), FLOAT32_EPSILON
    )


@pytest.mark.parametrize(
    ("allowance", "expected"),
    [
        (Allowance(atol=0.5), 0.5),
        (Allowance(rtol=0.1), 0.2),
        (Allowance(atol=0.5, rtol=0.1), 0.7),
        (Allowance(atol=0.0), 0.0),
    ],
)
def test_what_the_user_allows_counts_instead(allowance: Allowance, expected: float) -> None:
    assert rounding_bound(2.0, 1e6, 16, allowance, FLOAT32_EPSILON) == pytest.approx(expected)


def test_more_than_the_bound_differs() -> None:
    assert not exceeds(apart(0.5), 0.5)
    assert exceeds(apart(0.5001), 0.5)


def test_a_shape_or_what_is_not_finite_differs_whatever_the_bound() -> None:
    assert exceeds(apart(shape=(3,)), INF)
    assert exceeds(apart(odd=1), INF)


@pytest.mark.parametrize(
    ("measured", "excess"),
    [
        (Measurement(apart(0.5), 0.25), 2.0),
        (Measurement(apart(0.0), 0.0), 0.0),
        (Measurement(apart(0.5), 0.0), INF),
        (Measurement(apart(odd=1), 1.0), INF),
        (Measurement(apart(shape=(3,)), 1.0), INF),
    ],
)
def test_the_excess_is_in_bounds(measured: Measurement, excess: float) -> None:
    assert measured.excess == excess


@pytest.mark.parametrize(
    ("name", "key"),
    [("dense", "dense"), ("lstm:1", "lstm"), ("m/dense#2:10", "m/dense#2"), ("a:b", "a:b")],
)
def test_an_output_belongs_to_its_node(name: str, key: str) -> None:
    assert node_key_of_output(name) == key


# What two images dumped


def test_equal_arrays_are_within_the_limit(tmp_path: Path) -> None:
    model = dense(tmp_path)
    assert {one.over_limit for one in model.table().values()} == {False}


def test_what_one_image_lacks_is_not_compared(tmp_path: Path) -> None:
    model = TracedModel(tmp_path, DENSE)
    model.sides[0].array("output", "a", "training", floats(1.0))
    model.sides[1].array("output", "x", "training", floats(1.0))
    assert model.table() == {}


def test_weights_and_batch_are_hardly_rounded(tmp_path: Path) -> None:
    model = TracedModel(tmp_path, DENSE)
    model.dump_both("weight", "a/bias", floats([1.0]), floats([moved(1.0, 20)]), when="start")
    assert model.table()[key("weight", "a/bias", "start")].over_limit


@pytest.mark.parametrize(("inputs", "differs"), [(4, True), (1600, False)])
def test_a_sum_of_many_terms_may_be_further_off(tmp_path: Path, inputs: int, differs: bool) -> None:
    model = dense(tmp_path, inputs)
    model.dump_both("output", "a", floats([[1.0]]), floats([[moved(1.0, 100)]]))
    assert model.table()[key("output", "a")].over_limit is differs


def test_a_layer_alone_has_less_room_than_in_the_model(tmp_path: Path) -> None:
    model = dense(tmp_path, inputs=1)
    apart_by = floats([[1.0]]), floats([[moved(1.0, 12)]])
    model.dump_both("output", "a", *apart_by)
    model.dump_both("alone", "a", *apart_by)
    assert not model.table()[key("output", "a")].over_limit
    assert model.alone()[key("alone", "a")].over_limit


def test_rounding_is_relative_to_the_largest_number(tmp_path: Path) -> None:
    model = dense(tmp_path)
    # The small one is far off by itself, but comes of terms as large as the other.
    model.dump_both("output", "a", floats([[1e-6, 1.0]]), floats([[2e-6, 1.0]]))
    assert not model.table()[key("output", "a")].over_limit


def cancelling(tmp_path: Path, upstream: float) -> Measurements:
    """Return a bias's gradient: zero but for rounding, a sum of terms that cancel."""
    model = dense(tmp_path)
    terms = numpy.array([[upstream], [-upstream]] * 4, "f4")
    model.dump_both("gradient.output", "a", terms, when="training")
    model.dump_both("gradient", "a/bias", floats([1e-9]), floats([-3e-8]), when="training")
    return model.table()


def test_a_sum_that_cancels_is_not_a_difference(tmp_path: Path) -> None:
    assert not cancelling(tmp_path, 0.1)[key("gradient", "a/bias")].over_limit


def test_the_same_of_small_terms_is_a_difference(tmp_path: Path) -> None:
    assert cancelling(tmp_path, 1e-7)[key("gradient", "a/bias")].over_limit


def test_a_gradient_by_an_output_that_cancels_is_not_a_difference(tmp_path: Path) -> None:
    model = dense(tmp_path, inputs=2)
    model.dump_both("gradient.output", "a", floats([[1.0, -1.0]]), when="training")
    model.dump_both("gradient.output", "x", floats([[0.0]]), floats([[2e-7]]), when="training")
    assert not model.table()[key("gradient.output", "x")].over_limit


def test_a_gradient_alone_that_cancels_is_not_a_difference(tmp_path: Path) -> None:
    model = dense(tmp_path)
    model.dump_both("gradient.output", "a", floats([[0.1], [-0.1]]), when="training")
    model.dump_both("alone.gradient", "a a/bias", floats([1e-9]), floats([-3e-8]), when="training")
    assert not model.alone()[key("alone.gradient", "a a/bias")].over_limit


def test_the_effect_of_a_nudge_is_within_the_limit(tmp_path: Path) -> None:
    model = dense(tmp_path, inputs=1)
    model.dump_both("alone", "a", floats([[1.0]]), floats([[1.0001]]))
    assert model.alone()[key("alone", "a")].over_limit
    # On either image.
    model.dump_both("alone.nudged", "a", floats([[1.0]]), floats([[1.0002]]))
    assert not model.alone()[key("alone", "a")].over_limit


def test_a_nudge_that_meets_a_jump_explains_no_jump(tmp_path: Path) -> None:
    model = dense(tmp_path, inputs=1)
    model.dump_both("alone", "a", floats([[1.0]]), floats([[0.0]]))
    model.dump_both("alone.nudged", "a", floats([[0.0]]), floats([[1.0]]))
    assert model.alone()[key("alone", "a")].over_limit


def test_nudges_are_not_compared_themselves(tmp_path: Path) -> None:
    model = dense(tmp_path)
    model.dump_both("alone.nudged", "a", floats([[1.0]]), floats([[2.0]]))
    assert model.alone() == {}


@pytest.mark.parametrize(("atol", "differs"), [(0.2, False), (0.05, True), (0.0, True)])
def test_an_allowance_is_for_all_that_is_compared(
    tmp_path: Path, atol: float, differs: bool
) -> None:
    model = dense(tmp_path)
    model.dump_both("output", "a", floats([[1.0]]), floats([[1.1]]))
    model.dump_both("alone", "a", floats([[1.0]]), floats([[1.1]]))
    model.dump_both("alone.nudged", "a", floats([[1.0]]), floats([[1.1]]))
    allowance = Allowance(atol=atol)
    assert model.table(allowance)[key("output", "a")].over_limit is differs
    assert model.alone(allowance)[key("alone", "a")].over_limit is differs


def test_a_relative_allowance_is_of_the_array_itself(tmp_path: Path) -> None:
    model = dense(tmp_path)
    model.dump_both("gradient.output", "a", floats([[1.0], [-1.0]]), when="training")
    model.dump_both("gradient", "a/bias", floats([0.01]), floats([0.02]), when="training")
    assert model.table(Allowance(rtol=0.1))[key("gradient", "a/bias")].limit == pytest.approx(0.001)


def test_a_moving_average_of_numbers_that_cancel_is_not_a_difference(tmp_path: Path) -> None:
    nodes = chain("bn", bn={"weights": ["bn/moving_mean"], "config": {"momentum": 0.5}})
    model = TracedModel(tmp_path, nodes)
    model.dump_both("batch", "0", floats([[1.0], [-1.0]]), when="first")
    model.dump_both("output", "x", floats([[1.0], [-1.0]]))
    model.dump_both("output", "bn", floats([[1.0], [-1.0]]))
    model.dump_both("step", "bn/moving_mean", floats([0.0]), floats([3e-8]), when="1")
    assert not model.table()[key("step", "bn/moving_mean", "1")].over_limit


def test_a_metric_is_a_sum_over_the_batch(tmp_path: Path) -> None:
    model = dense(tmp_path, batch=32)
    model.dump_both("metric", "loss", floats(1.0), floats(moved(1.0, 100)), when="inference")
    model.dump_both("metric", "acc", floats(0.5), floats(0.53125), when="inference")
    table = model.table()
    assert not table[key("metric", "loss", "inference")].over_limit
    assert table[key("metric", "acc", "inference")].over_limit


def test_pooling_sums_over_a_sample(tmp_path: Path) -> None:
    nodes = [
        node("x", "InputLayer"),
        node("pool", "GlobalAveragePooling1D", ["x"], input_shapes=[[None, 50, 32]]),
    ]
    model = TracedModel(tmp_path, nodes)
    model.dump_both("output", "pool", floats([[1.0]]), floats([[moved(1.0, 300)]]))
    assert not model.table()[key("output", "pool")].over_limit
