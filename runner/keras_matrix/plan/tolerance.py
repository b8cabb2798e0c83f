"""How far two values of a metric may be apart and still agree. Pure."""

import fnmatch
from dataclasses import dataclass
from enum import Enum

DEFAULT_ATOL = 1e-3
DEFAULT_RTOL = 1e-3

SET_NOT_LEARNT = ("lr", "learning_rate")
"""Metrics that a script sets itself (Keras's callbacks log them): reported unless asked."""


class MetricKind(Enum):
    """What a metric measures: times are reported, not judged, unless asked."""

    SCORE = "score"
    TIME = "time"
    ARRAY = "array"


@dataclass(frozen=True)
class Tolerance:
    """Values agree if ``|a - b| <= atol + rtol * |reference|`` (as ``numpy.isclose`` has it).

    ``metric`` is a shell pattern, such as ``evaluate.*``; ``why`` says where the figures are from.
    """

    metric: str
    atol: float = 0.0
    rtol: float = 0.0
    why: str = ""

    def allowed(self, reference: float) -> float:
        """Return the largest absolute difference from ``reference`` that is within tolerance."""
        return self.atol + self.rtol * abs(reference)


DEFAULT = Tolerance(
    metric="*",
    atol=DEFAULT_ATOL,
    rtol=DEFAULT_RTOL,
    why="the default, as in the backend tests of Keras 3",
)


@dataclass(frozen=True)
class Tolerances:
    """Rules in order of precedence; scores and arrays have a default, times have none.

    Nor have learning rates.
    """

    rules: tuple[Tolerance, ...] = ()
    default: Tolerance = DEFAULT

    def of(self, metric: str, kind: MetricKind) -> Tolerance | None:
        """Return the tolerance of a metric; None means that it is reported, not judged.

        A pattern of nothing but ``*`` does not reach times: they are judged by name only.
        """
        for rule in self.rules:
            if fnmatch.fnmatchcase(metric, rule.metric):
                if kind is MetricKind.TIME and not rule.metric.strip("*"):
                    continue
                return rule
        last = metric.rpartition(".")[2]
        return None if kind is MetricKind.TIME or last in SET_NOT_LEARNT else self.default
