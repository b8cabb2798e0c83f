"""A container that runs cells of one group, one after the other, each in a process of its own."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from keras_matrix.engine.answers import Input
from keras_matrix.engine.client import Engine
from keras_matrix.engine.spec import OWNER_LABEL, RUN_LABEL, ContainerSpec
from keras_matrix.errors import EngineError, ImageNotFoundError
from keras_matrix.load import shipped
from keras_matrix.plan.cells import Cell, Group, Limits
from keras_matrix.plan.contract import EVENTS_FILE, LOG_FILES, CellRequest
from keras_matrix.records.files import to_json, write_atomically
from keras_matrix.records.untrusted import UnreadableError, read_bounded
from keras_matrix.run.cell import folders
from keras_matrix.run.cell.compiled_code import CompiledCode, RestoredCode
from keras_matrix.run.cell.container import CellFolders, Covers, cell_container
from keras_matrix.run.cell.disk import CELL_BOUNDS, TRACE_BOUNDS, DiskUse
from keras_matrix.run.cell.outcome import Ending, limits_not_applied
from keras_matrix.run.cell.task import CellTask
from keras_matrix.run.cell.wait import Wait
from keras_matrix.run.cell.watch import Watch
from keras_matrix.run.cell.workplace import Workplace

MAX_LOG_BYTES = 16 * 2**20
MAX_PREFACE_BYTES = 2**20


class LimitNotAppliedError(Exception):
    """The engine does not apply a limit to the container."""


class GoneError(Exception):
    """The container ended while it waited for a cell."""


@dataclass(frozen=True)
class CellOutput:
    """How a cell ended, its output, and the folder of what it wrote, out of its reach.

    The folder is the caller's to remove.
    """

    ending: Ending
    log: bytes
    folder: Path


class Worker:
    """One container and its folders; :meth:`close` removes both."""

    def __init__(
        self,
        task: CellTask,
        place: Workplace,
        engine: Engine,
        group: Group,
        cpus: tuple[int, ...],
    ) -> None:
        self.group = group
        self.image = task.images[group.image]
        self.identity = task.identities[group.image]
        self.cpus = cpus
        self._task = task
        self._place = place
        self._engine = engine
        self._root = place.work / f"{group.id}-{secrets.token_hex(4)}"
        self._name = f"keras-matrix-{self._root.name}"
        self._container = ""
        self._input: Input | None = None
        self._count = 0
        self._preface: bytes | None = None
        self._restored = RestoredCode(0)

    @property
    def started(self) -> bool:
        """Whether there is a container that cells can be sent to."""
        return bool(self._container) and self._input is not None

    @property
    def limits(self) -> Limits:
        """What a cell may use."""
        return self._task.plan.limits

    @property
    def compiled(self) -> CompiledCode | None:
        """What code that a cell compiled here is kept for; None if none is.

        None is kept where the folders have no digests: another script could be given it.
        """
        compiled_for = self._task.compiled_for(self.group, self._place.cpu)
        if compiled_for is None or self._task.digests is None:
            return None
        return CompiledCode(compiled_for, self._restored.damaged)

    def start(self) -> None:
        """Create the container and start it.

        Raises:
            EngineError: the engine refuses.
            LimitNotAppliedError: the engine does not apply a limit.
            StoreError: the working folder cannot be written.
        """
        engine = self._engine
        spec = self._specify()
        try:
            container = engine.create(spec)
        except ImageNotFoundError as error:
            raise ImageNotFoundError(
                f"The image '{self.image.name}' was removed after the run was planned "
                f"({self.identity.id}); the same command with --resume builds it again."
            ) from error
        applied = engine.applied_limits(container)
        problem = limits_not_applied(self.limits, applied, len(self.cpus))
        if problem:
            raise LimitNotAppliedError(problem)
        self._input = engine.attach(container)
        engine.start(container)
        self._container = container

    def _specify(self) -> ContainerSpec:
        task, place = self._task, self._place
        # Closed to other users unless root calls, whose cells run as another user: a cell that runs
        # as the caller could leave a program there that gives any user the caller's rights.
        self._root.mkdir(parents=True, mode=0o711 if os.getuid() == 0 else 0o700)
        output, keras_home = self._root / "output", self._root / "keras-home"
        output.mkdir(mode=0o755)
        keras_home.mkdir(mode=0o755)
        content = self.group.settings.keras_json(self.image.backend)
        write_atomically(keras_home / "keras.json", to_json(content))
        return cell_container(
            group=self.group,
            name=self._name,
            image=self.image,
            digest=self.identity.id,
            cpus=self.cpus,
            script=task.script.path.name,
            suite=task.script.suite,
            arguments=task.plan.arguments,
            folders=CellFolders(
                probe=shipped.PROBE_FOLDER,
                script=place.script,
                results=task.results,
                keras_home=keras_home,
                output=output,
                covers=self._make_covers(),
                data=place.data,
                converted=place.converted,
                compiled=self._restore(),
                trace=task.requests,
            ),
            user=task.user,
            limits=self.limits,
            caps=task.plan.caps,
            init=task.plan.init,
            labels={OWNER_LABEL: place.owner.label(), RUN_LABEL: task.run},
            runtime=task.runtime,
        )

    def _make_covers(self) -> Covers:
        covers = Covers(self._root / "empty-folder", self._root / "empty-file")
        covers.folder.mkdir(mode=0o755)
        covers.file.touch(mode=0o644)
        return covers

    def _restore(self) -> Path | None:
        """Make the folder of code that was compiled before, if the image's backend compiles any."""
        compiled_for = self._task.compiled_for(self.group, self._place.cpu)
        if compiled_for is None:
            return None
        folder = self._root / "compiled"
        folder.mkdir(mode=0o755)
        self._restored = self._place.compiled.restore(compiled_for, folder)
        if self._restored.damaged:
            self._place.lost.damaged(f"compiled code of {self.image.name}")
        return folder

    def run(self, cell: Cell) -> CellOutput:
        """Run a cell and take what it wrote; a container that it may have harmed is closed.

        Raises:
            EngineError: the engine fails.
            GoneError: the container ended before the cell began; another one may do.
        """
        if self._input is None:
            raise GoneError
        self._count += 1
        # No cell can put anything in the place of one that comes after it.
        name = f"{self._count}-{secrets.token_hex(8)}"
        output = self._root / "output" / name
        folders.make_output(output, self._task.user)
        request = CellRequest(name, cell.seed, cell.repeat)._asdict()
        word = secrets.token_hex(16)
        try:
            self._input.send(f"{json.dumps(request)}\n{word}\n".encode())
        except EngineError as error:
            if self._engine.state(self._container) is None or self._count > 1:
                raise GoneError from error
            raise
        ending = self._wait(cell, output, word)
        preface = self._container_log(ending)
        if ending.by_itself and self._count > 1 and not os.path.lexists(output / EVENTS_FILE):
            self.close_container()
            raise GoneError
        # Not in this worker's own folder: what is collected outlives the worker.
        collected = self._place.collected / f"{self._root.name}-{name}"
        try:
            self._collect(ending, output, collected)
            return CellOutput(ending, preface + self._log(collected), collected)
        except BaseException:
            folders.remove(collected)
            raise

    def _collect(self, ending: Ending, output: Path, collected: Path) -> None:
        if ending.out_of_reach:
            # The cell may still write there: nothing of that is to be trusted.
            self._close_input()
            collected.mkdir(mode=0o700, parents=True)
            return
        if not ending.reported:
            self.close_container()
        folders.claim(output, collected)

    def _watch(self, cell: Cell, output: Path) -> Watch:
        return Watch(
            output,
            lambda seen: self._place.seen(cell, seen),
            compiles=self.image.compiled is not None,
            stages=self._place.stages,
        )

    def _wait(self, cell: Cell, output: Path, word: str) -> Ending:
        bounds = CELL_BOUNDS if self._task.requests is None else TRACE_BOUNDS
        waiting = Wait(
            engine=self._engine,
            patience=self._place.patience,
            interrupts=self._place.interrupts,
            container=self._container,
            output=output,
            word=word,
            disk=DiskUse(output.parent, bounds),
            timeout=self.limits.timeout,
        )
        return waiting.end(self._watch(cell, output))

    def _container_log(self, ending: Ending) -> bytes:
        """Return what was printed before any cell began, while Keras was imported."""
        there = not ending.gone and not ending.out_of_reach
        if there and (self._preface is None or not ending.reported):
            self._preface = self._engine.logs(self._container, MAX_PREFACE_BYTES)
        return self._preface or b""

    @staticmethod
    def _log(folder: Path) -> bytes:
        parts = []
        for name in LOG_FILES:
            if os.path.lexists(folder / name):
                try:
                    parts.append(read_bounded(folder / name, MAX_LOG_BYTES))
                except UnreadableError as error:
                    parts.append(f"[{error}]\n".encode())
        return b"".join(parts)

    def close_container(self) -> None:
        """Remove the container; the folders stay until :meth:`close`."""
        self._close_input()
        # By name: it is known even if the call was cut off before the engine returned the id.
        self._engine.remove(self._name)
        self._container = ""

    def _close_input(self) -> None:
        if self._input is not None:
            self._input.close()
            self._input = None

    def close(self) -> None:
        """Remove the container, and then the folders, where nothing can write any more."""
        self.close_container()
        if self._root.exists():
            folders.remove(self._root)
