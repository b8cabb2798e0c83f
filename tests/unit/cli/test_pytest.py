"""``keras-matrix pytest``, with a function in the place of what runs cells."""

import json
from pathlib import Path

import pytest

from keras_matrix.errors import ExitCode
from keras_matrix.load.request import RunRequest
from keras_matrix.records.record import Outcome, Record
from keras_matrix.run.session import RunResult
from tests.unit.cli.builders import replace_cells, run_cli, without_engine
from tests.unit.compare.test_suites import case, cell
from tests.unit.records.builders import run_folder

Requests = list[RunRequest]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = without_engine(tmp_path, monkeypatch)
    (folder / "tests").mkdir()
    (folder / "tests" / "test_a.py").write_text("def test_x(): pass\n")
    return folder


def leaves(
    monkeypatch: pytest.MonkeyPatch, folder: Path, *records: Record, last: bool = True
) -> Requests:
    """Let running cells leave these records; return the requests that come."""
    requests: Requests = []
    folder_of_run = run_folder(folder / "results" / "a-run", records)

    def run(request: RunRequest) -> RunResult:
        requests.append(request)
        return RunResult(folder_of_run, folder_of_run.records(), last)

    replace_cells(monkeypatch, run)
    return requests


def both(tf: str = "passed", theano: str = "passed") -> tuple[Record, ...]:
    name = "tests/test_a.py::test_x"
    return cell("tf", case(name, tf)), cell("theano", case(name, theano))


@pytest.mark.parametrize(
    ("records", "code", "words"),
    [
        (both(), ExitCode.AGREE, "theano and tf have the same outcome in 1 test."),
        (both("failed", "failed"), ExitCode.AGREE, "have the same outcome"),
        (both(theano="failed"), ExitCode.DIFFER, "differs from tf in 1 of 1 test"),
        (
            (*both()[:1], cell("theano", outcome=Outcome.TIMEOUT, collected=None)),
            ExitCode.CELL_FAILED,
            "theano (time-out) did not end well",
        ),
    ],
)
def test_the_table_and_the_exit_code(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    records: tuple[Record, ...],
    code: ExitCode,
    words: str,
) -> None:
    leaves(monkeypatch, place, *records)
    assert run_cli("pytest", "tests") == code
    out, err = capsys.readouterr()
    assert words in out
    assert err.endswith("records: results/a-run\n")


def test_nothing_collected_is_an_error(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    leaves(monkeypatch, place, cell("tf"), cell("theano"))
    assert run_cli("pytest", "tests", "--", "-k", "nothing") == ExitCode.NOTHING_SELECTED
    assert "pytest collected no test on tf, theano" in capsys.readouterr().err


def test_what_is_asked_for(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = leaves(monkeypatch, place, *both())
    arguments = ("--on", "theano,tf", "--seed", 7, "--timeout", 60, "--root", ".", "--fresh")
    run_cli("pytest", "tests/test_a.py::test_x", *arguments, "--", "-k", "x", "--addopts")
    (request,) = requests
    assert request.tests is not None
    assert (request.tests.named, request.tests.root) == ("tests/test_a.py::test_x", Path())
    assert (request.on, request.plan.seeds, request.fresh) == (("theano", "tf"), (7,), True)
    assert request.plan.arguments == ("-o", "addopts=", "-k", "x", "--addopts")
    assert request.plan.limits.timeout == 60


def test_addopts_can_be_kept(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = leaves(monkeypatch, place, *both())
    run_cli("pytest", "tests", "--addopts", "--", "-x")
    assert (requests[0].plan.arguments, requests[0].plan.seeds) == (("-x",), ())


def test_json_and_markdown(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    leaves(monkeypatch, place, *both(theano="failed"))
    assert run_cli("pytest", "tests", "--json", "-q") == ExitCode.DIFFER
    out, err = capsys.readouterr()
    assert (json.loads(out)["differs"], err) == (True, "")
    assert run_cli("pytest", "tests", "--format", "markdown", "-q") == ExitCode.DIFFER
    assert capsys.readouterr().out.startswith("### ")


def test_a_part_of_a_run_waits_for_the_others(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    requests = leaves(monkeypatch, place, *both()[:1], last=False)
    arguments = ("--on", "tf,theano", "--only", "tf")
    assert run_cli("pytest", "tests", *arguments) == ExitCode.AGREE
    assert requests[0].only == ("tf",)
    out, err = capsys.readouterr()
    assert (out, "comparison follows" in err) == ("", True)
    leaves(
        monkeypatch, place / "b", cell("tf", outcome=Outcome.CRASHED, collected=None), last=False
    )
    assert run_cli("pytest", "tests", *arguments) == ExitCode.CELL_FAILED


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["missing"], "There is no test file or folder missing"),
        (["tests/test_a.py::"], "names no test"),
        (["tests", "--root", "mlp"], "is not below --root mlp"),
        (["tests", "--on", "tf"], "name two with --on"),
        (["tests", "--on", "tf,cntk"], "cntk"),
        (["tests", "--floatx", "float32,float64"], "one keras.json"),
        (["tests", "--timeout", "0"], "--timeout"),
        (["tests", "--data", "missing"], "--data missing is not a folder"),
        (["tests", "--only", "cntk"], "--only cntk"),
        (["tests", "--run", ".."], "--run '..' is not a name"),
    ],
)
def test_a_wrong_request_is_one_sentence(
    place: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], word: str
) -> None:
    assert run_cli("pytest", *arguments) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert err.startswith("keras-matrix: error: ")
    assert word in err
    assert err.count("\n") == 1


def test_without_an_engine_there_is_one_sentence(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_cli("pytest", "tests") == ExitCode.NO_ENGINE
    assert capsys.readouterr().err.count("\n") == 1
    assert not (place / "results").exists()


def test_a_run_of_tests_has_no_figures_to_agree_in(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    leaves(monkeypatch, place, *both(theano="failed"))
    for runs in (["a-run"], ["a-run", "a-run"]):
        assert run_cli("diff", *runs) == ExitCode.USAGE
        assert "a-run is a run of tests" in capsys.readouterr().err
