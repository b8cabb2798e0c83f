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
from keras_matrix.records.record import Manifest, Outcome, Record
from keras_matrix.records.recorded import require_figures
from keras_matrix.records.untrusted import UnreadableError


def compare_run(
    folder: RunFolder,
    rules: Sequence[Tolerance],
    *,
    beside: Sequence[Tolerance] | None = None,
) -> Comparison:
    """Compare the images of a run; ``rules`` go before those found ``beside`` the model.

    These are the run's own, unless others are given.

    Raises:
        KerasMatrixError: the run is damaged or holds nothing.
    """
    manifest = folder.manifest()
    require_figures(folder, manifest)
    records = folder.records()
    images = manifest.plan.images
    tolerances = Tolerances((*rules, *(manifest.tolerances if beside is None else beside)))
    caps = (manifest.plan.caps.note,) if manifest.plan.caps.note else ()
    comparison = pairs.compare_images(
        records,
        images=images,
        planned=_planned(manifest),
        tolerances=tolerances,
        compare_arrays=_array_comparison(folder, folder),
        title=f"{manifest.plan.model} ({manifest.run})",
        notes=(*manifest.notes, *caps, *remarks(records, images, tolerances)),
    )
    advice = on_chance(manifest.plan, comparison)
    return replace(comparison, notes=(*comparison.notes, *advice))


def compare_two(
    before: RunFolder,
    after: RunFolder,
    rules: Sequence[Tolerance],
    *,
    beside: Sequence[Tolerance] | None = None,
) -> Comparison:
    """Compare two runs, image by image, by ``rules`` and those found ``beside`` the model.

    These are the first run's own, unless others are given.

    Raises:
        KerasMatrixError: a run is damaged or holds nothing.
    """
    manifests = before.manifest(), after.manifest()
    for folder, manifest in zip((before, after), manifests, strict=True):
        require_figures(folder, manifest)
    records = before.records(), after.records()
    return pairs.compare_runs(
        *records,
        names=(before.name, after.name),
        planned=(_planned(manifests[0]), _planned(manifests[1])),
        tolerances=Tolerances((*rules, *(manifests[0].tolerances if beside is None else beside))),
        compare_arrays=_array_comparison(before, after),
        notes=on_loops([one for run in records for one in run if one.outcome is Outcome.OK]),
    )


def compare_suite(folder: RunFolder) -> SuiteComparison:
    """Compare the images of a run of tests.

    Raises:
        KerasMatrixError: the run is damaged or holds nothing.
    """
    manifest = folder.manifest()
    records = folder.records()
    run = {record.cell.id for record in records}
    notes = dict.fromkeys(note for record in records for note in record.notes)
    return suites.compare(
        f"{manifest.plan.model} ({manifest.run})",
        records,
        manifest.plan.images,
        missing=tuple(cell for cell in _planned(manifest) if cell not in run),
        notes=tuple(notes),
    )


def reproduce(folder: RunFolder, reported: Reported) -> Reproduction:
    """Hold reported figures against a run's good cells, one value a seed.

    Raises:
        KerasMatrixError: the run is damaged.
    """
    by_image: dict[str, dict[int, tuple[Measure, ...]]] = {}
    for record in folder.records():
        if record.outcome is Outcome.OK and not record.cell.repeat:
            by_image.setdefault(record.cell.image, {})[record.cell.seed or 0] = all_measures(record)
    measured: dict[str, dict[str, dict[int, float]]] = {}
    for image, side in by_image.items():
        for seed, found in without_compiles(side).items():
            for one in found.values():
                measured.setdefault(image, {}).setdefault(one.metric, {})[seed] = one.value
    return reproduction.judge(reported, measured)


def _planned(manifest: Manifest) -> tuple[str, ...]:
    return tuple(cell.id for cell in manifest.plan.cells)


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
