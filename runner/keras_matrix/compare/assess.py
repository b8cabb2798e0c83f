"""Compare and judge what runs recorded; from disk, without an engine."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from keras_matrix.compare import elementwise, pairs, reproduction, suites
from keras_matrix.compare.comparison import ArrayDifference, CompareArrays, Comparison
from keras_matrix.compare.metrics import Measure, all_measures, without_compiles
from keras_matrix.compare.notes import on_chance, on_loops, remarks
from keras_matrix.compare.reproduction import Reproduction
from keras_matrix.compare.suites import SuiteComparison
from keras_matrix.errors import ExitCode
from keras_matrix.load.reported import Reported
from keras_matrix.plan.tolerance import Tolerance, Tolerances
from keras_matrix.records import arrays
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Record
from keras_matrix.records.recorded import RecordedRun, require_figures
from keras_matrix.records.untrusted import UnreadableError


def compare_run(
    run: RecordedRun,
    rules: Sequence[Tolerance],
    *,
    beside: Sequence[Tolerance] | None = None,
) -> Comparison:
    """Compare the images of a run; ``rules`` go before those found ``beside`` the model.

    These are the run's own, unless others are given.

    Raises:
        KerasMatrixError: the run has no figures, no record, or a damaged array.
    """
    require_figures(run.folder, run.manifest)
    manifest, plan = run.manifest, run.manifest.plan
    tolerances = Tolerances((*rules, *(manifest.tolerances if beside is None else beside)))
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
    advice = on_chance(plan, comparison)
    return replace(comparison, notes=(*comparison.notes, *advice))


def compare_two(
    before: RecordedRun,
    after: RecordedRun,
    rules: Sequence[Tolerance],
    *,
    beside: Sequence[Tolerance] | None = None,
) -> Comparison:
    """Compare two runs, image by image, by ``rules`` and those found ``beside`` the model.

    These are the first run's own, unless others are given.

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
        tolerances=Tolerances((*rules, *beside)),
        compare_arrays=_array_comparison(before.folder, after.folder),
        notes=on_loops((*before.good, *after.good)),
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
    for image, side in by_image.items():
        for seed, found in without_compiles(side).items():
            for one in found.values():
                measured.setdefault(image, {}).setdefault(one.metric, {})[seed] = one.value
    return reproduction.judge(reported, measured)


def _array_comparison(left: RunFolder, right: RunFolder) -> CompareArrays:
    def compare_arrays(
        one: Record, here: Measure, other: Record, there: Measure, rule: Tolerance
    ) -> ArrayDifference | None:
        if here.file is None or there.file is None:
            return None
        paths = (
            left.arrays_path(one.cell) / Path(here.file).name,
            right.arrays_path(other.cell) / Path(there.file).name,
        )
        for folder, record, path in zip((left, right), (one, other), paths, strict=True):
            if path.exists():
                folder.verify(record, path)
        try:
            reference, against = (arrays.read(path) for path in paths)
        except UnreadableError:
            # Not kept: the row falls back to the means, which are in the records.
            return None
        return elementwise.difference(reference, against, rule)

    return compare_arrays


def exit_code(comparison: Comparison) -> ExitCode:
    """Return the exit code that a comparison comes to: no score goes before a difference."""
    if comparison.failures or comparison.missing:
        return ExitCode.CELL_FAILED
    if comparison.differs:
        return ExitCode.DIFFER
    return ExitCode.INCONCLUSIVE if comparison.inconclusive else ExitCode.AGREE
