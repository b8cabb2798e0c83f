"""A task, a place to run it in, and a recipient, without an engine."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from keras_matrix.engine.client import Engine
from keras_matrix.engine.owners import Owner
from keras_matrix.engine.security import Security
from keras_matrix.engine.users import cell_user
from keras_matrix.interrupts import Interrupts
from keras_matrix.load.catalog import Image, PinnedBase
from keras_matrix.load.script import Script
from keras_matrix.plan.cells import Cell, Plan
from keras_matrix.records.cache import CacheWarnings
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Record
from keras_matrix.run.cell.compiled_code import CompiledStore
from keras_matrix.run.cell.task import CellTask
from keras_matrix.run.cell.watch import Seen
from keras_matrix.run.cell.workplace import Workplace
from keras_matrix.run.parcel import Parcel, RunRecipient
from tests.unit.records.builders import SCRIPT, identity, plan

CELL = Cell("tf", seed=3)
TF = Image(
    name="tf",
    folder="tf",
    backend="tensorflow",
    python="3.6.15",
    base=PinnedBase(reference="python:3.6", digest="sha256:" + "a" * 64),
    expect={"keras": "2.3.1"},
)
THEANO = Image(
    name="theano",
    folder="theano",
    backend="theano",
    python="3.6.15",
    base=PinnedBase(reference="python:3.6", digest="sha256:" + "a" * 64),
    expect={"keras": "2.3.1"},
    compiled="/scratch/theano",
)


def task(
    folder: Path, cells: tuple[Cell, ...] = (CELL,), made: Plan | None = None, **changed: Any
) -> CellTask:
    """Return the task of a run in ``folder/results/run`` with a script in ``folder/source``."""
    values: dict[str, Any] = {
        "run": "run",
        "plan": made or plan(cells),
        "script": Script(
            path=folder / "source" / "model.py", name="source", content=SCRIPT, code=SCRIPT
        ),
        "results": folder / "results",
        "data": None,
        "digests": None,
        "images": {image.name: image for image in (TF, THEANO)},
        "identities": {name: identity(name) for name in ("tf", "theano")},
        "user": cell_user(Security(), (os.getuid(), os.getgid())),
        "runtime": "runc",
    }
    return CellTask(**{**values, **changed})


def place(folder: Path, engine: Engine, interrupts: Interrupts, **changed: Any) -> Workplace:
    """Return where the task's cells run: below ``folder/results/run/work``."""
    work = folder / "results" / "run" / "work"
    values: dict[str, Any] = {
        "work": work,
        "collected": folder / "collected",
        "script": folder / "source",
        "cpu": "a processor",
        "owner": Owner.this_process(),
        "compiled": CompiledStore(folder / "compiled"),
        "connect": lambda seconds: engine,
        "interrupts": interrupts,
    }
    return Workplace(**{**values, **changed})


def recipient(folder: Path, made: Plan, **changed: Any) -> RunRecipient:
    """Return what writes the run's folder; no progress is shown."""
    unused: Any = None
    values: dict[str, Any] = {
        "run": RunFolder(folder / "results" / "run"),
        "plan": made,
        "planned": frozenset(cell.id for cell in made.cells),
        "compiled": CompiledStore(folder / "compiled"),
        "lost": CacheWarnings(),
        "progress": unused,
        "note": lambda record: None,
    }
    return RunRecipient(**{**values, **changed})


class ListRecipient:
    """Notes what it receives, and writes nothing."""

    def __init__(self) -> None:
        self.parcels: list[Parcel] = []
        self.records: list[Record] = []
        self.begun: list[Cell] = []

    def started(self, cell: Cell) -> None:
        self.begun.append(cell)

    def seen(self, cell: Cell, seen: Seen) -> None:
        pass

    def receive(self, parcel: Parcel) -> Record:
        self.parcels.append(parcel)
        parcel.discard()
        return replace(parcel.record, kept={})

    def ended(self, record: Record) -> None:
        self.records.append(record)
