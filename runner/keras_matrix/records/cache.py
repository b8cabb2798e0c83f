"""Where what may be lost is kept between runs."""

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import platformdirs

from keras_matrix.errors import StoreError
from keras_matrix.records import locks
from keras_matrix.text import discard

CACHE_VARIABLE = "KERAS_MATRIX_CACHE"
COMPILED = "compiled"
REPLICATES = "replicates"
LOCKS = "locks"
REMEDY = f"set {CACHE_VARIABLE} to a folder that can be written."
"""What to do if the cache cannot be used."""


MAX_CLEAR_WAIT_SECONDS = 2.0
"""How long to wait for a process that adds a finished replicate."""


def root() -> Path:
    """Return the folder: the one that ``KERAS_MATRIX_CACHE`` names, else the user's own."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named).resolve() if named else platformdirs.user_cache_path("keras-matrix")


def replicates_lock(folder: Path) -> Path:
    """Return the lock file of the folder of finished replicates: to add to it, or to clear it."""
    return folder.with_name(f"{folder.name}.lock")


def clear_replicates() -> bool:
    """Forget what is known to be finished; return False if a process was adding to it.

    Raises:
        StoreError: it cannot be removed.
    """
    folder = root() / REPLICATES
    if not folder.is_dir():
        return True
    try:
        with locks.held_within(MAX_CLEAR_WAIT_SECONDS, replicates_lock(folder)):
            shutil.rmtree(folder)
    except TimeoutError:
        return False
    except OSError as error:
        raise StoreError(f"Cannot clear {folder} ({error.strerror}); {REMEDY}") from error
    return True


class Lost:
    """Tells of what cannot be kept or had from the cache, once each; the run goes on without it."""

    def __init__(self, say: Callable[[str], None] = discard) -> None:
        self._say = say
        self._told: set[str] = set()
        self._lock = threading.Lock()

    def unusable(self, error: Exception) -> None:
        """Hear that the cache cannot be read or written."""
        cause = error.__cause__ or error
        reason = getattr(cause, "strerror", None) or cause
        self._tell(
            f"going on without the cache in {root()} ({reason}); "
            f"set {CACHE_VARIABLE} to a folder that can be written"
        )

    def damaged(self, what: str) -> None:
        """Hear that something kept is not as it was written."""
        self._tell(f"{what} in the cache is damaged, and is made anew")

    def not_reused(self, why: str) -> None:
        """Hear that a replicate, known to be finished, cannot be relied on."""
        self._tell(f"{why}: its cell is run, not reused")

    def _tell(self, text: str) -> None:
        with self._lock:
            if text not in self._told:
                self._told.add(text)
                self._say(text)
