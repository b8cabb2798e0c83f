"""The run folder: ``results/<run>/`` with its manifest, one record a cell, logs and arrays.

Every file is whole or absent: it is written beside its place, flushed to disk, then renamed.
Manifest and records contain a checksum, and a record those of the other files of its cell.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from keras_matrix.errors import ConfigurationError, DamagedError, StoreError
from keras_matrix.plan.cells import Cell, Plan, RunKind
from keras_matrix.plan.images import ImageIdentity
from keras_matrix.records import checksum, locks
from keras_matrix.records.events import Environment
from keras_matrix.records.files import to_json, write_atomically
from keras_matrix.records.locks import SILENT, Waiting
from keras_matrix.records.record import (
    MANIFEST_SCHEMA,
    RECORD_SCHEMA,
    HostFacts,
    Manifest,
    Outcome,
    Record,
)
from keras_matrix.records.untrusted import UnreadableError, read_bounded
from keras_matrix.text import brief

MANIFEST_FILE = "manifest.json"
LOCK_FILE = ".lock"
TRACE_FILE = "trace.json"
"""What a trace found, beside its manifest."""
KINDS_OF_COMMANDS: dict[tuple[str, ...], RunKind] = {
    ("keras-matrix", "run"): RunKind.RUN,
    ("keras-matrix", "reproduce"): RunKind.RUN,
    ("keras-matrix", "trace"): RunKind.TRACE,
    ("keras-matrix", "pytest"): RunKind.TESTS,
}
"""What the commands make, for manifests of versions that did not write a run's kind."""
RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
REPAIR_MANIFEST = "repeat the run's command with --resume: it makes the manifest again."
REPAIR_RECORD = (
    "repeat the run's command with --resume: it sets the file aside and runs the cell again."
)


