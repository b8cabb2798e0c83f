"""Whose container is it: each is labelled with its runner, so that leftovers can be told apart."""

import contextlib
import os
import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from keras_matrix.engine.answers import ContainerInfo
from keras_matrix.engine.client import Engine
from keras_matrix.engine.spec import LABEL, OWNER_LABEL
from keras_matrix.errors import EngineError

MAX_PID = 2**22
"""The kernel's own bound (proc_sys_kernel(5))."""
ENDED = ("Z", "X")
"""States of a process that has ended and is still listed (proc(5))."""
SWEEPERS = 8
SWEEP_TIME = 60.0
"""Seconds after which what is still left is left to the next run."""
MOST_NAMES = 3


@dataclass(frozen=True)
class Owner:
    """A runner process: a process number is used again, so its start belongs to it.

    ``boot`` is that of the kernel and ``started`` the clock's ticks since then: neither changes
    when somebody sets the clock.
    """

    host: str
    boot: str
    pid: int
    started: int

    @classmethod
    def this_process(cls) -> "Owner":
        """Return the owner that this process is."""
        pid = os.getpid()
        found = _stat(pid)
        return cls(host=host_name(), boot=boot(), pid=pid, started=found[1] if found else 0)

    def label(self) -> str:
        """Return the owner as a label's value."""
        return f"{self.host}/{self.boot}/{self.pid}/{self.started}"

    @classmethod
    def parse(cls, label: str) -> "Owner | None":
        """Read a label's value; None if it is not one of ours."""
        try:
            host, boot, pid, started = label.rsplit("/", 3)
            owner = cls(host=host, boot=boot, pid=int(pid), started=int(started))
        except ValueError:
            return None
        return owner if 0 < owner.pid < MAX_PID else None

    def is_gone(self) -> bool:
        """Tell whether the process has ended for sure; one on another host is not known to."""
        if self.host != host_name():
            return False
        if self.boot != boot():
            return True
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            # Another user's; what /proc says of it may be hidden.
            pass
        found = _stat(self.pid)
        return found is not None and (found[0] in ENDED or found[1] != self.started)


def _stat(pid: int) -> tuple[str, int] | None:
    """Return a process's state and start, in ticks since the boot; None if nothing tells."""
    try:
        # The second field is the program's name, which may hold anything (proc(5)).
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return fields[0].decode(), int(fields[19])
    except (OSError, IndexError, ValueError):
        return None


def host_name() -> str:
    """Name the place where process numbers are counted: machine and process namespace."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = "-"
    machine = _text("/etc/machine-id")[:12]
    return f"{platform.node()}:{machine}:{namespace}"


def boot() -> str:
    """Name the time since the kernel began."""
    return _text("/proc/sys/kernel/random/boot_id")


def _text(path: str) -> str:
    with contextlib.suppress(OSError):
        return Path(path).read_text(encoding="ascii", errors="replace").strip()
    return ""


@dataclass(frozen=True)
class Swept:
    """The names of the containers of dead runners that were removed, and how many are left.

    ``problem`` is why one of these cannot be removed, if that is why.
    """

    removed: tuple[str, ...] = ()
    left: int = 0
    problem: str = ""

    def told(self) -> tuple[str, ...]:
        """Return what to tell the user, each in a line."""
        lines = []
        if self.removed:
            names = ", ".join(self.removed[:MOST_NAMES])
            more = len(self.removed) - MOST_NAMES
            names += f" and {more} more" if more > 0 else ""
            lines.append(f"removed {_containers(len(self.removed))}: {names}")
        if self.left:
            why = f" ({self.problem})" if self.problem else ""
            lines.append(f"{_containers(self.left)} will be removed by the next run{why}")
        return tuple(lines)


def _containers(count: int) -> str:
    if count == 1:
        return "a container left over from a run that was killed"
    return f"{count} containers left over from runs that were killed"


def sweep(
    engine: Engine, stopped: Callable[[], bool] = lambda: False, seconds: float = SWEEP_TIME
) -> Swept:
    """Remove the containers of runners that have died.

    It ends after so many ``seconds``, or once it is ``stopped``; one that the engine does not
    remove keeps nobody from a run.

    Raises:
        EngineError: the engine does not list its containers.
    """
    leftovers = _leftovers(engine)
    deadline = time.monotonic() + seconds
    problems = []

    def remove(container: ContainerInfo) -> bool | None:
        if stopped() or time.monotonic() > deadline:
            return None
        try:
            return engine.remove(container.id)
        except EngineError as error:
            problems.append(str(error))
            return None

    with ThreadPoolExecutor(max_workers=SWEEPERS) as threads:
        done = list(threads.map(remove, leftovers))
    return Swept(
        removed=tuple(c.name for c, was in zip(leftovers, done, strict=True) if was),
        left=done.count(None),
        problem=problems[0] if problems else "",
    )


def _leftovers(engine: Engine) -> list[ContainerInfo]:
    gone: dict[str, bool] = {}
    found = []
    for container in engine.containers(LABEL):
        label = container.labels.get(OWNER_LABEL, "")
        if label not in gone:
            owner = Owner.parse(label)
            gone[label] = owner is not None and owner.is_gone()
        if gone[label]:
            found.append(container)
    return found
