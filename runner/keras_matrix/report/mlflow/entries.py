"""A run as an experiment tracker stores it: entries with parameters, metrics and tags. Pure.

There is one entry for the matrix, with the comparison, and one for each cell. Names are such as
MLflow allows: word characters, dots, dashes and spaces; no path.
"""

import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TypeVar

from keras_matrix.compare.comparison import Comparison, Row, Verdict
from keras_matrix.compare.matrix import matrix_row, overall
from keras_matrix.compare.metrics import measured_calls, measures
from keras_matrix.errors import StoreError
from keras_matrix.plan.backends import BACKENDS
from keras_matrix.plan.cells import Plan
from keras_matrix.records.observation import Call, Epoch
from keras_matrix.records.record import Manifest, Outcome, Record
from keras_matrix.report.words import in_words
from keras_matrix.text import brief, one_line

Content = TypeVar("Content")

MAX_NAME_BYTES = 200
"""Bytes of a name: file-based stores make a file of it."""
MAX_VALUE = 500
"""Characters of a parameter's value; older servers accept no more."""
PREFIX = "keras_matrix"
"""The first part of the names of all tags that are not MLflow's own."""
_NOT_IN_NAMES = re.compile(r"[^\w.\- ]")
_DOTS = re.compile(r"[. ]+")
VERSION_PACKAGES = (
    "keras",
    *(name for backend in BACKENDS for name in backend.distributions),
    "numpy",
    "scipy",
)
"""Packages whose versions are parameters; the record holds all."""


class TrackerStatus(Enum):
    """How an entry's run ended, in MLflow's words."""

    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


@dataclass(frozen=True)
class MetricValue:
    """A metric's value at a step; ``timestamp`` is in milliseconds since 1970."""

    name: str
    value: float
    step: int
    timestamp: int


@dataclass(frozen=True, kw_only=True)
class TrackerEntry:
    """What a tracker stores of the matrix, or of a cell; times in milliseconds since 1970.

    ``cell`` is empty for the matrix. ``digest`` is that of all that the entry is made from.
    """

    cell: str
    name: str
    started: int
    ended: int
    status: TrackerStatus
    parameters: Mapping[str, str]
    metrics: tuple[MetricValue, ...]
    tags: Mapping[str, str]
    digest: str


def run_key(manifest: Manifest) -> str:
    """Return a digest that identifies a run, wherever its folder is."""
    identity = "\0".join((manifest.run, manifest.created, manifest.plan.script_sha256))
    return hashlib.sha256(identity.encode()).hexdigest()


def matrix_entry(
    manifest: Manifest, records: Sequence[Record], comparison: Comparison, content: bytes
) -> TrackerEntry:
    """Return the entry of the matrix; ``content`` is all that it is made from.

    Raises:
        StoreError: a date in the run is not valid.
    """
    entries = matrix_row(comparison, manifest).entries
    started = _milliseconds(manifest.created)
    ended = max((_ended(record) for record in records), default=started)
    judged = [row for row in comparison.rows if row.verdict is not Verdict.REPORTED]
    verdicts = Counter(row.verdict for row in judged)
    values = {
        f"judged.{verdict.value}": float(verdicts[verdict])
        for verdict in Verdict
        if verdict is not Verdict.REPORTED
    }
    for row in comparison.rows:
        if row.absolute is not None:
            values[f"{_row_name(row)}.difference"] = row.absolute
    tags = {
        "kind": "matrix",
        "verdict": overall(entries).value,
        "summary": in_words(comparison),
        **{f"verdict.{entry.name}": entry.status.value for entry in entries},
        **{f"verdict.{_row_name(row)}": row.verdict.value for row in judged},
    }
    return TrackerEntry(
        cell="",
        name=_text(manifest.run),
        started=started,
        ended=ended,
        status=TrackerStatus.FAILED
        if comparison.failures or comparison.missing
        else TrackerStatus.FINISHED,
        parameters=_matrix_parameters(manifest.plan),
        metrics=tuple(MetricValue(name, value, 0, ended) for name, value in _named(values).items()),
        tags=_tags(manifest, tags),
        digest=hashlib.sha256(content).hexdigest(),
    )


def cell_entry(manifest: Manifest, record: Record, content: bytes) -> TrackerEntry:
    """Return the entry of a cell; ``content`` is its record as it is on disk.

    Raises:
        StoreError: a date in the run is not valid.
    """
    cell = record.cell
    keras_json = manifest.keras_json.get(cell.id, {})
    parameters = {
        **_parameters(manifest.plan),
        "image": cell.image,
        "backend": str(keras_json.get("backend", "")),
        "floatx": cell.settings.floatx.value,
        "image_data_format": cell.settings.image_data_format.value,
        "epsilon": repr(cell.settings.epsilon),
        "seed": "none" if cell.seed is None else str(cell.seed),
        "repeat": str(cell.repeat),
    }
    environment = record.observation.environment
    if environment is not None:
        parameters |= {"backend": environment.backend, "python": environment.python}
        for package in VERSION_PACKAGES:
            if package in environment.packages:
                parameters[package] = environment.packages[package]
    for call in measured_calls(record):
        parameters |= {f"{call.name}.{name}": str(value) for name, value in call.params.items()}
    tags = {"kind": "cell", "cell": cell.id, "outcome": record.outcome.value}
    tags["reason"] = record.reason
    if record.image is not None:
        tags |= {"image.digest": record.image.id, "image.key": record.image.key}
        tags["image.base"] = record.image.base.value
    started = _milliseconds(record.started)
    return TrackerEntry(
        cell=cell.id,
        name=f"{_text(manifest.run)} {cell.id}",
        started=started,
        ended=_ended(record),
        status=_status(record.outcome),
        parameters={name: _text(value) for name, value in _named(parameters).items()},
        metrics=_metrics(record, started),
        tags=_tags(manifest, tags),
        digest=hashlib.sha256(content).hexdigest(),
    )


