import hashlib
from pathlib import Path

import pytest

from keras_matrix.errors import ConfigurationError
from keras_matrix.load import script


def test_a_script_by_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mnist.py"
    path.write_bytes(b"x = 1\n")
    loaded = script.load(path)
    assert (loaded.path, loaded.name, loaded.folder) == (
        path.resolve(),
        "mnist",
        tmp_path.resolve(),
    )
    assert (loaded.code, loaded.file, loaded.converted) == (b"x = 1\n", "mnist.py", False)
    assert loaded.sha256 == hashlib.sha256(b"x = 1\n").hexdigest()


def test_a_folder_stands_for_its_model_and_gives_it_its_name(tmp_path: Path) -> None:
    path = tmp_path / "lstm" / "model.py"
    path.parent.mkdir()
    path.write_text("")
    assert script.load(path.parent) == script.load(path)
    assert script.load(path).name == "lstm"


def test_the_current_folder_has_a_name_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gru").mkdir()
    (tmp_path / "gru" / "model.py").write_text("")
    monkeypatch.chdir(tmp_path / "gru")
    loaded = script.load(Path())
    assert loaded.name == "gru"
    assert loaded.path.is_absolute()


@pytest.mark.parametrize("name", ["missing.py", "empty", "file.txt/model.py", "deep/missing.py"])
def test_a_missing_script_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("")
    with pytest.raises(ConfigurationError) as raised:
        script.load(tmp_path / name)
    assert name.partition("/")[0] in str(raised.value)
