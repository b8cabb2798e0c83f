"""Run cells on this machine."""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from keras_matrix.engine.client import Engine
from keras_matrix.engine.owners import Owner
from keras_matrix.engine.users import cell_user
from keras_matrix.errors import EngineError, InterruptedRunError, StoreError, of_disk
from keras_matrix.plan.cells import Cell
from keras_matrix.records import cache
from keras_matrix.records.record import Record
from keras_matrix.run import machine
from keras_matrix.run.cell import folders
from keras_matrix.run.cell.compiled_code import CompiledStore
from keras_matrix.run.cell.context import CellContext, Traced
from keras_matrix.run.lanes import Lanes
from keras_matrix.run.prepare import Images, OpenRun

RunCells = Callable[[Sequence[Cell], Callable[[Record], None]], None]
"""Runs cells, and notifies of the record of each that has ended."""


@contextlib.contextmanager
def executing(run: OpenRun, images: Images, traced: Traced | None = None) -> Iterator[RunCells]:
    """Yield what runs cells of an open run; ``traced`` is there for those of a trace.

    Raises:
        KerasMatrixError: whatever stops the cells.
    """
    staging = run.folder.work / f"staged-{secrets.token_hex(4)}"
    try:
        lanes = Lanes(
            _context(run, staging, traced),
            run.machine,
            run.sources.catalog,
            images,
            connect=lambda seconds: Engine.connect(run.patience, seconds),
            say=run.progress.step,
        )
        with contextlib.closing(lanes):

            def run_cells(cells: Sequence[Cell], ended: Callable[[Record], None]) -> None:
                lanes.run(cells, run.progress.started, ended)
                _check_interrupts(run, traced)

            yield run_cells
    except EngineError as error:
        _check_interrupts(run, traced)
        raise EngineError(f"{error} {_how_to_resume(run, traced)}") from error
    except (OSError, StoreError) as error:
        problem = error if isinstance(error, StoreError) else of_disk(error)
        if problem is None or not run.folder.exists():
            raise
        raise StoreError(f"{problem} {_how_to_resume(run, traced)}") from error
    finally:
        folders.remove(staging)


def _context(run: OpenRun, staging: Path, traced: Traced | None) -> CellContext:
    script, hidden = run.sources.script, run.results
    data, converted = run.data, None
    if data is not None:
        data = folders.readable(data, staging / "data", hidden=hidden)
    if script.converted:
        converted = staging / "converted" / script.file
        folders.write_readable(converted, script.code)
    return CellContext(
        engine=run.engine,
        interrupts=run.interrupts,
        owner=Owner.this_process(),
        plan=run.plan,
        script=script,
        script_folder=folders.readable(script.folder, staging / "script", hidden=hidden),
        converted=converted,
        run=run.folder,
        compiled=CompiledStore(cache.root() / cache.COMPILED),
        cpu=machine.cpu_key(),
        user=cell_user(run.facts.security, (os.getuid(), os.getgid())),
        runtime=run.runtime,
        data=data,
        seen=run.progress.seen,
        lost=run.lost,
        digests=run.digests,
        patience=run.patience,
        traced=traced,
    )


def _check_interrupts(run: OpenRun, traced: Traced | None) -> None:
    try:
        run.interrupts.check()
    except InterruptedRunError as error:
        raise type(error)(f"{error} {_how_to_resume(run, traced)}") from None


def _how_to_resume(run: OpenRun, traced: Traced | None) -> str:
    if traced is not None:
        return "The records of its cells are kept; the same command starts the trace again."
    return (
        "What is finished is kept; "
        f"the same command with '--run {run.folder.path} --resume' resumes the run."
    )
