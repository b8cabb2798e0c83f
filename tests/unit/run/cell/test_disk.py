"""What a cell may put on the host's disk."""

import os
from pathlib import Path

import pytest

from keras_matrix.records.record import Outcome
from keras_matrix.run.cell import disk
from keras_matrix.run.cell.disk import DiskBounds, DiskUse

CELL_BOUNDS = DiskBounds(size=2**20, files=10)


@pytest.fixture
def use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DiskUse:
    monkeypatch.setattr(disk, "COUNT_SECONDS", 0.0)
    monkeypatch.setattr(disk, "COUNT_SHARE", 0)
    return DiskUse(tmp_path, CELL_BOUNDS)


def test_what_the_probe_writes_is_within_bounds(use: DiskUse, tmp_path: Path) -> None:
    (tmp_path / "1" / "arrays").mkdir(parents=True)
    (tmp_path / "1" / "events.jsonl").write_bytes(bytes(2**16))
    with (tmp_path / "1" / "holes").open("wb") as file:
        file.truncate(2**30)
    os.link(tmp_path / "1" / "events.jsonl", tmp_path / "1" / "again")
    (tmp_path / "1" / "link").symlink_to("/usr")
    assert use.exceeded() is None


@pytest.mark.parametrize("what", ["bytes", "files", "too deep", "closed"])
def test_what_is_too_much_is_refused(
    use: DiskUse, tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if what == "bytes":
        for name in ("a", "b"):
            (tmp_path / name).write_bytes(os.urandom(2**20))
    elif what == "files":
        for number in range(11):
            (tmp_path / str(number)).write_bytes(b"")
    else:
        error = PermissionError() if what == "closed" else OSError(36, "File name too long")

        def scan(path: str) -> None:
            raise error

        monkeypatch.setattr(os, "scandir", scan)
    found = use.exceeded()
    assert found is not None
    assert found.outcome is Outcome.BAD_OUTPUT


@pytest.mark.parametrize(
    ("before", "now", "ended"),
    [(2**40, 2**30, False), (2**40, 2**27, True), (2**20, 2**19, False), (2**20, 2**17, True)],
)
def test_some_of_the_disk_stays_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int, now: int, ended: bool
) -> None:
    monkeypatch.setattr(disk, "_room", lambda folder: (before, float("inf")))
    use = DiskUse(tmp_path, CELL_BOUNDS)
    monkeypatch.setattr(disk, "_room", lambda folder: (now, float("inf")))
    found = use.exceeded()
    assert (found is not None) is ended
    if found is not None:
        assert found.outcome is Outcome.KILLED


def test_counting_takes_a_small_share_of_the_time(tmp_path: Path) -> None:
    use = DiskUse(tmp_path, DiskBounds(size=0, files=0))
    (tmp_path / "file").write_bytes(b"x")
    assert use.exceeded() is None, "not at once"
