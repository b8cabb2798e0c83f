"""The contract between the host and the probe: the names that both sides know.

The probe has a copy (``keras_matrix_probe/contract.py``), since neither imports the other.
"""

from pathlib import PurePosixPath

PROTOCOL = 1
"""The version of the event stream; the probe's first event names it."""

KERAS_HOME = PurePosixPath("/keras-home")
PROBE = PurePosixPath("/keras-matrix")
SCRIPT = PurePosixPath("/script")
OUTPUT = PurePosixPath("/output")
SCRATCH = PurePosixPath("/scratch")
DATA = PurePosixPath("/data")
CONVERTED = PurePosixPath("/converted")
COMPILED = PurePosixPath("/compiled")
TRACE = PurePosixPath("/trace")

EVENTS_FILE = "events.jsonl"
ENDED_FILE = "ended"
LOG_FILES = ("log.before", "log")
COMPILED_FOLDER = "compiled"
TRACE_FOLDER = "trace"
INDEX_FILE = "index.jsonl"
REQUEST_FILE = "request.json"
REFERENCE_FOLDER = "reference"
