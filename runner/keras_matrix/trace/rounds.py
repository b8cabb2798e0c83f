"""Run a trace's cells in rounds: a first capture on each image, then what it calls for."""

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

import msgspec

from keras_matrix.errors import StoreError
from keras_matrix.plan.cells import Cell
from keras_matrix.plan.contract import (
    INDEX_FILE,
    REFERENCE_FOLDER,
    REQUEST_FILE,
    TRACE_FOLDER,
    TRIALS_FOLDER,
    TraceRequest,
    TrialRequest,
)
from keras_matrix.records.files import write_atomically
from keras_matrix.records.record import Record
from keras_matrix.records.untrusted import UnreadableError
from keras_matrix.run.cell import folders
from keras_matrix.run.cell.watch import StageFile
from keras_matrix.run.prepare import Images, OpenRun
from keras_matrix.run.session import Traced, executing
from keras_matrix.trace import dump
from keras_matrix.trace.dump import Capture
from keras_matrix.trace.judge import Replay


class Purpose(IntEnum):
    """What a cell of a trace is for; the number is the repeat of its first attempt."""

    FIRST = 0
    """Capture the model, then let the script train to its end."""
    NUDGED = 1
    """Train from weights moved by one unit in the last place."""
    IMPOSED = 2
    """Capture the model again, from the reference's weights and batch."""
    REPLAY = 3
    """Compute what differs alone, from the reference's inputs."""
    TRIAL = 4
    """Run small scripts that show a finding, with and without a cause of it."""


ATTEMPTS = 2
"""Times that a cell is run if it fails and that of another image does not."""
CELLS_PER_IMAGE = ATTEMPTS * len(Purpose)
NUDGED_REPEATS = [Purpose.NUDGED + attempt * len(Purpose) for attempt in range(ATTEMPTS)]


@dataclass(frozen=True)
class CaptureRequest:
    """What to capture.

    ``model`` is the name of the model, None for the first that trains; ``steps`` how many steps of
    the optimizer to follow. ``training`` also follows the script's whole training, and trains once
    more from weights that are moved.
    """

    model: str | None = None
    steps: int = 3
    training: bool = True


