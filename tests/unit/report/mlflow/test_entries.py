"""A run as an experiment tracker stores it."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from keras_matrix.compare import assess
from keras_matrix.errors import StoreError
from keras_matrix.plan.cells import Cell
from keras_matrix.records.bounded import Number
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.observation import Epoch
from keras_matrix.records.record import Outcome, Record
from keras_matrix.records.recorded import read
from keras_matrix.report.mlflow import entries
from keras_matrix.report.mlflow.entries import (
    MetricValue,
    TrackerEntry,
    TrackerStatus,
    allowed_name,
)
from tests.unit.history.builders import change, losses, made
from tests.unit.records.builders import call, record

START = 1767225600000
"""The first of January 2026, in milliseconds."""


def trained(cell: Cell, *losses: Number) -> Record:
    epochs = [
        Epoch(epoch=number, seconds=0.5, metrics={"loss": loss})
        for number, loss in enumerate(losses)
    ]
    fit = call("fit", {"loss": losses[-1]}, epochs=epochs, seconds=1.5)
    fit.params = {"epochs": len(losses), "batch_size": 32}
    return record(cell, fit, call(metrics={"loss": 0.25, "acc": 0.5}))


def matrix(folder: RunFolder) -> TrackerEntry:
    manifest = folder.manifest()
    return entries.matrix_entry(
        manifest, folder.records(), assess.compare_run(read(folder)), content=b"content"
    )


def cell_entry(folder: RunFolder, index: int = 0) -> TrackerEntry:
    return entries.cell_entry(folder.manifest(), folder.records()[index], b"content")


def test_a_cell(tmp_path: Path) -> None:
    folder = made(tmp_path / "mine", [trained(Cell("tf", seed=7), 0.9, 0.8)], commit="c" * 40)
    entry = cell_entry(folder)
    assert (entry.cell, entry.name, entry.status) == (
        "tf.seed7",
        "mine tf.seed7",
        TrackerStatus.FINISHED,
    )
    assert (entry.started, entry.ended) == (START, START + 2000)
    expected = {
        "image": "tf",
        "backend": "tensorflow",
        "seed": "7",
        "repeat": "0",
        "floatx": "float32",
        "image_data_format": "channels_last",
        "epsilon": "1e-07",
        "keras": "2.3.1",
        "tensorflow": "1.14.0",
        "numpy": "1.16.6",
        "python": "3.6.15",
        "model": "mlp",
        "init": "own",
        "fit.epochs": "2",
        "fit.batch_size": "32",
    }
    assert expected.items() <= entry.parameters.items()
    identity = folder.manifest().images["tf"]
    tags = {
        "keras_matrix.cell": "tf.seed7",
        "keras_matrix.run": "mine",
        "keras_matrix.run_key": entries.run_key(folder.manifest()),
        "keras_matrix.outcome": "ok",
        "keras_matrix.image.digest": identity.id,
        "keras_matrix.image.key": identity.key,
        "mlflow.source.name": "models/mlp/model.py",
        "mlflow.source.git.commit": "c" * 40,
    }
    assert tags.items() <= entry.tags.items()
    # No tag without a value: there is no reason.
    assert "keras_matrix.reason" not in entry.tags


def test_epochs_are_steps_and_the_rest_is_at_the_end(tmp_path: Path) -> None:
    entry = cell_entry(made(tmp_path / "a", [trained(Cell("tf"), 0.9, 0.8, "nan")]))
    loss = [value for value in entry.metrics if value.name == "fit.loss"]
    assert [(value.step, value.timestamp - START) for value in loss] == [
        (0, 500),
        (1, 1000),
        (2, 1500),
    ]
    assert [value.value for value in loss[:2]] == [0.9, 0.8]
    assert math.isnan(loss[2].value)
    last = {value.name: value for value in entry.metrics if value.name != "fit.loss"}
    assert last["evaluate.acc"] == MetricValue("evaluate.acc", 0.5, 0, START + 2000)
    assert last["fit.seconds"].value == 1.5
    assert last["fit.first_epoch_seconds"].value == 0.5
    assert last["peak_memory_bytes"].value == 1000


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.OK, TrackerStatus.FINISHED),
        (Outcome.TIMEOUT, TrackerStatus.FAILED),
        (Outcome.INTERRUPTED, TrackerStatus.KILLED),
    ],
)
def test_how_a_cell_ended(outcome: Outcome, status: TrackerStatus, tmp_path: Path) -> None:
    folder = made(tmp_path / "a", [record(Cell("tf"), outcome=outcome, reason="a\nreason")])
    entry = cell_entry(folder)
    assert entry.status is status
    assert entry.tags["keras_matrix.outcome"] == outcome.value
    assert entry.tags["keras_matrix.reason"] == "a reason"


def test_the_matrix(tmp_path: Path) -> None:
    folder = made(tmp_path / "mine", losses({"tf": [0.5], "theano": [0.75]}))
    entry = matrix(folder)
    assert (entry.cell, entry.name, entry.status) == ("", "mine", TrackerStatus.FINISHED)
    assert entry.parameters["images"] == "tf,theano"
    assert (entry.parameters["cells"], entry.parameters["seeds"]) == ("2", "1")
    values = {metric.name: metric.value for metric in entry.metrics}
    assert values == {
        "judged.agree": 0,
        "judged.differ": 1,
        "judged.inconclusive": 0,
        "judged.missing": 0,
        "theano.evaluate.loss.difference": 0.25,
    }
    tags = {
        "keras_matrix.kind": "matrix",
        "keras_matrix.verdict": "differ",
        "keras_matrix.verdict.tf": "reference",
        "keras_matrix.verdict.theano": "differ",
        "keras_matrix.verdict.theano.evaluate.loss": "differ",
    }
    assert tags.items() <= entry.tags.items()
    assert entry.tags["keras_matrix.summary"].startswith("theano differs from tf in 1 of 1")
    assert "keras_matrix.cell" not in entry.tags


def test_a_matrix_with_a_cell_that_failed_has_failed(tmp_path: Path) -> None:
    records = [*losses({"tf": [0.5]}), record(Cell("theano"), outcome=Outcome.CRASHED)]
    assert matrix(made(tmp_path / "a", records)).status is TrackerStatus.FAILED


def test_a_run_has_one_key_wherever_it_is(tmp_path: Path) -> None:
    one = made(tmp_path / "x" / "a", losses({"tf": [0.5]})).manifest()
    assert entries.run_key(one) == entries.run_key(
        made(tmp_path / "y" / "a", losses({"tf": [0.9]})).manifest()
    )
    others = replace(one, run="b"), replace(one, created="2026-02-01T00:00:00+00:00")
    assert len({entries.run_key(run) for run in (one, *others)}) == 3


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("fit.loss", "fit.loss"),
        ("fit#2.loss", "fit_2.loss"),
        ("a/b", "a_b"),
        ("../../etc", ".._.._etc"),
        ("..", "__"),
        ("", "_"),
        (" \n", "_"),
        ("naïve größe", "naïve größe"),
        ("x\x1b[31m\ud800'`\"", "x_ud800___"),
        ("loss:0", "loss_0"),
    ],
)
def test_names_are_changed_to_what_mlflow_allows(text: str, name: str) -> None:
    assert allowed_name(text) == name


def test_long_names_are_cut_off_and_stay_different() -> None:
    one, other = (allowed_name("größe" * 100 + end) for end in "ab")
    assert one != other
    assert len(one.encode()) <= entries.MAX_NAME_BYTES
    assert one.startswith("größe")


def test_names_that_become_the_same_get_a_number(tmp_path: Path) -> None:
    metrics: dict[str, Number] = {"a#b": 1.0, "a$b": 2.0, "a_b": 3.0}
    entry = cell_entry(made(tmp_path / "a", [record(Cell("tf"), call(metrics=metrics))]))
    values = {
        metric.name: metric.value for metric in entry.metrics if metric.name.startswith("evaluate")
    }
    assert values == {"evaluate.a_b": 1.0, "evaluate.a_b_2": 2.0, "evaluate.a_b_3": 3.0}


def test_an_invalid_date_is_refused(tmp_path: Path) -> None:
    folder = made(tmp_path / "a", losses({"tf": [0.5]}))
    change(folder, created="soon")
    with pytest.raises(StoreError, match="'soon' is not a date"):
        matrix(folder)
