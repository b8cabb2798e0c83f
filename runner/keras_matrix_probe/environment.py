"""What this process runs on: versions, Keras's settings, threads and the limits in force."""

import os
import platform
import sys
from typing import Any, Dict, List, Optional

from . import backends

IFF_UP = 1
"""Flag of a network interface that is up (netdevice(7))."""
IFF_LOOPBACK = 8
"""Flag of the loopback interface."""
MAX_MEMORY_LIMIT = 2**62
"""Bytes; control groups v1 show "no limit" as the largest multiple of the page size."""

VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_CORETYPE",
    "PYTHONHASHSEED",
)
"""Environment variables that figures or times may depend on; each backend has more."""


def installed_packages() -> Dict[str, str]:
    """Map each distribution found on ``sys.path`` to its version, names in lower case with dashes.

    Read from the ``*.dist-info`` folders directly: ``importlib.metadata`` is not in Python 3.6
    and ``pkg_resources`` costs a third of a second.
    """
    versions: Dict[str, str] = {}
    for folder in sys.path:
        if not os.path.isdir(folder):
            continue
        for entry in sorted(os.listdir(folder)):
            if entry.endswith(".dist-info"):
                metadata = os.path.join(folder, entry, "METADATA")
            elif entry.endswith(".egg-info"):
                metadata = os.path.join(folder, entry, "PKG-INFO")
            else:
                continue
            if os.path.isfile(metadata):
                name, version = _name_and_version(metadata)
                versions.setdefault(name, version)
    return versions


def _name_and_version(metadata: str) -> Any:
    name = version = ""
    with open(metadata, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if not line.strip():
                break
            key, _, value = line.partition(":")
            if key == "Name":
                name = value.strip().lower().replace("_", "-").replace(".", "-")
            elif key == "Version":
                version = value.strip()
    return name, version


def cpu_model() -> str:
    """Return the processor's name as the kernel has it, or an empty string."""
    try:
        with open("/proc/cpuinfo") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()


def applied_limits() -> Dict[str, Optional[float]]:
    """Read the limits in force from the control group: memory (bytes), processes, CPUs.

    A limit that is absent, or that cannot be read, is None. Control groups v1 and v2.
    """
    root = "/sys/fs/cgroup"
    cpus: Optional[float] = None
    if os.path.exists(os.path.join(root, "cgroup.controllers")):
        memory = _number(os.path.join(root, "memory.max"))
        pids = _number(os.path.join(root, "pids.max"))
        fields = _words(os.path.join(root, "cpu.max"))
        if len(fields) == 2 and fields[0] != "max":
            cpus = float(fields[0]) / float(fields[1])
    else:
        memory = _number(os.path.join(root, "memory", "memory.limit_in_bytes"))
        pids = _number(os.path.join(root, "pids", "pids.max"))
        quota = _number(os.path.join(root, "cpu", "cpu.cfs_quota_us"))
        period = _number(os.path.join(root, "cpu", "cpu.cfs_period_us"))
        if quota is not None and quota > 0 and period:
            cpus = quota / period
    if memory is not None and memory >= MAX_MEMORY_LIMIT:
        memory = None
    return {"memory": memory, "pids": pids, "cpus": cpus}


def confinement() -> Dict[str, Any]:
    """Read how this process is confined.

    What the kernel, or a sandbox in its place, does not show is None. ``seccomp`` is the mode of
    the filter of system calls (0 is none), ``capabilities`` the capabilities in force as a number,
    ``interfaces`` the network interfaces that are up, except the loopback.
    """
    status: Dict[str, str] = {}
    for line in _lines("/proc/self/status"):
        name, _, value = line.partition(":")
        status[name] = value.strip()
    masks = [status[name] for name in ("CapEff", "CapPrm", "CapAmb") if name in status]
    capabilities = 0
    for mask in masks:
        capabilities |= int(mask, 16)
    return {
        "seccomp": int(status["Seccomp"]) if "Seccomp" in status else None,
        "no_new_privileges": status["NoNewPrivs"] == "1" if "NoNewPrivs" in status else None,
        "capabilities": capabilities if masks else None,
        "interfaces": _interfaces("/sys/class/net"),
    }


def _interfaces(folder: str) -> Optional[List[str]]:
    if not os.path.isdir(folder):
        return None
    interfaces = []
    for name in sorted(os.listdir(folder)):
        flags = _words(os.path.join(folder, name, "flags"))
        # The kernel makes some interfaces in every namespace; they are down.
        if flags and int(flags[0], 16) & IFF_UP and not int(flags[0], 16) & IFF_LOOPBACK:
            interfaces.append(name)
    return interfaces


def _lines(path: str) -> List[str]:
    try:
        with open(path) as file:
            return file.readlines()
    except OSError:
        return []


def _words(path: str) -> Any:
    try:
        with open(path) as file:
            return file.read().split()
    except OSError:
        return []


def _number(path: str) -> Optional[float]:
    words = _words(path)
    if len(words) != 1 or not words[0].lstrip("-").isdigit():
        return None
    return float(words[0])


def describe(keras: Any, import_seconds: float) -> Dict[str, Any]:
    """Return the ``environment`` event's fields, from the imported Keras package."""
    settings = keras.backend
    backend = backends.of(keras)
    variables = VARIABLES + tuple(
        name for each in backends.BACKENDS.values() for name in each.variables
    )
    affinity = getattr(os, "sched_getaffinity", None)
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_model": cpu_model(),
        "cpu_count": len(affinity(0)) if affinity else os.cpu_count(),
        "cpus": sorted(affinity(0)) if affinity else [],
        "keras": str(keras.__version__),
        "backend": backend.name,
        "floatx": str(settings.floatx()),
        "epsilon": float(settings.epsilon()),
        "image_data_format": str(settings.image_data_format()),
        "packages": installed_packages(),
        "variables": {key: os.environ[key] for key in variables if key in os.environ},
        "backend_config": backend.configuration(),
        "limits": applied_limits(),
        "uid": os.getuid(),
        "import_seconds": import_seconds,
        "confinement": confinement(),
    }
