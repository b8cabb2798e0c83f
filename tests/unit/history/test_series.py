"""One metric over time."""

import math

from keras_matrix.compare.comparison import Verdict
from keras_matrix.history.series import (
    ASCII_BLOCKS,
    BLOCKS,
    bounds,
    headline,
    metrics,
    series,
    sparkline,
)
from keras_matrix.plan.tolerance import MetricKind
from tests.unit.history.builders import image, metric, summary, when


def test_a_series_for_each_image_in_the_order_of_runs() -> None:
    runs = [
        summary("a", 1),
        summary("b", 2, metrics=(metric("tf", 0.7, n=3, low=0.6, high=0.8),)),
        summary("c", 3, metrics=(metric("theano", 0.9, verdict=Verdict.DIFFER),)),
    ]
    tf, theano = series(runs, "evaluate.loss")
    assert (tf.name, theano.name) == ("tf", "theano")
    assert [(p.run, p.created, p.median) for p in tf.points] == [
        ("a", when(1), 0.5),
        ("b", when(2), 0.7),
    ]
    assert (tf.points[1].n, tf.points[1].low, tf.points[1].high) == (3, 0.6, 0.8)
    assert tf.points[0].verdict is None
    assert [p.verdict for p in theano.points] == [Verdict.AGREE, Verdict.DIFFER]


def test_settings_are_named_where_there_are_several() -> None:
    run = summary(
        images=(image("tf"), image("tf", setting="float64")),
        metrics=(metric("tf", 1.0), metric("tf", 2.0, setting="float64")),
    )
    assert [one.name for one in series([run], "evaluate.loss")] == ["tf.default", "tf.float64"]


def test_a_metric_that_no_run_has() -> None:
    assert series([summary()], "evaluate.accuracy") == ()
    assert metrics([summary()]) == ("evaluate.loss",)


def test_the_scores_that_say_most() -> None:
    named = ("fit.loss", "fit.seconds", "evaluate.loss", "evaluate.seconds", "evaluate.accuracy")
    kinds = {"fit.seconds": MetricKind.TIME, "evaluate.seconds": MetricKind.TIME}
    found = tuple(metric("tf", 1.0, name, kind=kinds.get(name, MetricKind.SCORE)) for name in named)
    assert headline([summary(metrics=found)], 3) == ("evaluate.loss", "evaluate.accuracy")
    assert headline([summary(metrics=found)], 1) == ("evaluate.loss",)
    assert headline([summary(metrics=found[:2])], 3) == ("fit.loss",)
    assert headline([summary(metrics=())], 3) == ()


def test_a_line_of_blocks() -> None:
    assert sparkline([float(n) for n in range(8)], 0.0, 7.0) == BLOCKS
    assert sparkline([0.0, 3.5, 7.0], 0.0, 7.0, ASCII_BLOCKS) == "_+#"
    assert sparkline([1.0, None, math.nan, math.inf, 2.0], 1.0, 2.0) == "▁ !!█"


def test_values_that_are_all_the_same_are_in_the_middle() -> None:
    assert sparkline([0.5, 0.5], 0.5, 0.5) == "▅▅"


def test_the_largest_numbers_there_are() -> None:
    most = 1.7e308
    assert sparkline([-most, 0.0, most], -most, most) == "▁▅█"


def test_bounds() -> None:
    runs = [summary(metrics=(metric("tf", 0.2), metric("theano", 0.9)))]
    points = [point for one in series(runs, "evaluate.loss") for point in one.points]
    assert bounds(points) == (0.2, 0.9)
    (lost,) = series([summary(metrics=(metric("tf", math.nan),))], "evaluate.loss")
    assert all(math.isnan(bound) for bound in bounds(lost.points))
