"""Lock files between processes: the only module that waits for them.

A kernel lock ends with its process, however that ended. On a file system without them, filelock
writes a file with the process's id, host and start time instead. Such a soft lock outlives a
process that was killed: filelock takes it over if that process is known to be gone. If that cannot
be known, as for a process on another host, a message names the file to remove.
"""

import errno
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import filelock

from keras_matrix.errors import StoreError
from keras_matrix.text import discard

POLL_SECONDS = 0.1
SAY_AFTER_SECONDS = 2.0
"""How long to wait for a lock before the user is notified."""
OTHER_RESULTS = "check the folder's permissions and space, or name another place with --results."
"""What the user can do if a run cannot be locked."""

Lock = filelock.BaseFileLock

SOFT_LOCK_WARNING = "flock not supported on this filesystem"
"""How filelock warns of a soft lock, which users need not see: this module deals with them."""
warnings.filterwarnings("ignore", SOFT_LOCK_WARNING)


def _never_stop() -> None:
    """Keep waiting."""


@dataclass(frozen=True)
class Waiting:
    """What is done while a lock is waited for.

    ``say`` is called once with a message; ``check`` raises if the user has asked to stop.
    """

    say: Callable[[str], None] = discard
    check: Callable[[], None] = _never_stop


SILENT = Waiting()


def lock_of(path: Path) -> Lock:
    """Return the lock of a lock file, without taking it."""
    return filelock.FileLock(path)


def attempt(lock: Lock, seconds: float = 0.0) -> bool:
    """Try for at most ``seconds`` to take a lock; return whether it is held now.

    Raises:
        OSError: the lock file cannot be created, or nothing can be locked there.
    """
    try:
        if _acquire(lock, seconds):
            return True
        # One try removes the soft lock of a process that is gone; filelock 4.1 needs another one
        # to take it.
        return not os.path.lexists(lock.lock_file) and _acquire(lock, 0.0)
    except NotImplementedError as error:
        raise OSError(errno.ENOLCK, str(error)) from error


def _acquire(lock: Lock, seconds: float) -> bool:
    try:
        lock.acquire(timeout=seconds)
    except filelock.Timeout:
        return False
    return True


@contextmanager
def held(path: Path, what: str, waiting: Waiting, remedy: str = OTHER_RESULTS) -> Iterator[None]:
    """Hold a lock file, after waiting as long as it takes.

    ``what`` names the thing that it locks, and ``remedy`` says what the user can do if that cannot
    be locked.

    Raises:
        StoreError: the lock file cannot be created, or nothing can be locked there.
        KerasMatrixError: what ``waiting.check`` raises.
    """
    lock = lock_of(path)
    begin, said = time.monotonic(), False
    try:
        while not attempt(lock, POLL_SECONDS):
            waiting.check()
            if not said and time.monotonic() - begin > SAY_AFTER_SECONDS:
                said = True
                text = f"waiting for {what}, which another process of keras-matrix has locked"
                waiting.say("; ".join(part for part in (text, remedy_if_soft(lock)) if part))
    except OSError as error:
        reason = error.strerror or error
        raise StoreError(f"Cannot lock {what} with {path} ({reason}); {remedy}") from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def held_within(seconds: float, path: Path) -> Iterator[None]:
    """Hold a lock file, after waiting for at most ``seconds``.

    Raises:
        TimeoutError: another process holds it.
        OSError: the lock file cannot be created, or nothing can be locked there.
    """
    lock = lock_of(path)
    if not attempt(lock, seconds):
        raise TimeoutError(errno.ETIMEDOUT, "another process of keras-matrix has locked it", path)
    try:
        yield
    finally:
        lock.release()


def remedy_if_soft(lock: Lock) -> str:
    """Say what to do about a lock that may have outlived its process; empty for a kernel lock."""
    if not isinstance(lock, filelock.SoftFileLock):
        return ""
    return (
        "this file system has no locks that end with their process, so if process "
        f"{lock.pid or '(unknown)'} has ended, remove {lock.lock_file}"
    )
