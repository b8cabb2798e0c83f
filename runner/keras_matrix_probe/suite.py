"""Run a suite of tests with pytest, and tell of each as it begins and how it ended."""

import os
import sys
from typing import Any, Dict, List, Optional

from .contract import CaseOutcome, CasePhase, EndStatus
from .events import EventStream
from .failures import describe
from .script import flush, write

MAX_NAME = 2000
MAX_MESSAGE = 2000
NO_PYTEST = (
    "the image does not hold it: add it to the image's requirements.in, then "
    "'keras-matrix images lock' and 'keras-matrix images build'"
)
ENDINGS = {
    2: "the suite was interrupted",
    3: "pytest itself failed",
    4: "pytest could not begin: wrong usage, or a conftest.py that fails",
}
"""Exit codes of pytest that are no outcome of tests; 0, 1 and 5 (no tests) are."""
NOT_TESTS = ("__pycache__", "build", "dist", "node_modules", "venv")


class Teller:
    """A plugin of pytest; ``root`` is the suite's folder.

    One outcome a test: that of its first phase that did not pass, and ``error`` if what comes
    before or after the test itself fails, unless the test has failed already.
    """

    def __init__(self, stream: EventStream, root: str, version: str) -> None:
        self._stream = stream
        self._root = root
        self._version = version
        self._reports: List[Any] = []
        self._deselected = 0
        self.reason = ""
        """Why the suite has no result, if pytest says so."""

    def pytest_deselected(self, items: Any) -> None:
        """Hear which tests are left out by ``-k`` and the like."""
        self._deselected += len(items)

    def pytest_collectreport(self, report: Any) -> None:
        """Hear what became of a file: one that fails or is skipped whole counts as a test."""
        if report.outcome == CaseOutcome.PASSED.value:
            return
        self._stream.emit("case_start", test=_name(report.nodeid))
        skipped = report.outcome == CaseOutcome.SKIPPED.value
        outcome = CaseOutcome.SKIPPED if skipped else CaseOutcome.ERROR
        self._tell(report.nodeid, outcome, CasePhase.COLLECT, 0.0, report)

    def pytest_collection_finish(self, session: Any) -> None:
        """Hear how many tests there are."""
        self._stream.emit(
            "suite",
            pytest=self._version,
            collected=len(session.items),
            deselected=self._deselected,
        )

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Hear that a test begins."""
        self._reports = []
        self._stream.emit("case_start", test=_name(nodeid))

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Hear how a phase of a test ended."""
        self._reports.append(report)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Hear that a test has ended, its last phase too."""
        report = deciding(self._reports)
        seconds = sum(float(one.duration) for one in self._reports)
        if report is not None:
            self._tell(nodeid, outcome_of(report), CasePhase(report.when), seconds, report)

    def pytest_internalerror(self, excrepr: Any) -> None:
        """Hear that pytest itself failed."""
        self.reason = str(excrepr).strip().rpartition("\n")[2]

    def pytest_keyboard_interrupt(self, excinfo: Any) -> None:
        """Hear that the suite was interrupted, by a test or by ``pytest.exit``."""
        self.reason = str(excinfo.value) or type(excinfo.value).__name__

    def _tell(
        self, nodeid: str, outcome: CaseOutcome, phase: CasePhase, seconds: float, report: Any
    ) -> None:
        flush()
        self._stream.emit(
            "case_end",
            test=_name(nodeid),
            outcome=outcome.value,
            phase=phase.value,
            seconds=seconds,
            message=message_of(report)[:MAX_MESSAGE],
            place=_place(report, self._root)[:MAX_NAME],
        )


def is_aside(name: str) -> bool:
    """Tell whether a folder of that name holds no tests, but maybe much else: it need not change.

    A suite's root may be a whole repository, with its history and environments.
    """
    return name.startswith(".") or name in NOT_TESTS


def _name(nodeid: str) -> str:
    # That of the whole suite is empty.
    return nodeid[:MAX_NAME] or "."


def deciding(reports: List[Any]) -> Optional[Any]:
    """Return the phase whose outcome is the test's; None if there is none."""
    failed = [one for one in reports if one.outcome == CaseOutcome.FAILED.value]
    others = [
        one
        for one in reports
        if one.outcome == CaseOutcome.SKIPPED.value or hasattr(one, "wasxfail")
    ]
    calls = [one for one in reports if one.when == CasePhase.CALL.value]
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
    told = report.longrepr
    if told is None:
        return ""
    if isinstance(told, tuple):
        # Of what was skipped: file, line, reason.
        return str(told[2])
    crash = getattr(told, "reprcrash", None)
    if crash is not None:
        return str(crash.message)
    lines = str(told).splitlines()
    errors = [line[1:].strip() for line in lines if line.startswith("E ")]
    return "\n".join(errors or lines[-1:])


def _place(report: Any, root: str) -> str:
    """Return where a phase failed: ``file:line``, relative to the suite within it."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is None:
        return ""
    path = str(crash.path)
    inside = path.startswith(root + os.sep)
    return "%s:%s" % (os.path.relpath(path, root) if inside else path, crash.lineno)


def run(root: str, target: str, arguments: List[str], stream: EventStream) -> Dict[str, Any]:
    """Run the tests of ``target``, relative to ``root``; return the ``end`` event's fields.

    As with ``python -m pytest`` in ``root``, modules there can be imported. Tests that fail are
    a result: ``status`` tells whether they could be run.
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
    teller = Teller(stream, root, str(pytest.__version__))
    given = ["--rootdir", root, "--confcutdir", root, "-p", "no:cacheprovider"]
    given += ["--continue-on-collection-errors", "--color=no", *arguments, target]
    sys.argv = ["pytest", *given]
    try:
        code = int(pytest.main(given, plugins=[teller]))
    except BaseException as failure:  # of a conftest.py: whatever it raises is a result
        error = describe(failure, os.path.join(root, target.partition("::")[0]))
        write(error["traceback"])
        return {"status": EndStatus.ERROR.value, "exit_code": 1, "error": error}
    if code in ENDINGS:
        said = ": %s" % teller.reason if teller.reason else "; see the log"
        return _no_result(EndStatus.ERROR, ENDINGS[code] + said)
    return {"status": EndStatus.OK.value, "exit_code": 0, "error": None}


def _no_result(status: EndStatus, message: str) -> Dict[str, Any]:
    error = {
        "kind": "pytest",
        "message": message[:MAX_MESSAGE],
        "traceback": "",
        "file": None,
        "line": None,
    }
    return {"status": status.value, "exit_code": 1, "error": error}
