"""The contract between the host and the probe: the names and words that both sides know. Pure.

The probe has a copy (``keras_matrix_probe/contract.py``), since neither imports the other; a test
holds both equal, name by name.
"""

from collections.abc import Sequence
from enum import Enum
from pathlib import PurePosixPath
from typing import Any, NamedTuple

PROTOCOL = 1
"""The version of the event stream; the probe's first event names it."""

KERAS_HOME = PurePosixPath("/keras-home")
"""Where the cell's own ``keras.json`` is mounted."""
PROBE = PurePosixPath("/keras-matrix")
"""Where the probe's package is mounted; the folder is on ``PYTHONPATH``."""
SCRIPT = PurePosixPath("/script")
"""Where the script's folder is mounted."""
OUTPUT = PurePosixPath("/output")
"""Where the probe writes: a folder for each request, the only mount that is not read-only."""
SCRATCH = PurePosixPath("/scratch")
"""Where memory is mounted that the script may write to."""
DATA = PurePosixPath("/data")
"""Where the folder with data sets is mounted."""
CONVERTED = PurePosixPath("/converted")
"""Where the script is mounted that a notebook was converted to."""
COMPILED = PurePosixPath("/compiled")
"""Where the code is mounted that earlier cells of the same script compiled."""
TRACE = PurePosixPath("/trace")
"""Where the request of a trace is mounted."""

PROBE_MODULE = "keras_matrix_probe"
"""What ``python -m`` runs in a container."""
SERVE_COMMAND = "serve"
PACKAGES_COMMAND = "packages"
OUTPUT_OPTION = "--output"
WORKSPACE_OPTION = "--workspace"
COMPILED_OPTION = "--compiled"
PAIRED_OPTION = "--paired"
EPOCHS_CAP_OPTION = "--epochs-cap"
STEPS_CAP_OPTION = "--steps-cap"
SUITE_OPTION = "--suite"
TRACE_OPTION = "--trace"
CONVERTED_OPTION = "--converted"

EVENTS_FILE = "events.jsonl"
ENDED_FILE = "ended"
LOG_FILE = "log"
EARLIER_LOG_FILE = "log.before"
"""The part of a log before the one in ``LOG_FILE``, where one file is not enough."""
LOG_FILES = (EARLIER_LOG_FILE, LOG_FILE)
ARRAYS_FOLDER = "arrays"
COMPILED_FOLDER = "compiled"
TRACE_FOLDER = "trace"
INDEX_FILE = "index.jsonl"
"""The index of what a trace captured, in ``TRACE_FOLDER``."""
REQUEST_FILE = "request.json"
"""The request of a trace, in ``TRACE``."""
REFERENCE_FOLDER = "reference"
"""What the reference image's cell captured, in ``TRACE``."""
TRIALS_FOLDER = "trials"
"""The scripts that a trace tries, in ``TRACE``."""
OUT_OF_MEMORY_STATUS = 100
"""The probe's exit status once the kernel killed a script for want of memory; no script sets it."""


class CellRequest(NamedTuple):
    """The line on standard input that requests a cell; ``folder`` is a name within ``OUTPUT``."""

    folder: str
    seed: int | None
    repeat: int = 0


class EndReport(NamedTuple):
    """What the probe writes to ``ENDED_FILE`` once a cell has ended.

    ``word`` is the line after the request, which no script can read. ``environment`` is what the
    probe found before any script ran, None if Keras could not be imported. ``changed`` names what
    the cell changed of the process that all cells are forked from.
    """

    exit_code: int
    word: str
    environment: dict[str, Any] | None
    changed: list[str]


class TrialStage(Enum):
    """What a trial computes of the model that its script trains."""

    BUILD = "build"
    """A training step, and gradients by the inputs: whether they can be built at all."""
    SHAPE = "shape"
    """The shapes of the outputs that Keras infers."""
    FORWARD = "forward"
    LOSS = "loss"
    """The loss, and its gradients by the outputs."""
    GRADIENT = "gradient"
    """The gradients by weights and inputs."""
    UPDATE = "update"
    """The weights after each of the optimizer's first steps."""


class TrialRequest(NamedTuple):
    """One script of ``TRIALS_FOLDER`` to try.

    ``stage`` is the value of what to compute, ``steps`` the number of steps of the optimizer, and
    ``double`` whether to compute in float64.
    """

    script: str
    stage: str
    double: bool
    steps: int


class TraceRequest(NamedTuple):
    """What ``REQUEST_FILE`` requests of a traced cell.

    ``look`` is whether to capture the model named ``model`` (the first that trains if None) and
    ``steps`` of its optimizer, ``impose`` whether from the reference's weights and batch, ``skip``
    whether to leave out layers that the backend cannot apply, ``stop`` whether to end the script
    then. Cells with a repeat in ``nudged`` train from moved weights instead. ``forward`` and
    ``gradient`` name the nodes to replay alone, ``moving`` those whose moving averages to update
    alone, ``loss`` and ``update`` whether to replay these. If there are ``trials``, they are run
    instead of the script.
    """

    look: bool
    model: str | None
    steps: int
    impose: bool
    skip: bool
    stop: bool
    nudged: list[int]
    forward: Sequence[str]
    gradient: Sequence[str]
    moving: Sequence[str]
    loss: bool
    update: bool
    trials: Sequence[TrialRequest]


class EndStatus(Enum):
    """How the script ended, in its ``end`` event."""

    OK = "ok"
    EXIT = "exit"
    """The script called ``sys.exit`` with another status than 0."""
    ERROR = "error"
    IMPORT = "import"
    BOUND = "bound"
    """The script is written for another backend."""
    DATA = "data"
    """A data set is missing."""
    MEMORY = "memory"
    UNSUPPORTED = "unsupported"
    """The run requests what the probe cannot do with this Keras."""


class CaseOutcome(Enum):
    """How a test ended, in pytest's words."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"


class CasePhase(Enum):
    """The part of a test that its outcome comes from; ``COLLECT``: of a whole file's."""

    COLLECT = "collect"
    SETUP = "setup"
    CALL = "call"
    TEARDOWN = "teardown"
