"""The numbers and descriptions of the charts of runs, comparisons, reports and traces."""

import math
import re
from collections.abc import Sequence
from typing import Any

import pytest

from keras_matrix.compare.comparison import Comparison, Row, Summary, Verdict
from keras_matrix.compare.pairs import compare_images
from keras_matrix.compare.reproduction import Reproduction, judge
from keras_matrix.load.reported import Figure, Reported, Unit
from keras_matrix.plan.cells import Cell
from keras_matrix.plan.settings import Floatx, KerasSettings
from keras_matrix.plan.tolerance import MetricKind, Tolerance, Tolerances
from keras_matrix.records.bounded import Metrics
from keras_matrix.records.observation import Call, Epoch
from keras_matrix.records.record import Outcome, Record
from keras_matrix.report import plots
from keras_matrix.report.plots.canvas import log_ticks
from keras_matrix.report.plots.chart import Chart
from keras_matrix.report.plots.differences import scaled_bar
from keras_matrix.report.plots.durations import measured_times
from keras_matrix.report.plots.epochs import make_panels
from keras_matrix.report.plots.layers import image_profile
from keras_matrix.report.plots.prediction import half_widths
from keras_matrix.report.plots.ratios import ratio_bar
from keras_matrix.report.plots.theme import series_style
from keras_matrix.trace.finding import Finding, FindingKind, Origin, TraceStage
from keras_matrix.trace.result import ImageTrace, LayerDistance, Trace
from tests.unit.records.builders import call, record
from tests.unit.report.plots.builders import drawn, epochs, run
from tests.unit.trace.builders import finding

IMAGES = ("tf", "theano")
NAN = math.nan


def fit(*values: float, name: str = "fit", metric: str = "loss", **more: Any) -> Call:
    return call(name, {metric: values[-1]}, epochs=epochs(metric, *values), **more)


def seeds(*values: Sequence[float], image: str = "tf") -> list[Record]:
    """Make the records of one cell per seed, each with the losses of its epochs."""
    return [record(Cell(image, seed=n), fit(*losses)) for n, losses in enumerate(values)]


def only(charts: Sequence[Chart]) -> Chart:
    (chart,) = charts
    return chart


# Learning curves


def test_a_curve_is_the_median_of_its_seeds_with_their_band() -> None:
    records = seeds([0.9, 0.1], [0.8, 0.2], [0.6, 0.6])
    records += seeds([0.5, 0.4], [0.7, 0.4], image="theano")
    chart = only(plots.draw_curves(records, IMAGES))
    assert (chart.name, chart.title) == ("curves-fit-loss", "loss by epoch: fit")
    assert chart.header == (
        *("epoch", "tf median", "tf from", "tf to"),
        *("theano median", "theano from", "theano to"),
    )
    assert chart.rows == (
        ("1", "0.8", "0.6", "0.9", "0.6", "0.5", "0.7"),
        ("2", "0.2", "0.1", "0.6", "0.4", "0.4", "0.4"),
    )
    assert chart.description == (
        "loss by epoch of fit, median and range of 3 seeds per image: "
        "tf ends at 0.2 (0.1 to 0.6) in epoch 2; theano ends at 0.4 (0.4 to 0.4) in epoch 2."
    )
    assert {"tf", "theano", "epoch", "loss, median", "range of 3 seeds"} <= drawn(chart)


def test_the_band_of_many_seeds_goes_by_percentiles() -> None:
    chart = only(plots.draw_curves(seeds(*([float(n)] for n in range(11))), IMAGES))
    assert chart.rows == (("1", "5", "1", "9"),)
    assert "10th to 90th percentile of 11 seeds" in chart.description
    assert "10th to 90th percentile of 11 seeds" in drawn(chart)


def test_one_seed_is_a_line_alone() -> None:
    chart = only(plots.draw_curves(seeds([0.9, 0.5]), IMAGES))
    assert chart.header == ("epoch", "tf")
    assert chart.rows == (("1", "0.9"), ("2", "0.5"))
    assert "one run per image" in chart.description
    assert "loss" in drawn(chart)
    assert "<clipPath" in plots.chart_as_svg(chart, "p")


