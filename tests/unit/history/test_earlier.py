"""Which run is the last one before."""

from dataclasses import replace
from pathlib import Path

import pytest

from keras_matrix.errors import HistoryError, NothingSelectedError
from keras_matrix.history.earlier import earlier, folder_of, last, last_folder
from keras_matrix.history.summary import RunSummary
from keras_matrix.records.folder import RunFolder
from tests.unit.history.builders import change, losses, made, summary_of, when

SAME = {"tf": [0.5], "theano": [0.5]}


def folder(path: Path, name: str, on: int) -> RunFolder:
    return made(path / name, losses(SAME), on=on)


@pytest.fixture
def three(tmp_path: Path) -> tuple[RunFolder, ...]:
    return tuple(folder(tmp_path, name, on) for on, name in enumerate("abc", start=1))


def summaries(folders: tuple[RunFolder, ...]) -> list[RunSummary]:
    return [summary_of(one) for one in folders]


def test_the_last_is_the_one_before(three: tuple[RunFolder, ...]) -> None:
    runs = summaries(three)
    assert [run.run for run in earlier(runs, three[2].manifest())] == ["a", "b"]
    assert last_folder(runs, three[2].manifest()).path == three[1].path
    assert last_folder(runs, three[1].manifest()).path == three[0].path


def test_a_run_that_is_not_in_the_history_yet(three: tuple[RunFolder, ...]) -> None:
    assert last_folder(summaries(three[:2]), three[2].manifest()).path == three[1].path


def test_runs_of_the_same_second_are_in_the_order_of_the_history(tmp_path: Path) -> None:
    folders = tuple(folder(tmp_path, name, 1) for name in "abc")
    runs = summaries(folders)
    found = last(runs, folders[1].manifest())
    assert found is not None
    assert found.run == "a"


def test_the_first_run_has_no_earlier_run(three: tuple[RunFolder, ...]) -> None:
    with pytest.raises(NothingSelectedError, match=r"no run of mlp .* before a\."):
        last_folder(summaries(three), three[0].manifest())


def test_another_script_of_the_same_name_is_no_earlier_run(
    three: tuple[RunFolder, ...],
) -> None:
    runs = [replace(run, place="other/mlp/model.py") for run in summaries(three)[:2]]
    with pytest.raises(NothingSelectedError):
        last_folder(runs, three[2].manifest())


def test_other_axes_are_passed_over(three: tuple[RunFolder, ...]) -> None:
    runs = summaries(three)
    runs[1] = replace(runs[1], axes="others")
    assert last_folder(runs, three[2].manifest()).path == three[0].path
    runs[0] = replace(runs[0], axes="others")
    with pytest.raises(NothingSelectedError, match=r"same images.* is b: name it with --against"):
        last_folder(runs, three[2].manifest())


def test_records_that_are_gone_are_reported_with_a_remedy(three: tuple[RunFolder, ...]) -> None:
    runs = summaries(three)
    runs[1] = replace(runs[1], folder="/nonexistent/b")
    with pytest.raises(HistoryError) as told:
        last_folder(runs, three[2].manifest())
    said = str(told.value)
    assert "The records of the run b of " in said
    assert "no longer in /nonexistent/b; bring them back" in said
    assert "--against" in said
    assert said.endswith(" The last run whose records exist is a.")


def test_a_folder_that_holds_another_run_now_is_not_mistaken_for_it(
    three: tuple[RunFolder, ...],
) -> None:
    run = summary_of(three[1])
    assert folder_of(run).path == three[1].path
    change(three[1], created=when(20).isoformat())
    with pytest.raises(HistoryError, match="no longer in"):
        folder_of(run)


def test_a_folder_that_is_damaged_is_gone(three: tuple[RunFolder, ...]) -> None:
    run = summary_of(three[1])
    (three[1].path / "manifest.json").write_text("{")
    with pytest.raises(HistoryError, match="no longer in"):
        folder_of(run)
