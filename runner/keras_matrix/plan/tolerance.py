"""How far two values of a metric may be apart and still agree. Pure."""

import fnmatch
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from keras_matrix.plan.question import Question

DEFAULT_ATOL = 1e-3
DEFAULT_RTOL = 1e-3
DEFAULT_MARGIN = math.sqrt(2)
"""The default margin of means, in standard deviations between seeds of the reference.

Two seeds of one image are that far apart, as a root mean square.
"""

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
    """How far apart two values, or two means, may be and still agree.

    Values agree if ``|a - b| <= atol + rtol * |reference|`` (as ``numpy.isclose`` has it); with a
    ``margin``, means agree that are at most so many standard deviations of the reference apart, as
    its seeds give it. ``metric`` is a shell pattern, such as ``evaluate.*``; ``why`` is the source
    of the figures; ``question`` is what to ask, None to choose by the design of the run.
    """

    metric: str
    atol: float = 0.0
    rtol: float = 0.0
    why: str = ""
    question: Question | None = None
    margin: float | None = None

    def allowed(self, reference: float) -> float:
        """Return the largest absolute difference from ``reference`` that is within tolerance."""
        return self.atol + self.rtol * abs(reference)


DEFAULT = Tolerance(
    metric="*",
    atol=DEFAULT_ATOL,
    rtol=DEFAULT_RTOL,
    why="the default, as in the backend tests of Keras 3",
)


TIMES = "seconds"
"""What the names of all times end with."""


@dataclass(frozen=True)
class Tolerances:
    """Tolerances in order of precedence, and what is asked.

    Scores and arrays that no rule matches have the default; times and learning rates have none.
    The default of a computation is ``DEFAULT``, that of a distribution ``margin``, in standard
    deviations of the reference. ``question`` is asked of all metrics, whatever the rules say; None
    to choose by the rules, or else by the design of the run.
    """

    rules: tuple[Tolerance, ...] = ()
    question: Question | None = None
    margin: float = DEFAULT_MARGIN

    def then(self, rules: Sequence[Tolerance]) -> "Tolerances":
        """Return these tolerances with further rules, which yield to those here."""
        return replace(self, rules=(*self.rules, *rules))

    def judges(self, metric: str, kind: MetricKind) -> bool:
        """Tell whether a metric is judged, not only reported."""
        last = metric.rpartition(".")[2]
        unjudged = kind is MetricKind.TIME or last in SET_NOT_LEARNT
        return self.rule(metric, kind) is not None or not unjudged

    def rule(self, metric: str, kind: MetricKind) -> Tolerance | None:
        """Return the first rule that matches a metric.

        A pattern matches times only if it says so: ``evaluate.*`` does not, ``*.seconds`` does.
        """
        for rule in self.rules:
            if fnmatch.fnmatchcase(metric, rule.metric):
                if kind is MetricKind.TIME and TIMES not in rule.metric:
                    continue
                return rule
        return None

    def chosen(self, metric: str, kind: MetricKind) -> Question | None:
        """Return the question that the user chose for a metric; None if the design decides."""
        rule = self.rule(metric, kind)
        return self.question or (rule.question if rule is not None else None)

    def for_metric(self, metric: str, kind: MetricKind, question: Question) -> Tolerance | None:
        """Return the tolerance of a metric, or None for a metric that is reported, not judged."""
        if not self.judges(metric, kind):
            return None
        rule = self.rule(metric, kind)
        if rule is not None and (rule.margin is None or question is Question.DISTRIBUTION):
            return rule
        if question is Question.COMPUTATION:
            return DEFAULT
        why = "the default: as far apart as two seeds of the reference"
        if self.margin != DEFAULT_MARGIN:
            why = "given on the command line"
        return replace(DEFAULT, margin=self.margin, why=why)


NO_RULES = Tolerances()
"""Nothing but the defaults."""
