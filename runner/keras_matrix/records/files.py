"""Write files so that they are whole or absent."""

import os
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from keras_matrix.errors import StoreError


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is whole or absent, even after a power cut.

    Raises:
        StoreError: the folder is not writable, or the disk is full.
    """
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with open(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o644)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        raise StoreError(
            f"Cannot write {path} ({error.strerror}); check the folder's permissions and space."
        ) from error


def to_json(value: Any) -> bytes:
    """Encode a value as indented JSON with a newline at the end."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"
