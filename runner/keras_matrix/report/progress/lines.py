"""The progress of a run, told line by line on standard error."""

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
from keras_matrix.text import printable

EVERY = 5.0
"""Seconds, at least, between two lines on how far a cell is."""


@dataclass(frozen=True)
class _Told:
    """What was last told of a cell."""

    how_far: str = ""
    at: float = -EVERY
    stage: str = ""


class PlainProgress(Progress):
    """A timestamped line for each thing; nothing at all when quiet.

    When verbose also the output of builds and, once in a while, how far each cell is. ``clock``
    returns seconds.
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
        self._told: dict[Cell, _Told] = {}

    def _say(self, text: str) -> None:
        if not self._quiet:
            now = datetime.now().strftime("%H:%M:%S")
            with self._lock:
                try:
                    print(f"{now} {printable(text)}", file=sys.stderr, flush=True)
                except OSError:
                    # Whoever read it is gone; the run goes on without.
                    self._quiet = True
                    interrupts.drop_closed_output()

    def step(self, text: str) -> None:
        self._say(text)

    def line(self, text: str) -> None:
        if self._verbose and text.strip():
            self._say(text)

    def planned(self, cells: Sequence[Cell]) -> None:
        self._say(f"{len(cells)} cells to run")

    def started(self, cell: Cell) -> None:
        self._told[cell] = _Told()
        self._say(f"{cell.id}: started")

    def seen(self, cell: Cell, seen: Seen) -> None:
        # One thread tells of a cell, after it was started and before it has ended.
        told = self._told.get(cell, _Told())
        if seen.stage and seen.stage != told.stage:
            self._say(f"{cell.id}: {seen.stage}")
        text, now = how_far(seen), self._clock()
        if self._verbose and now - told.at >= EVERY and text not in ("", told.how_far):
            self._say(f"{cell.id}: {text}")
            told = _Told(text, now)
        self._told[cell] = replace(told, stage=seen.stage)

    def ended(self, record: Record) -> None:
        self._told.pop(record.cell, None)
        self._say(f"{record.cell.id}: {ending(record)}")
