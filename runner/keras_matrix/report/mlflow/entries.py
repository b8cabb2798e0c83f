"""A run as an experiment tracker takes it: entries with parameters, metrics and tags. Pure.

One entry for the matrix, with the comparison, and one for each cell. Names are those that MLflow
allows: word characters, dots, dashes, spaces; no path.
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
from keras_matrix.plan.cells import Plan
from keras_matrix.records.observation import Call, Epoch
from keras_matrix.records.record import Manifest, Outcome, Record
from keras_matrix.report.words import in_words
from keras_matrix.text import brief, one_line

Content = TypeVar("Content")

LONGEST_NAME = 200
"""Bytes: file-based stores make a file of the name."""
LONGEST_VALUE = 500
"""Characters; older servers take no more of a parameter."""
PREFIX = "keras_matrix"
_NOT_IN_NAMES = re.compile(r"[^\w.\- ]")
_DOTS = re.compile(r"[. ]+")
PACKAGES = ("keras", "tensorflow", "theano", "numpy", "scipy")
"""Whose versions are parameters; the record holds all."""


class Ended(Enum):
    """How an entry's run ended, in MLflow's words."""

    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


@dataclass(frozen=True)
class Value:
    """A metric's value at a step; ``at`` is in milliseconds since 1970."""

    name: str
    value: float
    step: int
    at: int


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What a tracker keeps of the matrix, or of a cell; times in milliseconds since 1970.

    ``cell`` is empty for the matrix. ``digest`` is that of all that the entry is made of.
    """

    cell: str
    name: str
    started: int
    ended: int
    status: Ended
    parameters: Mapping[str, str]
    metrics: tuple[Value, ...]
    tags: Mapping[str, str]
    digest: str


def run_key(manifest: Manifest) -> str:
    """Return what tells a run from all others, wherever its folder is."""
    known = "\0".join((manifest.run, manifest.created, manifest.plan.script_sha256))
    return hashlib.sha256(known.encode()).hexdigest()


def of_matrix(
    manifest: Manifest, records: Sequence[Record], comparison: Comparison, content: bytes
) -> Entry:
    """Return the entry of the matrix; ``content`` is all that it is made of.

    Raises:
        StoreError: a date in the run is none.
    """
    entries = matrix_row(comparison, manifest).entries
    started = _milliseconds(manifest.created)
    ended = max((_ended(record) for record in records), default=started)
    judged = [row for row in comparison.rows if row.verdict is not Verdict.REPORTED]
    verdicts = Counter(row.verdict for row in judged)
    values = {
        f"judged.{one.value}": float(verdicts[one])
        for one in Verdict
        if one is not Verdict.REPORTED
    }
    for row in comparison.rows:
        if row.absolute is not None:
            values[f"{_of_row(row)}.difference"] = row.absolute
    tags = {
        "kind": "matrix",
        "verdict": overall(entries).value,
        "summary": in_words(comparison),
        **{f"verdict.{entry.name}": entry.status.value for entry in entries},
        **{f"verdict.{_of_row(row)}": row.verdict.value for row in judged},
    }
    return Entry(
        cell="",
        name=_text(manifest.run),
        started=started,
        ended=ended,
        status=Ended.FAILED if comparison.failures or comparison.missing else Ended.FINISHED,
        parameters=_matrix_parameters(manifest.plan),
        metrics=tuple(Value(name, value, 0, ended) for name, value in _named(values).items()),
        tags=_tags(manifest, tags),
        digest=hashlib.sha256(content).hexdigest(),
    )


def of_cell(manifest: Manifest, record: Record, content: bytes) -> Entry:
    """Return the entry of a cell; ``content`` is its record as it is on disk.

    Raises:
        StoreError: a date in the run is none.
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
        for package in PACKAGES:
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
    return Entry(
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


def name_of(text: str) -> str:
    """Return a name that MLflow allows for a parameter, a metric or a tag."""
    name = _NOT_IN_NAMES.sub("_", one_line(text)).strip() or "_"
    if _DOTS.fullmatch(name):
        name = "_" * len(name)
    if len(name.encode()) > LONGEST_NAME:
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        name = f"{name.encode()[: LONGEST_NAME - 9].decode(errors='ignore')}-{digest}"
    return name


def _named(values: Mapping[str, Content]) -> dict[str, Content]:
    """Return values under allowed names; of two that become the same, one gets a count."""
    names = _names(values)
    return {names[text]: value for text, value in values.items()}


def _names(texts: Iterable[str]) -> dict[str, str]:
    """Return an allowed name for each text, all different."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for text in dict.fromkeys(texts):
        name, count = name_of(text), 1
        while name in taken:
            count += 1
            name = f"{name_of(text)}_{count}"
        taken.add(name)
        found[text] = name
    return found


def _text(value: str) -> str:
    return brief(value)[:LONGEST_VALUE]


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
    found = {
        f"{PREFIX}.{name}": _text(value)
        for name, value in _named({name: value for name, value in tags.items() if value}).items()
    }
    found["mlflow.source.type"] = "LOCAL"
    found["mlflow.source.name"] = _text(manifest.place or manifest.script)
    if manifest.commit:
        found["mlflow.source.git.commit"] = manifest.commit
    return found


def _metrics(record: Record, started: int) -> tuple[Value, ...]:
    """Return every epoch's metrics, at the epoch's number, and what the calls came to at last."""
    found = [
        (f"{call.name}.{metric}", float(value), epoch.epoch, at)
        for call in measured_calls(record)
        for epoch, at in _epochs(call, started)
        for metric, value in epoch.metrics.items()
    ]
    told = {name for name, *_ in found}
    ended = _ended(record)
    found += [
        (one.metric, one.value, 0, ended) for one in measures(record) if one.metric not in told
    ]
    if (end := record.observation.end) is not None:
        found.append(("peak_memory_bytes", float(end.peak_memory), 0, ended))
    names = _names(name for name, *_ in found)
    return tuple(Value(names[name], value, step, at) for name, value, step, at in found)


def _epochs(call: Call, started: int) -> list[tuple[Epoch, int]]:
    """Return a call's epochs, each with about when it ended: as if the cell began with it."""
    ends = itertools.accumulate(epoch.seconds for epoch in call.epochs)
    return [
        (epoch, started + int(1000 * end)) for epoch, end in zip(call.epochs, ends, strict=True)
    ]


def _of_row(row: Row) -> str:
    return ".".join(part for part in (row.other_name, row.group, row.metric) if part)


def _status(outcome: Outcome) -> Ended:
    if outcome is Outcome.OK:
        return Ended.FINISHED
    return Ended.KILLED if outcome is Outcome.INTERRUPTED else Ended.FAILED


def _milliseconds(when: str) -> int:
    try:
        return max(0, int(datetime.fromisoformat(when).timestamp() * 1000))
    except (ValueError, OverflowError) as error:
        raise StoreError(f"The run is damaged: {when!r} is no date; run it again.") from error


def _ended(record: Record) -> int:
    return _milliseconds(record.started) + int(1000 * record.timing.run)
