"""How much a cell puts on the host's disk: its output folder is no file system of its own."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from keras_matrix.records.record import Outcome
from keras_matrix.run.cell.outcome import Judgement

RESERVE = 256 * 2**20
RESERVED_FILES = 10_000
"""Bytes and files that are to stay free, or a quarter of what was, if that is less."""
FIRST_WALK = 0.5
SHARE = 20
"""Of the time, one part in so many may go into counting files."""


@dataclass(frozen=True)
class Bounds:
    """The most bytes and files that there may be in a cell's output folder while it runs."""

    size: int
    files: int


BOUNDS = Bounds(size=2**30, files=20_000)
TRACED = Bounds(size=8 * 2**30, files=200_000)
"""Of a cell that writes down all that is computed."""


class DiskUse:
    """Measures a folder that cells write to, and the room that is left beside it.

    The room counts as well since a file that has no name any more shows in no folder.
    """

    def __init__(self, folder: Path, bounds: Bounds) -> None:
        self._folder = folder
        self._bounds = bounds
        self._room = _room(folder)
        self._next = time.monotonic() + FIRST_WALK

    def exceeded(self) -> Judgement | None:
        """Return what to say of the cell if it has to be ended."""
        for free, before, reserve in zip(
            _room(self._folder), self._room, (RESERVE, RESERVED_FILES), strict=True
        ):
            if free < min(reserve, before / 4):
                return Judgement(
                    Outcome.KILLED,
                    "The disk that results are written to was nearly full when this cell was "
                    "ended; make room, and run it again.",
                )
        begin = time.monotonic()
        if begin < self._next:
            return None
        size, files = self._walk()
        self._next = time.monotonic() + max(FIRST_WALK, SHARE * (time.monotonic() - begin))
        if size <= self._bounds.size and files <= self._bounds.files:
            return None
        return Judgement(
            Outcome.BAD_OUTPUT,
            f"More than {self._bounds.size // 2**20} MiB or {self._bounds.files} files, or what "
            "cannot be read, in the output folder: it is the probe's; write to the script's own.",
        )

    def _walk(self) -> tuple[int, int]:
        """Return the bytes and the number of files; no further than what is too many."""
        size = files = 0
        pending = [str(self._folder)]
        while pending and size <= self._bounds.size and files <= self._bounds.files:
            try:
                entries = os.scandir(pending.pop())
            except FileNotFoundError:
                continue
            except OSError:
                # Closed, or too deep to be named: nothing that the probe made.
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
        # Of a file with holes, what it takes.
        return entry.stat(follow_symlinks=False).st_blocks * 512
    except OSError:
        return 0


def _room(folder: Path) -> tuple[float, float]:
    """Return the bytes and files that there is room for; no end of what the system does not say."""
    found = os.statvfs(folder)
    files = float(found.f_favail) if found.f_files else float("inf")
    return float(found.f_bavail * found.f_frsize), files
