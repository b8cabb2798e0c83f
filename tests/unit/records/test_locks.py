from pathlib import Path

import filelock
import pytest

from keras_matrix.errors import InterruptedRunError, StoreError
from keras_matrix.plan.cells import Cell
from keras_matrix.records import locks
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.locks import SILENT, Waiting, held
from tests.unit.records.builders import manifest


def test_a_lock_that_is_held_is_waited_for_with_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "POLL", 0.001)
    monkeypatch.setattr(locks, "PATIENCE", 0.0)
    other = filelock.FileLock(tmp_path / "lock")
    other.acquire()
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        other.release()

    with held(tmp_path / "lock", "the run", Waiting(say=say)):
        pass
    assert said == ["waiting for the run, which another process of keras-matrix has locked"]


def test_waiting_ends_with_a_request_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "POLL", 0.001)

    def check() -> None:
        raise InterruptedRunError("Stopped.")

    run = RunFolder(tmp_path / "run", Waiting(check=check))
    run.open(manifest([Cell("tf")]), {})
    with (
        filelock.FileLock(tmp_path / "run" / ".lock"),
        pytest.raises(InterruptedRunError),
        run.locked(),
    ):
        pytest.fail("it is locked")


@pytest.mark.parametrize("error", [OSError(30, "Read-only file system"), NotImplementedError("no")])
def test_where_nothing_can_be_locked_there_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    with (
        pytest.raises(StoreError, match=r"Cannot lock the run .*(Read-only|no).*--results"),
        held(tmp_path / "lock", "the run", SILENT),
    ):
        pytest.fail("it cannot be locked")


def test_a_run_that_was_removed_is_not_made_again(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    with pytest.raises(StoreError, match="was removed"), run.locked():
        pytest.fail("there is nothing to lock")
    assert list(tmp_path.iterdir()) == []
