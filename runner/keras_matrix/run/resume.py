"""Resume a run that was started before: find it, and set aside what is damaged of it."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from keras_matrix.errors import ConfigurationError, DamagedError, OtherSchemaError, StoreError
from keras_matrix.plan.cells import Cell, Plan, RunKind
from keras_matrix.plan.images import ImageIdentity
from keras_matrix.records import checksum
from keras_matrix.records import folder as store
from keras_matrix.records.folder import LOCK_FILE, MANIFEST_FILE, RunFolder
from keras_matrix.records.record import RECORD_SCHEMA, Manifest, Record

ASIDE_SUFFIX = "damaged"
"""The ending of the name of a file that was set aside."""

Say = Callable[[str], None]


def find(results: Path, named: str | None, plan: Plan, kind: RunKind, say: Say) -> Path:
    """Return the folder of the run to resume: the named one, else the newest of that plan and kind.

    Raises:
        ConfigurationError: there is no such run.
        StoreError: the folder cannot be read.
    """
    try:
        if named is None:
            return _newest(results, plan, kind, say)
        path = store.place(results, named).path
        started = _is_started(path)
    except OSError as error:
        raise StoreError(
            f"Cannot read {error.filename} ({error.strerror}); check the folder's permissions."
        ) from error
    if not started:
        raise ConfigurationError(
            f"There is no run {path} to resume; leave --resume out to start it."
        )
    return path


def _is_started(path: Path) -> bool:
    if RunFolder(path).exists() or (path / LOCK_FILE).exists():
        return True
    # Its process was killed between making the folder and locking it.
    return path.is_dir() and not any(path.iterdir())


def _newest(results: Path, plan: Plan, kind: RunKind, say: Say) -> Path:
    runs: list[tuple[str, str]] = []
    damaged: list[str] = []
    for path in sorted(results.iterdir()) if results.is_dir() else ():
        folder = RunFolder(path)
        if not folder.exists():
            continue
        try:
            manifest = folder.manifest()
        except OtherSchemaError:
            continue
        except StoreError:
            damaged.append(path.name)
            continue
        if manifest.plan.matches(plan) and manifest.kind is kind:
            runs.append((manifest.created, path.name))
    if damaged:
        say(
            f"passed over {', '.join(damaged)}: the manifest is damaged; "
            "name the run with --run to resume it"
        )
    if not runs:
        raise ConfigurationError(
            f"There is no run of this script, matrix and limits in {results} to resume; "
            "leave --resume out to start one, or name its folder with --run."
        )
    newest = results / max(runs)[1]
    say(f"resuming {newest.name}")
    return newest.resolve()


def mend(folder: RunFolder, manifest: Manifest, cells: Sequence[Cell], say: Say) -> Manifest:
    """Set aside the manifest if it is damaged, and damaged records of ``cells``; delete nothing.

    ``manifest`` is made for the present command. Return the manifest to open the run with.

    Raises:
        ConfigurationError: the run was started with another plan.
        StoreError: its folder cannot be read or written.
    """
    with folder.locked():
        try:
            if folder.exists():
                folder.check(manifest)
            else:
                manifest = _manifest_of_records(folder, manifest)
                say(f"{MANIFEST_FILE} was missing: made again from this command and the records")
        except OtherSchemaError:
            raise
        except DamagedError as error:
            manifest = _manifest_of_records(folder, manifest)
            aside = _set_aside(folder.path / MANIFEST_FILE)
            say(f"{_within(folder, error)}: made again from this command; the old one is {aside}")
        for cell in cells:
            _mend_cell(folder, cell, manifest.plan, say)
    return manifest


def _manifest_of_records(folder: RunFolder, manifest: Manifest) -> Manifest:
    """Return a manifest that the run's records fit.

    Raises:
        ConfigurationError: a record is of another plan or image.
    """
    images: dict[str, ImageIdentity] = {}
    finished = set()
    # By id: a comparison with each cell of the plan takes minutes for some thousand records.
    planned = {cell.id: cell for cell in manifest.plan.cells}
    for record in _records(folder):
        image = record.image and images.setdefault(record.image.name, record.image)
        fits = planned.get(record.cell.id) == record.cell and store.is_of(record, manifest.plan)
        if not fits or (image and record.image and not image.is_build(record.image)):
            raise ConfigurationError(
                f"{folder.path / MANIFEST_FILE} is damaged or missing, and the record of "
                f"{record.cell.id} does not fit this script, matrix, limits and images; give the "
                "command that the run was started with, or choose another name with --run."
            )
        finished.add(record.cell.id)
    order = tuple(cell.id for cell in manifest.plan.cells if cell.id in finished)
    return replace(manifest, images=images, finished=order)


def _records(folder: RunFolder) -> list[Record]:
    """Read all records that can be read, of any cell."""
    records = []
    for path in sorted((folder.path / "records").glob("*.json")):
        try:
            record = checksum.read(path, Record, RECORD_SCHEMA, remedy="")
        except DamagedError:
            # It is set aside if it is of a cell that is to be run now.
            continue
        if path == folder.record_path(record.cell):
            records.append(record)
    return records


def _mend_cell(folder: RunFolder, cell: Cell, plan: Plan, say: Say) -> None:
    try:
        record = folder.record(cell, plan)
        if record is not None:
            folder.verify(record)
    except DamagedError as error:
        own = (folder.record_path(cell), folder.log_path(cell), folder.arrays_path(cell))
        aside = [_set_aside(path) for path in own if os.path.lexists(path)]
        say(f"{_within(folder, error)}: set aside as {aside[0]}, and {cell.id} is run again")


def _within(folder: RunFolder, error: DamagedError) -> str:
    return error.cause.replace(f"{folder.path}{os.sep}", "")


def _set_aside(path: Path) -> str:
    """Rename a file, or what is in its place; return its new name."""
    number = 1
    target = path.with_name(f"{path.name}.{ASIDE_SUFFIX}")
    while os.path.lexists(target):
        number += 1
        target = path.with_name(f"{path.name}.{ASIDE_SUFFIX}.{number}")
    try:
        os.rename(path, target)
    except OSError as error:
        raise StoreError(
            f"Cannot rename {path} ({error.strerror}); check the folder's permissions."
        ) from error
    return target.name
