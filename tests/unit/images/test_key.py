import os
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from keras_matrix.images.key import content_key, tag
from keras_matrix.load.catalog import Catalog, Image, PinnedBase
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


def key(image: Image, folder: Path) -> str:
    return content_key(Catalog(folder.parent, (image,)), image)


def changed(**fields: Any) -> Image:
    return msgspec.structs.replace(IMAGE, **fields)


@pytest.mark.parametrize("name", ["Dockerfile", "requirements.txt", "etc/config"])
def test_the_key_changes_with_the_content_of_any_file(folder: Path, name: str) -> None:
    before = key(IMAGE, folder)
    (folder / name).write_text("changed")
    assert key(IMAGE, folder) != before


def test_the_key_changes_with_a_new_a_renamed_a_moved_and_a_removed_file(folder: Path) -> None:
    keys = [key(IMAGE, folder)]
    (folder / "new").write_text("")
    keys.append(key(IMAGE, folder))
    (folder / "new").rename(folder / "newer")
    keys.append(key(IMAGE, folder))
    (folder / "newer").rename(folder / "etc" / "newer")
    keys.append(key(IMAGE, folder))
    (folder / "etc" / "newer").unlink()
    (folder / "etc" / "config").unlink()
    keys.append(key(IMAGE, folder))
    assert len(set(keys)) == 5


def test_the_key_changes_with_base_and_platform(folder: Path) -> None:
    other_digest = PinnedBase(reference="python:3.12", digest="sha256:" + "b" * 64)
    other_name = PinnedBase(reference="python:3.13", digest=IMAGE.base.digest)
    more_packages = PinnedBase(reference="python:3.12", digest=IMAGE.base.digest, packages=("g++",))
    keys = {
        key(image, folder)
        for image in (
            IMAGE,
            changed(base=other_digest),
            changed(base=other_name),
            changed(base=more_packages),
            changed(platform="linux/arm64"),
        )
    }
    assert len(keys) == 5


def test_the_key_changes_with_what_the_labels_say(folder: Path) -> None:
    images = (
        IMAGE,
        changed(description="Keras 3 on JAX"),
        changed(backend="numpy"),
        changed(expect={"keras": "3.5.0"}),
        changed(expect={"jax": "0.4.31"}),
    )
    assert len({key(image, folder) for image in images}) == len(images)


def test_the_key_changes_with_shared_files_of_the_image_only(folder: Path) -> None:
    shared = folder.parent / "shared"
    shared.mkdir()
    for name in ("install.sh", "other.sh"):
        (shared / name).write_text("before")
    image = changed(shared=("shared/install.sh",))
    keys = [key(IMAGE, folder), key(image, folder)]
    (shared / "other.sh").write_text("after")
    assert key(image, folder) == keys[1]
    (shared / "install.sh").write_text("after")
    keys.append(key(image, folder))
    assert len(set(keys)) == 3
    assert key(IMAGE, folder) == keys[0]


def test_the_key_changes_when_a_file_becomes_a_program(folder: Path) -> None:
    before = key(IMAGE, folder)
    (folder / "etc" / "config").chmod(0o755)
    assert key(IMAGE, folder) != before


def test_the_key_does_not_change_with_times_and_bytecode(folder: Path) -> None:
    before = key(IMAGE, folder)
    os.utime(folder / "Dockerfile", (1, 1))
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "precompile.cpython-312.pyc").write_bytes(b"x")
    assert key(IMAGE, folder) == before


@pytest.mark.parametrize("place", ["elsewhere", "__pycache__"])
def test_the_key_does_not_change_with_the_place(folder: Path, tmp_path: Path, place: str) -> None:
    moved = shutil.copytree(folder, tmp_path / place / "jax")
    assert key(IMAGE, moved) == key(IMAGE, folder)
    (moved / "Dockerfile").write_text("changed")
    assert key(IMAGE, moved) != key(IMAGE, folder)


def test_tags_tell_a_stand_in_from_the_real_base() -> None:
    assert tag(IMAGE, "0123", BaseKind.HUB) == "keras-matrix/jax:0123"
    assert tag(IMAGE, "0123", BaseKind.STANDIN) == "keras-matrix/jax:0123-standin"
