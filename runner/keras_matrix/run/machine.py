"""Share out the machine's CPUs and memory among cells that run at the same time."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_matrix.errors import ConfigurationError
from keras_matrix.plan.cells import Limits
from keras_matrix.records import cache

TOPOLOGY = Path("/sys/devices/system/cpu")
IDLE_MEMORY = 512 * 2**20
"""Bytes that a container with Keras imported takes while it waits."""
MEMORY_SHARE = 0.9
MOST_IDLE = 4


def cores(available: Sequence[int], topology: Path = TOPOLOGY) -> tuple[tuple[int, ...], ...]:
    """Group CPUs by the core whose hardware threads they are; each alone where nothing tells."""
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
    """Return the CPUs of each lane; a lane runs one cell at a time.

    A lane has whole cores: the times of one cell do not depend on what runs in another lane. As
    many CPUs are used as a cell may use, one hardware thread of each core. ``machine`` is as
    :func:`cores` returns it.
    """
    wanted = max(1, math.ceil(cpus))
    firsts = [core[0] for core in machine]
    count = len(firsts) // wanted
    if count == 0:
        # Fewer cores than a cell asks for: their other hardware threads will have to do.
        return (tuple(cpu for core in machine for cpu in core)[:wanted],)
    return tuple(tuple(firsts[lane * wanted : (lane + 1) * wanted]) for lane in range(count))


def jobs(asked: int | None, lane_count: int, memory: int, total_memory: int) -> int:
    """Return how many cells to run at a time: as asked, else as CPUs and memory suffice for.

    ``memory`` is what a cell may use, in bytes.

    Raises:
        ConfigurationError: more are asked for than that, or more memory than there is.
    """
    if memory > total_memory:
        raise ConfigurationError(
            f"--memory is more than the {total_memory / 2**30:.1f} GiB that this machine has; "
            "lower it."
        )
    fitting = max(1, int(total_memory * MEMORY_SHARE) // memory)
    most = min(lane_count, fitting)
    if asked is not None and asked > most:
        short = "memory" if fitting < lane_count else "CPUs"
        raise ConfigurationError(
            f"--jobs {asked} is more than the {most} that the {short} of this machine suffice "
            "for; lower --jobs, --cpus or --memory."
        )
    return asked or most


def idle_containers(running: int, lane_count: int, memory: int, total_memory: int) -> int:
    """Return how many containers a lane may keep waiting besides one that runs.

    ``running`` cells have their ``memory`` in full (bytes).
    """
    left = int(total_memory * MEMORY_SHARE) - running * memory
    return max(0, min(MOST_IDLE, left // (lane_count * IDLE_MEMORY)))


def cpu_key(facts: Mapping[str, str] | None = None) -> str:
    """Name the kind of CPU: what is compiled for one may not run on another."""
    found = facts if facts is not None else _processor()
    return f"{found.get('model name', '?')}; {found.get('flags', '')}"


def _processor() -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                key, _, value = line.partition(":")
                if not line.strip():
                    break
                found[key.strip()] = value.strip()
    except OSError:
        pass
    return found


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What to run cells on: the CPUs of each lane, and how many of the lanes at a time.

    ``idle`` is how many containers a lane may keep waiting besides the one that runs; ``locks``
    is the folder of the locks that keep two runners off the same CPU.
    """

    lanes: tuple[tuple[int, ...], ...]
    jobs: int
    idle: int
    locks: Path


def memory() -> int:
    """Return the bytes of memory that this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def share_out(limits: Limits, asked: int | None) -> Machine:
    """Share this machine out in lanes; ``asked`` is how many cells may run at a time.

    Raises:
        ConfigurationError: it is too small for one cell.
    """
    total = memory()
    pinned = lanes(cores(available_cpus()), limits.cpus)
    at_a_time = jobs(asked, len(pinned), limits.memory, total)
    return Machine(
        lanes=pinned,
        jobs=at_a_time,
        idle=idle_containers(at_a_time, len(pinned), limits.memory, total),
        locks=cache.root() / cache.LOCKS,
    )
