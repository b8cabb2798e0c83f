"""A container that runs cells of one group, one after the other, each in a process of its own."""

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from runner.catalog import Image
from runner.cell import folders
from runner.cell.container import (
    OWNER_LABEL,
    RUN_LABEL,
    CellFolders,
    ContainerSpec,
    cell_container,
)
from runner.cell.outcome import Ending, limits_not_applied
from runner.cell.ownership import Owner
from runner.cell.watch import Seen, Stages, Watch
from runner.compiled import About, CompiledStore, Restored
from runner.engine import Engine
from runner.engine_types import Input
from runner.errors import EngineError
from runner.interrupts import Interrupts
from runner.plan import Cell, Group, Limits, Plan
from runner.record import ImageIdentity
from runner.script import Script
from runner.store import RunFolder, to_json, write_atomically
from runner.stream import EVENTS_FILE, BadStreamError, read_bounded

ENDED_FILE = "ended"
LOG_FILES = ("log.before", "log")
COMPILED_FOLDER = "compiled"
MAX_ENDED = 4096
MAX_LOG_BYTES = 16 * 2**20
MAX_PREFACE = 2**20
FIRST_POLL = 0.005
LAST_POLL = 0.1
LOOK_POLL = 0.2
STATE_POLL = 0.5


class LimitNotAppliedError(Exception):
    """The engine does not hold the container to its limits."""


class GoneError(Exception):
    """The container ended while it waited for a cell."""


class _Ended(msgspec.Struct, frozen=True):
    """What the probe says of a replicate that has ended."""

    exit_code: Annotated[int, msgspec.Meta(ge=0, le=255)]


@dataclass(frozen=True)
class Traced:
    """What looks into models need: the folder that cells read, and where what they saw goes.

    ``stages`` is where a cell says how far its look is.
    """

    folder: Path
    keep: Path
    stages: Stages


def _nobody(cell: Cell, seen: Seen) -> None:
    """Hear nothing."""


@dataclass(frozen=True, kw_only=True)
class CellContext:
    """What all cells of a run share. ``script_folder`` is the one that cells can read.

    ``data`` is the folder of data sets, if there is one; ``converted`` the script made of a
    notebook; ``cpu`` the kind of CPU; ``traced`` is there if models are looked into. ``seen``
    hears, from several threads, how far a cell is.
    """

    engine: Engine
    interrupts: Interrupts
    owner: Owner
    plan: Plan
    script: Script
    script_folder: Path
    run: RunFolder
    compiled: CompiledStore
    cpu: str
    data: Path | None = None
    converted: Path | None = None
    traced: Traced | None = None
    seen: Callable[[Cell, Seen], None] = _nobody


@dataclass(frozen=True)
class Told:
    """How a cell ended, its output, and the folder of what it wrote, out of its reach."""

    ending: Ending
    log: bytes
    folder: Path


