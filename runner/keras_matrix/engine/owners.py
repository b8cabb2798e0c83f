"""Which process owns a container: a label names it, so that leftovers can be recognized."""

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
from keras_matrix.engine.spec import CELL_LABEL, OWNER_LABEL
from keras_matrix.errors import EngineError

MAX_PID = 2**22
"""The kernel's own bound of process numbers (proc_sys_kernel(5))."""
ENDED_STATES = ("Z", "X")
"""States of a process that has ended and is still listed (proc(5))."""
SWEEP_THREADS = 8
"""The threads that remove leftover containers."""
SWEEP_SECONDS = 60.0
"""Seconds after which the containers that still remain are left to the next run."""
MAX_NAMES = 3
"""The removed containers that are named to the user."""


@dataclass(frozen=True)
class Owner:
    """A host process that creates containers, by its number and its start: numbers are used again.

    ``boot`` identifies the start of the kernel and ``started`` is in clock ticks since then:
    neither changes when the clock is set.
    """

    host: str
    boot: str
    pid: int
    started: int

    @classmethod
    def this_process(cls) -> "Owner":
        """Return this process as an owner."""
        pid = os.getpid()
        stat = _stat(pid)
        return cls(host=host_name(), boot=boot(), pid=pid, started=stat[1] if stat else 0)

    def label(self) -> str:
        """Format the owner as a label's value."""
        return f"{self.host}/{self.boot}/{self.pid}/{self.started}"

    @classmethod
    def parse(cls, label: str) -> "Owner | None":
        """Parse a label's value; None if it has another form."""
        try:
            host, boot, pid, started = label.rsplit("/", 3)
            owner = cls(host=host, boot=boot, pid=int(pid), started=int(started))
        except ValueError:
            return None
        return owner if 0 < owner.pid < MAX_PID else None

    def is_gone(self) -> bool:
        """Tell whether the process has certainly ended; never certain for one on another host."""
        if self.host != host_name():
            return False
        if self.boot != boot():
            return True
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            # Another user's process, which /proc may hide.
            pass
        stat = _stat(self.pid)
        return stat is not None and (stat[0] in ENDED_STATES or stat[1] != self.started)


def _stat(pid: int) -> tuple[str, int] | None:
    """Read a process's state, and its start in ticks since the boot; None if it is unknown."""
    try:
        # The second field is the program's name, which may hold anything (proc(5)).
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return fields[0].decode(), int(fields[19])
    except (OSError, IndexError, ValueError):
        return None


def host_name() -> str:
    """Identify where process numbers are counted: the machine and its process namespace."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = "-"
    machine = _read_text("/etc/machine-id")[:12]
    return f"{platform.node()}:{machine}:{namespace}"


def boot() -> str:
    """Return the kernel's id of this boot."""
    return _read_text("/proc/sys/kernel/random/boot_id")


def _read_text(path: str) -> str:
    with contextlib.suppress(OSError):
        return Path(path).read_text(encoding="ascii", errors="replace").strip()
    return ""


@dataclass(frozen=True)
class SweepResult:
    """The names of the leftover containers that were removed, and how many remain.

    ``problem`` is why the engine did not remove one of these, empty if it refused none.
    """

    removed: tuple[str, ...] = ()
    remaining: int = 0
    problem: str = ""

    def lines(self) -> tuple[str, ...]:
        """Describe the result for the user."""
        lines = []
        if self.removed:
            names = ", ".join(self.removed[:MAX_NAMES])
            more = len(self.removed) - MAX_NAMES
            names += f" and {more} more" if more > 0 else ""
            lines.append(f"removed {_leftover_containers(len(self.removed))}: {names}")
        if self.remaining:
            containers = _leftover_containers(self.remaining)
            reason = f" ({self.problem})" if self.problem else ""
            lines.append(f"{containers} will be removed by the next run{reason}")
        return tuple(lines)


def _leftover_containers(count: int) -> str:
    if count == 1:
        return "a container left over from a run that was killed"
    return f"{count} containers left over from runs that were killed"


def sweep(
    engine: Engine, stopped: Callable[[], bool] = lambda: False, seconds: float = SWEEP_SECONDS
) -> SweepResult:
    """Remove the containers of owners that have ended.

    The sweep ends after ``seconds``, or once ``stopped`` is true; a container that the engine does
    not remove does not prevent a run.

    Raises:
        EngineError: the engine does not list its containers.
    """
    leftovers = _leftovers(engine)
    deadline = time.monotonic() + seconds
    problems = []

    def remove(container: ContainerInfo) -> bool | None:
        """Remove a container; None if it remains, False if it was gone already."""
        if stopped() or time.monotonic() > deadline:
            return None
        try:
            return engine.remove(container.id)
        except EngineError as error:
            problems.append(str(error))
            return None

    with ThreadPoolExecutor(max_workers=SWEEP_THREADS) as threads:
        removals = list(threads.map(remove, leftovers))
    return SweepResult(
        removed=tuple(item.name for item, gone in zip(leftovers, removals, strict=True) if gone),
        remaining=removals.count(None),
        problem=problems[0] if problems else "",
    )


def _leftovers(engine: Engine) -> list[ContainerInfo]:
    gone: dict[str, bool] = {}
    leftovers = []
    for container in engine.containers(CELL_LABEL):
        label = container.labels.get(OWNER_LABEL, "")
        if label not in gone:
            owner = Owner.parse(label)
            gone[label] = owner is not None and owner.is_gone()
        if gone[label]:
            leftovers.append(container)
    return leftovers
