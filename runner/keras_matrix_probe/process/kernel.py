"""What the kernel keeps of this process, and others of the same user may look into or change."""

import ctypes
import os
import resource
from typing import Any, Dict, Optional

PR_SET_DUMPABLE = 4
IPC_RMID = 0
IPC = (("shm", "shmctl", None), ("msg", "msgctl", None), ("sem", "semctl", 0))
"""System V objects: their list in /proc/sysvipc, the call that removes one, its last argument."""


def _libc(name: str) -> Optional[Any]:
    return getattr(ctypes.CDLL(None), name, None)


def protect(on: bool) -> None:
    """Keep other processes of this user from looking into this one (prctl(2), ptrace(2))."""
    prctl = _libc("prctl")
    if prctl is not None:
        prctl(PR_SET_DUMPABLE, 0 if on else 1, 0, 0, 0)


def attributes() -> Dict[str, Any]:
    """Return what another process of this user may change, protected or not, and forks inherit.

    Limits (prlimit(2)), priority (setpriority(2)), scheduler and CPUs (sched(7)).
    """
    found: Dict[str, Any] = {
        name.replace("RLIMIT_", "limit "): resource.getrlimit(getattr(resource, name))
        for name in dir(resource)
        if name.startswith("RLIMIT_") and name != "RLIMIT_OFILE"
    }
    if hasattr(os, "sched_getscheduler"):
        found["priority"] = os.getpriority(os.PRIO_PROCESS, 0)
        found["scheduler"] = os.sched_getscheduler(0)
        found["CPUs"] = sorted(os.sched_getaffinity(0))
    return found


def remove_ipc(lists: str = "/proc/sysvipc") -> None:
    """Remove all System V objects of this IPC namespace: they outlive whoever made them."""
    for kind, control, last in IPC:
        remove = _libc(control)
        path = os.path.join(lists, kind)
        if remove is None or not os.path.exists(path):
            continue
        with open(path) as lines:
            numbers = [int(line.split()[1]) for line in lines.readlines()[1:]]
        for number in numbers:
            if kind == "sem":
                remove(number, 0, IPC_RMID, last)
            else:
                remove(number, IPC_RMID, last)
