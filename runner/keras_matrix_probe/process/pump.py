"""Copies the output of a replicate from a pipe to files of bounded size."""

import os
import select
from typing import Any

from ..contract import EARLIER_LOG_FILE, LOG_FILE

MAX_LOG_PART = 8 * 2**20
"""Bytes in each of the two parts of a log; of a longer log the end is kept."""
READ_SIZE = 65536
"""Bytes at once."""
CREATE_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL


class Pump:
    """Copies a pipe to the file ``log`` of a folder; a full ``log`` becomes ``log.before``.

    Both files are opened before the replicate begins and written through their descriptors, so
    that whatever a replicate puts in their place is not touched.
    """

    def __init__(self, reader: int, folder: str) -> None:
        self._reader = reader
        self._folder = folder
        self._descriptors = [reader]
        self._size = 0
        self._open = True

    def __enter__(self) -> "Pump":
        self._log = os.open(os.path.join(self._folder, LOG_FILE), CREATE_NEW, 0o644)
        self._before = os.open(os.path.join(self._folder, EARLIER_LOG_FILE), CREATE_NEW, 0o644)
        self._descriptors += [self._log, self._before]
        return self

    def __exit__(self, *raised: Any) -> None:
        self.close()

    def close(self) -> None:
        """Close the pipe and the files; a replicate closes those that it inherits."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    def copy_within(self, seconds: float) -> None:
        """Copy once what comes within so many seconds."""
        if not self._open:
            select.select([], [], [], seconds)
        elif select.select([self._reader], [], [], seconds)[0]:
            self._copy()

    def copy_rest(self) -> None:
        """Copy what is still in the pipe, without waiting for more."""
        while self._open and select.select([self._reader], [], [], 0)[0]:
            self._copy()

    def _copy(self) -> None:
        content = os.read(self._reader, READ_SIZE)
        self._open = bool(content)
        if self._size + len(content) > MAX_LOG_PART:
            self._begin_part()
        _write(self._log, content)
        self._size += len(content)

    def _begin_part(self) -> None:
        """Make ``log`` the earlier part, and begin it again."""
        os.ftruncate(self._before, 0)
        os.lseek(self._before, 0, os.SEEK_SET)
        os.lseek(self._log, 0, os.SEEK_SET)
        for _ in range(MAX_LOG_PART // READ_SIZE):
            _write(self._before, os.read(self._log, READ_SIZE))
        os.ftruncate(self._log, 0)
        os.lseek(self._log, 0, os.SEEK_SET)
        self._size = 0


def _write(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
