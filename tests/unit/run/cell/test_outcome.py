"""How a cell ended, and what it saw of its limits and its confinement."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from keras_matrix.plan.cells import Caps, Cell, Limits
from keras_matrix.plan.settings import Floatx, KerasSettings
from keras_matrix.records.events import Confinement, End, Failure, SourceLine
from keras_matrix.records.observation import Call, Observation
from keras_matrix.records.record import Outcome
from keras_matrix.run.cell.outcome import (
    Ending,
    judge,
    limits_not_applied,
    limits_seen,
    mismatch,
    not_closed,
)
from keras_matrix.run.cell.wait import FORGED
from keras_matrix_probe.environment import confinement
from tests.unit.records.builders import call, end, environment

WELL = end()
FAILURE = Failure(kind="ValueError", message="no", traceback="...", file="model.py", line=7)
WHOLE = Caps()
LIMITS = Limits(memory=512 * 2**20, timeout=90)
PLANNED = {"cpuset": 1.0, "memory": float(512 * 2**20), "cpus": 1.0, "pids": 256.0}


def failed(status: str, **changed: Any) -> End:
    return end(status=status, exit_code=1, error=FAILURE, **changed)


def judged(
    ending: Ending,
    last: End | None = WELL,
    damage: str = "",
    wrong: str = "",
    caps: Caps = WHOLE,
    calls: tuple[Call, ...] = (),
) -> tuple[Outcome, str]:
    observation = Observation(end=last, calls=list(calls))
    found = judge(ending, observation, damage, LIMITS, wrong, caps)
    return found.outcome, found.reason


@pytest.mark.parametrize(
    ("ending", "last", "outcome", "said"),
    [
        (Ending(0), WELL, Outcome.OK, ""),
        (Ending(1), failed("error"), Outcome.SCRIPT_ERROR, "ValueError: no (model.py, line 7)"),
        (Ending(1), failed("import"), Outcome.IMPORT_ERROR, "ValueError: no"),
        (Ending(1), failed("bound"), Outcome.BACKEND_BOUND, "ValueError: no"),
        (Ending(1), failed("unsupported"), Outcome.UNSUPPORTED, "ValueError: no"),
        (Ending(1), failed("data"), Outcome.MISSING_DATA, "ValueError: no"),
        (Ending(3), failed("exit"), Outcome.SCRIPT_ERROR, "ValueError: no"),
        (Ending(1), failed("memory"), Outcome.OUT_OF_MEMORY, "512 MiB"),
        (Ending(137, out_of_memory=True), None, Outcome.OUT_OF_MEMORY, "--memory"),
        (Ending(None, timed_out=True), None, Outcome.TIMEOUT, "90 s"),
        (Ending(None, interrupted=True), None, Outcome.INTERRUPTED, "stopped"),
        (Ending(None, gone=True), None, Outcome.KILLED, "removed"),
        (Ending(137), None, Outcome.KILLED, "SIGKILL"),
        (Ending(143), None, Outcome.KILLED, "SIGTERM"),
        (Ending(139), None, Outcome.CRASHED, "SIGSEGV"),
        (Ending(134), None, Outcome.CRASHED, "SIGABRT"),
        (Ending(255), None, Outcome.CRASHED, "signal 127"),
        (Ending(3), None, Outcome.CRASHED, "status 3"),
        (Ending(127, error="exec: no python"), None, Outcome.CRASHED, "exec: no python"),
        (Ending(0), None, Outcome.BAD_OUTPUT, "no end"),
        (Ending(4), WELL, Outcome.CRASHED, "status 4"),
    ],
)
def test_how_a_cell_ended(ending: Ending, last: End | None, outcome: Outcome, said: str) -> None:
    found, reason = judged(ending, last)
    assert found is outcome
    assert said in reason
    assert (found is Outcome.OK) == (reason == "")


def test_a_damaged_stream_is_bad_output() -> None:
    outcome, reason = judged(Ending(0), None, damage="line 3: not JSON")
    assert outcome is Outcome.BAD_OUTPUT
    assert "line 3: not JSON" in reason


@pytest.mark.parametrize(
    ("ending", "outcome"),
    [
        (Ending(None, interrupted=True), Outcome.INTERRUPTED),
        (Ending(None, gone=True), Outcome.KILLED),
        (Ending(None, timed_out=True), Outcome.TIMEOUT),
        (Ending(137, out_of_memory=True), Outcome.OUT_OF_MEMORY),
        (Ending(139), Outcome.CRASHED),
    ],
)
def test_why_the_stream_is_cut_goes_before_that_it_is(ending: Ending, outcome: Outcome) -> None:
    assert judged(ending, None, damage="the last line has no end")[0] is outcome


def test_a_cell_that_is_not_as_planned_has_no_score() -> None:
    assert judged(Ending(0), wrong="not so.") == (Outcome.MISMATCH, "not so.")
    assert judged(Ending(1), failed("error"), wrong="not so.")[0] is Outcome.MISMATCH


def test_an_error_without_a_place_or_a_message() -> None:
    bare = end(
        status="error",
        error=Failure(kind="KeyboardInterrupt", message="", traceback="", file=None, line=None),
    )
    assert judged(Ending(1), bare) == (Outcome.SCRIPT_ERROR, "KeyboardInterrupt")


def failure_reason(status: str, **changed: Any) -> str:
    """Return the reason for what a capped script raised after a fit."""
    failure = msgspec.structs.replace(FAILURE, **changed)
    last = end(status=status, exit_code=1, error=failure)
    return judged(Ending(1), last, caps=Caps(epochs=1), calls=(call("fit"),))[1]


def test_both_places_and_the_hint_are_named() -> None:
    deepest = SourceLine(file="plots/axes.py", line=399)
    assert failure_reason("import", deepest=deepest, hint="bring it") == (
        "ValueError: no (plots/axes.py, line 399; model.py, line 7); bring it"
    )


def test_a_script_that_was_shortened_may_fail_for_that() -> None:
    shortened = "; the script was shortened, which may be why"
    assert failure_reason("error") == "ValueError: no (model.py, line 7)" + shortened
    assert failure_reason("exit").endswith(shortened)
    for status in ("import", "bound", "data", "memory"):
        assert "shortened" not in failure_reason(status)
    # Here the cause is known.
    assert "shortened" not in failure_reason("error", hint="no network")


@pytest.mark.parametrize(
    ("caps", "calls"),
    [(Caps(), (call("fit"),)), (Caps(epochs=1), ()), (Caps(steps=1), (call("predict"),))],
)
def test_where_nothing_was_shortened_nothing_is_said(caps: Caps, calls: tuple[Call, ...]) -> None:
    reason = judged(Ending(1), failed("error"), caps=caps, calls=calls)[1]
    assert reason == "ValueError: no (model.py, line 7)"


CELL = Cell("tf")
EXPECT = {"keras": "2.3.1"}


def test_a_cell_as_planned_has_no_mismatch() -> None:
    assert mismatch(CELL, "tensorflow", EXPECT, environment()) == ""


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"backend": "theano"}, "backend is theano instead of tensorflow"),
        ({"floatx": "float64"}, "floatx is float64 instead of float32"),
        ({"epsilon": 1e-8}, "epsilon is 1e-08 instead of 1e-07"),
        (
            {"image_data_format": "channels_first"},
            "image_data_format is channels_first instead of channels_last",
        ),
        ({"packages": {"keras": "2.3.0"}}, "keras is 2.3.0 instead of 2.3.1"),
        ({"packages": {}}, "keras is missing instead of 2.3.1"),
    ],
)
def test_what_is_not_as_planned_is_named(found: dict[str, Any], said: str) -> None:
    assert said in mismatch(CELL, "tensorflow", EXPECT, environment(**found))


def test_what_to_do_depends_on_what_is_not_as_planned() -> None:
    changed = mismatch(CELL, "tensorflow", EXPECT, environment(floatx="float64"))
    assert changed.endswith("did not read the keras.json that was made for it: run it again.")
    other = mismatch(CELL, "theano", EXPECT, environment(floatx="float64"))
    assert other.endswith("; run 'keras-matrix images verify'.")


def test_the_settings_are_the_cells_own() -> None:
    cell = Cell("tf", KerasSettings(floatx=Floatx.FLOAT64, epsilon=1e-5))
    assert mismatch(cell, "tensorflow", {}, environment(floatx="float64", epsilon=1e-5)) == ""
    assert "floatx" in mismatch(cell, "tensorflow", {}, environment(epsilon=1e-5))


def test_limits_as_planned() -> None:
    assert limits_not_applied(LIMITS, PLANNED, 1) == ""
    # Kernels round to pages and periods.
    assert limits_not_applied(LIMITS, {**PLANNED, "memory": 512 * 2**20 - 4096}, 1) == ""


@pytest.mark.parametrize(
    "applied",
    [
        {},
        *({**PLANNED, name: 0.0} for name in PLANNED),
        *({**PLANNED, name: value * 2} for name, value in PLANNED.items()),
    ],
)
def test_limits_that_are_not_applied_are_told(applied: dict[str, float]) -> None:
    assert "does not apply the limits" in limits_not_applied(LIMITS, applied, 1)


def test_only_the_limit_that_is_missing_is_named() -> None:
    reason = limits_not_applied(LIMITS, {**PLANNED, "pids": 0}, 1)
    assert "pids 0 instead of 256" in reason
    assert "memory" not in reason.partition(";")[0]


@pytest.mark.parametrize(
    ("seen", "fine"),
    [
        ({"memory": 512 * 2**20, "pids": 256, "cpus": 1}, True),
        ({"memory": None, "pids": None, "cpus": None}, True),
        ({"memory": 1024 * 2**20, "pids": None, "cpus": None}, False),
        ({"memory": None, "pids": "inf", "cpus": None}, False),
        ({"memory": None, "pids": None, "cpus": "nan"}, False),
    ],
)
def test_limits_as_the_control_group_reports_them(seen: dict[str, Any], fine: bool) -> None:
    assert (limits_seen(environment(limits=seen), LIMITS, (0,)) == "") is fine


def test_the_time_limit_is_not_the_kernels() -> None:
    assert limits_not_applied(replace(LIMITS, timeout=1.0), PLANNED, 1) == ""


def test_a_cell_that_is_not_pinned_is_reported() -> None:
    assert "pin" not in limits_seen(environment(cpus=[2, 3]), LIMITS, (2, 3))
    reason = limits_seen(environment(cpus=[0, 1, 2, 3]), LIMITS, (2, 3))
    assert "does not pin cells to CPUs (0,1,2,3 instead of 2,3)" in reason


def test_what_no_cell_may_do_is_no_result() -> None:
    ending = Ending(exit_code=0, reported=True, refused=FORGED)
    assert judge(ending, Observation(end=end()), "", LIMITS, "", Caps()) == FORGED


CLOSED: dict[str, Any] = {
    "seccomp": 2,
    "no_new_privileges": True,
    "capabilities": 0,
    "interfaces": [],
}


@pytest.mark.parametrize(
    ("seen", "runtime", "problem"),
    [
        ({}, "runc", ""),
        ({"seccomp": 0}, "runc", "all system calls"),
        ({"seccomp": 0}, "runsc", ""),
        ({"no_new_privileges": False}, "runsc", "new privileges"),
        ({"capabilities": 0x2000}, "runc", "capabilities 0x2000"),
        ({"interfaces": ["eth0"]}, "runc", "network interfaces eth0"),
        (dict.fromkeys(CLOSED), "runc", ""),
    ],
)
def test_what_is_open_is_named_and_what_is_not_reported_is_not_judged(
    seen: dict[str, Any], runtime: str, problem: str
) -> None:
    found = not_closed(environment(confinement={**CLOSED, **seen}), runtime)
    assert problem in found
    assert bool(found) is bool(problem)


def test_older_records_report_no_confinement() -> None:
    assert not_closed(environment(), "runc") == ""


def test_the_probe_reports_what_is_read() -> None:
    assert msgspec.convert(confinement(), Confinement).capabilities is not None
