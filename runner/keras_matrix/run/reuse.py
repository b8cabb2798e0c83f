"""Reuse finished replicates of which nothing has changed that they depend on.

The file ``<root>/<results>/<key>`` holds one line, the folder of the run that has the replicate, so
that nothing is kept twice: where a run was removed, its replicates run again. One results folder
does not reuse replicates of another.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from keras_matrix.errors import DamagedError, StoreError
from keras_matrix.plan.cells import Cell, Plan
from keras_matrix.plan.images import ImageIdentity
from keras_matrix.records import cache, locks
from keras_matrix.records.cache import CacheWarnings
from keras_matrix.records.files import write_atomically
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Outcome, Record
from keras_matrix.run.cell.task import Digests

MAX_DIGESTED_FILES = 20_000
"""Files of a folder; one of more has no digest."""
MAX_DIGESTED_BYTES = 256 * 2**20
"""Bytes to read of a folder; of the files beyond, sizes and times are digested instead."""
MAX_POINTER_BYTES = 4096
MAX_WAIT_SECONDS = 5.0
"""How long to wait for another process that notes a replicate, or clears the cache."""
SKIPPED = ("__pycache__", ".git")


def folder_digest(folder: Path, hidden: Path | None = None) -> str | None:
    """Compute a digest of a folder's files; None if there are too many files.

    ``hidden``, the folder of results, is left out.
    """
    digest = hashlib.sha256()
    read = 0
    for count, path in enumerate(_files(folder, hidden)):
        if count >= MAX_DIGESTED_FILES:
            return None
        name = os.path.relpath(path, folder)
        try:
            status = os.lstat(path)
            entry: list[Any] = [name, status.st_mode]
            if os.path.islink(path):
                entry.append(os.readlink(path))
            elif not os.path.isfile(path):
                pass
            elif read + status.st_size <= MAX_DIGESTED_BYTES:
                read += status.st_size
                entry.append(hashlib.sha256(path.read_bytes()).hexdigest())
            else:
                entry += [status.st_size, status.st_mtime_ns]
        except OSError as error:
            entry = [name, error.errno]
        digest.update(msgspec.json.encode(entry))
    return digest.hexdigest()


def digests(script: Path, data: Path | None, hidden: Path) -> Digests | None:
    """Return the digests of all that cells can read; None if there are too many files."""
    script_digest = folder_digest(script, hidden=hidden)
    data_digest = None if data is None else folder_digest(data, hidden=hidden)
    if script_digest is None or (data is not None and data_digest is None):
        return None
    return Digests(script_digest, data_digest)


def _files(folder: Path, hidden: Path | None) -> Iterator[Path]:
    for current, folders, files in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if name not in SKIPPED and Path(current, name) != hidden
        )
        for name in sorted(files + [n for n in folders if os.path.islink(Path(current, n))]):
            yield Path(current, name)


@dataclass(frozen=True)
class Inputs:
    """What all replicates of a run depend on: digests of folders, the CPU and the runtime.

    ``data`` is None if the run has no folder of data sets.
    """

    script: str
    data: str | None
    probe: str
    cpu: str
    runtime: str = ""

    def key(self, plan: Plan, cell: Cell, image: ImageIdentity) -> str:
        """Compute the digest of all that one replicate depends on."""
        depends_on = (
            self,
            plan.script_sha256,
            plan.arguments,
            plan.limits,
            plan.caps,
            plan.init,
            cell,
            image.digest,
        )
        return hashlib.sha256(msgspec.json.encode(depends_on)).hexdigest()


class Reuse:
    """The finished replicates of one results folder."""

    def __init__(
        self,
        root: Path,
        results: Path,
        inputs: Inputs,
        plan: Plan,
        lost: CacheWarnings | None = None,
    ) -> None:
        name = hashlib.sha256(os.fsencode(results.resolve())).hexdigest()[:16]
        self._root = root
        self._folder = root / name
        self._inputs = inputs
        self._plan = plan
        self._lost = lost or CacheWarnings()

    def find(self, cell: Cell, image: ImageIdentity) -> tuple[RunFolder, Record] | None:
        """Return the run and the record of a finished replicate with the same key, if any."""
        run = self._run(self._pointer(cell, image))
        try:
            record = run.record(cell, self._plan) if run is not None else None
            if run is None or record is None:
                return None
            other = record.image is None or not record.image.is_build(image)
            if record.outcome is not Outcome.OK or other:
                return None
            run.verify(record)
        except DamagedError as error:
            self._lost.not_reused(error.cause)
            return None
        return run, record

    def _run(self, pointer: Path) -> RunFolder | None:
        try:
            with open(pointer, "rb") as file:
                content = file.read(MAX_POINTER_BYTES).rstrip(b"\n")
        except FileNotFoundError:
            return None
        except OSError as error:
            self._lost.unusable(error)
            return None
        if not content.startswith(b"/") or b"\0" in content:
            self._lost.damaged("the list of finished cells")
            return None
        return RunFolder(Path(os.fsdecode(content)))

    def note(self, record: Record, run: RunFolder) -> None:
        """Remember where a finished replicate is; one that cannot be remembered runs again."""
        if record.outcome is not Outcome.OK or record.image is None:
            return
        path = self._pointer(record.cell, record.image)
        temporary = ""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with locks.held_within(MAX_WAIT_SECONDS, cache.replicates_lock(self._root)):
                # Once more: the list may have been cleared before it was locked.
                path.parent.mkdir(parents=True, exist_ok=True)
                descriptor, temporary = tempfile.mkstemp(dir=path.parent)
                with open(descriptor, "wb") as file:
                    file.write(os.fsencode(run.path.resolve()) + b"\n")
                os.replace(temporary, path)
        except OSError as error:
            if temporary:
                Path(temporary).unlink(missing_ok=True)
            self._lost.unusable(error)

    def _pointer(self, cell: Cell, image: ImageIdentity) -> Path:
        key = self._inputs.key(self._plan, cell, image)
        return self._folder / key[:2] / key[2:]


def copy(record: Record, source: RunFolder, target: RunFolder) -> Record:
    """Copy a finished replicate into another run; return its record there.

    Raises:
        StoreError: a file cannot be read or written.
    """
    cell = record.cell
    shutil.rmtree(target.arrays_path(cell), ignore_errors=True)
    for path, copied_to in _copies(cell, source, target):
        try:
            content = path.read_bytes()
        except OSError as error:
            raise StoreError(
                f"Cannot read {path} ({error.strerror}); check its permissions, or run the cells "
                "again with --fresh."
            ) from error
        write_atomically(copied_to, content)
    copied = replace(record, run=target.name, reused=record.reused or source.name)
    target.write(copied)
    return copied


def _copies(cell: Cell, source: RunFolder, target: RunFolder) -> Iterator[tuple[Path, Path]]:
    """Yield the files of a cell, each with its place in the other run."""
    if source.log_path(cell).exists():
        yield source.log_path(cell), target.log_path(cell)
    if source.arrays_path(cell).is_dir():
        for path in sorted(source.arrays_path(cell).iterdir()):
            if path.is_file():
                yield path, target.arrays_path(cell) / path.name
