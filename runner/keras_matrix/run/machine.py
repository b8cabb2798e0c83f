"""Share out the CPUs and memory of the engine's machine among cells that run at the same time."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_matrix.engine.facts import EngineFacts
from keras_matrix.errors import ConfigurationError
from keras_matrix.plan.cells import Limits
from keras_matrix.records import cache

TOPOLOGY_FOLDER = Path("/sys/devices/system/cpu")
IDLE_CONTAINER_BYTES = 512 * 2**20
"""Memory that a container with Keras imported takes while it waits, in bytes."""
MEMORY_SHARE = 0.9
"""The part of the machine's memory that cells may use."""
MAX_IDLE_CONTAINERS = 4
"""Containers that may wait in one lane."""


def cores(
    available: Sequence[int], topology: Path = TOPOLOGY_FOLDER
) -> tuple[tuple[int, ...], ...]:
    """Group CPUs by the core whose hardware threads they are; each is a core if that is unknown."""
    groups: dict[str, list[int]] = {}
    for cpu in sorted(available):
        try:
            siblings = (topology / f"cpu{cpu}/topology/thread_siblings_list").read_text().strip()
        except OSError:
            siblings = str(cpu)
        groups.setdefault(siblings, []).append(cpu)
    return tuple(tuple(group) for group in groups.values())


def available_cpus() -> tuple[int, ...]:
    """Return the numbers of the CPUs that this process may use."""
    return tuple(sorted(os.sched_getaffinity(0)))


def lanes(machine: Sequence[Sequence[int]], cpus: float) -> tuple[tuple[int, ...], ...]:
    """Compute the CPUs of each lane; a lane runs one cell at a time.

    A lane has whole cores: the times of one cell do not depend on what runs in another lane. As
    many CPUs are used as a cell may use, one hardware thread of each core. ``machine`` is as
    :func:`cores` returns it.
    """
    size = max(1, math.ceil(cpus))
    firsts = [core[0] for core in machine]
    count = len(firsts) // size
    if count == 0:
        # Fewer cores than a cell may use: their other hardware threads are used, too.
        return (tuple(cpu for core in machine for cpu in core)[:size],)
    return tuple(tuple(firsts[lane * size : (lane + 1) * size]) for lane in range(count))


def jobs(requested: int | None, lane_count: int, memory: int, total_memory: int) -> int:
    """Compute how many cells run at a time: as ``requested``, or as many as CPUs and memory allow.

    ``memory`` is what a cell may use, in bytes.

    Raises:
        ConfigurationError: more cells are requested than fit, or more memory than there is.
    """
    if memory > total_memory:
        raise ConfigurationError(
            f"--memory is more than the {total_memory / 2**30:.1f} GiB that the engine's machine "
            "has; lower it."
        )
    fitting = max(1, int(total_memory * MEMORY_SHARE) // memory)
    most = min(lane_count, fitting)
    if requested is not None and requested > most:
        short = "memory" if fitting < lane_count else "CPUs"
        raise ConfigurationError(
            f"--jobs {requested} is more than the {most} that the {short} of the engine's machine "
            "suffice for; lower --jobs, --cpus or --memory."
        )
    return requested or most


def idle_containers(running: int, lane_count: int, memory: int, total_memory: int) -> int:
    """Compute how many containers a lane may keep waiting besides one that runs.

    ``running`` cells have their ``memory`` in full (bytes).
    """
    left = int(total_memory * MEMORY_SHARE) - running * memory
    return max(0, min(MAX_IDLE_CONTAINERS, left // (lane_count * IDLE_CONTAINER_BYTES)))


def cpu_key(facts: Mapping[str, str] | None = None) -> str:
    """Name the kind of this machine's CPU: code compiled for one kind may not run on another."""
    processor = facts if facts is not None else _processor()
    return f"{processor.get('model name', '?')}; {processor.get('flags', '')}"


def _processor() -> dict[str, str]:
    """Read the first processor's facts (proc_cpuinfo(5)); empty where there are none."""
    facts: dict[str, str] = {}
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                key, _, value = line.partition(":")
                if not line.strip():
                    break
                facts[key.strip()] = value.strip()
    except OSError:
        pass
    return facts


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What to run cells on: the CPUs of each lane, and how many of the lanes at a time.

    ``idle`` is how many containers a lane may keep waiting besides the one that runs; ``cpu`` names
    the kind of CPU; ``locks`` is the folder of the locks that keep two runs off the same CPU.
    """

    lanes: tuple[tuple[int, ...], ...]
    jobs: int
    idle: int
    cpu: str
    locks: Path


def share_out(limits: Limits, jobs_wanted: int | None, facts: EngineFacts) -> Machine:
    """Share the engine's machine out in lanes; ``jobs_wanted`` cells may run at a time.

    Cells run where the engine is, which may have less of both CPUs and memory than this process's
    machine: as a virtual machine, or elsewhere.

    Raises:
        ConfigurationError: the engine's machine is too small for one cell.
    """
    memory = facts.memory or own_memory()
    pinned = lanes(engine_cores(facts), limits.cpus)
    running = jobs(jobs_wanted, len(pinned), limits.memory, memory)
    return Machine(
        lanes=pinned,
        jobs=running,
        idle=idle_containers(running, len(pinned), limits.memory, memory),
        cpu=engine_cpu(facts),
        locks=cache.root() / cache.LOCKS,
    )


def is_own(facts: EngineFacts) -> bool:
    """Tell whether the engine runs on this process's machine, as far as its CPUs show.

    The engine reports how many CPUs its own process may use (Moby's
    ``pkg/sysinfo/numcpu_linux.go``): as many as this process may, or all. An engine that reports no
    number is taken for one on this machine.
    """
    return facts.cpus in (0, len(available_cpus()), os.cpu_count())


def engine_cores(facts: EngineFacts) -> tuple[tuple[int, ...], ...]:
    """Return the CPUs that cells may be pinned to, by core, as the engine's machine numbers them.

    The engine says how many CPUs its machine has, but not which numbers these have, nor which share
    a core. On this process's machine both are read here. On another one the numbers count from 0,
    as those of a virtual machine do, and each CPU is taken as a core: the engine refuses a number
    that it does not have, and a shared core costs time, not figures.
    """
    if is_own(facts):
        return cores(available_cpus())
    return tuple((cpu,) for cpu in range(facts.cpus))


def engine_cpu(facts: EngineFacts) -> str:
    """Name the kind of CPU of the engine's machine.

    The CPUs of another machine cannot be identified here, so the machine itself stands for the
    kind: code that was compiled there is not run on this machine, nor the other way round.
    """
    if is_own(facts):
        return cpu_key()
    return f"another machine: {facts.platform}; {facts.cpus} CPUs; {facts.memory} bytes"


def own_memory() -> int:
    """Return the bytes of memory that this process's machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
