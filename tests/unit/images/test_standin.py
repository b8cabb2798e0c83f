import platform
import sys
from pathlib import Path

import pytest

from keras_matrix.errors import ImageError
from keras_matrix.images import standin
from keras_matrix.load.catalog import Image, PinnedBase


def image(python: str = "3.6.15", packages: tuple[str, ...] = (), name: str = "tf") -> Image:
    return Image(
        name=name,
        folder=name,
        backend="tensorflow",
        python=python,
        base=PinnedBase(reference="python:3.6", digest="sha256:" + "a" * 64, packages=packages),
        expect={},
    )


@pytest.fixture(autouse=True)
def on_debian(monkeypatch: pytest.MonkeyPatch) -> None:
    release = {"ID": "debian", "VERSION_CODENAME": "bookworm"}
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: release)


def test_images_of_one_python_and_packages_share_a_stand_in() -> None:
    one = standin.standin_tag(image(packages=("g++", "make")))
    assert one.startswith("keras-matrix/standin:3.6.15-")
    assert standin.standin_tag(image(packages=("make", "g++"), name="theano")) == one
    others = [image(), image(python="3.7.16", packages=("g++", "make"))]
    assert one not in [standin.standin_tag(other) for other in others]


def test_a_host_that_is_no_debian_makes_no_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": "fedora"})
    with pytest.raises(ImageError, match="neither"):
        standin.debian_release()


def test_a_cpython_is_named_by_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(standin.CPYTHON_VARIABLE, sys.base_prefix)
    assert standin.find_cpython(platform.python_version()) == Path(sys.base_prefix)


def test_a_cpython_of_another_version_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "bin" / "python3.6"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 3.6.14\n")
    program.chmod(0o755)
    monkeypatch.setenv(standin.CPYTHON_VARIABLE, str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ImageError, match=r"pyenv install 3\.6\.15"):
        standin.find_cpython("3.6.15")
    assert standin.find_cpython("3.6.14") == tmp_path


def test_scripts_of_packages_see_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    found = standin._environment()
    assert "SECRET_TOKEN" not in found
    assert {"PATH", "HTTPS_PROXY"} <= found.keys()