def test_one_epoch_is_a_marker() -> None:
    chart = only(plots.draw_curves(seeds([0.9]) + seeds([0.7], image="theano"), IMAGES))
    assert chart.rows == (("1", "0.9", "0.7"),)
    assert plots.chart_as_svg(chart, "p").count("<use ") >= 2


def test_images_come_in_the_plans_order_each_with_a_style_of_its_own() -> None:
    records = run(images=("theano", "tf"))
    chart = only(plots.draw_curves(records, IMAGES))
    assert chart.header[1:3] == ("tf median", "tf from")
    assert len({series_style(index) for index in range(32)}) == 32


def test_each_keras_json_is_a_series_of_its_own() -> None:
    other = KerasSettings(floatx=Floatx.FLOAT64)
    records = [record(Cell("tf"), fit(0.5)), record(Cell("tf", other), fit(0.4))]
    assert only(plots.draw_curves(records, IMAGES)).header == ("epoch", "tf", "tf.float64")


def test_cells_that_failed_and_repeats_are_left_out() -> None:
    records = [
        record(Cell("tf", seed=0), fit(0.5)),
        record(Cell("tf", seed=0, repeat=1), fit(0.9)),
        record(Cell("theano", seed=0), fit(0.7), outcome=Outcome.CRASHED),
    ]
    chart = only(plots.draw_curves(records, IMAGES))
    assert (chart.header, chart.rows) == (("epoch", "tf"), (("1", "0.5"),))


def test_a_value_that_is_not_finite_is_a_gap_and_is_mentioned() -> None:
    chart = only(plots.draw_curves(seeds([0.5, NAN, math.inf, 1e200, 0.4]), IMAGES))
    assert chart.rows == (
        ("1", "0.5", "1"),
        ("2", "nan", "0"),
        ("3", "nan", "0"),
        ("4", "nan", "0"),
        ("5", "0.4", "1"),
    )
    assert chart.header == ("epoch", "tf", "tf finite seeds")
    assert chart.description.endswith(
        "Values that are not finite are left out and marked by a cross: "
        "tf has 3 (first in epoch 2)."
    )
    assert "not finite" in drawn(chart)


def test_a_seed_that_is_not_finite_leaves_the_others() -> None:
    chart = only(plots.draw_curves(seeds([0.5, NAN], [0.7, 0.3]), IMAGES))
    assert chart.rows == (("1", "0.6", "0.5", "0.7", "2"), ("2", "0.3", "0.3", "0.3", "1"))


def test_a_curve_without_a_finite_value_is_mentioned() -> None:
    chart = only(plots.draw_curves(seeds([NAN, NAN]), IMAGES))
    assert "tf has no finite value" in chart.description
    assert "no finite value" in drawn(chart)


def test_seeds_that_stop_early_are_mentioned() -> None:
    chart = only(plots.draw_curves(seeds([0.5, 0.4, 0.3], [0.7, 0.3]), IMAGES))
    assert chart.rows[-1] == ("3", "0.3", "0.3", "0.3", "1")
    assert "Not all seeds reach the last epoch: tf 1 of 2." in chart.description


def test_a_thousand_epochs_are_thinned_and_that_is_mentioned() -> None:
    chart = only(plots.draw_curves(seeds([1 / (n + 1) for n in range(1000)]), IMAGES))
    epochs_shown = [int(row[0]) for row in chart.rows]
    assert (len(epochs_shown), epochs_shown[:2], epochs_shown[-1]) == (101, [1, 11], 1000)
    assert "Of 1000 epochs, one in 10 is drawn." in chart.description
    assert len(plots.chart_as_svg(chart, "p")) < 60_000


