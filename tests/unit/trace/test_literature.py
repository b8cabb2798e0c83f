"""Figures of others, against numbers worked out by hand."""

from pathlib import Path
from typing import Any

import numpy
import pytest

from keras_matrix.trace.conclude import literature_distances
from keras_matrix.trace.literature import RATE_EPSILON, d_class, d_mad, rates_of_change, targets
from tests.unit.trace.builders import TracedModel, chain, floats, node

SCORES = floats([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
SWAPPED = floats([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1]])


# D_MAD


def test_d_mad_by_hand() -> None:
    truth, one, two = floats([0.0, 0.0]), floats([1.0, 2.0]), floats([0.5, 0.5])
    # Mean absolute deviations 1.5 and 0.5.
    assert d_mad(truth, one, two) == pytest.approx(0.5)


def test_d_mad_of_the_same_predictions_is_0() -> None:
    assert d_mad(floats([1.0]), floats([3.0]), floats([3.0])) == 0.0


def test_d_mad_where_both_are_right_is_0() -> None:
    truth = floats([1.0, 2.0])
    assert d_mad(truth, truth, truth) == 0.0


def test_d_mad_where_one_is_right_is_1() -> None:
    truth = floats([1.0, 2.0])
    assert d_mad(truth, truth, truth + 1) == 1.0


def test_d_mad_of_a_truth_of_another_shape_is_none() -> None:
    assert d_mad(floats([1.0, 2.0, 3.0]), floats([[1.0], [2.0]]), floats([[1.0], [2.0]])) is None


def test_d_mad_of_nan_is_not_defined() -> None:
    truth = floats([1.0, 2.0])
    assert d_mad(truth, truth, floats([numpy.nan, 2.0])) is None


def test_d_mad_of_nothing_is_not_defined() -> None:
    nothing = numpy.zeros((0, 3))
    assert d_mad(nothing, nothing, nothing) is None


# D_CLASS


def test_d_class_by_hand() -> None:
    # The second sample's class is first in one (2^4), third in the other (2^2).
    assert d_class(numpy.array([0, 2]), SCORES, SWAPPED) == 12.0


def test_d_class_beyond_the_first_k_scores_0() -> None:
    assert d_class(numpy.array([0, 2]), SCORES, SWAPPED, top_k=2) == 2.0


@pytest.mark.parametrize(
    "truth", [numpy.array([0, 2]), numpy.array([[0.0], [2.0]]), numpy.eye(3)[[0, 2]]]
)
def test_classes_are_numbers_or_one_hot(truth: Any) -> None:
    assert d_class(truth, SCORES, SWAPPED) == 12.0


def test_d_class_of_the_same_ranking_is_0() -> None:
    assert d_class(numpy.array([0, 2]), SCORES, SCORES * 2) == 0.0


@pytest.mark.parametrize(
    ("truth", "predicted"),
    [
        (numpy.array([0, 3]), SCORES),
        (numpy.array([-1, 0]), SCORES),
        (numpy.array([0.5, 1.0]), SCORES),
        (numpy.array([0.0, numpy.nan]), SCORES),
        (numpy.array([0, 1, 2]), SCORES),
        (floats([0.0, 1.0]), floats([0.2, 0.3])),
        (numpy.zeros(0), numpy.zeros((0, 3))),
        (numpy.zeros((0, 3)), numpy.zeros((0, 3))),
        (floats([[0.0], [1.0]]), floats([[0.2], [0.3]])),
    ],
)
def test_other_outputs_than_classifications_have_no_d_class(truth: Any, predicted: Any) -> None:
    assert d_class(truth, predicted, predicted) is None


# Rates of change


def off_by(*by: float) -> tuple[Any, Any]:
    """Return two arrays whose mean absolute deviation is the mean of ``by``."""
    return numpy.zeros(len(by)), numpy.array(by)


def test_rates_by_hand(tmp_path: Path) -> None:
    model = TracedModel(tmp_path, chain("a", "b", "c"))
    for key, by in (("x", 0.0), ("a", 0.5), ("b", 1.0), ("c", 0.25)):
        model.dump_both("output", key, *off_by(by, by))
    rates = rates_of_change(model.reference, model.table(), "inference")
    assert [one.node for one in rates] == ["x", "a", "b", "c"]
    assert [one.deviation for one in rates] == [0.0, 0.5, 1.0, 0.25]
    expected = [0.0, 0.5 / RATE_EPSILON, 0.5 / (0.5 + RATE_EPSILON), -0.75 / (1.0 + RATE_EPSILON)]
    assert [one.rate for one in rates] == pytest.approx(expected)


def test_a_rate_is_of_the_worst_that_feeds_a_layer(tmp_path: Path) -> None:
    model = TracedModel(tmp_path, [node("a"), node("b"), node("sum", "Add", ["a", "b"])])
    for key, by in (("a", 0.5), ("b", 1.0), ("sum", 3.0)):
        model.dump_both("output", key, *off_by(by))
    rates = rates_of_change(model.reference, model.table(), "training")[-1]
    assert (rates.node, rates.layer, rates.deviation) == ("sum", "Add", 3.0)
    assert rates.rate == pytest.approx(2.0)


def test_a_layer_without_a_measure_has_no_rate(tmp_path: Path) -> None:
    model = TracedModel(tmp_path, chain("a"))
    assert rates_of_change(model.reference, model.table(), "inference") == []


# Of a model


def classifier(tmp_path: Path, targets: Any = None) -> TracedModel:
    model = TracedModel(tmp_path, chain("a"))
    model.dump_both("output", "a", SCORES, SWAPPED)
    if targets is not None:
        for side in model.sides:
            side.batch([SCORES], [targets])
    return model


def test_figures_are_of_the_models_outputs(tmp_path: Path) -> None:
    model = classifier(tmp_path, numpy.eye(3, dtype="f4")[[0, 2]])
    mad, classes = literature_distances(model.reference, model.sides[1].read())
    assert classes == 12.0
    # Sums of absolute deviations: 0.6 + 0.8, and 0.6 + 1.8.
    assert mad == pytest.approx((2.4 - 1.4) / (2.4 + 1.4))


def test_without_targets_there_are_no_figures(tmp_path: Path) -> None:
    model = classifier(tmp_path)
    assert literature_distances(model.reference, model.sides[1].read()) == (None, None)


def test_targets_come_after_the_inputs(tmp_path: Path) -> None:
    model = classifier(tmp_path, floats([5.0]))
    target = targets(model.reference, 0)
    assert target is not None
    assert target.tolist() == [5.0]
    assert targets(model.reference, 1) is None
