"""Compare what cells measured, pair by pair of sides. Pure: from records to a comparison."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keras_matrix.compare.comparison import (
    ArrayDifference,
    CompareArrays,
    Comparison,
    Row,
    Summary,
    Verdict,
)
from keras_matrix.compare.inference import Conclusion, Inference, compare_ratio
from keras_matrix.compare.inference import compare as infer
from keras_matrix.compare.intervals import MAX_FINITE
from keras_matrix.compare.metrics import Measure, measures, without_compiles
from keras_matrix.compare.notes import cell_notes, failures
from keras_matrix.errors import NothingSelectedError
from keras_matrix.plan.tolerance import MetricKind, Tolerance, Tolerances
from keras_matrix.records.record import Outcome, Record

VERDICTS = {
    Conclusion.EQUIVALENT: Verdict.AGREE,
    Conclusion.DIFFERENT: Verdict.DIFFER,
    Conclusion.INCONCLUSIVE: Verdict.INCONCLUSIVE,
}
"""The verdict that each conclusion from several seeds means."""

Replicate = tuple[int | None, int]
"""A seed, and the number of its repeat."""


@dataclass(frozen=True)
class _Side:
    name: str
    records: tuple[Record, ...]


def compare_images(
    records: Sequence[Record],
    *,
    images: Sequence[str],
    planned: Sequence[str],
    tolerances: Tolerances,
    compare_arrays: CompareArrays,
    title: str,
    notes: Sequence[str] = (),
) -> Comparison:
    """Compare each image with the first, setting by setting, over the seeds that they share.

    With only one image, its settings are compared with the first setting instead.

    Raises:
        NothingSelectedError: there is no record.
    """
    if not records:
        raise NothingSelectedError(f"{title} holds no record; nothing was run.")
    good = [record for record in records if record.outcome is Outcome.OK]
    settings = list(dict.fromkeys(record.cell.settings for record in records))
    sides = []
    if len(images) > 1:
        for setting in settings:
            matching = [record for record in good if record.cell.settings == setting]
            first, *others = [
                _Side(image, tuple(r for r in matching if r.cell.image == image))
                for image in images
            ]
            group = setting.id if len(settings) > 1 else ""
            sides += [(group, first, other) for other in others]
    elif len(settings) > 1:
        first, *others = [
            _Side(setting.id, tuple(r for r in good if r.cell.settings == setting))
            for setting in settings
        ]
        sides += [(images[0], first, other) for other in others]
    else:
        # Nothing to compare with: the values alone.
        sides.append(("", _Side(images[0], tuple(good)), _Side("", ())))
    pairs = [_Pair(*side, tolerances, compare_arrays) for side in sides]
    rows = _all_rows(pairs)
    return _comparison(title, rows, records, not_recorded(records, planned), notes)


def not_recorded(records: Sequence[Record], planned: Sequence[str]) -> tuple[str, ...]:
    """Return the planned cells that have no record."""
    recorded = {record.cell.id for record in records}
    return tuple(cell for cell in planned if cell not in recorded)


def compare_runs(
    before: Sequence[Record],
    after: Sequence[Record],
    *,
    names: tuple[str, str],
    planned: tuple[Sequence[str], Sequence[str]],
    tolerances: Tolerances,
    compare_arrays: CompareArrays,
    notes: Sequence[str] = (),
) -> Comparison:
    """Compare two runs, image by image and setting by setting.

    Raises:
        NothingSelectedError: a run has no record.
    """
    for run, name in ((before, names[0]), (after, names[1])):
        if not run:
            raise NothingSelectedError(f"{name} holds no record; nothing was run.")
    pairs = []
    groups = dict.fromkeys((r.cell.image, r.cell.settings) for r in (*before, *after))
    several = len({settings for _, settings in groups}) > 1
    for image, settings in groups:
        reference, other = (
            _Side(
                name,
                tuple(
                    r
                    for r in run
                    if (r.cell.image, r.cell.settings) == (image, settings)
                    and r.outcome is Outcome.OK
                ),
            )
            for run, name in ((before, names[0]), (after, names[1]))
        )
        group = f"{image}.{settings.id}" if several else image
        pairs.append(_Pair(group, reference, other, tolerances, compare_arrays))
    rows = _all_rows(pairs)
    title = f"{names[0]} against {names[1]}"
    missing = [
        f"{name}: {cell}"
        for name, run, cells in zip(names, (before, after), planned, strict=True)
        for cell in not_recorded(run, cells)
    ]
    return _comparison(title, rows, (*before, *after), missing, notes)


def _all_rows(pairs: Sequence["_Pair"]) -> list[Row]:
    # The level is divided by the number of metrics that are judged, in all pairs together.
    comparisons = max(1, sum(pair.comparisons() for pair in pairs))
    return [row for pair in pairs for row in pair.rows(comparisons)]


def _comparison(
    title: str,
    rows: Sequence[Row],
    records: Sequence[Record],
    missing: Sequence[str],
    notes: Sequence[str],
) -> Comparison:
    return Comparison(
        title=title,
        rows=tuple(rows),
        failures=failures(records),
        missing=tuple(missing),
        notes=(*notes, *cell_notes(records)),
        cells=len(records),
    )


class _Pair:
    """Two sides to compare, metric by metric, over the seeds that both have.

    If they share no seed, each side shows its own values and nothing is judged.
    """

    def __init__(
        self,
        group: str,
        reference: _Side,
        other: _Side,
        tolerances: Tolerances,
        compare_arrays: CompareArrays,
    ) -> None:
        self._group = group
        self._sides = (reference, other)
        self._tolerances = tolerances
        self._compare_arrays = compare_arrays
        self._records = [
            {(r.cell.seed, r.cell.repeat): r for r in side.records} for side in self._sides
        ]
        self._measured = [
            without_compiles({seed: measures(record) for seed, record in records.items()})
            for records in self._records
        ]
        shared = self._records[0].keys() & self._records[1].keys()
        self._seeds = sorted(shared, key=_order)

    def rows(self, comparisons: int) -> list[Row]:
        """Return a row for each metric that either side has; ``comparisons`` counts all pairs'."""
        return [self._row(metric, kind, comparisons) for metric, kind in self._kinds().items()]

    def comparisons(self) -> int:
        """Return how many metrics are judged from several seeds."""
        if not self._has_several_seeds:
            return 0
        return sum(
            kind is not MetricKind.ARRAY and self._tolerances.for_metric(metric, kind) is not None
            for metric, kind in self._kinds().items()
        )

    @property
    def _has_several_seeds(self) -> bool:
        return len({seed for seed, _ in self._seeds}) > 1

    def _kinds(self) -> dict[str, MetricKind]:
        """Return the metrics that either side has, each with its kind."""
        kinds: dict[str, MetricKind] = {}
        for side in self._measured:
            for by_metric in side.values():
                kinds.update((measure.metric, measure.kind) for measure in by_metric.values())
        return kinds

    def _inference(
        self, metric: str, kind: MetricKind, margin: float | None, comparisons: int
    ) -> Inference | None:
        if not self._has_several_seeds or kind is MetricKind.ARRAY:
            return None
        left, right = (self._by_seed(metric, side) for side in self._measured)
        if margin is not None:
            return infer(left, right, margin=margin, comparisons=comparisons)
        # A time without a tolerance is not judged: its ratio is shown, with an interval of its own.
        return compare_ratio(left, right) if kind is MetricKind.TIME else None

    def _by_seed(
        self, metric: str, side: Mapping[Replicate, Mapping[str, Measure]]
    ) -> dict[int | None, float]:
        """Return one value a seed: the mean of its repeats."""
        values: dict[int | None, list[float]] = {}
        for replicate in self._seeds:
            if metric in side[replicate]:
                values.setdefault(replicate[0], []).append(side[replicate][metric].value)
        return {seed: _mean(repeats) for seed, repeats in values.items()}

    def _row(self, metric: str, kind: MetricKind, comparisons: int) -> Row:
        left, right = (self._summary(metric, side) for side in self._measured)
        tolerance = self._tolerances.for_metric(metric, kind)
        difference = None
        if kind is MetricKind.ARRAY and tolerance is not None:
            difference = self._array_difference(metric, tolerance)
        absolute = relative = None
        if difference is not None:
            absolute, relative = difference.absolute, difference.relative
        elif left is not None and right is not None:
            absolute, relative = _differences(left.median, right.median)
        inference = None
        if left is not None and right is not None:
            margin = None if tolerance is None else _margin(tolerance, left)
            inference = self._inference(metric, kind, margin, comparisons)
        if tolerance is None or not self._seeds:
            # A side without a good cell is reported as that cell's failure, not as a difference.
            verdict = Verdict.REPORTED
        elif left is None or right is None:
            verdict = Verdict.MISSING
        elif difference is not None:
            verdict = Verdict.AGREE if difference.close else Verdict.DIFFER
        elif inference is not None:
            verdict = VERDICTS[inference.finding]
        else:
            verdict = _verdict(left.median, right.median, tolerance)
        return Row(
            group=self._group,
            metric=metric,
            kind=kind,
            reference=left,
            other=right,
            reference_name=self._sides[0].name,
            other_name=self._sides[1].name,
            absolute=absolute,
            relative=relative,
            tolerance=tolerance,
            verdict=verdict,
            inference=inference,
            elementwise=difference is not None,
        )

    def _summary(
        self, metric: str, side: Mapping[Replicate, Mapping[str, Measure]]
    ) -> Summary | None:
        seeds = self._seeds or list(side)
        values = tuple(side[seed][metric].value for seed in seeds if metric in side[seed])
        return Summary(values) if values else None

    def _array_difference(self, metric: str, tolerance: Tolerance) -> ArrayDifference | None:
        """Return the largest differences over the seeds; None if an array was not kept."""
        differences = []
        for seed in self._seeds:
            reference, other = (records[seed] for records in self._records)
            left, right = (measured[seed] for measured in self._measured)
            if metric not in left or metric not in right:
                return None
            difference = self._compare_arrays(
                reference, left[metric], other, right[metric], tolerance
            )
            if difference is None:
                return None
            differences.append(difference)
        if not differences:
            return None
        return ArrayDifference(
            absolute=max(difference.absolute for difference in differences),
            relative=max(difference.relative for difference in differences),
            close=all(difference.close for difference in differences),
        )


