"""Runs sent to a real MLflow tracking store, in a folder, and read back."""

import importlib.abc
import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keras_matrix.plan.cells import Cell
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Outcome
from tests.unit.cli.builders import run_cli, without_engine
from tests.unit.history.builders import losses, made
from tests.unit.records.builders import call, record
from tests.unit.report.mlflow.test_entries import trained

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

pytestmark = [
    # MLflow's and its libraries' own, which differ from version to version.
    pytest.mark.filterwarnings("default"),
    pytest.mark.skipif(
        importlib.util.find_spec("mlflow") is None,
        reason="only tox's env 'test' has it",
    ),
]

Captured = pytest.CaptureFixture[str]
CELL = "keras_matrix.cell"
PARENT = "mlflow.parentRunId"


@pytest.fixture(autouse=True)
def uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    without_engine(tmp_path, monkeypatch)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return (tmp_path / "mlruns").as_uri()


@pytest.fixture
def client(uri: str) -> "MlflowClient":
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


@pytest.fixture
def folder(uri: str) -> RunFolder:
    cells = [Cell(image, seed=seed) for seed in (0, 1) for image in ("tf", "theano")]
    return made(Path("results/mine"), [trained(cell, 0.9, 0.8) for cell in cells])


def send(uri: str, *more: str, run: str = "mine") -> int:
    return run_cli("export", "mlflow", run, "--tracking-uri", uri, *more)


def sent(client: "MlflowClient", experiment: str = "mlp") -> "dict[str, Run]":
    """Return what is in the experiment, by cell; the matrix under an empty name."""
    entry = client.get_experiment_by_name(experiment)
    assert entry is not None
    runs = client.search_runs([entry.experiment_id])
    by_cell = {run.data.tags.get(CELL, ""): run for run in runs}
    assert len(by_cell) == len(runs)
    return by_cell


def test_a_run_for_the_matrix_and_one_for_each_cell(
    uri: str, client: "MlflowClient", folder: RunFolder, capsys: Captured
) -> None:
    assert send(uri) == 0
    assert "cells: 4 new, 0 replaced, 0 unchanged" in capsys.readouterr().out
    runs = sent(client)
    parent = runs.pop("")
    assert {*runs} == {"tf.seed0", "tf.seed1", "theano.seed0", "theano.seed1"}
    assert {run.data.tags[PARENT] for run in runs.values()} == {parent.info.run_id}
    assert (parent.info.run_name, parent.info.status) == ("mine", "FINISHED")
    assert parent.data.tags["keras_matrix.verdict"] == "agree"
    assert parent.data.params["images"] == "tf,theano"
    cell = runs["theano.seed1"]
    assert (cell.data.params["image"], cell.data.params["seed"]) == ("theano", "1")
    assert cell.data.metrics["evaluate.acc"] == 0.5
    assert (cell.info.status, cell.info.end_time - cell.info.start_time) == ("FINISHED", 2000)
    steps = client.get_metric_history(cell.info.run_id, "fit.loss")
    assert [(item.step, item.value) for item in steps] == [(0, 0.9), (1, 0.8)]


def test_the_record_is_an_artifact(uri: str, client: "MlflowClient", folder: RunFolder) -> None:
    assert send(uri) == 0
    runs = sent(client)
    (artifact,) = client.list_artifacts(runs["tf.seed0"].info.run_id)
    local = client.download_artifacts(runs["tf.seed0"].info.run_id, artifact.path)
    record = folder.records()[0]
    assert Path(local).read_bytes() == folder.record_path(record.cell).read_bytes()
    parent = runs[""].info.run_id
    names = {item.path for item in client.list_artifacts(parent)}
    assert names == {"manifest.json", "comparison.json"}
    shown = json.loads(Path(client.download_artifacts(parent, "comparison.json")).read_text())
    assert shown["title"] == "mlp (mine)"


def test_the_same_run_again_is_left_alone(
    uri: str, client: "MlflowClient", folder: RunFolder, capsys: Captured
) -> None:
    assert send(uri) == 0
    before = {cell: run.info.run_id for cell, run in sent(client).items()}
    capsys.readouterr()
    assert send(uri, "--json") == 0
    counts = json.loads(capsys.readouterr().out)
    assert (counts["new"], counts["replaced"], counts["unchanged"]) == (0, 0, 4)
    assert counts["parent"] == before[""]
    assert {cell: run.info.run_id for cell, run in sent(client).items()} == before
    assert len(client.get_metric_history(before["tf.seed0"], "fit.loss")) == 2


def test_a_cell_that_ran_again_is_replaced(
    uri: str, client: "MlflowClient", folder: RunFolder, capsys: Captured
) -> None:
    assert send(uri) == 0
    before = sent(client)
    folder.write(trained(Cell("theano", seed=1), 0.9, 0.1))
    capsys.readouterr()
    assert send(uri) == 0
    assert "0 new, 1 replaced, 3 unchanged" in capsys.readouterr().out
    after = sent(client)
    assert after["theano.seed1"].data.metrics["fit.loss"] == 0.1
    assert after["tf.seed1"].info.run_id == before["tf.seed1"].info.run_id
    # The parent stays, with the new verdict.
    assert after[""].info.run_id == before[""].info.run_id
    assert after["theano.seed1"].data.tags[PARENT] == before[""].info.run_id
    assert after[""].data.tags["keras_matrix.verdict"] == "inconclusive"
    assert after[""].data.metrics["judged.agree"] < before[""].data.metrics["judged.agree"]


