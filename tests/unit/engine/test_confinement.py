from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from keras_matrix.engine.confinement import IPC, host_config
from keras_matrix.engine.spec import Bind, ContainerSpec
from keras_matrix.engine.users import CellUser, Users
from keras_matrix.plan.cells import Limits

USER = CellUser(inside=(10001, 10001), outside=(10001, 10001))
SPEC = ContainerSpec(
    name="keras-matrix-tf",
    image="sha256:0",
    command=("python",),
    environment={},
    binds=(
        Bind(Path("/host/model"), PurePosixPath("/script")),
        Bind(Path("/host/output"), PurePosixPath("/output"), read_only=False),
    ),
    masked=(PurePosixPath("/script/results"),),
    user=USER,
    limits=Limits(memory=2**30, scratch=2**20, cpus=1.5, pids=64),
    cpus=(2, 3),
    labels={},
    runtime="runc",
)


def test_a_container_is_closed() -> None:
    found = host_config(SPEC)
    assert found["NetworkMode"] == "none"
    assert found["IpcMode"] == "private"
    assert found["ReadonlyRootfs"] is True
    assert found["CapDrop"] == ["ALL"]
    assert found["Privileged"] is False
    assert found["SecurityOpt"] == ["no-new-privileges"]
    assert found["Init"] is False
    opening = {"Devices", "CapAdd", "PidMode", "UTSMode", "CgroupParent", "MaskedPaths"}
    assert opening & found.keys() == set()


def test_the_engines_profile_of_system_calls_is_kept() -> None:
    assert not any("seccomp" in option for option in host_config(SPEC)["SecurityOpt"])


def test_limits_are_in_the_units_of_the_api() -> None:
    found = host_config(SPEC)
    assert found["Memory"] == found["MemorySwap"] == 2**30
    assert found["NanoCpus"] == 1_500_000_000
    assert found["CpusetCpus"] == "2,3"
    assert found["PidsLimit"] == 64
    assert host_config(replace(SPEC, cpus=()))["CpusetCpus"] == ""


def test_what_lies_in_memory_is_bounded() -> None:
    found = host_config(SPEC)
    assert found["ShmSize"] == 64 * 2**20
    assert found["Tmpfs"] == {
        "/scratch": f"exec,nosuid,nodev,mode=1777,size={2**20}",
        "/script/results": "ro,size=4096",
    }


def test_a_process_is_bounded_alike_on_all_engines() -> None:
    limits = {one["Name"]: (one["Soft"], one["Hard"]) for one in host_config(SPEC)["Ulimits"]}
    assert limits == {"fsize": (2**28, 2**28), "core": (0, 0), "nofile": (4096, 4096)}


def test_folders_are_mounted_as_they_are_asked_for() -> None:
    mounts = host_config(SPEC)["Mounts"]
    assert [(one["Source"], one["Target"], one["ReadOnly"]) for one in mounts] == [
        ("/host/model", "/script", True),
        ("/host/output", "/output", False),
    ]
    assert {one["Type"] for one in mounts} == {"bind"}


@pytest.mark.parametrize(
    ("users", "mode", "sysctls"),
    [
        (Users.HOST, None, IPC),
        (Users.NAMESPACE, None, None),
        (Users.HOST_ALL_THE_SAME, "host", IPC),
    ],
)
def test_user_namespaces(users: Users, mode: str | None, sysctls: object) -> None:
    found = host_config(replace(SPEC, user=replace(USER, users=users)))
    assert found.get("UsernsMode") == mode
    assert found.get("Sysctls") == sysctls


@pytest.mark.parametrize("name", ["", "runsc"])
def test_the_runtime_is_the_engines_unless_one_is_named(name: str) -> None:
    assert host_config(replace(SPEC, runtime=name))["Runtime"] == name
