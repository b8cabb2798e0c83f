"""Hold a run against an earlier one, from their records on disk."""

from collections.abc import Sequence
from pathlib import Path

from keras_matrix.compare import assess
from keras_matrix.compare.comparison import Comparison
from keras_matrix.errors import ConfigurationError, NothingSelectedError, StoreError
from keras_matrix.history.database import History
from keras_matrix.history.earlier import LAST, folder_of, last_folder
from keras_matrix.history.regression import RunChanges, judge, view
from keras_matrix.history.summary import summarize
from keras_matrix.plan.tolerance import Tolerance
from keras_matrix.records import folder
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.recorded import require_figures
from keras_matrix.text import one_line


def find(named: str, run: RunFolder, *, results: Path, history: Path) -> RunFolder:
    """Find the run to hold ``run`` against: ``last``, a folder, or a run's name.

    A name is looked for under ``results``, then in the history.

    Raises:
        NothingSelectedError: no run before this one is known.
        ConfigurationError: it is the run itself, or one of another model.
        StoreError: there is no such run, or its records are gone.
    """
    manifest = run.manifest()
    if named == LAST:
        with History(history) as known:
            return last_folder(known.runs(model=manifest.plan.model), manifest)
    found = resolve(named, results=results, history=history)
    if found.path == run.path:
        raise ConfigurationError(f"--against {named} is the run itself; name another one.")
    model = found.manifest().plan.model
    if model != manifest.plan.model:
        raise ConfigurationError(
            f"--against {named} is a run of {one_line(model)}, not of "
            f"{one_line(manifest.plan.model)}; name one of the same model."
        )
    return found


def resolve(named: str, *, results: Path, history: Path) -> RunFolder:
    """Find a run by its folder, by its name under ``results``, or by its name in the history.

    Raises:
        StoreError: there is no such run, or its records are gone.
        ConfigurationError: it is not a run of a script.
    """
    try:
        run = folder.find(results, named)
    except StoreError:
        runs = _by_name(named, history)
    else:
        require_figures(run, run.manifest())
        return run
    if not runs:
        raise StoreError(
            f"There is no run '{named}', neither as a folder nor in {results} nor in the history; "
            f"--against {LAST} is the last one before."
        )
    return runs[-1]


def _by_name(named: str, history: Path) -> list[RunFolder]:
    try:
        with History(history) as known:
            return [folder_of(run) for run in known.runs(run=named)[-1:]]
    except NothingSelectedError:
        return []


def since(
    before: RunFolder, after: RunFolder, comparison: Comparison, rules: Sequence[Tolerance] = ()
) -> RunChanges:
    """Judge what has changed since an earlier run.

    ``comparison`` is that of the images of ``after``. Both runs are judged by its tolerances, so
    that a rule that was changed in between is not taken for a change of the figures.

    Raises:
        KerasMatrixError: a run is damaged or holds nothing.
    """
    manifests = before.manifest(), after.manifest()
    beside = manifests[1].tolerances
    return judge(
        view(manifests[0], before.records(), assess.compare_run(before, rules, beside=beside)),
        view(manifests[1], after.records(), comparison),
        assess.compare_two(before, after, rules, beside=beside),
    )


def add(history: History, folder: RunFolder, comparison: Comparison) -> None:
    """Add a run that was just compared, or replace what is known of it.

    Raises:
        KerasMatrixError: the run is damaged, or the history cannot be written.
    """
    run = summarize(folder.manifest(), folder.records(), comparison, str(folder.path))
    history.add(run)


def add_from_disk(history: History, folder: RunFolder) -> None:
    """Compare a run by the rules found beside its model, and add it.

    Raises:
        KerasMatrixError: it is damaged, holds nothing, is not a run of a script, or the history
            cannot be written.
    """
    add(history, folder, assess.compare_run(folder, ()))
