"""A run up to its records: load -> plan -> open -> build -> run.

What a command does with them is its own (:mod:`keras_matrix.cli.stages`).
"""

from dataclasses import dataclass

from keras_matrix.interrupts import Interrupts
from keras_matrix.load import shipped
from keras_matrix.load.request import RunRequest
from keras_matrix.plan.cells import Cell
from keras_matrix.records import cache
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Record
from keras_matrix.run import machine, reuse
from keras_matrix.run.local import executing
from keras_matrix.run.prepare import Images, OpenRun, build, load, opened, plan
from keras_matrix.run.progress import Progress
from keras_matrix.run.reuse import Inputs, Reuse


@dataclass(frozen=True)
class RunResult:
    """The records of the selected cells; ``last`` tells that no part of the run is outstanding."""

    folder: RunFolder
    records: tuple[Record, ...]
    last: bool


def run(request: RunRequest, progress: Progress, interrupts: Interrupts) -> RunResult:
    """Make a run, for a caller who compares its records.

    Raises:
        KerasMatrixError: whatever keeps the run from being made, or stops it.
    """
    sources = load(request)
    planned = plan(request, sources)
    with opened(request, sources, planned, progress, interrupts) as open_run:
        return run_cells(open_run, build(open_run))


def run_cells(run: OpenRun, images: Images) -> RunResult:
    """Run the cells that have no good record yet, neither here nor elsewhere in the results.

    Raises:
        KerasMatrixError: whatever stops the cells.
    """
    folder, progress, todo = run.folder, run.progress, run.todo
    finished = _finished(run)
    if finished is not None and not run.request.fresh:
        todo = _reuse(finished, run, images)
    progress.planned(todo)

    def ended(record: Record) -> None:
        if finished is not None:
            finished.note(record, folder)
        progress.ended(record)

    if todo:
        with executing(run, images) as execute:
            execute(todo, ended)
    last = folder.finish(run.selected)
    records = (folder.record(cell) for cell in run.selected)
    return RunResult(folder, tuple(r for r in records if r is not None), last)


def _finished(run: OpenRun) -> Reuse | None:
    """Return the finished replicates of the results folder; None if they cannot be told apart."""
    digests, probe = run.digests, reuse.folder_digest(shipped.PROBE_FOLDER)
    if digests is None or probe is None:
        return None
    inputs = Inputs(digests.script, digests.data, probe, machine.cpu_key(), run.runtime)
    return Reuse(cache.root() / cache.REPLICATES, run.results, inputs, run.plan, run.lost)


def _reuse(finished: Reuse, run: OpenRun, images: Images) -> tuple[Cell, ...]:
    """Copy the finished replicates of the cells to run; return the cells that are left."""
    left = []
    for cell in run.todo:
        replicate = finished.find(cell, images[cell.image])
        if replicate is None:
            left.append(cell)
        else:
            source, record = replicate
            reuse.copy(record, source, run.folder)
    copied = len(run.todo) - len(left)
    if copied:
        cells = "1 cell" if copied == 1 else f"{copied} cells"
        run.progress.step(f"{cells} reused: nothing has changed (--fresh runs all again)")
    return tuple(left)
