"""The interface of what runs cells: on this machine (:mod:`keras_matrix.run.local`) or elsewhere.

An executor is made of a :class:`keras_matrix.run.cell.task.CellTask`, of plain values alone. What
is alive where cells run is the executor's own; the run's folder is the recipient's own.
"""

from collections.abc import Sequence
from typing import Protocol

from keras_matrix.plan.cells import Cell
from keras_matrix.records.record import Record
from keras_matrix.run.cell.watch import Seen
from keras_matrix.run.parcel import Parcel


class Recipient(Protocol):
    """The side that holds the run's folder; an executor notifies it of all that cells do.

    ``seen`` and ``receive`` are called from several threads at a time, the others from one.
    """

    def started(self, cell: Cell) -> None:
        """Note that a cell begins."""

    def seen(self, cell: Cell, seen: Seen) -> None:
        """Note how far a cell is."""

    def receive(self, parcel: Parcel) -> Record:
        """Check what an attempt at a cell made, and write it; return the record as written.

        The files of the parcel are gone afterwards. A cell that is tried again has several.

        Raises:
            StoreError: the run's folder cannot be written.
        """

    def ended(self, record: Record) -> None:
        """Note the record of a cell that is not tried again."""


class Executor(Protocol):
    """What runs cells, round after round."""

    def run(self, cells: Sequence[Cell]) -> None:
        """Run cells, and notify the recipient of each; return when all have ended.

        On a request to stop, the cells that run are ended and recorded, and the others left.

        Raises:
            EngineError: the engine stays silent; the cells that were not run remain.
            StoreError: a record cannot be written.
        """

    def close(self) -> None:
        """Remove all that was made for the cells to run in.

        Raises:
            EngineError: a container is not removed.
        """
