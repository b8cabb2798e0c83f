"""Make the values that tests need, and run folders on disk, without an engine."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec

from keras_matrix.plan.cells import Cell, Limits, Plan, RunKind
from keras_matrix.plan.images import BaseKind, ImageIdentity
from keras_matrix.plan.tolerance import Tolerance
from keras_matrix.records.bounded import Number
from keras_matrix.records.events import Array, End, Environment
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.observation import Call, Epoch, Observation
from keras_matrix.records.record import Manifest, Outcome, Record, Timing

SCRIPT = b"import keras\n"

ENVIRONMENT: dict[str, Any] = {
    "python": "3.6.15",
    "platform": "Linux",
    "cpu_model": "a processor",
    "cpu_count": 1,
    "keras": "2.3.1",
    "backend": "tensorflow",
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "packages": {"keras": "2.3.1", "numpy": "1.16.6", "tensorflow": "1.14.0"},
    "variables": {"OMP_NUM_THREADS": "1"},
    "backend_config": {},
    "limits": {"memory": 4.0 * 2**30, "pids": 256.0, "cpus": 1.0},
    "uid": 10001,
    "import_seconds": 2.5,
}
END: dict[str, Any] = {
    "status": "ok",
    "exit_code": 0,
    "error": None,
    "seconds": 3.0,
    "cpu_seconds": 2.0,
    "peak_memory": 1000,
    "keras_backend_variable": None,
}


def environment(**changed: Any) -> Environment:
    return msgspec.convert({"event": "environment", **ENVIRONMENT, **changed}, Environment)


def end(**changed: Any) -> End:
    return msgspec.convert({"event": "end", **END, **changed}, End)


def array(name: str = "predict.0", mean: Number | None = 0.5, file: str | None = None) -> Array:
    return Array(name=name, shape=[2], dtype="float32", mean=mean, std=0.0, not_finite=0, file=file)


def call(
    name: str = "evaluate",
    metrics: Mapping[str, Number] | None = None,
    *,
    arrays: Sequence[Array] = (),
    epochs: Sequence[Epoch] = (),
    seconds: float | None = None,
    first_batch_seconds: float | None = None,
    finished: bool = True,
    model: str = "sequential_1",
    site: str = "model.py:3",
) -> Call:
    return Call(
        kind=name.partition("#")[0],
        name=name,
        model=model,
        site=site,
        finished=finished,
        seconds=seconds,
        cpu_seconds=seconds,
        first_batch_seconds=first_batch_seconds,
        metrics=dict(metrics or {}),
        arrays=list(arrays),
        epochs=list(epochs),
    )


def identity(
    name: str, base: BaseKind = BaseKind.HUB, content: str = "first build"
) -> ImageIdentity:
    digest = hashlib.sha256(f"{name} {content}".encode()).hexdigest()
    return ImageIdentity(
        name=name, id=f"sha256:{digest}", key=digest[:16], base=base, base_digest="sha256:0"
    )


def record(
    cell: Cell,
    *calls: Call,
    outcome: Outcome = Outcome.OK,
    reason: str = "",
    base: BaseKind = BaseKind.HUB,
    notes: tuple[str, ...] = (),
    log_tail: tuple[str, ...] = (),
    kept: Mapping[str, str] | None = None,
) -> Record:
    return Record(
        tool="keras-matrix 0",
        run="a-run",
        model="mlp",
        script_sha256=hashlib.sha256(SCRIPT).hexdigest(),
        arguments=(),
        cell=cell,
        image=identity(cell.image, base),
        outcome=outcome,
        reason=reason,
        started="2026-01-01T00:00:00+00:00",
        timing=Timing(create=0.1, run=2.0),
        exit_code=0 if outcome is Outcome.OK else 1,
        notes=notes,
        log_tail=log_tail,
        kept=dict(kept or {}),
        observation=Observation(environment=environment(), calls=list(calls), end=end()),
    )


def plan(
    cells: Sequence[Cell],
    *,
    script: bytes = SCRIPT,
    limits: Limits | None = None,
    images: Sequence[str] = (),
) -> Plan:
    return Plan(
        model="mlp",
        script_sha256=hashlib.sha256(script).hexdigest(),
        arguments=(),
        images=tuple(images or dict.fromkeys(cell.image for cell in cells)),
        cells=tuple(cells),
        limits=limits or Limits(),
    )


def manifest(
    cells: Sequence[Cell],
    *,
    run: str = "a-run",
    script: bytes = SCRIPT,
    tolerances: tuple[Tolerance, ...] = (),
    images: Sequence[ImageIdentity] = (),
    kind: RunKind | None = RunKind.RUN,
) -> Manifest:
    return Manifest(
        tool="keras-matrix 0",
        run=run,
        kind=kind,
        created="2026-01-01T00:00:00+00:00",
        script="model.py",
        command=("keras-matrix", "run", "model.py"),
        plan=plan(cells, script=script),
        keras_json={cell.id: cell.settings.keras_json("tensorflow") for cell in cells},
        tolerances=tolerances,
        images={image.name: image for image in images},
    )


def run_folder(
    path: Path,
    records: Sequence[Record],
    *,
    cells: Sequence[Cell] | None = None,
    script: bytes = SCRIPT,
    tolerances: tuple[Tolerance, ...] = (),
    images: Sequence[ImageIdentity] = (),
    kind: RunKind | None = None,
) -> RunFolder:
    """Make a run on disk, as its command leaves it; ``cells`` are all that are planned.

    Without ``kind`` it is a run of tests if a record holds tests, else the run of a script.
    """
    planned = [one.cell for one in records] if cells is None else cells
    if kind is None:
        with_tests = any(one.observation.suite.reported for one in records)
        kind = RunKind.TESTS if with_tests else RunKind.RUN
    folder = RunFolder(path)
    made = manifest(
        planned, run=path.name, script=script, tolerances=tolerances, images=images, kind=kind
    )
    # What a test throws away need not survive a power cut.
    with patch.object(os, "fsync"):
        folder.open(made, {"model.py": script})
        for one in records:
            folder.write(replace(one, script_sha256=made.plan.script_sha256))
        folder.finish([one.cell for one in records])
    return folder


def tf_and_theano(path: Path, tf: float = 0.5, theano: float = 0.5) -> RunFolder:
    """Make a run with one score, ``evaluate.loss``, on each of two images."""
    return run_folder(
        path,
        [
            record(Cell("tf"), call(metrics={"loss": tf})),
            record(Cell("theano"), call(metrics={"loss": theano})),
        ],
    )


class Touch:
    """Unpickled, it leaves a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)
