"""Going on with a run: which one it is, and what becomes of files that cannot be relied on."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from keras_matrix.errors import ConfigurationError, OtherSchemaError, StoreError
from keras_matrix.plan.cells import Caps, Cell, Limits, RunKind, Terms
from keras_matrix.records import checksum
from keras_matrix.records import folder as store
from keras_matrix.records.files import to_json
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Manifest, Outcome
from keras_matrix.run import resume
from tests.unit.records.builders import call, identity, manifest, plan, record, run_folder

TF, OTHER = Cell("tf", seed=0), Cell("tf", seed=1)
PLAN = plan([TF, OTHER])


def done(path: Path) -> RunFolder:
    records = [replace(record(cell, call(metrics={"loss": 0.5}))) for cell in (TF, OTHER)]
    return run_folder(path, records, images=[identity("tf")])


def mend(folder: RunFolder, *, script: bytes = b"import keras\n") -> tuple[list[str], Manifest]:
    said: list[str] = []
    wanted = manifest([TF, OTHER], script=script)
    return said, resume.mend(folder, wanted, [TF, OTHER], said.append)


def begun(results: Path, name: str, created: str, **changed: object) -> None:
    made = replace(manifest([TF, OTHER], run=name), created=created, **changed)  # type: ignore[arg-type]
    RunFolder(results / name).open(made, {})


def test_the_newest_run_of_the_plan_is_gone_on_with(tmp_path: Path) -> None:
    begun(tmp_path, "z", "2026-01-01T00:00:00+00:00")
    begun(tmp_path, "a", "2026-01-02T00:00:00+00:00")
    begun(tmp_path, "other", "2026-01-03T00:00:00+00:00", plan=plan([TF]))
    begun(tmp_path, "t", "2026-01-04T00:00:00+00:00", kind=RunKind.TRACE)
    command = ("keras-matrix", "trace", "x.py")
    begun(tmp_path, "old", "2026-01-05T00:00:00+00:00", command=command, kind=None)
    (tmp_path / "file").write_text("")
    said: list[str] = []
    assert resume.find(tmp_path, None, PLAN, RunKind.RUN, said.append) == tmp_path / "a"
    assert said == ["resuming a"]
    assert resume.find(tmp_path, None, PLAN, RunKind.TRACE, print) == tmp_path / "old"


def test_a_run_whose_cells_an_earlier_version_ordered_otherwise_is_resumed(tmp_path: Path) -> None:
    begun(tmp_path, "a", "2026-01-01T00:00:00+00:00", plan=plan([OTHER, TF]))
    assert resume.find(tmp_path, None, PLAN, RunKind.RUN, print) == tmp_path / "a"
    folder = RunFolder(tmp_path / "a")
    resume.mend(folder, manifest([TF, OTHER]), [TF, OTHER], print)
    assert folder.manifest().plan.cells == (OTHER, TF)


def test_a_run_whose_plan_cannot_be_told_is_named(tmp_path: Path) -> None:
    begun(tmp_path, "a", "2026-01-02T00:00:00+00:00")
    begun(tmp_path, "b", "2026-01-03T00:00:00+00:00")
    (tmp_path / "b" / "manifest.json").write_bytes(b"{")
    said: list[str] = []
    assert resume.find(tmp_path, None, PLAN, RunKind.RUN, said.append) == tmp_path / "a"
    assert "passed over b" in said[0]
    assert "--run" in said[0]


@pytest.mark.parametrize("named", [None, "missing", "file", "results"])
def test_without_a_run_to_go_on_with_there_is_a_sentence(tmp_path: Path, named: str | None) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "something").write_text("")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="leave --resume out") as raised:
        resume.find(tmp_path, named, PLAN, RunKind.RUN, print)
    assert "\n" not in str(raised.value)


def test_a_run_of_another_kind_is_not_resumed(tmp_path: Path) -> None:
    begun(tmp_path, "t", "2026-01-04T00:00:00+00:00", kind=RunKind.TRACE)
    folder = RunFolder(tmp_path / "t")
    with pytest.raises(ConfigurationError, match=r"t is a trace, which .* --run\."):
        mend(folder)
    with pytest.raises(ConfigurationError, match=r"t is a trace, which .* --run\."):
        folder.open(manifest([TF, OTHER]), {})


def test_a_run_that_was_killed_as_it_began_is_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    assert resume.find(tmp_path, "one", PLAN, RunKind.RUN, print) == tmp_path / "one"
    (tmp_path / "one" / ".lock").write_text("")
    assert resume.find(tmp_path, "one", PLAN, RunKind.RUN, print) == tmp_path / "one"


def test_what_is_whole_stays(tmp_path: Path) -> None:
    folder = done(tmp_path / "run")
    before = folder.records()
    said, _ = mend(folder)
    assert said == []
    assert folder.records() == before


def damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "schema":
        path.write_bytes(checksum.seal(content.replace(b'"schema": 1', b'"schema": 2', 1)))
    elif how == "truncated":
        path.write_bytes(content[:-40])
    elif how == "flipped":
        path.write_bytes(content.replace(b"0.5", b"0.7"))
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "copied":
        path.write_bytes(path.with_name(f"{OTHER.id}.json").read_bytes())
    else:
        path.unlink()
        if how == "folder":
            path.mkdir()
        elif how == "fifo":
            os.mkfifo(path)
        elif how == "link":
            path.symlink_to(path.with_name(f"{OTHER.id}.json"))
        else:
            path.symlink_to("nowhere")


HOWS = ("truncated", "flipped", "empty", "schema", "folder", "fifo", "link", "dangling link")


@pytest.mark.parametrize("how", [*HOWS, "copied"])
def test_a_damaged_record_is_set_aside_and_its_cell_run_again(tmp_path: Path, how: str) -> None:
    folder = done(tmp_path / "run")
    path = folder.record_path(TF)
    damage(path, how)
    with pytest.raises(StoreError, match="--resume"):
        folder.unfinished([TF, OTHER])
    said, _ = mend(folder)
    (line,) = said
    assert "records/tf.seed0.json" in line
    assert "set aside as tf.seed0.json.damaged" in line
    assert os.path.lexists(f"{path}.damaged")
    assert folder.unfinished([TF, OTHER]) == (TF,)


def test_what_is_set_aside_twice_is_numbered(tmp_path: Path) -> None:
    folder = done(tmp_path / "run")
    whole = folder.record_path(TF).read_bytes()
    for content in (b"1", b"2", b"3"):
        folder.record_path(TF).write_bytes(content)
        mend(folder)
    names = {
        path.name: path.read_bytes() for path in folder.record_path(TF).parent.glob("*.damaged*")
    }
    first = f"{TF.id}.json.damaged"
    assert names == {first: b"1", f"{first}.2": b"2", f"{first}.3": b"3"}
    folder.record_path(TF).write_bytes(whole)
    assert folder.unfinished([TF, OTHER]) == ()


def test_all_there_is_of_a_cell_is_set_aside(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", [], cells=[TF, OTHER])
    kept = folder.keep(folder.log_path(TF), b"printed")
    kept |= folder.keep(folder.arrays_path(TF) / "a.npz", b"array")
    folder.write(record(TF, kept=kept))
    (folder.arrays_path(TF) / "a.npz").write_bytes(b"arrow")
    said, _ = mend(folder)
    assert "arrays/tf.seed0/a.npz is damaged" in said[0]
    assert (tmp_path / "run" / "logs" / f"{TF.id}.log.damaged").read_bytes() == b"printed"
    assert (tmp_path / "run" / "arrays" / f"{TF.id}.damaged" / "a.npz").read_bytes() == b"arrow"
    assert folder.record(TF) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"script_sha256": "0" * 64},
        {"arguments": ("--fast",)},
        {"terms": Terms(Limits(memory=1), Caps(), PLAN.init)},
        {"terms": Terms(Limits(), Caps(epochs=1), PLAN.init)},
    ],
)
def test_the_record_of_another_run_is_refused_and_set_aside(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    folder = done(tmp_path / "run")
    folder.write(replace(record(TF), **changed))  # type: ignore[arg-type]
    for read in (folder.records, lambda: folder.unfinished([TF])):
        with pytest.raises(StoreError, match="another script, arguments or limits"):
            read()
    said, _ = mend(folder)
    assert len(said) == 1
    assert folder.unfinished([TF, OTHER]) == (TF,)


@pytest.mark.parametrize("how", ["truncated", "empty", "folder", "fifo", "dangling link", "gone"])
def test_a_damaged_manifest_is_made_anew_from_plan_and_records(tmp_path: Path, how: str) -> None:
    folder = done(tmp_path / "run")
    folder.write(record(OTHER, outcome=Outcome.SCRIPT_ERROR))
    path = folder.path / "manifest.json"
    if how == "gone":
        path.unlink()
    else:
        damage(path, how)
    said, wanted = mend(folder)
    assert len(said) == 1
    folder.open(wanted, {"model.py": b""})
    made = folder.manifest()
    assert (made.plan, made.images) == (PLAN, {"tf": identity("tf")})
    assert made.finished == (TF.id, OTHER.id)
    assert os.path.lexists(f"{path}.damaged") is (how != "gone")
    assert folder.unfinished([TF, OTHER]) == (OTHER,)


def test_a_damaged_manifest_is_not_made_anew_for_another_command(tmp_path: Path) -> None:
    folder = done(tmp_path / "run")
    (folder.path / "manifest.json").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="the command that the run was started with"):
        mend(folder, script=b"another")
    folder.write(replace(record(Cell("theano"))))
    with pytest.raises(ConfigurationError, match="theano"):
        mend(folder)
    assert (folder.path / "manifest.json").read_bytes() == b""


def test_records_of_two_builds_do_not_make_a_manifest(tmp_path: Path) -> None:
    folder = done(tmp_path / "run")
    folder.write(replace(record(TF), image=identity("tf", content="second build")))
    (folder.path / "manifest.json").unlink()
    with pytest.raises(ConfigurationError, match="images"):
        mend(folder)


def test_the_manifest_of_a_later_version_stays(tmp_path: Path) -> None:
    folder = done(tmp_path / "run")
    path = folder.path / "manifest.json"
    damage(path, "schema")
    before = path.read_bytes()
    with pytest.raises(OtherSchemaError, match="schema 2"):
        mend(folder)
    assert path.read_bytes() == before


def test_another_plan_is_refused_before_anything_is_touched(tmp_path: Path) -> None:
    folder = done(tmp_path / "run")
    folder.record_path(TF).write_bytes(b"{")
    with pytest.raises(ConfigurationError, match="begun with another script"):
        mend(folder, script=b"another")
    assert folder.record_path(TF).read_bytes() == b"{"


def test_a_record_that_fits_can_be_of_an_earlier_version(tmp_path: Path) -> None:
    folder = done(tmp_path / "run")
    folder.record_path(TF).write_bytes(to_json(record(TF)))
    said, _ = mend(folder)
    assert said == []


def test_a_run_that_has_lost_its_manifest_is_told(tmp_path: Path) -> None:
    folder = done(tmp_path / "run")
    (folder.path / "manifest.json").unlink()
    with pytest.raises(StoreError, match=r"has lost its manifest\.json; .*--resume"):
        store.find(tmp_path, "run")


def test_a_manifest_is_made_again_with_few_comparisons_of_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = [Cell("tf", seed=seed) for seed in range(60)]
    folder = run_folder(tmp_path / "run", [record(cell) for cell in cells])
    (folder.path / "manifest.json").unlink()
    compared = 0
    equal = Cell.__eq__

    def counted(cell: Cell, other: object) -> bool:
        nonlocal compared
        compared += 1
        return equal(cell, other)

    monkeypatch.setattr(Cell, "__eq__", counted)
    made = resume.mend(folder, manifest(cells), [], print)
    assert made.finished == tuple(cell.id for cell in cells)
    assert compared <= 3 * len(cells)
