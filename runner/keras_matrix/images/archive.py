"""Archives of images: what one holds, and loading it into an engine under the names that are found.

An archive is what ``images save``, ``docker save`` and ``podman save`` write: a tar archive with a
``manifest.json``, which names for each image its tags and its configuration.
"""

import tarfile
from dataclasses import dataclass
from pathlib import Path

import msgspec

from keras_matrix.engine.answers import content_digest
from keras_matrix.engine.client import Engine
from keras_matrix.errors import ImageError
from keras_matrix.images.key import REPOSITORY, tag_of
from keras_matrix.images.labels import BASE_LABEL, KEY_LABEL
from keras_matrix.plan.images import BaseKind

MANIFEST_FILE = "manifest.json"
MAX_FILE_BYTES = 16 * 2**20
"""Bytes of the manifest, and of an image's configuration."""
REMEDY = "save the image again with 'keras-matrix images save'"


class _Entry(msgspec.Struct, frozen=True, rename="pascal"):
    """An image in ``manifest.json``."""

    config: str
    repo_tags: list[str] | None = None


class _RootFiles(msgspec.Struct, frozen=True):
    """The digests of an image's layers."""

    diff_ids: list[str]


class _Config(msgspec.Struct, frozen=True):
    """An image's configuration; ``config`` is what its containers inherit."""

    config: dict[str, object]
    rootfs: _RootFiles

    @property
    def labels(self) -> dict[str, str]:
        """The image's labels."""
        labels = self.config.get("Labels")
        return labels if isinstance(labels, dict) else {}


@dataclass(frozen=True)
class ArchivedImage:
    """An image in an archive: the tag that it is written with, and the one that it is found by.

    They differ if another engine wrote it: Podman calls it ``localhost/keras-matrix/…``.
    """

    written: str
    tag: str
    content: str


def read(path: Path) -> tuple[ArchivedImage, ...]:
    """Read which images an archive holds.

    Raises:
        ImageError: it is no archive of images, or holds one that keras-matrix did not build.
        OSError: it cannot be read.
    """
    try:
        with tarfile.open(path) as archive:
            entries = msgspec.json.decode(_content(archive, MANIFEST_FILE), type=list[_Entry])
            images = tuple(_image(archive, path, entry) for entry in entries)
    except (tarfile.TarError, EOFError, KeyError, msgspec.MsgspecError) as error:
        raise ImageError(f"{path} is not an archive of images ({error}); {REMEDY}.") from error
    if not images:
        raise ImageError(f"{path} holds no image; {REMEDY}.")
    return images


def _content(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(f"{name} is not a file in it")
    return file.read(MAX_FILE_BYTES)


def _image(archive: tarfile.TarFile, path: Path, entry: _Entry) -> ArchivedImage:
    config = msgspec.json.decode(_content(archive, entry.config), type=_Config)
    for written in entry.repo_tags or ():
        repository, _, _ = written.rpartition(":")
        *_, owner, name = ("", *repository.split("/"))
        if owner == REPOSITORY:
            break
    else:
        tags = ", ".join(entry.repo_tags or ()) or "an image without a tag"
        raise ImageError(f"{path} holds {tags}, which is no image of keras-matrix; {REMEDY}.")
    try:
        tag = tag_of(name, config.labels[KEY_LABEL], BaseKind(config.labels[BASE_LABEL]))
    except (KeyError, ValueError) as error:
        raise ImageError(
            f"{path} holds {written}, which was not built by keras-matrix; {REMEDY}."
        ) from error
    return ArchivedImage(written, tag, content_digest(config.rootfs.diff_ids, config.config))


def load(engine: Engine, path: Path) -> tuple[str, ...]:
    """Load the images of an archive; return the tags under which they are found now.

    Raises:
        ImageError: it is no archive of such images, or the engine holds another image than it.
        EngineError: the engine cannot load it.
        OSError: it cannot be read.
    """
    images = read(path)
    engine.load(path)
    for image in images:
        _settle(engine, path, image)
    return tuple(image.tag for image in images)


def _settle(engine: Engine, path: Path, image: ArchivedImage) -> None:
    """Let an image that was loaded be found by its tag."""
    if _holds(engine, image.tag, image):
        return
    if not _holds(engine, image.written, image):
        raise ImageError(
            f"The engine did not load {image.written} as {path} holds it; copy the file again, or "
            f"{REMEDY}."
        )
    engine.tag_image(image.written, image.tag)
    engine.remove_image(image.written)
    if not _holds(engine, image.tag, image):
        raise ImageError(f"The engine does not keep {image.tag} of {path}; load it again.")


def _holds(engine: Engine, reference: str, image: ArchivedImage) -> bool:
    info = engine.image(reference)
    return info is not None and info.content == image.content
