"""The executor that runs cells on this machine, in lanes."""

import contextlib
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from keras_matrix.engine.client import Engine
from keras_matrix.engine.owners import Owner
from keras_matrix.engine.patience import Patience
from keras_matrix.interrupts import Interrupts
from keras_matrix.plan.cells import Cell
from keras_matrix.records.cache import CacheWarnings
from keras_matrix.run.cell import folders
from keras_matrix.run.cell.compiled_code import CompiledStore
from keras_matrix.run.cell.task import CellTask
from keras_matrix.run.cell.watch import StageFile
from keras_matrix.run.cell.workplace import Workplace
from keras_matrix.run.executor import Recipient
from keras_matrix.run.lanes import Lanes
from keras_matrix.run.machine import Machine


class LocalExecutor:
    """Runs a task's cells on the CPUs of ``machine``; they write below ``work``.

    ``say`` is called with what the user should know; ``stages`` reads how far a cell of a trace is.
    """

    def __init__(
        self,
        task: CellTask,
        recipient: Recipient,
        machine: Machine,
        *,
        work: Path,
        compiled: CompiledStore,
        interrupts: Interrupts,
        patience: Patience,
        lost: CacheWarnings,
        say: Callable[[str], None],
        stages: StageFile | None = None,
    ) -> None:
        self._own = work / f"local-{secrets.token_hex(4)}"
        self._own.mkdir(parents=True, mode=0o755)
        try:
            place = Workplace(
                work=work,
                collected=self._own / "collected",
                script=self._readable(task, task.script.folder, "script"),
                converted=self._converted(task),
                data=self._readable(task, task.data, "data") if task.data is not None else None,
                cpu=machine.cpu,
                owner=Owner.this_process(),
                compiled=compiled,
                connect=lambda seconds: Engine.connect(patience, seconds),
                interrupts=interrupts,
                patience=patience,
                lost=lost,
                seen=recipient.seen,
                stages=stages,
            )
        except BaseException:
            folders.remove(self._own)
            raise
        self._lanes = Lanes(task, place, recipient, machine, say)

    def _readable(self, task: CellTask, folder: Path, name: str) -> Path:
        return folders.readable(folder, self._own / name, hidden=task.results)

    def _converted(self, task: CellTask) -> Path | None:
        """Write what the script was converted to, if it is a notebook."""
        if not task.script.converted:
            return None
        path = self._own / "converted" / task.script.file
        folders.write_readable(path, task.script.code)
        return path

    def run(self, cells: Sequence[Cell]) -> None:
        """Run cells; see :meth:`keras_matrix.run.executor.Executor.run`."""
        self._lanes.run(cells)

    def close(self) -> None:
        """Remove all containers and folders, each even if another one fails.

        Raises:
            EngineError: the engine does not remove a container.
        """
        with contextlib.ExitStack() as stack:
            stack.callback(folders.remove, self._own)
            self._lanes.close()
