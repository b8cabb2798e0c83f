"""Files that users write: read up to the size that such files have, and checked.

What is wrong with a file is one line.
"""

import sys
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from keras_matrix.errors import ConfigurationError
from keras_matrix.text import brief, is_utf8

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MAX_BYTES = 64 * 2**20
"""Bytes of a file that is not TOML, such as a script."""
MAX_TOML_BYTES = 2**20
MAX_DOTS = 1000
"""Dots on one line: the time to parse a TOML key grows with the square of its parts."""

Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A whole number, of a size that can be printed."""


class TomlFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of a TOML file; ``schema`` is the version of its format."""

    schema: Whole


Shape = TypeVar("Shape", bound=TomlFile)


class MalformedError(Exception):
    """A file is too large, not of its format, or has the wrong content; the message is one line."""


def load(
    path: Path,
    shape: type[Shape],
    what: str,
    *,
    schema: int = 1,
    remedy: str = "check the path",
    number: type[float | Decimal] = float,
) -> Shape:
    """Read a TOML file and check that it has a shape.

    ``what`` names the kind of file in errors, ``remedy`` is for one that cannot be read. ``number``
    is the type that numbers with a point become.

    Raises:
        ConfigurationError: the file cannot be read, is malformed, or is of another schema.
    """
    content = read_named(path, what, remedy=remedy, limit=MAX_TOML_BYTES)
    try:
        table = parse_toml(content, number)
        file = msgspec.convert(table, shape, builtin_types=(Decimal,))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"The {what} {path} is wrong: {brief(str(error))}.") from error
    if file.schema != schema:
        raise ConfigurationError(
            f"The {what} {path} has schema {file.schema}; this version of keras-matrix reads "
            f"schema {schema}."
        )
    return file


def read_named(
    path: Path, what: str, *, remedy: str = "check the path", limit: int = MAX_BYTES
) -> bytes:
    """Read a file; ``what`` names its kind in errors.

    Raises:
        ConfigurationError: the file cannot be read, or is larger than ``limit`` bytes.
    """
    try:
        return read(path, limit)
    except OSError as error:
        raise ConfigurationError(
            f"Cannot read the {what} {path} ({error.strerror}); {remedy}."
        ) from error
    except MalformedError as error:
        raise ConfigurationError(f"The {what} {path} is wrong: it is {error}.") from error


def read(path: Path, limit: int = MAX_BYTES) -> bytes:
    """Read a file.

    Raises:
        OSError: the file cannot be read.
        MalformedError: the file is larger than ``limit`` bytes.
    """
    with path.open("rb") as file:
        # No more than the limit, since a device has no end.
        content = file.read(limit + 1)
    if len(content) > limit:
        raise MalformedError(f"larger than {limit} bytes")
    return content


def check_name(path: Path) -> None:
    """Check that a path is UTF-8, as containers and records need it.

    Raises:
        ConfigurationError: the path is not UTF-8.
    """
    if not is_utf8(str(path)):
        raise ConfigurationError(f"The name {brief(ascii(str(path)))} is not UTF-8; rename it.")


def parse_toml(content: bytes, number: type[float | Decimal] = float) -> dict[str, Any]:
    """Parse TOML; ``number`` is the type that numbers with a point become.

    Raises:
        ValueError: the content is not TOML, or holds a number that is out of range.
        RecursionError: the content is nested too deep.
    """
    if any(line.count(b".") > MAX_DOTS for line in content.splitlines()):
        raise ValueError(f"a line holds more than {MAX_DOTS} dots")
    try:
        return tomllib.loads(content.decode("utf-8"), parse_float=number)
    except ArithmeticError as error:
        raise ValueError(f"a number is out of range ({type(error).__name__})") from error
