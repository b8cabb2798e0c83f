"""The run folder: ``results/<run>/`` with its manifest, one record a cell, logs and arrays.

Every file appears at once and whole: written beside its place, flushed to disk, then renamed.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import filelock
import msgspec

from runner.errors import ConfigurationError, NothingSelectedError, StoreError
from runner.plan import Cell
from runner.record import (
    MANIFEST_SCHEMA,
    RECORD_SCHEMA,
    HostFacts,
    ImageIdentity,
    Manifest,
    Outcome,
    Record,
)
from runner.stream import BadStreamError, Environment, read_bounded

MANIFEST_FILE = "manifest.json"
MAX_RECORD = 256 * 2**20
RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

Shape = TypeVar("Shape")


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut.

    Raises:
        StoreError: the folder is not writable, or the disk is full.
    """
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with open(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o644)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        raise StoreError(
            f"Cannot write {path} ({error.strerror}); check the folder's permissions and space."
        ) from error


def to_json(value: Any) -> bytes:
    """Encode as JSON, indented, with a newline at the end."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def _read(path: Path, shape: type[Shape], schema: int) -> Shape:
    try:
        content = read_bounded(path, MAX_RECORD)
        try:
            value = msgspec.json.decode(content, type=shape)
            found = getattr(value, "schema", None)
        except msgspec.ValidationError:
            found = msgspec.json.decode(content, type=_SchemaOnly).schema
            if found == schema:
                raise
        if found != schema:
            raise StoreError(
                f"{path} has schema {found}; this version reads {schema}: "
                "read it with the version that wrote it, or run again."
            )
        return value
    except (
        BadStreamError,
        msgspec.MsgspecError,
        RecursionError,
        UnicodeDecodeError,
    ) as error:
        raise StoreError(f"{path} is damaged ({error}); remove it and run again.") from error


class _SchemaOnly(msgspec.Struct):
    schema: int


class RunFolder:
    """One run's folder on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        """The run's name."""
        return self.path.name

    @property
    def work(self) -> Path:
        """Where cells write while they run; nothing in it outlives its cell."""
        return self.path / "work"

    def record_path(self, cell: Cell) -> Path:
        """Return where the record of a cell lies."""
        return self.path / "records" / f"{cell.id}.json"

    def log_path(self, cell: Cell) -> Path:
        """Return where the output of a cell lies."""
        return self.path / "logs" / f"{cell.id}.log"

    def arrays_path(self, cell: Cell) -> Path:
        """Return the folder of the arrays that a cell predicted."""
        return self.path / "arrays" / cell.id

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run's lock: one writer of the manifest at a time."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"Cannot make the run folder {self.path} ({error.strerror}); "
                "name another place with --results."
            ) from error
        with filelock.FileLock(self.path / ".lock"):
            yield

    def exists(self) -> bool:
        """Tell whether this is a run folder."""
        return (self.path / MANIFEST_FILE).is_file()

    def manifest(self) -> Manifest:
        """Read the manifest.

        Raises:
            StoreError: there is none, or it is damaged or of another schema.
        """
        if not self.exists():
            raise StoreError(f"{self.path} is not a run folder: it has no {MANIFEST_FILE}.")
        return _read(self.path / MANIFEST_FILE, Manifest, MANIFEST_SCHEMA)

    def open(self, manifest: Manifest, files: Mapping[str, bytes]) -> None:
        """Begin the run, or join it if it has begun with the same plan.

        ``files`` is the script, and what it was converted to, by name.

        Raises:
            ConfigurationError: the run has begun with another plan.
        """
        with self.locked():
            if self.exists():
                if self.manifest().plan != manifest.plan:
                    raise ConfigurationError(
                        f"The run {self.path} was begun with another script, matrix or limits; "
                        "choose another name with --run."
                    )
                return
            for name, content in files.items():
                write_atomically(self.path / "script" / name, content)
            self._write(manifest)

    def note(self, host: HostFacts, images: Sequence[ImageIdentity]) -> None:
        """Add to the manifest what this part of the run is made on.

        Raises:
            ConfigurationError: another part of the run used another build of an image.
        """
        with self.locked():
            manifest = self.manifest()
            known = dict(manifest.images)
            for image in images:
                before = known.get(image.name)
                if before is not None and before.id != image.id:
                    raise ConfigurationError(
                        f"The run {self.path} holds records of another build of image "
                        f"'{image.name}'; choose another name with --run."
                    )
                known[image.name] = image
            hosts = manifest.hosts if host in manifest.hosts else (*manifest.hosts, host)
            self._write(replace(manifest, hosts=hosts, images=known))

    def _write(self, manifest: Manifest) -> None:
        write_atomically(self.path / MANIFEST_FILE, to_json(manifest))

    def finish(self, cells: Sequence[Cell]) -> bool:
        """Note that a part of the run has ended; tell whether it was the last one."""
        with self.locked():
            manifest = self.manifest()
            finished = {*manifest.finished, *(cell.id for cell in cells)}
            order = tuple(cell.id for cell in manifest.plan.cells if cell.id in finished)
            self._write(replace(manifest, finished=order))
            return len(order) == len(manifest.plan.cells)

    def write(self, record: Record) -> None:
        """Write the record of a cell that has ended."""
        write_atomically(self.record_path(record.cell), to_json(record))

    def record(self, cell: Cell) -> Record | None:
        """Read the record of a cell, None if it has none yet.

        Raises:
            StoreError: it is damaged, of another schema, or of another cell.
        """
        path = self.record_path(cell)
        if not path.exists():
            return None
        record = _read(path, Record, RECORD_SCHEMA)
        if record.cell != cell:
            raise StoreError(f"{path} is the record of {record.cell.id}; remove it and run again.")
        return record

    def records(self) -> tuple[Record, ...]:
        """Read the records of all planned cells that have one, in the plan's order."""
        found = []
        known: dict[str, Environment] = {}
        for cell in self.manifest().plan.cells:
            record = self.record(cell)
            if record is None:
                continue
            # Half of what a record takes, and nearly always that of the one before.
            environment = record.observation.environment
            if environment is not None:
                if known.get(cell.image) != environment:
                    known[cell.image] = environment
                record.observation.environment = known[cell.image]
            found.append(record)
        return tuple(found)

    def unfinished(self, cells: Sequence[Cell]) -> tuple[Cell, ...]:
        """Return the cells without a successful record."""
        return tuple(cell for cell in cells if not self._is_ok(cell))

    def _is_ok(self, cell: Cell) -> bool:
        record = self.record(cell)
        return record is not None and record.outcome is Outcome.OK