def _mean(values: Sequence[float]) -> float:
    if all(abs(value) < MAX_FINITE for value in values):
        return math.fsum(values) / len(values)
    # fsum raises for infinities of both signs, and for sums that overflow.
    return sum(value / len(values) for value in values)


def _margin(tolerance: Tolerance, reference: Summary) -> float:
    """Return the difference of means that a tolerance allows, by the reference's finite values."""
    usable = tuple(value for value in reference.values if abs(value) < MAX_FINITE)
    return min(tolerance.allowed(Summary(usable).median if usable else 0.0), MAX_FINITE)


def _verdict(reference: float, other: float, tolerance: Tolerance) -> Verdict:
    if reference == other or (math.isnan(reference) and math.isnan(other)):
        return Verdict.AGREE
    # The tolerance of an infinite reference is infinite, too: that is no agreement.
    close = abs(other - reference) <= tolerance.allowed(reference)
    finite = math.isfinite(reference) and math.isfinite(other)
    return Verdict.AGREE if close and finite else Verdict.DIFFER


def _differences(reference: float, other: float) -> tuple[float, float]:
    absolute = 0.0 if reference == other else abs(other - reference)
    if absolute == 0:
        return 0.0, 0.0
    return absolute, absolute / abs(reference) if reference else math.inf


def _order(replicate: Replicate) -> tuple[int, int]:
    seed, repeat = replicate
    return (-1 if seed is None else seed, repeat)
