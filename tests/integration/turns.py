"""Tests that are to be alone: whatever runs beside them would sweep what they leave on purpose.

Others run side by side (``pytest -n 2``), also those of another session on the same engine.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ALONE = "alone"
MARK = f"{ALONE}: no other test with the engine runs meanwhile"


@contextmanager
def turn(alone: bool) -> Iterator[None]:
    """Be in a room with others, or alone; who waits at the gate is not overtaken."""
    folder = Path(tempfile.gettempdir()) / f"keras-matrix-tests-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "gate").open("w") as gate, (folder / "room").open("w") as room:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield


class Turns:
    """Lets each test wait for its turn, with all that its fixtures do."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        with turn(item.get_closest_marker(ALONE) is not None):
            return (yield)
