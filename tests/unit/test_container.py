from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from runner.cell.container import CellFolders, ContainerSpec, cell_container, cell_environment
from runner.plan import Caps, Cell, Limits

FOLDERS = CellFolders(
    probe=Path("/host/keras_matrix_probe"),
    script=Path("/host/model"),
    results=Path("/host/results"),
    keras_home=Path("/host/work/keras-home"),
    output=Path("/host/work/output"),
)


def spec(
    cell: Cell, *arguments: str, folders: CellFolders = FOLDERS, caps: Caps | None = None
) -> ContainerSpec:
    return cell_container(
        cell=cell,
        name="keras-matrix-tf",
        image="sha256:0",
        script="model.py",
        arguments=arguments,
        folders=folders,
        user="10001:10001",
        limits=Limits(),
        caps=caps or Caps(),
        labels={"owner": "me"},
    )


def test_the_environment_is_the_cells_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    monkeypatch.setenv("SECRET", "x")
    found = cell_environment(Cell("tf"), Limits())
    # The backend is keras.json's to say.
    assert "KERAS_BACKEND" not in found
    assert "SECRET" not in found
    assert found["KERAS_HOME"] == "/keras-home"


@pytest.mark.parametrize("threads", [1, 4])
def test_the_numbers_have_the_threads_planned(threads: int) -> None:
    found = cell_environment(Cell("tf"), Limits(threads=threads))
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    assert {found[name] for name in names} == {str(threads)}


@pytest.mark.parametrize(("seed", "hashes"), [(None, "0"), (0, "0"), (7, "7")])
def test_hashes_are_fixed_in_every_cell(seed: int | None, hashes: str) -> None:
    assert cell_environment(Cell("tf", seed=seed), Limits())["PYTHONHASHSEED"] == hashes


def test_only_the_output_can_be_written() -> None:
    binds = spec(Cell("tf")).binds
    assert [bind.source for bind in binds if not bind.read_only] == [FOLDERS.output]
    assert {bind.source for bind in binds} == {
        FOLDERS.probe,
        FOLDERS.script,
        FOLDERS.keras_home,
        FOLDERS.output,
    }


def test_the_scripts_arguments_are_its_own() -> None:
    command = spec(Cell("tf"), "--output", "x").command
    assert command[-4:] == ("/script/model.py", "--", "--output", "x")
    assert "--seed" not in command


def test_a_seed_is_passed_on() -> None:
    command = spec(Cell("tf", seed=0)).command
    assert command[command.index("--seed") + 1] == "0"


def test_caps_are_passed_on() -> None:
    command = spec(Cell("tf"), caps=Caps(epochs=2)).command
    assert command[command.index("--epochs-cap") + 1] == "2"
    assert "--steps-cap" not in command


def test_data_sets_are_read_only() -> None:
    folders = replace(FOLDERS, data=Path("/host/data"))
    (bind,) = [
        bind for bind in spec(Cell("tf"), folders=folders).binds if bind.source == folders.data
    ]
    assert (str(bind.target), bind.read_only) == ("/data", True)


def test_labels_name_the_cell() -> None:
    assert spec(Cell("tf", seed=3)).labels == {"io.keras-matrix.cell": "tf.seed3", "owner": "me"}


@pytest.mark.parametrize(
    ("results", "masked"),
    [
        ("/host/results", ()),
        ("/host/model/results", ("/script/results",)),
        ("/host/model/deep/results", ("/script/deep/results",)),
        ("/host/model", ()),
        ("/host/models", ()),
    ],
)
def test_no_cell_reads_the_results_of_others(results: str, masked: tuple[str, ...]) -> None:
    folders = replace(FOLDERS, results=Path(results))
    assert spec(Cell("tf"), folders=folders).masked == tuple(map(PurePosixPath, masked))