def allowed_name(text: str) -> str:
    """Return a name that MLflow allows for a parameter, a metric or a tag."""
    name = _NOT_IN_NAMES.sub("_", one_line(text)).strip() or "_"
    if _DOTS.fullmatch(name):
        name = "_" * len(name)
    if len(name.encode()) > MAX_NAME_BYTES:
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        name = f"{name.encode()[: MAX_NAME_BYTES - 9].decode(errors='ignore')}-{digest}"
    return name


def _named(values: Mapping[str, Content]) -> dict[str, Content]:
    """Return values under allowed names; a name that occurs again gets a number."""
    names = _names(values)
    return {names[text]: value for text, value in values.items()}


def _names(texts: Iterable[str]) -> dict[str, str]:
    """Return an allowed name for each text, all different."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for text in dict.fromkeys(texts):
        name, count = allowed_name(text), 1
        while name in taken:
            count += 1
            name = f"{allowed_name(text)}_{count}"
        taken.add(name)
        names[text] = name
    return names


def _text(value: str) -> str:
    return brief(value)[:MAX_VALUE]


def _parameters(plan: Plan) -> dict[str, str]:
    return {
        "model": _text(plan.model),
        "script_sha256": plan.script_sha256,
        "arguments": _text(" ".join(plan.arguments)) or "none",
        "init": plan.init.value,
        "isolation": plan.isolation.value,
        "threads": str(plan.limits.threads),
        "epochs_cap": str(plan.caps.epochs or "none"),
        "steps_cap": str(plan.caps.steps or "none"),
    }


def _matrix_parameters(plan: Plan) -> dict[str, str]:
    seeds = {cell.seed for cell in plan.cells if cell.seed is not None}
    return {
        **_parameters(plan),
        "images": _text(",".join(plan.images)),
        "settings": _text(",".join(dict.fromkeys(cell.settings.id for cell in plan.cells))),
        "seeds": str(len(seeds)),
        "cells": str(len(plan.cells)),
    }


def _tags(manifest: Manifest, own: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of an entry: its own and the run's, and those that MLflow itself shows."""
    tags = {
        "run": manifest.run,
        "run_key": run_key(manifest),
        "created": manifest.created,
        "tool": manifest.tool,
        **own,
    }
    tracker_tags = {
        f"{PREFIX}.{name}": _text(value)
        for name, value in _named({name: value for name, value in tags.items() if value}).items()
    }
    tracker_tags["mlflow.source.type"] = "LOCAL"
    tracker_tags["mlflow.source.name"] = _text(manifest.place or manifest.script)
    if manifest.commit:
        tracker_tags["mlflow.source.git.commit"] = manifest.commit
    return tracker_tags


def _metrics(record: Record, started: int) -> tuple[MetricValue, ...]:
    """Return every epoch's metrics, each a step, and the calls' other metrics at their end."""
    values = [
        (f"{call.name}.{metric}", float(value), epoch.epoch, timestamp)
        for call in measured_calls(record)
        for epoch, timestamp in _epochs(call, started)
        for metric, value in epoch.metrics.items()
    ]
    stepped = {name for name, *_ in values}
    ended = _ended(record)
    values += [
        (measure.metric, measure.value, 0, ended)
        for measure in measures(record)
        if measure.metric not in stepped
    ]
    if (end := record.observation.end) is not None:
        values.append(("peak_memory_bytes", float(end.peak_memory), 0, ended))
    names = _names(name for name, *_ in values)
    return tuple(
        MetricValue(names[name], value, step, timestamp) for name, value, step, timestamp in values
    )


def _epochs(call: Call, started: int) -> list[tuple[Epoch, int]]:
    """Return a call's epochs, each with its end in milliseconds, as if the call began the cell."""
    ends = itertools.accumulate(epoch.seconds for epoch in call.epochs)
    return [
        (epoch, started + int(1000 * end)) for epoch, end in zip(call.epochs, ends, strict=True)
    ]


def _row_name(row: Row) -> str:
    return ".".join(part for part in (row.other_name, row.group, row.metric) if part)


def _status(outcome: Outcome) -> TrackerStatus:
    if outcome is Outcome.OK:
        return TrackerStatus.FINISHED
    return TrackerStatus.KILLED if outcome is Outcome.INTERRUPTED else TrackerStatus.FAILED


def _milliseconds(date: str) -> int:
    try:
        return max(0, int(datetime.fromisoformat(date).timestamp() * 1000))
    except (ValueError, OverflowError) as error:
        raise StoreError(f"The run is damaged: {date!r} is not a date; run it again.") from error


def _ended(record: Record) -> int:
    return _milliseconds(record.started) + int(1000 * record.timing.run)
