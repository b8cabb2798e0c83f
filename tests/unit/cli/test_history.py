"""``history``, ``diff --against``, ``run --against`` and what ``run`` keeps, without an engine."""

import contextlib
import csv
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keras_matrix.cli import against
from keras_matrix.compare.matrix import Status
from keras_matrix.errors import ExitCode
from keras_matrix.history.database import History, location
from keras_matrix.history.summary import RunSummary
from keras_matrix.load.request import RunRequest
from keras_matrix.plan.cells import Cell, RunKind
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Outcome, Record
from keras_matrix.run.session import RunResult
from tests.unit.cli.builders import replace_cells, run_cli, without_engine
from tests.unit.compare import test_suites as test_suite
from tests.unit.history import builders as history_builders
from tests.unit.history.builders import losses, made, when
from tests.unit.records.builders import call, record

Captured = pytest.CaptureFixture[str]
SAME = {"tf": [0.5], "theano": [0.5]}
WORSE = {"tf": [0.5], "theano": [0.9]}
BETTER = {"tf": [0.4], "theano": [0.4]}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    history_builders.hasty(monkeypatch)
    return without_engine(tmp_path, monkeypatch)


def kept() -> tuple[RunSummary, ...]:
    with History(location()) as history:
        return history.runs()


def run_on(day: int, records: list[Record], *, add: bool = True, **changed: Any) -> RunFolder:
    folder = made(Path("results") / f"run-{day}", records, on=day, **changed)
    if add:
        assert run_cli("history", "--add", folder.path) == 0
    return folder


def leaves(monkeypatch: pytest.MonkeyPatch, records: list[Record], *, last: bool = True) -> None:
    """Let running cells leave these records, as the run of the ninth of January."""
    folder = made(Path("results") / "now", records, on=9).path.resolve()

    def run(request: RunRequest) -> RunResult:
        recorded = RunFolder(folder)
        return RunResult(recorded, recorded.records(), last)

    replace_cells(monkeypatch, run)


def warning(capsys: Captured) -> str:
    (warning,) = (line for line in capsys.readouterr().err.splitlines() if "warning" in line)
    return warning


# What is kept


def test_a_run_is_kept_when_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    leaves(monkeypatch, losses(WORSE))
    assert run_cli("run", "mlp", "-q") == ExitCode.DIFFER
    (run,) = kept()
    assert (run.run, run.created, run.status) == ("now", when(9), Status.DIFFER)
    assert run.folder == str(Path("results/now").resolve())
    # In the user's data folder, which here is the test's own.
    assert location().is_relative_to(Path.cwd())


def test_a_part_of_a_run_is_not(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    leaves(monkeypatch, losses({"tf": [0.5]}), last=False)
    assert run_cli("run", "mlp", "--on", "tf,theano", "--only", "tf") == 0
    assert not location().exists()
    assert "warning" not in capsys.readouterr().err


def test_a_run_is_not_kept_if_it_should_not(monkeypatch: pytest.MonkeyPatch) -> None:
    leaves(monkeypatch, losses(SAME))
    assert run_cli("run", "mlp", "-q", "--no-history") == 0
    assert not location().exists()


def test_a_run_goes_where_the_option_or_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    leaves(monkeypatch, losses(SAME))
    assert run_cli("run", "mlp", "-q", "--history", "mine.sqlite") == 0
    monkeypatch.setenv("KERAS_MATRIX_HISTORY", str(place / "named.sqlite"))
    assert run_cli("run", "mlp", "-q") == 0
    for name in ("mine.sqlite", "named.sqlite"):
        with History(place / name) as history:
            assert [run.run for run in history.runs()] == ["now"]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"not a database" * 1000, "not a database"), (None, "Cannot create the folder")],
    ids=["damaged", "no folder"],
)
@pytest.mark.parametrize(
    ("given", "code"), [(SAME, ExitCode.AGREE), (WORSE, ExitCode.DIFFER)], ids=["agree", "differ"]
)
def test_a_history_that_cannot_be_written_costs_the_run_nothing(
    content: bytes | None,
    said: str,
    given: dict[str, list[float]],
    code: ExitCode,
    monkeypatch: pytest.MonkeyPatch,
    place: Path,
    capsys: Captured,
) -> None:
    path = place / "file"
    path.write_bytes(content or b"")
    leaves(monkeypatch, losses(given))
    file = path if content else path / "history.sqlite"
    assert run_cli("run", "mlp", "-q", "--history", file) == code
    out, err = capsys.readouterr()
    assert "evaluate.loss" in out
    assert err.startswith("keras-matrix: warning: the run is not in the history: ")
    assert said in err
    assert err.count("\n") == 1


