"""How the engine closes a container off, in the words of its API. Pure; no engine.

The names are those of ``HostConfig`` in the Docker Engine API. What a daemon's own configuration
can change is named all the same: a cell is closed whatever that says.
"""

from typing import Any

from keras_matrix.engine.spec import MAX_LOG, MAX_OUTPUT_FILE, ContainerSpec
from keras_matrix.engine.users import Users
from keras_matrix.plan.contract import SCRATCH

SHARED_MEMORY = 64 * 2**20
"""Bytes at ``/dev/shm``, counted as the cell's memory; nothing there can be executed."""
OPEN_FILES = 4096
FIRST_TO_GO = 500
"""Of all processes of the host, cells are killed first where its memory runs out."""
IPC = {
    # What outlives the process that made it would be there for the next cell.
    "kernel.shm_rmid_forced": "1",
    "kernel.msgmni": "0",
    "fs.mqueue.queues_max": "0",
}


def host_config(spec: ContainerSpec) -> dict[str, Any]:
    """Return the ``HostConfig`` of a container."""
    limits = spec.limits
    config: dict[str, Any] = {
        "NetworkMode": "none",
        "IpcMode": "private",
        "Privileged": False,
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        # Beside the engine's own profile of system calls, which is kept.
        "SecurityOpt": ["no-new-privileges"],
        # The probe is the container's first process.
        "Init": False,
        "Memory": limits.memory,
        # As much as the memory alone: no swap.
        "MemorySwap": limits.memory,
        "NanoCpus": round(limits.cpus * 1e9),
        "CpusetCpus": ",".join(map(str, spec.cpus)),
        "PidsLimit": limits.pids,
        "ShmSize": SHARED_MEMORY,
        "OomScoreAdj": FIRST_TO_GO,
        "Ulimits": [
            {"Name": "fsize", "Soft": MAX_OUTPUT_FILE, "Hard": MAX_OUTPUT_FILE},
            {"Name": "core", "Soft": 0, "Hard": 0},
            {"Name": "nofile", "Soft": OPEN_FILES, "Hard": OPEN_FILES},
        ],
        "LogConfig": {"Type": "json-file", "Config": {"max-size": MAX_LOG, "max-file": "1"}},
        "Mounts": [
            {
                "Type": "bind",
                "Source": str(bind.source),
                "Target": str(bind.target),
                "ReadOnly": bind.read_only,
            }
            for bind in spec.binds
        ],
        "Tmpfs": {
            str(SCRATCH): f"exec,nosuid,nodev,mode=1777,size={limits.scratch}",
            **{str(folder): "ro,size=4096" for folder in spec.masked},
        },
        "Runtime": spec.runtime,
    }
    if spec.user.users is not Users.NAMESPACE:
        # In a user namespace, kernels before 5.19 do not let them be set.
        config["Sysctls"] = IPC
    if spec.user.users is Users.HOST_ALL_THE_SAME:
        config["UsernsMode"] = "host"
    return config
