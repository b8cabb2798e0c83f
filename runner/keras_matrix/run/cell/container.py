"""What a container for cells looks like. Pure: from a plan to a specification, no engine."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from keras_matrix.engine.users import CellUser
from keras_matrix.load.catalog import Image
from keras_matrix.plan.cells import Caps, Group, Init, Limits

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
COMPILED = PurePosixPath("/compiled")
TRACE = PurePosixPath("/trace")

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


@dataclass(frozen=True)
class CellFolders:
    """The host's folders that a cell mounts; ``results`` may lie within ``script``.

    ``converted`` is a file: what runs instead of the notebook in ``script``. ``compiled`` is what
    earlier cells compiled, ``trace`` what a look into the model is asked for.
    """

    probe: Path
    script: Path
    results: Path
    keras_home: Path
    output: Path
    data: Path | None = None
    converted: Path | None = None
    compiled: Path | None = None
    trace: Path | None = None


def cell_environment(limits: Limits) -> dict[str, str]:
    """Return the whole environment of cells; nothing of the host's is passed on.

    ``KERAS_BACKEND`` is left unset: the backend comes from keras.json alone. Hashes are the same
    in all replicates: a process that forks them has but one, and Theano's keys of compiled
    modules depend on it.
    """
    threads = str(limits.threads)
    return {
        "HOME": str(SCRATCH / "home"),
        "TMPDIR": str(SCRATCH / "tmp"),
        "KERAS_HOME": str(KERAS_HOME),
        "PYTHONPATH": str(PROBE),
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
    }


def cell_container(
    *,
    group: Group,
    name: str,
    image: Image,
    digest: str,
    cpus: tuple[int, ...],
    script: str,
    suite: str = "",
    arguments: tuple[str, ...],
    folders: CellFolders,
    user: CellUser,
    limits: Limits,
    caps: Caps,
    init: Init = Init.OWN,
    labels: Mapping[str, str],
    runtime: str = "",
) -> ContainerSpec:
    """Specify a container for cells of one group; ``script`` is a file name.

    ``suite`` are tests to run instead, relative to the script's folder, as pytest names them.
    ``digest`` is the content digest of the image, ``cpus`` the numbers of the CPUs to run on.
    """
    options: dict[str, object] = {
        "--output": OUTPUT,
        "--workspace": SCRATCH / "work",
        "--compiled": image.compiled,
        "--epochs-cap": caps.epochs,
        "--steps-cap": caps.steps,
        "--suite": suite or None,
        "--trace": TRACE if folders.trace is not None else None,
        "--converted": CONVERTED / folders.converted.name if folders.converted else None,
    }
    given = [str(p) for name, value in options.items() if value is not None for p in (name, value)]
    command = (
        *("python", "-m", "keras_matrix_probe", "serve", *given),
        *(("--paired",) if init is Init.PAIRED else ()),
        *(str(SCRIPT / script), "--", *arguments),
    )
    optional = {
        DATA: folders.data,
        CONVERTED: folders.converted.parent if folders.converted else None,
        COMPILED: folders.compiled,
        TRACE: folders.trace,
    }
    return ContainerSpec(
        name=name,
        image=digest,
        command=command,
        environment=cell_environment(limits),
        binds=(
            *(Bind(source, target) for target, source in optional.items() if source is not None),
            Bind(folders.probe, PROBE / folders.probe.name),
            Bind(folders.script, SCRIPT),
            Bind(folders.keras_home, KERAS_HOME),
            Bind(folders.output, OUTPUT, read_only=False),
        ),
        masked=tuple(_below_script(folders)),
        user=user,
        limits=limits,
        cpus=cpus,
        labels={LABEL: group.id, **labels},
        runtime=runtime,
    )


def _below_script(folders: CellFolders) -> Iterator[PurePosixPath]:
    """Yield the results' place in the script's folder: no cell reads what others found."""
    if folders.results.is_relative_to(folders.script) and folders.results != folders.script:
        yield SCRIPT / folders.results.relative_to(folders.script)
