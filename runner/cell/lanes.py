"""Run cells in lanes: CPUs of their own, on which one cell runs at a time."""

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import filelock

from runner.catalog import Catalog
from runner.cell.run import run_cell
from runner.cell.worker import CellContext, GoneError, Worker
from runner.engine import Engine
from runner.errors import EngineError
from runner.interrupts import Interrupts
from runner.plan import Cell, Group, Isolation
from runner.record import ImageIdentity, Outcome, Record

CPU_POLL = 0.05
PATIENCE = 2.0
"""Seconds to wait for CPUs before the user is told."""
ATTEMPTS = 3
UNFIT = (Outcome.LIMIT_NOT_APPLIED, Outcome.MISMATCH, Outcome.BAD_OUTPUT)
"""After these, a container is not used again."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What to run cells on: the CPUs of each lane, and how many of the lanes at a time.

    ``idle`` is how many containers a lane may keep waiting besides the one that runs; ``locks``
    is the folder of the locks that keep two runners off the same CPU.
    """

    lanes: tuple[tuple[int, ...], ...]
    jobs: int
    idle: int
    locks: Path


class Queue:
    """The cells still to run, in order.

    A group that has to compile first does so in one lane; the others take later cells of other
    groups meanwhile, if there are any, rather than compile the same once more.
    """

    def __init__(self, cells: Sequence[Cell], cold: set[Group]) -> None:
        self._left = list(cells)
        self._cold = cold
        self._compiling: set[Group] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def take(self) -> Cell | None:
        """Return the next cell, None if there is none or the run has stopped."""
        with self._lock:
            if self._stopped or not self._left:
                return None
            free = (i for i, cell in enumerate(self._left) if cell.group not in self._compiling)
            cell = self._left.pop(next(free, 0))
            if cell.group in self._cold:
                self._compiling.add(cell.group)
            return cell

    def done(self, cell: Cell) -> None:
        """Note that a cell has ended."""
        with self._lock:
            self._cold.discard(cell.group)
            self._compiling.discard(cell.group)

    def stop(self) -> None:
        """Hand out nothing more."""
        with self._lock:
            self._stopped = True


