"""The probe that runs tests: in this process, and as a cell runs it; with the host's pytest."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from keras_matrix.plan.contract import CaseOutcome, CasePhase
from keras_matrix.records.observation import parse
from keras_matrix.records.suite_events import SuiteLog
from keras_matrix_probe import suite
from keras_matrix_probe.contract import EVENTS_FILE
from keras_matrix_probe.events import EventStream
from keras_matrix_probe.suite import MAX_TEST_MESSAGE, deciding, message_of, outcome_of
from tests.unit.probe.test_main import Cell

PASSED = CaseOutcome.PASSED

OUTCOMES = """
import unittest
import pytest

@pytest.fixture
def broken():
    raise RuntimeError("setup")

@pytest.fixture
def unclean():
    yield
    raise RuntimeError("teardown")

def test_passes(): pass
def test_fails(): assert [1] == [2], "not\\nthe same"
def test_error(broken): pass
def test_passes_then_errs(unclean): pass
def test_fails_then_errs(unclean): assert False
@pytest.mark.skip(reason="never")
def test_skipped(): pass
def test_skips_itself(): pytest.skip("not here")
@pytest.mark.xfail(reason="known")
def test_xfails(): assert False
@pytest.mark.xfail(reason="mended")
def test_xpasses(): pass
@pytest.mark.xfail(reason="mended", strict=True)
def test_xpasses_strictly(): pass
@pytest.mark.xfail(run=False, reason="crashes")
def test_is_not_run(): assert False
def test_exits(): raise SystemExit(3)
@pytest.mark.parametrize("x", ["a::b", "[/]"])
def test_many(x): assert x == "a::b"

class TestOld(unittest.TestCase):
    def test_it(self): self.assertEqual(1, 2)
"""
ENDS: dict[str, tuple[str, str, str]] = {
    "test_passes": ("passed", "call", ""),
    "test_fails": ("failed", "call", "AssertionError: not"),
    "test_error": ("error", "setup", "RuntimeError: setup"),
    "test_passes_then_errs": ("error", "teardown", "RuntimeError: teardown"),
    "test_fails_then_errs": ("failed", "call", "assert False"),
    "test_skipped": ("skipped", "setup", "Skipped: never"),
    "test_skips_itself": ("skipped", "call", "Skipped: not here"),
    "test_xfails": ("xfailed", "call", "known"),
    "test_xpasses": ("xpassed", "call", "mended"),
    "test_xpasses_strictly": ("failed", "call", "[XPASS(strict)] mended"),
    "test_is_not_run": ("xfailed", "setup", "[NOTRUN] crashes"),
    "test_exits": ("failed", "call", "SystemExit: 3"),
    "test_many[a::b]": ("passed", "call", ""),
    "test_many[[/]]": ("failed", "call", "AssertionError: assert '[/]' == 'a::b'"),
    "TestOld::test_it": ("failed", "call", "AssertionError: 1 != 2"),
}


class Place:
    """A suite's folder, and what was reported of its tests."""

    def __init__(self, root: Path) -> None:
        self.root = root / "suite"
        self.output = root / "output"
        self.output.mkdir()
        self.end: dict[str, Any] = {}

    def write(self, files: dict[str, str]) -> None:
        write(self.root, files)

    def run(self, files: dict[str, str], *arguments: str, target: str = ".") -> SuiteLog:
        self.write(files)
        stream = EventStream(str(self.output))
        stream.emit("start", protocol=1)
        self.end = suite.run(str(self.root), f"./{target}", list(arguments), stream)
        stream._file.close()
        return parse((self.output / EVENTS_FILE).read_bytes(), complete=True).suite


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Lend a place for tests to run in, in this process, which forgets them again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    known = dict(sys.modules)
    yield Place(tmp_path)
    for name in set(sys.modules) - set(known):
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def cell(tmp_path: Path) -> Cell:
    return Cell(tmp_path)


def outcomes(log: SuiteLog) -> list[tuple[str, CaseOutcome | None]]:
    return [(case.test, case.outcome) for case in log.cases]


def test_every_outcome(place: Place) -> None:
    log = place.run({"tests/test_all.py": OUTCOMES}, target="tests")
    # That tests fail is a result: they could be run.
    assert (place.end["status"], place.end["exit_code"]) == ("ok", 0)
    ends = {}
    for case in log.cases:
        assert case.outcome is not None
        assert case.phase is not None
        first = case.message.partition("\n")[0]
        ends[case.test] = (case.outcome.value, case.phase.value, first)
    assert ends == {f"tests/test_all.py::{name}": end for name, end in ENDS.items()}
    failed = log.cases[1]
    assert "the same" in failed.message
    assert failed.place == "tests/test_all.py:15"
    assert failed.seconds is not None
    assert log.suite is not None
    assert (log.suite.collected, log.suite.deselected) == (15, 0)
    assert log.suite.pytest == pytest.__version__


