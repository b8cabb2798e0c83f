"""A cell that the engine fails is run again; what it could not remove is removed once it can."""

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keras_matrix.engine.answers import ContainerInfo
from keras_matrix.engine.client import Engine
from keras_matrix.engine.patience import Patience
from keras_matrix.engine.security import Security
from keras_matrix.engine.spec import RUN_LABEL
from keras_matrix.engine.users import cell_user
from keras_matrix.errors import EngineError, InterruptedRunError
from keras_matrix.interrupts import Interrupts
from keras_matrix.plan.cells import Cell
from keras_matrix.records.record import Outcome
from keras_matrix.run import lane
from keras_matrix.run.cell.task import CellTask
from keras_matrix.run.cell.worker import GoneError, Worker
from keras_matrix.run.lane import MAX_ATTEMPTS, Lane
from keras_matrix.run.parcel import Parcel
from tests.unit.records.builders import record
from tests.unit.run.builders import CELL, ListRecipient, place, task


class FakeEngine(Engine):
    """Answers as its fields say; ``left`` are containers that no worker knows."""

    def __init__(self) -> None:
        self.fails_to_remove = 0
        self.silent = False
        self.left: list[str] = []
        self.removed: list[str] = []

    def ping(self, *, seconds: float | None = None) -> None:
        if self.silent:
            raise EngineError("It does not answer.")

    def close(self) -> None:
        pass

    def remove(self, container: str) -> bool:
        if self.fails_to_remove:
            self.fails_to_remove -= 1
            raise EngineError("It does not remove.")
        self.removed.append(container)
        return True

    def containers(self, label: str) -> tuple[ContainerInfo, ...]:
        labels = {RUN_LABEL: "run"}
        return tuple(ContainerInfo(id=name, name=name, labels=labels) for name in self.left)


class Bench:
    """A lane whose cells end with the listed outcomes."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, **changed: Any) -> None:
        self.engine = FakeEngine()
        self.interrupts = Interrupts()
        self.outcomes: list[Outcome | type[Exception]] = []
        self.workers: list[Worker] = []
        patience = Patience(self.interrupts, wait=0.02)
        self.recipient = ListRecipient()
        self.lane = Lane(
            task(folder, **changed),
            place(folder, self.engine, self.interrupts, patience=patience),
            self.recipient,
            (0,),
            idle=1,
            locks=folder,
        )
        monkeypatch.setattr(lane, "run_cell", self._run)

    def _run(self, task: CellTask, cell: Cell, worker: Worker, interrupts: Interrupts) -> Parcel:
        self.workers.append(worker)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Outcome):
            return Parcel(record=replace(record(cell), outcome=outcome))
        raise outcome


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


def test_a_cell_that_the_engine_failed_is_run_again_in_another_container(bench: Bench) -> None:
    bench.outcomes = [Outcome.ENGINE_ERROR, Outcome.OK]
    assert bench.lane.run(CELL).outcome is Outcome.OK
    assert len(set(map(id, bench.workers))) == 2
    # Each attempt is handed over: the first one's record stays if there is no second.
    outcomes = [parcel.record.outcome for parcel in bench.recipient.parcels]
    assert outcomes == [Outcome.ENGINE_ERROR, Outcome.OK]


@pytest.mark.parametrize(("rootless", "containers"), [(True, 2), (False, 1)])
def test_root_inside_shares_its_container_with_no_other_cell(
    rootless: bool, containers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could leave something in /dev."""
    user = cell_user(Security(rootless=rootless), (1000, 1000))
    bench = Bench(tmp_path, monkeypatch, user=user)
    monkeypatch.setattr(Worker, "started", True)
    bench.outcomes = [Outcome.OK, Outcome.OK]
    for _ in range(2):
        bench.lane.run(CELL)
    assert len(set(map(id, bench.workers))) == containers


def test_not_for_ever(bench: Bench) -> None:
    bench.outcomes = [Outcome.ENGINE_ERROR] * MAX_ATTEMPTS
    assert bench.lane.run(CELL).outcome is Outcome.ENGINE_ERROR
    assert bench.outcomes == []


def test_another_failure_is_a_result(bench: Bench) -> None:
    bench.outcomes = [Outcome.TIMEOUT, Outcome.OK]
    assert bench.lane.run(CELL).outcome is Outcome.TIMEOUT


def test_containers_that_end_at_once_are_an_error(bench: Bench) -> None:
    bench.outcomes = [GoneError] * MAX_ATTEMPTS
    with pytest.raises(EngineError, match="end before they run anything"):
        bench.lane.run(CELL)


def test_an_engine_that_stays_away_ends_the_run(bench: Bench) -> None:
    bench.outcomes = [Outcome.ENGINE_ERROR]
    bench.engine.silent = True
    with pytest.raises(EngineError, match="has not answered"):
        bench.lane.run(CELL)


def test_a_cell_that_was_stopped_is_not_run_again(bench: Bench) -> None:
    bench.outcomes = [Outcome.ENGINE_ERROR]
    bench.engine.silent = True
    bench.interrupts.request(signal.SIGINT)
    with pytest.raises(InterruptedRunError):
        bench.lane.run(CELL)


def test_what_is_not_removed_is_removed_before_the_next_cell(bench: Bench) -> None:
    bench.outcomes = [Outcome.TIMEOUT, Outcome.OK]
    bench.engine.fails_to_remove = 1
    bench.lane.run(CELL)
    assert bench.engine.removed == []
    bench.lane.run(CELL)
    assert len(bench.engine.removed) == 2
    bench.lane.close()


def test_no_cell_runs_beside_what_is_never_removed(bench: Bench) -> None:
    bench.outcomes = [Outcome.TIMEOUT]
    bench.engine.fails_to_remove = 100
    bench.lane.run(CELL)
    with pytest.raises(EngineError, match="does not remove"):
        bench.lane.run(CELL)
    with pytest.raises(EngineError, match="does not remove"):
        bench.lane.close()


def test_what_was_created_after_all_is_removed_at_the_end(bench: Bench) -> None:
    bench.outcomes = [Outcome.ENGINE_ERROR, Outcome.OK]
    bench.lane.run(CELL)
    bench.engine.left = ["late"]
    bench.lane.close()
    assert bench.engine.removed[-1] == "late"
