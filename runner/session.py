"""One run from end to end: load -> plan -> build -> run -> compare -> report."""

import os
import platform
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import psutil

import runner
from runner import (
    arrays,
    catalog,
    compare,
    datasets,
    plan,
    reproduction,
    script,
    store,
    tolerance,
)
from runner.catalog import Catalog
from runner.cell import folders
from runner.cell.ownership import Owner, sweep
from runner.cell.run import CellContext, run_cell
from runner.comparison import ArrayDifference, CompareArrays, Comparison
from runner.engine import Engine
from runner.errors import EngineError, ExitCode, InterruptedRunError
from runner.images.build import BasePolicy, Builder, Say
from runner.interrupts import Interrupts
from runner.measures import Measure, measures
from runner.plan import Caps, Cell, Init, KerasSettings, Limits, Plan
from runner.record import HostFacts, ImageIdentity, Manifest, Outcome, Record
from runner.remarks import remarks
from runner.report.progress import Progress
from runner.reported import Reported
from runner.reproduction import Reproduction
from runner.script import Script
from runner.store import RunFolder
from runner.stream import BadStreamError
from runner.tolerance import Tolerance, Tolerances


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What the user asked for."""

    target: Path
    on: tuple[str, ...]
    only: tuple[str, ...]
    arguments: tuple[str, ...]
    settings: tuple[KerasSettings, ...]
    seeds: tuple[int, ...]
    limits: Limits
    caps: Caps
    repeats: int
    schedule_seed: int
    init: Init
    data: Path | None
    results: Path
    run: str | None
    base: BasePolicy
    catalog: Path
    tolerances: Path | None
    command: tuple[str, ...]


@dataclass(frozen=True)
class RunResult:
    """What came of it; ``last`` tells that no part of the run is outstanding."""

    folder: RunFolder
    records: tuple[Record, ...]
    last: bool


def run(request: RunRequest, progress: Progress, interrupts: Interrupts) -> RunResult:
    """Run the selected cells that have no good record yet, one after the other.

    Raises:
        KerasMatrixError: whatever keeps the run from being made, or stops it.
    """
    found = script.load(request.target)
    images = catalog.load(request.catalog)
    datasets.check(found, request.data)
    made = _plan(request, found, images)
    selected = made.only(request.only)
    rules = _rules_beside(found, request.tolerances)
    name = request.run or _new_name(made.model)
    folder = store.place(request.results, name)

    manifest = _manifest(
        request=request, folder=folder, made=made, images=images, rules=rules, found=found
    )

    engine = Engine.connect()
    try:
        for leftover in sweep(engine):
            progress.step(f"removed {leftover}, left over from a run that was killed")
        folder.open(manifest, found.files)
        todo = folder.unfinished(selected)
        builder = Builder(
            engine=engine,
            catalog=images,
            policy=request.base,
            interrupts=interrupts,
            say=Say(step=progress.step, line=progress.line),
        )
        identities = {
            name: builder.build(images.get(name))
            for name in dict.fromkeys(cell.image for cell in todo)
        }
        folder.note(_host(engine), tuple(identities.values()))
        progress.planned(todo)
        context = CellContext(
            engine=engine,
            interrupts=interrupts,
            owner=Owner.this_process(),
            plan=made,
            script=found,
            script_folder=found.folder,
            run=folder,
            data=request.data.resolve() if request.data is not None else None,
        )
        _run_cells(context, todo, images, identities, progress)
    finally:
        engine.close()
    last = folder.finish(selected)
    records = tuple(r for r in (folder.record(cell) for cell in selected) if r is not None)
    return RunResult(folder=folder, records=records, last=last)


def _plan(request: RunRequest, found: Script, images: Catalog) -> Plan:
    return plan.make_plan(
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
    )


def _rules_beside(found: Script, named: Path | None) -> tuple[Tolerance, ...]:
    if named is not None:
        return tolerance.load(named)
    beside = found.folder / tolerance.TOLERANCE_FILE
    return tolerance.load(beside) if beside.exists() else ()


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
        tool=f"keras-matrix {runner.__version__}",
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
    )


def _host(engine: Engine) -> HostFacts:
    facts = engine.facts()
    return HostFacts(
        platform=platform.platform(),
        python=platform.python_version(),
        cpus=os.cpu_count() or 0,
        memory=psutil.virtual_memory().total,
        engine=f"{facts.version} on {facts.platform}",
    )


def _run_cells(
    context: CellContext,
    cells: Sequence[Cell],
    images: Catalog,
    identities: dict[str, ImageIdentity],
    progress: Progress,
) -> None:
    staging = context.run.work / f"staged-{secrets.token_hex(4)}"
    try:
        context = _with_readable_folders(context, staging)
        for cell in cells:
            _go_on(context)
            progress.started(cell)
            record = run_cell(context, cell, images.get(cell.image), identities[cell.image])
            progress.ended(record)
            if record.outcome is Outcome.ENGINE_ERROR:
                # An engine that is gone fails every cell alike: the others stay to be run.
                context.engine.facts()
        _go_on(context)
    except EngineError as error:
        raise EngineError(f"{error} {_how_to_go_on(context.run)}") from error
    finally:
        folders.remove(staging)


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
        raise type(error)(f"{error} {_how_to_go_on(context.run)}") from None


def _how_to_go_on(folder: RunFolder) -> str:
    return f"What is finished is kept; the same command with '--run {folder.path}' goes on."


def compare_run(folder: RunFolder, rules: Sequence[Tolerance]) -> Comparison:
    """Compare the images of a run; ``rules`` go before those found beside the model.

    Raises:
        KerasMatrixError: the run is damaged or holds nothing.
    """
    manifest = folder.manifest()
    records = folder.records()
    images = manifest.plan.images
    tolerances = Tolerances((*rules, *manifest.tolerances))
    caps = (manifest.plan.caps.note,) if manifest.plan.caps.note else ()
    return compare.compare_images(
        records,
        images=images,
        planned=_planned(manifest),
        tolerances=tolerances,
        compare_arrays=_array_comparison(folder, folder),
        title=f"{manifest.plan.model} ({manifest.run})",
        notes=(*manifest.notes, *caps, *remarks(records, images, tolerances)),
    )


def compare_two(before: RunFolder, after: RunFolder, rules: Sequence[Tolerance]) -> Comparison:
    """Compare two runs, image by image.

    Raises:
        KerasMatrixError: a run is damaged or holds nothing.
    """
    manifests = before.manifest(), after.manifest()
    return compare.compare_runs(
        before.records(),
        after.records(),
        names=(before.name, after.name),
        planned=(_planned(manifests[0]), _planned(manifests[1])),
        tolerances=Tolerances((*rules, *manifests[0].tolerances)),
        compare_arrays=_array_comparison(before, after),
    )


def reproduce(folder: RunFolder, reported: Reported) -> Reproduction:
    """Hold reported figures against a run's good cells, one value a seed.

    Raises:
        KerasMatrixError: the run is damaged.
    """
    measured: dict[str, dict[str, dict[int, float]]] = {}
    for record in folder.records():
        if record.outcome is not Outcome.OK or record.cell.repeat:
            continue
        for one in measures(record):
            by_seed = measured.setdefault(record.cell.image, {}).setdefault(one.metric, {})
            by_seed[record.cell.seed or 0] = one.value
    return reproduction.judge(reported, measured)


def _planned(manifest: Manifest) -> tuple[str, ...]:
    return tuple(cell.id for cell in manifest.plan.cells)


def _array_comparison(left: RunFolder, right: RunFolder) -> CompareArrays:
    def compare_arrays(
        one: Record, here: Measure, other: Record, there: Measure, rule: Tolerance
    ) -> ArrayDifference | None:
        if here.file is None or there.file is None:
            return None
        try:
            reference = arrays.read(left.arrays_path(one.cell) / Path(here.file).name)
            against = arrays.read(right.arrays_path(other.cell) / Path(there.file).name)
        except BadStreamError:
            # Not kept whole: the row falls back to the means, which are in the records.
            return None
        return arrays.difference(reference, against, rule)

    return compare_arrays


def exit_code(comparison: Comparison) -> ExitCode:
    """Return the exit code that a comparison comes to: no score goes before a difference."""
    if comparison.failures or comparison.missing:
        return ExitCode.CELL_FAILED
    if comparison.differs:
        return ExitCode.DIFFER
    return ExitCode.INCONCLUSIVE if comparison.inconclusive else ExitCode.AGREE