def test_one_test(place: Place) -> None:
    files = {"test_a.py": "def test_x(): pass\ndef test_y(): pass\n"}
    assert outcomes(place.run(files, target="test_a.py::test_y")) == [("test_a.py::test_y", PASSED)]


def test_what_is_deselected_is_counted(place: Place) -> None:
    log = place.run({"test_a.py": "def test_x(): pass\ndef test_y(): pass\n"}, "-k", "x")
    assert outcomes(log) == [("test_a.py::test_x", PASSED)]
    assert log.suite is not None
    assert (log.suite.collected, log.suite.deselected) == (1, 1)


def test_without_any_test_the_suite_reports_none_and_does_not_fail(place: Place) -> None:
    log = place.run({"test_a.py": "x = 1\n"})
    assert (place.end["status"], log.cases) == ("ok", [])
    assert log.suite is not None
    assert log.suite.collected == 0


def test_files_that_cannot_be_collected_do_not_stop_the_others(place: Place) -> None:
    files = {
        "test_a.py": "import no_such_module\n",
        "test_b.py": "import pytest\npytest.skip('not here', allow_module_level=True)\n",
        "test_c.py": "def test_x(): pass\n",
    }
    broken, skipped, good = place.run(files).cases
    assert (broken.test, broken.outcome, broken.phase) == (
        *("test_a.py", CaseOutcome.ERROR),
        CasePhase.COLLECT,
    )
    assert broken.message == "ModuleNotFoundError: No module named 'no_such_module'"
    assert (skipped.test, skipped.outcome, skipped.phase) == (
        *("test_b.py", CaseOutcome.SKIPPED),
        CasePhase.COLLECT,
    )
    assert skipped.message == "Skipped: not here"
    assert (good.test, good.outcome) == ("test_c.py::test_x", PASSED)


def test_conftests_and_modules_of_the_root_are_there(place: Place) -> None:
    files = {
        "conftest.py": "import pytest\n@pytest.fixture\ndef top(): return 1\n",
        "km_package/__init__.py": "value = 2\n",
        "tests/deep/conftest.py": "import pytest\n@pytest.fixture\ndef deep(top): return top + 1\n",
        "tests/deep/test_a.py": (
            "import km_package\ndef test_x(deep): assert deep == km_package.value\n"
        ),
    }
    log = place.run(files, target="tests/deep")
    assert outcomes(log) == [("tests/deep/test_a.py::test_x", PASSED)]
    # Not even pytest leaves anything beside the tests.
    assert not list(place.root.rglob("*cache*"))


def test_modules_of_the_root_are_there_without_a_conftest(place: Place) -> None:
    files = {"km_module.py": "", "tests/test_a.py": "import km_module\ndef test_x(): pass\n"}
    assert outcomes(place.run(files, target="tests")) == [("tests/test_a.py::test_x", PASSED)]


def test_addopts_of_the_suite_can_be_put_aside(place: Place) -> None:
    files = {"test_a.py": "def test_x(): pass\n", "pytest.ini": "[pytest]\naddopts = --pep8 -n2\n"}
    assert outcomes(place.run(files, "-o", "addopts=")) == [("test_a.py::test_x", PASSED)]


@pytest.mark.parametrize(
    ("files", "arguments", "reason"),
    [
        ({}, ("--no-such-option",), "pytest could not start"),
        ({"conftest.py": "import no_such_module\n"}, (), "pytest could not start"),
        (
            {"test_a.py": "import pytest\ndef test_x(): pytest.exit('enough')\n"},
            (),
            "the suite was interrupted: enough",
        ),
        (
            {"conftest.py": "def pytest_runtest_logreport(report): raise ValueError('odd')\n"},
            (),
            "pytest itself failed: ",
        ),
    ],
)
def test_what_keeps_pytest_from_its_end_is_no_result(
    place: Place, files: dict[str, str], arguments: tuple[str, ...], reason: str
) -> None:
    place.run({"test_b.py": "def test_y(): pass\n", **files}, *arguments)
    assert (place.end["status"], place.end["exit_code"]) == ("error", 1)
    assert place.end["error"]["message"].startswith(reason)