def test_a_history_that_another_holds_costs_the_run_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    run_on(1, losses(SAME))
    leaves(monkeypatch, losses(SAME))
    capsys.readouterr()
    with contextlib.closing(sqlite3.connect(location(), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert run_cli("run", "mlp", "-q") == 0
    assert "locked" in warning(capsys)
    assert [run.run for run in kept()] == ["run-1"]


def test_a_joined_run_is_kept(capsys: Captured) -> None:
    parts = [
        made(Path("results") / name, losses({name: [0.5]})).path.name for name in ("tf", "theano")
    ]
    assert run_cli("join", *parts, "--into", "both") == 0
    (run,) = kept()
    assert run.run == "both"
    assert [image.image for image in run.images] == ["tf", "theano"]
    assert run.status is Status.AGREE


def test_a_reproduction_is_kept(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    (place / "mlp" / "reported.toml").write_text(
        'schema = 1\n[[figure]]\nimage = "tf"\nmetric = "evaluate.loss"\nvalue = 0.5\nunit = "1"\n'
    )
    leaves(monkeypatch, losses({"tf": [0.5, 0.6], "theano": [0.5, 0.6]}))
    run_cli("reproduce", "mlp", "--on", "tf,theano", "--seeds", "2", "-q")
    assert [run.run for run in kept()] == ["now"]


def test_judging_knows_no_database() -> None:
    modules = ("summary", "series", "rows", "regression", "earlier", "choose")
    names = ", ".join(f"keras_matrix.history.{name}" for name in modules)
    code = f"import sys, {names}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    loaded = {*done.stdout.split()}
    assert loaded & {"sqlalchemy", "click", "docker", "rich"} == set()
    assert "keras_matrix.history.regression" in loaded


def test_help_imports_no_database() -> None:
    code = (
        "import sys; from keras_matrix.cli import invoke; from keras_matrix.cli.root import cli\n"
        "for name in ('run', 'diff', 'history', 'export'): invoke(cli, [name, '--help'])\n"
        "assert not {'sqlalchemy', 'mlflow', 'matplotlib'} & set(sys.modules), sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)


# history


def test_without_a_model_all_are_listed(capsys: Captured) -> None:
    run_on(1, losses(SAME))
    run_on(2, losses(WORSE))
    capsys.readouterr()
    assert run_cli("history") == 0
    (line,) = capsys.readouterr().out.splitlines()[1:]
    assert line.split()[:3] == ["mlp", "models/mlp/model.py", "2"]
    assert line.split()[-2:] == ["run-2", "differ"]
    assert run_cli("history", "--json") == 0
    assert json.loads(capsys.readouterr().out)["scripts"][0]["run"] == "run-2"
    assert run_cli("history", "--format", "csv") == 0
    assert '"mlp","models/mlp/model.py",2' in capsys.readouterr().out


def test_the_runs_of_a_model(capsys: Captured) -> None:
    run_on(1, losses(SAME))
    run_on(2, losses(WORSE))
    capsys.readouterr()
    assert run_cli("history", "mlp") == 0
    out = capsys.readouterr().out
    assert [line.split()[-1] for line in out.splitlines()[1:]] == [
        *("reference", "agree"),
        *("reference", "differ"),
    ]
    assert run_cli("history", "mlp", "--json") == 0
    runs = json.loads(capsys.readouterr().out)["runs"]
    assert [(run["run"], run["status"]) for run in runs] == [
        ("run-1", "agree"),
        ("run-2", "differ"),
    ]
    assert run_cli("history", "mlp", "--format", "csv", "--limit", 1) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["run"], row["image"]) for row in rows] == [("run-2", "tf"), ("run-2", "theano")]


def test_a_model_goes_by_its_path_too(capsys: Captured) -> None:
    run_on(1, losses(SAME), place="mlp/model.py")
    run_on(2, losses(SAME), place="other/mlp/model.py")
    for named, runs in (
        ("mlp", ["run-1", "run-2"]),
        ("./mlp", ["run-1"]),
        ("mlp/model.py", ["run-1"]),
        ("other/mlp/model.py", ["run-2"]),
    ):
        # The folder "mlp" is also a model's name, which goes before.
        capsys.readouterr()
        assert run_cli("history", named, "--json") == 0
        assert [run["run"] for run in json.loads(capsys.readouterr().out)["runs"]] == runs


def test_a_metric_over_time(capsys: Captured) -> None:
    run_on(1, losses(SAME))
    run_on(2, losses(WORSE))
    capsys.readouterr()
    assert run_cli("history", "mlp", "--metric", "evaluate.loss") == 0
    out = capsys.readouterr().out
    assert "theano  ▁█  first 0.5, last 0.9" in out
    assert run_cli("history", "mlp", "--metric", "evaluate.loss", "--json") == 0
    _, theano = json.loads(capsys.readouterr().out)["series"]
    assert [point["median"] for point in theano["points"]] == [0.5, 0.9]
    arguments = ("--metric", "evaluate.loss", "--image", "tf", "--format", "csv")
    assert run_cli("history", "mlp", *arguments) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["run"], row["image"], row["median"]) for row in rows] == [
        ("run-1", "tf", "0.5"),
        ("run-2", "tf", "0.5"),
    ]