def test_each_metric_is_a_chart_beside_its_validation() -> None:
    values: Metrics = {
        "val_loss": 1.0,
        "val_accuracy": 0.5,
        "loss": 0.9,
        "accuracy": 0.6,
        "lr": 0.01,
    }
    training = call("fit", epochs=[Epoch(0, 1.0, values), Epoch(1, 1.0, values)])
    charts = plots.draw_curves([record(Cell("tf"), training)], IMAGES)
    assert [chart.name.removeprefix("curves-fit-") for chart in charts] == [
        *("loss", "val-loss", "accuracy", "val-accuracy", "lr")
    ]


def test_calls_of_different_lines_are_charts_of_their_own() -> None:
    calls = [fit(0.5, 0.4, site="m.py:1"), fit(0.3, 0.2, name="fit#2", site="m.py:2")]
    charts = plots.draw_curves([record(Cell("tf"), *calls)], IMAGES)
    assert [chart.title for chart in charts] == ["loss by epoch: fit", "loss by epoch: fit#2"]
    assert [chart.name for chart in charts] == ["curves-fit-loss", "curves-fit-2-loss"]


def test_epochs_of_calls_in_a_loop_are_numbered_through() -> None:
    calls = [fit(0.5, 0.4), fit(0.3, 0.2, name="fit#2"), fit(0.1, name="fit#3")]
    chart = only(plots.draw_curves([record(Cell("tf"), *calls)], IMAGES))
    assert chart.title == "loss by epoch: fit to fit#3"
    assert list(chart.rows) == [
        ("1", "0.5"),
        ("2", "0.4"),
        ("3", "0.3"),
        ("4", "0.2"),
        ("5", "0.1"),
    ]
    (panel,) = make_panels([record(Cell("tf"), *calls)], IMAGES)
    assert panel.call_starts == (3, 5)
    assert "Epochs are numbered through 3 calls from one line of the script." in chart.description
    assert "next call" in drawn(chart)


def test_a_call_that_resumes_keeps_its_epoch_numbers() -> None:
    training = call("fit", epochs=[Epoch(5, 1.0, {"loss": 0.5}), Epoch(6, 1.0, {"loss": 0.4})])
    chart = only(plots.draw_curves([record(Cell("tf"), training)], IMAGES))
    assert [row[0] for row in chart.rows] == ["6", "7"]


def test_epochs_far_apart_take_no_memory() -> None:
    records = seeds([0.5])
    far = call("fit", epochs=[Epoch(2**60, 1.0, {"loss": 0.5})])
    records.append(record(Cell("tf", seed=9), far))
    chart = only(plots.draw_curves(records, IMAGES))
    assert [row[0] for row in chart.rows] == ["1", str(2**60 + 1)]


def test_a_loss_over_several_decades_has_a_log_axis() -> None:
    chart = only(plots.draw_curves(seeds([1000.0, 1.0, 0.001]), IMAGES))
    assert {"0.01", "1", "100"} <= drawn(chart)


def test_the_curves_that_are_left_out_are_counted() -> None:
    values: Metrics = {f"metric_{n}": 0.5 for n in range(20)}
    training = call("fit", epochs=[Epoch(0, 1.0, values)])
    charts = plots.draw_curves([record(Cell("tf"), training)], IMAGES)
    assert len(charts) == 16
    assert charts[-1].description.endswith("4 further metrics are in the records only.")


def test_without_training_there_is_no_curve() -> None:
    records = [record(Cell("tf"), call(metrics={"loss": 0.5}))]
    assert plots.draw_curves(records, IMAGES) == plots.draw_curves([], IMAGES) == ()


# Differences


def compared(*sides: tuple[str, Sequence[float]], atol: float) -> Comparison:
    records = [
        record(Cell(image, seed=seed), call(metrics={"loss": value}, seconds=value + 1))
        for image, values in sides
        for seed, value in enumerate(values)
    ]
    return compare_images(
        records,
        images=[image for image, _ in sides],
        planned=(),
        tolerances=Tolerances((Tolerance(metric="evaluate.loss", atol=atol),)),
        compare_arrays=lambda *_: None,
        title="a run",
    )


