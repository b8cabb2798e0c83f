"""What a text reports of a script: figures and claims, read from a file."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from pathlib import Path

import msgspec

from keras_matrix.errors import ConfigurationError
from keras_matrix.load import user_files
from keras_matrix.text import brief

REPORTED_FILE = "reported.toml"
SCHEMA = 1


class Unit(Enum):
    """What a figure is in."""

    SECONDS = "s"
    NONE = "1"


class Direction(Enum):
    """Which values of a metric are better."""

    LOWER = "lower"
    HIGHER = "higher"


@dataclass(frozen=True)
class Figure:
    """A reported value; ``resolution`` is one unit of the last digit it was given with."""

    image: str
    metric: str
    value: float
    resolution: float
    unit: Unit


@dataclass(frozen=True)
class Claim:
    """A conclusion: the metric of image ``better`` is lower or higher than that of ``than``.

    ``margin`` is what it has to be apart by: in the metric's unit; for a time a share, so that
    0.1 is a factor of 1.1.
    """

    text: str
    metric: str
    better: str
    than: str
    direction: Direction
    margin: float = 0.0


@dataclass(frozen=True)
class Reported:
    """What a text reports: its description, figures and claims."""

    source: Mapping[str, str]
    figures: tuple[Figure, ...]
    claims: tuple[Claim, ...]


class _Figure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    image: str
    metric: str
    value: user_files.Whole | Decimal
    unit: Unit


class _Claim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: str
    metric: str
    better: str
    than: str
    direction: Direction
    margin: user_files.Whole | Decimal = 0


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: user_files.Whole
    source: dict[str, str] = {}
    figure: list[_Figure] = []
    claim: list[_Claim] = []


def kept(folder: Path) -> dict[str, bytes]:
    """Return the file of figures beside a script, by name, for a run to keep; nothing without one.

    Raises:
        ConfigurationError: it cannot be read.
    """
    path = folder / REPORTED_FILE
    try:
        return {path.name: user_files.read(path)} if path.is_file() else {}
    except OSError as error:
        raise ConfigurationError(
            f"Cannot read the reported figures {path} ({error.strerror}); check its permissions."
        ) from error
    except user_files.MalformedError as error:
        raise ConfigurationError(f"The reported figures {path} are wrong: {error}.") from error


def load(path: Path) -> Reported:
    """Read reported figures and claims.

    Raises:
        ConfigurationError: the file is missing, malformed or contradicts itself.
    """
    try:
        # As decimals, which keep how many digits were given.
        file = user_files.read_toml(path, _File, number=Decimal)
    except OSError as error:
        raise ConfigurationError(
            f"Cannot read the reported figures {path} ({error.strerror}); check the path."
        ) from error
    except user_files.MalformedError as error:
        raise ConfigurationError(f"The reported figures {path} are wrong: {error}.") from error
    if file.schema != SCHEMA:
        raise ConfigurationError(
            f"The reported figures {path} have schema {file.schema}; this version reads {SCHEMA}."
        )
    wrong = _wrong(file)
    if wrong:
        raise ConfigurationError(f"The reported figures {path} are wrong: {brief(wrong)}.")
    return Reported(
        source=file.source,
        figures=tuple(
            Figure(one.image, one.metric, float(one.value), _resolution(one.value), one.unit)
            for one in file.figure
        ),
        claims=tuple(
            Claim(
                one.text, one.metric, one.better, one.than, one.direction, margin=float(one.margin)
            )
            for one in file.claim
        ),
    )


def _wrong(file: _File) -> str | None:
    """Return what is wrong with a file, if anything is."""
    seen = set()
    for figure in file.figure:
        name = f"the figure {figure.metric!r} of {figure.image!r}"
        if not figure.metric or not figure.image:
            return f"{name} lacks a name"
        if (figure.image, figure.metric) in seen:
            return f"{name} is given twice"
        seen.add((figure.image, figure.metric))
        if is_time(figure.metric) != (figure.unit is Unit.SECONDS):
            return f'{name} has the unit "{figure.unit.value}": "s" is for metrics named seconds'
        if not _finite(figure.value) or (is_time(figure.metric) and figure.value <= 0):
            return f"{name} is {figure.value}, which is not a possible value"
    for claim in file.claim:
        name = f"the claim {claim.text!r}"
        if not (claim.text and claim.metric and claim.better and claim.than):
            return f"{name} lacks a text, a metric or an image"
        if claim.better == claim.than:
            return f"{name} compares {claim.than!r} with itself"
        if not _finite(claim.margin) or claim.margin < 0:
            return f"{name} has the margin {claim.margin}, which must be 0 or more"
    return None


def _finite(value: int | Decimal) -> bool:
    try:
        return math.isfinite(float(value)) and math.isfinite(_resolution(value))
    except (OverflowError, ValueError):
        return False


def _resolution(value: int | Decimal) -> float:
    exponent = Decimal(value).as_tuple().exponent
    return 10.0**exponent if isinstance(exponent, int) else 0.0


def is_time(metric: str) -> bool:
    """Tell whether a metric is a time, by the runner's names."""
    return metric.endswith("seconds")
