"""Tests that must run alone, as others would sweep away what they leave on purpose.

All other tests run side by side (``pytest -n 2``), also with those of another session on the same
engine.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ALONE = "alone"
MARK = f"{ALONE}: no other test with the engine runs at the same time"


@contextmanager
def turn(alone: bool) -> Iterator[None]:
    """Hold a lock, shared with others or ``alone``; a second lock keeps the waiting in order."""
    folder = Path(tempfile.gettempdir()) / f"keras-matrix-tests-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "gate").open("w") as queue, (folder / "room").open("w") as lock:
        fcntl.flock(queue, fcntl.LOCK_EX)
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(queue, fcntl.LOCK_UN)
        yield


class Turns:
    """Makes each test wait for its turn, its fixtures included."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        with turn(item.get_closest_marker(ALONE) is not None):
            return (yield)
