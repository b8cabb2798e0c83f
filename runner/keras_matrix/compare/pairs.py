"""Compare what cells measured, pair by pair of sides. Pure: from records to a comparison."""

import math
from collections.abc import Sequence
from dataclasses import replace

from keras_matrix.compare.arrays import Arrays
from keras_matrix.compare.certain import one_sided_failures
from keras_matrix.compare.comparison import (
    CompareArrays,
    Comparison,
    Row,
    Summary,
    Verdict,
)
from keras_matrix.compare.judge import Judgement, judge, ratio
from keras_matrix.compare.notes import cell_notes, failures
from keras_matrix.compare.question import Design
from keras_matrix.compare.sides import Side, Sides
from keras_matrix.errors import NothingSelectedError
from keras_matrix.plan.question import Question
from keras_matrix.plan.tolerance import MetricKind, Tolerances
from keras_matrix.records.record import Outcome, Record


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
                Side(image, tuple(r for r in matching if r.cell.image == image)) for image in images
            ]
            group = setting.id if len(settings) > 1 else ""
            sides += [(group, first, other) for other in others]
    elif len(settings) > 1:
        first, *others = [
            Side(setting.id, tuple(r for r in good if r.cell.settings == setting))
            for setting in settings
        ]
        sides += [(images[0], first, other) for other in others]
    else:
        # Nothing to compare with: the values alone.
        sides.append(("", Side(images[0], tuple(good)), Side("", ())))
    pairs = [_Pair(*side, tolerances, compare_arrays) for side in sides]
    rows = _all_rows(pairs)
    comparison = _comparison(title, rows, records, not_recorded(records, planned), notes)
    return replace(comparison, one_sided=one_sided_failures(records, images))


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
            Side(
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
    """Two sides to compare, metric by metric."""

    def __init__(
        self,
        group: str,
        reference: Side,
        other: Side,
        tolerances: Tolerances,
        compare_arrays: CompareArrays,
    ) -> None:
        self._group = group
        self._sides = Sides(reference, other)
        self._tolerances = tolerances
        self._arrays = Arrays(self._sides, compare_arrays)
        self._design = Design(
            self._sides.records, self._sides.measured, self._sides.shared, tolerances
        )

    def rows(self, comparisons: int) -> list[Row]:
        """Return a row for each metric that either side has; ``comparisons`` counts all pairs'."""
        kinds = self._sides.kinds()
        return [self._row(metric, kind, comparisons) for metric, kind in kinds.items()]

    def comparisons(self) -> int:
        """Return how many metrics are judged over seeds."""
        if not self._sides.has_several_seeds:
            return 0
        return sum(
            self._tolerances.judges(metric, kind)
            and all(self._sides.measures(metric))
            and self._design.ask(metric, kind).question is Question.DISTRIBUTION
            for metric, kind in self._sides.kinds().items()
        )

    def _row(self, metric: str, kind: MetricKind, comparisons: int) -> Row:
        asked = self._design.ask(metric, kind)
        tolerance = self._tolerances.for_metric(metric, kind, asked.question)
        elements = None
        if tolerance is None or not self._sides.has_both:
            # A side without a good cell is reported as that cell's failure, not as a difference.
            inference = None
            if tolerance is None and kind is MetricKind.TIME:
                inference = ratio(self._sides, metric)
            found = Judgement(verdict=Verdict.REPORTED, inference=inference)
        else:
            if kind is MetricKind.ARRAY and asked.question is Question.COMPUTATION:
                elements = self._arrays.difference(metric, tolerance)
            if elements is None:
                found = judge(self._sides, metric, kind, asked, tolerance, comparisons)
            else:
                found = Judgement(verdict=Verdict.AGREE if elements.close else Verdict.DIFFER)
        judged = found.verdict is not Verdict.REPORTED
        left, right = (
            Summary(tuple(measure.value for measure in side.values())) if side else None
            for side in self._sides.measures(metric)
        )
        absolute = relative = None
        if elements is not None:
            absolute, relative = elements.absolute, elements.relative
        elif left is not None and right is not None:
            by_seed = found.seeds if found.inference is None else None
            worst = by_seed.worst if by_seed is not None else None
            if worst is not None and worst.reference is not None and worst.other is not None:
                absolute, relative = _differences(worst.reference, worst.other)
            else:
                absolute, relative = _differences(left.median, right.median)
        return Row(
            group=self._group,
            metric=metric,
            kind=kind,
            reference=left,
            other=right,
            reference_name=self._sides.names[0],
            other_name=self._sides.names[1],
            absolute=absolute,
            relative=relative,
            tolerance=tolerance,
            verdict=found.verdict,
            asked=asked if judged else None,
            certain=found.certain,
            seeds=found.seeds,
            inference=found.inference,
            elementwise=elements is not None,
        )


def _differences(reference: float, other: float) -> tuple[float, float]:
    absolute = 0.0 if reference == other else abs(other - reference)
    if absolute == 0:
        return 0.0, 0.0
    return absolute, absolute / abs(reference) if reference else math.inf
