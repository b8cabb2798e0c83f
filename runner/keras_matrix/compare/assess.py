"""Compare what runs recorded: their images, two runs, tests, or reported figures.

Only the arrays that cells predicted are read from disk here; no engine is needed.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from keras_matrix.compare import elementwise, pairs, reproduction, suites
from keras_matrix.compare.comparison import (
    ArrayDifference,
    CompareArrays,
    Comparison,
    Verdict,
)
from keras_matrix.compare.cost import seed_seconds
from keras_matrix.compare.metrics import Measure, all_measures, without_compiles
from keras_matrix.compare.notes import advice_on_seeds, notes_on_loops, remarks
from keras_matrix.compare.reproduction import Reproduction
from keras_matrix.compare.suites import SuiteComparison
from keras_matrix.errors import ExitCode, NothingSelectedError
from keras_matrix.load.reported import Reported
from keras_matrix.plan.tolerance import NO_RULES, Tolerance, Tolerances
from keras_matrix.records import arrays
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Record
from keras_matrix.records.recorded import RecordedRun, require_figures
from keras_matrix.records.untrusted import UnreadableError


def compare_run(
    run: RecordedRun,
    tolerances: Tolerances = NO_RULES,
    *,
    beside: Sequence[Tolerance] | None = None,
) -> Comparison:
    """Compare the images of a run.

    The tolerances are those given, then those ``beside`` the model: by default the run's own.

    Raises:
        KerasMatrixError: the run has no figures, no record, or a damaged array.
    """
    require_figures(run.folder, run.manifest)
    manifest, plan = run.manifest, run.manifest.plan
    tolerances = tolerances.then(manifest.tolerances if beside is None else beside)
    caps = (plan.caps.note,) if plan.caps.note else ()
    comparison = pairs.compare_images(
        run.records,
        images=plan.images,
        planned=run.planned,
        tolerances=tolerances,
        compare_arrays=_array_comparison(run.folder, run.folder),
        title=f"{plan.model} ({run.name})",
        notes=(*manifest.notes, *caps, *remarks(run.records, plan.images, tolerances)),
    )
    advice = advice_on_seeds(plan, comparison)
    return replace(
        comparison,
        notes=(*comparison.notes, *advice),
        seed_seconds=seed_seconds(run.records),
    )


def compare_two(
    before: RecordedRun,
    after: RecordedRun,
    tolerances: Tolerances = NO_RULES,
    *,
    beside: Sequence[Tolerance] | None = None,
) -> Comparison:
    """Compare two runs, image by image.

    The tolerances are those given, then those ``beside`` the model: by default those of ``before``.

    Raises:
        KerasMatrixError: a run has no figures, no record, or a damaged array.
    """
    for run in (before, after):
        require_figures(run.folder, run.manifest)
    beside = before.manifest.tolerances if beside is None else beside
    return pairs.compare_runs(
        before.records,
        after.records,
        names=(before.folder.name, after.folder.name),
        planned=(before.planned, after.planned),
        tolerances=tolerances.then(beside),
        compare_arrays=_array_comparison(before.folder, after.folder),
        notes=notes_on_loops((*before.good, *after.good)),
    )


def require_judged(comparison: Comparison, before: RecordedRun, after: RecordedRun) -> None:
    """Refuse a comparison of two runs in which nothing is judged: that is no agreement.

    Raises:
        NothingSelectedError: nothing is judged, and no cell failed or is missing, which says more.
    """
    judged = any(row.verdict is not Verdict.REPORTED for row in comparison.rows)
    if judged or comparison.failures or comparison.missing:
        return
    sides = [{record.cell for record in run.good} for run in (before, after)]
    groups = [{cell.group for cell in side} for side in sides]
    if not groups[0] & groups[1]:
        why = "they have no image with the same keras.json in common"
    elif not sides[0] & sides[1]:
        why = (
            "they have no seed in common, and one seed of each says nothing; give both the same "
            "--seeds, or several"
        )
    else:
        why = "there is no figure that both have and that is judged"
    raise NothingSelectedError(
        f"{before.folder.name} and {after.folder.name} cannot be compared: {why}."
    )


def compare_suite(run: RecordedRun) -> SuiteComparison:
    """Compare the images of a run of tests.

    Raises:
        NothingSelectedError: the run has no record, or none with a test.
    """
    plan = run.manifest.plan
    notes = dict.fromkeys(note for record in run.records for note in record.notes)
    return suites.compare(
        f"{plan.model} ({run.name})",
        run.records,
        plan.images,
        missing=pairs.not_recorded(run.records, run.planned),
        notes=tuple(notes),
    )


def reproduce(run: RecordedRun, reported: Reported) -> Reproduction:
    """Compare reported figures with what a run's good cells measured, one value a seed."""
    by_image: dict[str, dict[int, tuple[Measure, ...]]] = {}
    for record in run.good:
        if not record.cell.repeat:
            by_image.setdefault(record.cell.image, {})[record.cell.seed or 0] = all_measures(record)
    measured: dict[str, dict[str, dict[int, float]]] = {}
    for image, by_seed in by_image.items():
        for seed, measures in without_compiles(by_seed).items():
            for measure in measures.values():
                metric = measured.setdefault(image, {}).setdefault(measure.metric, {})
                metric[seed] = measure.value
    return reproduction.judge(reported, measured)


def _array_comparison(left: RunFolder, right: RunFolder) -> CompareArrays:
    """Return a function that compares arrays in the folders of two runs, or of the same run."""

    def compare_arrays(
        reference: Record,
        reference_measure: Measure,
        other: Record,
        other_measure: Measure,
        tolerance: Tolerance,
    ) -> ArrayDifference | None:
        if reference_measure.file is None or other_measure.file is None:
            return None
        paths = (
            left.arrays_path(reference.cell) / Path(reference_measure.file).name,
            right.arrays_path(other.cell) / Path(other_measure.file).name,
        )
        for folder, record, path in zip((left, right), (reference, other), paths, strict=True):
            if path.exists():
                folder.verify(record, path)
        try:
            left_array, right_array = (arrays.read(path) for path in paths)
        except UnreadableError:
            # Not kept: the row falls back to the means, which are in the records.
            return None
        return elementwise.difference(left_array, right_array, tolerance)

    return compare_arrays


def exit_code(comparison: Comparison) -> ExitCode:
    """Return the exit code of a comparison; a cell without a score outranks a difference."""
    if comparison.failures or comparison.missing:
        return ExitCode.CELL_FAILED
    if comparison.differs:
        return ExitCode.DIFFER
    return ExitCode.INCONCLUSIVE if comparison.inconclusive else ExitCode.AGREE