def test_a_conftest_that_exits_is_no_result(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.run({"conftest.py": "raise SystemExit('enough')\n"})
    assert place.end["exit_code"] == 1
    assert "enough" in str(place.end["error"]) + capsys.readouterr().err


def test_texts_are_kept_within_bounds(place: Place) -> None:
    text = (
        "import pytest\n"
        "@pytest.mark.parametrize('x', [1], ids=['i' * 9000])\n"
        "def test_long(x): raise ValueError('m' * 100000)\n"
        "def test_odd(): raise ValueError('\\x1b[31m \\ud800 \\u202e')\n"
    )
    long, odd = place.run({"test_a.py": text}).cases
    assert len(long.message) == MAX_TEST_MESSAGE
    assert (long.outcome, odd.outcome) == (CaseOutcome.FAILED, CaseOutcome.FAILED)
    assert "\\ud800" in odd.message


def test_without_pytest_it_says_what_to_do(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    class Blocked:
        def find_spec(self, name: str, *more: object) -> None:
            if name == "pytest":
                raise ModuleNotFoundError("No module named 'pytest'", name="pytest")

    monkeypatch.delitem(sys.modules, "pytest")
    monkeypatch.setattr(sys, "meta_path", [Blocked(), *sys.meta_path])
    log = place.run({"test_a.py": "def test_x(): pass\n"})
    assert (place.end["status"], log.cases) == ("import", [])
    assert "add it to the image's requirements.in" in place.end["error"]["message"]


def test_a_cell_leaves_keras_and_the_suite_as_they_are(cell: Cell) -> None:
    (cell.keras / "pristine.py").write_text(
        "import keras.models, keras.utils\n"
        "kept = [keras.models.Model.evaluate, keras.utils.get_file]\n"
    )
    (cell.keras / "__init__.py").write_text("__version__ = '2.3.1'\nimport keras.pristine\n")
    text = (
        "import pathlib, keras.models, keras.pristine, keras.utils\n"
        "def test_keras():\n"
        "    now = [keras.models.Model.evaluate, keras.utils.get_file]\n"
        "    assert now == keras.pristine.kept\n"
        "def test_data():\n"
        "    data = pathlib.Path(__file__).with_name('data.txt')\n"
        "    assert data.read_text() == '3'\n"
        "    data.write_text('4')\n"
    )
    write(cell.script.parent, {"tests/test_a.py": text, "tests/data.txt": "3"})
    code, log = cell.run("", "--suite", "./tests", arguments=("-v",))
    assert outcomes(cell.observation().suite) == [
        ("tests/test_a.py::test_keras", PASSED),
        ("tests/test_a.py::test_data", PASSED),
    ]
    assert (code, cell.end().status) == (0, "ok")
    assert "tests/test_a.py::test_keras PASSED" in log
    assert (cell.script.parent / "tests/data.txt").read_text() == "3"


def test_a_crash_keeps_what_has_ended_and_names_what_ran(cell: Cell) -> None:
    text = (
        "import os\n"
        "def test_before(): pass\n"
        "def test_crashes(): os.abort()\n"
        "def test_after(): pass\n"
    )
    write(cell.script.parent, {"test_a.py": text})
    code, printed = cell.run("", "--suite", "./test_a.py")
    log = cell.observation(complete=False).suite
    assert code == 128 + signal.SIGABRT
    assert outcomes(log) == [("test_a.py::test_before", PASSED), ("test_a.py::test_crashes", None)]
    assert log.running is log.cases[-1]
    assert "Fatal Python error: Aborted" in printed


def report(when: str = "call", outcome: str = "passed", **more: Any) -> SimpleNamespace:
    return SimpleNamespace(when=when, outcome=outcome, **{"longrepr": None, **more})


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ([report("setup"), report("call"), report("teardown")], ("call", "passed")),
        ([report("setup", "skipped"), report("teardown")], ("setup", "skipped")),
        ([report("setup", "skipped"), report("teardown", "failed")], ("teardown", "error")),
        (
            [report("setup"), report("call", "failed"), report("teardown", "failed")],
            ("call", "failed"),
        ),
        ([report("setup"), report("call", wasxfail=""), report("teardown")], ("call", "xpassed")),
        # A plugin that runs a failed test again.
        (
            [report("setup"), report("call", "rerun"), report("setup"), report("call")],
            ("call", "passed"),
        ),
    ],
)
def test_one_phase_decides(reports: list[Any], expected: tuple[str, str]) -> None:
    phase = deciding(reports)
    assert phase is not None
    assert (phase.when, outcome_of(phase).value) == expected


def test_without_a_phase_nothing_is_decided() -> None:
    assert deciding([]) is None


def test_a_message_without_marks_is_its_last_line() -> None:
    assert message_of(report(longrepr="one\ntwo")) == "two"
    assert message_of(report(longrepr="one\nE   two\nE   three\n")) == "two\nthree"
