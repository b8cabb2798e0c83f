"""What a cell tells of a suite: good, cut off, forged."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from keras_matrix.plan.contract import CaseOutcome, CasePhase
from keras_matrix.records.observation import MAX_LINE_BYTES, MAX_STREAM_BYTES, Observation, parse
from keras_matrix.records.untrusted import UnreadableError, read_bounded
from tests.unit.records.builders import END

START = {"event": "start", "protocol": 1}
SUITE: dict[str, Any] = {"event": "suite", "pytest": "7.0.1", "collected": 2, "deselected": 1}
BEGIN = {"event": "case_start", "test": "test_a.py::test_x"}
FINISH: dict[str, Any] = {
    "event": "case_end",
    "test": "test_a.py::test_x",
    "outcome": "failed",
    "phase": "call",
    "seconds": 0.5,
    "message": "AssertionError: no",
    "place": "test_a.py:3",
}
LAST = {"event": "end", **END}


def parsed(*events: object, complete: bool = True) -> Observation:
    lines = [one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n" for one in events]
    return parse(b"".join(lines), complete=complete)


def test_a_suite_from_start_to_end() -> None:
    found = parsed(START, SUITE, BEGIN, FINISH, LAST).suite
    assert found.suite is not None
    assert (found.suite.collected, found.suite.deselected) == (2, 1)
    (case,) = found.cases
    assert (case.outcome, case.phase, case.seconds) == (CaseOutcome.FAILED, CasePhase.CALL, 0.5)
    assert (case.message, case.place) == ("AssertionError: no", "test_a.py:3")
    assert found.running is None


def test_a_suite_that_was_cut_off_keeps_what_has_ended() -> None:
    other = {**BEGIN, "test": "test_a.py::test_y"}
    found = parsed(START, SUITE, BEGIN, FINISH, other, b'{"event": "case_e', complete=False).suite
    assert [case.outcome for case in found.cases] == [CaseOutcome.FAILED, None]
    assert found.running is not None
    assert found.running.test == "test_a.py::test_y"


def test_one_test_may_run_twice() -> None:
    assert len(parsed(START, BEGIN, FINISH, BEGIN, FINISH).suite.cases) == 2


def test_a_script_has_no_tests() -> None:
    found = parsed(START, LAST).suite
    assert (found.suite, found.cases, found.running) == (None, [], None)


@pytest.mark.parametrize(
    "events",
    [
        [FINISH],
        [BEGIN, BEGIN],
        [BEGIN, FINISH, FINISH],
        [BEGIN, {**FINISH, "test": "test_a.py::test_y"}],
        [SUITE, SUITE],
        [LAST, BEGIN],
    ],
)
def test_what_makes_no_sense_together_is_refused(events: list[object]) -> None:
    with pytest.raises(UnreadableError, match=r"line \d: "):
        parsed(START, *events)


@pytest.mark.parametrize(
    "changed",
    [
        {"outcome": "wonderful"},
        {"outcome": None},
        {"outcome": ["passed"]},
        {"phase": "lunch"},
        {"seconds": -1},
        {"seconds": "nan"},
        {"seconds": 1e300},
        {"message": "m" * 20000},
        {"message": {}},
        {"place": "p" * 20000},
        {"test": ""},
        {"test": 7},
        {"test": "t" * 20000},
    ],
)
def test_a_forged_end_of_a_test_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(UnreadableError, match="line 3: "):
        parsed(START, BEGIN, {**FINISH, **changed})


@pytest.mark.parametrize("changed", [{"collected": -1}, {"collected": 1.5}, {"pytest": "7" * 200}])
def test_a_forged_count_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(UnreadableError, match="line 2: "):
        parsed(START, {**SUITE, **changed})


def test_a_huge_line_is_refused() -> None:
    huge = json.dumps({**FINISH, "message": "m" * MAX_LINE_BYTES}).encode() + b"\n"
    with pytest.raises(UnreadableError, match="line 3 is longer"):
        parsed(START, BEGIN, huge)


def test_lines_that_are_no_events_are_refused() -> None:
    for line in (b"passed\n", b"\xff\n", b"[" * 5000 + b"\n", b'{"event": "case"}\n'):
        with pytest.raises(UnreadableError, match="line 2: "):
            parsed(START, line)


@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_a_stream_that_is_no_file_is_not_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "events.jsonl"
    if kind == "link":
        path.symlink_to("/etc/hostname")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(UnreadableError):
        read_bounded(path, MAX_STREAM_BYTES)
