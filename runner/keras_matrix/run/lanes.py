"""Run cells in lanes: CPUs of their own, on which one cell runs at a time."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from keras_matrix.errors import EngineError, InterruptedRunError
from keras_matrix.interrupts import Interrupts
from keras_matrix.plan.cells import Cell, Group
from keras_matrix.records import locks
from keras_matrix.run.cell.task import CellTask
from keras_matrix.run.cell.workplace import Workplace
from keras_matrix.run.executor import Recipient
from keras_matrix.run.lane import Lane
from keras_matrix.run.machine import Machine

CPU_POLL_SECONDS = 0.05
SAY_AFTER_SECONDS = 2.0
"""Seconds to wait for CPUs before the user is notified."""


class Queue:
    """The cells still to run, in order.

    A group that has to compile first does so in one lane; the others take later cells of other
    groups meanwhile, if there are any, rather than compile the same once more. If there are none,
    a patient queue waits until that is compiled: right for cells that do little else.
    """

    def __init__(self, cells: Sequence[Cell], cold: set[Group], *, patient: bool = False) -> None:
        self._left = list(cells)
        self._cold = cold
        self._patient = patient
        self._compiling: set[Group] = set()
        self._changed = threading.Condition()
        self._stopped = False

    def take(self) -> Cell | None:
        """Return the next cell; None if no cell is left or the run has stopped."""
        with self._changed:
            while self._left and not self._stopped:
                free = (i for i, cell in enumerate(self._left) if cell.group not in self._compiling)
                place = next(free, None if self._patient else 0)
                if place is None:
                    self._changed.wait()
                    continue
                cell = self._left.pop(place)
                if cell.group in self._cold:
                    self._compiling.add(cell.group)
                return cell
            return None

    def done(self, cell: Cell) -> None:
        """Note that a cell has ended."""
        with self._changed:
            self._cold.discard(cell.group)
            self._compiling.discard(cell.group)
            self._changed.notify_all()

    def stop(self) -> None:
        """Return no more cells."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()


class Lanes:
    """Lanes to run cells in, round after round; their containers wait for the next one.

    ``say`` is called with what else the user should know.
    """

    def __init__(
        self,
        task: CellTask,
        place: Workplace,
        recipient: Recipient,
        machine: Machine,
        say: Callable[[str], None],
    ) -> None:
        self._all = [
            Lane(task, place, recipient, cpus, idle=machine.idle, locks=machine.locks)
            for cpus in machine.lanes
        ]
        self._task = task
        self._place = place
        self._recipient = recipient
        self._interrupts = place.interrupts
        self._jobs = machine.jobs
        self._lanes = _FreeLanes(self._all, place.interrupts, say)

    def run(self, cells: Sequence[Cell]) -> None:
        """Run cells, several at a time; the recipient is notified of one at a time.

        On a request to stop, the cells that run are ended and recorded, and the others left.

        Raises:
            EngineError: the engine stays silent; the cells that were not run remain.
            StoreError: a record cannot be written.
        """
        cold = {group for group in {cell.group for cell in cells} if self._has_to_compile(group)}
        # A cell of a trace compiles for most of its time.
        queue = Queue(cells, cold, patient=self._task.requests is not None)
        notifying = threading.Lock()
        errors: list[BaseException] = []

        def work() -> None:
            try:
                while not self._interrupts.requested and (cell := queue.take()) is not None:
                    with self._lanes.reserved(cell.group) as lane:
                        if lane is None:
                            break
                        with notifying:
                            self._recipient.started(cell)
                        record = lane.run(cell)
                        queue.done(cell)
                        with notifying:
                            self._recipient.ended(record)
            except BaseException as error:  # raised again by the thread that waits
                errors.append(error)
                queue.stop()
            if self._interrupts.requested:
                # Others may wait for what is compiled no more.
                queue.stop()

        threads = [
            threading.Thread(target=work, name=f"cells-{number}", daemon=True)
            for number in range(min(self._jobs, len(cells)))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._interrupts.requested:
            # What could not be removed is said by Interrupts.check, which the caller calls next.
            with contextlib.suppress(EngineError):
                self.close()
            errors = [e for e in errors if not isinstance(e, (EngineError, InterruptedRunError))]
        for error in errors:
            raise error

    def _has_to_compile(self, group: Group) -> bool:
        """Return whether the group's cells compile code of which none is kept yet."""
        compiled_for = self._task.compiled_for(group, self._place.cpu)
        return compiled_for is not None and not self._place.compiled.has(compiled_for)

    def close(self) -> None:
        """Close all containers, each even if another one fails.

        Raises:
            EngineError: the engine does not remove one of them.
        """
        try:
            with contextlib.ExitStack() as closing:
                for lane in self._all:
                    closing.callback(lane.close)
        except EngineError as error:
            self._interrupts.note_leftovers()
            raise EngineError(
                f"{error} Containers may be left, which the next run removes."
            ) from error


class _FreeLanes:
    """Hands out the lanes that are free; one thread of one host process uses a lane at a time."""

    def __init__(
        self, lanes: Sequence[Lane], interrupts: Interrupts, say: Callable[[str], None]
    ) -> None:
        self._lanes = lanes
        self._interrupts = interrupts
        self._say = say
        self._said = False
        self._lock = threading.Lock()

    @contextmanager
    def reserved(self, group: Group) -> Iterator[Lane | None]:
        """Yield a free lane, one with a container of the group if possible.

        Yield None if a stop is requested first.
        """
        begin = time.monotonic()
        while True:
            lane = self._take(group)
            if lane is not None or self._interrupts.wait(CPU_POLL_SECONDS):
                break
            if time.monotonic() - begin > SAY_AFTER_SECONDS:
                self._say_once()
        try:
            yield lane
        finally:
            if lane is not None:
                with self._lock:
                    self._release(lane)

    def _say_once(self) -> None:
        with self._lock:
            if not self._said:
                self._said = True
                self._say("waiting for CPUs that another run of keras-matrix uses")

    def _take(self, group: Group) -> Lane | None:
        with self._lock:
            free = [lane for lane in self._lanes if not lane.taken]
            for lane in sorted(free, key=lambda lane: lane.rank(group)):
                lane.taken = True
                if self._locked(lane):
                    return lane
                self._release(lane)
        return None

    @staticmethod
    def _locked(lane: Lane) -> bool:
        try:
            return all(map(locks.attempt, lane.locks))
        except OSError as error:
            # Other runs may use these CPUs, too: times may suffer, results do not.
            lane.lost.unusable(error)
        return True

    @staticmethod
    def _release(lane: Lane) -> None:
        for lock in lane.locks:
            lock.release()
        lane.taken = False
