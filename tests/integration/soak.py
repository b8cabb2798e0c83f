"""Many cells with faults among them: is a record lost, is anything left, does anything grow?

    python -m tests.integration.soak --cells 500 --faults 0.05

runs a small model on all images, injects a fault into a container or the host process at about
every twentieth cell, resumes until all cells are done, and prints what is there then.
"""

import argparse
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import docker
import psutil
from docker.errors import APIError, NotFound
from docker.models.containers import Container

from keras_matrix.engine.spec import RUN_LABEL
from keras_matrix.records.record import Outcome
from tests.integration.aftermath import Aftermath, DisturbedRun

POLL_SECONDS = 0.05
MAX_ROUNDS = 50
IMAGES = ("tf", "theano")


class Fault(Enum):
    """What happens to a run."""

    KILLED = "container killed"
    REMOVED = "container removed"
    STOPPED = "container stopped"
    STALLED = "container paused for a second"
    INTERRUPTED = "host process interrupted"
    HOST_KILLED = "host process killed"


def _stall(container: Container) -> None:
    container.pause()
    time.sleep(1)
    container.unpause()


CONTAINER_FAULTS: dict[Fault, Callable[[Container], None]] = {
    Fault.KILLED: lambda container: container.kill(),
    Fault.REMOVED: lambda container: container.remove(force=True),
    Fault.STOPPED: lambda container: container.stop(timeout=1),
    Fault.STALLED: _stall,
}
HOST_FAULTS = {Fault.INTERRUPTED: signal.SIGINT, Fault.HOST_KILLED: signal.SIGKILL}


@dataclass(frozen=True)
class Usage:
    """What the host process used when it had written so many records; ``memory`` is in bytes."""

    records: int
    memory: int
    files: int
    threads: int


@dataclass
class Soak:
    """A run of many cells, and what happened to it.

    ``faults`` are those to come, by the number of records at which they are due; ``usage`` has a
    list for each start of the run, ``ends`` its exit code.
    """

    run: DisturbedRun
    cells: int
    faults: dict[int, Fault]
    done: Counter[Fault] = field(default_factory=Counter)
    missed: Counter[Fault] = field(default_factory=Counter)
    usage: list[list[Usage]] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    after: Aftermath | None = None

    def go(self) -> None:
        """Start and resume the run until all cells have a good record, or too often."""
        for number in range(MAX_ROUNDS):
            process = self.run.start(more=("-q", *(("--resume",) if number else ())))
            self.usage.append([])
            self._inject_faults(process)
            self.after = self.run.finish(process)
            self.ends.append(self.after.code)
            if self.good == self.cells:
                return

    @property
    def good(self) -> int:
        """How many cells have a good record."""
        assert self.after is not None
        return sum(outcome is Outcome.OK for outcome in self.after.outcomes.values())

    def _inject_faults(self, process: "subprocess.Popen[str]") -> None:
        """Watch a host process until it ends, and inject the faults that are due."""
        host = psutil.Process(process.pid)
        while process.poll() is None:
            records = len(list((self.run.run.path / "records").glob("*.json")))
            try:
                with host.oneshot():
                    memory = host.memory_info().rss
                    files, threads = host.num_fds(), host.num_threads()
            except psutil.NoSuchProcess:
                break
            self.usage[-1].append(Usage(records, memory, files, threads))
            for due in sorted(number for number in self.faults if number <= records):
                self._inject(self.faults.pop(due), process)
            time.sleep(POLL_SECONDS)

    def _inject(self, fault: Fault, process: "subprocess.Popen[str]") -> None:
        if fault in HOST_FAULTS:
            process.send_signal(HOST_FAULTS[fault])
            self.done[fault] += 1
            return
        running = self.run.client.containers.list(
            filters={"label": f"{RUN_LABEL}={self.run.name}"}, ignore_removed=True
        )
        try:
            CONTAINER_FAULTS[fault](running[0])
        except (IndexError, NotFound, APIError):
            # The container has just ended by itself, or there is no container.
            self.missed[fault] += 1
        else:
            self.done[fault] += 1

    @property
    def longest(self) -> list[Usage]:
        """The usage of the host process that ran the most cells."""
        return max(
            self.usage, key=lambda usage: usage[-1].records - usage[0].records if usage else 0
        )

    def growth(self) -> tuple[float, int, int]:
        """Return by how much memory grew (a ratio), and by how many files and threads.

        These are medians over the second quarter and over the end of the cells of one host process.
        """
        usage = self.longest
        first, last = usage[0].records, usage[-1].records

        def between(low: float, high: float) -> list[Usage]:
            return [u for u in usage if low <= (u.records - first) / max(1, last - first) <= high]

        early, late = between(0.25, 0.5), between(0.75, 0.95)

        def median(chosen: list[Usage], what: Callable[[Usage], int]) -> float:
            return statistics.median(map(what, chosen))

        return (
            median(late, lambda u: u.memory) / median(early, lambda u: u.memory),
            round(median(late, lambda u: u.files) - median(early, lambda u: u.files)),
            round(median(late, lambda u: u.threads) - median(early, lambda u: u.threads)),
        )


