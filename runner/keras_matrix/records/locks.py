"""Lock files between processes: all waiting for one goes through here.

A lock of the kernel's ends with its process, whatever ended that. Where a file system has none,
filelock puts a file with the process's id, host and start time in its place. Such a soft lock
outlives a process that was killed: it is taken over where that can be proved, and where it cannot,
as for a process of another host, the user is told which file to remove.
"""

import errno
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
"""How long a lock is waited for in silence."""
OTHER_RESULTS = "check the folder's permissions and space, or name another place with --results."

Lock = filelock.BaseFileLock

SOFT_LOCK_WARNING = "flock not supported on this filesystem"
"""How filelock warns of a soft lock. It is none for users: its consequences are dealt with here."""
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
    """Return the lock of a lock file, not taken yet."""
    return filelock.FileLock(path)


def attempt(lock: Lock, seconds: float = 0.0) -> bool:
    """Try to take a lock, for so long at most; return whether it is held now.

    Raises:
        OSError: the lock file cannot be made, or nothing can be locked there.
    """
    try:
        lock.acquire(timeout=seconds)
    except filelock.Timeout:
        return False
    except NotImplementedError as error:
        raise OSError(errno.ENOLCK, str(error)) from error
    return True


@contextmanager
def held(path: Path, what: str, waiting: Waiting, remedy: str = OTHER_RESULTS) -> Iterator[None]:
    """Hold a lock file, however long it takes to get it.

    ``what`` names the thing that it locks, and ``remedy`` says what to do if it cannot be locked.

    Raises:
        StoreError: the lock file cannot be made, or nothing can be locked there.
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
    """Hold a lock file that is to be had in so long at most.

    Raises:
        TimeoutError: another process holds it.
        OSError: the lock file cannot be made, or nothing can be locked there.
    """
    lock = lock_of(path)
    if not attempt(lock, seconds):
        raise TimeoutError(errno.ETIMEDOUT, "another process of keras-matrix has locked it", path)
    try:
        yield
    finally:
        lock.release()


def remedy_if_soft(lock: Lock) -> str:
    """Say what to do about a lock that may have outlived its process; nothing if it cannot have."""
    if not isinstance(lock, filelock.SoftFileLock):
        return ""
    return (
        "this file system has no locks that end with their process, so if process "
        f"{lock.pid or '(unknown)'} has ended, remove {lock.lock_file}"
    )
