import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from keras_matrix_probe.failures import MissingDataSetError
from keras_matrix_probe.keras2 import data_sets


def module(name: str) -> Any:
    return ModuleType(name)


class Keras:
    """A Keras whose ``get_file`` never fetches."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.module = module("keras.utils.data_utils")
        self.module.validate_file = lambda path, expected, *rest: expected == "good"

        def get_file(
            fname: str,
            origin: Any = None,
            untar: bool = False,
            file_hash: Any = None,
            cache_subdir: str = "datasets",
            cache_dir: Any = None,
        ) -> str:
            path = Path(cache_dir, cache_subdir, fname)
            archive = path.with_name(path.name + ".tar.gz") if untar else path
            assert archive.exists(), "it would be fetched"
            if file_hash is not None:
                assert self.module.validate_file(str(archive), file_hash)
            return str(path)

        get_file.__module__ = self.module.__name__
        self.module.get_file = get_file
        # Others have it by name.
        self.mnist = module("keras.datasets.mnist")
        self.mnist.get_file = get_file
        self.utils = SimpleNamespace(get_file=get_file)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    (folder / "deep").mkdir(parents=True)
    (folder / "mnist.npz").write_text("digits")
    (folder / "deep" / "x.gz").write_text("x")
    (folder / "cifar.tar.gz").write_text("packed")
    (folder / "open").mkdir()
    (folder / "text.txt").symlink_to("/no/such/text.txt")
    monkeypatch.setattr(data_sets, "DATA", str(folder))
    return folder


@pytest.fixture
def keras(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Keras:
    fake = Keras()
    monkeypatch.setitem(sys.modules, "keras.utils.data_utils", fake.module)
    monkeypatch.setitem(sys.modules, "keras.datasets.mnist", fake.mnist)
    (tmp_path / "scratch").mkdir()
    data_sets.install(fake, str(tmp_path / "scratch"), fake.notes.append)
    return fake


def test_files_are_found_wherever_keras_asks(keras: Keras) -> None:
    for get_file in (keras.module.get_file, keras.mnist.get_file):
        assert Path(get_file("mnist.npz", "https://example.org")).read_text() == "digits"
    assert Path(keras.mnist.get_file("x.gz", None, cache_subdir="datasets/deep")).read_text() == "x"


def test_what_is_missing_is_named_not_fetched(keras: Keras) -> None:
    with pytest.raises(MissingDataSetError, match=r"imdb\.npz is missing.*--data, as imdb\.npz"):
        keras.mnist.get_file("imdb.npz", "https://example.org")
    with pytest.raises(MissingDataSetError, match=r"as wiki\.tar\.gz"):
        keras.mnist.get_file("wiki", "https://example.org", untar=True)


def test_a_link_whose_target_is_not_in_the_cell_is_reported(keras: Keras) -> None:
    with pytest.raises(MissingDataSetError, match=r"text\.txt is a link that leads out of the"):
        keras.mnist.get_file("text.txt", "https://example.org")


def test_a_file_that_is_no_data_set_has_a_place_too(keras: Keras) -> None:
    # Such as the weights of keras.applications; nothing lies above the folder given with --data.
    with pytest.raises(MissingDataSetError) as raised:
        keras.mnist.get_file("vgg16.h5", "https://example.org", cache_subdir="models")
    assert ".." not in str(raised.value)


def test_archives_are_unpacked_or_used_as_they_are(keras: Keras) -> None:
    assert keras.mnist.get_file("cifar", None, untar=True).endswith("/cifar")
    assert Path(keras.mnist.get_file("open", None, True)).is_dir()


def test_another_file_is_used_and_noted(keras: Keras) -> None:
    keras.mnist.get_file("mnist.npz", None, file_hash="good")
    assert keras.notes == []
    keras.mnist.get_file("mnist.npz", None, file_hash="another")
    assert keras.notes == ["The data set file mnist.npz is not the original file."]


def test_the_folder_itself_is_not_written(keras: Keras, data: Path) -> None:
    path = Path(keras.mnist.get_file("mnist.npz", None))
    path.with_name("unpacked").write_text("")
    assert not (data / "unpacked").exists()


def test_a_cache_of_the_scripts_own_is_used(keras: Keras, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "x.csv").write_text("mine")
    path = keras.mnist.get_file(
        "x.csv", "https://example.org", cache_dir=str(tmp_path), cache_subdir="mine"
    )
    assert Path(path).read_text() == "mine"
