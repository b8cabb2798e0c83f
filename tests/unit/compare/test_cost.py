"""How long one more seed takes."""

from dataclasses import replace

import pytest

from keras_matrix.compare.cost import seed_seconds
from keras_matrix.plan.cells import Cell
from keras_matrix.records.record import Record, Timing
from tests.unit.records.builders import record


def ran(image: str, at: int, took: float, seed: int = 0) -> Record:
    began = f"2026-01-01T00:{at // 60:02}:{at % 60:02}+00:00"
    return replace(record(Cell(image, seed=seed)), started=began, timing=Timing(run=took))


def test_without_a_record_it_is_not_known() -> None:
    assert seed_seconds([]) is None


def test_one_after_the_other_it_is_the_sum_of_the_images() -> None:
    assert seed_seconds([ran("tf", 0, 10), ran("theano", 10, 30)]) == pytest.approx(40)


def test_at_the_same_time_it_is_less() -> None:
    assert seed_seconds([ran("tf", 0, 20), ran("theano", 0, 20)]) == pytest.approx(20)


def test_a_cell_that_compiled_counts_little() -> None:
    cells = [ran("tf", 0, 100, 0), ran("tf", 100, 10, 1), ran("tf", 110, 10, 2)]
    assert seed_seconds(cells) == pytest.approx(10)


def test_a_time_that_cannot_be_read_is_left_out() -> None:
    assert seed_seconds([replace(ran("tf", 0, 10), started="once")]) == pytest.approx(10)
