from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from keras_matrix.engine.spec import ContainerSpec
from keras_matrix.engine.users import CellUser
from keras_matrix.load.catalog import Image, PinnedBase
from keras_matrix.plan.cells import Caps, Group, Limits
from keras_matrix.plan.settings import Floatx, KerasSettings
from keras_matrix.run.cell.container import CellFolders, Covers, cell_container, cell_environment

FOLDERS = CellFolders(
    probe=Path("/host/keras_matrix_probe"),
    script=Path("/host/model"),
    results=Path("/host/results"),
    keras_home=Path("/host/work/keras-home"),
    output=Path("/host/work/output"),
    covers=Covers(Path("/host/work/folder"), Path("/host/work/file")),
)


TF = Image(
    name="tf",
    folder="tf",
    backend="tensorflow",
    python="3.6.15",
    base=PinnedBase(reference="python:3.6", digest="sha256:" + "a" * 64),
    expect={},
)


def spec(
    *arguments: str,
    folders: CellFolders = FOLDERS,
    caps: Caps | None = None,
    image: Image = TF,
    suite: str = "",
) -> ContainerSpec:
    return cell_container(
        group=Group("tf", KerasSettings(floatx=Floatx.FLOAT64)),
        name="keras-matrix-tf",
        image=image,
        digest="sha256:0",
        cpus=(2, 3),
        script="model.py",
        suite=suite,
        arguments=arguments,
        folders=folders,
        user=CellUser(inside=(10001, 10001), outside=(10001, 10001)),
        limits=Limits(),
        caps=caps or Caps(),
        labels={"owner": "me"},
    )


def test_the_environment_is_the_cells_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    monkeypatch.setenv("SECRET", "x")
    found = cell_environment(Limits())
    # The backend is keras.json's to say.
    assert "KERAS_BACKEND" not in found
    assert "SECRET" not in found
    assert found["KERAS_HOME"] == "/keras-home"


@pytest.mark.parametrize("threads", [1, 4])
def test_the_numbers_have_the_threads_planned(threads: int) -> None:
    found = cell_environment(Limits(threads=threads))
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    assert {found[name] for name in names} == {str(threads)}


def test_hashes_are_the_same_in_all_replicates() -> None:
    assert cell_environment(Limits())["PYTHONHASHSEED"] == "0"


def test_only_the_output_can_be_written() -> None:
    binds = spec().binds
    assert [bind.source for bind in binds if not bind.read_only] == [FOLDERS.output]
    assert {bind.source for bind in binds} == {
        FOLDERS.probe,
        FOLDERS.script,
        FOLDERS.keras_home,
        FOLDERS.output,
        FOLDERS.covers.folder,
        FOLDERS.covers.file,
    }


def test_the_scripts_arguments_are_its_own() -> None:
    command = spec("--output", "x").command
    assert command[-4:] == ("/script/model.py", "--", "--output", "x")


def test_caps_are_passed_on() -> None:
    command = spec(caps=Caps(epochs=2)).command
    assert command[command.index("--epochs-cap") + 1] == "2"
    assert "--steps-cap" not in command


def test_data_sets_are_read_only() -> None:
    folders = replace(FOLDERS, data=Path("/host/data"))
    (bind,) = [bind for bind in spec(folders=folders).binds if bind.source == folders.data]
    assert (str(bind.target), bind.read_only) == ("/data", True)


def test_labels_name_the_group() -> None:
    assert spec().labels == {"io.keras-matrix.cell": "tf.float64", "owner": "me"}


@pytest.mark.parametrize(
    ("results", "covered"),
    [
        ("/host/results", ()),
        ("/host/model/results", ("/script/results",)),
        ("/host/model/deep/results", ("/script/deep/results",)),
        ("/host/model", ()),
        ("/host/models", ()),
    ],
)
def test_no_cell_reads_the_results_of_others(results: str, covered: tuple[str, ...]) -> None:
    binds = spec(folders=replace(FOLDERS, results=Path(results))).binds
    targets = [str(bind.target) for bind in binds if bind.source == FOLDERS.covers.folder]
    assert targets == [*covered, "/tmp", "/var/tmp", "/run"]


def test_no_cell_reads_what_an_engine_tells_of_the_host() -> None:
    targets = [str(bind.target) for bind in spec().binds if bind.source == FOLDERS.covers.file]
    assert targets == ["/etc/hosts", "/etc/resolv.conf"]


def test_cells_are_pinned_to_the_cpus_of_their_lane() -> None:
    assert spec().cpus == (2, 3)


def test_what_a_notebook_was_converted_to_runs_beside_it() -> None:
    found = spec(folders=replace(FOLDERS, converted=Path("/host/work/converted/a.ipynb.py")))
    assert found.command[found.command.index("--converted") + 1] == "/converted/a.ipynb.py"
    (bind,) = [bind for bind in found.binds if str(bind.target) == "/converted"]
    assert (bind.source, bind.read_only) == (Path("/host/work/converted"), True)


def test_compiled_code_is_read_only_and_only_where_the_image_has_some() -> None:
    assert "--compiled" not in spec().command
    image = msgspec.structs.replace(TF, compiled="/scratch/theano")
    found = spec(folders=replace(FOLDERS, compiled=Path("/host/work/compiled")), image=image)
    assert found.command[found.command.index("--compiled") + 1] == "/scratch/theano"
    (bind,) = [bind for bind in found.binds if str(bind.target) == "/compiled"]
    assert bind.read_only


def test_tests_run_instead_of_a_script() -> None:
    assert "--suite" not in spec().command
    command = spec("-k", "x", suite="./tests/test_a.py").command
    assert command[command.index("--suite") + 1] == "./tests/test_a.py"
    assert command[-3:] == ("--", "-k", "x")