def named(charts: Sequence[Chart], name: str) -> Chart:
    (chart,) = [chart for chart in charts if chart.name == name]
    return chart


def test_differences_are_in_units_of_what_is_allowed() -> None:
    comparison = compared(("tf", [0.1, 0.2, 0.3]), ("theano", [0.14, 0.26, 0.35]), atol=0.1)
    (row, _) = comparison.rows
    assert row.inference is not None
    assert row.inference.interval is not None
    bar = scaled_bar(row)
    assert bar.value == pytest.approx(0.5)
    assert bar.interval is not None
    assert bar.judged_interval is not None
    assert bar.interval[0] < bar.judged_interval[0] < bar.judged_interval[1] < bar.interval[1]
    chart = named(plots.draw_differences(comparison), "differences-theano-tf")
    assert chart.rows[0][:2] == ("evaluate.loss", "0.05")
    assert chart.rows[0][4:6] == ("0.1", "0.5")
    assert chart.rows[0][8] == row.verdict.value
    assert "1 metric, 1 agree. Furthest out is evaluate.loss, at 0.5 times" in chart.description
    assert {"evaluate.loss", "+0.05 / 0.1", "agree", "allowed", "two one-sided tests"} <= drawn(
        chart
    )


def test_one_seed_is_a_point() -> None:
    comparison = compared(("tf", [0.5]), ("theano", [0.9]), atol=0.1)
    chart = named(plots.draw_differences(comparison), "differences-theano-tf")
    assert chart.rows == (("evaluate.loss", "0.4", "-", "-", "0.1", "4", "-", "-", "differ"),)
    assert {"differ", "+0.4 / 0.1"} <= drawn(chart)
    assert "interval" not in drawn(chart)


def test_verdicts_differ_in_shape_too() -> None:
    near = plots.draw_differences(compared(("tf", [0.5]), ("theano", [0.5]), atol=0.1))[0]
    far = plots.draw_differences(compared(("tf", [0.5]), ("theano", [5.5]), atol=0.1))[0]
    shapes = [
        re.findall(r'<defs><path id="p-m\w+" d="([^"]*C[^"]*|[^"]*z)"', plots.chart_as_svg(c, "p"))
        for c in (near, far)
    ]
    assert shapes[0] != shapes[1]
    assert "var(--agree" in plots.chart_as_svg(near, "p")
    assert "var(--differ" in plots.chart_as_svg(far, "p")


def test_a_difference_far_out_is_drawn_at_the_edge() -> None:
    comparison = compared(("tf", [0.5]), ("theano", [1e30]), atol=0.1)
    chart = plots.draw_differences(comparison)[0]
    assert chart.rows[0][5] == "1e+31"
    assert "1e+06" in drawn(chart)


def test_where_nothing_is_allowed_any_difference_is_beyond_it() -> None:
    apart = plots.draw_differences(compared(("tf", [0.5]), ("theano", [0.6]), atol=0.0))[0]
    assert apart.rows[0][5] == "inf"
    same = plots.draw_differences(compared(("tf", [0.5]), ("theano", [0.5]), atol=0.0))[0]
    assert same.rows[0][5] == "0"


def row(**changed: Any) -> Row:
    fields: dict[str, Any] = {
        "group": "",
        "metric": "predict.0",
        "kind": MetricKind.ARRAY,
        "reference": Summary((0.5,)),
        "other": Summary((0.6,)),
        "reference_name": "tf",
        "other_name": "theano",
        "absolute": 0.1,
        "relative": 0.2,
        "tolerance": Tolerance(metric="*", atol=0.1),
        "verdict": Verdict.DIFFER,
        **changed,
    }
    return Row(**fields)


