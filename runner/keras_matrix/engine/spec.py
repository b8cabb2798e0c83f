"""A container as the engine is asked for it: plain values, closed by default."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from keras_matrix.engine.users import CellUser
from keras_matrix.plan.cells import Limits

LABEL = "io.keras-matrix.cell"
"""Its value is the id of the group of cells that the container runs."""
OWNER_LABEL = "io.keras-matrix.owner"
"""Its value names the process that made the container (:mod:`keras_matrix.engine.owners`)."""
RUN_LABEL = "io.keras-matrix.run"
"""Its value is the name of the run."""

MAX_OUTPUT_FILE = 256 * 2**20
"""Bytes of the largest file that a cell can write."""
MAX_LOG = "16m"
"""The largest log of a container that the engine keeps, in Docker's notation."""


@dataclass(frozen=True)
class Bind:
    """A folder of the host, mounted into the container."""

    source: Path
    target: PurePosixPath
    read_only: bool = True


@dataclass(frozen=True, kw_only=True)
class ContainerSpec:
    """A container to create; closed by default.

    No network, read-only root, no capability, no new privileges. Its standard input is open. It
    runs on the CPUs with the numbers ``cpus`` alone, on any if there are none. Empty folders cover
    those ``masked``. ``limits.scratch`` bounds the executable tmpfs at ``/scratch`` (Theano loads
    the modules it compiles from there). ``runtime`` is the engine's own name of what runs it,
    empty for its default one.
    """

    name: str
    image: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    binds: tuple[Bind, ...]
    masked: tuple[PurePosixPath, ...] = ()
    user: CellUser
    limits: Limits
    cpus: tuple[int, ...] = ()
    labels: Mapping[str, str]
    runtime: str = ""
