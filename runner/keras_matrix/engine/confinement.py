"""How a container is confined, in the terms of the engine's API. Pure; no engine.

The names are those of ``HostConfig`` in the Docker Engine API. Defaults that a daemon's own
configuration can change are set here too: a cell is confined whatever that configuration says.
"""

from typing import Any

from keras_matrix.engine.spec import MAX_LOG_SIZE, MAX_OUTPUT_FILE_BYTES, ContainerSpec
from keras_matrix.engine.users import Users
from keras_matrix.plan.contract import SCRATCH

SHARED_MEMORY_BYTES = 64 * 2**20
"""The size of ``/dev/shm``, counted as the cell's memory; nothing there can be executed."""
MAX_OPEN_FILES = 4096
"""The open files that one process of a cell may have."""
OOM_SCORE_ADJUSTMENT = 500
"""Of -1000 to 1000: cells are killed first when the host's memory runs out."""
IPC_SYSCTLS = {
    # An object that outlives the process that made it would be there for the next cell.
    "kernel.shm_rmid_forced": "1",
    "kernel.msgmni": "0",
    "fs.mqueue.queues_max": "0",
}
"""Kernel settings that forbid message queues, and free shared memory that no process uses."""


def host_config(spec: ContainerSpec) -> dict[str, Any]:
    """Return the ``HostConfig`` of a container."""
    limits = spec.limits
    config: dict[str, Any] = {
        "NetworkMode": "none",
        "IpcMode": "private",
        "Privileged": False,
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        # No "seccomp=" here: the engine's own profile of system calls stays in force.
        "SecurityOpt": ["no-new-privileges"],
        # The probe is the container's first process.
        "Init": False,
        "Memory": limits.memory,
        # Memory and swap together; the same as the memory means no swap.
        "MemorySwap": limits.memory,
        "NanoCpus": round(limits.cpus * 1e9),
        "CpusetCpus": ",".join(map(str, spec.cpus)),
        "PidsLimit": limits.pids,
        "ShmSize": SHARED_MEMORY_BYTES,
        "OomScoreAdj": OOM_SCORE_ADJUSTMENT,
        "Ulimits": [
            {"Name": "fsize", "Soft": MAX_OUTPUT_FILE_BYTES, "Hard": MAX_OUTPUT_FILE_BYTES},
            {"Name": "core", "Soft": 0, "Hard": 0},
            {"Name": "nofile", "Soft": MAX_OPEN_FILES, "Hard": MAX_OPEN_FILES},
        ],
        "LogConfig": {"Type": "json-file", "Config": {"max-size": MAX_LOG_SIZE, "max-file": "1"}},
        "Mounts": [
            {
                "Type": "bind",
                "Source": str(bind.source),
                "Target": str(bind.target),
                "ReadOnly": bind.read_only,
            }
            for bind in spec.binds
        ],
        "Tmpfs": {str(SCRATCH): f"exec,nosuid,nodev,mode=1777,size={limits.scratch}"},
        "Runtime": spec.runtime,
    }
    if spec.user.users is not Users.NAMESPACE:
        # Kernels before 5.19 refuse these settings in a user namespace.
        config["Sysctls"] = IPC_SYSCTLS
    if spec.user.users is Users.HOST_DESPITE_NAMESPACE:
        config["UsernsMode"] = "host"
    return config
