"""Which cell is next: in order, but nothing is compiled twice at the same time."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from keras_matrix.interrupts import Interrupts
from keras_matrix.plan.cells import Cell, Group
from keras_matrix.run import lane
from keras_matrix.run import lanes as lanes_module
from keras_matrix.run.lanes import Lanes, Queue
from keras_matrix.run.machine import Machine
from tests.unit.run.builders import ListRecipient, place, task

TF = [Cell("tf", seed=seed) for seed in range(3)]
THEANO = [Cell("theano", seed=seed) for seed in range(3)]


def test_cells_come_in_order() -> None:
    queue = Queue([TF[0], THEANO[0], TF[1]], set())
    assert [queue.take() for _ in range(4)] == [TF[0], THEANO[0], TF[1], None]


def test_a_group_that_has_to_compile_does_so_once() -> None:
    queue = Queue([THEANO[0], THEANO[1], TF[0], THEANO[2], TF[1]], {THEANO[0].group})
    assert queue.take() == THEANO[0]
    assert queue.take() == TF[0]
    queue.done(TF[0])
    assert queue.take() == TF[1]
    queue.done(THEANO[0])
    assert [queue.take(), queue.take()] == [THEANO[1], THEANO[2]]


def test_no_lane_waits_for_a_compile_if_there_is_nothing_else_to_do() -> None:
    queue = Queue(THEANO, {THEANO[0].group})
    assert [queue.take(), queue.take()] == THEANO[:2]


def test_a_patient_queue_waits_for_a_compile() -> None:
    queue = Queue([THEANO[0], TF[0], THEANO[1]], {THEANO[0].group}, patient=True)
    assert [queue.take(), queue.take()] == [THEANO[0], TF[0]]
    taken: list[Cell | None] = []
    thread = threading.Thread(target=lambda: taken.append(queue.take()))
    thread.start()
    queue.done(TF[0])
    assert not taken
    queue.done(THEANO[0])
    thread.join(10)
    assert taken == [THEANO[1]]


def test_nobody_waits_in_a_patient_queue_that_is_stopped() -> None:
    queue = Queue(THEANO, {THEANO[0].group}, patient=True)
    queue.take()
    taken: list[Cell | None] = []
    thread = threading.Thread(target=lambda: taken.append(queue.take()))
    thread.start()
    queue.stop()
    thread.join(10)
    assert taken == [None]


def test_a_queue_that_is_stopped_is_empty() -> None:
    queue = Queue(TF, set())
    queue.stop()
    assert queue.take() is None


def test_only_groups_that_compile_and_have_no_code_kept_are_compiled_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No worker is made to find that out."""
    monkeypatch.setattr(lane, "Worker", None)
    colds: list[set[Group]] = []

    def queue(cells: Sequence[Cell], cold: set[Group], *, patient: bool) -> Queue:
        assert not patient
        colds.append(cold)
        return Queue([], cold)

    monkeypatch.setattr(lanes_module, "Queue", queue)
    engine: Any = None
    run = task(tmp_path, cells=(TF[0], THEANO[0]))
    where = place(tmp_path, engine, Interrupts())
    machine = Machine(lanes=((0,),), jobs=1, idle=0, cpu="", locks=tmp_path)
    lanes = Lanes(run, where, ListRecipient(), machine, say=lambda text: None)
    lanes.run(run.plan.cells)
    compiled_for = run.compiled_for(THEANO[0].group, where.cpu)
    assert compiled_for is not None
    entry = tmp_path / "made" / "entry"
    entry.mkdir(parents=True)
    (entry / "code.so").write_bytes(b"code")
    where.compiled.keep(compiled_for, tmp_path / "made")
    lanes.run(run.plan.cells)
    assert colds == [{THEANO[0].group}, set()]