@dataclass
class Rounds:
    """Runs a trace's cells, a round for each purpose, and reads what they captured.

    A cell that is run again has a repeat, a record and a capture of its own; then those count.
    """

    run: OpenRun
    images: Images
    capture_request: CaptureRequest
    records: dict[Cell, Record] = field(default_factory=dict)
    _execute: Callable[[Sequence[Cell]], None] | None = None
    _requests: Path = Path()
    _attempts: dict[tuple[str, Purpose], int] = field(default_factory=dict)
    _rounds: dict[Purpose, tuple[Mapping[str, Any], str | None]] = field(default_factory=dict)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Hold the executor, and the folder from which the cells read their requests.

        Raises:
            KerasMatrixError: whatever stops the cells.
        """
        self._requests = self.run.folder.work / f"trace-{secrets.token_hex(4)}"
        try:
            self._requests.mkdir(parents=True, mode=0o755)
            for name in (REFERENCE_FOLDER, TRIALS_FOLDER):
                (self._requests / name).mkdir(mode=0o755)
            stages = StageFile((TRACE_FOLDER, INDEX_FILE), dump.stage_of_line)
            traced = Traced(self._requests, self.folder, stages)
            with executing(self.run, self.images, self._note, traced) as self._execute:
                yield
        except OSError as error:
            raise StoreError(
                f"Cannot write {self._requests} ({error.strerror}); "
                "name another folder with --results."
            ) from error
        finally:
            folders.remove(self._requests)

    def restart(self) -> None:
        """Forget what the cells captured: the script's file is another one now."""
        self.records.clear()
        for entry in os.scandir(self._requests / REFERENCE_FOLDER):
            os.unlink(entry.path)

    def capture(self) -> dict[str, Capture]:
        """Capture the model on every image, and train on where the request includes training."""
        purposes = (Purpose.FIRST, Purpose.NUDGED)
        self._rounds.update(dict.fromkeys(purposes, ({}, None)))
        cells = self._cells(purposes if self.capture_request.training else purposes[:1])
        return self._run_round(cells, {}, None)[Purpose.FIRST]

    def capture_imposed(self, images: list[str], reference: str) -> dict[str, Capture]:
        """Capture the model again on some images, from the reference's weights and batch.

        Layers that an image cannot apply are left out.
        """
        cells = self._cells((Purpose.IMPOSED,), images)
        options = {"impose": True, "stop": True, "skip": True}
        self._rounds[Purpose.IMPOSED] = options, reference
        return self._run_round(cells, options, reference)[Purpose.IMPOSED]

    def replay(self, images: list[str], reference: str, replay: Replay) -> dict[str, Capture]:
        """Compute what differs alone on some images, from the reference's inputs."""
        cells = self._cells((Purpose.REPLAY,), images)
        options = {"look": False, "impose": True, "stop": True, "skip": True, **asdict(replay)}
        self._rounds[Purpose.REPLAY] = options, reference
        return self._run_round(cells, options, reference)[Purpose.REPLAY]

    def run_trials(
        self, images: list[str], files: Mapping[str, bytes], trials: list[TrialRequest]
    ) -> dict[str, Capture]:
        """Run scripts on some images; ``files`` are the scripts and their data, by name."""
        for name, content in files.items():
            write_atomically(self._requests / TRIALS_FOLDER / name, content)
        cells = self._cells((Purpose.TRIAL,), images)
        return self._run_round(cells, {"trials": trials}, None)[Purpose.TRIAL]

    def again(self, images: Sequence[str], purpose: Purpose) -> dict[str, Capture]:
        """Run the cells of a purpose once more on some images, as before."""
        self._attempts.update({(image, purpose): 1 for image in images})
        options, reference = self._rounds[purpose]
        cells = [self.cell(image, purpose) for image in images]
        return self._run_round(cells, options, reference)[purpose]

    def check(self, images: Sequence[str], *, stop: bool) -> None:
        """Run the script once more on some images, without a capture.

        With ``stop`` it ends where a capture would begin.
        """
        cells = [self._cell(image, Purpose.FIRST, attempt=1) for image in images]
        stop = stop or not self.capture_request.training
        self._run_round(cells, {"look": False, "stop": stop}, None)

    def attempts(self, image: str) -> list[Record]:
        """Return the records of all runs of the script on an image so far."""
        return [
            record
            for cell, record in self.records.items()
            if cell.image == image and _purpose(cell) in (Purpose.FIRST, Purpose.NUDGED)
        ]

    def read(self, image: str, purpose: Purpose) -> Capture:
        """Read what a cell captured; it is empty if the cell was not run."""
        cell = self.cell(image, purpose)
        return self._read(cell) if cell in self.records else Capture(self.folder / cell.id)

    def cell(self, image: str, purpose: Purpose) -> Cell:
        """Return the cell of an image and purpose, that of the last attempt."""
        return self._cell(image, purpose, self._attempts.get((image, purpose), 0))

    def _cell(self, image: str, purpose: Purpose, attempt: int) -> Cell:
        repeat = purpose + attempt * len(Purpose)
        return next(c for c in self.run.selected if (c.image, c.repeat) == (image, repeat))

    @property
    def folder(self) -> Path:
        """The folder that keeps what the cells captured."""
        return self.run.folder.path / "trace"

    def _cells(self, purposes: Sequence[Purpose], images: list[str] | None = None) -> list[Cell]:
        return [
            cell
            for cell in self.run.selected
            if cell.repeat in purposes and (images is None or cell.image in images)
        ]

    def _run_round(
        self, cells: list[Cell], options: Mapping[str, Any], reference: str | None
    ) -> dict[Purpose, dict[str, Capture]]:
        """Run cells with a request; return their captures by purpose and image."""
        request = TraceRequest(
            look=True,
            model=self.capture_request.model,
            steps=self.capture_request.steps,
            impose=False,
            skip=False,
            stop=not self.capture_request.training,
            nudged=NUDGED_REPEATS,
            trials=[],
            **asdict(Replay()),
        )._replace(**options)
        self._provide_reference(reference)
        write_atomically(self._requests / REQUEST_FILE, msgspec.json.encode(request._asdict()))
        self.run.progress.planned(cells)
        if self._execute is not None:
            self._execute(cells)
        captures: dict[Purpose, dict[str, Capture]] = {}
        for cell in cells:
            captures.setdefault(_purpose(cell), {})[cell.image] = self._read(cell)
        return captures

    def _note(self, record: Record) -> None:
        self.records[record.cell] = record

    def _read(self, cell: Cell) -> Capture:
        try:
            return dump.read(self.folder / cell.id)
        except UnreadableError as error:
            raise StoreError(
                f"What cell {cell.id} captured of its model is damaged ({error}); trace again."
            ) from error

    def _provide_reference(self, reference: str | None) -> None:
        """Link the reference's first capture into the folder that the cells read."""
        folder = self._requests / REFERENCE_FOLDER
        if reference is None or any(os.scandir(folder)):
            return
        for entry in os.scandir(self.folder / self.cell(reference, Purpose.FIRST).id):
            os.link(entry.path, folder / entry.name, follow_symlinks=False)


def _purpose(cell: Cell) -> Purpose:
    return Purpose(cell.repeat % len(Purpose))