def test_a_row_without_a_difference_to_draw_has_a_reason() -> None:
    rows = (
        row(elementwise=True),
        row(metric="a", other=None, verdict=Verdict.MISSING),
        row(metric="b", reference=None, verdict=Verdict.MISSING),
        row(metric="c", other=Summary((NAN,))),
    )
    assert [scaled_bar(row).reason for row in rows] == [
        *("element by element", "on tf only", "on theano only", "not finite")
    ]
    chart = only(plots.draw_differences(Comparison("t", rows, (), (), (), 2)))
    assert "In the table only: predict.0 (element by element); a (on tf only)" in chart.description
    assert [cells[1] for cells in chart.rows][1:] == ["on tf only", "on theano only", "not finite"]
    assert {"element by element", "on tf only", "not finite"} <= drawn(chart)


def test_the_furthest_of_many_rows_are_drawn_and_all_are_in_the_table() -> None:
    rows = tuple(row(metric=f"m{n}", other=Summary((0.5 + n,))) for n in range(50))
    chart = only(plots.draw_differences(Comparison("t", rows, (), (), (), 2)))
    assert len(chart.rows) == 50
    assert chart.description.endswith("The 40 furthest out are drawn.")
    assert {"m10", "m49"} <= drawn(chart)
    assert "m9" not in drawn(chart)


def test_times_are_ratios_in_a_chart_of_their_own() -> None:
    comparison = compared(("tf", [0.0, 0.1, 0.0]), ("theano", [1.0, 1.3, 0.9]), atol=0.1)
    chart = named(plots.draw_differences(comparison), "ratios-theano-tf")
    (cells,) = chart.rows
    assert cells[0] == "evaluate.seconds"
    assert float(cells[4]) < float(cells[3]) < float(cells[5])
    assert "evaluate.seconds 2 times as long (1.77 to 2.25)." in chart.description
    bar = ratio_bar(comparison.rows[1])
    assert bar is not None
    assert bar.value == pytest.approx(2.0, abs=0.1)
    assert ratio_bar(comparison.rows[0]) is None


def test_each_two_sides_have_charts_of_their_own() -> None:
    comparison = compared(("tf", [0.5]), ("theano", [0.6]), ("cntk", [0.7]), atol=0.1)
    names = [chart.name for chart in plots.draw_differences(comparison)]
    assert names == [
        *("differences-theano-tf", "ratios-theano-tf", "differences-cntk-tf", "ratios-cntk-tf")
    ]


def test_one_image_has_no_differences() -> None:
    assert plots.draw_differences(compared(("tf", [0.5, 0.6]), atol=0.1)) == ()
    assert plots.draw_differences(Comparison("t", (), (), (), (), 0)) == ()


# Times


def timed(image: str, seed: int, seconds: float, compiled: int = 0) -> Record:
    training = fit(0.5, 0.4, 0.3, seconds=seconds, first_batch_seconds=seconds / 2)
    training.compiled = compiled
    return record(Cell(image, seed=seed), training)


def test_times_are_divided_into_parts_and_compilation_is_marked() -> None:
    records = [timed("tf", 0, 1.0), timed("tf", 1, 3.0), timed("theano", 0, 90.0, compiled=7)]
    times = measured_times(records, IMAGES)
    assert [(time.metric, time.series) for time in times][:3] == [
        ("fit.seconds", "tf"),
        ("fit.seconds", "theano"),
        ("fit.first_batch_seconds", "tf"),
    ]
    chart = only(plots.draw_times(records, IMAGES))
    assert chart.rows[:2] == (
        ("fit.seconds", "tf", "2", "2", "1", "3", "0"),
        ("fit.seconds", "theano", "1", "90", "90", "90", "1"),
    )
    assert "Medians: fit: total (tf 2 s, theano 90 s)" in chart.description
    assert "include the compilation of modules (theano)" in chart.description
    assert {
        *("fit: total", "fit: first batch", "fit: first epoch", "fit: steady epoch"),
        *("seconds (log scale)", "with compiling", "median"),
    } <= drawn(chart)


