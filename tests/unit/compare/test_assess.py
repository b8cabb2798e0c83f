"""What is made of runs on disk."""

from dataclasses import replace
from pathlib import Path

from keras_matrix.compare.assess import compare_run, compare_two, reproduce
from keras_matrix.compare.reproduction import FigureVerdict
from keras_matrix.load.reported import Figure, Reported, Unit
from keras_matrix.plan.cells import Cell
from keras_matrix.records.record import Record
from keras_matrix.records.recorded import read
from tests.unit.records.builders import call, record, run_folder, tf_and_theano


def looping(image: str) -> Record:
    """Return a record of twenty fits from one line, with their numbers for losses."""
    fits = (call(f"fit#{number}", {"loss": float(number)}) for number in range(1, 21))
    return record(Cell(image), *fits)


def test_what_tells_chance_from_a_difference_comes_last(tmp_path: Path) -> None:
    notes = compare_run(read(tf_and_theano(tmp_path / "run", tf=0.5, theano=0.9))).notes
    assert "tells chance from a difference" in notes[-1]
    assert compare_run(read(tf_and_theano(tmp_path / "same"))).notes == ()


def test_a_loop_is_compared_by_its_ends(tmp_path: Path) -> None:
    run = read(run_folder(tmp_path / "run", [looping("tf"), looping("theano")]))
    told = "fit at model.py:3: 20 calls; the first and the last are compared."
    for comparison in (compare_run(run), compare_two(run, run)):
        metrics = {row.metric for row in comparison.rows}
        assert metrics == {"fit#1.loss", "fit#20.loss"}
        assert comparison.notes == (told,)


def test_a_reported_figure_may_be_one_in_the_middle_of_a_loop(tmp_path: Path) -> None:
    records = [replace(looping("tf"), cell=Cell("tf", seed=seed)) for seed in range(3)]
    run = read(run_folder(tmp_path / "run", records))
    reported = Figure(image="tf", metric="fit#7.loss", value=7.0, resolution=0.1, unit=Unit.NONE)
    (found,) = reproduce(run, Reported({}, (reported,), ())).figures
    assert found.verdict is FigureVerdict.CONSISTENT
