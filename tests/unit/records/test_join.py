from dataclasses import replace
from pathlib import Path

import pytest

from keras_matrix.errors import ConfigurationError, NothingSelectedError, StoreError
from keras_matrix.plan.cells import Cell
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.join import join
from keras_matrix.records.record import HostFacts
from tests.unit.records.builders import SCRIPT, call, identity, manifest, record, run_folder

TF, THEANO = Cell("tf"), Cell("theano")


def one(path: Path, cell: Cell, loss: float = 0.5, script: bytes = b"import keras\n") -> RunFolder:
    folder = run_folder(
        path,
        [record(cell, call(metrics={"loss": loss}))],
        script=script,
        images=[identity(cell.image)],
    )
    folder.log_path(cell).parent.mkdir()
    folder.log_path(cell).write_text(f"log of {cell.id}")
    folder.arrays_path(cell).mkdir(parents=True)
    (folder.arrays_path(cell) / "predict.0.npz").write_bytes(b"x")
    return folder


def test_two_runs_become_one(tmp_path: Path) -> None:
    sources = [one(tmp_path / "a", TF), one(tmp_path / "b", THEANO, loss=0.25)]
    target = RunFolder(tmp_path / "c")
    join(sources, target)
    found = target.manifest()
    assert found.run == "c"
    assert found.plan.images == ("tf", "theano")
    assert found.plan.cells == (TF, THEANO)
    assert found.finished == ("tf", "theano")
    assert set(found.keras_json) == {"tf", "theano"}
    assert set(found.images) == {"tf", "theano"}
    assert target.records() == (*sources[0].records(), *sources[1].records())
    assert target.log_path(THEANO).read_text() == "log of theano"
    assert (target.arrays_path(TF) / "predict.0.npz").read_bytes() == b"x"
    assert (target.path / "script" / "model.py").read_bytes() == b"import keras\n"
    # The sources are as they were.
    assert [source.manifest().plan.cells for source in sources] == [(TF,), (THEANO,)]


def test_seeds_made_apart_are_in_order(tmp_path: Path) -> None:
    cells = [
        Cell("tf", seed=0),
        *(Cell(i, seed=1) for i in ("theano", "tf")),
        Cell("theano", seed=0),
    ]
    sources = [one(tmp_path / cell.id, cell) for cell in cells]
    target = RunFolder(tmp_path / "all")
    join(sources, target)
    assert [cell.id for cell in target.manifest().plan.cells] == [
        "tf.seed0",
        "theano.seed0",
        "tf.seed1",
        "theano.seed1",
    ]


def test_runs_of_another_script_are_refused(tmp_path: Path) -> None:
    sources = [one(tmp_path / "a", TF), one(tmp_path / "b", THEANO, script=b"another")]
    with pytest.raises(ConfigurationError, match="only runs of the same script"):
        join(sources, RunFolder(tmp_path / "c"))
    assert not (tmp_path / "c").exists()


def test_runs_with_other_arguments_are_refused(
    tmp_path: Path,
) -> None:
    first, second = one(tmp_path / "a", TF), RunFolder(tmp_path / "b")
    made = manifest([THEANO])
    made = replace(made, plan=replace(made.plan, arguments=("--fast",)))
    second.open(made, {"model.py": SCRIPT})
    with pytest.raises(ConfigurationError, match="arguments"):
        join([first, second], RunFolder(tmp_path / "c"))


def test_the_same_cell_twice_is_refused(tmp_path: Path) -> None:
    sources = [one(tmp_path / "a", TF), one(tmp_path / "b", TF)]
    with pytest.raises(ConfigurationError, match="has the cell tf, too"):
        join(sources, RunFolder(tmp_path / "c"))
    with pytest.raises(ConfigurationError, match="has the cell tf, too"):
        join([sources[0], sources[0]], RunFolder(tmp_path / "c"))


def test_two_builds_of_an_image_are_refused(tmp_path: Path) -> None:
    first, second = Cell("tf", seed=0), Cell("tf", seed=1)
    sources = [
        run_folder(tmp_path / "a", [record(first)], images=[identity("tf")]),
        run_folder(tmp_path / "b", [record(second)], images=[identity("tf", content="other")]),
    ]
    with pytest.raises(ConfigurationError, match="build"):
        join(sources, RunFolder(tmp_path / "c"))


def test_a_target_that_exists_is_refused(tmp_path: Path) -> None:
    source = one(tmp_path / "a", TF)
    (tmp_path / "c").mkdir()
    with pytest.raises(ConfigurationError, match="--into"):
        join([source], RunFolder(tmp_path / "c"))


def test_a_target_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    source = one(tmp_path / "a", TF)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        join([source], RunFolder(tmp_path / "file" / "c"))


def test_runs_without_records_come_to_nothing(tmp_path: Path) -> None:
    empty = run_folder(tmp_path / "a", [], cells=[TF])
    with pytest.raises(NothingSelectedError):
        join([empty], RunFolder(tmp_path / "c"))


def test_an_unfinished_run_stays_unfinished(tmp_path: Path) -> None:
    unfinished = run_folder(tmp_path / "b", [], cells=[THEANO])
    target = RunFolder(tmp_path / "c")
    join([one(tmp_path / "a", TF), unfinished], target)
    assert target.manifest().finished == ("tf",)
    assert target.unfinished(target.manifest().plan.cells) == (THEANO,)


def test_runs_under_different_runtimes_do_not_fit(tmp_path: Path) -> None:
    sources = [one(tmp_path / "a", TF), one(tmp_path / "b", THEANO)]
    for source, runtime in zip(sources, ("runc", "runsc"), strict=True):
        host = HostFacts(
            platform="Linux", python="3.12", cpus=4, memory=2**33, engine="27", runtime=runtime
        )
        source.note(host, ())
    with pytest.raises(ConfigurationError, match=r"different runtimes \(runc, runsc\)"):
        join(sources, RunFolder(tmp_path / "c"))
