"""What a text, such as a paper, reports about a script: figures and claims, read from a file."""

import math
import os
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
WHAT = "file of reported figures"
"""What errors call the file."""


class Unit(Enum):
    """The unit of a figure."""

    SECONDS = "s"
    NONE = "1"


class Direction(Enum):
    """Which values of a metric are better."""

    LOWER = "lower"
    HIGHER = "higher"


@dataclass(frozen=True)
class Figure:
    """A reported value; ``resolution`` is one unit of the last digit that it was written with."""

    image: str
    metric: str
    value: float
    resolution: float
    unit: Unit


@dataclass(frozen=True)
class Claim:
    """A conclusion: the metric of image ``better`` is lower or higher than that of ``than``.

    ``margin`` is the least difference that the claim needs, in the metric's unit; for a time it is
    a share, so that 0.1 is a factor of 1.1.
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


class _ReportedFile(user_files.TomlFile, frozen=True):
    source: dict[str, str] = msgspec.field(default_factory=dict)
    figure: tuple[_Figure, ...] = ()
    claim: tuple[_Claim, ...] = ()


def file_beside(folder: Path) -> dict[str, bytes]:
    """Read the file of figures beside a script, for a run to keep; empty if there is no such file.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    path = folder / REPORTED_FILE
    if not os.path.isfile(path):
        return {}
    return {path.name: user_files.read_named(path, WHAT, remedy="check its permissions")}


def load(path: Path) -> Reported:
    """Read reported figures and claims.

    Raises:
        ConfigurationError: the file is missing, malformed or contradicts itself.
    """
    # Decimals keep the number of digits that a figure was written with.
    file = user_files.load(path, _ReportedFile, WHAT, number=Decimal)
    mistake = _mistake(file)
    if mistake is not None:
        raise ConfigurationError(f"The {WHAT} {path} is wrong: {brief(mistake)}.")
    return Reported(
        source=file.source,
        figures=tuple(
            Figure(row.image, row.metric, float(row.value), _resolution(row.value), row.unit)
            for row in file.figure
        ),
        claims=tuple(
            Claim(
                row.text, row.metric, row.better, row.than, row.direction, margin=float(row.margin)
            )
            for row in file.claim
        ),
    )


def _mistake(file: _ReportedFile) -> str | None:
    """Return the first mistake in a file, None if there is no mistake."""
    names = set()
    for figure in file.figure:
        name = f"the figure {figure.metric!r} of {figure.image!r}"
        if not figure.metric or not figure.image:
            return f"{name} lacks a name"
        if (figure.image, figure.metric) in names:
            return f"{name} is given twice"
        names.add((figure.image, figure.metric))
        if is_time(figure.metric) != (figure.unit is Unit.SECONDS):
            return f'{name} has the unit "{figure.unit.value}": "s" is for metrics named seconds'
        if not _finite(figure.value) or (is_time(figure.metric) and figure.value <= 0):
            return f"{name} is {figure.value}, which is not possible"
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
    """Tell by its name whether a metric is a time."""
    return metric.endswith("seconds")
