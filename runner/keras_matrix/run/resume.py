"""Go on with a run that was begun before: find it, and set aside what of it cannot be relied on."""

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

ASIDE = "damaged"

Say = Callable[[str], None]


def find(results: Path, named: str | None, plan: Plan, kind: RunKind, say: Say) -> Path:
    """Return the folder of the run to resume: the named one, else the newest of that plan and kind.

    Raises:
        ConfigurationError: there is none.
        StoreError: the folder cannot be read.
    """
    try:
        if named is None:
            return _newest(results, plan, kind, say)
        path = store.place(results, named).path
        begun = _is_begun(path)
    except OSError as error:
        raise StoreError(
            f"Cannot read {error.filename} ({error.strerror}); check the folder's permissions."
        ) from error
    if not begun:
        raise ConfigurationError(
            f"There is no run {path} to go on with; leave --resume out to begin it."
        )
    return path


def _is_begun(path: Path) -> bool:
    if RunFolder(path).exists() or (path / LOCK_FILE).exists():
        return True
    # A runner that was killed between making the folder and locking it.
    return path.is_dir() and not any(path.iterdir())


def _newest(results: Path, plan: Plan, kind: RunKind, say: Say) -> Path:
    found: list[tuple[str, str]] = []
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
            found.append((manifest.created, path.name))
    if damaged:
        say(
            f"passed over {', '.join(damaged)}: the manifest is damaged; "
            "name the run with --run to go on with it"
        )
    if not found:
        raise ConfigurationError(
            f"There is no run of this script, matrix and limits in {results} to go on with; "
            "leave --resume out to begin one, or name its folder with --run."
        )
    chosen = results / max(found)[1]
    say(f"going on with {chosen.name}")
    return chosen.resolve()


def mend(folder: RunFolder, manifest: Manifest, cells: Sequence[Cell], say: Say) -> Manifest:
    """Set aside what is damaged of the run, of the records those of ``cells``; nothing is deleted.

    ``manifest`` is as made for the plan now; returns what to open the run with.

    Raises:
        ConfigurationError: the run was begun with another plan.
        StoreError: its folder cannot be read or written.
    """
    with folder.locked():
        try:
            if folder.exists():
                folder.check(manifest)
            else:
                manifest = _made_anew(folder, manifest)
                say(f"{MANIFEST_FILE} was missing: made anew from this command and the records")
        except OtherSchemaError:
            raise
        except DamagedError as error:
            manifest = _made_anew(folder, manifest)
            aside = _set_aside(folder.path / MANIFEST_FILE)
            say(f"{_within(folder, error)}: made anew from this command; the old one is {aside}")
        for cell in cells:
            _mend_cell(folder, cell, manifest.plan, say)
    return manifest


def _made_anew(folder: RunFolder, manifest: Manifest) -> Manifest:
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
        if not fits or (image and record.image and image.id != record.image.id):
            raise ConfigurationError(
                f"{folder.path / MANIFEST_FILE} is damaged or missing, and the record of "
                f"{record.cell.id} does not fit this script, matrix, limits and images; give the "
                "command that the run was started with, or choose another name with --run."
            )
        finished.add(record.cell.id)
    order = tuple(cell.id for cell in manifest.plan.cells if cell.id in finished)
    return replace(manifest, images=images, finished=order)


def _records(folder: RunFolder) -> list[Record]:
    """Read all records that can be read, whatever cell they are of."""
    found = []
    for path in sorted((folder.path / "records").glob("*.json")):
        try:
            record = checksum.read(path, Record, RECORD_SCHEMA, remedy="")
        except DamagedError:
            # Set aside where it belongs to the cells that are to be run now.
            continue
        if path == folder.record_path(record.cell):
            found.append(record)
    return found


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
    """Rename a file, or whatever is in its place; return its new name."""
    number = 1
    target = path.with_name(f"{path.name}.{ASIDE}")
    while os.path.lexists(target):
        number += 1
        target = path.with_name(f"{path.name}.{ASIDE}.{number}")
    try:
        os.rename(path, target)
    except OSError as error:
        raise StoreError(
            f"Cannot rename {path} ({error.strerror}); check the folder's permissions."
        ) from error
    return target.name
