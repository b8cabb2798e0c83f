from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from keras_matrix.engine.confinement import IPC_SYSCTLS, host_config
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
    user=USER,
    limits=Limits(memory=2**30, scratch=2**20, cpus=1.5, pids=64),
    cpus=(2, 3),
    labels={},
    runtime="runc",
)


def test_a_container_is_confined() -> None:
    config = host_config(SPEC)
    assert config["NetworkMode"] == "none"
    assert config["IpcMode"] == "private"
    assert config["ReadonlyRootfs"] is True
    assert config["CapDrop"] == ["ALL"]
    assert config["Privileged"] is False
    assert config["SecurityOpt"] == ["no-new-privileges"]
    assert config["Init"] is False
    opening = {"Devices", "CapAdd", "PidMode", "UTSMode", "CgroupParent", "MaskedPaths"}
    assert opening & config.keys() == set()


def test_the_engines_profile_of_system_calls_is_kept() -> None:
    assert not any("seccomp" in option for option in host_config(SPEC)["SecurityOpt"])


def test_limits_are_in_the_units_of_the_api() -> None:
    config = host_config(SPEC)
    assert config["Memory"] == config["MemorySwap"] == 2**30
    assert config["NanoCpus"] == 1_500_000_000
    assert config["CpusetCpus"] == "2,3"
    assert config["PidsLimit"] == 64
    assert host_config(replace(SPEC, cpus=()))["CpusetCpus"] == ""


def test_file_systems_in_memory_are_bounded() -> None:
    config = host_config(SPEC)
    assert config["ShmSize"] == 64 * 2**20
    # Nothing else: Podman copies into a tmpfs what it covers.
    assert config["Tmpfs"] == {"/scratch": f"exec,nosuid,nodev,mode=1777,size={2**20}"}


def test_a_process_is_bounded_alike_on_all_engines() -> None:
    ulimits = host_config(SPEC)["Ulimits"]
    limits = {limit["Name"]: (limit["Soft"], limit["Hard"]) for limit in ulimits}
    assert limits == {"fsize": (2**28, 2**28), "core": (0, 0), "nofile": (4096, 4096)}


def test_folders_are_mounted_as_specified() -> None:
    mounts = host_config(SPEC)["Mounts"]
    assert [(mount["Source"], mount["Target"], mount["ReadOnly"]) for mount in mounts] == [
        ("/host/model", "/script", True),
        ("/host/output", "/output", False),
    ]
    assert {mount["Type"] for mount in mounts} == {"bind"}


@pytest.mark.parametrize(
    ("users", "mode", "sysctls"),
    [
        (Users.HOST, None, IPC_SYSCTLS),
        (Users.NAMESPACE, None, None),
        (Users.HOST_DESPITE_NAMESPACE, "host", IPC_SYSCTLS),
    ],
)
def test_user_namespaces(users: Users, mode: str | None, sysctls: object) -> None:
    config = host_config(replace(SPEC, user=replace(USER, users=users)))
    assert config.get("UsernsMode") == mode
    assert config.get("Sysctls") == sysctls


@pytest.mark.parametrize("name", ["", "runsc"])
def test_the_runtime_is_the_engines_unless_one_is_named(name: str) -> None:
    assert host_config(replace(SPEC, runtime=name))["Runtime"] == name
