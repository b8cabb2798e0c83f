"""The engine is slow, hangs, gives answers that are none, goes away for a while or for good."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keras_matrix.engine.spec import RUN_LABEL
from keras_matrix.records.record import Outcome
from tests import ROOT
from tests.integration.aftermath import FAULTY_COMMAND, Aftermath, DisturbedRun, essence
from tests.integration.conftest import SCRIPTS, clean_environment, the_record
from tests.integration.own_engine import OwnEngine, own_engine
from tests.integration.proxy import (
    ANY,
    CREATE,
    INSPECT,
    LIST,
    LOGS,
    PING,
    REMOVE,
    START,
    Fault,
    FaultKind,
    Proxy,
)
from tests.integration.tables import Report

__all__ = ["own_engine"]
pytestmark = pytest.mark.alone
SECTION = "The container engine"
WAITING = "waiting for the container engine"
SOON = "3"
"""Seconds to wait for an engine, where it does not come back."""
IN_A_CELL = 2
"""The inspection that is the first one while a cell runs; the one before reads back limits."""
BAD = {
    FaultKind.CUT: "The connection is cut before the answer",
    FaultKind.CUT_ANSWER: "The connection is cut in the middle of the answer",
    FaultKind.GARBLED: "The answer is garbage",
    FaultKind.EMPTY: "The answer lacks all that it should hold",
    FaultKind.ERROR: "The answer is status 500",
}


def through(proxy: Proxy, run: DisturbedRun, seconds: str = "60") -> "subprocess.Popen[str]":
    """Begin a run whose engine is behind the proxy, and is waited for so many seconds."""
    run.environment = {**proxy.environment, "KERAS_MATRIX_ENGINE_WAIT": seconds}
    return run.start()


Resume = Callable[[DisturbedRun, Aftermath, str], None]


@pytest.fixture
def goes_on(undisturbed: dict[str, Any], report_row: Report) -> Resume:
    """Let a run go on without a fault, compare its records, and report the row."""

    def go_on(run: DisturbedRun, after: Aftermath, fault: str) -> None:
        run.environment.pop("KERAS_MATRIX_ENGINE_WAIT", None)
        # What never began is not gone on with, but begun.
        resumed = run.resume() if run.run.exists() else run.finish(run.start())
        assert resumed.code == 0, resumed.err
        assert (resumed.containers_left, resumed.stray) == ("nothing", ())
        assert essence(run.run) == undisturbed
        report_row(
            *("faults", SECTION, fault),
            *(after.message, after.code, after.on_disk, after.containers_left, resumed.on_disk),
        )

    return go_on


def test_a_slow_engine_is_waited_for(disturbed: DisturbedRun, goes_on: Resume) -> None:
    with Proxy(Fault(FaultKind.DELAY, ANY, nth=0, seconds=0.4)) as proxy:
        after = disturbed.finish(through(proxy, disturbed))
    assert after.code == 0, after.err
    disturbed.environment = {}
    goes_on(disturbed, after, "Each answer takes 0.4 s longer")


@pytest.mark.parametrize("kind", BAD, ids=lambda kind: kind.name)
def test_a_bad_answer_does_not_lose_a_cell(
    kind: FaultKind, disturbed: DisturbedRun, goes_on: Resume
) -> None:
    # A container for each cell, and two attempts that fail for each; a start may have been done.
    disturbed.cells = (*disturbed.cells, "--isolation", "container")
    faults = (
        *(Fault(kind, CREATE, 1), Fault(kind, INSPECT, 1), Fault(kind, START, 2)),
        *(Fault(kind, LOGS, 2), Fault(kind, REMOVE, 1)),
    )
    with Proxy(*faults) as proxy:
        after = disturbed.finish(through(proxy, disturbed))
        assert proxy.happened == set(faults)
    assert after.code == 0, after.err
    assert after.containers_left == "nothing"
    disturbed.environment = {}
    goes_on(disturbed, after, f"{BAD[kind]}, at create, start, inspect, logs and remove")


@pytest.mark.parametrize(
    ("at", "nth", "moment", "begun"),
    [
        (PING, 1, "at the first request", False),
        (LIST, 1, "while leftovers are looked for", False),
        (CREATE, 1, "while a container is created", True),
        (START, 1, "while a container is started", True),
        (INSPECT, IN_A_CELL, "while a cell runs", True),
        (REMOVE, 1, "while a container is removed", True),
    ],
)
def test_ctrl_c_while_the_engine_hangs(
    at: str, nth: int, moment: str, begun: bool, disturbed: DisturbedRun, goes_on: Resume
) -> None:
    with Proxy(Fault(FaultKind.STALLED, at, nth)) as proxy:
        process = through(proxy, disturbed, SOON)
        assert proxy.fault_met.wait(60)
        process.send_signal(signal.SIGINT)
        asked = time.monotonic()
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert time.monotonic() - asked < 20
    _until_no_cell_runs(disturbed)
    after = disturbed.observe(process.returncode, out, err)
    assert after.code == 130
    assert "Traceback" not in err
    assert ("does not answer: containers may be left" in after.message) == begun
    disturbed.environment = {}
    goes_on(disturbed, after, f"It hangs {moment}; Ctrl-C twice")


def _until_no_cell_runs(run: DisturbedRun) -> None:
    """Wait for containers that notice that nobody is left who wants their results."""
    filters: Any = {"label": f"{RUN_LABEL}={run.name}", "status": "running"}
    deadline = time.monotonic() + 60
    while run.client.containers.list(filters=filters, ignore_removed=True):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_cell_is_not_waited_for_longer_because_the_engine_hangs(disturbed: DisturbedRun) -> None:
    disturbed.script = SCRIPTS / "sleeps.py"
    disturbed.cells = ("--on", "tf", "--jobs", "1", "--timeout", "3")
    with Proxy(Fault(FaultKind.STALLED, INSPECT, IN_A_CELL)) as proxy:
        after = disturbed.finish(through(proxy, disturbed, SOON))
    assert after.code == 5
    assert "has not answered for 3 s" in after.message
    assert the_record(disturbed.results).outcome is Outcome.TIMEOUT


def test_an_engine_that_comes_back_is_waited_for(disturbed: DisturbedRun, goes_on: Resume) -> None:
    with Proxy(Fault(FaultKind.AWAY, INSPECT, IN_A_CELL, seconds=4)) as proxy:
        after = disturbed.finish(through(proxy, disturbed))
    assert after.code == 0, after.err
    assert after.err.count(WAITING) == 1
    assert after.containers_left == "nothing"
    disturbed.environment = {}
    goes_on(disturbed, after, "It refuses connections for 4 s while a cell runs")


def test_ctrl_c_while_it_is_waited_for(disturbed: DisturbedRun, goes_on: Resume) -> None:
    with Proxy(Fault(FaultKind.AWAY, INSPECT, IN_A_CELL, seconds=600)) as proxy:
        process = through(proxy, disturbed)
        assert process.stderr is not None
        said = ""
        while WAITING not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    _until_no_cell_runs(disturbed)
    after = disturbed.observe(process.returncode, out, said + err)
    assert after.code == 130
    disturbed.environment = {}
    goes_on(disturbed, after, "It refuses connections for good while a cell runs; Ctrl-C")


def test_stopped_and_started_again(
    disturbed: DisturbedRun, own_engine: OwnEngine, goes_on: Resume
) -> None:
    disturbed.client = own_engine.client
    with Proxy(Fault(FaultKind.HANG, INSPECT, IN_A_CELL), engine=str(own_engine.socket)) as proxy:
        process = through(proxy, disturbed)
        assert proxy.fault_met.wait(60), process.communicate()
        own_engine.stop()
        proxy.heal.set()
        own_engine.start()
        disturbed.client = own_engine.client
        after = disturbed.finish(process)
    assert after.code == 0, after.err
    assert after.containers_left == "nothing"
    disturbed.environment = own_engine.environment
    goes_on(disturbed, after, "It is stopped while a cell runs, and started again")


def test_no_room_in_its_storage(
    disturbed: DisturbedRun, own_engine: OwnEngine, goes_on: Resume
) -> None:
    disturbed.client, disturbed.environment = own_engine.client, own_engine.environment
    with own_engine.full_storage():
        after = disturbed.finish(disturbed.start())
    assert (after.code, after.containers_left, after.stray) == (3, "nothing", ())
    (said,) = {record.reason for record in disturbed.run.records()}
    goes_on(
        disturbed, replace(after, message=said), "The disk that it stores containers on is full"
    )


def test_killed_for_good(disturbed: DisturbedRun, own_engine: OwnEngine, goes_on: Resume) -> None:
    with Proxy(Fault(FaultKind.HANG, INSPECT, IN_A_CELL), engine=str(own_engine.socket)) as proxy:
        process = through(proxy, disturbed, SOON)
        assert proxy.fault_met.wait(60), process.communicate()
        own_engine.kill()
        proxy.heal.set()
        out, err = process.communicate(timeout=60)
    own_engine.start()
    disturbed.client = own_engine.client
    after = disturbed.observe(process.returncode, out, err)
    assert after.code == 5
    assert "has not answered for 3 s" in after.message
    disturbed.environment = own_engine.environment
    goes_on(disturbed, after, "It is killed with SIGKILL while a cell runs, and started later")


def test_a_terminal_that_is_closed(
    disturbed: DisturbedRun, undisturbed: dict[str, Any], report_row: Report, tmp_path: Path
) -> None:
    """Nobody is left to be told anything; all else is as after SIGTERM."""
    begun = tmp_path / "begun"
    # Held as the cell is about to run, so that the cell never ends first.
    hold = f"sh -c 'trap \"\" HUP; touch {begun}; sleep 2'"
    at = ("--at", "keras_matrix.run.cell.worker:Worker.run", "--before", "command")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        # Its terminal is one of its own: the end of that is a hang-up to it, which whoever runs
        # the tests may have set to be ignored.
        [
            *("env", "--default-signal=HUP", "setsid", "--ctty", sys.executable),
            *(str(FAULTY_COMMAND), *at, "--", *disturbed.arguments()),
        ],
        cwd=ROOT,
        env=clean_environment(FAULTY_COMMAND=hold),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        while not begun.exists():
            assert process.poll() is None
            if select.select([ours], [], [], 0.1)[0]:
                os.read(ours, 4096)
        os.close(ours)
        assert process.wait(timeout=60) == 129
    after = disturbed.observe(129, "", "")
    resumed = disturbed.resume()
    assert resumed.code == 0, resumed.err
    assert essence(disturbed.run) == undisturbed
    report_row(
        *("faults", "The host process itself", "The terminal is closed while a cell runs (SIGHUP)"),
        *(after.message, after.code, after.on_disk, after.containers_left, resumed.on_disk),
    )
