"""Tolerances, as users write them in files and on the command line."""

import math
from collections.abc import Sequence
from pathlib import Path

import msgspec

from keras_matrix.errors import ConfigurationError
from keras_matrix.load import user_files
from keras_matrix.plan.question import Question
from keras_matrix.plan.tolerance import (
    DEFAULT,
    DEFAULT_MARGIN,
    Tolerance,
    Tolerances,
)
from keras_matrix.text import brief

TOLERANCE_FILE = "tolerances.toml"
MAX_PATTERN = 1000
"""Characters of a pattern of metrics."""
AUTO = "auto"
"""The value of ``--question`` that leaves the choice to the rules and the design of the run."""


class _Tolerance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    metric: str
    atol: float | None = None
    rtol: float | None = None
    why: str = ""
    question: Question | None = None
    margin: float | None = None


class _ToleranceFile(user_files.TomlFile, frozen=True):
    tolerance: tuple[_Tolerance, ...] = ()


def load(path: Path) -> tuple[Tolerance, ...]:
    """Read a tolerance file.

    Raises:
        ConfigurationError: the file is missing or malformed, a figure is not 0 or more, or a
            margin does not fit the rest of its rule.
    """
    file = user_files.load(path, _ToleranceFile, "tolerance file")
    return tuple(_checked(_rule(rule, str(path)), str(path)) for rule in file.tolerance)


def given(texts: Sequence[str], question: str = AUTO, margin: float | None = None) -> Tolerances:
    """Return what the command line says of tolerances: the rules, the question, the margin.

    Raises:
        ConfigurationError: one of them is malformed.
    """
    if margin is None:
        margin = DEFAULT_MARGIN
    elif not 0 < margin < math.inf:
        raise ConfigurationError(
            f"--margin {margin} is not a number above 0; give standard deviations of the "
            "reference, such as 1.4."
        )
    asked = None if question == AUTO else Question(question)
    return Tolerances(parse(texts), asked, margin)


def _rule(rule: _Tolerance, source: str) -> Tolerance:
    """Return a rule of a file; one that only names a question has that question's default."""
    figures = rule.atol is not None or rule.rtol is not None
    if rule.margin is not None:
        if figures or rule.question is Question.COMPUTATION:
            raise ConfigurationError(
                f"{source}: the margin of {brief(rule.metric)} is for the question 'distribution' "
                "and stands instead of atol and rtol; leave one of them out."
            )
        if not 0 < rule.margin < math.inf:
            raise ConfigurationError(
                f"{source}: the margin of {brief(rule.metric)} is {rule.margin}; "
                "it must be above 0, in standard deviations of the reference."
            )
    atol, rtol, margin = rule.atol or 0.0, rule.rtol or 0.0, rule.margin
    question = rule.question or (Question.DISTRIBUTION if margin is not None else None)
    if not figures and question is not None:
        atol, rtol = DEFAULT.atol, DEFAULT.rtol
        if question is Question.DISTRIBUTION and margin is None:
            margin = DEFAULT_MARGIN
    return Tolerance(rule.metric, atol, rtol, rule.why, question, margin)


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