@pytest.mark.parametrize("name", ["loss.png", "loss.svg"])
def test_a_metric_is_drawn(name: str, capsys: Captured) -> None:
    run_on(1, losses(SAME))
    run_on(2, losses(WORSE))
    assert run_cli("history", "mlp", "--metric", "evaluate.loss", "--plot", name) == 0
    content = Path(name).read_bytes()
    if name.endswith("png"):
        assert content.startswith(b"\x89PNG")
    else:
        assert content.startswith(b"<svg ")
        assert b"evaluate.loss" in content
        assert b"theano" in content


def test_the_last_twenty_runs_are_shown(capsys: Captured) -> None:
    folders = [run_on(day, losses(SAME), add=False) for day in range(1, 24)]
    assert run_cli("history", "--add", *(folder.path for folder in folders)) == 0
    capsys.readouterr()
    assert run_cli("history", "mlp") == 0
    out = capsys.readouterr().out
    assert " run-23 " in out
    assert " run-3 " not in out
    assert "3 older runs not shown; --limit shows more." in out
    assert run_cli("history", "mlp", "--limit", 2, "--metric", "evaluate.loss") == 0
    assert "21 older runs" in capsys.readouterr().out
    assert run_cli("history", "mlp", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["runs"]) == 23


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mpl"], "no run of 'mpl'; did you mean 'mlp'?"),
        (["xyz"], "no run of 'xyz'; its models are mlp."),
        (["mlp", "--metric", "evaluate.los"], "did you mean 'evaluate.loss'?"),
        (["mlp", "--image", "thaeno"], "no image 'thaeno'; did you mean 'theano'?"),
        (["mlp", "--metric", "evaluate.loss", "--plot", "x.gif"], ".png or .svg"),
        (["--metric", "x"], "need a model; name one"),
        (["--image", "tf"], "need a model; name one"),
        (["mlp", "--plot", "x.png"], "--plot needs a metric"),
        (["mlp", "conv"], "Name one model"),
        (["--add"], "Name the runs to add"),
        (["mlp", "--limit", "0"], "--limit"),
        (["--add", "missing"], "not added: There is no run 'missing'"),
    ],
)
def test_a_wrong_request_is_refused(arguments: list[str], said: str, capsys: Captured) -> None:
    run_on(1, losses(SAME))
    capsys.readouterr()
    assert run_cli("history", *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "Traceback" not in err


def test_there_is_no_history_yet(capsys: Captured) -> None:
    for arguments in ([], ["mlp"]):
        assert run_cli("history", *arguments) == ExitCode.NOTHING_SELECTED
        assert "history --add RUN" in capsys.readouterr().err


# Adding


def test_runs_are_added_from_their_records_again(capsys: Captured) -> None:
    folder = run_on(1, losses(WORSE))
    before = kept()
    location().unlink()
    assert run_cli("history", "--add", folder.path) == 0
    assert kept() == before
    assert run_cli("history", "--add", "run-1", "results/run-1") == 0
    assert kept() == before
    assert f"2 of 2 runs added to {location()}" in capsys.readouterr().err


def test_one_run_that_cannot_be_added_keeps_none_of_the_others(capsys: Captured) -> None:
    made(Path("results/a"), losses(SAME))
    made(Path("results/b"), losses(SAME))
    Path("results/a/records/tf.seed0.json").write_text("{")
    made(Path("results/c"), [], cells=[Cell("tf")])
    made(Path("results/t"), losses(SAME), kind=RunKind.TRACE)
    made(Path("results/s"), [test_suite.cell("tf", test_suite.case("test_a.py::test_x"))])
    assert run_cli("history", "--add", "a", "b", "c", "t", "s") == 2
    assert [run.run for run in kept()] == ["b"]
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1] for line in lines[:4]] == [" not added"] * 4
    assert "is damaged" in lines[0]
    assert "holds no record" in lines[1]
    assert "is a trace" in lines[2]
    assert "is a run of tests" in lines[3]
    assert lines[4].startswith("1 of 5 runs added")


