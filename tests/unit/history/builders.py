"""Make runs of a history: on disk, and as summaries."""

import contextlib
import os
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from keras_matrix.compare import assess
from keras_matrix.compare.comparison import Verdict
from keras_matrix.compare.matrix import Status
from keras_matrix.history import database
from keras_matrix.history.database import History
from keras_matrix.history.summary import ImageSummary, MetricSummary, RunSummary, summarize
from keras_matrix.plan.cells import Cell
from keras_matrix.plan.tolerance import MetricKind
from keras_matrix.records.bounded import Number
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Outcome, Record
from keras_matrix.records.recorded import read
from tests.unit.records.builders import SCRIPT, call, identity, record, run_folder

Losses = Mapping[str, Sequence[Number]]
"""A loss a seed, by image."""


def day(number: int) -> str:
    return f"2026-01-{number:02}T12:00:00+00:00"


def when(number: int) -> datetime:
    return datetime(2026, 1, number, 12, tzinfo=timezone.utc)


def losses(given: Losses, first: int = 0, metric: str = "loss") -> list[Record]:
    """Return records with one ``evaluate`` metric; seeds count from ``first``."""
    return [
        record(Cell(image, seed=first + place), call(metrics={metric: value}))
        for image, values in given.items()
        for place, value in enumerate(values)
    ]


def made(
    path: Path,
    records: Sequence[Record],
    *,
    on: int = 1,
    script: bytes = SCRIPT,
    build: str = "first build",
    cells: Sequence[Cell] | None = None,
    **changed: Any,
) -> RunFolder:
    """Make a run on disk, of a day in January; ``changed`` are fields of its manifest."""
    names = dict.fromkeys(one.cell.image for one in records)
    images = [identity(name, content=build) for name in names]
    folder = run_folder(path, records, script=script, images=images, cells=cells)
    changed = {"created": day(on), "place": "models/mlp/model.py", **changed}
    change(folder, **changed)
    return folder


def change(folder: RunFolder, **changed: Any) -> None:
    """Write a run's manifest anew, with other fields, and records that fit to it."""
    records = folder.records()
    made = replace(folder.manifest(), **changed)
    with patch.object(os, "fsync"):
        folder.write_manifest(made)
        for one in records if "plan" in changed else ():
            folder.write(replace(one, arguments=made.plan.arguments))


def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what a test writes to a history not survive a power cut, nor wait for others."""
    connect = History._connect

    def connected(history: History) -> sqlite3.Connection:
        connection = connect(history)
        with contextlib.suppress(sqlite3.DatabaseError):  # of a file that is none
            connection.execute("PRAGMA synchronous = OFF")
        return connection

    monkeypatch.setattr(History, "_connect", connected)
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)


def summary_of(folder: RunFolder) -> RunSummary:
    run = read(folder)
    return summarize(run, assess.compare_run(run))


def metric(image: str, median: float, name: str = "evaluate.loss", **changed: Any) -> MetricSummary:
    given: dict[str, Any] = {
        "image": image,
        "setting": "default",
        "metric": name,
        "kind": MetricKind.SCORE,
        "n": 1,
        "median": median,
        "low": median,
        "high": median,
    }
    if image != "tf":
        given |= {"reference": "tf", "verdict": Verdict.AGREE, "absolute": 0.0, "relative": 0.0}
    return MetricSummary(**{**given, **changed})


def image(name: str, **changed: Any) -> ImageSummary:
    given: dict[str, Any] = {
        "image": name,
        "setting": "default",
        "digest": f"sha256:{name}",
        "key": name,
        "status": Status.REFERENCE if name == "tf" else Status.AGREE,
        "outcomes": {Outcome.OK: 1},
    }
    return ImageSummary(**{**given, **changed})


def summary(run: str = "a-run", on: int = 1, **changed: Any) -> RunSummary:
    given: dict[str, Any] = {
        "run": run,
        "created": when(on),
        "folder": f"/nowhere/{run}",
        "model": "mlp",
        "place": "models/mlp/model.py",
        "script_sha256": "0" * 64,
        "commit": "",
        "tool": "keras-matrix 0",
        "axes": "axes",
        "arguments": (),
        "reference": "tf",
        "seeds": 0,
        "repeats": 1,
        "status": Status.AGREE,
        "images": (image("tf"), image("theano")),
        "metrics": (metric("tf", 0.5), metric("theano", 0.5)),
    }
    return RunSummary(**{**given, **changed})
