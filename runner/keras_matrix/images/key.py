"""The content key of an image: one digest of all its sources. Pure but for reading files."""

import hashlib
import json
import stat
from pathlib import Path

from keras_matrix.images.labels import catalog_labels
from keras_matrix.load.catalog import DOCKERFILE, Catalog, Image
from keras_matrix.plan.images import BaseKind

KEY_LENGTH = 16
"""Hexadecimal digits of a content key."""
REPOSITORY = "keras-matrix"
"""The part of all images' names before the slash."""


def content_files(catalog: Catalog, image: Image) -> dict[str, Path]:
    """Return the files an image is built from, by name in its build context, in a stable order."""
    folder = catalog.folder(image)
    files = {
        str(path.relative_to(folder)): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.relative_to(folder).parts
    }
    files[DOCKERFILE] = catalog.dockerfile(image)
    return files | {name: catalog.root / name for name in image.shared}


def is_program(path: Path) -> bool:
    """Tell whether the file's owner may execute it: the only permission that an image keeps."""
    return bool(path.stat().st_mode & stat.S_IXUSR)


def content_key(catalog: Catalog, image: Image) -> str:
    """Return the key: it changes with any file, the base's pin, the platform or a label.

    Only the labels that name this program's version and commit do not change it.
    """
    described = {
        "base": image.base.pinned,
        "packages": image.base.packages,
        "platform": image.platform,
        "python": image.python,
        "labels": catalog_labels(image),
        "files": {
            name: (hashlib.sha256(path.read_bytes()).hexdigest(), is_program(path))
            for name, path in content_files(catalog, image).items()
        },
    }
    text = json.dumps(described, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]


def tag(image: Image, key: str, base: BaseKind) -> str:
    """Return the tag of a build; that of a build on a stand-in base is another one."""
    return tag_of(image.name, key, base)


def tag_of(name: str, key: str, base: BaseKind) -> str:
    """Return the tag of a build of the image of that name."""
    suffix = "-standin" if base is BaseKind.STANDIN else ""
    return f"{REPOSITORY}/{name}:{key}{suffix}"
