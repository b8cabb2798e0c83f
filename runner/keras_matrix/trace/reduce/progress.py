"""The progress of a reduction: its attempts, without the cells that each of them takes."""

from collections.abc import Sequence

from keras_matrix.plan.cells import Cell
from keras_matrix.records.record import Record
from keras_matrix.run.cell.watch import Seen
from keras_matrix.run.progress import Progress


class StepsOnly(Progress):
    """Passes on what begins, and leaves out cells."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def step(self, text: str) -> None:
        self._progress.step(text)

    def line(self, text: str) -> None:
        self._progress.line(text)

    def planned(self, cells: Sequence[Cell]) -> None:
        return

    def started(self, cell: Cell) -> None:
        return

    def seen(self, cell: Cell, seen: Seen) -> None:
        return

    def ended(self, record: Record) -> None:
        return
