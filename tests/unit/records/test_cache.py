"""A run goes on without what is kept between runs, and says so once."""

import os
from pathlib import Path

import pytest

from keras_matrix.cli import invoke
from keras_matrix.cli.execute import recorded
from keras_matrix.cli.root import cli
from keras_matrix.errors import StoreError, disk_error
from keras_matrix.plan.cells import Cell
from keras_matrix.records import cache, locks
from keras_matrix.records.cache import CacheWarnings
from keras_matrix.records.folder import RunFolder
from keras_matrix.run.cell import compiled_code
from keras_matrix.run.reuse import Inputs, Reuse
from tests.unit.records.builders import identity, plan, record, run_folder

CELL = Cell("tf", seed=3)
INPUTS = Inputs(script="1", data=None, probe="2", cpu="3")


def known(tmp_path: Path, said: list[str]) -> Reuse:
    lost = CacheWarnings(said.append)
    return Reuse(tmp_path / "known", tmp_path / "results", INPUTS, plan([CELL]), lost)


def test_what_cannot_be_used_is_reported_once() -> None:
    said: list[str] = []
    lost = CacheWarnings(said.append)
    for path in ("a", "b"):
        lost.unusable(OSError(30, "Read-only file system", path))
    (line,) = said
    assert "Read-only file system" in line
    assert "KERAS_MATRIX_CACHE" in line


def test_the_cause_of_a_sentence_is_reported_without_its_remedy() -> None:
    said: list[str] = []
    try:
        raise StoreError("Cannot make it; do this.") from OSError(28, "No space left on device")
    except StoreError as error:
        CacheWarnings(said.append).unusable(error)
    assert "(No space left on device)" in said[0]
    assert "do this" not in said[0]


def test_a_replicate_that_cannot_be_noted_just_runs_again(tmp_path: Path) -> None:
    (tmp_path / "known").write_text("garbage")
    said: list[str] = []
    done = record(CELL)
    reuse = known(tmp_path, said)
    reuse.note(done, run_folder(tmp_path / "results" / "one", [done]))
    assert reuse.find(CELL, identity("tf")) is None
    assert len(said) == 1
    assert "Not a directory" in said[0]


@pytest.mark.parametrize("content", [b"", b"garbage", b"/\0", b"\xff\xfe"])
def test_a_damaged_note_is_reported(tmp_path: Path, content: bytes) -> None:
    said: list[str] = []
    done = record(CELL)
    reuse = known(tmp_path, said)
    reuse.note(done, run_folder(tmp_path / "results" / "one", [done]))
    (note,) = (path for path in (tmp_path / "known").rglob("*") if path.is_file())
    note.write_bytes(content)
    assert reuse.find(CELL, identity("tf")) is None
    assert said == ["the list of finished cells in the cache is damaged, and is made again"]


def test_a_replicate_whose_log_is_damaged_is_not_reused(tmp_path: Path) -> None:
    said: list[str] = []
    run = run_folder(tmp_path / "results" / "one", [], cells=[CELL])
    done = record(CELL, kept=run.keep(run.log_path(CELL), b"printed"))
    run.write(done)
    reuse = known(tmp_path, said)
    reuse.note(done, run)
    assert reuse.find(CELL, identity("tf")) is not None
    run.log_path(CELL).write_bytes(b"painted")
    assert reuse.find(CELL, identity("tf")) is None
    assert len(said) == 1
    assert said[0].endswith("its cell is run, not reused")


def test_what_is_in_use_is_not_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KERAS_MATRIX_CACHE", str(tmp_path))
    monkeypatch.setattr(cache, "MAX_CLEAR_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(compiled_code, "MAX_CLEAR_WAIT_SECONDS", 0.0)
    said: list[str] = []
    done = record(CELL)
    run = run_folder(tmp_path / "results" / "one", [done])
    reuse = Reuse(tmp_path / "replicates", tmp_path / "results", INPUTS, plan([CELL]))
    reuse.note(done, run)
    code = tmp_path / "compiled" / "a-key"
    code.mkdir(parents=True)
    with (
        locks.held_within(0.0, cache.replicates_lock(tmp_path / "replicates")),
        locks.held_within(0.0, code / ".lock"),
    ):
        assert invoke(cli, ["cache", "clear"]) == 2
        out, err = capsys.readouterr()
        assert "compiled for 1 script and the list of finished cells was left" in err
        monkeypatch.setattr("keras_matrix.run.reuse.MAX_WAIT_SECONDS", 0.0)
        Reuse(
            tmp_path / "replicates", tmp_path, INPUTS, plan([CELL]), CacheWarnings(said.append)
        ).note(done, run)
    assert "has locked it" in said[0]
    assert code.is_dir()
    assert reuse.find(CELL, identity("tf")) is not None
    assert invoke(cli, ["cache", "clear"]) == 0
    out = capsys.readouterr().out
    assert "removed the code that was compiled for 1 script and the list of finished cells" in out
    assert not code.exists()
    assert reuse.find(CELL, identity("tf")) is None


def test_where_the_records_are_is_reported_whatever_a_report_comes_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = RunFolder(tmp_path / "run")
    with pytest.raises(StoreError), recorded(run, quiet=False):
        raise StoreError("No.")
    assert f"records: {run.path}" in capsys.readouterr().err
    with recorded(run, quiet=True):
        pass
    assert capsys.readouterr().err == ""


def test_a_full_disk_is_no_defect(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "some/file")

    monkeypatch.setattr("keras_matrix.load.catalog.load", full)
    assert invoke(cli, ["list"]) == 2
    assert capsys.readouterr().err == (
        "keras-matrix: error: Cannot write some/file (No space left on device); "
        "check the folder's permissions and space.\n"
    )


def test_other_errors_of_the_system_are_defects(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd(*_: object, **__: object) -> None:
        raise OSError(22, os.strerror(22))

    monkeypatch.setattr("keras_matrix.load.catalog.load", odd)
    assert invoke(cli, ["list"]) == 70
    assert "defect" in capsys.readouterr().err
    assert disk_error(OSError(22, "")) is None
