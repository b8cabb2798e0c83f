"""What a replicate can leave behind in its container, removed before the next one."""

import itertools
import os
from typing import Iterator

from . import kernel

SHARED_FOLDERS = ("/dev/shm", "/dev/mqueue")  # noqa: S108 # emptied, not trusted
ENTRIES_AT_ONCE = 10000
"""Entries of a folder to list at once: it may have more than fit into memory."""


class Leftovers:
    """All that a replicate can write to, except its output and the compiled code in ``keep``."""

    def __init__(self, scratch: str, keep: str = "") -> None:
        self._scratch = scratch
        self._keep = keep

    def remove(self) -> None:
        """Remove files, shared memory, semaphores and message queues."""
        if os.getpid() != 1:
            # Not in a container: what is there belongs to others.
            return
        kernel.remove_ipc()
        for parent in filter(os.path.isdir, (self._scratch, *SHARED_FOLDERS)):
            for entry in list(os.scandir(parent)):
                if entry.path == self._keep:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    remove(entry.path)
                else:
                    os.unlink(entry.path)


def remove(folder: str) -> None:
    """Remove a folder, whatever permissions a replicate left in it, and however deep it is.

    Inner folders are moved beside it first, so that no path is too long and nothing recurses.
    """
    pending = [folder]
    while pending:
        path = pending.pop()
        os.chmod(path, 0o700)
        for entry in _entries(path):
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)
                continue
            os.chmod(entry.path, 0o700)
            beside = os.path.join(os.path.dirname(folder), os.urandom(8).hex())
            os.rename(entry.path, beside)
            pending.append(beside)
        os.rmdir(path)


def _entries(path: str) -> "Iterator[os.DirEntry[str]]":
    """Yield the entries of a folder, which the caller removes meanwhile, until it is empty."""
    while True:
        entries = list(itertools.islice(os.scandir(path), ENTRIES_AT_ONCE))
        if not entries:
            return
        yield from entries
