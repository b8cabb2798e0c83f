"""Many cells, and faults among them: is a record lost, is anything left, does anything grow?

    python -m tests.integration.soak --cells 500 --faults 0.05

runs a small model on all images, does something to a container or to the runner at every
twentieth cell or so, goes on with ``--resume`` until all is done, and prints what there is then.
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
from tests.integration.aftermath import Aftermath, Disturbed

POLL = 0.05
MOST_ROUNDS = 50
IMAGES = ("tf", "theano")


class Fault(Enum):
    """What happens to a run."""

    KILLED = "container killed"
    REMOVED = "container removed"
    STOPPED = "container stopped"
    STALLED = "container paused for a second"
    INTERRUPTED = "runner interrupted"
    RUNNER_KILLED = "runner killed"


def _stall(container: Container) -> None:
    container.pause()
    time.sleep(1)
    container.unpause()


OF_CONTAINER: dict[Fault, Callable[[Container], None]] = {
    Fault.KILLED: lambda container: container.kill(),
    Fault.REMOVED: lambda container: container.remove(force=True),
    Fault.STOPPED: lambda container: container.stop(timeout=1),
    Fault.STALLED: _stall,
}
OF_RUNNER = {Fault.INTERRUPTED: signal.SIGINT, Fault.RUNNER_KILLED: signal.SIGKILL}


@dataclass(frozen=True)
class Usage:
    """What the runner used once ``records`` were there: bytes of memory of its own, and counts."""

    records: int
    memory: int
    files: int
    threads: int


@dataclass
class Soak:
    """A run of many cells and what happens to it."""

    run: Disturbed
    cells: int
    faults: dict[int, Fault]
    done: Counter[Fault] = field(default_factory=Counter)
    missed: Counter[Fault] = field(default_factory=Counter)
    usage: list[list[Usage]] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    after: Aftermath | None = None

    def go(self) -> None:
        """Run until all cells have a good record, or no more comes of it."""
        for number in range(MOST_ROUNDS):
            process = self.run.begin(more=("-q", *(("--resume",) if number else ())))
            self.usage.append([])
            self._accompany(process)
            self.after = self.run.end(process)
            self.ends.append(self.after.code)
            if self.good == self.cells:
                return

    @property
    def good(self) -> int:
        """How many cells have a good record."""
        assert self.after is not None
        return sum(outcome is Outcome.OK for outcome in self.after.outcomes.values())

    def _accompany(self, process: "subprocess.Popen[str]") -> None:
        """Look at a runner while it lives, and do to it what is due."""
        shown = psutil.Process(process.pid)
        while process.poll() is None:
            records = len(list((self.run.run.path / "records").glob("*.json")))
            try:
                with shown.oneshot():
                    memory = shown.memory_info().rss
                    files, threads = shown.num_fds(), shown.num_threads()
            except psutil.NoSuchProcess:
                break
            self.usage[-1].append(Usage(records, memory, files, threads))
            for due in sorted(number for number in self.faults if number <= records):
                self._do(self.faults.pop(due), process)
            time.sleep(POLL)

    def _do(self, fault: Fault, process: "subprocess.Popen[str]") -> None:
        if fault in OF_RUNNER:
            process.send_signal(OF_RUNNER[fault])
            self.done[fault] += 1
            return
        running = self.run.client.containers.list(
            filters={"label": f"{RUN_LABEL}={self.run.name}"}, ignore_removed=True
        )
        try:
            OF_CONTAINER[fault](running[0])
        except (IndexError, NotFound, APIError):
            # It has just ended by itself, or none was there.
            self.missed[fault] += 1
        else:
            self.done[fault] += 1

    @property
    def longest(self) -> list[Usage]:
        """What was seen of the runner that saw the most cells."""
        return max(self.usage, key=lambda seen: seen[-1].records - seen[0].records if seen else 0)

    def growth(self) -> tuple[float, int, int]:
        """Return by how much memory grew (a ratio), and by how many files and threads.

        From the second quarter of the cells that one runner saw to the last: medians.
        """
        seen = self.longest
        first, last = seen[0].records, seen[-1].records

        def between(low: float, high: float) -> list[Usage]:
            return [u for u in seen if low <= (u.records - first) / max(1, last - first) <= high]

        early, late = between(0.25, 0.5), between(0.75, 0.95)

        def median(chosen: list[Usage], what: Callable[[Usage], int]) -> float:
            return statistics.median(map(what, chosen))

        return (
            median(late, lambda u: u.memory) / median(early, lambda u: u.memory),
            round(median(late, lambda u: u.files) - median(early, lambda u: u.files)),
            round(median(late, lambda u: u.threads) - median(early, lambda u: u.threads)),
        )


def plan(cells: int, fraction: float, seed: int) -> dict[int, Fault]:
    """Return faults, by the number of records at which they are due; some of each kind.

    What happens to the runner happens in the first third: the one after it can be watched long.
    """
    generator = random.Random(seed)
    count = max(1, round(cells * fraction))
    of_runner = list(OF_RUNNER)[: max(0, min(len(OF_RUNNER), count - len(OF_CONTAINER)))]
    kinds = [*of_runner, *_cycle(list(OF_CONTAINER), count - len(of_runner))]
    first = sorted(generator.sample(range(1, max(2 + count, cells // 3)), len(of_runner)))
    rest = sorted(
        generator.sample(
            [number for number in range(1, cells - 1) if number not in first],
            count - len(of_runner),
        )
    )
    return dict(zip([*first, *rest], kinds, strict=True))


def _cycle(kinds: Sequence[Fault], count: int) -> Iterator[Fault]:
    for number in range(count):
        yield kinds[number % len(kinds)]


def soak(run: Disturbed, cells: int, fraction: float, seed: int = 0) -> Soak:
    """Run so many cells with that fraction of faults, until all are done."""
    run.cells = ("--on", ",".join(IMAGES), "--seeds", str(cells // len(IMAGES)))
    made = Soak(run, cells // len(IMAGES) * len(IMAGES), plan(cells, fraction, seed))
    made.go()
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak, print what came of it, and return 1 if anything was lost, left or grew."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--cells", type=int, default=500)
    parser.add_argument("--faults", type=float, default=0.05, help="a fraction of the cells")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of faults")
    given = parser.parse_args(arguments)
    client = docker.from_env()
    with tempfile.TemporaryDirectory() as folder:
        begin = time.monotonic()
        made = soak(Disturbed(client, Path(folder)), given.cells, given.faults, given.seed)
        after = made.after
        assert after is not None
        memory, files, threads = made.growth()
        lines = [
            f"cells: {made.cells}, {made.good} with a good record",
            *(f"  {fault.value}: {made.done[fault]}" for fault in Fault),
            f"rounds: {len(made.ends)}, exit codes {', '.join(map(str, made.ends))}",
            f"left: {after.left}; stray files: {', '.join(after.stray) or 'none'}",
            f"one runner's memory: x {memory:.2f}; files {files:+d}; threads {threads:+d}",
            f"time: {time.monotonic() - begin:.0f} s",
        ]
    sys.stdout.write("\n".join(lines) + "\n")
    client.close()
    good = made.good == made.cells and (after.left, after.stray) == ("nothing", ())
    return 0 if good and memory < 1.1 and files <= 2 else 1


if __name__ == "__main__":
    sys.exit(main())
