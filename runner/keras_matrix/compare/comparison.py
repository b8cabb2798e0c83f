"""What a comparison is made of: rows, verdicts, cells without a score. Plain values."""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from keras_matrix.compare.inference import Inference
from keras_matrix.compare.metrics import Measure
from keras_matrix.plan.tolerance import MetricKind, Tolerance
from keras_matrix.records.record import Outcome, Record


class Verdict(Enum):
    """What a row says."""

    AGREE = "agree"
    DIFFER = "differ"
    INCONCLUSIVE = "inconclusive"
    REPORTED = "reported"
    MISSING = "missing"


@dataclass(frozen=True)
class Summary:
    """The values of a metric on one side, one a seed: median, smallest and largest."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median; NaN if any value is."""
        if any(math.isnan(value) for value in self.values):
            return math.nan
        low, high = statistics.median_low(self.values), statistics.median_high(self.values)
        # Halves, as the sum of two may be beyond all bounds.
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
    """One metric on two sides. ``absolute`` and ``relative`` (to the reference) compare medians.

    Where arrays were compared ``elementwise``, these are the largest differences of elements, but
    the sides are means. A side without the metric is None. ``inference`` is what several seeds
    allow to say; it then decides the verdict.
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
    inference: Inference | None = None
    elementwise: bool = False


@dataclass(frozen=True)
class CellNote:
    """A cell that has no score, or a remark on one that has."""

    cell: str
    outcome: Outcome
    reason: str
    log_tail: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """Everything there is to report on a run, or on two."""

    title: str
    rows: tuple[Row, ...]
    failures: tuple[CellNote, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    cells: int

    @property
    def differs(self) -> bool:
        """Tell whether any judged row is out of tolerance, or lacks a side."""
        return any(row.verdict in (Verdict.DIFFER, Verdict.MISSING) for row in self.rows)

    @property
    def inconclusive(self) -> bool:
        """Tell whether any judged row needs more seeds to be settled."""
        return any(row.verdict is Verdict.INCONCLUSIVE for row in self.rows)


@dataclass(frozen=True)
class ArrayDifference:
    """The largest absolute and relative difference, and whether all elements are close."""

    absolute: float
    relative: float
    close: bool


CompareArrays = Callable[[Record, Measure, Record, Measure, Tolerance], ArrayDifference | None]
"""Compares two stored arrays element by element; None if one of them was not kept."""
