"""What an attempt at a cell made, on its way into the run's folder.

The attempt does not write there: it hands over a parcel, and the side that holds the folder checks
the parcel and writes it. What a cell wrote is bounded and checked as it is read, here as anywhere.
"""

import contextlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from keras_matrix.errors import StoreError
from keras_matrix.plan.cells import Cell, Plan
from keras_matrix.plan.contract import COMPILED_FOLDER, TRACE_FOLDER
from keras_matrix.records import folder as store
from keras_matrix.records.cache import CacheWarnings
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Record
from keras_matrix.records.untrusted import UnreadableError, read_bounded
from keras_matrix.run.cell import folders
from keras_matrix.run.cell.compiled_code import CompiledCode, CompiledStore
from keras_matrix.run.cell.watch import Seen
from keras_matrix.run.progress import Progress

MAX_CELL_ARRAY_BYTES = 72 * 2**20
"""Bytes of all arrays of a cell: somewhat more than the probe keeps, as noise is not compressed."""
MAX_ARRAY_FILES = 4096
"""Files of arrays of a cell: as many as the probe writes."""


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """What an attempt at a cell made: its record, its output and its files.

    The record names no kept files yet. ``log`` is None and there is no folder if the cell did not
    come to run. ``folder`` holds what the cell wrote, out of the cell's reach, and is the parcel's
    own: its arrays, what it dumped for a trace, and the code it compiled. ``compiled`` is None if
    that code is not to be kept.
    """

    record: Record
    log: bytes | None = None
    folder: Path | None = None
    compiled: CompiledCode | None = None

    def discard(self) -> None:
        """Remove the parcel's files."""
        if self.folder is not None:
            folders.remove(self.folder)


@dataclass(frozen=True, kw_only=True)
class RunRecipient:
    """Checks parcels and writes them into a run's folder, and notifies the run's progress.

    ``planned`` are the ids of the plan's cells. ``lost`` is notified of what cannot be kept in the
    cache; ``note`` is called with each record. What a cell dumps for a trace goes into a folder of
    its own below ``dumps``, None if nothing is traced.
    """

    run: RunFolder
    plan: Plan
    planned: frozenset[str]
    compiled: CompiledStore
    lost: CacheWarnings
    progress: Progress
    note: Callable[[Record], None]
    dumps: Path | None = None

    def started(self, cell: Cell) -> None:
        """Note that a cell begins."""
        self.progress.started(cell)

    def seen(self, cell: Cell, seen: Seen) -> None:
        """Note how far a cell is."""
        self.progress.seen(cell, seen)

    def ended(self, record: Record) -> None:
        """Note the record of a cell that is not tried again."""
        self.note(record)
        self.progress.ended(record)

    def receive(self, parcel: Parcel) -> Record:
        """Check a parcel and write what it holds; return the record as written.

        Raises:
            StoreError: the parcel is of another run, or the run's folder cannot be written.
        """
        try:
            self._check(parcel.record)
            kept = {} if parcel.folder is None else self._keep(parcel, parcel.folder)
            record = replace(parcel.record, kept=kept)
            self.run.write(record)
        finally:
            parcel.discard()
        return record

    def _check(self, record: Record) -> None:
        planned = record.cell.id in self.planned and record.run == self.run.name
        if not planned or not store.is_of(record, self.plan):
            raise StoreError(
                f"The record handed over for {record.cell.id} is of another run, script or limits "
                f"than {self.run.path}; run the cell again."
            )

    def _keep(self, parcel: Parcel, folder: Path) -> dict[str, str]:
        """Keep the output, and what the record names of the files; the rest is thrown away."""
        cell = parcel.record.cell
        kept = self.run.keep(self.run.log_path(cell), parcel.log or b"")
        if self.dumps is not None:
            _move(folder / TRACE_FOLDER, self.dumps / cell.id)
        kept |= self._keep_arrays(parcel.record, folder)
        if parcel.compiled is not None:
            self._keep_compiled(parcel.compiled, folder / COMPILED_FOLDER)
        return kept

    def _keep_arrays(self, record: Record, folder: Path) -> dict[str, str]:
        kept: dict[str, str] = {}
        target = self.run.arrays_path(record.cell)
        shutil.rmtree(target, ignore_errors=True)
        left = MAX_CELL_ARRAY_BYTES
        named = (array.file for call in record.observation.calls for array in call.arrays)
        for file in list(dict.fromkeys(filter(None, named)))[:MAX_ARRAY_FILES]:
            with contextlib.suppress(UnreadableError):
                # One that is missing or too large shows when it is compared.
                content = read_bounded(folder / file, left)
                left -= len(content)
                kept |= self.run.keep(target / Path(file).name, content)
        return kept

    def _keep_compiled(self, code: CompiledCode, folder: Path) -> None:
        try:
            self.compiled.keep(code.compiled_for, folder, code.damaged)
        except (OSError, StoreError) as error:
            self.lost.unusable(error)


def _move(folder: Path, target: Path) -> None:
    """Move a folder that a cell wrote, if the cell wrote one, in the place of an earlier one."""
    shutil.rmtree(target, ignore_errors=True)
    if folder.is_dir() and not folder.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(folder, target)