class Worker:
    """One container and its folders; :meth:`close` leaves neither."""

    def __init__(
        self,
        context: CellContext,
        group: Group,
        image: Image,
        identity: ImageIdentity,
        cpus: tuple[int, ...],
    ) -> None:
        self.group = group
        self.image = image
        self.identity = identity
        self.cpus = cpus
        self._context = context
        self._root = context.run.work / f"{group.id}-{secrets.token_hex(4)}"
        self._name = f"keras-matrix-{self._root.name}"
        self._container = ""
        self._input: Input | None = None
        self._count = 0
        self._preface: bytes | None = None
        self._restored = Restored(0)

    @property
    def started(self) -> bool:
        """Whether there is a container."""
        return bool(self._container)

    @property
    def limits(self) -> Limits:
        """What a cell may use."""
        return self._context.plan.limits

    @property
    def about(self) -> About:
        """What code that is compiled here is compiled for."""
        script = self._context.script
        return About(
            image=self.image.name,
            digest=self.identity.id,
            cpu=self._context.cpu,
            script=script.path.name,
            script_sha256=script.sha256,
        )

    def start(self) -> None:
        """Create the container and start it.

        Raises:
            EngineError: the engine refuses.
            LimitNotAppliedError: the engine does not apply a limit.
            StoreError: the working folder cannot be written.
        """
        engine = self._context.engine
        spec = self._specify()
        container = engine.create(spec)
        applied = engine.applied_limits(container)
        problem = limits_not_applied(self.limits, applied, len(self.cpus))
        if problem:
            raise LimitNotAppliedError(problem)
        self._input = engine.attach(container)
        engine.start(container)
        self._container = container

    def _specify(self) -> ContainerSpec:
        context = self._context
        output, keras_home = self._root / "output", self._root / "keras-home"
        output.mkdir(parents=True, mode=0o755)
        keras_home.mkdir(mode=0o755)
        content = self.group.settings.keras_json(self.image.backend)
        write_atomically(keras_home / "keras.json", to_json(content))
        compiled = None
        if self.image.compiled is not None:
            compiled = self._root / "compiled"
            compiled.mkdir(mode=0o755)
            self._restored = context.compiled.restore(self.about, compiled)
        uid, gid = folders.cell_user()
        return cell_container(
            group=self.group,
            name=self._name,
            image=self.image,
            digest=self.identity.id,
            cpus=self.cpus,
            script=context.script.path.name,
            suite=context.script.suite,
            arguments=context.plan.arguments,
            folders=CellFolders(
                probe=folders.PROBE_FOLDER,
                script=context.script_folder,
                results=context.run.path.parent,
                keras_home=keras_home,
                output=output,
                data=context.data,
                converted=context.converted,
                compiled=compiled,
                trace=context.traced.folder if context.traced is not None else None,
            ),
            user=f"{uid}:{gid}",
            limits=self.limits,
            caps=context.plan.caps,
            init=context.plan.init,
            labels={OWNER_LABEL: context.owner.label(), RUN_LABEL: context.run.name},
        )

    @contextmanager
    def run(self, cell: Cell) -> Iterator[Told]:
        """Run a cell and lend what it wrote; a container that it may have harmed is closed.

        Raises:
            EngineError: the engine fails.
            GoneError: the container ended before the cell began; another one may do.
        """
        if self._input is None:
            raise GoneError
        self._count += 1
        name = str(self._count)
        output = self._root / "output" / name
        folders.make_output(output)
        request = {"folder": name, "seed": cell.seed, "repeat": cell.repeat}
        try:
            self._input.send(json.dumps(request).encode() + b"\n")
        except EngineError as error:
            if self._context.engine.state(self._container) is None or self._count > 1:
                raise GoneError from error
            raise
        ending = self._wait(output, self._watch(cell, output))
        preface = self._container_log(ending)
        if ending.by_itself and self._count > 1 and not os.path.lexists(output / EVENTS_FILE):
            self.close_container()
            raise GoneError
        collected = self._root / "collected" / name
        try:
            if not ending.reported:
                self.close_container()
            folders.claim(output, collected)
            yield Told(ending, preface + self._log(collected), collected)
        finally:
            folders.remove(collected)

    def keep_compiled(self, folder: Path) -> None:
        """Keep what a cell that ended well has compiled."""
        if self.image.compiled is None:
            return
        source = folder / COMPILED_FOLDER
        self._context.compiled.keep(self.about, source, self._restored.damaged)

    def _watch(self, cell: Cell, output: Path) -> Watch:
        traced = self._context.traced
        return Watch(
            output,
            lambda seen: self._context.seen(cell, seen),
            compiles=self.image.compiled is not None,
            stages=traced.stages if traced is not None else None,
        )

    def _wait(self, output: Path, watch: Watch) -> Ending:
        """Wait for the cell's end, its time-out, or a request to stop."""
        context = self._context
        deadline = time.monotonic() + self.limits.timeout
        asked = looked = time.monotonic()
        poll = FIRST_POLL
        while True:
            ended = self._ended(output)
            if ended is not None:
                watch.look()
                return ended
            if time.monotonic() - looked > LOOK_POLL:
                looked = time.monotonic()
                watch.look()
            if time.monotonic() - asked > STATE_POLL:
                asked = time.monotonic()
                state = context.engine.state(self._container)
                if state is None:
                    return Ending(exit_code=None, gone=True)
                if not state.running:
                    return self._ended(output) or Ending(
                        exit_code=state.exit_code,
                        out_of_memory=state.out_of_memory,
                        error=state.error,
                    )
            interrupted = context.interrupts.requested
            if interrupted or time.monotonic() > deadline:
                context.engine.kill(self._container)
                return Ending(exit_code=None, timed_out=not interrupted, interrupted=interrupted)
            context.interrupts.wait(poll)
            poll = min(poll * 1.5, LAST_POLL)

    def _ended(self, output: Path) -> Ending | None:
        if not os.path.lexists(output / ENDED_FILE):
            return None
        try:
            content = read_bounded(output / ENDED_FILE, MAX_ENDED)
            found = msgspec.json.decode(content, type=_Ended)
        except (BadStreamError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            # Not the probe's: the container is not to be trusted with another cell.
            self._context.engine.kill(self._container)
            return Ending(exit_code=None, forged=True)
        return Ending(exit_code=found.exit_code, reported=True)

    def _container_log(self, ending: Ending) -> bytes:
        """Return what was printed before any cell began: while Keras was imported."""
        if not ending.gone and (self._preface is None or not ending.reported):
            self._preface = self._context.engine.logs(self._container, MAX_PREFACE)
        return self._preface or b""

    @staticmethod
    def _log(folder: Path) -> bytes:
        parts = []
        for name in LOG_FILES:
            if os.path.lexists(folder / name):
                try:
                    parts.append(read_bounded(folder / name, MAX_LOG_BYTES))
                except BadStreamError as error:
                    parts.append(f"[{error}]\n".encode())
        return b"".join(parts)

    def close_container(self) -> None:
        """Remove the container; the folders stay until :meth:`close`."""
        if self._input is not None:
            self._input.close()
            self._input = None
        # By name: it is known even if creating was cut off before the engine told the id.
        self._context.engine.remove(self._name)
        self._container = ""

    def close(self) -> None:
        """Remove the container and the folders."""
        try:
            self.close_container()
        finally:
            if self._root.exists():
                folders.take_back(self._root)
                folders.remove(self._root)
