"""The life of one cell: folders, container, wait, collect, judge, record; nothing stays behind."""

import contextlib
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

import msgspec

import runner
from runner.catalog import Image
from runner.cell import folders
from runner.cell.container import OWNER_LABEL, RUN_LABEL, CellFolders, cell_container
from runner.cell.outcome import (
    Ending,
    Judgement,
    judge,
    limits_not_applied,
    limits_seen,
    mismatch,
    untold,
)
from runner.cell.ownership import Owner
from runner.engine import Engine
from runner.errors import EngineError
from runner.interrupts import Interrupts
from runner.plan import Cell, Plan
from runner.record import ImageIdentity, Outcome, Record, Timing
from runner.script import Script
from runner.store import RunFolder, write_atomically
from runner.stream import (
    EVENTS_FILE,
    MAX_BYTES,
    BadStreamError,
    Observation,
    parse,
    read_bounded,
)
from runner.text import printable

FIRST_POLL = 0.02
LAST_POLL = 0.5
MAX_LOG_BYTES = 16 * 2**20
TAIL_LINES = 20
TAIL_WIDTH = 400


@dataclass(frozen=True)
class CellContext:
    """What all cells of a run share. ``script_folder`` is the one that cells can read.

    ``data`` is the folder of data sets, if there is one; ``converted`` the script made of a
    notebook.
    """

    engine: Engine
    interrupts: Interrupts
    owner: Owner
    plan: Plan
    script: Script
    script_folder: Path
    run: RunFolder
    data: Path | None = None
    converted: Path | None = None


@dataclass(frozen=True)
class _Work:
    root: Path

    @property
    def output(self) -> Path:
        return self.root / "output"

    @property
    def keras_home(self) -> Path:
        return self.root / "keras-home"


@dataclass
class _Clock:
    """Wall time of the steps, filled in as they end."""

    timing: Timing = field(default_factory=Timing)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.timing = replace(self.timing, **{name: time.perf_counter() - start})


def run_cell(context: CellContext, cell: Cell, image: Image, identity: ImageIdentity) -> Record:
    """Run a cell in a container of its own; write its record and return it.

    Whatever happens to the cell is in the record; the container and the working folder are
    gone afterwards in every case.

    Raises:
        StoreError: the record cannot be written.
    """
    started = datetime.now(timezone.utc).isoformat(timespec="seconds")
    work = _Work(context.run.work / f"{cell.id}-{secrets.token_hex(4)}")
    clock = _Clock()
    observation = Observation()
    log = b""
    ending = Ending(exit_code=None)
    try:
        _prepare(work, cell, image)
        try:
            ending, log = _live(context, cell, identity, work, clock)
        except EngineError as error:
            judgement = Judgement(Outcome.ENGINE_ERROR, str(error))
        except _LimitNotAppliedError as error:
            judgement = Judgement(Outcome.LIMIT_NOT_APPLIED, str(error))
        else:
            folders.take_back(work.output)
            observation, damage = _observe(work.output, ending)
            found = observation.environment
            wrong = untold(observation)
            if found is not None:
                wrong = mismatch(cell, image.backend, image.expect, found)
            judgement = judge(ending, observation, damage, context.plan.limits, wrong)
            if found is not None and (problem := limits_seen(found, context.plan.limits)):
                judgement = Judgement(Outcome.LIMIT_NOT_APPLIED, problem)
        _keep(context, cell, work, log, observation)
        record = Record(
            tool=f"keras-matrix {runner.__version__}",
            run=context.run.name,
            model=context.plan.model,
            script_sha256=context.plan.script_sha256,
            arguments=context.plan.arguments,
            cell=cell,
            image=identity,
            outcome=judgement.outcome,
            reason=printable(judgement.reason),
            started=started,
            timing=clock.timing,
            exit_code=ending.exit_code,
            notes=_notes(observation),
            log_tail=() if judgement.outcome is Outcome.OK else _tail(log),
            observation=observation,
        )
        context.run.write(record)
        return record
    finally:
        folders.take_back(work.root)
        folders.remove(work.root)
        # Only the last cell finds it empty.
        with contextlib.suppress(OSError):
            context.run.work.rmdir()


class _LimitNotAppliedError(Exception):
    """The engine does not hold the container to its limits."""


