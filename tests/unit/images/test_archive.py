"""What an archive holds is found under the tag that a build has, or the command fails."""

from pathlib import Path
from typing import Any

import pytest

from keras_matrix.engine.answers import ImageInfo
from keras_matrix.errors import ImageError
from keras_matrix.images import archive
from tests.unit.images.builders import LABELS, TAG, info, write_archive, write_tar


class Engine:
    """An engine that stores what it loads under ``loads_as``, and calls its images by any name."""

    def __init__(self, loads_as: str, **images: ImageInfo) -> None:
        self.loads_as = loads_as
        self.images = dict(images)

    def load(self, path: Path) -> None:
        if self.loads_as:
            self.images[self.loads_as] = info()

    def image(self, reference: str) -> ImageInfo | None:
        return self.images.get(reference)

    def tag_image(self, reference: str, tag: str) -> None:
        self.images[tag] = self.images[reference]

    def remove_image(self, reference: str) -> None:
        del self.images[reference]


def load(engine: Engine, path: Path) -> tuple[str, ...]:
    known: Any = engine
    return archive.load(known, path)


@pytest.mark.parametrize(
    "written", [TAG, f"localhost/{TAG}", f"docker.io/{TAG}", f"example.org:5000/{TAG}"]
)
def test_the_tag_is_that_of_a_build_whichever_engine_wrote_it(written: str, tmp_path: Path) -> None:
    engine = Engine(loads_as=written)
    assert load(engine, write_archive(tmp_path / "a.tar", [written])) == (TAG,)
    assert engine.images == {TAG: info()}


def test_an_image_that_had_the_tag_loses_it(tmp_path: Path) -> None:
    engine = Engine(f"localhost/{TAG}", **{TAG: ImageInfo("sha256:old", LABELS, "sha256:other")})
    load(engine, write_archive(tmp_path / "a.tar", [f"localhost/{TAG}"]))
    assert engine.images == {TAG: info()}


@pytest.mark.parametrize("loads_as", ["", "something/else:1"])
def test_an_engine_that_loads_nothing_is_found_out(loads_as: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="did not load"):
        load(Engine(loads_as), write_archive(tmp_path / "a.tar", [TAG]))


def test_an_engine_that_keeps_another_image_is_found_out(tmp_path: Path) -> None:
    engine = Engine("", **{TAG: ImageInfo("sha256:old", LABELS, "sha256:other")})
    with pytest.raises(ImageError, match="did not load"):
        load(engine, write_archive(tmp_path / "a.tar", [TAG]))


@pytest.mark.parametrize(
    ("tags", "labels", "message"),
    [
        (None, LABELS, "an image without a tag, which is no image of keras-matrix"),
        (["python:3.6"], LABELS, "holds python:3.6, which is no image of keras-matrix"),
        ([TAG], {}, "was not built by keras-matrix"),
        ([TAG], {**LABELS, "io.keras-matrix.base": "x"}, "was not built by keras-matrix"),
    ],
)
def test_other_images_are_not_loaded(
    tags: list[str] | None, labels: dict[str, str], message: str, tmp_path: Path
) -> None:
    engine = Engine(TAG)
    with pytest.raises(ImageError, match=message):
        load(engine, write_archive(tmp_path / "a.tar", tags, labels))
    assert engine.images == {}


@pytest.mark.parametrize(
    "files",
    [
        {"notes.txt": "x"},
        {"manifest.json": "x"},
        {"manifest.json": "[]"},
        {"manifest.json": '[{"Config": "absent", "RepoTags": null}]'},
    ],
)
def test_what_is_no_archive_of_images(files: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="save the image again"):
        load(Engine(TAG), write_tar(tmp_path / "a.tar", files))


@pytest.mark.parametrize("content", [b"", b"x", b"\0" * 10240, b"\x1f\x8b\x08\0"])
def test_what_is_no_archive(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "a.tar"
    file.write_bytes(content)
    with pytest.raises(ImageError, match="save the image again"):
        load(Engine(TAG), file)
