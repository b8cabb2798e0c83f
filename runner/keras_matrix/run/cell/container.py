"""The specification of a container for cells, made of a plan. Pure; no engine."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from keras_matrix.engine.spec import CELL_LABEL, Bind, ContainerSpec
from keras_matrix.engine.users import CellUser
from keras_matrix.load.catalog import Image
from keras_matrix.plan import contract
from keras_matrix.plan.cells import Caps, Group, Init, Limits
from keras_matrix.plan.contract import (
    COMPILED,
    CONVERTED,
    DATA,
    KERAS_HOME,
    OUTPUT,
    PROBE,
    SCRATCH,
    SCRIPT,
    TRACE,
)

ENGINE_FOLDERS = tuple(map(PurePosixPath, ("/tmp", "/var/tmp", "/run")))  # noqa: S108 # covered
"""Folders that Podman makes writable under a read-only root, where a cell could leave something."""
ENGINE_FILES = tuple(map(PurePosixPath, ("/etc/hosts", "/etc/resolv.conf")))
"""Files in which Podman tells of the host's networks, to a container without one, too."""


@dataclass(frozen=True)
class Covers:
    """An empty ``folder`` and an empty ``file``, to cover with what no cell may read or write.

    They are mounted. A file system in memory would do on Docker; Podman copies into it what it
    covers (its option ``tmpcopyup``, which is on).
    """

    folder: Path
    file: Path


@dataclass(frozen=True)
class CellFolders:
    """The host's folders that a cell mounts; ``results`` may lie within ``script``.

    ``converted`` is a file: what runs instead of the notebook in ``script``. ``compiled`` holds
    what earlier cells compiled, ``trace`` the requests to cells of a trace.
    """

    probe: Path
    script: Path
    results: Path
    keras_home: Path
    output: Path
    covers: Covers
    data: Path | None = None
    converted: Path | None = None
    compiled: Path | None = None
    trace: Path | None = None


def cell_environment(limits: Limits) -> dict[str, str]:
    """Return the whole environment of cells; none of the host's variables are passed on.

    ``KERAS_BACKEND`` is left unset: the backend comes from keras.json alone. Hashes are the same
    in all replicates: they are forked from one process, which has one seed of hashes, and Theano's
    keys of compiled modules depend on it.
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
        contract.OUTPUT_OPTION: OUTPUT,
        contract.WORKSPACE_OPTION: SCRATCH / "work",
        contract.COMPILED_OPTION: image.compiled,
        contract.EPOCHS_CAP_OPTION: caps.epochs,
        contract.STEPS_CAP_OPTION: caps.steps,
        contract.SUITE_OPTION: suite or None,
        contract.TRACE_OPTION: TRACE if folders.trace is not None else None,
        contract.CONVERTED_OPTION: CONVERTED / folders.converted.name
        if folders.converted
        else None,
    }
    set_options = {name: str(value) for name, value in options.items() if value is not None}
    serve = ("python", "-m", contract.PROBE_MODULE, contract.SERVE_COMMAND)
    command = (
        *serve,
        *itertools.chain(*set_options.items()),
        *((contract.PAIRED_OPTION,) if init is Init.PAIRED else ()),
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
            *_covered(folders),
        ),
        user=user,
        limits=limits,
        cpus=cpus,
        labels={CELL_LABEL: group.id, **labels},
        runtime=runtime,
    )


def _covered(folders: CellFolders) -> Iterator[Bind]:
    """Yield what covers the results in the script's folder, and what engines add to a container."""
    if folders.results.is_relative_to(folders.script) and folders.results != folders.script:
        yield Bind(folders.covers.folder, SCRIPT / folders.results.relative_to(folders.script))
    yield from (Bind(folders.covers.folder, target) for target in ENGINE_FOLDERS)
    yield from (Bind(folders.covers.file, target) for target in ENGINE_FILES)
