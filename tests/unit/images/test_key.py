import os
import shutil
from pathlib import Path

import pytest

from keras_matrix.images.key import content_key, tag
from keras_matrix.load.catalog import Image, PinnedBase
from keras_matrix.plan.images import BaseKind

IMAGE = Image(
    name="jax",
    folder="jax",
    backend="jax",
    python="3.12.4",
    base=PinnedBase(reference="python:3.12", digest="sha256:" + "a" * 64),
    expect={},
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "jax"
    (path / "etc").mkdir(parents=True)
    (path / "Dockerfile").write_text("FROM scratch\n")
    (path / "requirements.txt").write_text("keras==3.5.0\n")
    (path / "etc" / "config").write_text("x")
    return path


def changed(*, base: PinnedBase | None = None, platform: str = "linux/amd64") -> Image:
    return Image(
        name=IMAGE.name,
        folder=IMAGE.folder,
        backend=IMAGE.backend,
        python=IMAGE.python,
        base=base or IMAGE.base,
        expect={},
        platform=platform,
    )


@pytest.mark.parametrize("name", ["Dockerfile", "requirements.txt", "etc/config"])
def test_the_key_changes_with_the_content_of_any_file(folder: Path, name: str) -> None:
    before = content_key(IMAGE, folder)
    (folder / name).write_text("changed")
    assert content_key(IMAGE, folder) != before


def test_the_key_changes_with_a_new_a_renamed_a_moved_and_a_removed_file(folder: Path) -> None:
    keys = [content_key(IMAGE, folder)]
    (folder / "new").write_text("")
    keys.append(content_key(IMAGE, folder))
    (folder / "new").rename(folder / "newer")
    keys.append(content_key(IMAGE, folder))
    (folder / "newer").rename(folder / "etc" / "newer")
    keys.append(content_key(IMAGE, folder))
    (folder / "etc" / "newer").unlink()
    (folder / "etc" / "config").unlink()
    keys.append(content_key(IMAGE, folder))
    assert len(set(keys)) == 5


def test_the_key_changes_with_base_and_platform(folder: Path) -> None:
    other_digest = PinnedBase(reference="python:3.12", digest="sha256:" + "b" * 64)
    other_name = PinnedBase(reference="python:3.13", digest=IMAGE.base.digest)
    more_packages = PinnedBase(reference="python:3.12", digest=IMAGE.base.digest, packages=("g++",))
    keys = {
        content_key(image, folder)
        for image in (
            IMAGE,
            changed(base=other_digest),
            changed(base=other_name),
            changed(base=more_packages),
            changed(platform="linux/arm64"),
        )
    }
    assert len(keys) == 5


def test_the_key_changes_when_a_file_becomes_a_program(folder: Path) -> None:
    before = content_key(IMAGE, folder)
    (folder / "etc" / "config").chmod(0o755)
    assert content_key(IMAGE, folder) != before


def test_the_key_does_not_change_with_times_and_bytecode(folder: Path) -> None:
    before = content_key(IMAGE, folder)
    os.utime(folder / "Dockerfile", (1, 1))
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "precompile.cpython-312.pyc").write_bytes(b"x")
    assert content_key(IMAGE, folder) == before


@pytest.mark.parametrize("place", ["elsewhere", "__pycache__"])
def test_the_key_does_not_change_with_the_place(folder: Path, tmp_path: Path, place: str) -> None:
    moved = shutil.copytree(folder, tmp_path / place / "jax")
    assert content_key(IMAGE, moved) == content_key(IMAGE, folder)
    (moved / "Dockerfile").write_text("changed")
    assert content_key(IMAGE, moved) != content_key(IMAGE, folder)


def test_tags_tell_a_stand_in_from_the_real_base() -> None:
    assert tag(IMAGE, "0123", BaseKind.HUB) == "keras-matrix/jax:0123"
    assert tag(IMAGE, "0123", BaseKind.STANDIN) == "keras-matrix/jax:0123-standin"
