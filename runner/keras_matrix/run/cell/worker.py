"""A container that runs cells of one group, one after the other, each in a process of its own."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from keras_matrix.engine.answers import ImageNotFoundError, Input
from keras_matrix.engine.spec import OWNER_LABEL, RUN_LABEL, ContainerSpec
from keras_matrix.errors import EngineError, StoreError
from keras_matrix.load import shipped
from keras_matrix.load.catalog import Image
from keras_matrix.plan.cells import Cell, Group, Limits
from keras_matrix.plan.contract import COMPILED_FOLDER, EVENTS_FILE, LOG_FILES
from keras_matrix.plan.images import ImageIdentity
from keras_matrix.records.files import to_json, write_atomically
from keras_matrix.records.untrusted import BadStreamError, read_bounded
from keras_matrix.run.cell import folders
from keras_matrix.run.cell.compiled_code import About, Restored
from keras_matrix.run.cell.container import CellFolders, cell_container
from keras_matrix.run.cell.context import CellContext
from keras_matrix.run.cell.disk import BOUNDS, TRACED, DiskUse
from keras_matrix.run.cell.outcome import Ending, limits_not_applied
from keras_matrix.run.cell.wait import Wait
from keras_matrix.run.cell.watch import Watch

MAX_LOG_BYTES = 16 * 2**20
MAX_PREFACE = 2**20


class LimitNotAppliedError(Exception):
    """The engine does not hold the container to its limits."""


class GoneError(Exception):
    """The container ended while it waited for a cell."""


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
        """Whether there is a container that takes cells."""
        return bool(self._container) and self._input is not None

    @property
    def limits(self) -> Limits:
        """What a cell may use."""
        return self._context.plan.limits

    @property
    def about(self) -> About:
        """What code that is compiled here is compiled for."""
        script, digests = self._context.script, self._context.digests
        return About(
            image=self.image.name,
            digest=self.identity.id,
            cpu=self._context.cpu,
            script=script.path.name,
            script_sha256=script.sha256,
            beside="" if digests is None else f"{digests.script} {digests.data}",
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
        context = self._context
        # A caller's own cells could make programs there that run as the caller.
        self._root.mkdir(parents=True, mode=0o711 if os.getuid() == 0 else 0o700)
        output, keras_home = self._root / "output", self._root / "keras-home"
        output.mkdir(mode=0o755)
        keras_home.mkdir(mode=0o755)
        content = self.group.settings.keras_json(self.image.backend)
        write_atomically(keras_home / "keras.json", to_json(content))
        compiled = None
        if self.image.compiled is not None:
            compiled = self._root / "compiled"
            compiled.mkdir(mode=0o755)
            self._restored = context.compiled.restore(self.about, compiled)
            if self._restored.damaged:
                context.lost.damaged(f"compiled code of {self.image.name}")
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
                probe=shipped.PROBE_FOLDER,
                script=context.script_folder,
                results=context.run.path.parent,
                keras_home=keras_home,
                output=output,
                data=context.data,
                converted=context.converted,
                compiled=compiled,
                trace=context.traced.folder if context.traced is not None else None,
            ),
            user=context.user,
            limits=self.limits,
            caps=context.plan.caps,
            init=context.plan.init,
            labels={OWNER_LABEL: context.owner.label(), RUN_LABEL: context.run.name},
            runtime=context.runtime,
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
        # No cell can put anything in the place of one that comes after it.
        name = f"{self._count}-{secrets.token_hex(8)}"
        output = self._root / "output" / name
        folders.make_output(output, self._context.user)
        request = {"folder": name, "seed": cell.seed, "repeat": cell.repeat}
        word = secrets.token_hex(16)
        try:
            self._input.send(f"{json.dumps(request)}\n{word}\n".encode())
        except EngineError as error:
            if self._context.engine.state(self._container) is None or self._count > 1:
                raise GoneError from error
            raise
        ending = self._wait(cell, output, word)
        preface = self._container_log(ending)
        if ending.by_itself and self._count > 1 and not os.path.lexists(output / EVENTS_FILE):
            self.close_container()
            raise GoneError
        collected = self._root / "collected" / name
        try:
            if ending.out_of_reach:
                # It may still write there: nothing of that is to be trusted.
                self._close_input()
                collected.mkdir(parents=True)
            else:
                if not ending.reported:
                    self.close_container()
                folders.claim(output, collected)
            yield Told(ending, preface + self._log(collected), collected)
        finally:
            folders.remove(collected)

    def keep_compiled(self, folder: Path) -> None:
        """Keep what a cell that ended well has compiled."""
        if self.image.compiled is None or self._context.digests is None:
            # It could be found by a script that is not the same.
            return
        source = folder / COMPILED_FOLDER
        try:
            self._context.compiled.keep(self.about, source, self._restored.damaged)
        except (OSError, StoreError) as error:
            self._context.lost.unusable(error)

    def _watch(self, cell: Cell, output: Path) -> Watch:
        traced = self._context.traced
        return Watch(
            output,
            lambda seen: self._context.seen(cell, seen),
            compiles=self.image.compiled is not None,
            stages=traced.stages if traced is not None else None,
        )

    def _wait(self, cell: Cell, output: Path, word: str) -> Ending:
        waiting = Wait(
            context=self._context,
            container=self._container,
            output=output,
            word=word,
            disk=DiskUse(output.parent, TRACED if self._context.traced is not None else BOUNDS),
            timeout=self.limits.timeout,
        )
        return waiting.end(self._watch(cell, output))

    def _container_log(self, ending: Ending) -> bytes:
        """Return what was printed before any cell began: while Keras was imported."""
        there = not ending.gone and not ending.out_of_reach
        if there and (self._preface is None or not ending.reported):
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
        self._close_input()
        # By name: it is known even if creating was cut off before the engine told the id.
        self._context.engine.remove(self._name)
        self._container = ""

    def _close_input(self) -> None:
        if self._input is not None:
            self._input.close()
            self._input = None

    def close(self) -> None:
        """Remove the container and the folders; these only once no container can write there."""
        self.close_container()
        if self._root.exists():
            folders.remove(self._root)
