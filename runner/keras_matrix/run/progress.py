"""The progress of a run, on stderr: what hears of it, and how it is told line by line."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType

from keras_matrix import interrupts
from keras_matrix.plan.cells import Cell
from keras_matrix.records.record import Record
from keras_matrix.run.cell.watch import Seen


class Progress(AbstractContextManager["Progress"], ABC):
    """Hears what a run does; of how far cells are, in several threads."""

    @abstractmethod
    def step(self, text: str) -> None:
        """Hear that something is done that takes a while."""

    @abstractmethod
    def line(self, text: str) -> None:
        """Hear a line of a build's output."""

    @abstractmethod
    def planned(self, cells: Sequence[Cell]) -> None:
        """Hear which cells will run, besides those that did."""

    @abstractmethod
    def started(self, cell: Cell) -> None:
        """Hear that a cell begins."""

    @abstractmethod
    def seen(self, cell: Cell, seen: Seen) -> None:
        """Hear how far a cell is."""

    @abstractmethod
    def ended(self, record: Record) -> None:
        """Hear how a cell ended."""

    def stopping(self, text: str) -> None:
        """Hear, within a signal handler, that a stop was asked for."""
        interrupts.write_line(text)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None
