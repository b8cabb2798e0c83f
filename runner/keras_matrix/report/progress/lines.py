"""The progress of a run, line by line on standard error."""

import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from keras_matrix import interrupts
from keras_matrix.plan.cells import Cell
from keras_matrix.records.record import Record
from keras_matrix.report.progress.words import ending, how_far
from keras_matrix.run.cell.watch import Seen
from keras_matrix.run.progress import Progress
from keras_matrix.text import plural, printable

PROGRESS_INTERVAL = 5.0
"""Seconds, at least, between two lines on how far a cell is."""


@dataclass(frozen=True)
class _Printed:
    """What was last printed about a cell; ``at`` is the clock's time in seconds."""

    how_far: str = ""
    at: float = -PROGRESS_INTERVAL
    stage: str = ""


class PlainProgress(Progress):
    """Progress as lines with a time stamp; no line at all if ``quiet``.

    If ``verbose``, also the output of builds and, every few seconds, how far each cell is.
    ``clock`` returns seconds.
    """

    def __init__(
        self,
        *,
        quiet: bool = False,
        verbose: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._quiet = quiet
        self._verbose = verbose
        self._clock = clock
        self._lock = threading.Lock()
        self._printed: dict[Cell, _Printed] = {}

    def _print(self, text: str) -> None:
        if not self._quiet:
            now = datetime.now().strftime("%H:%M:%S")
            with self._lock:
                try:
                    print(f"{now} {printable(text)}", file=sys.stderr, flush=True)
                except OSError:
                    # The reader of standard error is gone; the run continues in silence.
                    self._quiet = True
                    interrupts.drop_closed_output()

    def step(self, text: str) -> None:
        self._print(text)

    def line(self, text: str) -> None:
        if self._verbose and text.strip():
            self._print(text)

    def planned(self, cells: Sequence[Cell]) -> None:
        self._print(f"{plural(len(cells), 'cell')} to run")

    def started(self, cell: Cell) -> None:
        self._printed[cell] = _Printed()
        self._print(f"{cell.id}: started")

    def seen(self, cell: Cell, seen: Seen) -> None:
        # One thread reports a cell, after its start and before its end.
        printed = self._printed.get(cell, _Printed())
        if seen.stage and seen.stage != printed.stage:
            self._print(f"{cell.id}: {seen.stage}")
        text, now = how_far(seen), self._clock()
        if (
            self._verbose
            and now - printed.at >= PROGRESS_INTERVAL
            and text
            not in (
                "",
                printed.how_far,
            )
        ):
            self._print(f"{cell.id}: {text}")
            printed = _Printed(text, now)
        self._printed[cell] = replace(printed, stage=seen.stage)

    def ended(self, record: Record) -> None:
        self._printed.pop(record.cell, None)
        self._print(f"{record.cell.id}: {ending(record)}")
