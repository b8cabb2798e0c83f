"""The parts of a comparison: rows, verdicts, cells without a score. Plain values."""

import math
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from keras_matrix.compare.certain import OneSided
from keras_matrix.compare.computation import SeedBySeed
from keras_matrix.compare.inference import Conclusion, Inference
from keras_matrix.compare.metrics import Measure
from keras_matrix.compare.question import Asked
from keras_matrix.plan.tolerance import MetricKind, Tolerance
from keras_matrix.records.record import Outcome, Record


class Verdict(Enum):
    """What a row says about a metric on two sides."""

    AGREE = "agree"
    DIFFER = "differ"
    INCONCLUSIVE = "inconclusive"
    REPORTED = "reported"
    MISSING = "missing"


VERDICTS = {
    Conclusion.EQUIVALENT: Verdict.AGREE,
    Conclusion.DIFFERENT: Verdict.DIFFER,
    Conclusion.INCONCLUSIVE: Verdict.INCONCLUSIVE,
}
"""The verdict that each conclusion from several seeds means."""


@dataclass(frozen=True)
class Summary:
    """The values of a metric on one side, one a seed, with their median and range."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median; NaN if any value is NaN."""
        if any(math.isnan(value) for value in self.values):
            return math.nan
        low, high = statistics.median_low(self.values), statistics.median_high(self.values)
        # Halves, as the sum of the two may overflow.
        return low if low == high else low / 2 + high / 2

    @property
    def low(self) -> float:
        """The smallest value."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The largest value."""
        return max(self.values)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One metric on two sides; a side that lacks the metric is None.

    ``absolute`` and ``relative`` are the difference of the medians, the latter as a share of the
    reference; where seeds were compared one by one, those of the seed that is furthest apart. Where
    arrays were compared ``elementwise``, they are the largest differences of elements, while the
    sides are the arrays' means.

    ``asked`` is the question of a row that is judged. What decides the verdict is ``certain`` (why
    no further seed could change it), ``seeds`` (one by one), or ``inference`` (over seeds).
    """

    group: str
    metric: str
    kind: MetricKind
    reference: Summary | None
    other: Summary | None
    reference_name: str
    other_name: str
    absolute: float | None
    relative: float | None
    tolerance: Tolerance | None
    verdict: Verdict
    asked: Asked | None = None
    certain: str = ""
    seeds: SeedBySeed | None = None
    inference: Inference | None = None
    elementwise: bool = False

    @property
    def rests_on_seeds(self) -> bool:
        """Whether the verdict is about the seeds that were run, not about all seeds."""
        inferred = self.inference is not None and self.verdict is VERDICTS[self.inference.finding]
        return not inferred and self.verdict is not Verdict.REPORTED


@dataclass(frozen=True)
class CellNote:
    """A cell without a score: how it ended, why, and the last lines that it printed."""

    cell: str
    outcome: Outcome
    reason: str
    log_tail: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """All that is reported of a run, or of two; ``missing`` are planned cells without a record.

    ``one_sided`` are images that the script fails on, on every seed, and another where it does not.
    ``seed_seconds`` is the time that one more seed takes here, None if that is not known.
    """

    title: str
    rows: tuple[Row, ...]
    failures: tuple[CellNote, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    cells: int
    one_sided: tuple[OneSided, ...] = ()
    seed_seconds: float | None = None

    @property
    def differs(self) -> bool:
        """Whether any judged row is out of tolerance, or lacks a side."""
        return any(row.verdict in (Verdict.DIFFER, Verdict.MISSING) for row in self.rows)

    @property
    def inconclusive(self) -> bool:
        """Whether any judged row needs more seeds to be settled."""
        return any(row.verdict is Verdict.INCONCLUSIVE for row in self.rows)


def by_pair(rows: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    """Group rows by the names of their two sides, the reference first."""
    pairs: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        pairs.setdefault((row.reference_name, row.other_name), []).append(row)
    return pairs


@dataclass(frozen=True)
class ArrayDifference:
    """The largest differences of two arrays, and whether all elements are within tolerance."""

    absolute: float
    relative: float
    close: bool


CompareArrays = Callable[[Record, Measure, Record, Measure, Tolerance], ArrayDifference | None]
"""Compares two stored arrays element by element; returns None if one of them was not kept."""
