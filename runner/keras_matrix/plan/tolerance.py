"""How far two values of a metric may be apart and still agree. Pure."""

import fnmatch
from dataclasses import dataclass
from enum import Enum

DEFAULT_ATOL = 1e-3
DEFAULT_RTOL = 1e-3

SET_NOT_LEARNT = ("lr", "learning_rate")
"""Last parts of metrics that a script sets and Keras's callbacks log: reported, not judged.

A rule that matches them has them judged.
"""


class MetricKind(Enum):
    """What a metric measures; times are reported, not judged, unless a rule names them."""

    SCORE = "score"
    TIME = "time"
    ARRAY = "array"


@dataclass(frozen=True)
class Tolerance:
    """Values agree if ``|a - b| <= atol + rtol * |reference|`` (as ``numpy.isclose`` has it).

    ``metric`` is a shell pattern, such as ``evaluate.*``; ``why`` is the source of the figures.
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
    """Tolerances in order of precedence.

    Scores and arrays that no rule matches have the default; times and learning rates have none.
    """

    rules: tuple[Tolerance, ...] = ()
    default: Tolerance = DEFAULT

    def for_metric(self, metric: str, kind: MetricKind) -> Tolerance | None:
        """Return the tolerance of a metric, or None for a metric that is reported, not judged.

        A pattern of nothing but ``*`` does not match times: they are judged by name only.
        """
        for rule in self.rules:
            if fnmatch.fnmatchcase(metric, rule.metric):
                if kind is MetricKind.TIME and not rule.metric.strip("*"):
                    continue
                return rule
        last = metric.rpartition(".")[2]
        return None if kind is MetricKind.TIME or last in SET_NOT_LEARNT else self.default