def test_similar_times_have_a_linear_axis() -> None:
    records = [record(Cell(image), call(seconds=2.0)) for image in IMAGES]
    assert "seconds" in drawn(only(plots.draw_times(records, IMAGES)))
    zero = [record(Cell("tf"), call(seconds=0.0))]
    assert only(plots.draw_times(zero, IMAGES)).rows[0][3] == "0"


def test_many_seeds_become_a_line() -> None:
    records = [timed("tf", seed, 1.0 + seed) for seed in range(300)]
    chart = only(plots.draw_times(records, IMAGES))
    assert chart.rows[0][:4] == ("fit.seconds", "tf", "300", "150.5")
    assert len(plots.chart_as_svg(chart, "p")) < 60_000


def test_without_times_there_is_no_chart() -> None:
    assert plots.draw_times([], IMAGES) == ()
    assert plots.draw_times([record(Cell("tf"), call(metrics={"loss": 1.0}))], IMAGES) == ()


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.9, 3.5, [1.0, 2.0, 3.0]),
        (0.04, 9.0, [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0]),
        (7e-4, 2e9, [0.01, 1.0, 100.0, 1e4, 1e6, 1e8]),
        (1.2, 1.3, [1.2]),
    ],
)
def test_ticks_of_a_log_axis_are_round(low: float, high: float, ticks: list[float]) -> None:
    assert log_ticks(low, high) == pytest.approx(ticks)


# Reported figures


def judged(**values: float) -> Reproduction:
    measured = {"tf": {"loss": [0.4, 0.5, 0.6, 0.5], "fit.seconds": [1.0, 1.1, 1.2, 1.3]}}
    measured["theano"] = {"fit.seconds": [2.0, 2.1, 2.2, 2.3]}
    figures = [Figure("tf", "loss", value, 1e-4, Unit.NONE) for value in values.values()]
    figures += [
        Figure("tf", "fit.seconds", 1.0, 0.1, Unit.SECONDS),
        Figure("theano", "fit.seconds", 2.0, 0.1, Unit.SECONDS),
    ]
    return judge(Reported({}, tuple(figures), ()), measured)


def test_reported_figures_stand_where_one_more_run_would() -> None:
    reproduction = judged(near=0.5, far=90.0)
    chart = only(plots.draw_reported(reproduction))
    assert half_widths(reproduction.figures[0]) == pytest.approx(0.0, abs=1e-9)
    assert [cells[0] for cells in chart.rows] == [
        *("tf loss", "tf loss", "tf fit.seconds", "theano fit.seconds", "theano / tf fit.seconds")
    ]
    assert [cells[-1] for cells in chart.rows] == [
        *("consistent", "inconsistent", "not comparable", "not comparable", "consistent")
    ]
    assert "5 figures, 2 consistent, 1 inconsistent, 2 not comparable" in chart.description
    assert "Outside: tf loss reported as 90, one more run would lie in" in chart.description
    assert {"tf loss", "theano / tf fit.seconds", "one more run", "inconsistent"} <= drawn(chart)


def test_a_ratio_is_placed_by_its_logarithm() -> None:
    ratio_of_times = judged().figures[-1]
    assert ratio_of_times.prediction is not None
    interval = ratio_of_times.prediction.interval
    position = half_widths(ratio_of_times)
    middle = math.sqrt(interval.low * interval.high)
    assert position is not None
    assert (position > 0) == (ratio_of_times.reported > middle)


def test_without_a_comparable_figure_there_is_no_chart() -> None:
    assert plots.draw_reported(Reproduction((), ())) == ()
    single = judge(
        Reported({}, (Figure("tf", "fit.seconds", 1.0, 0.1, Unit.SECONDS),), ()),
        {"tf": {"fit.seconds": [1.0, 2.0]}},
    )
    assert plots.draw_reported(single) == ()


# Layer by layer


def traced(
    profile: Sequence[LayerDistance], *findings: Finding, image: str = "theano"
) -> ImageTrace:
    return ImageTrace(image=image, findings=list(findings), profile=list(profile))