def test_what_was_cut_off_is_sent_again(
    uri: str, client: "MlflowClient", folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    log_artifact = MlflowClient.log_artifact

    def cut_off(client: MlflowClient, run: str, path: str, *more: str) -> None:
        if path.endswith("tf.seed1.json"):
            raise ConnectionError("gone")
        log_artifact(client, run, path, *more)

    monkeypatch.setattr(MlflowClient, "log_artifact", cut_off)
    assert send(uri) == 2
    monkeypatch.setattr(MlflowClient, "log_artifact", log_artifact)
    assert send(uri) == 0
    runs = sent(client)
    assert len(runs) == 5
    assert [item.path for item in client.list_artifacts(runs["tf.seed1"].info.run_id)] == [
        "tf.seed1.json"
    ]


def test_cells_follow_a_parent_that_was_deleted(
    uri: str, client: "MlflowClient", folder: RunFolder
) -> None:
    assert send(uri) == 0
    client.delete_run(sent(client)[""].info.run_id)
    assert send(uri) == 0
    runs = sent(client)
    parent = runs.pop("").info.run_id
    assert {run.data.tags[PARENT] for run in runs.values()} == {parent}


def test_two_runs_are_kept_apart(uri: str, client: "MlflowClient", folder: RunFolder) -> None:
    made(Path("results/other"), losses({"tf": [0.5]}))
    assert send(uri) == 0
    assert send(uri, "--experiment", "Another one", run="other") == 0
    assert len(sent(client)) == 5
    assert {*sent(client, "Another one")} == {"", "tf.seed0"}


def test_failures_and_names_from_outside(uri: str, client: "MlflowClient") -> None:
    hostile = "../x`'\"\x1b[31m\n/é:<script>"
    records = [
        record(Cell("tf"), call(metrics={hostile: 0.5, "loss": "nan", "mse": "inf"})),
        record(Cell("theano"), outcome=Outcome.TIMEOUT, reason=hostile * 1000),
    ]
    made(Path("results/mine"), records)
    assert send(uri) == 0
    runs = sent(client)
    assert runs["theano"].info.status == "FAILED"
    assert runs[""].info.status == "FAILED"
    assert runs["theano"].data.tags["keras_matrix.outcome"] == "time-out"
    (name,) = (name for name in runs["tf"].data.metrics if "script" in name)
    assert runs["tf"].data.metrics[name] == 0.5
    assert runs["tf"].data.metrics["evaluate.mse"] == float("inf")


def test_more_than_a_batch_holds(uri: str, client: "MlflowClient") -> None:
    fit = trained(Cell("tf"), *(float(number) for number in range(1100)))
    many = call(metrics={f"m{number}": 1.0 for number in range(150)})
    fit.observation.calls.append(many)
    made(Path("results/mine"), [fit, record(Cell("theano"), many)])
    assert send(uri) == 0
    runs = sent(client)
    assert len(client.get_metric_history(runs["tf"].info.run_id, "fit.loss")) == 1100
    verdicts = [name for name in runs[""].data.tags if name.startswith("keras_matrix.verdict.")]
    assert len(verdicts) > 150


# What can be wrong


class _NoMlflow(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: object, target: object = None) -> None:
        if name.partition(".")[0] == "mlflow":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def error_of(capsys: Captured) -> str:
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err


def test_without_mlflow_the_remedy_is_named(
    uri: str, folder: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "mlflow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_NoMlflow(), *sys.meta_path])
    assert send(uri) == 2
    assert "pip install 'keras-matrix[mlflow]'" in error_of(capsys)


def test_a_server_that_does_not_answer(folder: RunFolder, capsys: Captured) -> None:
    assert send("http://someone:secret@127.0.0.1:9") == 2
    said = error_of(capsys)
    assert "MLflow did not accept the run: " in said
    assert "Connection refused" in said
    assert "secret" not in said


def test_a_store_that_mlflow_refuses(
    uri: str, folder: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE")
    if send(uri) == 0:  # MLflow 2 does not
        return
    assert "MLFLOW_ALLOW_FILE_STORE=true" in error_of(capsys)


def test_a_store_that_cannot_be_written(
    tmp_path: Path, folder: RunFolder, capsys: Captured
) -> None:
    (tmp_path / "file").write_text("")
    assert send((tmp_path / "file" / "mlruns").as_uri()) == 2
    assert "MLflow did not accept the run" in error_of(capsys)


def test_an_experiment_that_was_deleted(
    uri: str, client: "MlflowClient", folder: RunFolder, capsys: Captured
) -> None:
    client.delete_experiment(client.create_experiment("old"))
    assert send(uri, "--experiment", "old") == 2
    assert "'old' is deleted in MLflow; restore it there, or name another" in error_of(capsys)


def test_a_run_that_is_not_there(uri: str, capsys: Captured) -> None:
    assert send(uri, run="missing") == 2
    assert "no run 'missing'" in error_of(capsys)
