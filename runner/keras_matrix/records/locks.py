"""Wait for a lock that another process holds: not without a word, nor against the user's will."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import filelock

from keras_matrix.errors import StoreError
from keras_matrix.text import discard

POLL = 0.1
PATIENCE = 2.0
"""Seconds to wait before the user is told."""


def _on() -> None:
    """Go on waiting."""


@dataclass(frozen=True)
class Waiting:
    """What is done meanwhile: ``say`` is told once, ``check`` raises where a stop is asked for."""

    say: Callable[[str], None] = discard
    check: Callable[[], None] = _on


SILENT = Waiting()


@contextmanager
def held(path: Path, what: str, waiting: Waiting) -> Iterator[None]:
    """Hold a lock file; ``what`` is the thing it locks, in words.

    Raises:
        StoreError: there can be no such file, or no lock on it.
        KerasMatrixError: what ``waiting.check`` raises.
    """
    lock = filelock.FileLock(path)
    told = f"waiting for {what}, which another process of keras-matrix has locked"
    until(lambda: _taken(lock, path, what), waiting, told, PATIENCE)
    try:
        yield
    finally:
        lock.release()


def until(take: Callable[[], bool], waiting: Waiting, told: str, patience: float = 0.0) -> None:
    """Call ``take``, which waits a little, until it succeeds; after ``patience`` seconds say so.

    Raises:
        KerasMatrixError: what ``waiting.check`` raises.
    """
    begin, said = time.monotonic(), False
    while not take():
        waiting.check()
        if not said and time.monotonic() - begin > patience:
            said = True
            waiting.say(told)


def polled(lock: filelock.BaseFileLock) -> bool:
    """Wait a little for a lock; tell whether it is held now."""
    try:
        lock.acquire(timeout=POLL)
    except filelock.Timeout:
        return False
    return True


def _taken(lock: filelock.BaseFileLock, path: Path, what: str) -> bool:
    try:
        return polled(lock)
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StoreError(
            f"Cannot lock {what} with {path} ({reason}); "
            "check the folder's permissions and space, or name another place with --results."
        ) from error
