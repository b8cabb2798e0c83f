"""The stages that commands share, and what ``reproduce`` makes of a part of a run."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keras_matrix.cli import stages
from keras_matrix.cli.execute import make_request
from keras_matrix.errors import ExitCode, StoreError
from keras_matrix.load.request import RunRequest
from keras_matrix.records.record import Outcome, Record
from keras_matrix.run.session import RunResult
from tests.unit.cli.builders import replace_cells, run_cli, without_engine
from tests.unit.history.builders import losses
from tests.unit.records.builders import run_folder

REPORTED = """
schema = 1

[[figure]]
metric = "evaluate.loss"
image = "tf"
value = 0.5
unit = "1"
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return without_engine(tmp_path, monkeypatch)


def request_of(place: Path) -> RunRequest:
    return make_request(catalog=None, script=place / "mlp", results=Path("results"))


def follow(request: RunRequest, result: RunResult, events: list[str], **own: Any) -> int:
    """Follow stages that note when they run."""

    def noted(name: str, value: Any) -> Any:
        def stage(*arguments: object) -> Any:
            events.append(name)
            return value

        return stage

    parts = {
        "run": noted("run", result),
        "compare": noted("compare", "finding"),
        "report": noted("report", ExitCode.DIFFER),
        **own,
    }
    return stages.follow(request, stages.Stages(**parts), quiet=False, verbose=False)


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what happens, without an engine."""
    events: list[str] = []

    @contextmanager
    def opened(*arguments: object) -> Iterator[None]:
        events.append("open")
        yield
        events.append("close")

    monkeypatch.setattr(stages, "opened", opened)
    monkeypatch.setattr(stages, "build", lambda run: events.append("build"))
    return events


def test_stages_follow_one_another_and_the_engine_is_closed_before_the_comparison(
    place: Path, events: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    result = RunResult(run_folder(place / "results" / "run", losses({"tf": [0.5]})), (), last=True)
    assert follow(request_of(place), result, events) == ExitCode.DIFFER
    assert events == ["open", "build", "run", "close", "compare", "report"]
    assert capsys.readouterr().err == "records: results/run\n"


def test_a_part_of_a_run_is_not_compared(
    place: Path, events: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    result = RunResult(run_folder(place / "results" / "run", []), (), last=False)
    assert follow(request_of(place), result, events) == ExitCode.AGREE
    assert "compare" not in events
    assert "The comparison follows" in capsys.readouterr().err


def test_the_records_are_named_also_if_no_report_can_be_written(
    place: Path, events: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    def report(*arguments: object) -> int:
        raise StoreError("The disk is full.")

    result = RunResult(run_folder(place / "results" / "run", []), (), last=True)
    with pytest.raises(StoreError):
        follow(request_of(place), result, events, report=report)
    assert capsys.readouterr().err == "records: results/run\n"


def leave(
    monkeypatch: pytest.MonkeyPatch, place: Path, records: list[Record], *, last: bool
) -> None:
    folder = run_folder(place / "results" / f"run-{len(records)}{last}", records)
    replace_cells(monkeypatch, lambda request: RunResult(folder, folder.records(), last))


def test_reproduce_fails_for_a_part_of_a_run_only_if_a_cell_failed(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "mlp" / "reported.toml").write_text(REPORTED)
    command = ("reproduce", "mlp", "--seeds", "2", "--on", "tf,theano", "--only", "tf")
    records = losses({"tf": [0.5, 0.6]})
    leave(monkeypatch, place, records, last=False)
    assert run_cli(*command) == ExitCode.AGREE
    printed = capsys.readouterr()
    assert (printed.out, "comparison follows" in printed.err) == ("", True)
    leave(monkeypatch, place, records, last=True)
    assert run_cli(*command) in (ExitCode.AGREE, ExitCode.DIFFER)
    assert "evaluate.loss" in capsys.readouterr().out
    failed = [records[0], replace(records[1], outcome=Outcome.CRASHED)]
    for last in (False, True):
        leave(monkeypatch, place / "failed", failed, last=last)
        assert run_cli(*command) == ExitCode.CELL_FAILED
