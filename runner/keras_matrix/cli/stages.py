"""The stages of a command that runs cells: load, plan, build, run, compare, report.

:func:`follow` is the list of them. All commands share it; the last three are a command's own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from keras_matrix.cli.execute import outstanding, progress, recorded
from keras_matrix.interrupts import Interrupts, installed
from keras_matrix.load.request import RunRequest
from keras_matrix.records.folder import RunFolder
from keras_matrix.run import session
from keras_matrix.run.prepare import Images, OpenRun, build, load, opened, plan
from keras_matrix.run.session import RunResult

Result = TypeVar("Result", bound=RunResult)
Finding = TypeVar("Finding")


@dataclass(frozen=True, kw_only=True)
class Stages(Generic[Result, Finding]):
    """The stages that are a command's own: what it runs, compares and reports.

    ``report`` prints what was found and returns the exit code. ``name`` is what the run's folder
    is called on standard error.
    """

    run: Callable[[OpenRun, Images], Result]
    compare: Callable[[Result], Finding]
    report: Callable[[RunFolder, Finding], int]
    name: str = "records"


def follow(request: RunRequest, own: Stages[Result, Finding], *, quiet: bool, verbose: bool) -> int:
    """Follow the stages of a command, and return its exit code.

    Raises:
        KerasMatrixError: whatever ends the command early.
    """
    interrupts, shown = Interrupts(), progress(quiet=quiet, verbose=verbose)
    with installed(interrupts, shown.stopping), shown:
        sources = load(request)
        planned = plan(request, sources)
        with opened(request, sources, planned, shown, interrupts) as run:
            images = build(run)
            result = own.run(run, images)
    with recorded(result.folder, own.name, quiet=quiet):
        if not result.last:
            return outstanding(result, quiet=quiet)
        finding = own.compare(result)
        return own.report(result.folder, finding)


def run_cells(run: OpenRun, images: Images) -> RunResult:
    """Run the cells of a matrix; the stage of all commands that have none of their own."""
    return session.run_cells(run, images)
