"""Tolerances, as users write them in files and on the command line."""

import math
from collections.abc import Sequence
from pathlib import Path

import msgspec

from keras_matrix.errors import ConfigurationError
from keras_matrix.load import user_files
from keras_matrix.plan.tolerance import Tolerance
from keras_matrix.text import brief

TOLERANCE_FILE = "tolerances.toml"
MAX_PATTERN = 1000
"""Characters of a pattern of metrics."""


class _Tolerance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    metric: str
    atol: float = 0.0
    rtol: float = 0.0
    why: str = ""


class _ToleranceFile(user_files.TomlFile, frozen=True):
    tolerance: tuple[_Tolerance, ...] = ()


def load(path: Path) -> tuple[Tolerance, ...]:
    """Read a tolerance file.

    Raises:
        ConfigurationError: the file is missing or malformed, or a figure is not 0 or more.
    """
    file = user_files.load(path, _ToleranceFile, "tolerance file")
    return tuple(
        _checked(Tolerance(rule.metric, atol=rule.atol, rtol=rule.rtol, why=rule.why), str(path))
        for rule in file.tolerance
    )


def parse(texts: Sequence[str]) -> tuple[Tolerance, ...]:
    """Parse ``METRIC=ATOL`` or ``METRIC=ATOL,RTOL`` from the command line.

    Raises:
        ConfigurationError: a text is malformed.
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
    if len(rule.metric) > MAX_PATTERN:
        raise ConfigurationError(
            f"{source}: {brief(rule.metric)!r} is longer than {MAX_PATTERN} characters; "
            "use a pattern such as 'evaluate.*'."
        )
    for figure in (rule.atol, rule.rtol):
        if not math.isfinite(figure) or figure < 0:
            raise ConfigurationError(
                f"{source}: the tolerance of {brief(rule.metric)} is {figure}; "
                "it must be 0 or more."
            )
    return rule
