"""Locks between processes: waited for with a word, and never held by a process that is gone."""

import errno
import fcntl
import subprocess
import sys
import warnings
from pathlib import Path

import filelock
import pytest

from keras_matrix.errors import ConfigurationError, InterruptedRunError, StoreError
from keras_matrix.plan.cells import Cell
from keras_matrix.records import locks
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.locks import SILENT, Waiting, held
from keras_matrix.run.claims import claimed
from tests.unit.records.builders import manifest, run_folder

CELLS = (Cell("tf", seed=0),)
KILLED = """
import errno, fcntl, os, signal, sys
from pathlib import Path
from keras_matrix.plan.cells import Cell
from keras_matrix.records.folder import RunFolder
from keras_matrix.run.claims import claimed

def flock(*_):
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

fcntl.flock = flock
run = RunFolder(Path(sys.argv[1]))
with claimed(run, [Cell("tf", seed=0)]), run.locked():
    os.kill(os.getpid(), signal.SIGKILL)
"""
"""A process that is killed while it holds a run's locks, on a file system without flock."""


def test_a_lock_that_is_held_is_waited_for_with_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "POLL_SECONDS", 0.001)
    monkeypatch.setattr(locks, "SAY_AFTER_SECONDS", 0.0)
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
    monkeypatch.setattr(locks, "POLL_SECONDS", 0.001)

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


@pytest.fixture
def without_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be on a file system that has no locks.

    The filter of filelock's warning is the module's, which pytest replaces by its own.
    """
    warnings.filterwarnings("ignore", locks.SOFT_LOCK_WARNING)

    def flock(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", flock)


@pytest.fixture
def killed(tmp_path: Path) -> RunFolder:
    """Return a run whose process was killed while it held its locks, which outlived it."""
    run = run_folder(tmp_path / "run", [], cells=CELLS)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, run.path], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (-9, "")
    assert (run.path / ".lock").read_text().split()
    assert [path.stat().st_size > 0 for path in run.work.glob("*.lock")] == [True]
    return run


@pytest.mark.usefixtures("without_flock")
def test_a_soft_lock_of_a_process_that_was_killed_is_taken_over(killed: RunFolder) -> None:
    said: list[str] = []
    run = RunFolder(killed.path, Waiting(said.append))
    with claimed(run, CELLS) as alone:
        assert alone
    with run.locked():
        pass
    assert said == []
    assert list(run.path.rglob("*.lock")) == []


@pytest.mark.usefixtures("without_flock")
def test_a_soft_lock_that_may_be_alive_is_named(
    killed: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "SAY_AFTER_SECONDS", 0.0)
    (claim,) = killed.work.glob("*.lock")
    claim.write_text("123\nanother-host\n")
    with (
        pytest.raises(ConfigurationError, match=rf"if process 123 has ended, remove {claim}\.$"),
        claimed(RunFolder(killed.path), CELLS),
    ):
        pytest.fail("another process may be at work")
    (killed.path / ".lock").write_text("123\nanother-host\n")
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        (killed.path / ".lock").unlink()

    with RunFolder(killed.path, Waiting(say)).locked():
        pass
    assert said[0].startswith(f"waiting for the run {killed.path}, which another process")
    assert said[0].endswith(f"so if process 123 has ended, remove {killed.path / '.lock'}")


def test_a_lock_is_waited_for_so_long_at_most(tmp_path: Path) -> None:
    with locks.held_within(0.0, tmp_path / "lock"):
        other = locks.lock_of(tmp_path / "lock")
        assert not locks.attempt(other)
        with pytest.raises(TimeoutError), locks.held_within(0.01, tmp_path / "lock"):
            pytest.fail("it is held")
    assert locks.attempt(other)
    assert locks.remedy_if_soft(other) == ""
    other.release()
