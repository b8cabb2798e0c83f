"""What a cell's container looks like. Pure: from a cell to a specification, no engine."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runner.plan import Caps, Cell, Init, Limits

LABEL = "io.keras-matrix.cell"
OWNER_LABEL = "io.keras-matrix.owner"
RUN_LABEL = "io.keras-matrix.run"

KERAS_HOME = PurePosixPath("/keras-home")
PROBE = PurePosixPath("/keras-matrix")
SCRIPT = PurePosixPath("/script")
OUTPUT = PurePosixPath("/output")
SCRATCH = PurePosixPath("/scratch")
DATA = PurePosixPath("/data")
CONVERTED = PurePosixPath("/converted")

MAX_OUTPUT_FILE = 256 * 2**20
MAX_LOG = "16m"


@dataclass(frozen=True)
class Bind:
    """A folder of the host, mounted into the container."""

    source: Path
    target: PurePosixPath
    read_only: bool = True


@dataclass(frozen=True, kw_only=True)
class ContainerSpec:
    """A container to create; closed by default.

    No network, read-only root, no capability, no new privileges; ``user`` is ``uid:gid``.
    Empty folders cover those ``masked``. ``limits.scratch`` bounds the executable tmpfs at
    ``/scratch`` (Theano loads the modules it compiles from there).
    """

    name: str
    image: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    binds: tuple[Bind, ...]
    masked: tuple[PurePosixPath, ...] = ()
    user: str
    limits: Limits
    labels: Mapping[str, str]


@dataclass(frozen=True)
class CellFolders:
    """The host's folders that a cell mounts; ``results`` may lie within ``script``.

    ``converted`` is a file: what runs instead of the notebook in ``script``.
    """

    probe: Path
    script: Path
    results: Path
    keras_home: Path
    output: Path
    data: Path | None = None
    converted: Path | None = None


def cell_environment(cell: Cell, limits: Limits) -> dict[str, str]:
    """Return the cell's whole environment; nothing of the host's is passed on.

    ``KERAS_BACKEND`` is left unset: the backend comes from keras.json alone.
    """
    threads = str(limits.threads)
    return {
        "HOME": str(SCRATCH / "home"),
        "TMPDIR": str(SCRATCH / "tmp"),
        "KERAS_HOME": str(KERAS_HOME),
        "PYTHONPATH": str(PROBE),
        "PYTHONHASHSEED": str(cell.seed or 0),
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
    }


def cell_container(
    *,
    cell: Cell,
    name: str,
    image: str,
    script: str,
    arguments: tuple[str, ...],
    folders: CellFolders,
    user: str,
    limits: Limits,
    caps: Caps,
    init: Init = Init.OWN,
    labels: Mapping[str, str],
) -> ContainerSpec:
    """Specify the container of a cell; ``image`` is a content digest, ``script`` a file name."""
    asked = {"--seed": cell.seed, "--epochs-cap": caps.epochs, "--steps-cap": caps.steps}
    given = [part for name, value in asked.items() if value is not None for part in (name, value)]
    paired = ("--paired",) if init is Init.PAIRED else ()
    converted: tuple[str, ...] = ()
    if folders.converted is not None:
        converted = ("--converted", str(CONVERTED / folders.converted.name))
    command = (
        *("python", "-m", "keras_matrix_probe", "run", "--output", str(OUTPUT)),
        *("--workspace", str(SCRATCH / "work"), *(str(part) for part in given), *paired),
        *converted,
        *(str(SCRIPT / script), "--", *arguments),
    )
    return ContainerSpec(
        name=name,
        image=image,
        command=command,
        environment=cell_environment(cell, limits),
        binds=(
            *((Bind(folders.data, DATA),) if folders.data is not None else ()),
            *((Bind(folders.converted.parent, CONVERTED),) if folders.converted else ()),
            Bind(folders.probe, PROBE / folders.probe.name),
            Bind(folders.script, SCRIPT),
            Bind(folders.keras_home, KERAS_HOME),
            Bind(folders.output, OUTPUT, read_only=False),
        ),
        masked=tuple(_below_script(folders)),
        user=user,
        limits=limits,
        labels={LABEL: cell.id, **labels},
    )


def _below_script(folders: CellFolders) -> Iterator[PurePosixPath]:
    """Yield the results' place in the script's folder: no cell reads what others found."""
    if folders.results.is_relative_to(folders.script) and folders.results != folders.script:
        yield SCRIPT / folders.results.relative_to(folders.script)
