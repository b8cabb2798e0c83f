"""The state of each cell while a run is under way, and how long the run may still take."""

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property

from keras_matrix.plan.cells import Cell
from keras_matrix.records.record import Outcome, Record
from keras_matrix.run.cell.watch import Seen
from keras_matrix.text import one_line

NOTHING_SEEN = Seen()


class CellPhase(Enum):
    """A part of a cell's life."""

    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True)
class CellState:
    """What is known of a cell.

    ``since`` is the clock's time at the cell's start, ``seen_at`` when ``seen`` was reported. Once
    the cell has ended, ``seconds`` is the time that it took, ``compiling`` the part of it for
    compiling, and ``words`` describe in a line how the cell ended.
    """

    cell: Cell
    phase: CellPhase = CellPhase.WAITING
    since: float = 0.0
    seen: Seen = NOTHING_SEEN
    seen_at: float = 0.0
    outcome: Outcome | None = None
    seconds: float = 0.0
    compiling: float = 0.0
    words: str = ""

    @cached_property
    def group(self) -> str:
        """The name of the group that shares a container; cached, since each frame needs it."""
        return one_line(self.cell.group.id)

    @property
    def under_way(self) -> bool:
        """Whether the cell has started and not ended."""
        return self.phase in (CellPhase.STARTING, CellPhase.RUNNING)

    @property
    def cut_off(self) -> bool:
        """Whether the cell did not end by itself: the run was stopped."""
        return self.outcome is Outcome.INTERRUPTED

    @property
    def failed(self) -> bool:
        """Whether the cell ended by itself, without a result."""
        return self.outcome not in (None, Outcome.OK, Outcome.INTERRUPTED)


class Board:
    """The states of all cells of a run, in the order of the plan; safe in several threads.

    ``clock`` returns seconds; ``describe`` describes in a line how a cell ended.
    """

    def __init__(
        self, describe: Callable[[Record], str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._describe = describe
        self._clock = clock
        self._lock = threading.Lock()
        self._states: dict[Cell, CellState] = {}
        self._started_at: float | None = None
        self._under_way: set[Cell] = set()
        self._max_abreast = 1

    def plan(self, cells: Sequence[Cell]) -> None:
        """Add cells, which wait."""
        now = self._clock()
        with self._lock:
            self._started_at = now if self._started_at is None else self._started_at
            self._states.update((cell, CellState(cell)) for cell in cells)

    def start(self, cell: Cell) -> None:
        """Note that a cell starts."""
        now = self._clock()
        with self._lock:
            self._states[cell] = CellState(cell, CellPhase.STARTING, since=now)
            self._under_way.add(cell)
            self._max_abreast = max(self._max_abreast, len(self._under_way))

    def see(self, cell: Cell, seen: Seen) -> None:
        """Note how far a cell is."""
        with self._lock:
            state = self._states[cell]
            self._states[cell] = replace(
                state, phase=CellPhase.RUNNING, seen=seen, seen_at=self._clock()
            )

    def end(self, record: Record) -> None:
        """Note how a cell ended."""
        with self._lock:
            self._under_way.discard(record.cell)
            state = self._states.get(record.cell, CellState(record.cell))
            self._states[record.cell] = replace(
                state,
                phase=CellPhase.ENDED,
                outcome=record.outcome,
                seconds=record.timing.run,
                compiling=sum(call.compile_seconds for call in record.observation.calls),
                words=self._describe(record),
            )

    def now(self) -> "Snapshot":
        """Return the states as they are now."""
        with self._lock:
            now = self._clock()
            elapsed = 0.0 if self._started_at is None else now - self._started_at
            return Snapshot(tuple(self._states.values()), now, elapsed, self._max_abreast)


@dataclass(frozen=True)
class Snapshot:
    """All states at the time ``now``, ``elapsed`` seconds after the first cells were planned.

    ``abreast`` is the largest number of cells that ran at the same time so far.
    """

    states: tuple[CellState, ...]
    now: float
    elapsed: float = 0.0
    abreast: int = 1

    def seconds_left(self) -> float | None:
        """Estimate how many seconds the run may still take; None if nothing is known yet."""
        usual = _usual_seconds(self.states)
        left = []
        for state in self.states:
            if state.phase is not CellPhase.ENDED:
                seconds = self._cell_seconds_left(state, usual)
                if seconds is None:
                    return None
                left.append(seconds)
        return max(sum(left) / self.abreast, max(left, default=0.0))

    def training_seconds_left(self, state: CellState) -> float | None:
        """Estimate how many seconds a cell's training may still take, by its epochs so far."""
        if state.phase is not CellPhase.RUNNING or state.seen.left is None:
            return None
        return max(0.0, state.seen.left - (self.now - state.seen_at))

    def _cell_seconds_left(self, state: CellState, usual: dict[str, float]) -> float | None:
        """Estimate a cell's time: as long as others of its group took, or by its epochs."""
        whole = usual.get(state.group)
        if state.phase is CellPhase.WAITING:
            return whole
        training = self.training_seconds_left(state)
        if whole is None:
            return training
        return max(training or 0.0, whole - (self.now - state.since))


def _usual_seconds(states: Sequence[CellState]) -> dict[str, float]:
    """Return the seconds that a cell of each group takes: the median, compiling left out.

    Before a cell of a group has ended well, the estimate is that of a running one, by its epochs.
    """
    ended: dict[str, list[float]] = {}
    running: dict[str, list[float]] = {}
    for state in states:
        group = state.group
        if state.outcome is Outcome.OK:
            ended.setdefault(group, []).append(state.seconds - state.compiling)
        elif state.phase is CellPhase.RUNNING and state.seen.left is not None:
            running.setdefault(group, []).append(state.seen_at - state.since + state.seen.left)
    return {group: statistics.median(seconds) for group, seconds in (running | ended).items()}
