"""The content key of an image: what it is built from, in one digest. Pure but for reading files."""

import hashlib
import json
import stat
from pathlib import Path

from keras_matrix.load.catalog import Image
from keras_matrix.plan.images import BaseKind

KEY_LENGTH = 16
REPOSITORY = "keras-matrix"
KEY_LABEL = "io.keras-matrix.key"
BASE_LABEL = "io.keras-matrix.base"
BASE_DIGEST_LABEL = "io.keras-matrix.base-digest"


def content_files(folder: Path) -> tuple[Path, ...]:
    """Return the files an image is built from, in a stable order."""
    return tuple(
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.relative_to(folder).parts
    )


def is_program(path: Path) -> bool:
    """Tell whether the file's owner may run it: all that an image keeps of its permissions."""
    return bool(path.stat().st_mode & stat.S_IXUSR)


def content_key(image: Image, folder: Path) -> str:
    """Return the key: it changes with any file of the folder, the base's pin or the platform."""
    described = {
        "base": image.base.pinned,
        "packages": image.base.packages,
        "platform": image.platform,
        "python": image.python,
        "files": {
            str(path.relative_to(folder)): (
                hashlib.sha256(path.read_bytes()).hexdigest(),
                is_program(path),
            )
            for path in content_files(folder)
        },
    }
    text = json.dumps(described, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]


def tag(image: Image, key: str, base: BaseKind) -> str:
    """Return the tag of a build; one on a stand-in base is never taken for one on the real."""
    suffix = "-standin" if base is BaseKind.STANDIN else ""
    return f"{REPOSITORY}/{image.name}:{key}{suffix}"
