"""``keras-matrix diff RUN OTHER`` where the runs share little."""

from pathlib import Path

import pytest

from keras_matrix.errors import ExitCode
from keras_matrix.plan.cells import Cell
from keras_matrix.records.bounded import Number
from keras_matrix.records.record import Record
from tests.unit.cli.builders import run_cli
from tests.unit.records.builders import call, record, run_folder


def scores(image: str, *values: Number, first: int = 0) -> list[Record]:
    return [
        record(Cell(image, seed=first + index), call(metrics={"loss": value}))
        for index, value in enumerate(values)
    ]


def diff(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], then: list[Record], now: list[Record]
) -> tuple[int, str]:
    folders = [run_folder(tmp_path / "then", then), run_folder(tmp_path / "now", now)]
    code = run_cli("diff", *(folder.path for folder in folders))
    return code, "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (scores("tf", 0.5, first=9), "they have no seed in common, and one seed of each says"),
        (scores("theano", 0.5), "they have no image with the same keras.json in common"),
        ([record(Cell("tf", seed=0), call())], "there is no figure that both have"),
    ],
)
def test_nothing_judged_is_no_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], now: list[Record], why: str
) -> None:
    then = scores("tf", 0.5) if now[0].observation.calls[0].metrics else now
    code, output = diff(tmp_path, capsys, then, now)
    assert code == ExitCode.NOTHING_SELECTED
    assert f"then and now cannot be compared: {why}" in output


def test_several_seeds_of_each_are_compared_as_samples(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    then, now = scores("tf", 0.5, 0.51, 0.52), scores("tf", 0.9, 0.91, 0.92, first=9)
    code, output = diff(tmp_path, capsys, then, now)
    assert code == ExitCode.DIFFER
    assert "Welch's t interval" in output
