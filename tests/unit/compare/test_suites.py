"""Outcomes of tests compared: what differs, what is not known, what it comes to."""

from collections.abc import Sequence

import msgspec
import pytest

from keras_matrix.compare.suites import (
    CaseResult,
    NoOutcome,
    SuiteComparison,
    compare,
    within,
)
from keras_matrix.errors import ExitCode, NothingSelectedError
from keras_matrix.plan.cells import Cell
from keras_matrix.plan.contract import CaseOutcome, CasePhase
from keras_matrix.records.record import Outcome, Record
from keras_matrix.records.suite_events import Case, SuiteCollected, SuiteLog
from tests.unit.records.builders import record

BOTH = ("tf", "theano")


def case(test: str, outcome: str | None = "passed", phase: str = "call", message: str = "") -> Case:
    if outcome is None:
        return Case(test)
    return Case(test, CaseOutcome(outcome), CasePhase(phase), 0.5, message)


def cell(
    image: str,
    *cases: Case,
    outcome: Outcome = Outcome.OK,
    reason: str = "",
    collected: int | None = -1,
    log_tail: tuple[str, ...] = (),
) -> Record:
    """Return a cell's record; ``collected`` is as many as there are, None if it was not told."""
    made = record(Cell(image), outcome=outcome, reason=reason, log_tail=log_tail)
    number = len(cases) if collected == -1 else collected
    suite = SuiteCollected("7.0.1", number, 0) if number is not None else None
    made.observation.suite = SuiteLog(suite, list(cases))
    return made


def compared(*records: Record, images: Sequence[str] = BOTH) -> SuiteComparison:
    return compare("tests (a-run)", records, images)


def results(found: SuiteComparison) -> dict[str, tuple[CaseResult, ...]]:
    return {row.test: tuple(side.result for side in row.sides) for row in found.rows}


def test_the_same_outcomes_agree() -> None:
    cases = [case("a.py::test_x"), case("a.py::test_y", "failed"), case("a.py::test_z", "skipped")]
    found = compared(cell("tf", *cases), cell("theano", *cases))
    assert (found.differing, found.exit_code) == ((), ExitCode.AGREE)
    assert [tally.counts for tally in found.tallies] == [
        {CaseOutcome.PASSED: 1, CaseOutcome.FAILED: 1, CaseOutcome.SKIPPED: 1}
    ] * 2
    assert [(tally.pytest, tally.collected, tally.seconds) for tally in found.tallies] == [
        ("7.0.1", 3, 3.0)
    ] * 2


@pytest.mark.parametrize("outcome", ["failed", "error", "skipped", "xfailed", "xpassed"])
def test_another_outcome_differs(outcome: str) -> None:
    one = cell("tf", case("a.py::test_x"), case("a.py::test_y"))
    other = cell("theano", case("a.py::test_x", outcome, message="why"), case("a.py::test_y"))
    found = compared(one, other)
    assert found.exit_code is ExitCode.DIFFER
    (row,) = found.differing
    assert (row.file, row.name) == ("a.py", "test_x")
    assert (row.on("tf").result, row.on("theano").result) == (
        CaseOutcome.PASSED,
        CaseOutcome(outcome),
    )
    assert row.on("theano").message == "why"


def test_the_first_image_is_the_reference_whichever_ran_first() -> None:
    found = compared(cell("theano", case("a.py::x")), cell("tf", case("a.py::x", "failed")))
    assert found.images == BOTH
    assert results(found) == {"a.py::x": (CaseOutcome.FAILED, CaseOutcome.PASSED)}


def test_a_test_that_one_image_does_not_have_differs() -> None:
    found = compared(
        cell("tf", case("a.py::x[cpu]"), case("a.py::y")),
        cell("theano", case("a.py::x[gpu]"), case("a.py::y")),
    )
    assert results(found) == {
        "a.py::x[cpu]": (CaseOutcome.PASSED, NoOutcome.ABSENT),
        "a.py::y": (CaseOutcome.PASSED, CaseOutcome.PASSED),
        "a.py::x[gpu]": (NoOutcome.ABSENT, CaseOutcome.PASSED),
    }
    assert found.exit_code is ExitCode.DIFFER


def test_what_differs_is_grouped_by_file() -> None:
    found = compared(
        cell("tf", case("a.py::x"), case("b.py::x")),
        cell("theano", case("a.py::x", "failed"), case("b.py::x", "failed"), case("a.py::z")),
    )
    assert [row.test for row in found.differing] == ["a.py::x", "a.py::z", "b.py::x"]


@pytest.mark.parametrize("outcome", ["error", "skipped"])
def test_a_file_that_one_image_cannot_collect_stands_for_its_tests(outcome: str) -> None:
    found = compared(
        cell("tf", case("d/a.py::x"), case("d/a.py::T::y", "skipped"), case("d/ab.py::z")),
        cell("theano", case("d/a.py", outcome, "collect", "no module"), case("d/ab.py::z")),
    )
    told = CaseOutcome(outcome)
    assert results(found) == {
        "d/a.py::x": (CaseOutcome.PASSED, told),
        "d/a.py::T::y": (CaseOutcome.SKIPPED, told),
        "d/ab.py::z": (CaseOutcome.PASSED, CaseOutcome.PASSED),
    }
    assert found.rows[0].on("theano").message == "no module"


