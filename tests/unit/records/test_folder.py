import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from keras_matrix.errors import ConfigurationError, OtherSchemaError, StoreError
from keras_matrix.plan.cells import Cell, Limits
from keras_matrix.plan.settings import Floatx, KerasSettings
from keras_matrix.plan.tolerance import Tolerance
from keras_matrix.records import checksum
from keras_matrix.records.files import write_atomically
from keras_matrix.records.folder import RunFolder, find, place
from keras_matrix.records.observation import Epoch
from keras_matrix.records.record import HostFacts, Outcome
from tests.unit.records.builders import (
    SCRIPT,
    array,
    call,
    identity,
    manifest,
    plan,
    record,
    run_folder,
    tf_and_theano,
)

TF, THEANO = Cell("tf"), Cell("theano")
HOST = HostFacts(platform="Linux", python="3.12", cpus=4, memory=2**33, engine="27 on Debian")


FILES = {"model.py": SCRIPT}


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    cell = Cell("tf", KerasSettings(floatx=Floatx.FLOAT64, epsilon=1e-8), seed=3)
    written = record(
        cell,
        call(
            "fit",
            {"loss": "nan", "acc": 0.1, "worst": "-inf"},
            epochs=[Epoch(epoch=0, seconds=0.5, metrics={"loss": "inf"})],
        ),
        call("predict", arrays=[array(mean="nan", file="arrays/predict.0.npz")]),
        notes=("a note",),
    )
    folder = run_folder(tmp_path / "run", [written])
    assert RunFolder(folder.path).record(cell) == written
    assert folder.records() == (written,)


