"""What is known of each cell while a run goes on, and how long it may still take."""

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

NOTHING = Seen()


class Phase(Enum):
    """Where a cell is in its life."""

    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True)
class State:
    """What is known of a cell.

    ``since`` is the clock when it began, ``heard`` when it told ``seen``. Of one that has ended,
    ``seconds`` is what it took, ``compiling`` of that the part for compiling, and ``words`` say
    in a line how it ended.
    """

    cell: Cell
    phase: Phase = Phase.WAITING
    since: float = 0.0
    seen: Seen = NOTHING
    heard: float = 0.0
    outcome: Outcome | None = None
    seconds: float = 0.0
    compiling: float = 0.0
    words: str = ""

    @cached_property
    def group(self) -> str:
        """The name of what the cell shares a container with: each frame asks of every cell."""
        return one_line(self.cell.group.id)

    @property
    def under_way(self) -> bool:
        """Whether it has begun and not ended."""
        return self.phase in (Phase.STARTING, Phase.RUNNING)

    @property
    def cut_off(self) -> bool:
        """Whether it began and did not end by itself: the run was stopped."""
        return self.outcome is Outcome.INTERRUPTED

    @property
    def failed(self) -> bool:
        """Whether it ended by itself, and not well."""
        return self.outcome not in (None, Outcome.OK, Outcome.INTERRUPTED)


class Board:
    """The states of all cells of a run, in the order they were planned; safe in several threads.

    ``clock`` returns seconds; ``describe`` says how a cell ended.
    """

    def __init__(
        self, describe: Callable[[Record], str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._describe = describe
        self._clock = clock
        self._lock = threading.Lock()
        self._states: dict[Cell, State] = {}
        self._begun: float | None = None
        self._under_way: set[Cell] = set()
        self._most = 1

    def plan(self, cells: Sequence[Cell]) -> None:
        """Add cells that wait."""
        now = self._clock()
        with self._lock:
            self._begun = now if self._begun is None else self._begun
            self._states.update((cell, State(cell)) for cell in cells)

    def start(self, cell: Cell) -> None:
        """Note that a cell begins."""
        now = self._clock()
        with self._lock:
            self._states[cell] = State(cell, Phase.STARTING, since=now)
            self._under_way.add(cell)
            self._most = max(self._most, len(self._under_way))

    def see(self, cell: Cell, seen: Seen) -> None:
        """Note how far a cell is."""
        with self._lock:
            state = self._states[cell]
            self._states[cell] = replace(state, phase=Phase.RUNNING, seen=seen, heard=self._clock())

    def end(self, record: Record) -> None:
        """Note how a cell ended."""
        with self._lock:
            self._under_way.discard(record.cell)
            state = self._states.get(record.cell, State(record.cell))
            self._states[record.cell] = replace(
                state,
                phase=Phase.ENDED,
                outcome=record.outcome,
                seconds=record.timing.run,
                compiling=sum(call.compile_seconds for call in record.observation.calls),
                words=self._describe(record),
            )

    def now(self) -> "Snapshot":
        """Return what is known now."""
        with self._lock:
            now = self._clock()
            begun = now if self._begun is None else self._begun
            return Snapshot(tuple(self._states.values()), now, now - begun, self._most)


@dataclass(frozen=True)
class Snapshot:
    """All states at a time ``now``, ``elapsed`` seconds after they were planned.

    ``abreast`` is the most cells that ran at a time so far.
    """

    states: tuple[State, ...]
    now: float
    elapsed: float = 0.0
    abreast: int = 1

    def left(self) -> float | None:
        """Return how many seconds the run may still take; None if nothing tells yet."""
        usual = _usual(self.states)
        left = []
        for state in self.states:
            if state.phase is not Phase.ENDED:
                seconds = self._left_of(state, usual)
                if seconds is None:
                    return None
                left.append(seconds)
        return max(sum(left) / self.abreast, max(left, default=0.0))

    def left_of(self, state: State) -> float | None:
        """Return how many seconds a cell's training may still take, by its epochs so far."""
        if state.phase is not Phase.RUNNING or state.seen.left is None:
            return None
        return max(0.0, state.seen.left - (self.now - state.heard))

    def _left_of(self, state: State, usual: dict[str, float]) -> float | None:
        """Return how long a cell may take: as long as others of its group, or by its epochs."""
        whole = usual.get(state.group)
        if state.phase is Phase.WAITING:
            return whole
        training = self.left_of(state)
        if whole is None:
            return training
        return max(training or 0.0, whole - (self.now - state.since))


def _usual(states: Sequence[State]) -> dict[str, float]:
    """Return the seconds that a cell of each group takes: the median, compiling left out.

    Of a group without a cell that has ended well, what one that runs comes to by its epochs.
    """
    ended: dict[str, list[float]] = {}
    running: dict[str, list[float]] = {}
    for state in states:
        group = state.group
        if state.outcome is Outcome.OK:
            ended.setdefault(group, []).append(state.seconds - state.compiling)
        elif state.phase is Phase.RUNNING and state.seen.left is not None:
            running.setdefault(group, []).append(state.heard - state.since + state.seen.left)
    return {group: statistics.median(seconds) for group, seconds in (running | ended).items()}
