"""The first stages of a run: load what the user wrote, plan the cells, open the run, build images.

What they hand on are plain values, but for :class:`OpenRun`: that holds what is alive while a run
is open, and ends with it.
"""

import contextlib
import os
import platform
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import keras_matrix
from keras_matrix.engine.client import Engine
from keras_matrix.engine.facts import EngineFacts
from keras_matrix.engine.owners import sweep
from keras_matrix.engine.patience import Patience
from keras_matrix.engine.users import cell_user
from keras_matrix.images.build import Builder, Say
from keras_matrix.interrupts import Interrupts
from keras_matrix.load import catalog, data_sets, git, reported, script, suites, tolerances
from keras_matrix.load.catalog import Catalog
from keras_matrix.load.request import RunRequest
from keras_matrix.load.script import Script
from keras_matrix.plan import schedule
from keras_matrix.plan.cells import Cell, Plan
from keras_matrix.plan.images import ImageIdentity
from keras_matrix.plan.tolerance import Tolerance
from keras_matrix.records import folder as store
from keras_matrix.records.cache import CacheWarnings
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.locks import Waiting
from keras_matrix.records.record import HostFacts, Manifest
from keras_matrix.run import claims, resume, reuse
from keras_matrix.run.cell.task import CellTask, Digests
from keras_matrix.run.machine import Machine, own_memory, share_out
from keras_matrix.run.progress import Progress

Images = Mapping[str, ImageIdentity]
"""The images of a run as built, by name."""


@dataclass(frozen=True)
class Sources:
    """What users wrote, read and checked: the script, the images there are, the tolerances."""

    script: Script
    catalog: Catalog
    tolerances: tuple[Tolerance, ...]


@dataclass(frozen=True, kw_only=True)
class OpenRun:
    """A run while it is open: its folder, in which its cells are claimed, and its engine.

    ``selected`` are the cells of this part of the run, ``todo`` those without a good record yet.
    ``alone`` tells that no other process works on the run. ``data`` is the folder of data sets, if
    there is one; ``digests`` are None if there are too many files to digest. ``lost`` is notified
    of what the cache fails at.
    """

    request: RunRequest
    sources: Sources
    plan: Plan
    folder: RunFolder
    selected: tuple[Cell, ...]
    todo: tuple[Cell, ...]
    alone: bool
    machine: Machine
    engine: Engine
    facts: EngineFacts
    runtime: str
    data: Path | None
    digests: Digests | None
    interrupts: Interrupts
    patience: Patience
    progress: Progress
    lost: CacheWarnings

    def task(self, images: Images, requests: Path | None = None) -> CellTask:
        """Return what cells are run by; ``requests`` is the folder that cells of a trace read."""
        return CellTask(
            run=self.folder.name,
            plan=self.plan,
            script=self.sources.script,
            results=self.folder.path.parent,
            data=self.data,
            digests=self.digests,
            images={image.name: image for image in self.sources.catalog.images},
            identities=dict(images),
            user=cell_user(self.facts.security, (os.getuid(), os.getgid())),
            runtime=self.runtime,
            requests=requests,
        )


def load(request: RunRequest) -> Sources:
    """Load the script or tests, the catalog of images and the tolerances of a request.

    Raises:
        KerasMatrixError: one of them is missing or wrong.
    """
    if request.tests is not None:
        source: Script = suites.load(request.tests)
    else:
        source = script.load(request.target)
    images = catalog.load(request.catalog)
    data_sets.check(source, request.data)
    return Sources(source, images, _tolerances(source, request.tolerances))


def _tolerances(source: Script, named: Path | None) -> tuple[Tolerance, ...]:
    if named is not None:
        return tolerances.load(named)
    beside = source.folder / tolerances.TOLERANCE_FILE
    return tolerances.load(beside) if beside.exists() else ()


def plan(request: RunRequest, sources: Sources) -> Plan:
    """Plan the cells of a request.

    Raises:
        KerasMatrixError: an image is unknown, or nothing is left to run.
    """
    planned = schedule.make_plan(
        request.plan,
        model=sources.script.name,
        script_sha256=sources.script.sha256,
        images=tuple(image.name for image in sources.catalog.select(request.on)),
    )
    # An unknown image in --only is reported before anything is written.
    planned.only(request.only)
    return planned


