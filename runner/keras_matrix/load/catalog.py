"""The catalog of images, as ``images.toml`` lists them."""

import difflib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from keras_matrix.errors import ConfigurationError, NothingSelectedError
from keras_matrix.load import user_files
from keras_matrix.text import brief

CATALOG_FILE = "images.toml"
DOCKERFILE = "Dockerfile"
"""The name of a Dockerfile in an image's folder, and in every build's context."""
MAX_NAME = 64
"""Characters of an image's name."""

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}\Z")]
Version = Annotated[str, msgspec.Meta(pattern=r"^[0-9][0-9A-Za-z.+-]*\Z")]
CompiledFolder = Annotated[str, msgspec.Meta(pattern=r"^/scratch/[A-Za-z0-9_-]+\Z")]
_PART = r"[A-Za-z0-9_-][A-Za-z0-9._-]*"
SharedFile = Annotated[str, msgspec.Meta(pattern=rf"^{_PART}(/{_PART})*\Z")]
Digest = Annotated[str, msgspec.Meta(pattern=r"^sha256:[0-9a-f]{64}\Z")]


class PinnedBase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The base of an image: ``reference`` at a registry, pinned by ``digest``.

    ``packages`` are the Debian packages that a stand-in needs, besides Python, to match it.
    """

    reference: str
    digest: Digest
    packages: tuple[str, ...] = ()

    @property
    def pinned(self) -> str:
        """The reference with the digest, as an engine pulls it."""
        return f"{self.reference}@{self.digest}"


class Image(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One image of the catalog.

    ``group`` is a name for several images. ``dockerfile`` is a file below the catalog's folder, in
    place of ``Dockerfile`` in ``folder``. ``shared`` are files, below the catalog's folder, that
    several images are built from. ``backend`` is the value of that field of keras.json. ``expect``
    maps distributions to the versions that the image must contain. ``lock_tools`` are installed one
    after the other to resolve the image's requirements. ``compiled`` is the folder in the
    container, on scratch space, where the backend keeps code that it compiles at run time.
    """

    name: Name
    folder: str
    backend: str
    python: Version
    base: PinnedBase
    expect: dict[str, Version]
    group: Name | None = None
    dockerfile: SharedFile | None = None
    shared: tuple[SharedFile, ...] = ()
    lock_tools: tuple[str, ...] = ()
    compiled: CompiledFolder | None = None
    platform: str = "linux/amd64"
    description: str = ""


class _CatalogFile(user_files.TomlFile, frozen=True):
    image: list[Image]


@dataclass(frozen=True)
class Catalog:
    """All images, in the order of the file, and the folder ``root`` that contains their folders."""

    root: Path
    images: tuple[Image, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the images, in order."""
        return tuple(image.name for image in self.images)

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of the groups, in the order of their first images."""
        return tuple(dict.fromkeys(image.group for image in self.images if image.group))

    def select(self, names: tuple[str, ...]) -> tuple[Image, ...]:
        """Return the named images, in the order of the names; a group's name names its images.

        If no name is given, these are the images of the first image's group.

        Raises:
            ConfigurationError: a name is unknown, or an image is named twice.
            NothingSelectedError: the catalog itself is empty.
        """
        if not self.images:
            raise NothingSelectedError(
                f"{self.root / CATALOG_FILE} lists no image; add an [[image]] entry."
            )
        if not names:
            return self._group(self.images[0].group)
        images = tuple(
            image
            for name in names
            for image in (self._group(name) if name in self.groups else (self.get(name),))
        )
        if len({image.name for image in images}) != len(images):
            raise ConfigurationError(
                f"An image is named twice in '{brief(','.join(names))}'; name each once."
            )
        return images

    def _group(self, name: str | None) -> tuple[Image, ...]:
        return tuple(image for image in self.images if image.group == name)

    def get(self, name: str) -> Image:
        """Return the image of that name.

        Raises:
            ConfigurationError: there is no such image.
        """
        for image in self.images:
            if image.name == name:
                return image
        close = difflib.get_close_matches(name[:MAX_NAME], self.names, n=1)
        names = brief(", ".join(self.names))
        hint = f"did you mean '{close[0]}'?" if close else f"the images are {names}."
        raise ConfigurationError(f"There is no image '{brief(name)}'; {hint}")

    def folder(self, image: Image) -> Path:
        """Return the folder that contains the image's locks."""
        return self.root / image.folder

    def dockerfile(self, image: Image) -> Path:
        """Return the path of the image's Dockerfile."""
        return self.root / (image.dockerfile or f"{image.folder}/{DOCKERFILE}")


def load(root: Path) -> Catalog:
    """Read and check ``root/images.toml``.

    Raises:
        ConfigurationError: the file is missing, malformed or inconsistent.
    """
    path = root / CATALOG_FILE
    remedy = "name the folder of another with --catalog"
    file = user_files.load(path, _CatalogFile, "image catalog", remedy=remedy)
    names: set[str] = set()
    for image in file.image:
        if image.name in names:
            raise ConfigurationError(f"The image catalog {path} lists '{image.name}' twice.")
        names.add(image.name)
        # Path's own method would raise an error for a name that is too long.
        own = os.path.isfile(root / image.folder / DOCKERFILE)
        if image.dockerfile is None and not own:
            raise ConfigurationError(
                f"Image '{image.name}' has no Dockerfile in {root}/{brief(image.folder)}; add it."
            )
        if image.dockerfile is not None and own:
            raise ConfigurationError(
                f"Image '{image.name}' has a Dockerfile in {root}/{brief(image.folder)}, and is "
                f"built by {brief(image.dockerfile)}; remove one of them."
            )
        _check_shared(root, image)
    catalog = Catalog(root=root, images=tuple(file.image))
    for group in catalog.groups:
        if group in names:
            raise ConfigurationError(
                f"In the image catalog {path}, '{group}' is a group and an image; rename one."
            )
    return catalog


def _check_shared(root: Path, image: Image) -> None:
    named = (image.dockerfile,) if image.dockerfile is not None else ()
    for name in (*named, *image.shared):
        if not os.path.isfile(root / name):
            raise ConfigurationError(
                f"Image '{image.name}' shares {brief(name)}, which is not a file in {root}; add it."
            )
        if os.path.lexists(root / image.folder / name):
            raise ConfigurationError(
                f"Image '{image.name}' shares {brief(name)}, and has a file of that name in "
                f"{root}/{brief(image.folder)}; rename one of them."
            )
