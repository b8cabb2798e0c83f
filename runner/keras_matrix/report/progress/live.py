"""The progress of a run on a terminal: a table, redrawn while cells run, left there at the end."""

import time
from collections.abc import Callable, Sequence
from types import TracebackType

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from keras_matrix import interrupts
from keras_matrix.plan.cells import Cell
from keras_matrix.records.record import Record
from keras_matrix.report.progress.state import Board
from keras_matrix.report.progress.table import Screen, render
from keras_matrix.report.progress.words import ending
from keras_matrix.run.cell.watch import Seen
from keras_matrix.run.progress import Progress
from keras_matrix.text import printable

FRAMES_PER_SECOND = 4
MANY_CELLS = 1000
"""From here on a frame takes long, and the cells need the CPU."""
FRAMES_PER_SECOND_OF_MANY = 1


class LiveProgress(Progress):
    """One table of all cells; other messages stand above it. ``clock`` returns seconds."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._board = Board(ending, clock)
        self._live: Live | None = None
        self._done = False
        self._note = ""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done, self._note = True, ""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def step(self, text: str) -> None:
        self._console.print(Text(printable(text)))

    def line(self, text: str) -> None:
        if text.startswith("Step "):
            self._console.print(Text(f"  {printable(text)}", style="dim"))

    def planned(self, cells: Sequence[Cell]) -> None:
        self._board.plan(cells)
        if cells and self._live is None:
            # The command's own output on stdout must not pass through the table.
            self._live = Live(
                console=self._console,
                get_renderable=self._draw,
                refresh_per_second=(
                    FRAMES_PER_SECOND if len(cells) < MANY_CELLS else FRAMES_PER_SECOND_OF_MANY
                ),
                redirect_stdout=False,
            )
            self._live.start()

    def started(self, cell: Cell) -> None:
        self._board.start(cell)

    def seen(self, cell: Cell, seen: Seen) -> None:
        self._board.see(cell, seen)

    def ended(self, record: Record) -> None:
        self._board.end(record)

    def stopping(self, text: str) -> None:
        if self._live is None:
            interrupts.write_line(text)
        else:
            # The next frame shows the note; a line printed across the table would stay there.
            self._note = text

    def _draw(self) -> RenderableType:
        size = self._console.size
        height = None if self._done else size.height
        screen = Screen(width=size.width, height=height, done=self._done, note=self._note)
        return render(self._board.now(), screen)