def test_a_file_that_no_image_can_collect_is_a_test_itself() -> None:
    found = compared(*(cell(image, case("a.py", "error", "collect")) for image in BOTH))
    assert results(found) == {"a.py": (CaseOutcome.ERROR, CaseOutcome.ERROR)}
    assert (found.rows[0].file, found.rows[0].name) == ("a.py", "a.py")
    assert found.exit_code is ExitCode.AGREE


def test_a_file_that_is_empty_elsewhere_differs() -> None:
    found = compared(
        cell("tf", case("b.py::x")),
        cell("theano", case("a.py", "error", "collect"), case("b.py::x")),
    )
    assert results(found)["a.py"] == (NoOutcome.ABSENT, CaseOutcome.ERROR)


@pytest.mark.parametrize(
    ("test", "whole", "inside"),
    [
        ("d/a.py::x", "d/a.py", True),
        ("d/a.py::x", "d", True),
        ("d/a.py::T::x", "d/a.py::T", True),
        ("d/a.py::x", ".", True),
        ("d/a.pyx::x", "d/a.py", False),
        ("d/a.py::x", "d/a", False),
    ],
)
def test_what_is_within_a_file_or_folder(test: str, whole: str, inside: bool) -> None:
    assert within(test, whole) is inside


def test_a_cell_that_was_cut_off_is_a_failure_and_its_rest_is_not_known() -> None:
    tests = [case(f"a.py::{name}") for name in "wxyz"]
    found = compared(
        cell("tf", *tests),
        cell(
            "theano",
            *(tests[0], case("a.py::x", None)),
            outcome=Outcome.CRASHED,
            reason="The process crashed (SIGSEGV); see the log.",
            collected=4,
            log_tail=("Segmentation fault",),
        ),
    )
    assert results(found) == {
        "a.py::w": (CaseOutcome.PASSED, CaseOutcome.PASSED),
        "a.py::x": (CaseOutcome.PASSED, NoOutcome.CUT_OFF),
        "a.py::y": (CaseOutcome.PASSED, NoOutcome.NOT_RUN),
        "a.py::z": (CaseOutcome.PASSED, NoOutcome.NOT_RUN),
    }
    # What is not known is no difference.
    assert [row.test for row in found.differing] == ["a.py::x"]
    assert found.exit_code is ExitCode.CELL_FAILED
    (failure,) = found.failures
    assert failure.reason == (
        "The process crashed (SIGSEGV); see the log. It ended in a.py::x, after 1 test."
    )
    assert failure.log_tail == ("Segmentation fault",)
    assert found.tallies[1].running == "a.py::x"


def test_what_no_image_came_to_is_counted() -> None:
    cases = (case("a.py::x"), case("a.py::y", None))
    found = compared(*(cell(image, *cases, outcome=Outcome.TIMEOUT, collected=9) for image in BOTH))
    assert [tally.counts[NoOutcome.NOT_RUN] for tally in found.tallies] == [7, 7]
    assert found.differing == ()


def test_a_cell_without_any_test_is_a_failure_not_a_difference() -> None:
    found = compared(
        cell("tf", case("a.py::x")),
        cell("theano", outcome=Outcome.IMPORT_ERROR, reason="pytest: no.", collected=None),
    )
    assert results(found) == {"a.py::x": (CaseOutcome.PASSED, NoOutcome.NOT_RUN)}
    assert (found.differing, found.exit_code) == ((), ExitCode.CELL_FAILED)
    assert found.tallies[1].counts == {NoOutcome.NOT_RUN: 1}


def test_a_cell_that_has_not_run_is_no_agreement() -> None:
    found = compare("t", [cell("tf", case("a.py::x"))], BOTH, missing=["theano"])
    assert (found.images, found.missing) == (("tf",), ("theano",))
    assert found.exit_code is ExitCode.CELL_FAILED


def test_no_test_on_any_image_is_an_error() -> None:
    with pytest.raises(NothingSelectedError, match="collected no test on tf, theano; check"):
        compared(cell("tf"), cell("theano"))
    with pytest.raises(NothingSelectedError):
        compared()


def test_no_test_because_the_cells_failed_is_theirs_to_tell() -> None:
    failed = [cell(image, outcome=Outcome.SCRIPT_ERROR, collected=None) for image in BOTH]
    found = compared(*failed)
    assert (found.rows, found.exit_code) == ((), ExitCode.CELL_FAILED)


def test_a_name_that_comes_again_counts_on() -> None:
    one = cell("tf", case("a.py::x"), case("a.py::x"))
    other = cell("theano", case("a.py::x"), case("a.py::x", "failed"))
    assert results(compared(one, other)) == {
        "a.py::x": (CaseOutcome.PASSED, CaseOutcome.PASSED),
        "a.py::x#2": (CaseOutcome.PASSED, CaseOutcome.FAILED),
    }


def test_three_images() -> None:
    found = compared(
        cell("tf", case("a.py::x")),
        cell("theano", case("a.py::x")),
        cell("cntk", case("a.py::x", "failed")),
        images=("tf", "theano", "cntk"),
    )
    assert results(found) == {
        "a.py::x": (CaseOutcome.PASSED, CaseOutcome.PASSED, CaseOutcome.FAILED)
    }


def test_a_record_keeps_its_tests() -> None:
    made = cell("tf", case("a.py::x", "failed", message="no"), case("a.py::y", None))
    again = msgspec.json.decode(msgspec.json.encode(made), type=Record)
    assert again.observation.suite == made.observation.suite