def test_what_is_not_finite_is_words_on_disk(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", [record(TF, call(metrics={"loss": "nan"}))])

    def refuse(word: str) -> None:
        raise AssertionError(word)

    stored = json.loads(folder.record_path(TF).read_text(), parse_constant=refuse)
    assert stored["schema"] == 1
    assert stored["observation"]["calls"][0]["metrics"] == {"loss": "nan"}


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = manifest([TF, THEANO], tolerances=(Tolerance("*", atol=0.5, why="so"),))
    RunFolder(tmp_path / "run").open(written, FILES)
    assert RunFolder(tmp_path / "run").manifest() == written


def test_opening_keeps_the_script(tmp_path: Path) -> None:
    RunFolder(tmp_path / "run").open(manifest([TF]), FILES)
    assert (tmp_path / "run" / "script" / "model.py").read_bytes() == SCRIPT


def test_a_run_keeps_the_order_of_cells_that_it_was_begun_with(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    assert folder.open(manifest([THEANO, TF]), FILES).cells == (THEANO, TF)
    again = replace(manifest([TF, THEANO]), plan=plan([TF, THEANO], images=("theano", "tf")))
    assert folder.open(again, FILES).cells == (THEANO, TF)
    assert folder.manifest().plan.cells == (THEANO, TF)


def test_opening_again_joins_the_same_plan(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.open(manifest([TF]), FILES)
    folder.note(HOST, [identity("tf")])
    folder.open(manifest([TF]), FILES)
    assert folder.manifest().hosts == (HOST,)


def test_opening_again_refuses_another_plan(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.open(manifest([TF]), FILES)
    one = manifest([TF])
    for other in (
        manifest([TF, THEANO]),
        manifest([TF], script=b"another"),
        replace(one, plan=replace(one.plan, limits=Limits(memory=1))),
        replace(one, plan=replace(one.plan, arguments=("--fast",))),
    ):
        with pytest.raises(ConfigurationError, match="--run"):
            folder.open(other, FILES)


def test_hosts_and_images_of_all_parts_are_noted_once(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.open(manifest([TF, THEANO]), FILES)
    folder.note(HOST, [identity("tf")])
    folder.note(HOST, [identity("tf"), identity("theano")])
    found = folder.manifest()
    assert found.hosts == (HOST,)
    assert found.images == {"tf": identity("tf"), "theano": identity("theano")}


def test_a_run_holds_one_build_of_an_image(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.open(manifest([TF]), FILES)
    folder.note(HOST, [identity("tf")])
    second = identity("tf", content="second build")
    with pytest.raises(ConfigurationError, match="another build of image 'tf'"):
        folder.note(HOST, [second])
    folder.note(HOST, [second], alone=True)
    assert folder.manifest().images == {"tf": second}, "no result was of the first one"
    folder.write(record(TF))
    with pytest.raises(ConfigurationError, match="another build of image 'tf'"):
        folder.note(HOST, [identity("tf")], alone=True)


def test_the_last_part_to_finish_is_reported(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.open(manifest([TF, THEANO]), FILES)
    assert folder.finish([THEANO]) is False
    assert folder.finish([THEANO]) is False
    assert folder.finish([TF]) is True
    assert folder.manifest().finished == ("tf", "theano")


def test_unfinished_cells_have_no_good_record(tmp_path: Path) -> None:
    third = Cell("jax")
    folder = run_folder(
        tmp_path / "run",
        [record(TF), record(THEANO, outcome=Outcome.SCRIPT_ERROR)],
        cells=[TF, THEANO, third],
    )
    assert folder.unfinished([TF, THEANO, third]) == (THEANO, third)
    assert folder.record(third) is None
    assert [found.cell for found in folder.records()] == [TF, THEANO]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"schema": "1"}',
        b'{"schema": 1}',
        b'{"schema": 2}',
        b"\xff\xfe",
        b'{"schema": 1, "tool": "\xff"}',
        b"[" * 100_000,
        b'{"schema": 1, "more": ' + b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("what", ["record", "manifest"])
def test_a_damaged_file_is_reported_in_one_sentence(
    tmp_path: Path, what: str, content: bytes
) -> None:
    folder = tf_and_theano(tmp_path / "run")
    path = folder.record_path(TF) if what == "record" else folder.path / "manifest.json"
    path.write_bytes(content)
    with pytest.raises(StoreError) as raised:
        folder.records()
    message = str(raised.value)
    assert str(path) in message
    assert "\n" not in message
    assert len(message) < 1000


def test_damage_within_a_record_is_reported(tmp_path: Path) -> None:
    folder = tf_and_theano(tmp_path / "run")
    path = folder.record_path(TF)
    path.write_bytes(path.read_bytes().replace(b"sequential_1", b"\xff\xfe"))
    with pytest.raises(StoreError, match="damaged"):
        folder.records()


def test_a_folder_in_place_of_a_record_is_reported(tmp_path: Path) -> None:
    folder = tf_and_theano(tmp_path / "run")
    folder.record_path(TF).unlink()
    folder.record_path(TF).mkdir()
    with pytest.raises(StoreError, match=r"tf\.json"):
        folder.records()


def test_another_schema_names_both(tmp_path: Path) -> None:
    folder = tf_and_theano(tmp_path / "run")
    path = folder.record_path(TF)
    changed = path.read_bytes().replace(b'"schema": 1', b'"schema": 7')
    path.write_bytes(checksum.seal(changed))
    with pytest.raises(OtherSchemaError, match="has schema 7, and this version reads 1"):
        folder.records()


def test_the_record_of_another_cell_is_refused(tmp_path: Path) -> None:
    folder = tf_and_theano(tmp_path / "run")
    folder.record_path(THEANO).replace(folder.record_path(TF))
    with pytest.raises(StoreError, match="is the record of theano"):
        folder.records()


def test_what_is_no_run_has_no_manifest(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert not folder.exists()
    with pytest.raises(StoreError, match="not a run folder"):
        folder.manifest()


def test_a_file_is_there_whole_and_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    write_atomically(path, b"first")
    write_atomically(path, b"second")
    assert path.read_bytes() == b"second"
    assert files(tmp_path) == {"deep/file"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_run_on_disk_is_its_files_and_nothing_else(tmp_path: Path) -> None:
    folder = tf_and_theano(tmp_path / "run")
    assert files(folder.path) - {".lock"} == {
        "manifest.json",
        "records/tf.json",
        "records/theano.json",
        "script/model.py",
    }


def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert files(tmp_path) == {"file"}


def test_a_place_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Cannot write"):
        write_atomically(tmp_path / "file" / "x", b"")
    with pytest.raises(StoreError, match="--results"):
        RunFolder(tmp_path / "file" / "run").open(manifest([TF]), FILES)


def test_a_run_is_found_by_name_and_by_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tf_and_theano(tmp_path / "results" / "one")
    monkeypatch.chdir(tmp_path / "results")
    assert find(tmp_path / "results", "one").path == folder.path
    assert find(Path("nowhere"), str(folder.path)).path == folder.path
    assert find(Path("nowhere"), "one").path == folder.path
    assert find(Path("nowhere"), "one").name == "one"


def test_a_run_that_is_not_there_is_reported(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("empty", "missing"):
        with pytest.raises(StoreError, match=f"no run '{name}'"):
            find(tmp_path, name)


def test_a_bare_name_lies_among_the_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert place(Path("results"), "one").path == tmp_path / "results" / "one"
    assert place(Path("results"), "here/one").path == tmp_path / "here" / "one"
    assert place(Path("results"), str(tmp_path / "one")).path == tmp_path / "one"


@pytest.mark.parametrize("name", ["", ".", "..", "/", "a/..", "-a", ".a", "a b", "a\n", "a" * 101])
def test_what_cannot_be_a_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="--run"):
        place(tmp_path, name)


def test_a_run_has_one_runtime(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", [record(Cell("tf"))])
    folder.note(replace(HOST, runtime=""), ())
    folder.note(replace(HOST, runtime="runc"), ())
    folder.note(replace(HOST, runtime="runc", cpus=8), ())
    with pytest.raises(ConfigurationError, match="another runtime than runsc"):
        folder.note(replace(HOST, runtime="runsc"), ())