def _prepare(work: _Work, cell: Cell, image: Image) -> None:
    folders.make_output(work.output)
    work.keras_home.mkdir(mode=0o755)
    content = msgspec.json.encode(cell.settings.keras_json(image.backend))
    write_atomically(work.keras_home / "keras.json", msgspec.json.format(content, indent=4))


def _live(
    context: CellContext, cell: Cell, identity: ImageIdentity, work: _Work, clock: _Clock
) -> tuple[Ending, bytes]:
    uid, gid = folders.cell_user()
    name = f"keras-matrix-{work.root.name}"
    engine = context.engine
    spec = cell_container(
        cell=cell,
        name=name,
        image=identity.id,
        script=context.script.path.name,
        arguments=context.plan.arguments,
        folders=CellFolders(
            probe=folders.PROBE_FOLDER,
            script=context.script_folder,
            results=context.run.path.parent,
            keras_home=work.keras_home,
            output=work.output,
            data=context.data,
            converted=context.converted,
        ),
        user=f"{uid}:{gid}",
        limits=context.plan.limits,
        caps=context.plan.caps,
        init=context.plan.init,
        labels={OWNER_LABEL: context.owner.label(), RUN_LABEL: context.run.name},
    )
    try:
        with clock.step("create"):
            container = engine.create(spec)
            problem = limits_not_applied(context.plan.limits, engine.applied_limits(container))
        if problem:
            raise _LimitNotAppliedError(problem)
        with clock.step("run"):
            engine.start(container)
            ending = _wait(context, container)
        return ending, engine.logs(container, MAX_LOG_BYTES) if not ending.gone else b""
    finally:
        # By name: it is known even if creating was cut off before the engine told the id.
        with clock.step("remove"):
            engine.remove(name)


def _wait(context: CellContext, container: str) -> Ending:
    """Wait for the container's end, its time-out, or a request to stop."""
    deadline = time.monotonic() + context.plan.limits.timeout
    poll = FIRST_POLL
    while True:
        state = context.engine.state(container)
        if state is None:
            return Ending(exit_code=None, gone=True)
        if not state.running:
            return Ending(
                exit_code=state.exit_code, out_of_memory=state.out_of_memory, error=state.error
            )
        interrupted = context.interrupts.requested
        if interrupted or time.monotonic() > deadline:
            context.engine.kill(container)
            return Ending(exit_code=None, timed_out=not interrupted, interrupted=interrupted)
        context.interrupts.wait(min(poll, max(0.0, deadline - time.monotonic()) + FIRST_POLL))
        poll = min(poll * 1.5, LAST_POLL)


def _observe(output: Path, ending: Ending) -> tuple[Observation, str]:
    """Read the event stream; return what it tells and what is wrong with it."""
    complete = ending.exit_code is not None and ending.exit_code <= 128
    try:
        return parse(read_bounded(output / EVENTS_FILE, MAX_BYTES), complete=complete), ""
    except BadStreamError as error:
        return Observation(), str(error)


def _keep(
    context: CellContext, cell: Cell, work: _Work, log: bytes, observation: Observation
) -> None:
    """Keep the output and the arrays that the observation names; the rest is thrown away."""
    write_atomically(context.run.log_path(cell), log)
    target = context.run.arrays_path(cell)
    shutil.rmtree(target, ignore_errors=True)
    for call in observation.calls:
        for array in call.arrays:
            if array.file is None:
                continue
            with contextlib.suppress(BadStreamError):
                # One that is missing or too large shows when it is compared.
                content = read_bounded(work.output / array.file, MAX_BYTES)
                write_atomically(target / Path(array.file).name, content)


def _notes(observation: Observation) -> tuple[str, ...]:
    notes = [printable(note) for note in dict.fromkeys(observation.notes)]
    end = observation.end
    if end is not None and end.keras_backend_variable is not None:
        variable = printable(end.keras_backend_variable)
        notes.append(
            f"The script sets KERAS_BACKEND={variable}; keras.json decides, so it had no say."
        )
    return tuple(notes)


def _tail(log: bytes) -> tuple[str, ...]:
    """Return the last lines of a log, safe to print; of a line that was redrawn its last state."""
    lines = log.decode("utf-8", errors="replace").rstrip().split("\n")[-TAIL_LINES:]
    return tuple(
        printable(line.rstrip("\r").rpartition("\r")[2])[:TAIL_WIDTH] for line in lines if line
    )
