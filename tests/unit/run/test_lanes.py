"""Which cell is next: in order, but nothing is compiled twice at the same time."""

from keras_matrix.plan.cells import Cell
from keras_matrix.run.lanes import Queue

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


def test_nobody_waits_for_a_compile_if_there_is_nothing_else_to_do() -> None:
    queue = Queue(THEANO, {THEANO[0].group})
    assert [queue.take(), queue.take()] == THEANO[:2]


def test_a_queue_that_is_stopped_is_empty() -> None:
    queue = Queue(TF, set())
    queue.stop()
    assert queue.take() is None