def trace(*images: ImageTrace) -> Trace:
    return Trace(
        tool="keras-matrix 0",
        run="a-run",
        model="mlp",
        reference="tf",
        layers=3,
        still=[],
        seconds={},
        images=list(images),
    )


def outputs(*distances: float | None, phase: str = "inference") -> list[LayerDistance]:
    return [
        LayerDistance(TraceStage.OUTPUTS, f"dense_{n}", phase, distance)
        for n, distance in enumerate(distances)
    ]


def test_layers_are_in_the_models_order_by_image_and_phase() -> None:
    first = traced(
        [*outputs(0.0, 0.5, 20.0), *outputs(0.0, 3.0, 10.0, phase="training")],
        finding(where="dense_2", origin=Origin.INHERITED),
        finding(where="dense_1"),
    )
    chart = only(plots.draw_divergence(trace(first, traced(outputs(0, 0, 0), image="cntk"))))
    assert (chart.name, chart.title) == (
        "divergence-outputs",
        "Layer by layer: outputs, against tf",
    )
    assert chart.header == (
        *("position", "layer", "theano, inference", "theano, training", "cntk, inference"),
        "first to differ",
    )
    assert chart.rows == (
        ("1", "dense_0", "0", "0", "0", ""),
        ("2", "dense_1", "0.5", "3", "0", "theano"),
        ("3", "dense_2", "20", "10", "0", ""),
    )
    assert (
        "theano: 2 of 3 layers are beyond the bound, furthest dense_2, at 20; the first to differ "
        "by itself is dense_1; cntk is identical in all layers." in chart.description
    )
    assert {"dense_0", "dense_1", "dense_2", "theano first to differ"} <= drawn(chart)


def test_each_stage_is_a_chart_in_its_own_unit() -> None:
    profile = [
        LayerDistance(TraceStage.GRADIENTS, "dense", "", 5.0),
        LayerDistance(TraceStage.TRAINING, "dense", "", 0.5),
    ]
    image = traced(profile, finding(FindingKind.GRADIENT, where="dense/kernel"))
    gradients, training = plots.draw_divergence(trace(image))
    assert gradients.rows == (("1", "dense", "5", "theano"),)
    assert "first to differ" in drawn(gradients)
    assert "in units of what rounding explains" in gradients.description
    assert training.rows == (("1", "dense", "0.5", ""),)
    assert "in units of the noise floor" in training.description


def test_a_layer_that_cannot_be_compared_is_marked() -> None:
    chart = only(plots.draw_divergence(trace(traced(outputs(0.5, None)))))
    assert chart.rows[1] == ("2", "dense_1", "not comparable", "")
    assert "furthest dense_1, which cannot be compared" in chart.description
    assert "not comparable" in drawn(chart)


def test_a_finding_that_is_not_finite_counts_in_its_own_stage() -> None:
    gradient = finding(FindingKind.NAN, where="dense_0", stage=TraceStage.GRADIENTS)
    profile = image_profile(traced(outputs(1.0), gradient), TraceStage.OUTPUTS)
    assert profile is not None
    assert profile.first_to_differ is None
    profile = image_profile(
        traced(outputs(1.0), finding(FindingKind.NAN, where="dense_0", stage=TraceStage.OUTPUTS)),
        TraceStage.OUTPUTS,
    )
    assert profile is not None
    assert profile.first_to_differ == "dense_0"


def test_a_deep_net_is_thinned() -> None:
    chart = only(plots.draw_divergence(trace(traced(outputs(*(n / 100 for n in range(1000)))))))
    assert len(chart.rows) == 300
    assert chart.rows[0][1] == "dense_700"
    assert "The table has the 300 layers that are furthest from the reference." in chart.description
    assert len(plots.chart_as_svg(chart, "p")) < 60_000
    assert len([text for text in drawn(chart) if text.startswith("dense_")]) <= 40


def test_an_older_trace_without_distances_has_no_chart() -> None:
    assert plots.draw_divergence(trace(ImageTrace(image="theano", findings=[]))) == ()
    assert plots.draw_divergence(trace()) == ()
