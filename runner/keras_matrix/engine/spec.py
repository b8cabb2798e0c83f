"""A container as it is requested of the engine: plain values, confined by default."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from keras_matrix.engine.users import CellUser
from keras_matrix.plan.cells import Limits

CELL_LABEL = "io.keras-matrix.cell"
"""The label of every container; its value is the id of the group of cells that it runs."""
OWNER_LABEL = "io.keras-matrix.owner"
"""The label with the process that created the container (:mod:`keras_matrix.engine.owners`)."""
RUN_LABEL = "io.keras-matrix.run"
"""The label with the name of the run."""

MAX_OUTPUT_FILE_BYTES = 256 * 2**20
"""The size of the largest file that a cell can write."""
MAX_LOG_SIZE = "16m"
"""The size of the largest log that the engine keeps of a container, in Docker's notation."""


@dataclass(frozen=True)
class Bind:
    """A folder or a file of the host, mounted into the container."""

    source: Path
    target: PurePosixPath
    read_only: bool = True


@dataclass(frozen=True, kw_only=True)
class ContainerSpec:
    """A container to create; confined by default.

    It has no network, a read-only root, no capability and no new privileges; its standard input is
    open. It only runs on the CPUs with the numbers ``cpus``, on any CPU if there are none.
    ``limits.scratch`` bounds the executable tmpfs at ``/scratch`` (Theano loads the modules it
    compiles from there). ``runtime`` is the engine's name of the runtime, empty for its default.
    """

    name: str
    image: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    binds: tuple[Bind, ...]
    user: CellUser
    limits: Limits
    cpus: tuple[int, ...] = ()
    labels: Mapping[str, str]
    runtime: str = ""
