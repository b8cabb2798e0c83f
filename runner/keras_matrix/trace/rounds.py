"""Run the cells of a trace: a look on each image, and what that makes necessary."""

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import msgspec

from keras_matrix.errors import StoreError
from keras_matrix.plan import contract
from keras_matrix.plan.cells import Cell
from keras_matrix.plan.contract import REFERENCE_FOLDER, REQUEST_FILE, TRACE_FOLDER
from keras_matrix.records.files import write_atomically
from keras_matrix.records.record import Record
from keras_matrix.records.untrusted import UnreadableError
from keras_matrix.run.cell import folders
from keras_matrix.run.cell.watch import Stages
from keras_matrix.run.prepare import Images, OpenRun
from keras_matrix.run.session import Traced, executing
from keras_matrix.trace import dump
from keras_matrix.trace.dump import Bundle
from keras_matrix.trace.judge import Replay

LOOK, NUDGED, IMPOSED, ALONE = range(4)
"""What the runs of a trace's cells are for, by the count of their repeat."""
REPEATS = 4


@dataclass(frozen=True)
class Wanted:
    """What to look at: ``model`` by its name (None: the first that trains), how many steps.

    ``training`` also follows the real training, and once more from weights that are moved.
    """

    model: str | None = None
    steps: int = 3
    training: bool = True


@dataclass
class Rounds:
    """Runs rounds of cells and reads what they saw."""

    run: OpenRun
    images: Images
    wanted: Wanted
    records: dict[Cell, Record] = field(default_factory=dict)
    _execute: Callable[[Sequence[Cell]], None] | None = None
    _asked: Path = Path()

    @contextmanager
    def begun(self) -> Iterator[None]:
        """Hold the containers, and the folder that they read their requests from.

        Raises:
            KerasMatrixError: whatever stops the cells.
        """
        self._asked = self.run.folder.work / f"trace-{secrets.token_hex(4)}"
        try:
            self._asked.mkdir(parents=True, mode=0o755)
            (self._asked / REFERENCE_FOLDER).mkdir(mode=0o755)
            stages = Stages((TRACE_FOLDER, contract.INDEX_FILE), dump.stage)
            traced = Traced(self._asked, self.folder, stages)
            with executing(self.run, self.images, self._note, traced) as self._execute:
                yield
        except OSError as error:
            raise StoreError(
                f"Cannot write {self._asked} ({error.strerror}); name another place with --results."
            ) from error
        finally:
            folders.remove(self._asked)

    def look(self) -> dict[str, Bundle]:
        """Look into the model on every image; train on where that is wanted."""
        repeats = (LOOK, NUDGED) if self.wanted.training else (LOOK,)
        return self._round(self._cells(repeats), {}, None)[LOOK]

    def read(self, image: str, repeat: int) -> Bundle:
        """Return what a cell saw; nothing of one that was not run."""
        cell = self.cell(image, repeat)
        return self._read(cell) if cell in self.records else Bundle(self.folder / cell.id)

    def imposed(self, images: list[str], reference: str) -> dict[str, Bundle]:
        """Look again on some images, from the reference's weights and batch.

        Layers that cannot be applied there are left out.
        """
        cells = [cell for cell in self._cells((IMPOSED,)) if cell.image in images]
        asked = {"impose": True, "stop": True, "skip": True}
        return self._round(cells, asked, reference)[IMPOSED]

    def alone(self, images: list[str], reference: str, replay: Replay) -> dict[str, Bundle]:
        """Replay what differs alone, from the reference's inputs."""
        cells = [cell for cell in self._cells((ALONE,)) if cell.image in images]
        asked = {"look": False, "impose": True, "stop": True, "skip": True, **asdict(replay)}
        return self._round(cells, asked, reference)[ALONE]

    def cell(self, image: str, repeat: int) -> Cell:
        """Return the cell of an image."""
        return next(c for c in self.run.selected if (c.image, c.repeat) == (image, repeat))

    @property
    def folder(self) -> Path:
        """Where the dumps are kept."""
        return self.run.folder.path / "trace"

    def _cells(self, repeats: tuple[int, ...]) -> list[Cell]:
        return [cell for cell in self.run.selected if cell.repeat in repeats]

    def _round(
        self, cells: list[Cell], asked: Mapping[str, object], reference: str | None
    ) -> dict[int, dict[str, Bundle]]:
        request = {
            "look": True,
            "model": self.wanted.model,
            "steps": self.wanted.steps,
            "impose": False,
            "skip": False,
            "stop": not self.wanted.training,
            "nudged": [NUDGED],
            **asdict(Replay()),
            **asked,
        }
        self._lend(reference)
        write_atomically(self._asked / REQUEST_FILE, msgspec.json.encode(request))
        self.run.progress.planned(cells)
        if self._execute is not None:
            self._execute(cells)
        found: dict[int, dict[str, Bundle]] = {}
        for cell in cells:
            found.setdefault(cell.repeat, {})[cell.image] = self._read(cell)
        return found

    def _note(self, record: Record) -> None:
        self.records[record.cell] = record

    def _read(self, cell: Cell) -> Bundle:
        try:
            return dump.read(self.folder / cell.id)
        except UnreadableError as error:
            raise StoreError(f"What {cell.id} saw of its model is damaged: {error}.") from error

    def _lend(self, reference: str | None) -> None:
        """Let cells read what the reference's cell saw."""
        target = self._asked / REFERENCE_FOLDER
        if reference is None or any(os.scandir(target)):
            return
        for entry in os.scandir(self.folder / self.cell(reference, LOOK).id):
            os.link(entry.path, target / entry.name, follow_symlinks=False)