class RunFolder:
    """The folder of one run; ``waiting`` says what to do while another process has locked it."""

    def __init__(self, path: Path, waiting: Waiting = SILENT) -> None:
        self.path = path
        self._waiting = waiting

    @property
    def name(self) -> str:
        """The run's name."""
        return self.path.name

    @property
    def work(self) -> Path:
        """The folder that cells write to while they run; nothing in it outlives its cell."""
        return self.path / "work"

    def record_path(self, cell: Cell) -> Path:
        """Return the path of a cell's record."""
        return self.path / "records" / f"{cell.id}.json"

    def log_path(self, cell: Cell) -> Path:
        """Return the path of a cell's output."""
        return self.path / "logs" / f"{cell.id}.log"

    def arrays_path(self, cell: Cell) -> Path:
        """Return the folder of the arrays that a cell predicted."""
        return self.path / "arrays" / cell.id

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run's lock, so that one process at a time writes the manifest.

        Raises:
            StoreError: the folder has been removed, or cannot be locked.
        """
        if not self.path.is_dir():
            raise self._gone()
        with locks.held(self.path / LOCK_FILE, f"the run {self.path}", self._waiting):
            yield

    def _gone(self) -> StoreError:
        return StoreError(f"{self.path} was removed while it was in use; run the command again.")

    def exists(self) -> bool:
        """Return whether this is the folder of a run."""
        return os.path.lexists(self.path / MANIFEST_FILE)

    def manifest(self) -> Manifest:
        """Read the manifest.

        Raises:
            StoreError: the manifest is missing, damaged or of another schema.
        """
        if not self.exists():
            raise StoreError(f"{self.path} is not a run folder: it has no {MANIFEST_FILE}.")
        path = self.path / MANIFEST_FILE
        manifest = checksum.read(path, Manifest, MANIFEST_SCHEMA, remedy=REPAIR_MANIFEST)
        if manifest.kind is None:
            return replace(manifest, kind=self._kind_of_older(manifest))
        return manifest

    def _kind_of_older(self, manifest: Manifest) -> RunKind:
        """Return the kind of a run whose manifest does not say, by what lies beside it."""
        if os.path.lexists(self.path / TRACE_FILE):
            return RunKind.TRACE
        by_command = KINDS_OF_COMMANDS.get(manifest.command[:2])
        if by_command is not None:
            return by_command
        records = self.records(manifest.plan)
        with_tests = any(record.observation.suite.reported for record in records)
        return RunKind.TESTS if with_tests else RunKind.RUN

    def check(self, wanted: Manifest) -> Plan:
        """Compare the run with one that the command would begin now; return the run's own plan.

        The order of its cells may be another.

        Raises:
            ConfigurationError: the run is of another kind, or was begun with another plan.
        """
        begun = self.manifest()
        if begun.kind is not None and begun.kind is not wanted.kind:
            raise ConfigurationError(
                f"{self.path} is {begun.kind.words}, which this command cannot add to; "
                "choose another name with --run."
            )
        if not begun.plan.matches(wanted.plan):
            raise ConfigurationError(
                f"The run {self.path} was begun with another script, matrix or limits; "
                "choose another name with --run."
            )
        return begun.plan

    def make(self) -> None:
        """Create the folder, if it does not exist yet.

        Raises:
            StoreError: it cannot be created.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"Cannot create the run folder {self.path} ({error.strerror}); "
                "name another place with --results."
            ) from error

    def open(self, manifest: Manifest, files: Mapping[str, bytes]) -> Plan:
        """Begin the run, or join it if it has begun with the same plan; return its plan.

        ``files`` is the script, and what it was converted to, by name. The plan that the run was
        begun with keeps its order of cells.

        Raises:
            ConfigurationError: the run has begun with another plan.
        """
        self.make()
        with self.locked():
            if self.exists():
                return self.check(manifest)
            for name, content in files.items():
                write_atomically(self.path / "script" / name, content)
            self.write_manifest(manifest)
        return manifest.plan

    def note(
        self, host: HostFacts, images: Sequence[ImageIdentity], *, alone: bool = False
    ) -> None:
        """Add the host and the images of this part of the run to the manifest.

        A part that is ``alone`` may use another build of an image than before, as long as no cell
        has a result of the earlier one.

        Raises:
            ConfigurationError: another part of the run used another build of an image, or
                another runtime.
        """
        with self.locked():
            manifest = self.manifest()
            if any(other.runtime not in ("", host.runtime) for other in manifest.hosts):
                raise ConfigurationError(
                    f"The run {self.path} holds records made with another runtime than "
                    f"{host.runtime}; choose another name with --run."
                )
            all_images = dict(manifest.images)
            for image in images:
                before = all_images.get(image.name)
                other = before is not None and not before.is_build(image)
                if other and not (alone and self._is_without_result(image.name, manifest.plan)):
                    raise ConfigurationError(
                        f"The run {self.path} holds records of another build of image "
                        f"'{image.name}'; choose another name with --run."
                    )
                all_images[image.name] = image
            hosts = manifest.hosts if host in manifest.hosts else (*manifest.hosts, host)
            self.write_manifest(replace(manifest, hosts=hosts, images=all_images))

    def _is_without_result(self, image: str, plan: Plan) -> bool:
        cells = tuple(cell for cell in plan.cells if cell.image == image)
        return self.unfinished(cells) == cells

    def write_manifest(self, manifest: Manifest) -> None:
        """Write the manifest."""
        write_atomically(self.path / MANIFEST_FILE, checksum.seal(to_json(manifest)))

    def finish(self, cells: Sequence[Cell]) -> bool:
        """Note that cells have ended; return whether all cells of the run have."""
        with self.locked():
            manifest = self.manifest()
            finished = {*manifest.finished, *(cell.id for cell in cells)}
            order = tuple(cell.id for cell in manifest.plan.cells if cell.id in finished)
            self.write_manifest(replace(manifest, finished=order))
            return len(order) == len(manifest.plan.cells)

    def write(self, record: Record) -> None:
        """Write the record of a cell.

        Raises:
            StoreError: it cannot be written, or the run has been removed.
        """
        if not self.exists():
            raise self._gone()
        write_atomically(self.record_path(record.cell), checksum.seal(to_json(record)))

    def keep(self, path: Path, content: bytes) -> dict[str, str]:
        """Write another file of a cell; return its entry for ``kept`` in the record.

        Raises:
            StoreError: it cannot be written, or the run has been removed.
        """
        if not self.exists():
            raise self._gone()
        write_atomically(path, content)
        return {str(path.relative_to(self.path)): hashlib.sha256(content).hexdigest()}

    def verify(self, record: Record, *paths: Path) -> None:
        """Compare a cell's files, or only some of them, with the checksums in its record.

        Raises:
            DamagedError: a file is missing, or not as it was written.
        """
        for name in [str(p.relative_to(self.path)) for p in paths] or record.kept:
            digest, path = record.kept.get(name), self.path / name
            if not digest:
                continue
            try:
                content = read_bounded(path, checksum.MAX_FILE_BYTES)
            except UnreadableError as error:
                raise DamagedError(f"{path} is damaged ({error})", REPAIR_RECORD) from error
            if hashlib.sha256(content).hexdigest() != digest:
                raise DamagedError(
                    f"{path} is damaged (it does not match its checksum in the record)",
                    REPAIR_RECORD,
                )

    def record(self, cell: Cell, plan: Plan | None = None) -> Record | None:
        """Read the record of a cell, or return None if there is no record yet.

        Raises:
            DamagedError: the record is damaged, or of another schema, cell or ``plan``.
        """
        path = self.record_path(cell)
        if not os.path.lexists(path):
            return None
        record = checksum.read(path, Record, RECORD_SCHEMA, remedy=REPAIR_RECORD)
        if record.cell != cell:
            raise DamagedError(f"{path} is the record of {record.cell.id}", REPAIR_RECORD)
        if plan is not None and not is_of(record, plan):
            raise DamagedError(f"{path} is of another script, arguments or limits", REPAIR_RECORD)
        return record

    def records(self, plan: Plan | None = None) -> tuple[Record, ...]:
        """Read the records of all planned cells that have one, in the plan's order.

        ``plan`` is the run's own, for a caller that has read its manifest.
        """
        plan = plan or self.manifest().plan
        records = []
        environments: dict[str, Environment] = {}
        for cell in plan.cells:
            record = self.record(cell, plan)
            if record is None:
                continue
            # Shared, as it is half of a record's memory and nearly always equal to the one before.
            environment = record.observation.environment
            if environment is not None:
                if environments.get(cell.image) != environment:
                    environments[cell.image] = environment
                record.observation.environment = environments[cell.image]
            records.append(record)
        return tuple(records)

    def unfinished(self, cells: Sequence[Cell]) -> tuple[Cell, ...]:
        """Return the cells that have no successful record."""
        plan = self.manifest().plan
        records = ((cell, self.record(cell, plan)) for cell in cells)
        return tuple(c for c, record in records if not (record and record.outcome is Outcome.OK))


