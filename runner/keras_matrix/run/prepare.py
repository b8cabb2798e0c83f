"""Make ready what cells need: load -> plan -> build, then lanes to run them in."""

import contextlib
import os
import platform
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import keras_matrix
from keras_matrix.engine.answers import EngineFacts
from keras_matrix.engine.client import Engine
from keras_matrix.engine.owners import Owner, sweep
from keras_matrix.engine.patience import Patience
from keras_matrix.engine.users import cell_user
from keras_matrix.errors import EngineError, InterruptedRunError, StoreError, of_disk
from keras_matrix.images.build import Builder, Say
from keras_matrix.interrupts import Interrupts
from keras_matrix.load import catalog, data_sets, git, reported, script, suites
from keras_matrix.load import tolerances as tolerance
from keras_matrix.load.catalog import Catalog
from keras_matrix.load.request import RunRequest
from keras_matrix.load.script import Script
from keras_matrix.plan import schedule
from keras_matrix.plan.cells import Cell, Plan
from keras_matrix.plan.images import ImageIdentity
from keras_matrix.plan.tolerance import Tolerance
from keras_matrix.records import cache
from keras_matrix.records import folder as store
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.locks import Waiting
from keras_matrix.records.record import HostFacts, Manifest, Record
from keras_matrix.run import claims, resume, reuse
from keras_matrix.run import machine as cpus
from keras_matrix.run.cell import folders
from keras_matrix.run.cell.compiled_code import CompiledStore
from keras_matrix.run.cell.context import CellContext, Digests, Traced
from keras_matrix.run.lanes import Lanes
from keras_matrix.run.machine import Machine, memory, share_out
from keras_matrix.run.progress import Progress

Run = Callable[[Sequence[Cell], Callable[[Record], None]], None]
"""Runs cells and tells of each that has ended."""


@dataclass(frozen=True)
class Ready:
    """All that cells need to run: the engine reached, the run's folder open, the images built.

    ``todo`` are the selected cells that have no good record yet.
    """

    context: CellContext
    machine: Machine
    images: Catalog
    identities: Mapping[str, ImageIdentity]
    selected: tuple[Cell, ...]
    todo: tuple[Cell, ...]
    progress: Progress

    @contextlib.contextmanager
    def running(self, traced: Traced | None = None) -> Iterator[Run]:
        """Lend what runs cells; they are looked into if ``traced`` says so.

        Raises:
            KerasMatrixError: whatever stops them.
        """
        context = replace(self.context, traced=traced)
        staging = context.run.work / f"staged-{secrets.token_hex(4)}"
        try:
            lanes = Lanes(
                _with_readable_folders(context, staging),
                self.machine,
                self.images,
                self.identities,
                connect=lambda: Engine.connect(context.patience),
                say=self.progress.step,
            )
            with contextlib.closing(lanes):

                def run(cells: Sequence[Cell], ended: Callable[[Record], None]) -> None:
                    lanes.run(cells, self.progress.started, ended)
                    _go_on(context)

                yield run
        except EngineError as error:
            _go_on(context)
            raise EngineError(f"{error} {_how_to_go_on(context)}") from error
        except (OSError, StoreError) as error:
            told = error if isinstance(error, StoreError) else of_disk(error)
            if told is None or not context.run.exists():
                raise
            raise StoreError(f"{told} {_how_to_go_on(context)}") from error
        finally:
            folders.remove(staging)


@contextlib.contextmanager
def ready(request: RunRequest, progress: Progress, interrupts: Interrupts) -> Iterator[Ready]:
    """Make ready what a request needs; the engine is let go at the end.

    Raises:
        KerasMatrixError: whatever keeps the cells from being run.
    """
    found = _load(request)
    images = catalog.load(request.catalog)
    data_sets.check(found, request.data)
    made = _plan(request, found, images)
    selected = made.only(request.only)
    rules = _rules_beside(found, request.tolerances)
    folder = _folder(request, made, progress, interrupts)
    manifest = _manifest(
        request=request, folder=folder, made=made, images=images, rules=rules, found=found
    )
    machine = share_out(request.limits, request.jobs)
    with contextlib.ExitStack() as held:
        held.enter_context(interrupts.first())
        patience = Patience(interrupts, progress.step)
        engine = held.enter_context(contextlib.closing(Engine.connect(patience)))
        facts = engine.facts()
        runtime = facts.runtime(request.runtime)
        user = cell_user(facts.security, (os.getuid(), os.getgid()))
        for weakness in facts.security.weaknesses:
            progress.step(f"WARNING: {weakness}")
        for told in sweep(engine, lambda: interrupts.requested).told():
            progress.step(told)
        interrupts.check()
        folder.make()
        alone = held.enter_context(claims.claimed(folder, selected))
        if request.resume:
            manifest = resume.mend(folder, manifest, selected, progress.step)
        folder.open(manifest, {**found.files, **reported.kept(found.folder)})
        todo = selected if request.again else folder.unfinished(selected)
        builder = Builder(
            engine=engine,
            catalog=images,
            policy=request.base,
            interrupts=interrupts,
            say=Say(step=progress.step, line=progress.line),
        )
        needed = [images.get(name) for name in dict.fromkeys(cell.image for cell in todo)]
        identities = builder.build_all(needed, lambda: Engine.connect(patience))
        folder.note(_host(facts, runtime), tuple(identities.values()), alone=alone)
        context = CellContext(
            engine=engine,
            interrupts=interrupts,
            owner=Owner.this_process(),
            plan=made,
            script=found,
            script_folder=found.folder,
            run=folder,
            compiled=CompiledStore(cache.root() / cache.COMPILED),
            cpu=cpus.cpu_key(),
            user=user,
            runtime=runtime,
            data=request.data.resolve() if request.data is not None else None,
            seen=progress.seen,
            lost=cache.Lost(progress.step),
            digests=_digests(found, request.data, folder.path.parent),
            patience=patience,
        )
        yield Ready(context, machine, images, identities, selected, todo, progress)