def find(results: Path, run: str) -> RunFolder:
    """Find a run by its folder, or by its name under ``results``.

    Raises:
        StoreError: there is no such run.
    """
    for candidate in (Path(run), results / run):
        if (candidate / MANIFEST_FILE).is_file():
            return RunFolder(candidate.resolve())
    raise StoreError(f"There is no run '{run}', neither as a folder nor in {results}.")


def place(results: Path, run: str) -> RunFolder:
    """Return the folder a new run of that name gets: a bare name lies under ``results``.

    Raises:
        ConfigurationError: the name cannot be a folder's.
    """
    path = Path(run) if os.sep in run else results / run
    # The text's own last part: Path drops a dot, and makes an empty name its folder's.
    if not RUN_NAME.fullmatch(run.rstrip(os.sep).rpartition(os.sep)[2]):
        raise ConfigurationError(
            f"--run {run!r} is not a name: use letters, digits, dots, dashes and underscores."
        )
    return RunFolder(path.resolve())


def join(sources: Sequence[RunFolder], target: RunFolder) -> None:
    """Merge runs of the same script, made apart, into one new run.

    Raises:
        NothingSelectedError: no source has a record.
        ConfigurationError: the runs do not fit together, or the target exists.
    """
    if target.path.exists():
        raise ConfigurationError(f"{target.path} exists already; choose another name with --into.")
    manifests = [source.manifest() for source in sources]
    first = manifests[0]
    images: list[str] = []
    images_known: dict[str, ImageIdentity] = {}
    cells: list[Cell] = []
    for source, manifest in zip(sources, manifests, strict=True):
        if replace(manifest.plan, images=(), cells=()) != replace(first.plan, images=(), cells=()):
            raise ConfigurationError(
                f"{source.path} was made with another script, arguments or limits than "
                f"{sources[0].path}; only runs of the same script can be joined."
            )
        for name, image in manifest.images.items():
            if images_known.setdefault(name, image).id != image.id:
                raise ConfigurationError(
                    f"{source.path} was made on another build of image '{name}' than "
                    f"{sources[0].path}; run one of them again."
                )
        if overlap := sorted({cell.id for cell in cells} & {c.id for c in manifest.plan.cells}):
            raise ConfigurationError(f"{source.path} holds {overlap[0]} once more; name it once.")
        images += [image for image in manifest.plan.images if image not in images]
        cells += manifest.plan.cells
    if not any(source.records() for source in sources):
        raise NothingSelectedError("None of the runs to join holds a record; run them first.")
    order = {image: place for place, image in enumerate(images)}
    plan = replace(
        first.plan,
        images=tuple(images),
        cells=tuple(sorted(cells, key=lambda cell: (cell.seed or 0, order[cell.image]))),
    )
    joined = replace(
        first,
        run=target.name,
        plan=plan,
        keras_json={key: value for m in manifests for key, value in m.keras_json.items()},
        hosts=tuple(dict.fromkeys(host for m in manifests for host in m.hosts)),
        tolerances=tuple(dict.fromkeys(rule for m in manifests for rule in m.tolerances)),
        images=images_known,
        finished=tuple(cell for m in manifests for cell in m.finished),
    )
    # The manifest goes last: a join that was cut off is not taken for a run.
    try:
        for source in sources:
            for part in ("script", "records", "logs", "arrays"):
                if (source.path / part).is_dir():
                    shutil.copytree(source.path / part, target.path / part, dirs_exist_ok=True)
    except (OSError, shutil.Error) as error:
        raise StoreError(
            f"Cannot copy the records into {target.path} ({error}); check its permissions and "
            "space, or name another place with --into."
        ) from error
    write_atomically(target.path / MANIFEST_FILE, to_json(joined))