# diff --against


def test_the_last_run_is_the_one_before(capsys: Captured) -> None:
    run_on(1, losses(WORSE))
    run_on(2, losses(SAME))
    run_on(3, losses(WORSE))
    capsys.readouterr()
    assert run_cli("diff", "run-3", "--against", "last") == 8
    out, err = capsys.readouterr()
    assert err == ""
    assert "note: regressed since run-2: theano: evaluate.loss is 0.9, was 0.5." in out
    assert "note: regressed since run-2: theano and tf agreed in evaluate.loss and now" in out
    assert out.splitlines()[-1].startswith("run-3 differs from run-2 in 1 of 2 judged metrics")


def test_an_improvement_is_a_difference_but_no_regression(capsys: Captured) -> None:
    run_on(1, losses(SAME))
    run_on(2, losses(BETTER))
    assert run_cli("diff", "run-2", "--against", "last") == ExitCode.DIFFER
    out = capsys.readouterr().out
    assert "note: nothing has regressed since run-1." in out
    assert "note: improved since run-1: theano: evaluate.loss is 0.4, was 0.5." in out


def test_no_change_is_agreement(capsys: Captured) -> None:
    # Also where the images of both differ alike.
    run_on(1, losses(WORSE))
    run_on(2, losses(WORSE))
    assert run_cli("diff", "run-2", "--against", "last") == ExitCode.AGREE
    assert "run-2 agrees with run-1 in all 2 judged metrics" in capsys.readouterr().out


