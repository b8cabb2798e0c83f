"""Whose container is it: each is labelled with its runner, so that leftovers can be told apart."""

import math
import os
import platform
import uuid
from dataclasses import dataclass

import psutil

from runner.cell.container import LABEL, OWNER_LABEL
from runner.engine import Engine

MAX_PID = 2**22
"""The kernel's own bound (proc_sys_kernel(5))."""


@dataclass(frozen=True)
class Owner:
    """A runner process: a process number is used again, so its start time belongs to it."""

    host: str
    pid: int
    started: float

    @classmethod
    def this_process(cls) -> "Owner":
        """Return the owner that this process is."""
        process = psutil.Process()
        return cls(host=host_name(), pid=process.pid, started=round(process.create_time(), 1))

    def label(self) -> str:
        """Return the owner as a label's value."""
        return f"{self.host}/{self.pid}/{self.started}"

    @classmethod
    def parse(cls, label: str) -> "Owner | None":
        """Read a label's value; None if it is not one of ours."""
        try:
            host, pid, started = label.rsplit("/", 2)
            owner = cls(host=host, pid=int(pid), started=float(started))
        except ValueError:
            return None
        return owner if 0 < owner.pid < MAX_PID and math.isfinite(owner.started) else None

    def is_gone(self) -> bool:
        """Tell whether the process has ended for sure; one on another host is not known to."""
        if self.host != host_name():
            return False
        try:
            # The clock's ticks and a clock that was set may move the start time a little.
            return abs(psutil.Process(self.pid).create_time() - self.started) > 2
        except psutil.NoSuchProcess:
            return True


def host_name() -> str:
    """Name the place where process numbers are counted: host and process namespace."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = f"{uuid.getnode():x}"
    return f"{platform.node()}:{namespace}"


def sweep(engine: Engine) -> tuple[str, ...]:
    """Remove the containers of runners that have died; return their names."""
    removed = []
    for container in engine.containers(LABEL):
        owner = Owner.parse(container.labels.get(OWNER_LABEL, ""))
        if owner is not None and owner.is_gone() and engine.remove(container.id):
            removed.append(container.name)
    return tuple(removed)
