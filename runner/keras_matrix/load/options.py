"""The values of command-line options, parsed. Pure."""

import re
from collections.abc import Sequence
from enum import Enum
from typing import TypeVar

from keras_matrix.errors import ConfigurationError
from keras_matrix.text import brief

MAX_SEEDS = 100_000
MAX_SIZE = 2**62
"""Bytes."""
MAX_SEED = 2**32 - 1
"""The largest seed that NumPy takes."""
_UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30}

Choice = TypeVar("Choice", bound=Enum)


def parse_list(text: str | None) -> tuple[str, ...]:
    """Split ``a,b`` at commas, without spaces and empty parts."""
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def parse_choices(option: str, text: str, kind: type[Choice]) -> tuple[Choice, ...]:
    """Parse a comma-separated list of an enum's values.

    Raises:
        ConfigurationError: a value is not one of the enum's, or the list is empty.
    """
    members = {member.value: member for member in kind}
    values = parse_list(text)
    for value in values or ("",):
        if value not in members:
            names = ", ".join(members)
            raise ConfigurationError(f"{option} {brief(value)!r} is not one of {names}.")
    return tuple(members[value] for value in values)


def parse_floats(option: str, text: str) -> tuple[float, ...]:
    """Parse a comma-separated list of numbers.

    Raises:
        ConfigurationError: a value is not a number, or the list is empty.
    """
    try:
        values = tuple(float(value) for value in parse_list(text))
    except ValueError:
        values = ()
    if not values:
        raise ConfigurationError(
            f"{option} {brief(text)!r} is not a list of numbers, such as 1e-7,1e-8."
        )
    return values


def parse_seeds(text: str | None) -> tuple[int, ...]:
    """Parse seeds: ``5`` is 0 to 4, ``0..29`` is a range with both ends, ``1,7`` is a list.

    Raises:
        ConfigurationError: the text is malformed, or the seeds are none, too many or too large.
    """
    if text is None:
        return ()
    try:
        seeds = _seeds(text)
    except ValueError:
        raise ConfigurationError(
            f"--seeds {brief(text)!r} is neither a count (5), a range (0..29) nor a list (1,7,9)."
        ) from None
    if not seeds:
        raise ConfigurationError(f"--seeds {brief(text)!r} selects no seed; give at least one.")
    if len(seeds) > MAX_SEEDS or not all(0 <= seed <= MAX_SEED for seed in seeds):
        raise ConfigurationError(
            f"--seeds {brief(text)!r} is too many or too large; give at most {MAX_SEEDS} seeds, "
            f"each from 0 to {MAX_SEED}."
        )
    if len(set(seeds)) != len(seeds):
        raise ConfigurationError(f"--seeds {brief(text)!r} names a seed twice; name each once.")
    return tuple(seeds)


def _seeds(text: str) -> Sequence[int]:
    if ".." in text:
        first, _, last = text.partition("..")
        # A range is lazy, so "0..9999999999" costs nothing before it is refused.
        return _range(int(first), int(last))
    if "," in text:
        return [int(part) for part in parse_list(text)]
    return _range(0, int(text) - 1)


def _range(first: int, last: int) -> range:
    # One seed too many is enough to be refused; len() fails for a range of any size.
    return range(first, min(last, first + MAX_SEEDS) + 1)


def parse_size(option: str, text: str) -> int:
    """Parse a size in bytes: ``512m``, ``4g``, ``1.5g``.

    Raises:
        ConfigurationError: the text is malformed, or the size not positive or too large.
    """
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([bkmg]?)(?:i?b)?", text.strip().lower())
    size = float(match.group(1)) * _UNITS[match.group(2)] if match else 0.0
    if not 1 <= size <= MAX_SIZE:
        raise ConfigurationError(f"{option} {brief(text)!r} is not a size, such as 512m or 4g.")
    return int(size)
