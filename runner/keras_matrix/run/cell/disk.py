"""Bound what a cell puts on the host's disk: its output folder is no file system of its own."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from keras_matrix.records.record import Outcome
from keras_matrix.run.cell.outcome import CellOutcome

RESERVE_BYTES = 256 * 2**20
"""Bytes of the disk that stay free, or a quarter of those free at first, if that is less."""
RESERVE_FILES = 10_000
"""Files that can still be made, or a quarter of those at first, if that is less."""
COUNT_SECONDS = 0.5
"""Seconds between two counts of the files, at least."""
COUNT_SHARE = 20
"""Counting takes one part in so many of the time, at most."""


@dataclass(frozen=True)
class DiskBounds:
    """The bytes and files that a cell's output folder may hold while the cell runs."""

    size: int
    files: int


CELL_BOUNDS = DiskBounds(size=2**30, files=20_000)
TRACE_BOUNDS = DiskBounds(size=8 * 2**30, files=200_000)
"""The bounds of a traced cell, which dumps all that it computes."""


class DiskUse:
    """Measures a folder that cells write to, and the room that is left beside it.

    The room counts as well, since a file without a name any more shows in no folder.
    """

    def __init__(self, folder: Path, bounds: DiskBounds) -> None:
        self._folder = folder
        self._bounds = bounds
        self._room = _room(folder)
        self._next = time.monotonic() + COUNT_SECONDS

    def exceeded(self) -> CellOutcome | None:
        """Return the cell's outcome if it has to be ended for what it wrote, else None."""
        for free, before, reserve in zip(
            _room(self._folder), self._room, (RESERVE_BYTES, RESERVE_FILES), strict=True
        ):
            if free < min(reserve, before / 4):
                return CellOutcome(
                    Outcome.KILLED,
                    "The disk that results are written to was nearly full when this cell was "
                    "ended; make room, and run it again.",
                )
        begin = time.monotonic()
        if begin < self._next:
            return None
        size, files = self._walk()
        self._next = time.monotonic() + max(COUNT_SECONDS, COUNT_SHARE * (time.monotonic() - begin))
        if size <= self._bounds.size and files <= self._bounds.files:
            return None
        return CellOutcome(
            Outcome.BAD_OUTPUT,
            f"The output folder holds more than {self._bounds.size // 2**20} MiB or "
            f"{self._bounds.files} files, or a folder that cannot be read; it is the probe's, so "
            "write to the script's own folder.",
        )

    def _walk(self) -> tuple[int, int]:
        """Count bytes and files, until there are too many."""
        size = files = 0
        pending = [str(self._folder)]
        while pending and size <= self._bounds.size and files <= self._bounds.files:
            try:
                entries = os.scandir(pending.pop())
            except FileNotFoundError:
                continue
            except OSError:
                # Without permissions, or too deep to be named: the probe did not make it.
                return size, self._bounds.files + 1
            with entries:
                for entry in entries:
                    files += 1
                    if files > self._bounds.files:
                        break
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    size += _taken(entry)
        return size, files


def _taken(entry: "os.DirEntry[str]") -> int:
    try:
        # Of a file with holes, the blocks that it takes.
        return entry.stat(follow_symlinks=False).st_blocks * 512
    except OSError:
        return 0


def _room(folder: Path) -> tuple[float, float]:
    """Return the bytes and files that there is room for; infinity if the system does not say."""
    status = os.statvfs(folder)
    files = float(status.f_favail) if status.f_files else float("inf")
    return float(status.f_bavail * status.f_frsize), files
