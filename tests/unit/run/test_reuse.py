"""What did not change does not run again; what did, does."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from keras_matrix.errors import StoreError
from keras_matrix.plan.cells import Caps, Cell, Init, Limits, Plan
from keras_matrix.plan.images import ImageIdentity
from keras_matrix.plan.settings import Floatx, KerasSettings
from keras_matrix.records.cache import CacheWarnings
from keras_matrix.records.record import Outcome
from keras_matrix.run.reuse import MAX_DIGESTED_FILES, Inputs, Reuse, copy, folder_digest
from tests.unit.records.builders import call, identity, plan, record, run_folder

CELL = Cell("tf", seed=3)
INPUTS = Inputs(script="1", data=None, probe="2", cpu="3")


def test_a_finished_replicate_is_found_and_copied(tmp_path: Path) -> None:
    done = record(CELL, call(metrics={"loss": 0.5}))
    run = run_folder(tmp_path / "results" / "one", [done])
    run.log_path(CELL).parent.mkdir()
    run.log_path(CELL).write_bytes(b"printed")
    run.arrays_path(CELL).mkdir(parents=True)
    (run.arrays_path(CELL) / "a.npz").write_bytes(b"array")
    known = Reuse(tmp_path / "known", tmp_path / "results", INPUTS, plan([CELL]))
    assert known.find(CELL, identity("tf")) is None
    known.note(done, run)
    found = known.find(CELL, identity("tf"))
    assert found is not None
    second = run_folder(tmp_path / "results" / "two", [], cells=[CELL])
    copied = copy(found[1], found[0], second)
    assert copied == replace(done, run="two", reused="one")
    assert second.record(CELL) == copied
    assert second.log_path(CELL).read_bytes() == b"printed"
    assert (second.arrays_path(CELL) / "a.npz").read_bytes() == b"array"
    # Where it first ran is what counts, however often it was copied.
    third = run_folder(tmp_path / "results" / "three", [], cells=[CELL])
    assert copy(copied, second, third).reused == "one"


def test_a_copy_is_whole_or_absent_and_takes_the_place_of_an_earlier_attempts_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = record(CELL)
    source = run_folder(tmp_path / "results" / "one", [done])
    target = run_folder(tmp_path / "results" / "two", [], cells=[CELL])
    for run, name in ((source, "a.npz"), (source, "b.npz"), (target, "earlier.npz")):
        run.arrays_path(CELL).mkdir(parents=True, exist_ok=True)
        (run.arrays_path(CELL) / name).write_bytes(b"array")
    renamed: list[str] = []
    rename = os.replace

    def replace_noted(before: str, after: Path) -> None:
        renamed.append(after.name)
        if len(renamed) == 2:
            raise OSError(28, "No space left on device")
        rename(before, after)

    monkeypatch.setattr(os, "replace", replace_noted)
    with pytest.raises(StoreError, match=r"b\.npz"):
        copy(done, source, target)
    # Each file was renamed into its place: the one that failed is not there in part.
    assert [path.name for path in target.arrays_path(CELL).iterdir()] == ["a.npz"]
    assert target.record(CELL) is None


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    done = record(CELL)
    source = run_folder(tmp_path / "results" / "one", [done])
    target = run_folder(tmp_path / "results" / "two", [], cells=[CELL])
    source.log_path(CELL).mkdir(parents=True)
    with pytest.raises(StoreError, match=r"Cannot read .*--fresh"):
        copy(done, source, target)


@pytest.mark.parametrize(
    "change",
    [
        lambda p: replace(p, script_sha256="x"),
        lambda p: replace(p, arguments=("--fast",)),
        lambda p: replace(p, limits=Limits(memory=1)),
        lambda p: replace(p, limits=Limits(threads=2)),
        lambda p: replace(p, caps=Caps(epochs=1)),
        lambda p: replace(p, init=Init.PAIRED),
    ],
)
def test_another_plan_is_another_replicate(change: Callable[[Plan], Plan]) -> None:
    one = plan([CELL])
    assert INPUTS.key(change(one), CELL, identity("tf")) != INPUTS.key(one, CELL, identity("tf"))


@pytest.mark.parametrize(
    "inputs",
    [
        replace(INPUTS, script="x"),
        replace(INPUTS, data="x"),
        replace(INPUTS, probe="x"),
        replace(INPUTS, cpu="x"),
    ],
)
def test_other_inputs_are_another_replicate(inputs: Inputs) -> None:
    one = plan([CELL])
    assert inputs.key(one, CELL, identity("tf")) != INPUTS.key(one, CELL, identity("tf"))


@pytest.mark.parametrize(
    ("cell", "image"),
    [
        (Cell("tf", seed=4), identity("tf")),
        (Cell("tf", seed=3, repeat=1), identity("tf")),
        (Cell("tf", KerasSettings(floatx=Floatx.FLOAT64), seed=3), identity("tf")),
        (CELL, replace(identity("tf"), id="sha256:other")),
    ],
)
def test_another_cell_is_another_replicate(cell: Cell, image: ImageIdentity) -> None:
    one = plan([CELL])
    assert INPUTS.key(one, cell, image) != INPUTS.key(one, CELL, identity("tf"))


def test_what_names_the_run_alone_changes_nothing() -> None:
    one = plan([CELL])
    other = replace(one, cells=(CELL, Cell("theano")), images=("tf", "theano"), schedule_seed=5)
    assert INPUTS.key(one, CELL, identity("tf")) == INPUTS.key(other, CELL, identity("tf"))


def test_the_same_build_by_another_engines_id_is_reused(tmp_path: Path) -> None:
    build = replace(identity("tf"), content="sha256:content")
    done = replace(record(CELL), image=build)
    run = run_folder(tmp_path / "results" / "one", [done])
    known = Reuse(tmp_path / "known", tmp_path / "results", INPUTS, plan([CELL]))
    known.note(done, run)
    assert known.find(CELL, replace(build, id="sha256:manifest")) is not None
    assert known.find(CELL, replace(build, content="sha256:other")) is None


def test_a_failure_is_not_reused(tmp_path: Path) -> None:
    done = replace(record(CELL), outcome=Outcome.TIMEOUT)
    run = run_folder(tmp_path / "results" / "one", [done])
    known = Reuse(tmp_path / "known", tmp_path / "results", INPUTS, plan([CELL]))
    known.note(done, run)
    assert known.find(CELL, identity("tf")) is None


@pytest.mark.parametrize("how", ["gone", "damaged", "another results folder"])
def test_what_cannot_be_read_runs_again(tmp_path: Path, how: str) -> None:
    done = record(CELL)
    run = run_folder(tmp_path / "results" / "one", [done])
    known = Reuse(tmp_path / "known", tmp_path / "results", INPUTS, plan([CELL]))
    known.note(done, run)
    if how == "gone":
        run.record_path(CELL).unlink()
    elif how == "damaged":
        run.record_path(CELL).write_text("{")
    else:
        known = Reuse(tmp_path / "known", tmp_path / "elsewhere", INPUTS, plan([CELL]))
    assert known.find(CELL, identity("tf")) is None


def test_a_folders_digest_is_of_all_that_a_cell_can_see(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "data").mkdir(parents=True)
    (folder / "model.py").write_text("import keras")
    (folder / "data" / "a.csv").write_text("1")
    results = folder / "results"
    seen = {folder_digest(folder, hidden=results)}

    def changed() -> bool:
        digest = folder_digest(folder, hidden=results)
        known = digest in seen
        seen.add(digest)
        return not known

    (results / "run").mkdir(parents=True)
    (results / "run" / "record").write_text("x")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_text("x")
    os.utime(folder / "model.py", (1, 1))
    assert not changed()
    (folder / "data" / "a.csv").write_text("2")
    assert changed()
    (folder / "model.py").chmod(0o755)
    assert changed()
    (folder / "data" / "a.csv").rename(folder / "data" / "b.csv")
    assert changed()
    (folder / "link").symlink_to("data")
    assert changed()
    os.mkfifo(folder / "fifo")
    assert changed()


def test_a_folder_of_too_many_files_has_no_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keras_matrix.run.reuse.MAX_DIGESTED_FILES", 2)
    for name in "ab":
        (tmp_path / name).write_text("")
    assert folder_digest(tmp_path) is not None
    (tmp_path / "c").write_text("")
    assert folder_digest(tmp_path) is None
    assert MAX_DIGESTED_FILES > 2


def test_of_very_large_files_size_and_time_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keras_matrix.run.reuse.MAX_DIGESTED_BYTES", 1)
    (tmp_path / "data").write_text("12")
    before = folder_digest(tmp_path)
    os.utime(tmp_path / "data", (1, 1))
    assert folder_digest(tmp_path) != before


def test_a_cache_that_is_a_file_is_reported_once(tmp_path: Path) -> None:
    done = record(CELL)
    run = run_folder(tmp_path / "results" / "one", [done])
    (tmp_path / "cache").write_text("garbage")
    said: list[str] = []
    root = tmp_path / "cache" / "replicates"
    known = Reuse(root, tmp_path / "results", INPUTS, plan([CELL]), CacheWarnings(said.append))
    assert known.find(CELL, identity("tf")) is None
    known.note(done, run)
    (line,) = said
    assert "Not a directory" in line