def test_a_cell_that_failed_then_is_no_failure_now(capsys: Captured) -> None:
    failed = record(Cell("theano", seed=0), outcome=Outcome.TIMEOUT, reason="too slow")
    run_on(1, [*losses({"tf": [0.5]}), failed])
    run_on(2, losses(SAME))
    run_on(3, [*losses({"tf": [0.5]}), failed])
    run_on(4, [*losses({"tf": [0.5]}), failed])
    for run, code, said in (
        ("run-2", ExitCode.AGREE, "improved since run-1: theano.seed0 is ok, failed then."),
        ("run-3", ExitCode.REGRESSED, "regressed since run-2: theano.seed0 failed (time-out)"),
        # It failed before, too: no regression, but no result either.
        ("run-4", ExitCode.CELL_FAILED, "nothing has regressed since run-3."),
    ):
        capsys.readouterr()
        assert run_cli("diff", run, "--against", "last") == code
        assert said in capsys.readouterr().out


def test_that_nothing_could_be_judged_is_no_agreement(capsys: Captured) -> None:
    run_on(1, losses(SAME))
    run_on(2, losses(WORSE, first=5))
    # The images agreed then and differ now, which does not take the same seeds.
    assert run_cli("diff", "run-2", "--against", "last") == ExitCode.REGRESSED
    run_on(3, losses(WORSE, first=9))
    capsys.readouterr()
    assert run_cli("diff", "run-3", "--against", "last") == ExitCode.INCONCLUSIVE
    assert "nothing that could be judged has regressed" in capsys.readouterr().out


def test_a_run_is_held_against_a_named_one(tmp_path: Path, capsys: Captured) -> None:
    run_on(1, losses(SAME))
    run_on(2, losses(WORSE))
    run_on(3, losses(WORSE))
    elsewhere = made(tmp_path / "elsewhere" / "far", losses(SAME), on=4)
    assert run_cli("history", "--add", elsewhere.path) == 0
    for named in ("run-1", "results/run-1", elsewhere.path, "far"):
        capsys.readouterr()
        assert run_cli("diff", "run-3", "--against", named) == ExitCode.REGRESSED
        assert f"regressed since {Path(named).name}: " in capsys.readouterr().out


def test_all_formats_report_the_regression(capsys: Captured) -> None:
    run_on(1, losses(SAME))
    run_on(2, losses(WORSE))
    for output in ("json", "markdown"):
        capsys.readouterr()
        arguments = ("--against", "last", "--format", output)
        assert run_cli("diff", "run-2", *arguments) == ExitCode.REGRESSED
        said = capsys.readouterr().out.replace("\\", "")
        assert "regressed since run-1: theano: evaluate.loss is 0.9, was 0.5." in said
    assert run_cli("diff", "run-2", "--against", "last", "--report", "csv=a.csv") == 8
    assert "theano" in Path("a.csv").read_text()


def test_rules_are_heeded(capsys: Captured) -> None:
    run_on(1, losses(SAME))
    run_on(2, losses(WORSE))
    arguments = ("--against", "last", "--tolerance", "*=1")
    assert run_cli("diff", "run-2", *arguments) == ExitCode.AGREE


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["run-1", "--against", "last"], 4, "no run of mlp (models/mlp/model.py) before run-1."),
        (["run-2", "--against", "run-2"], 2, "is the run itself"),
        (["run-2", "--against", "missing"], 2, "There is no run 'missing', neither"),
        (["run-2", "run-1", "--against", "last"], 2, "Give OTHER or --against, not both."),
        (["run-2", "--against", "conv"], 2, "is a run of conv, not of mlp"),
        (["run-2", "--against", "last", "--history", "none.sqlite"], 4, "no history"),
    ],
)
def test_an_unusable_earlier_run_is_reported(
    arguments: list[str], code: int, said: str, capsys: Captured
) -> None:
    run_on(1, losses(SAME))
    run_on(2, losses(SAME))
    other = made(Path("results/conv"), losses(SAME))
    history_builders.change(other, plan=replace(other.manifest().plan, model="conv"))
    capsys.readouterr()
    assert run_cli("diff", *arguments) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1


