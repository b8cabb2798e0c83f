"""The states of a run's cells, and how long the run may still take."""

from dataclasses import dataclass, replace

import pytest

from keras_matrix.plan.cells import Cell
from keras_matrix.records.record import Outcome, Record, Timing
from keras_matrix.report.progress.state import Board, CellPhase
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
    fit = call("fit")
    fit.compile_seconds = compiling
    return replace(record(cell, fit, outcome=outcome), timing=Timing(run=seconds))


def training(epoch: int, left: float | None) -> Seen:
    return Seen(call="fit", training="fit", epoch=epoch, epochs=20, left=left)


def test_the_life_of_a_cell(board: Board, clock: Clock) -> None:
    board.plan(TF[:2])
    clock.now += 5
    states = [board.now().states[0]]
    board.start(TF[0])
    states.append(board.now().states[0])
    board.see(TF[0], training(1, 9.0))
    states.append(board.now().states[0])
    board.end(ended(TF[0], 3.0, outcome=Outcome.TIMEOUT))
    states.append(board.now().states[0])
    assert [state.phase for state in states] == [
        CellPhase.WAITING,
        CellPhase.STARTING,
        CellPhase.RUNNING,
        CellPhase.ENDED,
    ]
    assert [state.under_way for state in states] == [False, True, True, False]
    assert [state.failed for state in states] == [False, False, False, True]
    assert (states[3].seconds, states[3].words, states[3].seen.epoch) == (3.0, "time-out", 1)
    now = board.now()
    assert [state.cell for state in now.states] == TF[:2]
    assert (now.elapsed, now.abreast) == (5.0, 1)


def test_an_interrupted_cell_has_not_failed(board: Board) -> None:
    board.plan(TF[:1])
    board.end(ended(TF[0], 1.0, outcome=Outcome.INTERRUPTED))
    (state,) = board.now().states
    assert (state.cut_off, state.failed) == (True, False)


def test_more_cells_may_be_planned_later(board: Board) -> None:
    board.plan(TF[:1])
    board.end(ended(TF[0], 1.0))
    board.plan(THEANO[:1])
    assert [state.phase for state in board.now().states] == [CellPhase.ENDED, CellPhase.WAITING]


def test_the_time_left_runs_down_between_epochs(board: Board, clock: Clock) -> None:
    board.plan(TF[:1])
    board.start(TF[0])
    board.see(TF[0], training(3, 9.0))
    clock.now += 4
    now = board.now()
    assert now.training_seconds_left(now.states[0]) == 5.0
    assert now.seconds_left() == 5.0
    clock.now += 40
    assert board.now().seconds_left() == 0.0


def test_without_any_figure_there_is_no_estimate(board: Board, clock: Clock) -> None:
    board.plan([TF[0], THEANO[0]])
    assert board.now().seconds_left() is None
    board.start(TF[0])
    board.see(TF[0], training(0, None))
    assert board.now().seconds_left() is None
    board.end(ended(TF[0], 10.0))
    assert board.now().seconds_left() is None, "Theano may take any time"


def test_a_waiting_cell_takes_as_long_as_its_like_without_compiling(board: Board) -> None:
    board.plan([*TF[:2], *THEANO])
    board.end(ended(TF[0], 2.0))
    board.end(ended(THEANO[0], 65.0, compiling=60.0))
    board.end(ended(THEANO[1], 0.1, outcome=Outcome.SCRIPT_ERROR))
    # One cell at a time so far: one of tf, two of theano.
    assert board.now().seconds_left() == 2.0 + 2 * 5.0


def test_before_a_cell_has_ended_a_running_one_is_the_estimate(board: Board, clock: Clock) -> None:
    board.plan(TF[:3])
    board.start(TF[0])
    clock.now += 4
    board.see(TF[0], training(5, 6.0))
    assert board.now().seconds_left() == 6.0 + 10.0 + 10.0


def test_cells_side_by_side_share_the_time(board: Board, clock: Clock) -> None:
    board.plan(TF)
    board.end(ended(TF[0], 10.0))
    board.start(TF[1])
    board.start(TF[2])
    clock.now += 4
    assert board.now().abreast == 2
    assert board.now().seconds_left() == (6.0 + 6.0 + 10.0) / 2
    board.end(ended(TF[3], 10.0))
    board.end(ended(TF[2], 10.0))
    # No sooner than the last one.
    assert board.now().seconds_left() == 6.0


def test_a_cell_may_take_longer_than_its_like(board: Board, clock: Clock) -> None:
    board.plan(TF[:2])
    board.end(ended(TF[0], 10.0))
    board.start(TF[1])
    board.see(TF[1], training(1, 50.0))
    assert board.now().seconds_left() == 50.0
