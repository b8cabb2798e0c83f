"""Run a suite of tests with pytest, and report when each test begins and how it ends."""

import os
import sys
from typing import Any, Dict, List, Optional

from .contract import CaseOutcome, CasePhase, EndStatus
from .events import EventStream
from .failures import describe
from .script import flush, write

MAX_TEST_NAME = 2000
"""Characters."""
MAX_TEST_MESSAGE = 2000
"""Characters."""
NO_PYTEST = (
    "the image does not hold it: add it to the image's requirements.in, then "
    "'keras-matrix images lock' and 'keras-matrix images build'"
)
NO_RESULT_CODES = {
    2: "the suite was interrupted",
    3: "pytest itself failed",
    4: "pytest could not start: wrong usage, or a conftest.py that fails",
}
"""Exit codes of pytest without which tests have no result; 0, 1 and 5 (no tests) have one."""
FOLDERS_WITHOUT_TESTS = ("__pycache__", "build", "dist", "node_modules", "venv")


class SuiteReporter:
    """A plugin of pytest that writes events; ``root`` is the suite's folder.

    Each test has one outcome: that of its first phase that did not pass. It is ``error`` if the
    setup or the teardown fails, unless the test itself has failed already.
    """

    def __init__(self, stream: EventStream, root: str, version: str) -> None:
        self._stream = stream
        self._root = root
        self._version = version
        self._reports: List[Any] = []
        self._deselected = 0
        self.reason = ""
        """Why the suite has no result, as pytest reports it."""

    def pytest_deselected(self, items: Any) -> None:
        """Count the tests that ``-k`` and the like leave out."""
        self._deselected += len(items)

    def pytest_collectreport(self, report: Any) -> None:
        """Report a file that fails or is skipped as a whole, as if it were a test."""
        if report.outcome == CaseOutcome.PASSED.value:
            return
        self._stream.emit("case_start", test=_name(report.nodeid))
        skipped = report.outcome == CaseOutcome.SKIPPED.value
        outcome = CaseOutcome.SKIPPED if skipped else CaseOutcome.ERROR
        self._report_end(report.nodeid, outcome, CasePhase.COLLECT, 0.0, report)

    def pytest_collection_finish(self, session: Any) -> None:
        """Report how many tests there are."""
        self._stream.emit(
            "suite",
            pytest=self._version,
            collected=len(session.items),
            deselected=self._deselected,
        )

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Report that a test begins."""
        self._reports = []
        self._stream.emit("case_start", test=_name(nodeid))

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Collect how each phase of a test ended."""
        self._reports.append(report)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Report how a test ended, once its last phase has ended."""
        report = deciding(self._reports)
        seconds = sum(float(phase.duration) for phase in self._reports)
        if report is not None:
            self._report_end(nodeid, outcome_of(report), CasePhase(report.when), seconds, report)

    def pytest_internalerror(self, excrepr: Any) -> None:
        """Note why pytest itself failed."""
        self.reason = str(excrepr).strip().rpartition("\n")[2]

    def pytest_keyboard_interrupt(self, excinfo: Any) -> None:
        """Note why the suite was interrupted, by a test or by ``pytest.exit``."""
        self.reason = str(excinfo.value) or type(excinfo.value).__name__

    def _report_end(
        self, nodeid: str, outcome: CaseOutcome, phase: CasePhase, seconds: float, report: Any
    ) -> None:
        flush()
        self._stream.emit(
            "case_end",
            test=_name(nodeid),
            outcome=outcome.value,
            phase=phase.value,
            seconds=seconds,
            message=message_of(report)[:MAX_TEST_MESSAGE],
            place=_place(report, self._root)[:MAX_TEST_NAME],
        )


def is_aside(name: str) -> bool:
    """Tell whether a folder of that name holds no tests, and therefore need not be copied.

    A suite's root may be a whole repository, with its history and environments.
    """
    return name.startswith(".") or name in FOLDERS_WITHOUT_TESTS


def _name(nodeid: str) -> str:
    # The node id of the whole suite is empty.
    return nodeid[:MAX_TEST_NAME] or "."


def deciding(reports: List[Any]) -> Optional[Any]:
    """Return the phase whose outcome is the test's; None if no phase was run."""
    failed = [phase for phase in reports if phase.outcome == CaseOutcome.FAILED.value]
    skipped = CaseOutcome.SKIPPED.value
    others = [p for p in reports if p.outcome == skipped or hasattr(p, "wasxfail")]
    calls = [phase for phase in reports if phase.when == CasePhase.CALL.value]
    return (failed + others + calls[-1:] + reports + [None])[0]


