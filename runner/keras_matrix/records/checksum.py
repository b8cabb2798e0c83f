"""JSON files that contain their own checksum, so that a flipped bit is noticed.

The first member, ``sha256``, is the SHA-256 of the file with that member's text left empty; to any
other tool the file is plain JSON. A file without the member is read unchecked.
"""

import hashlib
import re
from pathlib import Path
from typing import TypeVar

import msgspec

from keras_matrix.errors import DamagedError, OtherSchemaError
from keras_matrix.records.untrusted import UnreadableError, read_bounded

MAX_FILE_BYTES = 256 * 2**20
CHECKSUM_MEMBER = re.compile(rb'\A\s*\{\s*"sha256"\s*:\s*"([^"]*)"')

Shape = TypeVar("Shape")


class _SchemaOnly(msgspec.Struct):
    schema: int


def seal(content: bytes) -> bytes:
    """Fill in the checksum of a JSON object whose first member is ``sha256``."""
    digest, start, end = _digest(content)
    return content[:start] + digest + content[end:]


def is_whole(content: bytes) -> bool:
    """Return whether a file matches its checksum, or has none."""
    digest, start, end = _digest(content)
    return content[start:end] in (b"", digest)


def _digest(content: bytes) -> tuple[bytes, int, int]:
    """Compute the checksum; return it, and where the file's own begins and ends."""
    member = CHECKSUM_MEMBER.match(content)
    start, end = member.span(1) if member else (0, 0)
    digest = hashlib.sha256(content[:start])
    digest.update(memoryview(content)[end:])
    return digest.hexdigest().encode(), start, end


def read(path: Path, shape: type[Shape], schema: int, *, remedy: str) -> Shape:
    """Read a sealed file; ``remedy`` says in an error what the user can do.

    Raises:
        DamagedError: the file is missing, not a regular file, or not as it was written.
        OtherSchemaError: another version of the tool wrote the file.
    """
    try:
        content = read_bounded(path, MAX_FILE_BYTES)
        if not is_whole(content):
            raise UnreadableError("it does not match its checksum")
        try:
            value = msgspec.json.decode(content, type=shape)
            own_schema = getattr(value, "schema", None)
        except msgspec.ValidationError:
            own_schema = msgspec.json.decode(content, type=_SchemaOnly).schema
            if own_schema == schema:
                raise
    except (
        UnreadableError,
        msgspec.MsgspecError,
        RecursionError,
        UnicodeDecodeError,
    ) as error:
        raise DamagedError(f"{path} is damaged ({error})", remedy) from error
    if own_schema != schema:
        raise OtherSchemaError(
            f"{path} has schema {own_schema}, and this version reads {schema}",
            f"read it with the version that wrote it, or {remedy}",
        )
    return value
