"""What the kernel lets other processes of the same user read or change of this process."""

import ctypes
import os
import resource
from typing import Any, Dict, Optional

PR_SET_DUMPABLE = 4
"""An operation of prctl(2)."""
IPC_RMID = 0
"""The command of shmctl(2), msgctl(2) and semctl(2) that removes an object."""
IPC_OBJECTS = (("shm", "shmctl", None), ("msg", "msgctl", None), ("sem", "semctl", 0))
"""System V objects: name in /proc/sysvipc, function that removes one, last argument of it."""


def _libc(name: str) -> Optional[Any]:
    return getattr(ctypes.CDLL(None), name, None)


def protect(on: bool) -> None:
    """Set whether other processes of this user may read this one (prctl(2), ptrace(2))."""
    prctl = _libc("prctl")
    if prctl is not None:
        prctl(PR_SET_DUMPABLE, 0 if on else 1, 0, 0, 0)


def attributes() -> Dict[str, Any]:
    """Return what another process of this user may change even if protected, and forks inherit.

    These are limits (prlimit(2)), priority (setpriority(2)), scheduler and CPUs (sched(7)).
    """
    values: Dict[str, Any] = {
        name.replace("RLIMIT_", "limit "): resource.getrlimit(getattr(resource, name))
        for name in dir(resource)
        if name.startswith("RLIMIT_") and name != "RLIMIT_OFILE"
    }
    if hasattr(os, "sched_getscheduler"):
        values["priority"] = os.getpriority(os.PRIO_PROCESS, 0)
        values["scheduler"] = os.sched_getscheduler(0)
        values["CPUs"] = sorted(os.sched_getaffinity(0))
    return values


def remove_ipc(lists: str = "/proc/sysvipc") -> None:
    """Remove all System V objects of this IPC namespace: they outlive the process that made one."""
    for kind, control, last in IPC_OBJECTS:
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
