import re
from decimal import Decimal
from pathlib import Path

import pytest

from keras_matrix.errors import ConfigurationError
from keras_matrix.load import user_files


class Shelf(user_files.TomlFile, frozen=True):
    book: tuple[Decimal | float, ...] = ()


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "shelf.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_file_has_the_shape_that_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "schema = 1\nbook = [1.50]")
    assert user_files.load(path, Shelf, "shelf").book == (1.5,)
    assert str(user_files.load(path, Shelf, "shelf", number=Decimal).book[0]) == "1.50"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("schema = 1\npage = 2", "The shelf PATH is wrong: .*`page`.*"),
        ("schema = [", "The shelf PATH is wrong: .*"),
        (b"# \xff", "The shelf PATH is wrong: .*"),
        ("schema = 2", "The shelf PATH has schema 2; this version of keras-matrix reads schema 1."),
        (
            "#" * (user_files.MAX_TOML_BYTES + 1),
            "The shelf PATH is wrong: it is larger than .* bytes.",
        ),
        (f"a{'.a' * 2000} = 1", "The shelf PATH is wrong: a line holds more than 1000 dots."),
        (f"schema = 1\nbook = [1e{'9' * 30}]", "The shelf PATH is wrong: .*"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    tmp_path: Path, content: str | bytes, sentence: str
) -> None:
    path = write(tmp_path, content)
    with pytest.raises(ConfigurationError) as error:
        user_files.load(path, Shelf, "shelf", number=Decimal)
    message = str(error.value)
    assert re.fullmatch(sentence.replace("PATH", str(path)), message), message
    assert "\n" not in message


def test_a_file_that_is_not_there_is_said_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "shelf.toml"
    with pytest.raises(ConfigurationError) as error:
        user_files.load(path, Shelf, "shelf", remedy="buy one")
    assert str(error.value) == f"Cannot read the shelf {path} (No such file or directory); buy one."
