"""The interface through which a run reports its progress; how it is shown is the report's."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType

from keras_matrix import interrupts
from keras_matrix.plan.cells import Cell
from keras_matrix.records.record import Record
from keras_matrix.run.cell.watch import Seen


class Progress(AbstractContextManager["Progress"], ABC):
    """Is notified of what a run does; of how far cells are, from several threads."""

    @abstractmethod
    def step(self, text: str) -> None:
        """Note that something begins that takes a while, or what the user should know."""

    @abstractmethod
    def line(self, text: str) -> None:
        """Note a line of a build's output."""

    @abstractmethod
    def planned(self, cells: Sequence[Cell]) -> None:
        """Note which cells will run, besides those that did."""

    @abstractmethod
    def started(self, cell: Cell) -> None:
        """Note that a cell begins."""

    @abstractmethod
    def seen(self, cell: Cell, seen: Seen) -> None:
        """Note how far a cell is."""

    @abstractmethod
    def ended(self, record: Record) -> None:
        """Note how a cell ended."""

    def stopping(self, text: str) -> None:
        """Print, within a signal handler, that a stop was requested."""
        interrupts.write_line(text)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None
