"""One lane: some CPUs, and the containers that wait there for cells of their group."""

import contextlib
from collections import OrderedDict
from pathlib import Path

from keras_matrix.engine.client import Engine
from keras_matrix.engine.spec import OWNER_LABEL, RUN_LABEL
from keras_matrix.errors import EngineError, InterruptedRunError
from keras_matrix.plan.cells import Cell, Group, Isolation
from keras_matrix.records.locks import lock_of
from keras_matrix.records.record import Outcome, Record
from keras_matrix.run.cell.attempt import run_cell
from keras_matrix.run.cell.task import CellTask
from keras_matrix.run.cell.worker import GoneError, Worker
from keras_matrix.run.cell.workplace import Workplace
from keras_matrix.run.executor import Recipient

MAX_ATTEMPTS = 3
"""Containers that a cell is tried in before the engine's failure becomes its outcome."""
UNFIT = (Outcome.LIMIT_NOT_APPLIED, Outcome.MISMATCH, Outcome.BAD_OUTPUT)
"""After these, a container is not used again."""


class Lane:
    """Some CPUs and the containers on them: one for each group, the longest idle closed first.

    ``idle`` is how many of these may wait besides the one that runs; ``locks`` is the folder of the
    locks on CPUs. A container that the engine could not remove is removed as soon as it can be.
    """

    def __init__(
        self,
        task: CellTask,
        place: Workplace,
        recipient: Recipient,
        cpus: tuple[int, ...],
        *,
        idle: int,
        locks: Path,
    ) -> None:
        self._task = task
        self._place = place
        self._recipient = recipient
        self._cpus = cpus
        self._idle = idle
        # What a cell may write to outlives it: no other one gets the same container.
        self._one_cell_each = task.plan.isolation is Isolation.CONTAINER or task.user.is_root_inside
        self._workers: OrderedDict[Group, Worker] = OrderedDict()
        self._unclosed: list[Worker] = []
        self._engine: Engine | None = None
        self._failed = self._doubtful = False
        self.taken = False
        self.lost = place.lost
        self.locks = [lock_of(locks / f"cpu{cpu}.lock") for cpu in cpus]

    def rank(self, group: Group) -> tuple[bool, bool]:
        """Return a key to sort by: first lanes with a container for the group, then empty ones."""
        return group not in self._workers, not self._workers

    def run(self, cell: Cell) -> Record:
        """Run a cell here; one that the engine failed is run again in another container.

        Raises:
            EngineError: the engine stays silent, or no container lives long enough.
            InterruptedRunError: a stop was requested while the engine was waited for.
            StoreError: the record cannot be written.
        """
        record: Record | None = None
        for _ in range(MAX_ATTEMPTS):
            engine = self._ready()
            try:
                record = self._try(engine, cell)
            except GoneError:
                continue
            if record.outcome is not Outcome.ENGINE_ERROR:
                return record
            self._failed = self._doubtful = True
        if record is None:
            raise EngineError(
                f"The containers of {cell.group.id} end before they run anything; "
                "see the engine's log."
            )
        return record

    def _try(self, engine: Engine, cell: Cell) -> Record:
        """Make an attempt at a cell, and hand over what the attempt made."""
        worker = self._workers.pop(cell.group, None)
        if worker is None:
            self._close_all_but(self._idle)
            worker = Worker(self._task, self._place, engine, cell.group, self._cpus)
        try:
            parcel = run_cell(self._task, cell, worker, self._place.interrupts)
            record = self._recipient.receive(parcel)
        except BaseException:
            self._close(worker)
            raise
        unfit = record.outcome in (*UNFIT, Outcome.ENGINE_ERROR)
        if self._one_cell_each or unfit or not worker.started:
            self._close(worker)
        else:
            self._workers[worker.group] = worker
            self._close_all_but(self._idle + 1)
        return record

    def _ready(self) -> Engine:
        """Return the connection once the engine answers and has removed what was left to remove.

        Raises:
            EngineError: the engine stays silent, or refuses to remove a container.
            InterruptedRunError: a stop was requested meanwhile.
        """
        patience = self._place.patience
        if self._engine is None:
            self._engine = patience.until_answers(self._place.connect)
        engine = self._engine
        problem: EngineError | None = None
        for _ in range(MAX_ATTEMPTS):
            if not self._doubtful and not self._unclosed:
                return engine
            patience.until_answers(lambda seconds: engine.ping(seconds=seconds))
            self._doubtful = False
            problem = self._close_again()
        if problem is not None:
            raise problem
        return engine

    def _close(self, worker: Worker) -> EngineError | None:
        """Close a worker; one whose container cannot be removed now is kept for later."""
        try:
            worker.close()
        except EngineError as error:
            self._failed = True
            self._unclosed.append(worker)
            return error
        return None

    def _close_again(self) -> EngineError | None:
        left, self._unclosed = self._unclosed, []
        problems = [self._close(worker) for worker in left]
        return next((problem for problem in problems if problem is not None), None)

    def _close_all_but(self, count: int) -> None:
        while len(self._workers) > count:
            self._close(self._workers.popitem(last=False)[1])

    def close(self) -> None:
        """Close all containers, each even if another one fails, and the connection.

        No cell may run in any lane any more.

        Raises:
            EngineError: the engine does not remove them.
        """
        with contextlib.ExitStack() as closing:
            if self._engine is not None:
                closing.callback(self._engine.close)
            if self._place.interrupts.requested:
                self._close_again()
            self._close_all_but(0)
            with contextlib.suppress(InterruptedRunError):
                if self._failed:
                    self._remove_strays(self._ready())
            if self._unclosed:
                raise EngineError("The container engine does not remove its containers.")

    def _remove_strays(self, engine: Engine) -> None:
        """Remove containers that the engine created after the call for them was given up."""
        for container in engine.containers(f"{OWNER_LABEL}={self._place.owner.label()}"):
            if container.labels.get(RUN_LABEL) == self._task.run:
                engine.remove(container.id)
        self._failed = False
