"""The record of a cell and the manifest of a run: what is on disk, with its schema version."""

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
    """Wall time, in seconds: to make the container, if none was there, and to run the cell in it.

    The first cell of a container waits there until Keras is imported.
    """

    create: float = 0.0
    run: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Record:
    """What became of one cell. A failure is a result too.

    ``reused`` names the run that it was copied from, if nothing that it depends on had changed.
    ``terms`` is what it was run on, and ``kept`` the SHA-256 of each file kept of it, by its path
    in the run's folder; older records have neither. ``runtime`` is
    what the engine ran it with, empty in older records. ``sha256`` is what the file says of itself.
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

    ``runtime`` is what the engine ran containers with, ``security`` what it closed them off with;
    older manifests have neither.
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
    """Everything needed to run a run again; the script itself lies beside it.

    ``kind`` is None only as older versions wrote it: ``RunFolder.manifest`` fills it in.
    ``keras_json`` maps each cell's id to the keras.json it was given; ``tolerances`` are the rules
    found beside the model; ``finished`` names the cells whose part of the run has ended; ``notes``
    tell what of a notebook was left out; ``place`` is the script's path within its repository,
    empty where that is not known; ``commit`` is the one that the repository was at, likewise;
    ``sha256`` is what the file says of itself.
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
