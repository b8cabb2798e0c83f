"""The command as a user runs it, where there is no engine."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import keras_matrix
from keras_matrix.cli.root import COMMANDS
from keras_matrix.load import catalog
from keras_matrix.load.catalog import Catalog, Image
from keras_matrix.plan.cells import Cell
from keras_matrix.plan.images import BasePolicy
from keras_matrix.plan.tolerance import Tolerance
from keras_matrix.records.record import Outcome
from keras_matrix.run import doctor
from keras_matrix.run.doctor import Check
from tests import ROOT
from tests.unit.cli.builders import run_cli, without_engine
from tests.unit.records.builders import array, call, record, run_folder, tf_and_theano

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return without_engine(tmp_path, monkeypatch)


def as_process(
    *arguments: str, stdout: int = subprocess.PIPE
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "keras_matrix", *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        timeout=60,
    )


def refuse(word: str) -> None:
    raise AssertionError(f"not JSON: {word}")


# What every command does


def test_help_names_all_commands_and_exit_codes(capsys: Captured) -> None:
    assert run_cli("--help") == 0
    said = capsys.readouterr().out
    assert all(f"  {name} " in said for name in COMMANDS)
    assert "2 wrong usage or configuration, 3 a cell failed, 4 nothing" in " ".join(said.split())
    # click's mark for lines to keep as they are is not text.
    assert "\\b" not in said
    assert "\b" not in said


@pytest.mark.parametrize("command", [[name] for name in COMMANDS] + [["images", "build"]])
def test_every_command_has_help(command: list[str], capsys: Captured) -> None:
    assert run_cli(*command, "--help") == 0
    assert f"Usage: keras-matrix {' '.join(command)}" in capsys.readouterr().out


def test_version(capsys: Captured) -> None:
    assert run_cli("--version") == 0
    assert keras_matrix.__version__ in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["nope"],
        ["--nope"],
        ["run"],
        ["run", "mlp", "--nope"],
        ["run", "mlp", "--pids", "many"],
        ["diff"],
        ["diff", "a", "b", "c"],
        ["diff", "a", "--format", "html"],
        ["join", "--into", "x"],
        ["join", "a"],
        ["images", "nope"],
        ["run", "mlp", "--base", "none"],
        ["run", "mlp", "--repeat", "0"],
        ["run", "mlp", "--epochs-cap", "0"],
        ["run", "mlp", "--steps-cap", "-1"],
    ],
)
def test_wrong_usage(arguments: list[str], capsys: Captured) -> None:
    assert run_cli(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Usage: keras-matrix" in err


def test_an_unknown_command_is_named(capsys: Captured) -> None:
    assert run_cli("compare") == 2
    assert "No such command 'compare'" in capsys.readouterr().err


def error_of(capsys: Captured) -> str:
    """Return the one sentence a failed command says."""
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("keras-matrix: error: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err.strip()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "missing.py"], "no script missing.py"),
        (["run", "."], "contains no model.py"),
        (["run", "mlp", "--on", "theanno"], "did you mean 'theano'"),
        (["run", "mlp", "--on", "tf,tf"], "twice"),
        (["run", "mlp", "--on", "tf", "--only", "theano"], "--only theano"),
        (["run", "mlp", "--tolerance", "loss"], "--tolerance 'loss'"),
        (["run", "mlp", "--tolerances", "missing.toml"], "missing.toml"),
        (["run", "mlp", "--seeds", "x"], "--seeds 'x'"),
        (["run", "mlp", "--seeds", "0..1000000000000"], "at most"),
        (["run", "mlp", "--floatx", "bfloat16"], "float16, float32, float64"),
        (["run", "mlp", "--image-data-format", "nhwc"], "channels_last"),
        (["run", "mlp", "--epsilon", "0"], "--epsilon"),
        (["run", "mlp", "--memory", "lots"], "--memory"),
        (["run", "mlp", "--scratch", "0"], "--scratch"),
        (["run", "mlp", "--timeout", "0"], "--timeout"),
        (["run", "mlp", "--timeout", "nan"], "--timeout"),
        # It would be null in the manifest, which could then not be read again.
        (["run", "mlp", "--timeout", "inf"], "--timeout"),
        (["run", "mlp", "--cpus", "inf"], "--cpus"),
        (["run", "mlp", "--cpus", "-1"], "--cpus -1 is not a number greater than 0"),
        (["run", "mlp", "--pids", "0"], "--pids"),
        (["run", "mlp", "--run", "a b"], "--run"),
        (["run", "mlp", "--catalog", "missing"], "--catalog"),
        (["run", "mlp", "--data", "missing"], "--data missing"),
        (["list", "--on", "tff"], "did you mean 'tf'"),
        (["list", "--catalog", "missing"], "--catalog"),
        (["diff", "missing"], "no run 'missing'"),
        (["join", "missing", "--into", "x"], "no run 'missing'"),
        (["join", "missing", "--into", "a b"], "a b"),
        (["images", "sbom", "cntk"], "the images are tf, theano"),
        (["run", "mlp", "--plan", "--on", "tff"], "did you mean 'tf'"),
        (["run", "missing", "--plan"], "no script missing"),
        (["images", "key", "cntk"], "the images are tf, theano"),
    ],
)
def test_a_wrong_request_is_one_sentence(arguments: list[str], said: str, capsys: Captured) -> None:
    assert run_cli(*arguments) == 2
    assert said in error_of(capsys)


def test_a_plan_is_printed_without_an_engine(nowhere: Path, capsys: Captured) -> None:
    assert run_cli("run", "mlp", "--on", "theano,tf", "--only", "tf", "--seeds", "2", "--plan") == 0
    out, err = capsys.readouterr()
    assert sorted(out.splitlines()) == ["tf.seed0", "tf.seed1"]
    assert err == ""
    assert not (nowhere / "results").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "mlp"],
        ["images", "list"],
        ["images", "build"],
        ["images", "verify"],
        ["images", "lock"],
        ["images", "save", "tf", "tf.tar"],
        ["images", "load", "tf.tar"],
    ],
)
def test_without_an_engine_there_is_one_sentence(
    arguments: list[str], nowhere: Path, capsys: Captured
) -> None:
    assert run_cli(*arguments) == 5
    assert "keras-matrix doctor" in error_of(capsys)
    # Nothing was begun.
    assert sorted(path.name for path in nowhere.iterdir() if path.name != "cache") == ["mlp"]


def test_a_script_may_have_any_name(nowhere: Path, capsys: Captured) -> None:
    (nowhere / "modèle 数.py").write_text("")
    # It gets as far as the engine.
    assert run_cli("run", "modèle 数.py") == 5


def test_doctor_says_what_mends_it(capsys: Captured) -> None:
    assert run_cli("doctor") == 5
    out, err = capsys.readouterr()
    assert err == ""
    first, remedy = out.splitlines()
    assert first.startswith("MISSING  engine")
    assert remedy.strip().startswith("-> sudo ")


def test_doctor_as_json(capsys: Captured) -> None:
    assert run_cli("doctor", "--json") == 5
    shown = json.loads(capsys.readouterr().out)
    (check,) = shown["checks"]
    assert (check["name"], check["ok"]) == ("engine", False)
    assert check["remedy"]


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ([], ["tf", "theano"]),
        (["--on", "keras3"], ["keras3-tf", "keras3-jax", "keras3-torch"]),
    ],
)
def test_doctor_checks_the_images_that_a_run_would_use(
    arguments: list[str], names: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """What only other images need is not missing."""

    def examine(_: Catalog, images: Sequence[Image], policy: BasePolicy) -> tuple[Check, ...]:
        return tuple(Check(image.name, True, policy.value) for image in images)

    monkeypatch.setattr(doctor, "examine", examine)
    assert run_cli("doctor", *arguments) == 0
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == names


def test_it_runs_as_a_module() -> None:
    done = as_process("run", "mlp")
    assert done.returncode == 5
    assert done.stdout == ""
    assert done.stderr.startswith("keras-matrix: error: The container engine does not answer")
    assert "Traceback" not in done.stderr


def test_a_defect_of_ours_is_not_taken_for_a_difference(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    from keras_matrix.records import folder as store

    def broken(*given: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(store, "find", broken)
    assert run_cli("diff", "x") == 70
    assert "please report" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["list"], ["--help"]])
def test_a_closed_output_is_not_reported_as_a_difference(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = as_process(*arguments, stdout=writer)
    finally:
        os.close(writer)
    assert done.returncode == 141
    assert done.stderr == ""


# list, and a catalog of one's own


def test_list(capsys: Captured) -> None:
    assert run_cli("list") == 0
    tf, theano = capsys.readouterr().out.splitlines()
    assert tf.startswith("tf      tensorflow, Python 3.6.15: keras 2.3.1, tensorflow 1.14.0")
    assert theano.startswith("theano  theano, Python 3.6.15: keras 2.3.1, theano 1.0.4")


def test_list_as_json_is_a_strategy_matrix(capsys: Captured) -> None:
    assert run_cli("list", "--json") == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    matrix = json.loads(out, parse_constant=refuse)
    assert matrix["image"] == ["tf", "theano"]
    # An entry of "include" joins the combination whose values it shares.
    assert [entry["image"] for entry in matrix["include"]] == matrix["image"]
    assert all(
        isinstance(value, str) and value for entry in matrix["include"] for value in entry.values()
    )


def test_list_keeps_the_order_asked_for(capsys: Captured) -> None:
    assert run_cli("list", "--json", "--on", "theano,tf") == 0
    assert json.loads(capsys.readouterr().out)["image"] == ["theano", "tf"]


def test_an_empty_catalog_selects_nothing(nowhere: Path, capsys: Captured) -> None:
    (nowhere / "images.toml").write_text("schema = 1\nimage = []\n")
    assert run_cli("list", "--catalog", nowhere) == 4
    assert "[[image]]" in error_of(capsys)


def test_a_third_image_is_a_folder_and_an_entry(nowhere: Path, capsys: Captured) -> None:
    shipped = ROOT / "docker" / "images.toml"
    for name in ("shared", *catalog.load(shipped.parent).names):
        (nowhere / name).symlink_to(ROOT / "docker" / name)
    (nowhere / "jax").mkdir()
    (nowhere / "jax" / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\n")
    (nowhere / "jax" / "requirements.txt").write_text("keras==3.5.0\n")
    (nowhere / "images.toml").write_text(
        shipped.read_text()
        + f"""
