"""One run from end to end: load -> plan -> build -> run -> compare -> report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keras_matrix.interrupts import Interrupts
from keras_matrix.load import shipped
from keras_matrix.load.request import RunRequest
from keras_matrix.plan.cells import Cell
from keras_matrix.plan.images import ImageIdentity
from keras_matrix.records import cache
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Record
from keras_matrix.run import reuse
from keras_matrix.run.cell.context import CellContext
from keras_matrix.run.prepare import ready
from keras_matrix.run.progress import Progress
from keras_matrix.run.reuse import Inputs, Reuse


@dataclass(frozen=True)
class RunResult:
    """What came of it; ``last`` tells that no part of the run is outstanding."""

    folder: RunFolder
    records: tuple[Record, ...]
    last: bool


def run(request: RunRequest, progress: Progress, interrupts: Interrupts) -> RunResult:
    """Run the selected cells that have no good record yet, here or elsewhere in the results.

    Raises:
        KerasMatrixError: whatever keeps the run from being made, or stops it.
    """
    with ready(request, progress, interrupts) as made:
        folder, todo = made.context.run, made.todo
        known = _known(made.context)
        if not request.fresh:
            todo = _reuse(known, folder, todo, made.identities, progress)
        progress.planned(todo)

        def ended(record: Record) -> None:
            if known is not None:
                known.note(record, folder)
            progress.ended(record)

        if todo:
            with made.running() as cells:
                cells(todo, ended)
        selected = made.selected
    last = folder.finish(selected)
    records = tuple(r for r in (folder.record(cell) for cell in selected) if r is not None)
    return RunResult(folder=folder, records=records, last=last)


def _known(context: CellContext) -> Reuse | None:
    """Return the finished replicates of the results folder; None if they cannot be told apart."""
    results = context.run.path.parent
    digests, probe = context.digests, reuse.folder_digest(shipped.PROBE_FOLDER)
    if digests is None or probe is None:
        return None
    inputs = Inputs(digests.script, digests.data, probe, context.cpu, context.runtime)
    root = cache.root() / cache.REPLICATES
    return Reuse(root, results, inputs, context.plan, context.lost)


def _reuse(
    known: Reuse | None,
    folder: RunFolder,
    cells: Sequence[Cell],
    identities: Mapping[str, ImageIdentity],
    progress: Progress,
) -> tuple[Cell, ...]:
    """Copy the finished replicates there are; return the cells that are left."""
    left, copied = [], 0
    for cell in cells:
        found = known.find(cell, identities[cell.image]) if known is not None else None
        if found is None:
            left.append(cell)
        else:
            reuse.copy(found[1], found[0], folder)
            copied += 1
    if copied:
        progress.step(f"{copied} cells reused: nothing has changed (--fresh runs them anyway)")
    return tuple(left)
