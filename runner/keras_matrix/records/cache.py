"""The cache: files kept between runs that may be lost at any time."""

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
"""What the user can do if the cache cannot be used."""
MAX_CLEAR_WAIT_SECONDS = 2.0
"""How long to wait for a process that adds a finished replicate."""


def root() -> Path:
    """Return the cache's folder: ``KERAS_MATRIX_CACHE``, or by default the user's cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named).resolve() if named else platformdirs.user_cache_path("keras-matrix")


def replicates_lock(folder: Path) -> Path:
    """Return the lock file of the folder of finished replicates: to add to it, or to clear it."""
    return folder.with_name(f"{folder.name}.lock")


def clear_replicates() -> bool:
    """Remove the list of finished replicates; return False if a process keeps adding to it.

    Raises:
        StoreError: the list cannot be removed.
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


class CacheWarnings:
    """Warns the user of what the cache cannot do, once each; the run continues without it."""

    def __init__(self, say: Callable[[str], None] = discard) -> None:
        self._say = say
        self._said: set[str] = set()
        self._lock = threading.Lock()

    def unusable(self, error: Exception) -> None:
        """Warn that the cache cannot be read or written."""
        cause = error.__cause__ or error
        reason = getattr(cause, "strerror", None) or cause
        text = f"continuing without the cache in {root()} ({reason}); {REMEDY}"
        self._warn(text.removesuffix("."))

    def damaged(self, what: str) -> None:
        """Warn that a file of the cache is not as it was written."""
        self._warn(f"{what} in the cache is damaged, and is made again")

    def not_reused(self, why: str) -> None:
        """Warn that a finished replicate is damaged."""
        self._warn(f"{why}: its cell is run, not reused")

    def _warn(self, text: str) -> None:
        with self._lock:
            if text not in self._said:
                self._said.add(text)
                self._say(text)
