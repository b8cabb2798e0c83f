"""What is known of the cells of a run, and how long it may still take."""

from dataclasses import dataclass, replace

import pytest

from keras_matrix.plan.cells import Cell
from keras_matrix.records.record import Outcome, Record, Timing
from keras_matrix.report.progress.state import Board, Phase
from keras_matrix.run.cell.watch import Seen
from tests.unit.records.builders import call, record

TF = [Cell("tf", seed=seed) for seed in range(4)]
THEANO = [Cell("theano", seed=seed) for seed in range(4)]


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board(clock: Clock) -> Board:
    return Board(lambda record: record.outcome.value, clock)


def ended(
    cell: Cell, seconds: float, compiling: float = 0.0, outcome: Outcome = Outcome.OK
) -> Record:
    made = call("fit")
    made.compile_seconds = compiling
    return replace(record(cell, made, outcome=outcome), timing=Timing(run=seconds))


def training(epoch: int, left: float | None) -> Seen:
    return Seen(call="fit", training="fit", epoch=epoch, epochs=20, left=left)


def test_the_life_of_a_cell(board: Board, clock: Clock) -> None:
    board.plan(TF[:2])
    clock.now += 5
    seen = [board.now().states[0]]
    board.start(TF[0])
    seen.append(board.now().states[0])
    board.see(TF[0], training(1, 9.0))
    seen.append(board.now().states[0])
    board.end(ended(TF[0], 3.0, outcome=Outcome.TIMEOUT))
    seen.append(board.now().states[0])
    assert [state.phase for state in seen] == [
        Phase.WAITING,
        Phase.STARTING,
        Phase.RUNNING,
        Phase.ENDED,
    ]
    assert [state.under_way for state in seen] == [False, True, True, False]
    assert [state.failed for state in seen] == [False, False, False, True]
    assert (seen[3].seconds, seen[3].words, seen[3].seen.epoch) == (3.0, "time-out", 1)
    now = board.now()
    assert [state.cell for state in now.states] == TF[:2]
    assert (now.elapsed, now.abreast) == (5.0, 1)


def test_who_was_interrupted_has_not_failed(board: Board) -> None:
    board.plan(TF[:1])
    board.end(ended(TF[0], 1.0, outcome=Outcome.INTERRUPTED))
    (state,) = board.now().states
    assert (state.cut_off, state.failed) == (True, False)


def test_more_cells_may_be_planned_later(board: Board) -> None:
    board.plan(TF[:1])
    board.end(ended(TF[0], 1.0))
    board.plan(THEANO[:1])
    assert [state.phase for state in board.now().states] == [Phase.ENDED, Phase.WAITING]


def test_the_time_of_epochs_runs_down_while_nothing_is_heard(board: Board, clock: Clock) -> None:
    board.plan(TF[:1])
    board.start(TF[0])
    board.see(TF[0], training(3, 9.0))
    clock.now += 4
    now = board.now()
    assert now.left_of(now.states[0]) == 5.0
    assert now.left() == 5.0
    clock.now += 40
    assert board.now().left() == 0.0


def test_nothing_is_told_of_what_nothing_is_known_of(board: Board, clock: Clock) -> None:
    board.plan([TF[0], THEANO[0]])
    assert board.now().left() is None
    board.start(TF[0])
    board.see(TF[0], training(0, None))
    assert board.now().left() is None
    board.end(ended(TF[0], 10.0))
    assert board.now().left() is None, "Theano may take any time"


def test_who_waits_takes_as_long_as_its_like_took_without_compiling(board: Board) -> None:
    board.plan([*TF[:2], *THEANO])
    board.end(ended(TF[0], 2.0))
    board.end(ended(THEANO[0], 65.0, compiling=60.0))
    board.end(ended(THEANO[1], 0.1, outcome=Outcome.SCRIPT_ERROR))
    # One cell at a time so far: one of tf, two of theano.
    assert board.now().left() == 2.0 + 2 * 5.0


def test_before_one_has_ended_one_that_runs_tells_of_those_that_wait(
    board: Board, clock: Clock
) -> None:
    board.plan(TF[:3])
    board.start(TF[0])
    clock.now += 4
    board.see(TF[0], training(5, 6.0))
    assert board.now().left() == 6.0 + 10.0 + 10.0


def test_cells_side_by_side_share_the_time(board: Board, clock: Clock) -> None:
    board.plan(TF)
    board.end(ended(TF[0], 10.0))
    board.start(TF[1])
    board.start(TF[2])
    clock.now += 4
    assert board.now().abreast == 2
    assert board.now().left() == (6.0 + 6.0 + 10.0) / 2
    board.end(ended(TF[3], 10.0))
    board.end(ended(TF[2], 10.0))
    # No sooner than the last one.
    assert board.now().left() == 6.0


def test_a_cell_may_take_longer_than_its_like(board: Board, clock: Clock) -> None:
    board.plan(TF[:2])
    board.end(ended(TF[0], 10.0))
    board.start(TF[1])
    board.see(TF[1], training(1, 50.0))
    assert board.now().left() == 50.0