def _digests(found: Script, data: Path | None, hidden: Path) -> Digests | None:
    of_script = reuse.folder_digest(found.folder, hidden=hidden)
    of_data = None if data is None else reuse.folder_digest(data.resolve(), hidden=hidden)
    if of_script is None or (data is not None and of_data is None):
        return None
    return Digests(of_script, of_data)


def _load(request: RunRequest) -> Script:
    if request.tests is not None:
        return suites.load(request.tests)
    return script.load(request.target)


def _plan(request: RunRequest, found: Script, images: Catalog) -> Plan:
    return schedule.make_plan(
        model=found.name,
        script_sha256=found.sha256,
        arguments=request.arguments,
        images=tuple(image.name for image in images.select(request.on)),
        settings=request.settings,
        seeds=request.seeds,
        limits=request.limits,
        caps=request.caps,
        repeats=request.repeats,
        schedule_seed=request.schedule_seed,
        init=request.init,
        isolation=request.isolation,
        runtime=request.runtime,
    )


def _rules_beside(found: Script, named: Path | None) -> tuple[Tolerance, ...]:
    if named is not None:
        return tolerance.load(named)
    beside = found.folder / tolerance.TOLERANCE_FILE
    return tolerance.load(beside) if beside.exists() else ()


def _folder(
    request: RunRequest, made: Plan, progress: Progress, interrupts: Interrupts
) -> RunFolder:
    if request.resume:
        path = resume.find(request.results, request.run, made, progress.step)
    else:
        path = store.place(request.results, request.run or _new_name(made.model)).path
    return RunFolder(path, Waiting(say=progress.step, check=interrupts.check))


def _new_name(model: str) -> str:
    now = datetime.now().strftime("%Y%m%d-%H%M%S")
    safe = re.sub(r"[^A-Za-z0-9._-]", "-", model).lstrip("._-") or "run"
    return f"{safe[:60]}-{now}-{secrets.token_hex(2)}"


def _manifest(
    *,
    request: RunRequest,
    folder: RunFolder,
    made: Plan,
    images: Catalog,
    rules: tuple[Tolerance, ...],
    found: Script,
) -> Manifest:
    return Manifest(
        tool=f"keras-matrix {keras_matrix.__version__}",
        run=folder.name,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        script=found.path.name,
        command=request.command,
        plan=made,
        keras_json={
            cell.id: cell.settings.keras_json(images.get(cell.image).backend) for cell in made.cells
        },
        tolerances=rules,
        notes=found.notes,
        place=script.place(found.path, os.environ.get("GITHUB_WORKSPACE", "")),
        commit=git.head(found.folder),
    )


def _host(facts: EngineFacts, runtime: str) -> HostFacts:
    return HostFacts(
        platform=platform.platform(),
        python=platform.python_version(),
        cpus=os.cpu_count() or 0,
        memory=memory(),
        engine=f"{facts.version} on {facts.platform}",
        runtime=runtime,
        security=facts.security.told,
    )


def _with_readable_folders(context: CellContext, staging: Path) -> CellContext:
    hidden = context.run.path.parent
    data = context.data
    if data is not None:
        data = folders.readable(data, staging / "data", hidden=hidden)
    converted = None
    if context.script.converted:
        converted = staging / "converted" / context.script.file
        folders.write_readable(converted, context.script.code)
    return replace(
        context,
        script_folder=folders.readable(context.script.folder, staging / "script", hidden=hidden),
        converted=converted,
        data=data,
    )


def _go_on(context: CellContext) -> None:
    try:
        context.interrupts.check()
    except InterruptedRunError as error:
        raise type(error)(f"{error} {_how_to_go_on(context)}") from None


def _how_to_go_on(context: CellContext) -> str:
    if context.traced is not None:
        return "Its cells' records are kept; a trace begins anew with the same command."
    return (
        "What is finished is kept; "
        f"the same command with '--run {context.run.path} --resume' goes on."
    )
