"""What a cell sees of its confinement."""

from typing import Any

import msgspec
import pytest

from keras_matrix.records.events import Confinement
from keras_matrix.run.cell.outcome import not_closed
from keras_matrix_probe.environment import confinement
from tests.unit.records.builders import environment

CLOSED: dict[str, Any] = {
    "seccomp": 2,
    "no_new_privileges": True,
    "capabilities": 0,
    "interfaces": [],
}


@pytest.mark.parametrize(
    ("seen", "runtime", "told"),
    [
        ({}, "runc", ""),
        ({"seccomp": 0}, "runc", "all system calls"),
        ({"seccomp": 0}, "runsc", ""),
        ({"no_new_privileges": False}, "runsc", "new privileges"),
        ({"capabilities": 0x2000}, "runc", "capabilities 0x2000"),
        ({"interfaces": ["eth0"]}, "runc", "network interfaces eth0"),
        (dict.fromkeys(CLOSED), "runc", ""),
    ],
)
def test_what_is_open_is_told_and_what_nobody_tells_is_not(
    seen: dict[str, Any], runtime: str, told: str
) -> None:
    found = not_closed(environment(confinement={**CLOSED, **seen}), runtime)
    assert told in found
    assert bool(found) is bool(told)


def test_older_records_say_nothing() -> None:
    assert not_closed(environment(), "runc") == ""


def test_the_probe_tells_what_is_read() -> None:
    assert msgspec.convert(confinement(), Confinement).capabilities is not None
