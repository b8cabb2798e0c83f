"""What engines say of themselves, as they were seen to say it."""

from typing import Any

import pytest

from keras_matrix.engine.facts import EngineFacts, Kind, StoreKind, parse
from keras_matrix.errors import ConfigurationError

DOCKER: dict[str, Any] = {
    "ServerVersion": "28.5.2",
    "OperatingSystem": "Debian GNU/Linux",
    "Architecture": "x86_64",
    "Driver": "overlayfs",
    "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
    "CgroupVersion": "2",
    "NCPU": 2,
    "MemTotal": 2**30,
    "MemoryLimit": True,
    "CpuCfsQuota": True,
    "PidsLimit": True,
    "Runtimes": {"runc": {}, "io.containerd.runc.v2": {}},
    "DefaultRuntime": "runc",
}
VERSION: dict[str, Any] = {
    "Components": [{"Name": "Engine"}, {"Name": "containerd"}],
    "ApiVersion": "1.51",
    "MinAPIVersion": "1.44",
}


def test_an_engine_of_today() -> None:
    facts = parse(DOCKER, VERSION)
    assert (facts.kind, facts.version, facts.api) == (Kind.DOCKER, "28.5.2", ("1.44", "1.51"))
    assert (facts.store, facts.storage) == (StoreKind.CONTAINERD, "overlayfs")
    assert facts.control_groups == 2
    assert facts.limits == {"memory": True, "cpus": True, "pids": True}
    assert facts.runtimes == ("io.containerd.runc.v2", "runc")


def test_podman() -> None:
    status = [["Supports d_type", "true"], ["Backing Filesystem", "extfs"]]
    facts = parse(
        {**DOCKER, "Driver": "overlay", "DriverStatus": status, "DefaultRuntime": "crun"},
        {"Components": [{"Name": "Podman Engine"}, {"Name": "Conmon"}]},
    )
    assert (facts.kind, facts.store) == (Kind.PODMAN, StoreKind.OWN)
    # It lists what it is configured for, and runs its default whatever a request names.
    assert facts.runtimes == ("crun",)
    assert facts.runtime("") == facts.runtime("crun") == "crun"
    with pytest.raises(ConfigurationError, match="its default runtime only"):
        facts.runtime("runc")


@pytest.mark.parametrize("info", [{}, {"DriverStatus": None, "Runtimes": None}])
def test_an_engine_that_says_little(info: dict[str, Any]) -> None:
    facts: EngineFacts = parse(info, {})
    assert (facts.version, facts.kind, facts.control_groups) == ("?", Kind.DOCKER, 0)
    assert facts.limits == {"memory": False, "cpus": False, "pids": False}
