"""Add runs to the history, and compare a run with an earlier one, from their records on disk."""

from pathlib import Path

from keras_matrix.compare import assess
from keras_matrix.compare.comparison import Comparison
from keras_matrix.errors import ConfigurationError, NothingSelectedError, StoreError
from keras_matrix.history.database import History
from keras_matrix.history.earlier import LAST, folder_of, last_folder
from keras_matrix.history.regression import ComparedRun, RunChanges, judge
from keras_matrix.history.summary import summarize
from keras_matrix.plan.tolerance import NO_RULES, Tolerances
from keras_matrix.records import recorded
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.folder import find as find_folder
from keras_matrix.records.recorded import RecordedRun
from keras_matrix.text import one_line


def find(named: str, run: RecordedRun, *, results: Path, history: Path) -> RecordedRun:
    """Read the run to compare ``run`` with: ``last``, a folder, or a run's name.

    A name is looked for under ``results``, then in the history.

    Raises:
        NothingSelectedError: the history has no earlier run.
        ConfigurationError: it is the run itself, or one of another model.
        StoreError: there is no such run, it is damaged, or its records are gone.
    """
    model = run.manifest.plan.model
    if named == LAST:
        with History(history) as database:
            return recorded.read(last_folder(database.runs(model=model), run.manifest))
    folder = resolve(named, results=results, history=history)
    if folder.path == run.folder.path:
        raise ConfigurationError(f"--against {named} is the run itself; name another one.")
    earlier = recorded.read(folder)
    if earlier.manifest.plan.model != model:
        raise ConfigurationError(
            f"--against {named} is a run of {one_line(earlier.manifest.plan.model)}, not of "
            f"{one_line(model)}; name one of the same model."
        )
    return earlier


def resolve(named: str, *, results: Path, history: Path) -> RunFolder:
    """Find a run by its folder, by its name under ``results``, or by its name in the history.

    Raises:
        StoreError: there is no such run, or its records are gone.
    """
    try:
        return find_folder(results, named)
    except StoreError:
        runs = _by_name(named, history)
    if not runs:
        raise StoreError(
            f"There is no run '{named}', neither as a folder nor in {results} nor in the history; "
            f"--against {LAST} is the last one before."
        )
    return runs[-1]


def _by_name(named: str, history: Path) -> list[RunFolder]:
    try:
        with History(history) as database:
            return [folder_of(run) for run in database.runs(run=named)[-1:]]
    except NothingSelectedError:
        return []


def since(
    before: RecordedRun,
    after: RecordedRun,
    comparison: Comparison,
    tolerances: Tolerances = NO_RULES,
) -> RunChanges:
    """Judge what has changed since an earlier run.

    ``comparison`` is that of the images of ``after``. Both runs are judged by the tolerances of
    ``after``, so that a changed tolerance does not look like a change of the figures.

    Raises:
        KerasMatrixError: a run has no figures, no record, or a damaged array.
    """
    beside = after.manifest.tolerances
    return judge(
        ComparedRun(before, assess.compare_run(before, tolerances, beside=beside)),
        ComparedRun(after, comparison),
        assess.compare_two(before, after, tolerances, beside=beside),
    )


def add(history: History, run: RecordedRun, comparison: Comparison | None = None) -> None:
    """Add a run, or replace what the history has of it.

    Without ``comparison``, that of its images by the tolerances beside its model is made.

    Raises:
        KerasMatrixError: it has no figures or no record, or the history cannot be written.
    """
    history.add(summarize(run, comparison or assess.compare_run(run)))