def test_records_that_are_gone_are_reported(capsys: Captured) -> None:
    first, second = run_on(1, losses(SAME)), run_on(2, losses(SAME))
    run_on(3, losses(SAME))
    shutil.rmtree(second.path)
    capsys.readouterr()
    assert run_cli("diff", "run-3", "--against", "last") == 2
    said = capsys.readouterr().err
    assert "The records of the run run-2 of" in said
    assert str(second.path) in said
    assert "The last run whose records exist is run-1." in said
    # They stay in the history.
    assert [run.run for run in kept()] == ["run-1", "run-2", "run-3"]
    assert run_cli("diff", "run-3", "--against", first.path) == 0


# run --against


def test_a_run_that_regressed_has_its_own_status(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    run_on(1, losses(SAME))
    leaves(monkeypatch, losses(WORSE))
    capsys.readouterr()
    assert run_cli("run", "mlp", "--against", "last", "-q") == ExitCode.REGRESSED
    out = capsys.readouterr().out
    # One comparison, that of its images, with what has changed beside it.
    assert "theano differs from tf in 1 of 1 judged metric" in out
    assert "note: regressed since run-1: theano: evaluate.loss is 0.9, was 0.5." in out
    assert [run.run for run in kept()] == ["run-1", "now"]


def test_a_run_that_is_as_bad_as_before_has_not_regressed(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    run_on(1, losses(WORSE))
    leaves(monkeypatch, losses(WORSE))
    assert run_cli("run", "mlp", "--against", "last", "-q") == ExitCode.DIFFER
    assert "nothing has regressed since run-1." in capsys.readouterr().out


def test_the_first_run_has_nothing_before_it(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    leaves(monkeypatch, losses(SAME))
    assert run_cli("run", "mlp", "--against", "last", "-q", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert any("not compared with an earlier run: There is no history" in n for n in shown["notes"])
    # Nor when it is run again: it is not its own predecessor.
    assert run_cli("run", "mlp", "--against", "last", "-q") == 0
    assert "no run of mlp (models/mlp/model.py) before now" in capsys.readouterr().out
    assert len(kept()) == 1


def test_records_that_are_gone_fail_the_check_not_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    shutil.rmtree(run_on(1, losses(SAME)).path)
    leaves(monkeypatch, losses(SAME))
    capsys.readouterr()
    assert run_cli("run", "mlp", "--against", "last", "-q") == 2
    out = capsys.readouterr().out
    assert "theano agrees with tf" in out
    assert "note: not compared with an earlier run: The records of the run run-1" in out
    assert [run.run for run in kept()] == ["run-1", "now"]


@pytest.mark.parametrize("named", ["missing", "last"])
def test_an_unusable_earlier_run_is_reported_before_anything_runs(
    named: str, monkeypatch: pytest.MonkeyPatch, place: Path, capsys: Captured
) -> None:
    (place / "damaged.sqlite").write_bytes(b"not a database" * 1000)

    def run(request: RunRequest) -> RunResult:
        raise AssertionError("it ran")

    replace_cells(monkeypatch, run)
    arguments = ("--against", named, "--history", "damaged.sqlite")
    assert run_cli("run", "mlp", *arguments) == 2
    assert "not a database" in capsys.readouterr().err


def test_there_is_no_time_in_which_a_run_is_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """What is printed, and the status, do not wait for the history."""
    leaves(monkeypatch, losses(SAME))
    shown = []

    def keep(*given: object, **named: object) -> None:
        shown.append(capsys.readouterr().out)

    monkeypatch.setattr(against, "add_to_history", keep)
    assert run_cli("run", "mlp", "-q") == 0
    assert "theano agrees with tf" in shown[0]


def test_a_script_without_any_metric(capsys: Captured) -> None:
    run_on(1, [record(Cell("tf"), call(finished=False))])
    capsys.readouterr()
    assert run_cli("history", "mlp") == 0
    assert " tf " in capsys.readouterr().out
    assert run_cli("history", "mlp", "--metric", "fit.loss") == 2
    assert "its metrics are none" in capsys.readouterr().err


def test_tests_leave_the_users_history_alone(place: Path) -> None:
    assert location().is_relative_to(place)
    assert "KERAS_MATRIX_HISTORY" not in os.environ
