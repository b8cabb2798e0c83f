"""JSON files that carry a checksum of themselves, so that a flipped bit is noticed.

The first member, ``sha256``, is the SHA-256 of the file with that member's text left empty: to any
other tool it stays a plain JSON file. A file without the member is read unchecked.
"""

import hashlib
import re
from pathlib import Path
from typing import TypeVar

import msgspec

from keras_matrix.errors import DamagedError, OtherSchemaError
from keras_matrix.records.untrusted import UnreadableError, read_bounded

MAX_FILE = 256 * 2**20
MEMBER = re.compile(rb'\A\s*\{\s*"sha256"\s*:\s*"([^"]*)"')

Shape = TypeVar("Shape")


class _SchemaOnly(msgspec.Struct):
    schema: int


def seal(content: bytes) -> bytes:
    """Fill in the checksum of a JSON object whose first member is ``sha256``."""
    digest, start, end = _digest(content)
    return content[:start] + digest + content[end:]


def is_whole(content: bytes) -> bool:
    """Tell whether a file is as it was sealed; one that never was is taken for whole."""
    digest, start, end = _digest(content)
    return content[start:end] in (b"", digest)


def _digest(content: bytes) -> tuple[bytes, int, int]:
    """Return the checksum, and where the one in the file begins and ends."""
    member = MEMBER.match(content)
    start, end = member.span(1) if member else (0, 0)
    digest = hashlib.sha256(content[:start])
    digest.update(memoryview(content)[end:])
    return digest.hexdigest().encode(), start, end


def read(path: Path, shape: type[Shape], schema: int, *, remedy: str) -> Shape:
    """Read a sealed file; ``remedy`` says what to do if it cannot be.

    Raises:
        DamagedError: it is missing, no regular file, or not as it was written.
        OtherSchemaError: another version of the tool wrote it.
    """
    try:
        content = read_bounded(path, MAX_FILE)
        if not is_whole(content):
            raise UnreadableError("it does not match its checksum")
        try:
            value = msgspec.json.decode(content, type=shape)
            found = getattr(value, "schema", None)
        except msgspec.ValidationError:
            found = msgspec.json.decode(content, type=_SchemaOnly).schema
            if found == schema:
                raise
    except (
        UnreadableError,
        msgspec.MsgspecError,
        RecursionError,
        UnicodeDecodeError,
    ) as error:
        raise DamagedError(f"{path} is damaged ({error})", remedy) from error
    if found != schema:
        raise OtherSchemaError(
            f"{path} has schema {found}, and this version reads {schema}",
            f"read it with the version that wrote it, or {remedy}",
        )
    return value
