"""The output of a replicate, from a pipe to files of bounded size."""

import os
import select
from typing import Any

MAX_PART = 8 * 2**20
"""Bytes in one of the two parts of a log: of what is longer, the last ones are kept."""
CHUNK = 65536


class Pump:
    """Writes what comes from a pipe to ``path``; once that is full, it becomes ``path.before``."""

    def __init__(self, reader: int, path: str) -> None:
        self._reader = reader
        self._path = path
        self._size = 0
        self._open = True
        self._file: Any = None

    def __enter__(self) -> "Pump":
        self._file = open(self._path, "wb", buffering=0)
        return self

    def __exit__(self, *raised: Any) -> None:
        self._file.close()
        os.close(self._reader)

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
            self._file.close()
            os.rename(self._path, self._path + ".before")
            self._file = open(self._path, "wb", buffering=0)
            self._size = 0
        self._file.write(content)
        self._size += len(content)
