"""The run folder: ``results/<run>/`` with its manifest, one record a cell, logs and arrays.

Every file appears at once and whole: written beside its place, flushed to disk, then renamed.
Manifest and records carry a checksum, and records that of the other files of their cell.
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
ANEW = "the run's command with --resume makes it anew."
AGAIN = "the run's command with --resume sets it aside and runs the cell again."
"""How to mend a manifest, and a record."""


class RunFolder:
    """One run's folder on disk; ``waiting`` is done while another process has it locked."""

    def __init__(self, path: Path, waiting: Waiting = SILENT) -> None:
        self.path = path
        self._waiting = waiting

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
        """Hold the run's lock: one writer of the manifest at a time.

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
        """Tell whether this is a run folder."""
        return os.path.lexists(self.path / MANIFEST_FILE)

    def manifest(self) -> Manifest:
        """Read the manifest.

        Raises:
            StoreError: there is none, or it is damaged or of another schema.
        """
        if not self.exists():
            raise StoreError(f"{self.path} is not a run folder: it has no {MANIFEST_FILE}.")
        path = self.path / MANIFEST_FILE
        manifest = checksum.read(path, Manifest, MANIFEST_SCHEMA, remedy=ANEW)
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
        with_tests = any(record.observation.suite.told for record in records)
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
        """Make the folder, if it is not there yet.

        Raises:
            StoreError: it cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"Cannot make the run folder {self.path} ({error.strerror}); "
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
        """Add to the manifest what this part of the run is made on.

        If it is ``alone``, an image may be another build than before, until a result is of it.

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
            known = dict(manifest.images)
            for image in images:
                before = known.get(image.name)
                other = before is not None and before.id != image.id
                if other and not (alone and self._is_without_result(image.name, manifest.plan)):
                    raise ConfigurationError(
                        f"The run {self.path} holds records of another build of image "
                        f"'{image.name}'; choose another name with --run."
                    )
                known[image.name] = image
            hosts = manifest.hosts if host in manifest.hosts else (*manifest.hosts, host)
            self.write_manifest(replace(manifest, hosts=hosts, images=known))

    def _is_without_result(self, image: str, plan: Plan) -> bool:
        cells = tuple(cell for cell in plan.cells if cell.image == image)
        return self.unfinished(cells) == cells

    def write_manifest(self, manifest: Manifest) -> None:
        """Write the manifest."""
        write_atomically(self.path / MANIFEST_FILE, checksum.seal(to_json(manifest)))

    def finish(self, cells: Sequence[Cell]) -> bool:
        """Note that a part of the run has ended; tell whether it was the last one."""
        with self.locked():
            manifest = self.manifest()
            finished = {*manifest.finished, *(cell.id for cell in cells)}
            order = tuple(cell.id for cell in manifest.plan.cells if cell.id in finished)
            self.write_manifest(replace(manifest, finished=order))
            return len(order) == len(manifest.plan.cells)

    def write(self, record: Record) -> None:
        """Write the record of a cell that has ended.

        Raises:
            StoreError: it cannot be written, or the run has been removed.
        """
        if not self.exists():
            raise self._gone()
        write_atomically(self.record_path(record.cell), checksum.seal(to_json(record)))

    def keep(self, path: Path, content: bytes) -> dict[str, str]:
        """Write another file of a cell; return its entry in the record's ``kept``.

        Raises:
            StoreError: it cannot be written, or the run has been removed.
        """
        if not self.exists():
            raise self._gone()
        write_atomically(path, content)
        return {str(path.relative_to(self.path)): hashlib.sha256(content).hexdigest()}

    def verify(self, record: Record, *paths: Path) -> None:
        """Hold files of a cell against the checksums in its record: all there are, or some.

        Raises:
            DamagedError: one is not as it was written, or missing.
        """
        for name in [str(p.relative_to(self.path)) for p in paths] or record.kept:
            digest = record.kept.get(name)
            try:
                content = read_bounded(self.path / name, checksum.MAX_FILE) if digest else b""
            except UnreadableError as error:
                raise DamagedError(f"{self.path / name} is damaged ({error})", AGAIN) from error
            if digest and hashlib.sha256(content).hexdigest() != digest:
                raise DamagedError(
                    f"{self.path / name} is damaged (it does not match its checksum in the record)",
                    AGAIN,
                )

    def record(self, cell: Cell, plan: Plan | None = None) -> Record | None:
        """Read the record of a cell, None if it has none yet; ``plan`` is what it has to be of.

        Raises:
            DamagedError: it is damaged, of another schema, cell or plan.
        """
        path = self.record_path(cell)
        if not os.path.lexists(path):
            return None
        record = checksum.read(path, Record, RECORD_SCHEMA, remedy=AGAIN)
        if record.cell != cell:
            raise DamagedError(f"{path} is the record of {record.cell.id}", AGAIN)
        if plan is not None and not is_of(record, plan):
            raise DamagedError(f"{path} is of another script, arguments or limits", AGAIN)
        return record

    def records(self, plan: Plan | None = None) -> tuple[Record, ...]:
        """Read the records of all planned cells that have one, in the plan's order.

        ``plan`` is the run's own, for a caller that has read its manifest.
        """
        plan = plan or self.manifest().plan
        found = []
        known: dict[str, Environment] = {}
        for cell in plan.cells:
            record = self.record(cell, plan)
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
        plan = self.manifest().plan
        records = ((cell, self.record(cell, plan)) for cell in cells)
        return tuple(c for c, one in records if one is None or one.outcome is not Outcome.OK)


def is_of(record: Record, plan: Plan) -> bool:
    """Tell whether a record was made with the script, arguments and limits of a plan."""
    made = (record.script_sha256, record.arguments, record.terms or plan.terms)
    return made == (plan.script_sha256, plan.arguments, plan.terms)


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
        # Not Path's own tests: those raise of a name that is too long.
        if os.path.exists(candidate / LOCK_FILE) and os.path.isdir(candidate / "records"):
            raise DamagedError(f"The run {candidate} has lost its {MANIFEST_FILE}", ANEW)
    raise StoreError(f"There is no run '{brief(run)}', neither as a folder nor in {results}.")


def place(results: Path, run: str) -> RunFolder:
    """Return the folder a new run of that name gets: a bare name lies under ``results``.

    Raises:
        ConfigurationError: the name cannot be a folder's.
    """
    path = Path(run) if os.sep in run else results / run
    # The text's own last part: Path drops a dot, and makes an empty name its folder's.
    if not RUN_NAME.fullmatch(run.rstrip(os.sep).rpartition(os.sep)[2]):
        raise ConfigurationError(
            f"--run {brief(run)!r} is not a name: "
            "use letters, digits, dots, dashes and underscores."
        )
    return RunFolder(path.resolve())
