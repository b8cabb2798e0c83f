"""The progress of a run: a live table on a terminal, timestamped lines elsewhere; on stderr."""

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from runner.plan import Cell
from runner.record import Outcome, Record
from runner.text import brief, printable

MOST_ROWS = 20


class Progress(AbstractContextManager["Progress"], ABC):
    """Hears what a run does."""

    @abstractmethod
    def step(self, text: str) -> None:
        """Hear that something is done that takes a while."""

    @abstractmethod
    def line(self, text: str) -> None:
        """Hear a line of a build's output."""

    @abstractmethod
    def planned(self, cells: Sequence[Cell]) -> None:
        """Hear which cells will run."""

    @abstractmethod
    def started(self, cell: Cell) -> None:
        """Hear that a cell begins."""

    @abstractmethod
    def ended(self, record: Record) -> None:
        """Hear how a cell ended."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None


class PlainProgress(Progress):
    """A timestamped line for each thing; nothing at all when quiet, build output when verbose."""

    def __init__(self, *, quiet: bool = False, verbose: bool = False) -> None:
        self._quiet = quiet
        self._verbose = verbose

    def _say(self, text: str) -> None:
        if not self._quiet:
            now = datetime.now().strftime("%H:%M:%S")
            print(f"{now} {printable(text)}", file=sys.stderr, flush=True)

    def step(self, text: str) -> None:
        self._say(text)

    def line(self, text: str) -> None:
        if self._verbose and text.strip():
            self._say(text)

    def planned(self, cells: Sequence[Cell]) -> None:
        self._say(f"{len(cells)} cells to run")

    def started(self, cell: Cell) -> None:
        self._say(f"{cell.id}: started")

    def ended(self, record: Record) -> None:
        self._say(f"{record.cell.id}: {ending(record)}")


class LiveProgress(Progress):
    """One table of cells that is redrawn while they run, and stays when they are done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: dict[str, tuple[str, Text | Spinner, float]] = {}
        self._live: Live | None = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def step(self, text: str) -> None:
        self._console.print(Text(printable(text)))

    def line(self, text: str) -> None:
        if text.startswith("Step "):
            self._console.print(Text(f"  {printable(text)}", style="dim"))

    def planned(self, cells: Sequence[Cell]) -> None:
        for cell in cells:
            self._rows[cell.id] = (cell.image, Text("waiting", style="dim"), 0.0)
        self._live = Live(console=self._console, get_renderable=self._render, refresh_per_second=4)
        self._live.start()

    def started(self, cell: Cell) -> None:
        self._rows[cell.id] = (cell.image, Spinner("dots", "running"), time.monotonic())

    def ended(self, record: Record) -> None:
        style = "green" if record.outcome is Outcome.OK else "bold red"
        self._rows[record.cell.id] = (record.cell.image, Text(ending(record), style=style), 0.0)

    def _render(self) -> Group:
        table = Table(box=None, pad_edge=False, show_header=False)
        done = sum(1 for _, state, since in self._rows.values() if not since and _is_end(state))
        rows = list(self._rows.items())
        hidden = max(0, len(rows) - MOST_ROWS)
        start = min(max(0, done - MOST_ROWS // 2), hidden)
        for name, (_, state, since) in rows[start : start + MOST_ROWS]:
            clock = f"{time.monotonic() - since:.0f} s" if since else ""
            table.add_row(escape(name), state, clock)
        return Group(table, Text(f"{done} of {len(rows)} cells done", style="dim"))


def _is_end(state: Text | Spinner) -> bool:
    return isinstance(state, Text) and state.plain != "waiting"


def ending(record: Record) -> str:
    """Return in a few words how a cell ended."""
    seconds = f"{record.timing.run:.1f} s"
    if record.outcome is Outcome.OK:
        return f"ok, {seconds}"
    return f"{record.outcome.value} after {seconds}: {brief(record.reason)}"
