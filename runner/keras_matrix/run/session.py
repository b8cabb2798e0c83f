"""A run up to its records: load -> plan -> open -> build -> run.

What a command does with them is its own (:mod:`keras_matrix.cli.stages`).
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_matrix.errors import EngineError, InterruptedRunError, StoreError, disk_error
from keras_matrix.interrupts import Interrupts
from keras_matrix.load import shipped
from keras_matrix.load.request import RunRequest
from keras_matrix.plan.cells import Cell
from keras_matrix.records import cache
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Record
from keras_matrix.run import reuse
from keras_matrix.run.cell.compiled_code import CompiledStore
from keras_matrix.run.cell.watch import StageFile
from keras_matrix.run.executor import Executor
from keras_matrix.run.local import LocalExecutor
from keras_matrix.run.parcel import RunRecipient
from keras_matrix.run.prepare import Images, OpenRun, build, load, opened, plan
from keras_matrix.run.progress import Progress
from keras_matrix.run.reuse import Inputs, Reuse
from keras_matrix.text import plural

_RESUME = "What is finished is kept; the same command with '--run {run} --resume' resumes the run."
_TRACE_AGAIN = "The records of its cells are kept; the same command starts the trace again."


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

    def note(record: Record) -> None:
        if finished is not None:
            finished.note(record, folder)

    if todo:
        with executing(run, images, note) as execute:
            execute(todo)
    last = folder.finish(run.selected)
    records = (folder.record(cell) for cell in run.selected)
    return RunResult(folder, tuple(r for r in records if r is not None), last)


@dataclass(frozen=True)
class Traced:
    """What cells of a trace need: where they read ``requests``, and where their ``dumps`` go.

    ``stages`` reads how far such a cell is.
    """

    requests: Path
    dumps: Path
    stages: StageFile


@contextlib.contextmanager
def executing(
    run: OpenRun, images: Images, note: Callable[[Record], None], traced: Traced | None = None
) -> Iterator[Callable[[Sequence[Cell]], None]]:
    """Yield what runs cells of an open run; ``note`` is called with each record as written.

    Raises:
        KerasMatrixError: whatever stops the cells; how to resume the run is added to the message.
    """
    remedy = _TRACE_AGAIN if traced is not None else _RESUME.format(run=run.folder.path)
    try:
        with contextlib.closing(_executor(run, images, note, traced)) as executor:

            def execute(cells: Sequence[Cell]) -> None:
                executor.run(cells)
                _check(run.interrupts, remedy)

            yield execute
    except EngineError as error:
        _check(run.interrupts, remedy)
        raise EngineError(f"{error} {remedy}") from error
    except (OSError, StoreError) as error:
        problem = error if isinstance(error, StoreError) else disk_error(error)
        if problem is None or not run.folder.exists():
            raise
        raise StoreError(f"{problem} {remedy}") from error


def _check(interrupts: Interrupts, remedy: str) -> None:
    try:
        interrupts.check()
    except InterruptedRunError as error:
        raise type(error)(f"{error} {remedy}") from None


def _executor(
    run: OpenRun, images: Images, note: Callable[[Record], None], traced: Traced | None
) -> Executor:
    compiled = CompiledStore(cache.root() / cache.COMPILED)
    recipient = RunRecipient(
        run=run.folder,
        plan=run.plan,
        planned=frozenset(cell.id for cell in run.plan.cells),
        compiled=compiled,
        lost=run.lost,
        progress=run.progress,
        note=note,
        dumps=traced.dumps if traced is not None else None,
    )
    return LocalExecutor(
        run.task(images, requests=traced.requests if traced is not None else None),
        recipient,
        run.machine,
        work=run.folder.work,
        compiled=compiled,
        interrupts=run.interrupts,
        patience=run.patience,
        lost=run.lost,
        say=run.progress.step,
        stages=traced.stages if traced is not None else None,
    )


def _finished(run: OpenRun) -> Reuse | None:
    """Return the finished replicates of the results folder; None if they cannot be identified."""
    digests, probe = run.digests, reuse.folder_digest(shipped.PROBE_FOLDER)
    if digests is None or probe is None:
        return None
    inputs = Inputs(digests.script, digests.data, probe, run.machine.cpu, run.runtime)
    return Reuse(
        cache.root() / cache.REPLICATES, run.folder.path.parent, inputs, run.plan, run.lost
    )


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
        cells = plural(copied, "cell")
        run.progress.step(f"{cells} reused: nothing has changed (--fresh runs all again)")
    return tuple(left)
