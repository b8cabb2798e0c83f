"""The record of a cell and the manifest of a run, as they are on disk with their schema."""

from dataclasses import dataclass, field
from enum import Enum

from keras_matrix.plan.cells import Cell, Plan, RunKind, Terms
from keras_matrix.plan.images import ImageIdentity
from keras_matrix.plan.tolerance import Tolerance
from keras_matrix.records.observation import Observation

RECORD_SCHEMA = 1
MANIFEST_SCHEMA = 1


class Outcome(Enum):
    """How a cell ended."""

    OK = "ok"
    SCRIPT_ERROR = "script error"
    IMPORT_ERROR = "import error"
    BACKEND_BOUND = "backend-bound"
    UNSUPPORTED = "unsupported"
    MISSING_DATA = "missing data"
    TIMEOUT = "time-out"
    OUT_OF_MEMORY = "out of memory"
    CRASHED = "crashed"
    KILLED = "killed"
    BAD_OUTPUT = "bad output"
    MISMATCH = "mismatch"
    LIMIT_NOT_APPLIED = "limit not applied"
    INTERRUPTED = "interrupted"
    ENGINE_ERROR = "engine error"


@dataclass(frozen=True)
class Timing:
    """Wall time in seconds: to create the container, if none was waiting, and to run the cell.

    The run of a container's first cell includes the import of Keras.
    """

    create: float = 0.0
    run: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Record:
    """The result of one cell; a failure is a result, too.

    ``reused`` names the run that the record was copied from, as nothing it depends on had changed.
    ``terms`` are the terms that the cell ran on, and ``kept`` is the SHA-256 of each file kept of
    the cell, by its path in the run's folder; older records have neither. ``runtime`` is the
    engine's runtime, empty in older records. ``sha256`` is the checksum of the file.
    """

    sha256: str = field(default="", compare=False)
    schema: int = RECORD_SCHEMA
    tool: str
    run: str
    model: str
    script_sha256: str
    arguments: tuple[str, ...]
    cell: Cell
    image: ImageIdentity | None
    outcome: Outcome
    reason: str
    started: str
    timing: Timing
    exit_code: int | None
    notes: tuple[str, ...] = ()
    log_tail: tuple[str, ...] = ()
    reused: str | None = None
    terms: Terms | None = None
    runtime: str = ""
    kept: dict[str, str] = field(default_factory=dict)
    observation: Observation = field(default_factory=Observation)


@dataclass(frozen=True, kw_only=True)
class HostFacts:
    """The machine and the engine that a run was made on.

    ``runtime`` is the runtime of containers, ``security`` what the engine confines them with; older
    manifests have neither.
    """

    platform: str
    python: str
    cpus: int
    memory: int
    engine: str
    runtime: str = ""
    security: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """All that is needed to repeat a run, besides the script, which lies beside it.

    ``kind`` is None only as older versions wrote it: ``RunFolder.manifest`` fills it in.
    ``keras_json`` maps each cell's id to its keras.json; ``tolerances`` are those beside the model;
    ``finished`` are the cells whose part of the run has ended; ``notes`` name what of a notebook
    was left out; ``place`` is the script's path within its repository and ``commit`` the
    repository's commit, both empty if not known; ``sha256`` is the checksum of the file.
    """

    sha256: str = field(default="", compare=False)
    schema: int = MANIFEST_SCHEMA
    tool: str
    run: str
    kind: RunKind | None = None
    created: str
    script: str
    command: tuple[str, ...]
    plan: Plan
    keras_json: dict[str, dict[str, str | float]]
    tolerances: tuple[Tolerance, ...] = ()
    finished: tuple[str, ...] = ()
    hosts: tuple[HostFacts, ...] = ()
    images: dict[str, ImageIdentity] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    place: str = ""
    commit: str = ""
