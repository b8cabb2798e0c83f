"""What commands share that look at earlier runs: keep a run, and hold it against one before."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keras_matrix.cli.options import Decorator
from keras_matrix.errors import ExitCode, KerasMatrixError, NothingSelectedError

if TYPE_CHECKING:
    from keras_matrix.compare.comparison import Comparison
    from keras_matrix.history.regression import RunChanges
    from keras_matrix.plan.tolerance import Tolerance
    from keras_matrix.records.recorded import RecordedRun

against: Decorator = click.option(
    "--against",
    default=None,
    metavar="last|RUN",
    help="Say what has regressed since the last run of the same script, or since RUN; status 8.",
)


def keep(
    run: "RecordedRun",
    comparison: "Comparison | None" = None,
    *,
    file: Path | None,
    wanted: bool = True,
) -> None:
    """Add a run to the history, unless not ``wanted``; ``file`` is the one named, if any.

    Without ``comparison`` it is made. What cannot be kept is told, and costs the run nothing.
    """
    if not wanted:
        return
    from keras_matrix.history import database, from_disk

    try:
        with database.History(database.location(file), write=True) as history:
            from_disk.add(history, run, comparison)
    except KerasMatrixError as error:
        click.echo(f"keras-matrix: warning: the run is not in the history: {error}", err=True)


def check(named: str | None, *, results: Path, file: Path | None) -> None:
    """Make sure, before hours of running, that there is something to hold a run against.

    Raises:
        KerasMatrixError: the run that was named is not there, or the history cannot be read.
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
        return  # the first run of all


def judge(
    named: str,
    run: "RecordedRun",
    comparison: "Comparison",
    rules: "Sequence[Tolerance]",
    *,
    results: Path,
    file: Path | None,
) -> "tuple[RecordedRun, RunChanges]":
    """Hold a run against the earlier one that was named; return that one, too.

    Raises:
        KerasMatrixError: there is none, its records are gone, or one of the two is damaged.
    """
    from keras_matrix.history import database, from_disk

    before = from_disk.find(named, run, results=results, history=database.location(file))
    return before, from_disk.since(before, run, comparison, rules)


def told(
    named: str | None,
    run: "RecordedRun",
    comparison: "Comparison",
    rules: "Sequence[Tolerance]",
    *,
    results: Path,
    file: Path | None,
) -> "tuple[Comparison, ExitCode]":
    """Return a run's comparison with what has changed since the earlier one, and its exit code.

    Where there is nothing earlier yet, or no longer, that is told: the run itself is done.
    """
    from keras_matrix.compare import assess

    code = assess.exit_code(comparison)
    if named is None:
        return comparison, code
    try:
        _, judged = judge(named, run, comparison, rules, results=results, file=file)
        notes = judged.told
        code = _code(judged, code)
    except KerasMatrixError as error:
        notes = (f"not held against an earlier run: {error}",)
        if not isinstance(error, NothingSelectedError):
            code = error.exit_code
    return replace(comparison, notes=(*comparison.notes, *notes)), code


def between(judged: "RunChanges", now: "Comparison") -> "tuple[Comparison, ExitCode]":
    """Return the comparison of the two runs with all that is told of it, and its exit code.

    What failed, or was not run, is told of the later run, whose own comparison is ``now``.
    """
    from keras_matrix.compare import assess

    found = replace(
        judged.between,
        failures=now.failures,
        missing=now.missing,
        notes=(*judged.between.notes, *judged.told),
    )
    return found, _code(judged, assess.exit_code(found))


def _code(judged: "RunChanges", otherwise: ExitCode) -> ExitCode:
    if judged.regressed:
        return ExitCode.REGRESSED
    # That nothing could be judged is no agreement.
    return ExitCode.INCONCLUSIVE if not judged.judged and not otherwise else otherwise
