"""Read files in a folder that a cell can write to: links, FIFOs and huge files are refused."""

import errno
import os
import stat
from pathlib import Path

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
"""Opening does not block, as the file may be a FIFO."""
MAX_READ_BYTES = 2**20
"""Read at once of a file that grows."""
MAX_LINE_BYTES = 2**16
"""Of a file that grows."""


def open_regular(folder: Path, *names: str) -> int:
    """Open a regular file for reading and return its descriptor.

    ``folder`` is the first step that a cell may have replaced: from there on no link is followed.

    Raises:
        OSError: a step is missing, a link or not a folder, or the last is not a regular file.
    """
    *between, last = names
    step = os.open(folder, FOLDER_FLAGS)
    try:
        for name in between:
            above, step = step, os.open(name, FOLDER_FLAGS, dir_fd=step)
            os.close(above)
        descriptor = os.open(last, FILE_FLAGS, dir_fd=step)
    finally:
        os.close(step)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file")
    return descriptor


def read(limit: int, folder: Path, *names: str) -> bytes:
    """Read a regular file of at most ``limit`` bytes; see :func:`open_regular`.

    Raises:
        OSError: it is not a regular file, or larger.
    """
    with open(open_regular(folder, *names), "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"larger than {limit} bytes")
    return content


class Tail:
    """The lines of a file as it grows, read in pieces of ``MAX_READ_BYTES``.

    A file that is replaced or truncated is read from its start. Lines of more than
    ``MAX_LINE_BYTES`` are left out.
    """

    def __init__(self, folder: Path, *names: str) -> None:
        self._folder = folder
        self._names = names
        self._file = (0, 0)
        self._offset = 0
        self._rest = b""
        self._too_long = False

    def lines(self) -> list[bytes]:
        """Return the lines completed since the last call; no lines if the file cannot be read."""
        try:
            content = self._more()
        except OSError:
            # Not there yet, there no longer, or not readable.
            return []
        *lines, rest = (self._rest + content).split(b"\n")
        if lines and self._too_long:
            del lines[0]
            self._too_long = False
        self._too_long = self._too_long or len(rest) > MAX_LINE_BYTES
        self._rest = b"" if self._too_long else rest
        return [line for line in lines if len(line) <= MAX_LINE_BYTES]

    def _more(self) -> bytes:
        descriptor = open_regular(self._folder, *self._names)
        try:
            status = os.fstat(descriptor)
            file = (status.st_dev, status.st_ino)
            if file != self._file or status.st_size < self._offset:
                self._file, self._offset = file, 0
                self._rest, self._too_long = b"", False
            content = os.pread(descriptor, MAX_READ_BYTES, self._offset)
        finally:
            os.close(descriptor)
        self._offset += len(content)
        return content


class UnreadableError(Exception):
    """What a container wrote cannot be read, or is not of its format; the message says where."""


def read_bounded(path: Path, limit: int) -> bytes:
    """Read a regular file of at most ``limit`` bytes, following no link on its last two steps.

    Raises:
        UnreadableError: it is missing, not a regular file, or larger.
    """
    try:
        return read(limit, path.parent, path.name)
    except OSError as error:
        raise UnreadableError(f"{path.name} cannot be read: {error.strerror}") from error