@contextlib.contextmanager
def opened(
    request: RunRequest, sources: Sources, plan: Plan, progress: Progress, interrupts: Interrupts
) -> Iterator[OpenRun]:
    """Connect to the engine, open the run's folder and claim the selected cells.

    Raises:
        KerasMatrixError: the run cannot be opened, or what the block raises.
    """
    selected = plan.only(request.only)
    folder = _folder(request, plan, progress, interrupts)
    manifest = _manifest(request, sources, plan, folder)
    with contextlib.ExitStack() as stack:
        stack.enter_context(interrupts.before_engine_errors())
        patience = Patience(interrupts, progress.step)
        engine = stack.enter_context(contextlib.closing(Engine.connect(patience)))
        facts = engine.facts()
        runtime = facts.runtime(plan.runtime)
        machine = share_out(plan.limits, request.jobs, facts)
        for weakness in facts.security.weaknesses:
            progress.step(f"WARNING: {weakness}")
        for line in sweep(engine, lambda: interrupts.requested).lines():
            progress.step(line)
        interrupts.check()
        folder.make()
        alone = stack.enter_context(claims.claimed(folder, selected))
        if request.resume:
            manifest = resume.mend(folder, manifest, selected, progress.step)
        source = sources.script
        # A run that had begun keeps the order of its cells.
        plan = folder.open(manifest, {**source.files, **reported.file_beside(source.folder)})
        selected = plan.only(request.only)
        data = request.data.resolve() if request.data is not None else None
        yield OpenRun(
            request=request,
            sources=sources,
            plan=plan,
            folder=folder,
            selected=selected,
            todo=selected if request.again else folder.unfinished(selected),
            alone=alone,
            machine=machine,
            engine=engine,
            facts=facts,
            runtime=runtime,
            data=data,
            digests=reuse.digests(source.folder, data, hidden=folder.path.parent),
            interrupts=interrupts,
            patience=patience,
            progress=progress,
            lost=CacheWarnings(progress.step),
        )


def build(run: OpenRun) -> Images:
    """Build the images that cells still need, and note in the manifest what the run is made on.

    Raises:
        KerasMatrixError: an image cannot be built, or is not the one that records were made with.
    """
    progress, images = run.progress, run.sources.catalog
    builder = Builder(
        engine=run.engine,
        catalog=images,
        policy=run.request.base,
        interrupts=run.interrupts,
        say=Say(step=progress.step, line=progress.line),
    )
    needed = [images.get(name) for name in dict.fromkeys(cell.image for cell in run.todo)]
    built = builder.build_all(needed, lambda: Engine.connect(run.patience))
    run.folder.note(_host(run.facts, run.runtime), tuple(built.values()), alone=run.alone)
    return built


def _folder(
    request: RunRequest, plan: Plan, progress: Progress, interrupts: Interrupts
) -> RunFolder:
    if request.resume:
        path = resume.find(request.results, request.run, plan, request.kind, progress.step)
    else:
        path = store.place(request.results, request.run or new_name(plan.model)).path
    return RunFolder(path, Waiting(say=progress.step, check=interrupts.check))


def new_name(model: str) -> str:
    """Return a name for the folder of a run that has none yet."""
    now = datetime.now().strftime("%Y%m%d-%H%M%S")
    safe = re.sub(r"[^A-Za-z0-9._-]", "-", model).lstrip("._-") or "run"
    return f"{safe[:60]}-{now}-{secrets.token_hex(2)}"


def _manifest(request: RunRequest, sources: Sources, plan: Plan, folder: RunFolder) -> Manifest:
    source, images = sources.script, sources.catalog
    return Manifest(
        tool=f"keras-matrix {keras_matrix.__version__}",
        run=folder.name,
        kind=request.kind,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        script=source.path.name,
        command=request.command,
        plan=plan,
        keras_json={
            cell.id: cell.settings.keras_json(images.get(cell.image).backend) for cell in plan.cells
        },
        tolerances=sources.tolerances,
        notes=source.notes,
        place=script.place(source.path, os.environ.get("GITHUB_WORKSPACE", "")),
        commit=git.head(source.folder),
    )


def _host(facts: EngineFacts, runtime: str) -> HostFacts:
    return HostFacts(
        platform=platform.platform(),
        python=platform.python_version(),
        cpus=facts.cpus or os.cpu_count() or 0,
        memory=facts.memory or own_memory(),
        engine=f"{facts.version} on {facts.platform}",
        runtime=runtime,
        security=facts.security.summary,
    )
