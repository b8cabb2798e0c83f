import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy
import pytest

from keras_matrix.compare import assess
from keras_matrix.compare.comparison import ArrayDifference
from keras_matrix.compare.pairs import compare_images
from keras_matrix.plan.cells import Cell
from keras_matrix.plan.tolerance import Tolerances
from keras_matrix.records.bounded import Number
from keras_matrix.records.record import Outcome
from keras_matrix.records.recorded import read
from keras_matrix.report.csv import CSV_COLUMNS, render
from tests.unit.records.builders import array, call, record, run_folder, tf_and_theano


def table(text: str) -> list[dict[str, str]]:
    """Read CSV as the standard says, and check that every line has all columns."""
    lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert lines[0] == list(CSV_COLUMNS)
    assert {len(line) for line in lines} == {len(CSV_COLUMNS)}
    return [dict(zip(CSV_COLUMNS, line, strict=True)) for line in lines[1:]]


def scores(
    path: Path, tf: Mapping[str, Number], theano: Mapping[str, Number]
) -> list[dict[str, str]]:
    records = [record(Cell("tf"), call(metrics=tf)), record(Cell("theano"), call(metrics=theano))]
    return table(render(assess.compare_run(read(run_folder(path / "one", records)))))


def test_a_row_for_each_metric(tmp_path: Path) -> None:
    run = read(tf_and_theano(tmp_path / "one", theano=0.75))
    (row,) = table(render(assess.compare_run(run)))
    assert {name: value for name, value in row.items() if value} == {
        "metric": "evaluate.loss",
        "kind": "score",
        "verdict": "differ",
        "reference": "tf",
        "reference_n": "1",
        "reference_median": "0.5",
        "reference_low": "0.5",
        "reference_high": "0.5",
        "other": "theano",
        "other_n": "1",
        "other_median": "0.75",
        "other_low": "0.75",
        "other_high": "0.75",
        "absolute": "0.25",
        "relative": "0.5",
        "elementwise": "false",
        "atol": "0.001",
        "rtol": "0.001",
        "question": "computation",
        "question_why": "there is one run of each",
        "worst_reference": "0.5",
        "worst_other": "0.75",
        "worst_allowed": "0.0015",
        "seeds_beyond": "1",
    }


def test_it_follows_the_standard(tmp_path: Path) -> None:
    text = render(assess.compare_run(read(tf_and_theano(tmp_path / "one"))))
    assert text.count("\r\n") == text.count("\n") == 2
    assert text.endswith("\r\n")
    assert text.startswith('"group","metric",')
    assert ',"evaluate.loss","score","agree","tf","theano",1,0.5,' in text, "numbers are bare"


def test_numbers_have_all_their_digits(tmp_path: Path) -> None:
    third = 1 / 3
    (row,) = scores(tmp_path, {"loss": third}, {"loss": -third})
    assert float(row["reference_median"]) == third
    assert float(row["other_median"]) == -third, "no apostrophe before a number"


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_numbers_that_are_not_finite_are_strings(value: str, tmp_path: Path) -> None:
    (row,) = scores(tmp_path, {"loss": 0.5}, {"loss": value})
    assert row["other_median"] == value


def test_numbers_of_arrays_are_plain_ones() -> None:
    difference = ArrayDifference(numpy.float64(0.25), numpy.float64(0.5), close=False)
    comparison = compare_images(
        [record(Cell(image), call("predict", arrays=[array()])) for image in ("tf", "theano")],
        images=["tf", "theano"],
        planned=["tf", "theano"],
        tolerances=Tolerances(),
        compare_arrays=lambda *_: difference,
        title="mlp",
    )
    (row,) = table(render(comparison))
    assert (row["absolute"], row["elementwise"]) == ("0.25", "true")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\t=1", "'=1"),
        ("\r\n=1", "'=1"),
        ('a,b;"c"\n=d', 'a,b;"c" =d'),
        ("\x1b[31mred\x00\u202e", "red"),
        ("é漢", "é漢"),
    ],
)
def test_a_name_from_outside_is_no_formula(name: str, shown: str, tmp_path: Path) -> None:
    records = [
        record(Cell("tf"), call(metrics={"loss": 0.5})),
        record(Cell("theano"), outcome=Outcome.SCRIPT_ERROR, reason=name),
    ]
    text = render(assess.compare_run(read(run_folder(tmp_path / "one", records))))
    assert table(text)[-1]["reason"] == shown
    quoted = shown.replace('"', '""')
    assert f'"{quoted}"' in text, "quoted, so that another separator does not split it"


def test_the_names_of_metrics_are_guarded_too(tmp_path: Path) -> None:
    (row,) = scores(tmp_path, {"=1\r\nforged": 1.0}, {"=1\r\nforged": 1.0})
    assert row["metric"] == "evaluate.=1 forged"


def test_cells_without_a_score_are_rows(tmp_path: Path) -> None:
    cells = [Cell(image) for image in ("tf", "theano", "jax")]
    failed = record(cells[1], outcome=Outcome.TIMEOUT, reason="Not done.")
    folder = run_folder(tmp_path / "one", [failed], cells=cells)
    rows = table(render(assess.compare_run(read(folder))))
    described = [(row["metric"], row["kind"], row["verdict"], row["reason"]) for row in rows]
    assert described == [
        ("theano", "cell", "time-out", "Not done."),
        ("tf", "cell", "not run", ""),
        ("jax", "cell", "not run", ""),
    ]


def seeds(path: Path, tf: Sequence[float], theano: Sequence[float]) -> dict[str, str]:
    records = [
        record(Cell(image, seed=seed), call(metrics={"loss": loss}))
        for image, values in (("tf", tf), ("theano", theano))
        for seed, loss in enumerate(values)
    ]
    (row,) = table(render(assess.compare_run(read(run_folder(path / "one", records)))))
    return row


def test_the_inference_of_several_seeds(tmp_path: Path) -> None:
    row = seeds(tmp_path, [0.5, 0.5, 0.6], [0.4, 0.61, 0.7])
    assert (row["verdict"], row["finding"], row["scale"]) == (
        "inconclusive",
        "inconclusive",
        "difference",
    )
    assert row["seeds"] == row["reference_n"] == row["other_n"] == "3"
    assert (row["other_low"], row["other_median"], row["other_high"]) == ("0.4", "0.61", "0.7")
    assert float(row["interval_low"]) < float(row["estimate"]) < float(row["interval_high"])
    assert int(row["seeds_needed"]) > 3
    assert row["method"].startswith("Mean of the differences on 3 seeds")


def test_many_rows(tmp_path: Path) -> None:
    metrics = {f"m{number}": 0.5 for number in range(500)}
    assert len(scores(tmp_path, metrics, metrics)) == 500