[[image]]
name = "jax"
group = "legacy"
folder = "jax"
backend = "jax"
python = "3.12.4"
[image.base]
reference = "docker.io/library/python:3.12-slim"
digest = "sha256:{"c" * 64}"
[image.expect]
keras = "3.5.0"
"""
    )
    assert run_cli("list", "--catalog", nowhere) == 0
    assert "jax     jax, Python 3.12.4: keras 3.5.0" in capsys.readouterr().out
    assert run_cli("images", "key", "jax", "--catalog", nowhere) == 0
    key = capsys.readouterr().out.strip()
    assert len(key) == 16
    assert run_cli("list", "--json", "--on", "jax", "--catalog", nowhere) == 0
    assert json.loads(capsys.readouterr().out)["include"] == [
        {"image": "jax", "backend": "jax", "python": "3.12.4", "key": key}
    ]
    # It can be run as well: this gets as far as the engine.
    assert run_cli("run", "mlp", "--on", "tf,jax", "--catalog", nowhere) == 5


def test_the_key_of_an_image_does_not_depend_on_the_others(nowhere: Path, capsys: Captured) -> None:
    assert run_cli("images", "key", "tf") == 0
    key = capsys.readouterr().out
    assert run_cli("list", "--json", "--on", "tf") == 0
    assert json.loads(capsys.readouterr().out)["include"][0]["key"] == key.strip()


# diff and join, from disk


def test_diff_of_a_run_that_agrees(nowhere: Path, capsys: Captured) -> None:
    tf_and_theano(nowhere / "results" / "one")
    assert run_cli("diff", "one") == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == (
        "theano agrees with tf in the one judged metric, within tolerance."
    )
    assert err == ""
    assert "\x1b" not in out


def test_diff_of_a_run_that_differs(nowhere: Path, capsys: Captured) -> None:
    folder = tf_and_theano(nowhere / "elsewhere" / "one", theano=0.75)
    assert run_cli("diff", folder.path) == 1
    assert "theano differs from tf" in capsys.readouterr().out


def test_diff_with_other_tolerances(nowhere: Path, capsys: Captured) -> None:
    tf_and_theano(nowhere / "results" / "one", theano=0.75)
    assert run_cli("diff", "one", "--tolerance", "evaluate.*=0.25") == 0
    (nowhere / "loose.toml").write_text(
        "schema = 1\n[[tolerance]]\nmetric = 'evaluate.loss'\natol = 0.25\n"
    )
    assert run_cli("diff", "one", "--tolerances", "loose.toml") == 0
    # The command line goes before the file.
    assert (
        run_cli("diff", "one", "--tolerances", "loose.toml", "--tolerance", "evaluate.loss=0.01")
        == 1
    )
    assert run_cli("diff", "one", "--tolerance", "x") == 2


def test_diff_heeds_the_tolerances_of_the_run(nowhere: Path) -> None:
    records = [
        record(Cell(image), call(metrics={"loss": loss}))
        for image, loss in (("tf", 0.5), ("theano", 0.75))
    ]
    rule = Tolerance("evaluate.loss", atol=0.25)
    run_folder(nowhere / "results" / "one", records, tolerances=(rule,))
    assert run_cli("diff", "one") == 0
    assert run_cli("diff", "one", "--tolerance", "evaluate.loss=0.1") == 1


def test_diff_as_json(nowhere: Path, capsys: Captured) -> None:
    tf_and_theano(nowhere / "results" / "one", theano=float("0.75"))
    assert run_cli("diff", "one", "--json") == 1
    shown = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert shown["title"] == "mlp (one)"
    assert [row["verdict"] for row in shown["rows"]] == ["differ"]
    assert run_cli("diff", "one", "--format", "json") == 1
    assert json.loads(capsys.readouterr().out) == shown


def test_diff_as_markdown(nowhere: Path, capsys: Captured) -> None:
    tf_and_theano(nowhere / "results" / "one")
    assert run_cli("diff", "one", "--format", "markdown") == 0
    out = capsys.readouterr().out
    assert out.startswith("### mlp \\(one\\)\n")
    assert "| evaluate.loss | 0.5 | 0.5 |" in out


def test_diff_of_a_failed_cell(nowhere: Path, capsys: Captured) -> None:
    failed = record(Cell("theano"), outcome=Outcome.OUT_OF_MEMORY, reason="Too much.")
    run_folder(
        nowhere / "results" / "one", [record(Cell("tf"), call(metrics={"loss": 1.0})), failed]
    )
    assert run_cli("diff", "one") == 3
    assert "theano: out of memory: Too much." in capsys.readouterr().out


def test_diff_of_a_run_that_has_not_finished(nowhere: Path, capsys: Captured) -> None:
    run_folder(
        nowhere / "results" / "one",
        [record(Cell("tf"), call(metrics={"loss": 1.0}))],
        cells=[Cell("tf"), Cell("theano")],
    )
    assert run_cli("diff", "one") == 3
    assert "1 planned cell has not run yet" in capsys.readouterr().out


def test_diff_of_a_run_without_records(nowhere: Path, capsys: Captured) -> None:
    run_folder(nowhere / "results" / "one", [], cells=[Cell("tf")])
    assert run_cli("diff", "one") == 4
    assert "holds no record" in error_of(capsys)


def test_diff_of_a_damaged_run(nowhere: Path, capsys: Captured) -> None:
    folder = tf_and_theano(nowhere / "results" / "one")
    folder.record_path(Cell("tf")).write_text("{")
    assert run_cli("diff", "one") == 2
    assert "tf.json is damaged" in error_of(capsys)


def test_diff_compares_arrays_element_by_element(nowhere: Path, capsys: Captured) -> None:
    import numpy

    records = [
        record(Cell(image), call("predict", arrays=[array(file="arrays/predict.0.npz")]))
        for image in ("tf", "theano")
    ]
    folder = run_folder(nowhere / "results" / "one", records)
    for image, values in (("tf", [0.0, 1.0]), ("theano", [1.0, 0.0])):
        folder.arrays_path(Cell(image)).mkdir(parents=True)
        numpy.savez(folder.arrays_path(Cell(image)) / "predict.0.npz", array=numpy.array(values))
    # The means are the same.
    assert run_cli("diff", "one", "--json") == 1
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert (row["verdict"], row["absolute"]) == ("differ", 1.0)
    # One that is damaged is not a traceback.
    (folder.arrays_path(Cell("tf")) / "predict.0.npz").write_text("junk")
    assert run_cli("diff", "one") == 0


def test_diff_of_two_runs(nowhere: Path, capsys: Captured) -> None:
    tf_and_theano(nowhere / "results" / "old")
    tf_and_theano(nowhere / "results" / "new", theano=0.75)
    assert run_cli("diff", "old", "old") == 0
    assert "old agrees with old" in capsys.readouterr().out
    assert run_cli("diff", "old", "new", "--json") == 1
    shown = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert shown["title"] == "old against new"
    assert [(row["group"], row["verdict"]) for row in shown["rows"]] == [
        ("tf", "agree"),
        ("theano", "differ"),
    ]


@pytest.mark.parametrize("order", [("whole", "half"), ("half", "whole")])
def test_diff_with_a_run_that_has_not_finished(
    nowhere: Path, order: tuple[str, str], capsys: Captured
) -> None:
    tf_and_theano(nowhere / "results" / "whole")
    run_folder(
        nowhere / "results" / "half",
        [record(Cell("tf"), call(metrics={"loss": 0.5}))],
        cells=[Cell("tf"), Cell("theano")],
    )
    assert run_cli("diff", *order) == 3
    assert "1 planned cell has not run yet" in capsys.readouterr().out


def test_diff_with_a_run_that_is_not_there(nowhere: Path, capsys: Captured) -> None:
    tf_and_theano(nowhere / "results" / "old")
    assert run_cli("diff", "old", "new") == 2
    assert "no run 'new'" in error_of(capsys)


def test_join_then_diff(nowhere: Path, capsys: Captured) -> None:
    for image in ("tf", "theano"):
        run_folder(nowhere / "results" / image, [record(Cell(image), call(metrics={"loss": 0.5}))])
    assert run_cli("join", "tf", "theano", "--into", "both") == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "results/both" in err
    assert run_cli("diff", "both") == 0
    assert "theano agrees with tf" in capsys.readouterr().out
    assert run_cli("join", "both", "--into", "again", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == {"schema": 1, "run": str(nowhere / "results" / "again")}
    assert run_cli("join", "tf", "--into", "both") == 2
    assert "exists already" in error_of(capsys)