def outcome_of(report: Any) -> CaseOutcome:
    """Return the outcome of a phase, as pytest's own summary names it."""
    expected_to_fail = hasattr(report, "wasxfail")
    if report.outcome == CaseOutcome.SKIPPED.value:
        return CaseOutcome.XFAILED if expected_to_fail else CaseOutcome.SKIPPED
    if report.outcome == CaseOutcome.PASSED.value:
        return CaseOutcome.XPASSED if expected_to_fail else CaseOutcome.PASSED
    in_test = report.when == CasePhase.CALL.value
    return CaseOutcome.FAILED if in_test else CaseOutcome.ERROR


def message_of(report: Any) -> str:
    """Return why a phase or a file did not pass, without its traceback."""
    expected = getattr(report, "wasxfail", None)
    if expected:
        return str(expected)
    details = report.longrepr
    if details is None:
        return ""
    if isinstance(details, tuple):
        # What was skipped has file, line and reason.
        return str(details[2])
    crash = getattr(details, "reprcrash", None)
    if crash is not None:
        return str(crash.message)
    lines = str(details).splitlines()
    errors = [line[1:].strip() for line in lines if line.startswith("E ")]
    return "\n".join(errors or lines[-1:])


def _place(report: Any, root: str) -> str:
    """Return where a phase failed: ``file:line``, relative to the suite's folder if inside it."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is None:
        return ""
    path = str(crash.path)
    inside = path.startswith(root + os.sep)
    return "%s:%s" % (os.path.relpath(path, root) if inside else path, crash.lineno)


def run(root: str, target: str, arguments: List[str], stream: EventStream) -> Dict[str, Any]:
    """Run the tests of ``target``, relative to ``root``; return fields of the ``end`` event.

    As with ``python -m pytest`` in ``root``, modules there can be imported. A failed test is a
    result: ``status`` tells only whether the tests could be run.
    """
    os.chdir(root)
    sys.path.insert(0, root)
    try:
        import pytest
    except ImportError as failure:
        lacking = isinstance(failure, ModuleNotFoundError) and failure.name == "pytest"
        return _no_result(
            EndStatus.IMPORT, NO_PYTEST if lacking else "its import failed: %s" % failure
        )
    reporter = SuiteReporter(stream, root, str(pytest.__version__))
    command = ["--rootdir", root, "--confcutdir", root, "-p", "no:cacheprovider"]
    command += ["--continue-on-collection-errors", "--color=no", *arguments, target]
    sys.argv = ["pytest", *command]
    try:
        code = int(pytest.main(command, plugins=[reporter]))
    except BaseException as failure:  # whatever a conftest.py raises is a result
        error = describe(failure, os.path.join(root, target.partition("::")[0]))
        write(error["traceback"])
        return {"status": EndStatus.ERROR.value, "exit_code": 1, "error": error}
    if code in NO_RESULT_CODES:
        why = ": %s" % reporter.reason if reporter.reason else "; see the log"
        return _no_result(EndStatus.ERROR, NO_RESULT_CODES[code] + why)
    return {"status": EndStatus.OK.value, "exit_code": 0, "error": None}


def _no_result(status: EndStatus, message: str) -> Dict[str, Any]:
    error = {
        "kind": "pytest",
        "message": message[:MAX_TEST_MESSAGE],
        "traceback": "",
        "file": None,
        "line": None,
    }
    return {"status": status.value, "exit_code": 1, "error": error}
