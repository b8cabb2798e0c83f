"""Tolerances: how far two values of a metric may lie apart and still agree."""

import math
from collections.abc import Sequence
from pathlib import Path

import msgspec

from keras_matrix.errors import ConfigurationError
from keras_matrix.load import user_files
from keras_matrix.plan.tolerance import Tolerance
from keras_matrix.text import brief

TOLERANCE_FILE = "tolerances.toml"
SCHEMA = 1
LONGEST_PATTERN = 1000


class _Tolerance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    metric: str
    atol: float = 0.0
    rtol: float = 0.0
    why: str = ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: user_files.Whole
    tolerance: list[_Tolerance] = []


def load(path: Path) -> tuple[Tolerance, ...]:
    """Read a tolerance file.

    Raises:
        ConfigurationError: it is missing or malformed, or a figure is not a number of 0 or more.
    """
    try:
        file = user_files.read_toml(path, _File)
    except OSError as error:
        raise ConfigurationError(
            f"Cannot read the tolerances {path} ({error.strerror}); check the path."
        ) from error
    except user_files.MalformedError as error:
        raise ConfigurationError(f"The tolerance file {path} is wrong: {error}.") from error
    if file.schema != SCHEMA:
        raise ConfigurationError(
            f"The tolerance file {path} has schema {file.schema}; this version reads {SCHEMA}."
        )
    return tuple(
        _checked(Tolerance(rule.metric, atol=rule.atol, rtol=rule.rtol, why=rule.why), str(path))
        for rule in file.tolerance
    )


def parse(texts: Sequence[str]) -> tuple[Tolerance, ...]:
    """Parse ``METRIC=ATOL`` or ``METRIC=ATOL,RTOL`` from the command line.

    Raises:
        ConfigurationError: malformed.
    """
    rules = []
    for text in texts:
        metric, _, figures = text.partition("=")
        try:
            numbers = [float(figure) for figure in figures.split(",")]
        except ValueError:
            numbers = []
        if not metric or len(numbers) not in (1, 2):
            raise ConfigurationError(
                f"--tolerance {brief(text)!r} is not METRIC=ATOL or METRIC=ATOL,RTOL, "
                "such as 'evaluate.*=0.01,0'."
            )
        atol, rtol = (*numbers, 0.0)[:2]
        rule = Tolerance(metric, atol=atol, rtol=rtol, why="given on the command line")
        rules.append(_checked(rule, "--tolerance"))
    return tuple(rules)


def _checked(rule: Tolerance, source: str) -> Tolerance:
    if len(rule.metric) > LONGEST_PATTERN:
        raise ConfigurationError(
            f"{source}: {brief(rule.metric)!r} is longer than {LONGEST_PATTERN} characters; "
            "use a pattern such as 'evaluate.*'."
        )
    for figure in (rule.atol, rule.rtol):
        if not math.isfinite(figure) or figure < 0:
            raise ConfigurationError(
                f"{source}: the tolerance of {brief(rule.metric)} is {figure}; "
                "it must be 0 or more."
            )
    return rule
