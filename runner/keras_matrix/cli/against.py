"""The history of runs, as commands use it: add a run, and compare it with an earlier one."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keras_matrix.cli.options import Decorator
from keras_matrix.errors import ExitCode, KerasMatrixError, NothingSelectedError

if TYPE_CHECKING:
    from keras_matrix.compare.comparison import Comparison
    from keras_matrix.history.regression import RunChanges
    from keras_matrix.plan.tolerance import Tolerances
    from keras_matrix.records.recorded import RecordedRun

against: Decorator = click.option(
    "--against",
    default=None,
    metavar="last|RUN",
    help="Report what has regressed since the last run of the script, or since RUN (exit code 8).",
)


def add_to_history(
    run: "RecordedRun",
    comparison: "Comparison | None" = None,
    *,
    file: Path | None,
    wanted: bool = True,
) -> None:
    """Add a run to the history if that is ``wanted``; ``file`` is that of ``--history``.

    Without a ``comparison``, the records are compared. If the run cannot be added, a warning is
    printed: the run itself is done.
    """
    if not wanted:
        return
    from keras_matrix.history import database, from_disk

    try:
        with database.History(database.location(file), write=True) as history:
            from_disk.add(history, run, comparison)
    except KerasMatrixError as error:
        click.echo(f"keras-matrix: warning: the run is not in the history: {error}", err=True)


def check_earlier_run(named: str | None, *, results: Path, file: Path | None) -> None:
    """Check, before hours of running, that the earlier run of ``--against`` can be read.

    Raises:
        KerasMatrixError: the named run does not exist, or the history cannot be read.
    """
    if named is None:
        return
    from keras_matrix.history import database, from_disk
    from keras_matrix.history.earlier import LAST
    from keras_matrix.records.recorded import require_figures

    path = database.location(file)
    if named != LAST:
        folder = from_disk.resolve(named, results=results, history=path)
        require_figures(folder, folder.manifest())
        return
    try:
        database.History(path).close()
    except NothingSelectedError:
        return  # no run is in the history yet


def judge(
    named: str,
    run: "RecordedRun",
    comparison: "Comparison",
    tolerances: "Tolerances",
    *,
    results: Path,
    file: Path | None,
) -> "tuple[RecordedRun, RunChanges]":
    """Compare a run with the earlier run that is named; return that one, too.

    Raises:
        KerasMatrixError: there is no such run, its records are gone, or one of the two is damaged.
    """
    from keras_matrix.history import database, from_disk

    earlier = from_disk.find(named, run, results=results, history=database.location(file))
    return earlier, from_disk.since(earlier, run, comparison, tolerances)


def with_changes(
    named: str | None,
    run: "RecordedRun",
    comparison: "Comparison",
    tolerances: "Tolerances",
    *,
    results: Path,
    file: Path | None,
) -> "tuple[Comparison, ExitCode]":
    """Return a run's comparison with notes on what has changed since an earlier run, and its code.

    If there is no earlier run, or its records are gone, a note says so: the run itself is done.
    """
    from keras_matrix.compare import assess

    code = assess.exit_code(comparison)
    if named is None:
        return comparison, code
    try:
        _, changes = judge(named, run, comparison, tolerances, results=results, file=file)
        notes = changes.lines
        code = _code(changes, code)
    except KerasMatrixError as error:
        notes = (f"not compared with an earlier run: {error}",)
        if not isinstance(error, NothingSelectedError):
            code = error.exit_code
    return replace(comparison, notes=(*comparison.notes, *notes)), code


def of_two_runs(changes: "RunChanges", own: "Comparison") -> "tuple[Comparison, ExitCode]":
    """Return the comparison of a run with an earlier one, with notes, and its exit code.

    Failed and missing cells are those of the later run, which ``own`` compares by itself.
    """
    from keras_matrix.compare import assess

    comparison = replace(
        changes.between,
        failures=own.failures,
        missing=own.missing,
        notes=(*changes.between.notes, *changes.lines),
    )
    return comparison, _code(changes, assess.exit_code(comparison))


def _code(changes: "RunChanges", otherwise: ExitCode) -> ExitCode:
    if changes.regressed:
        return ExitCode.REGRESSED
    # Runs of which nothing could be judged do not agree.
    return ExitCode.INCONCLUSIVE if not changes.judged and not otherwise else otherwise
