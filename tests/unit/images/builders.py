"""An archive of an image, as engines write it."""

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_matrix.engine.answers import ImageInfo

LABELS = {
    "io.keras-matrix.key": "0123456789abcdef",
    "io.keras-matrix.base": "standin",
    "io.keras-matrix.base-digest": "sha256:0",
}
TAG = "keras-matrix/tf:0123456789abcdef-standin"
LAYERS = ["sha256:1", "sha256:2"]


def info(identifier: str = "sha256:a", labels: Mapping[str, str] = LABELS) -> ImageInfo:
    """Return what an engine says of the image in the archive."""
    config = {"Labels": dict(labels), "Env": ["A=1"], "Cmd": None, "WorkingDir": "/"}
    return ImageInfo.parse(
        {"Id": identifier, "RootFS": {"Layers": LAYERS}, "Config": config, "Size": 1}
    )


def write_archive(path: Path, tags: list[str] | None, labels: Mapping[str, str] = LABELS) -> Path:
    """Write an archive of one image with these tags."""
    config: dict[str, Any] = {
        "config": {"Labels": dict(labels), "Env": ["A=1"]},
        "rootfs": {"type": "layers", "diff_ids": LAYERS},
    }
    manifest = [{"Config": "blobs/sha256/c", "RepoTags": tags, "Layers": []}]
    return write_tar(
        path, {"blobs/sha256/c": json.dumps(config), "manifest.json": json.dumps(manifest)}
    )


def write_tar(path: Path, files: Mapping[str, str]) -> Path:
    """Write a tar archive."""
    with tarfile.open(path, "w") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return path
