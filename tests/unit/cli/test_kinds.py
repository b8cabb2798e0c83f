"""What commands do with each kind of run: of a script, a trace, of tests; and with older ones."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from keras_matrix.errors import ExitCode
from keras_matrix.plan.cells import Cell, RunKind
from keras_matrix.records.files import to_json
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Record
from keras_matrix.trace.result import Trace
from tests.unit.cli.builders import run_cli, without_engine
from tests.unit.compare.test_suites import case, cell
from tests.unit.records.builders import call, manifest, record, run_folder

Captured = pytest.CaptureFixture[str]
TRACE = Trace(
    tool="", run="t", model="mlp", reference="tf", layers=1, still=[], seconds={}, images=[]
)
WITHOUT_FIGURES = ("t", "s")


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a run ``r``, a trace ``t`` whose captures are repeats, and a run of tests ``s``."""
    without_engine(tmp_path, monkeypatch)
    results = tmp_path / "results"
    run_folder(results / "r", [scored("tf"), scored("theano")])
    captures = [scored(image, loss, n) for image in ("tf", "theano") for n, loss in LOSSES]
    trace = run_folder(results / "t", captures, kind=RunKind.TRACE)
    (trace.path / "trace.json").write_bytes(to_json(TRACE))
    run_folder(results / "s", [cell(image, case("a.py::test_x")) for image in ("tf", "theano")])
    return results


LOSSES = ((0, 0.5), (1, 0.75))


def scored(image: str, loss: float = 0.5, repeat: int = 0) -> Record:
    return record(Cell(image, repeat=repeat), call(metrics={"loss": loss}))


def older(results: Path, name: str, **changed: object) -> RunFolder:
    """Write a run's manifest as versions without ``kind`` did."""
    folder = RunFolder(results / name)
    values = json.loads(to_json(folder.manifest()))
    del values["kind"], values["sha256"]
    (folder.path / "manifest.json").write_text(json.dumps({**values, **changed}))
    return folder


@pytest.mark.parametrize("name", WITHOUT_FIGURES)
@pytest.mark.parametrize(
    "command",
    [
        ("diff", "NAME"),
        ("diff", "r", "NAME"),
        ("diff", "NAME", "r"),
        ("diff", "r", "--against", "NAME"),
        ("diff", "NAME", "--against", "r"),
        ("run", "mlp", "--on", "tf", "--against", "NAME"),
        ("history", "--add", "NAME"),
        ("export", "mlflow", "NAME"),
    ],
)
def test_what_has_no_figures_is_not_compared(
    name: str, command: tuple[str, ...], capsys: Captured
) -> None:
    arguments = [name if word == "NAME" else word for word in command]
    assert run_cli(*arguments) == ExitCode.USAGE
    out, err = capsys.readouterr()
    what = {"t": "a trace", "s": "a run of tests"}[name]
    assert f"{name} is {what}, which has no figures to compare with those of a run" in err
    remedy = re.search(r"'keras-matrix (report [^']+)'", err)
    assert remedy is not None
    assert run_cli(*remedy.group(1).split()) == ExitCode.AGREE, "the remedy works as it is printed"
    assert "repeat itself" not in out + err


@pytest.mark.parametrize("name", ["r", *WITHOUT_FIGURES])
def test_each_kind_has_its_page(name: str, runs: Path) -> None:
    assert run_cli("report", name) == ExitCode.AGREE
    page = (runs / name / "report.html").read_text()
    assert "repeat itself" not in page
    assert ("have the same outcome in 1 test" in page) == (name == "s")
    assert ("Where the images differ" in page) == (name == "t")


def test_a_trace_that_did_not_end_has_nothing_to_report(runs: Path, capsys: Captured) -> None:
    (runs / "t" / "trace.json").unlink()
    assert run_cli("report", "t") == ExitCode.NOTHING_SELECTED
    assert "t is a trace that did not end, so it has no trace.json" in capsys.readouterr().err


def test_runs_of_one_kind_are_joined(runs: Path, capsys: Captured) -> None:
    run_folder(runs / "s2", [cell("cntk", case("a.py::test_x"))])
    assert run_cli("join", "s", "s2", "--into", "both") == ExitCode.AGREE
    assert "warning" not in capsys.readouterr().err
    assert RunFolder(runs / "both").manifest().kind is RunKind.TESTS
    run_folder(runs / "r2", [scored("cntk")])
    for others, said in (
        (("s2", "r2"), "r2 is a run of a script, and"),
        (("t",), "t is a trace, which compares its images while it runs"),
    ):
        assert run_cli("join", *others, "--into", "other") == ExitCode.USAGE
        assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "kind"), [("r", RunKind.RUN), ("t", RunKind.TRACE), ("s", RunKind.TESTS)]
)
def test_an_older_manifest_has_the_kind_of_what_lies_beside_it(
    name: str, kind: RunKind, runs: Path
) -> None:
    # As under the pytest plugin, where the command line is pytest's own.
    folder = older(runs, name, command=["/usr/bin/pytest", "trace"])
    assert folder.manifest().kind is kind
    folder.finish([])
    assert json.loads((folder.path / "manifest.json").read_text())["kind"] == kind.value


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("run", RunKind.RUN),
        ("reproduce", RunKind.RUN),
        ("trace", RunKind.TRACE),
        ("pytest", RunKind.TESTS),
    ],
)
def test_an_older_manifest_has_the_kind_of_its_command(
    command: str, kind: RunKind, runs: Path
) -> None:
    # Before the first cell has ended there is nothing beside it.
    folder = RunFolder(runs / "begun")
    folder.open(replace(manifest([Cell("tf")], run="begun"), command=("keras-matrix", command)), {})
    assert older(runs, "begun").manifest().kind is kind


def test_a_manifest_says_its_kind(runs: Path) -> None:
    assert json.loads((runs / "t" / "manifest.json").read_text())["kind"] == "trace"
