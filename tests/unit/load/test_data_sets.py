import warnings
from pathlib import Path

import pytest

from keras_matrix.errors import ConfigurationError
from keras_matrix.load import data_sets, script
from keras_matrix.load.data_sets import loaded_modules, missing

MNIST = b"from keras.datasets import mnist\nmnist.load_data()\n"


@pytest.mark.parametrize(
    ("source", "modules"),
    [
        (MNIST, ("mnist",)),
        (b"from keras.datasets import mnist as m\nx, y = m.load_data()\n", ("mnist",)),
        (b"import keras\nkeras.datasets.imdb.load_data(num_words=9)\n", ("imdb",)),
        (b"import keras.datasets.reuters as r\nr.load_data()\n", ("reuters",)),
        (
            MNIST + b"keras.datasets.imdb.load_data()\nmnist.load_data()\n",
            ("mnist", "imdb"),
        ),
        (b"from keras.datasets import mnist\n", ()),
        (b"from keras.datasets import mnist\nmnist.load_data('here.npz')\n", ()),
        (b"from keras.datasets import mnist\nmnist.load_data(path='here.npz')\n", ()),
        (b"from keras.datasets import mnist\nmnist.load_data(**options)\n", ()),
        (b"from mine import mnist\nmnist.load_data()\n", ()),
        (b"import mine.mnist as mnist\nmnist.load_data()\n", ()),
        (b"import mnist\nmnist.load_data()\n", ()),
        (b"from keras.datasets import unheard\nunheard.load_data()\n", ()),
        (b"print 'Python 2'\n", ()),
        (b"\x00", ()),
        (b"# coding: no-such\n", ()),
        (b"(" * 1000, ()),
        (b"x = " + b"-" * 100_000 + b"1\n", ()),
        (b"", ()),
    ],
)
def test_data_sets_a_script_loads(source: bytes, modules: tuple[str, ...]) -> None:
    assert loaded_modules(source) == modules


def test_looking_at_a_script_says_nothing_of_its_style() -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert loaded_modules(b"x = '\\d'\n" + MNIST) == ("mnist",)
    assert said == []


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    assert [file.file for file in missing(MNIST, None)] == ["mnist.npz"]
    assert [file.file for file in missing(MNIST, tmp_path)] == ["mnist.npz"]
    (tmp_path / "mnist.npz").write_text("")
    assert missing(MNIST, tmp_path) == ()


@pytest.mark.parametrize("name", ["cifar-10-batches-py", "cifar-10-batches-py.tar.gz"])
def test_an_archive_may_be_unpacked(tmp_path: Path, name: str) -> None:
    source = b"from keras.datasets import cifar10\ncifar10.load_data()\n"
    assert len(missing(source, tmp_path)) == 1
    (tmp_path / name).mkdir()
    assert missing(source, tmp_path) == ()


def test_a_missing_data_set_is_reported_before_anything_runs(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_bytes(MNIST)
    loaded = script.load(path)
    with pytest.raises(ConfigurationError, match=r"mnist\.npz is missing.*--data"):
        data_sets.check(loaded, None)
    with pytest.raises(ConfigurationError, match="put it into"):
        data_sets.check(loaded, tmp_path)
    with pytest.raises(ConfigurationError, match="is not a folder"):
        data_sets.check(loaded, tmp_path / "missing")
    (tmp_path / "mnist.npz").write_text("")
    data_sets.check(loaded, tmp_path)


@pytest.mark.parametrize(
    ("target", "out"),
    [
        ("../elsewhere/mnist.npz", True),
        ("/elsewhere/mnist.npz", True),
        ("../data/real.npz", True),
        ("hop", True),
        ("loop", True),
        ("real.npz", False),
        ("./deep/../real.npz", False),
        ("deep/real.npz", False),
        ("..real.npz", False),
    ],
)
def test_a_link_out_of_the_folder_is_reported(tmp_path: Path, target: str, out: bool) -> None:
    data = tmp_path / "data"
    (data / "deep").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    real = (data / "real.npz", data / "deep" / "real.npz", data / "..real.npz")
    for path in (tmp_path / "elsewhere" / "mnist.npz", *real):
        path.write_text("")
    (data / "hop").symlink_to("../elsewhere/mnist.npz")
    (data / "loop").symlink_to("loop")
    (data / "mnist.npz").symlink_to(target)
    assert [file.leads_out for file in missing(MNIST, data)] == ([True] if out else [])


def test_a_link_above_a_file_leads_out_too(tmp_path: Path) -> None:
    source = b"from keras.datasets import fashion_mnist\nfashion_mnist.load_data()\n"
    elsewhere, data = tmp_path / "elsewhere", tmp_path / "data"
    elsewhere.mkdir()
    data.mkdir()
    for file in data_sets.FILES["fashion_mnist"]:
        (elsewhere / Path(file).name).write_text("")
    (data / "fashion-mnist").symlink_to(elsewhere)
    assert [file.leads_out for file in missing(source, data)] == [True] * 4


def test_one_of_either_file_that_can_be_followed_will_do(tmp_path: Path) -> None:
    source = b"from keras.datasets import cifar10\ncifar10.load_data()\n"
    (tmp_path / "cifar-10-batches-py").symlink_to("/elsewhere")
    (file,) = missing(source, tmp_path)
    assert (file.file, file.leads_out) == ("cifar-10-batches-py", True)
    (tmp_path / "cifar-10-batches-py.tar.gz").write_text("")
    assert missing(source, tmp_path) == ()


def test_a_link_out_is_an_error_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_bytes(MNIST)
    (tmp_path / "mnist.npz").symlink_to("/elsewhere/mnist.npz")
    with pytest.raises(ConfigurationError, match="is a link that leads out of the folder") as told:
        data_sets.check(script.load(path), tmp_path)
    assert str(told.value).endswith("which cells cannot follow; put the file itself there.")