def plan(cells: int, fraction: float, seed: int) -> dict[int, Fault]:
    """Return faults of all kinds, by the number of records at which they are due.

    Those of the host process are due in the first third, so that the process after them runs long.
    """
    generator = random.Random(seed)
    count = max(1, round(cells * fraction))
    host_faults = list(HOST_FAULTS)[: max(0, min(len(HOST_FAULTS), count - len(CONTAINER_FAULTS)))]
    kinds = [*host_faults, *_cycle(list(CONTAINER_FAULTS), count - len(host_faults))]
    first = sorted(generator.sample(range(1, max(2 + count, cells // 3)), len(host_faults)))
    rest = sorted(
        generator.sample(
            [number for number in range(1, cells - 1) if number not in first],
            count - len(host_faults),
        )
    )
    return dict(zip([*first, *rest], kinds, strict=True))


def _cycle(kinds: Sequence[Fault], count: int) -> Iterator[Fault]:
    for number in range(count):
        yield kinds[number % len(kinds)]


def soak(run: DisturbedRun, cells: int, fraction: float, seed: int = 0) -> Soak:
    """Run cells, with faults at a fraction of them, until all are done."""
    run.cells = ("--on", ",".join(IMAGES), "--seeds", str(cells // len(IMAGES)))
    result = Soak(run, cells // len(IMAGES) * len(IMAGES), plan(cells, fraction, seed))
    result.go()
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak, print the result, and return 1 if anything was lost, left or grew."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--cells", type=int, default=500)
    parser.add_argument("--faults", type=float, default=0.05, help="a fraction of the cells")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of faults")
    options = parser.parse_args(arguments)
    client = docker.from_env()
    with tempfile.TemporaryDirectory() as folder:
        begin = time.monotonic()
        result = soak(
            DisturbedRun(client, Path(folder)), options.cells, options.faults, options.seed
        )
        after = result.after
        assert after is not None
        memory, files, threads = result.growth()
        lines = [
            f"cells: {result.cells}, {result.good} with a good record",
            *(f"  {fault.value}: {result.done[fault]}" for fault in Fault),
            f"rounds: {len(result.ends)}, exit codes {', '.join(map(str, result.ends))}",
            f"left: {after.containers_left}; stray files: {', '.join(after.stray) or 'none'}",
            f"memory of one host process: x {memory:.2f}; files {files:+d}; threads {threads:+d}",
            f"time: {time.monotonic() - begin:.0f} s",
        ]
    sys.stdout.write("\n".join(lines) + "\n")
    client.close()
    good = result.good == result.cells and (after.containers_left, after.stray) == ("nothing", ())
    return 0 if good and memory < 1.1 and files <= 2 else 1


if __name__ == "__main__":
    sys.exit(main())
