"""What fails each time and what fails now and then."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from keras_matrix.plan.cells import Cell
from keras_matrix.records.events import Failure
from keras_matrix.records.record import Outcome, Record
from keras_matrix.trace.attempts import Settled, settle
from keras_matrix.trace.broken import find_failures
from keras_matrix.trace.dump import Capture
from keras_matrix.trace.rounds import NUDGED_REPEATS, Purpose
from tests.unit.records.builders import end, record
from tests.unit.trace.builders import CaptureWriter, chain

OK, LOCKED, TYPE = "", "OSError", "TypeError"


class Cells:
    """Stands in for the rounds of a trace; each run of a script ends as given in advance.

    ``ends`` are, by image, those of the first capture and of its repetition, then those of the
    trainings from moved weights: the class of an exception, or empty. ``early`` tells that an
    exception is raised before the model trains.
    """

    def __init__(
        self, folder: Path, *, early: bool = True, training: bool = True, **ends: Sequence[str]
    ) -> None:
        self.run = SimpleNamespace(plan=SimpleNamespace(images=tuple(ends)))
        self.capture_request = SimpleNamespace(training=training)
        self.records: dict[Cell, Record] = {}
        self.stopped: list[bool] = []
        self._folder = folder
        self._early = early
        self._ends = {image: list(listed) for image, listed in ends.items()}
        self._current: dict[tuple[str, Purpose], Cell] = {}

    def capture(self) -> dict[str, Capture]:
        captures = {image: self._execute(image, Purpose.FIRST) for image in self._ends}
        if self.capture_request.training:
            for image in self._ends:
                self._execute(image, Purpose.NUDGED, place=2)
        return captures

    def again(self, images: Sequence[str], purpose: Purpose) -> dict[str, Capture]:
        place = 1 if purpose is Purpose.FIRST else 3
        return {image: self._execute(image, purpose, place, attempt=1) for image in images}

    def check(self, images: Sequence[str], *, stop: bool) -> None:
        self.stopped.append(stop)
        for image in images:
            current = self._current[image, Purpose.FIRST]
            self._execute(image, Purpose.FIRST, 1, attempt=1)
            self._current[image, Purpose.FIRST] = current

    def attempts(self, image: str) -> list[Record]:
        return [record for cell, record in self.records.items() if cell.image == image]

    def cell(self, image: str, purpose: Purpose) -> Cell:
        return self._current[image, purpose]

    def _execute(self, image: str, purpose: Purpose, place: int = 0, attempt: int = 0) -> Capture:
        cell = Cell(image, repeat=purpose + attempt * len(Purpose))
        self._current[image, purpose] = cell
        error = self._ends[image][place]
        outcome = Outcome.SCRIPT_ERROR if error else Outcome.OK
        ended = record(cell, outcome=outcome, reason=f"{error}: no" if error else "")
        if error:
            failure = Failure(kind=error, message="no", traceback="", file=None, line=None)
            ended.observation.end = msgspec.structs.replace(end(), error=failure)
        self.records[cell] = ended
        writer = CaptureWriter(self._folder / cell.id)
        if not (error and self._early):
            writer.model(chain("a")).dump.entry("looked", model="model_1")
        return writer.read()


def settled(cells: Any) -> Settled:
    return settle(cells, cells.capture())


def outcomes(result: Settled) -> dict[str, bool]:
    return {first.image: first.ok for first in result.firsts}


def found(result: Settled) -> list[str]:
    """Return the messages of what counts as a difference."""
    by_image = {first.image: first for first in result.firsts}
    if result.unsteady:
        return []
    return [one.message for one in find_failures(by_image["tf"], by_image["theano"])]


FINE = (OK, OK, OK, OK)


def test_what_runs_is_not_run_again(tmp_path: Path) -> None:
    cells = Cells(tmp_path, tf=FINE, theano=FINE)
    result = settled(cells)
    assert len(cells.records) == 4
    assert (result.unsteady, result.notes, found(result)) == (set(), {}, [])


@pytest.mark.parametrize("early", [True, False])
def test_a_failure_that_does_not_repeat_is_a_note(tmp_path: Path, early: bool) -> None:
    result = settled(Cells(tmp_path, early=early, tf=FINE, theano=(LOCKED, OK, OK, OK)))
    assert outcomes(result) == {"tf": True, "theano": True}
    assert all(first.capture.complete for first in result.firsts)
    assert found(result) == []
    (remark,) = result.remarks("theano")
    assert remark == (
        "the script failed 1 of 3 times on theano (OSError: no): this happens now and then and "
        "does not count as a difference"
    )


@pytest.mark.parametrize("early", [True, False])
def test_a_failure_that_repeats_on_one_image_only_is_a_difference(
    tmp_path: Path, early: bool
) -> None:
    cells = Cells(tmp_path, early=early, tf=FINE, theano=(TYPE,) * 4)
    result = settled(cells)
    assert outcomes(result) == {"tf": True, "theano": False}
    assert (found(result), result.notes) == (["TypeError: no"], {})
    # The image that did not fail ran twice already: once from moved weights.
    assert cells.stopped == []


@pytest.mark.parametrize("early", [True, False])
def test_without_a_second_training_the_other_image_is_run_again(
    tmp_path: Path, early: bool
) -> None:
    cells = Cells(tmp_path, early=early, training=False, tf=FINE, theano=(TYPE, TYPE))
    result = settled(cells)
    assert found(result) == ["TypeError: no"]
    assert cells.stopped == [early]


def test_a_failure_that_the_other_image_has_at_last_is_no_difference(tmp_path: Path) -> None:
    cells = Cells(tmp_path, training=False, tf=(OK, LOCKED), theano=(LOCKED, LOCKED))
    result = settled(cells)
    assert result.unsteady == {"theano"}
    (remark,) = result.remarks("theano")
    assert remark.startswith(
        "the script failed 2 of 2 times on theano and 1 of 2 times on tf (OSError: no): this"
    )


def test_another_failure_of_the_other_image_is_another_matter(tmp_path: Path) -> None:
    result = settled(Cells(tmp_path, training=False, tf=(OK, LOCKED), theano=(TYPE, TYPE)))
    assert found(result) == ["TypeError: no"]


def test_failures_of_two_kinds_do_not_repeat(tmp_path: Path) -> None:
    result = settled(Cells(tmp_path, tf=FINE, theano=(LOCKED, TYPE, TYPE, OK)))
    assert result.unsteady == {"theano"}
    assert found(result) == []


def test_a_training_from_moved_weights_shows_that_a_script_runs(tmp_path: Path) -> None:
    result = settled(Cells(tmp_path, tf=FINE, theano=(LOCKED, LOCKED, OK, OK)))
    assert result.unsteady == {"theano"}
    assert "failed 2 of 3 times on theano" in result.remarks("theano")[0]


def test_what_fails_alike_on_all_images_is_not_run_again(tmp_path: Path) -> None:
    cells = Cells(tmp_path, early=False, tf=(TYPE,) * 4, theano=(TYPE,) * 4)
    result = settled(cells)
    assert len(cells.records) == 4
    assert found(result) == []


def test_what_failed_alike_on_all_images_but_can_run_is_run_again(tmp_path: Path) -> None:
    ends = (LOCKED, OK, OK, OK)
    result = settled(Cells(tmp_path, early=False, tf=ends, theano=ends))
    assert outcomes(result) == {"tf": True, "theano": True}


def test_a_training_from_moved_weights_that_fails_is_made_again(tmp_path: Path) -> None:
    cells = Cells(tmp_path, tf=FINE, theano=(OK, OK, LOCKED, OK))
    result = settled(cells)
    assert cells.cell("theano", Purpose.NUDGED).repeat == NUDGED_REPEATS[1]
    assert "failed 1 of 3 times on theano" in result.remarks("theano")[0]


def test_images_that_fail_before_training_in_two_ways_are_both_run_again(tmp_path: Path) -> None:
    result = settled(Cells(tmp_path, tf=(LOCKED, OK, OK, OK), theano=(TYPE,) * 4))
    assert outcomes(result) == {"tf": True, "theano": False}
    assert found(result) == ["TypeError: no"]


def test_an_image_that_turns_out_to_fail_alone_is_run_again_too(tmp_path: Path) -> None:
    theano = (LOCKED, OK, OK, OK)
    cells = Cells(tmp_path, early=False, tf=(LOCKED, LOCKED, LOCKED, OK), theano=theano)
    result = settled(cells)
    assert len(cells.attempts("tf")) == 3
    assert result.unsteady == {"tf"}
    assert found(result) == []