class Lanes:
    """Lanes to run cells in, round after round; their containers wait for the next one.

    ``say`` is told what else the user should know.
    """

    def __init__(
        self,
        context: CellContext,
        machine: Machine,
        images: Catalog,
        identities: Mapping[str, ImageIdentity],
        *,
        connect: Callable[[], Engine],
        say: Callable[[str], None],
    ) -> None:
        self._made = [
            _Lane(context, cpus, machine, images, identities, connect) for cpus in machine.lanes
        ]
        self._interrupts = context.interrupts
        self._jobs = machine.jobs
        self._lanes = _Lanes(self._made, context.interrupts, say)

    def run(
        self,
        cells: Sequence[Cell],
        started: Callable[[Cell], None],
        ended: Callable[[Record], None],
    ) -> None:
        """Run cells, several at a time; ``started`` and ``ended`` hear of one at a time.

        On a request to stop, the cells that run are ended and recorded, and the others left.

        Raises:
            EngineError: the engine is gone; the cells that were not run are left.
            StoreError: a record cannot be written.
        """
        cold = {cell.group for cell in cells if self._made[0].has_to_compile(cell.group)}
        queue = Queue(cells, cold)
        hearing = threading.Lock()
        errors: list[BaseException] = []

        def work() -> None:
            try:
                while not self._interrupts.requested and (cell := queue.take()) is not None:
                    with self._lanes.reserved(cell.group) as lane:
                        if lane is None:
                            break
                        with hearing:
                            started(cell)
                        record = lane.run(cell)
                        queue.done(cell)
                        with hearing:
                            ended(record)
                        if record.outcome is Outcome.ENGINE_ERROR:
                            # An engine that is gone fails every cell alike: they stay to be run.
                            lane.check_engine()
            except BaseException as error:  # handed to whoever waits
                errors.append(error)
                queue.stop()

        threads = [
            threading.Thread(target=work, name=f"cells-{number}", daemon=True)
            for number in range(min(self._jobs, len(cells)))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for error in errors:
            raise error

    def close(self) -> None:
        """Close all containers, each even if another one fails."""
        with contextlib.ExitStack() as closing:
            for lane in self._made:
                closing.callback(lane.close)


class _Lane:
    """Some CPUs and the containers on them: one for each group, the longest idle closed first."""

    def __init__(
        self,
        context: CellContext,
        cpus: tuple[int, ...],
        machine: Machine,
        images: Catalog,
        identities: Mapping[str, ImageIdentity],
        connect: Callable[[], Engine],
    ) -> None:
        self._context = context
        self._cpus = cpus
        self._idle = machine.idle
        self._images = images
        self._identities = identities
        self._connect = connect
        self._alone = context.plan.isolation is Isolation.CONTAINER
        self._workers: OrderedDict[Group, Worker] = OrderedDict()
        self._engine: Engine | None = None
        self.taken = False
        self.locks = [filelock.FileLock(machine.locks / f"cpu{cpu}.lock") for cpu in cpus]

    def rank(self, group: Group) -> tuple[bool, bool]:
        """Tell how well a cell of the group would do here; less is better."""
        return group not in self._workers, not self._workers

    def has_to_compile(self, group: Group) -> bool:
        """Tell whether the group's cells compile code and none is kept."""
        if self._images.get(group.image).compiled is None:
            return False
        return not self._context.compiled.has(self._new_worker(group, self._context).about)

    def run(self, cell: Cell) -> Record:
        """Run a cell here.

        Raises:
            EngineError: no container lives long enough.
            StoreError: the record cannot be written.
        """
        if self._engine is None:
            self._engine = self._connect()
        context = replace(self._context, engine=self._engine)
        for _ in range(ATTEMPTS):
            worker = self._workers.pop(cell.group, None)
            if worker is None:
                self._close_all_but(self._idle)
                worker = self._new_worker(cell.group, context)
            try:
                record = run_cell(context, cell, worker)
            except GoneError:
                worker.close()
                continue
            except BaseException:
                worker.close()
                raise
            self._keep_or_close(worker, record)
            return record
        raise EngineError(
            f"The containers of {cell.group.id} end before they run anything; see the engine's log."
        )

    def _new_worker(self, group: Group, context: CellContext) -> Worker:
        image, identity = self._images.get(group.image), self._identities[group.image]
        return Worker(context, group, image, identity, self._cpus)

    def _keep_or_close(self, worker: Worker, record: Record) -> None:
        if record.outcome is Outcome.ENGINE_ERROR:
            # What cannot be removed now is swept up by the next run.
            with contextlib.suppress(EngineError):
                worker.close()
        elif self._alone or not worker.started or record.outcome in UNFIT:
            worker.close()
        else:
            self._workers[worker.group] = worker
            self._close_all_but(self._idle + 1)

    def _close_all_but(self, most: int) -> None:
        while len(self._workers) > most:
            self._workers.popitem(last=False)[1].close()

    def check_engine(self) -> None:
        """Raise if the engine does not answer.

        Raises:
            EngineError: it does not.
        """
        if self._engine is not None:
            self._engine.facts()

    def close(self) -> None:
        """Close all containers, each even if another one fails, and the connection."""
        with contextlib.ExitStack() as closing:
            if self._engine is not None:
                closing.callback(self._engine.close)
            for worker in self._workers.values():
                closing.callback(worker.close)
            self._workers.clear()


class _Lanes:
    """All lanes; one is used by one thread, and one runner, at a time."""

    def __init__(
        self, lanes: Sequence[_Lane], interrupts: Interrupts, say: Callable[[str], None]
    ) -> None:
        self._lanes = lanes
        self._interrupts = interrupts
        self._say = say
        self._said = False
        self._lock = threading.Lock()

    @contextmanager
    def reserved(self, group: Group) -> Iterator[_Lane | None]:
        """Lend a free lane, one with a container of the group if possible.

        It is None if a stop is requested first.
        """
        begin = time.monotonic()
        while True:
            lane = self._take(group)
            if lane is not None or self._interrupts.wait(CPU_POLL):
                break
            if time.monotonic() - begin > PATIENCE:
                self._tell()
        try:
            yield lane
        finally:
            if lane is not None:
                with self._lock:
                    self._release(lane)

    def _tell(self) -> None:
        with self._lock:
            if not self._said:
                self._said = True
                self._say("waiting for CPUs that another run of keras-matrix uses")

    def _take(self, group: Group) -> _Lane | None:
        with self._lock:
            free = [lane for lane in self._lanes if not lane.taken]
            for lane in sorted(free, key=lambda one: one.rank(group)):
                lane.taken = True
                if self._locked(lane):
                    return lane
                self._release(lane)
        return None

    @staticmethod
    def _locked(lane: _Lane) -> bool:
        try:
            for lock in lane.locks:
                lock.acquire(timeout=0)
        except filelock.Timeout:
            return False
        return True

    @staticmethod
    def _release(lane: _Lane) -> None:
        for lock in lane.locks:
            lock.release()
        lane.taken = False
