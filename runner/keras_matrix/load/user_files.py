"""Read files that users write: no larger than such files are, what is wrong with them in a line."""

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
MAX_TOML = 2**20
MAX_DOTS = 1000
"""In a line: for a key of many parts, the reader of TOML takes quadratic time."""

Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A whole number, of a size that can be printed."""

Shape = TypeVar("Shape")


class MalformedError(Exception):
    """A file is not of its format, or does not hold what it should; the message is one line."""


def read(path: Path, limit: int = MAX_BYTES) -> bytes:
    """Read a file.

    Raises:
        OSError: it cannot be read.
        MalformedError: it is larger than ``limit`` bytes.
    """
    with path.open("rb") as file:
        # Also of a device, which has no end.
        content = file.read(limit + 1)
    if len(content) > limit:
        raise MalformedError(f"larger than {limit} bytes")
    return content


def check_name(path: Path) -> None:
    """Check that a path is text: a container is given it, and records name it, as that.

    Raises:
        ConfigurationError: it is not.
    """
    if not is_utf8(str(path)):
        raise ConfigurationError(f"The name {brief(ascii(str(path)))} is not UTF-8; rename it.")


def read_toml(path: Path, shape: type[Shape], number: type[float | Decimal] = float) -> Shape:
    """Read a TOML file; ``number`` is what becomes of its floating-point numbers.

    Raises:
        OSError: it cannot be read.
        MalformedError: it is too large, not TOML, or not of that shape.
    """
    content = read(path, MAX_TOML)
    try:
        found = parse_toml(content, number)
        return msgspec.convert(found, shape, builtin_types=(Decimal,))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise MalformedError(brief(str(error))) from error


def parse_toml(content: bytes, number: type[float | Decimal] = float) -> dict[str, Any]:
    """Parse TOML.

    Raises:
        ValueError: it is not TOML, or holds a number that cannot be.
        RecursionError: it is nested too deep.
    """
    if any(line.count(b".") > MAX_DOTS for line in content.splitlines()):
        raise ValueError(f"a line holds more than {MAX_DOTS} dots")
    try:
        return tomllib.loads(content.decode("utf-8"), parse_float=number)
    except ArithmeticError as error:
        raise ValueError(f"a number is out of range ({type(error).__name__})") from error
