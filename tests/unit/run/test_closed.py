"""What is seen in a container counts, not what the engine says of itself."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from keras_matrix.engine.facts import EngineFacts, Kind
from keras_matrix.engine.security import Security
from keras_matrix.images.command import COMMAND_LIMITS
from keras_matrix.run import doctor
from keras_matrix.run.closed import Confined, Look

FACTS = EngineFacts(
    version="5.8",
    platform="debian",
    cpus=1,
    memory=2**30,
    limits={"memory": True, "cpus": False, "pids": True},
    security=Security(seccomp="default"),
    runtimes=("crun", "krun", "runc"),
    default_runtime="crun",
    kind=Kind.PODMAN,
    control_groups=2,
    api=("1.24", "1.44"),
    storage="overlay",
)
LIMITS = {
    "memory": float(COMMAND_LIMITS.memory),
    "cpus": COMMAND_LIMITS.cpus,
    "pids": float(COMMAND_LIMITS.pids),
}
SEEN = Confined(
    limits=LIMITS,
    seccomp=2,
    no_new_privileges=True,
    capabilities=0,
    interfaces=[],
    writable=[],
    executes=True,
)


@pytest.mark.parametrize(
    ("cpus", "facts", "holds", "found"),
    [
        (LIMITS["cpus"], FACTS, True, "supported"),
        (7.0, FACTS, False, "7 instead of"),
        (None, FACTS, False, "not supported"),
        (None, replace(FACTS, limits={"cpus": True}), True, "supported"),
    ],
)
def test_a_limit_is_what_a_container_has(
    cpus: float | None, facts: EngineFacts, holds: bool, found: str
) -> None:
    seen = msgspec.structs.replace(SEEN, limits={**LIMITS, "cpus": cpus})
    result = Look(seen).limit("cpus", facts)
    assert result[0] is holds
    assert result[1].startswith(found)


@pytest.mark.parametrize(("version", "holds"), [(2, True), (1, False), (0, False)])
def test_without_an_image_version_2_is_given_credit(version: int, holds: bool) -> None:
    """Podman reports no limit on CPUs there, and has it."""
    assert Look().limit("cpus", replace(FACTS, control_groups=version))[0] is holds


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, ()),
        ({"seccomp": None, "no_new_privileges": None, "capabilities": None}, ()),
        ({"capabilities": 1}, ("capabilities 0x1",)),
        ({"seccomp": 0}, ("all system calls",)),
        ({"interfaces": ["eth0"]}, ("network interfaces eth0",)),
        ({"writable": ["/"]}, ("a writable root (/)",)),
        ({"executes": False}, ("a scratch space that nothing can be executed in",)),
        ({"no_new_privileges": False}, ("new privileges",)),
    ],
)
def test_what_is_open_is_named(change: dict[str, Any], found: tuple[str, ...]) -> None:
    seen = msgspec.structs.replace(SEEN, **change)
    assert seen.open_to("runc") == found
    assert doctor._check_closed(FACTS, Look(seen)).ok is not bool(found)


def test_a_container_that_does_not_start_is_no_closed_cell() -> None:
    check = doctor._check_closed(FACTS, Look(problem="The engine refused."))
    assert (check.ok, check.remedy) == (False, "The engine refused.")
    assert doctor._check_closed(FACTS, Look()).ok


def test_the_engine_is_named_with_how_it_works() -> None:
    named = {check.name: check.found for check in doctor._check_engine(FACTS)}
    assert named == {
        "engine": "Podman 5.8 on debian; API 1.24 to 1.44",
        "image store": "the engine's own (overlay)",
        "builder": "Buildah",
        "control groups": "version 2",
    }
