"""Runs over time, as tables, JSON and CSV."""

import csv
import io
import json
import math
from collections.abc import Callable
from datetime import timedelta

import pytest
from rich.console import Console

from keras_matrix.compare.comparison import Verdict
from keras_matrix.compare.matrix import Status
from keras_matrix.history.series import series
from keras_matrix.history.summary import RunSummary, ScriptSummary
from keras_matrix.plan.tolerance import MetricKind
from keras_matrix.report import history as report
from keras_matrix.report import history_data as data
from tests.unit.history.builders import image, metric, summary, when

HOSTILE = "=cmd|'x'!A1\x1b[31m[bold]\n\u202e<script>"


def shown(show: Callable[[Console], None], width: int = 400, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    show(Console(file=file, width=width, highlight=False))
    return raw.getvalue().decode(encoding)


def runs(count: int = 3) -> list[RunSummary]:
    return [
        summary(
            f"run-{number}",
            number,
            seeds=3,
            metrics=(
                metric("tf", 0.5 + number, n=3, low=0.25, high=9.0),
                metric("tf", 2.0, "fit.seconds", kind=MetricKind.TIME),
                metric("theano", 0.5, verdict=Verdict.DIFFER),
            ),
            images=(image("tf"), image("theano", status=Status.DIFFER)),
        )
        for number in range(1, count + 1)
    ]


def words(line: str) -> list[str]:
    return line.split()


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def test_runs_have_a_line_for_each_image() -> None:
    header, first, second, *_ = shown(lambda out: report.show_runs(runs(), out)).splitlines()
    assert words(header) == ["date", "run", "image", "seeds", "evaluate.loss", "verdict"]
    date = when(1).astimezone().strftime("%Y-%m-%d %H:%M").split()
    assert words(first) == [*date, "run-1", "tf", "3", "1.5", "reference"]
    assert words(second) == ["theano", "0.5", "differ"]


def test_further_metrics_and_older_runs_are_mentioned() -> None:
    text = shown(lambda out: report.show_runs(runs(), out, left_out=2))
    assert "further metrics, shown with --metric NAME: fit.seconds\n" in text
    assert "2 older runs not shown; --limit shows more." in text


def test_a_run_without_a_seed_or_a_metric() -> None:
    run = summary(seeds=0, metrics=(), images=(image("tf", status=Status.FAILED),))
    lines = shown(lambda out: report.show_runs([run], out)).splitlines()
    assert words(lines[1])[2:] == ["a-run", "tf", "-", "failed"]
    assert len(lines) == 2


def test_a_series_shows_values_verdicts_and_blocks() -> None:
    points = series(runs(), "evaluate.loss")
    lines = shown(lambda out: report.show_series(runs(), points, out)).splitlines()
    assert words(lines[0]) == ["date", "run", "tf", "verdict", "theano", "verdict"]
    assert words(lines[1])[2:] == ["run-1", "1.5", "[0.25..9]", "reference", "0.5", "differ"]
    assert lines[-3] == "tf      ▃▆█  first 1.5, last 3.5"
    assert lines[-2] == "theano  ▁▁▁  first 0.5, last 0.5"
    assert lines[-1] == "blocks: from 0.5 to 3.5, the same scale for all images"


def test_a_run_that_lacks_an_image_leaves_a_gap() -> None:
    history = runs()
    history[1] = summary("run-2", 2, metrics=(metric("tf", 2.5),))
    points = series(history, "evaluate.loss")
    lines = shown(lambda out: report.show_series(history, points, out)).splitlines()
    assert words(lines[2])[2:] == ["run-2", "2.5", "reference", "-"]
    assert "theano  ▁ ▁  " in lines[-2]


def test_values_that_are_not_finite_are_shown() -> None:
    history = [summary(metrics=(metric("tf", math.nan),)), summary("b", 2)]
    points = series(history, "evaluate.loss")
    text = shown(lambda out: report.show_series(history, points, out))
    assert "tf      !▅  first nan, last 0.5" in text


@pytest.mark.parametrize("width", [30, 60, 80, 100, 400])
def test_a_narrow_terminal_cuts_no_figure(width: int) -> None:
    points = series(runs(), "evaluate.loss")
    listed = shown(lambda out: report.show_runs(runs(), out), width)
    drawn = shown(lambda out: report.show_series(runs(), points, out), width)
    for text in (listed, drawn):
        assert max(len(line) for line in text.splitlines()) <= width
        assert "…" not in text
    for value in ("1.5", "2.5", "3.5"):
        assert value in listed
        assert value in drawn
    if width >= 60:
        assert "differ" in listed
        assert "differ" in drawn


def test_a_long_history_keeps_its_blocks_on_a_line() -> None:
    history = [
        summary(f"r{n}", created=when(1) + timedelta(hours=n), metrics=(metric("tf", float(n)),))
        for n in range(300)
    ]
    points = series(history, "evaluate.loss")
    lines = shown(lambda out: report.show_series(history, points, out), 80).splitlines()
    (blocks,) = (line for line in lines if "▁" in line)
    # The last runs, not the first; what stands beside them is theirs.
    count = len(blocks.split()[1])
    assert len(blocks) <= 80
    assert blocks.endswith(f"█  first {300 - count}, last 299")
    scale = f"from {300 - count} to 299, the same scale for all images"
    assert lines[-1] == f"blocks: the last {count} runs, {scale}"


def test_blocks_are_ascii_if_the_encoding_has_no_others() -> None:
    points = series(runs(), "evaluate.loss")
    text = shown(lambda out: report.show_series(runs(), points, out), encoding="ascii")
    assert "tf      -*#  first 1.5" in text
    assert "theano  ___  first 0.5" in text


def test_names_from_outside_are_text() -> None:
    run = summary(
        HOSTILE,
        model=HOSTILE,
        images=(image(HOSTILE),),
        metrics=(metric(HOSTILE, 1.0), metric(HOSTILE, 2.0, HOSTILE)),
    )
    points = series([run], HOSTILE)
    for text in (
        shown(lambda out: report.show_runs([run], out)),
        shown(lambda out: report.show_series([run], points, out)),
        shown(lambda out: report.show_scripts([script(model=HOSTILE, place=HOSTILE)], out)),
    ):
        assert "[bold]" in text
        assert not {"\x1b", "\u202e"} & {*text}


def script(**changed: str) -> ScriptSummary:
    fields = {"model": "mlp", "place": "models/mlp/model.py", "run": "a-run", **changed}
    return ScriptSummary(runs=2, first=when(1), last=when(2), status=Status.AGREE, **fields)


def test_scripts() -> None:
    header, line = shown(lambda out: report.show_scripts([script()], out)).splitlines()
    assert words(header) == ["model", "script", "runs", "last", "run", "verdict"]
    assert words(line)[:3] == ["mlp", "models/mlp/model.py", "2"]
    assert words(line)[-2:] == ["a-run", "agree"]
    assert json.loads(data.scripts_as_json([script()]))["scripts"][0]["runs"] == 2
    (row,) = csv.DictReader(io.StringIO(data.scripts_as_csv([script()])))
    assert (row["model"], row["last"], row["verdict"]) == ("mlp", when(2).isoformat(), "agree")


def test_json_holds_all_fields_and_numbers_that_are_not_finite() -> None:
    run = summary(metrics=(metric("tf", math.nan, low=-math.inf, high=math.inf),))
    (run_data,) = json.loads(data.runs_as_json([run]))["runs"]
    assert (run_data["run"], run_data["status"], run_data["place"]) == (
        "a-run",
        "agree",
        "models/mlp/model.py",
    )
    assert run_data["images"][0]["outcomes"] == {"ok": 1}
    (median,) = run_data["metrics"]
    assert (median["median"], median["low"], median["high"]) == ("nan", "-inf", "inf")
    described = json.loads(data.series_as_json("evaluate.loss", series(runs(), "evaluate.loss")))
    assert described["metric"] == "evaluate.loss"
    assert [point["median"] for point in described["series"][0]["points"]] == [1.5, 2.5, 3.5]
    assert described["series"][1]["points"][0]["verdict"] == "differ"


def test_csv_has_a_row_for_each_metric_of_each_image() -> None:
    rows = list(csv.DictReader(io.StringIO(data.runs_as_csv(runs(2)))))
    assert len(rows) == 6
    assert (rows[0]["run"], rows[0]["image"], rows[0]["metric"]) == (
        "run-1",
        "tf",
        "evaluate.loss",
    )
    assert (rows[0]["median"], rows[0]["n"], rows[0]["verdict"]) == ("1.5", "3", "")
    assert (rows[2]["verdict"], rows[2]["reference"]) == ("differ", "tf")
    of_one_metric = list(csv.DictReader(io.StringIO(data.runs_as_csv(runs(2), "fit.seconds"))))
    assert [(row["image"], row["metric"]) for row in of_one_metric] == [
        ("tf", "fit.seconds"),
        ("theano", ""),
        ("tf", "fit.seconds"),
        ("theano", ""),
    ]


def test_csv_holds_no_formula() -> None:
    run = summary(HOSTILE, metrics=(metric("tf", -1.0, HOSTILE),))
    rows = list(csv.DictReader(io.StringIO(data.runs_as_csv([run]))))
    assert rows[0]["run"].startswith("'=cmd")
    assert rows[0]["metric"].startswith("'=cmd")
    assert rows[0]["median"] == "-1.0"
