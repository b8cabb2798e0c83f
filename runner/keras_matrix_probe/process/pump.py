"""The output of a replicate, from a pipe to files of bounded size."""

import os
import select
from typing import Any

from ..contract import EARLIER_LOG_FILE, LOG_FILE

MAX_PART = 8 * 2**20
"""Bytes in one of the two parts of a log: of what is longer, the last ones are kept."""
CHUNK = 65536
NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL


class Pump:
    """Writes what comes from a pipe to a folder's ``log``; once full, it becomes ``log.before``.

    Both are opened at once and written by their descriptors: what a replicate puts in the place
    of their names is not touched.
    """

    def __init__(self, reader: int, folder: str) -> None:
        self._reader = reader
        self._folder = folder
        self._descriptors = [reader]
        self._size = 0
        self._open = True

    def __enter__(self) -> "Pump":
        self._log = os.open(os.path.join(self._folder, LOG_FILE), NEW, 0o644)
        self._before = os.open(os.path.join(self._folder, EARLIER_LOG_FILE), NEW, 0o644)
        self._descriptors += [self._log, self._before]
        return self

    def __exit__(self, *raised: Any) -> None:
        self.let_go()

    def let_go(self) -> None:
        """Close all, as a replicate does with what it has inherited."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    def some(self, seconds: float) -> None:
        """Pass on what comes within so many seconds, once."""
        if not self._open:
            select.select([], [], [], seconds)
        elif select.select([self._reader], [], [], seconds)[0]:
            self._take()

    def rest(self) -> None:
        """Pass on what is still in the pipe, without waiting for more."""
        while self._open and select.select([self._reader], [], [], 0)[0]:
            self._take()

    def _take(self) -> None:
        content = os.read(self._reader, CHUNK)
        self._open = bool(content)
        if self._size + len(content) > MAX_PART:
            self._turn()
        _write(self._log, content)
        self._size += len(content)

    def _turn(self) -> None:
        os.ftruncate(self._before, 0)
        os.lseek(self._before, 0, os.SEEK_SET)
        os.lseek(self._log, 0, os.SEEK_SET)
        for _ in range(MAX_PART // CHUNK):
            _write(self._before, os.read(self._log, CHUNK))
        os.ftruncate(self._log, 0)
        os.lseek(self._log, 0, os.SEEK_SET)
        self._size = 0


def _write(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