def is_of(record: Record, plan: Plan) -> bool:
    """Return whether a record was made with the script, arguments and limits of a plan."""
    own = (record.script_sha256, record.arguments, record.terms or plan.terms)
    return own == (plan.script_sha256, plan.arguments, plan.terms)


def find(results: Path, run: str) -> RunFolder:
    """Find a run by its folder, or by its name under ``results``.

    Raises:
        StoreError: there is no such run.
    """
    candidates = (Path(run), results / run)
    for candidate in candidates:
        if RunFolder(candidate).exists():
            return RunFolder(candidate.resolve())
    for candidate in candidates:
        # Not Path's own methods, which raise an error for a name that is too long.
        if os.path.exists(candidate / LOCK_FILE) and os.path.isdir(candidate / "records"):
            raise DamagedError(f"The run {candidate} has lost its {MANIFEST_FILE}", REPAIR_MANIFEST)
    raise StoreError(f"There is no run '{brief(run)}', neither as a folder nor in {results}.")


def place(results: Path, run: str) -> RunFolder:
    """Return the folder of a new run of that name; without a slash it is under ``results``.

    Raises:
        ConfigurationError: the name cannot be that of a folder.
    """
    path = Path(run) if os.sep in run else results / run
    # Not Path's name: it drops a dot, and an empty last part becomes the folder's name.
    if not RUN_NAME.fullmatch(run.rstrip(os.sep).rpartition(os.sep)[2]):
        raise ConfigurationError(
            f"--run {brief(run)!r} is not a name: "
            "use letters, digits, dots, dashes and underscores."
        )
    return RunFolder(path.resolve())
