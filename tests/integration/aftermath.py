"""What a fault leaves: a message, files, containers; and whether the run can be resumed."""

import re
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import msgspec

from keras_matrix.engine.spec import RUN_LABEL
from keras_matrix.errors import DamagedError
from keras_matrix.records import checksum
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import RECORD_SCHEMA, Outcome, Record
from tests import ROOT
from tests.integration.conftest import SCRIPTS, clean_environment, command_line

TIMEOUT_SECONDS = 300
FAULTY_COMMAND = Path(__file__).parent / "faulty.py"
MEASURED_FIELDS = {
    "seconds",
    "cpu_seconds",
    "first_batch_seconds",
    "compile_seconds",
    "peak_memory",
}
"""Fields of records that differ between any two runs."""
CHANGING_NAMES = (
    (re.compile(r"keras-matrix-[\w.-]+-[0-9a-f]{8}"), "CONTAINER"),
    (re.compile(r"process \d+ on [^)\s]+"), "PROCESS"),
    (re.compile(r"sha256:[0-9a-f]{64}"), "DIGEST"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "ID"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "ID"),
)
"""What differs in each run's messages, and the placeholder that stands for it."""
PARTIAL_FILE = re.compile(r"(?<=\.json)\.[a-z0-9_]{8}$")


@dataclass(frozen=True)
class Aftermath:
    """What a fault left.

    ``message`` is the command's one sentence, with placeholders for names that change;
    ``outcomes`` those of the cells with a record, by the cell's id; ``planned`` how many cells
    there should be; ``damaged`` what cannot be read, and ``set_aside`` how many manifests and
    records were set aside; ``created``, ``running`` and ``ended`` how many containers of the run
    are in that state; ``stray`` the files in its folder that belong to no cell.
    """

    code: int
    message: str
    out: str
    err: str
    outcomes: Mapping[str, Outcome]
    planned: int
    damaged: tuple[str, ...]
    set_aside: int
    created: int
    running: int
    ended: int
    stray: tuple[str, ...]

    @property
    def on_disk(self) -> str:
        """What is on disk, in a few words."""
        if not (self.planned or self.damaged or self.outcomes):
            return "no run folder"
        counts = Counter(outcome.value for outcome in self.outcomes.values())
        parts = [f"{counts.pop('ok', 0)} of {self.planned or '?'} ok"]
        parts += [f"{count} {name}" for name, count in sorted(counts.items())]
        parts += [f"{count} {name} damaged" for name, count in Counter(self.damaged).items()]
        parts += [f"{self.set_aside} set aside"] if self.set_aside else []
        parts += [f"stray: {', '.join(self.stray)}"] if self.stray else []
        return "; ".join(parts)

    @property
    def containers_left(self) -> str:
        """Which containers are left, in a few words."""
        parts = [f"{self.created} created"] if self.created else []
        parts += [f"{self.running} running"] if self.running else []
        parts += [f"{self.ended} ended"] if self.ended else []
        return ", ".join(parts) or "nothing"


@dataclass
class DisturbedRun:
    """A run that a fault happens to; its unique name tells its containers from others'.

    ``cells`` are the arguments that select the cells; a resumed run needs the same.
    """

    client: docker.DockerClient
    results: Path
    script: Path = SCRIPTS / "steady.py"
    cells: tuple[str, ...] = ("--on", "tf", "--seeds", "2", "--jobs", "1")
    environment: dict[str, str] = field(default_factory=dict)
    name: str = field(default_factory=lambda: f"disturbed-{uuid.uuid4().hex}")

    @property
    def run(self) -> RunFolder:
        """The run's folder."""
        return RunFolder(self.results / self.name)

    def arguments(self, *more: object) -> list[str]:
        """Return the arguments of the command, and ``more``."""
        arguments = ("run", self.script, *self.cells, "--results", self.results, "--run", self.name)
        return [str(argument) for argument in (*arguments, *more)]

    def start(self, *fault: str, more: tuple[object, ...] = ()) -> "subprocess.Popen[str]":
        """Start the command, under ``faulty.py`` with the ``fault`` arguments if there are any."""
        command = command_line(*self.arguments(*more))
        if fault:
            command = [sys.executable, str(FAULTY_COMMAND), *fault, "--", *self.arguments(*more)]
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=clean_environment(**self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, process: "subprocess.Popen[str]") -> Aftermath:
        """Wait for the command to end; return what it leaves."""
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
        return self.observe(process.returncode, out, err)

    def run_with_fault(self, *fault: str, more: tuple[object, ...] = ()) -> Aftermath:
        """Run the command with a fault injected; see ``faulty.py``."""
        return self.finish(self.start(*fault, more=more))

    def resume(self) -> Aftermath:
        """Resume the run, and wait for its end."""
        return self.finish(self.start(more=("--resume",)))

    def wait_for_file(self, path: str, process: "subprocess.Popen[str]") -> None:
        """Wait until the run folder holds a file that matches the pattern."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not any(self.run.path.glob(path)):
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise AssertionError(f"no {path} in time: {process.communicate()}")
            time.sleep(0.02)

    def observe(self, code: int, out: str, err: str) -> Aftermath:
        """Return what there is now: records, containers and files."""
        outcomes: dict[str, Outcome] = {}
        damaged = []
        planned = 0
        try:
            planned = len(self.run.manifest().plan.cells) if self.run.exists() else 0
        except DamagedError:
            damaged.append("manifest")
        for path in (self.run.path / "records").glob("*.json"):
            try:
                record = checksum.read(path, Record, RECORD_SCHEMA, remedy="")
                if path != self.run.record_path(record.cell):
                    raise DamagedError("of another cell", "")
                outcomes[path.stem] = record.outcome
            except DamagedError:
                damaged.append("record")
        containers = self.client.containers.list(
            all=True, filters={"label": f"{RUN_LABEL}={self.name}"}, ignore_removed=True
        )
        states = Counter(container.status for container in containers)
        running = states["running"] + states["paused"]
        return Aftermath(
            code=code,
            message=self.generalized_message(err),
            out=out,
            err=err,
            outcomes=outcomes,
            planned=planned,
            damaged=tuple(damaged),
            set_aside=len(list(self.run.path.glob("manifest.json.damaged*")))
            + len(list(self.run.path.glob("records/*.damaged*"))),
            created=states["created"],
            running=running,
            ended=len(containers) - running - states["created"],
            stray=self._stray(),
        )

    def generalized_message(self, err: str) -> str:
        """Return the command's error, with placeholders for names that change."""
        lines = [line for line in err.splitlines() if line.startswith("keras-matrix: error: ")]
        text = " ".join(line.removeprefix("keras-matrix: error: ") for line in lines)
        for name, path in (("RUN", self.run.path), ("RESULTS", self.results)):
            text = text.replace(str(path.resolve()), name).replace(str(path), name)
        for pattern, name in CHANGING_NAMES:
            text = pattern.sub(name, text)
        return text

    def _stray(self) -> tuple[str, ...]:
        """Return the names in a run folder that should not be there once nothing runs."""
        stray = [path for path in self.run.path.rglob(".*") if path.name != ".lock"]
        stray += [self.run.work] if self.run.work.exists() else []
        names = {path.relative_to(self.run.path).parts[0] for path in stray}
        return tuple(sorted(PARTIAL_FILE.sub(".*", name) for name in names))


def essence(run: RunFolder) -> dict[str, Any]:
    """Return what a run's records say, without the fields that differ between any two runs."""
    return {
        record.cell.id: _without_times(msgspec.to_builtins(_comparable_fields(record)))
        for record in run.records()
    }


def _comparable_fields(record: Record) -> Any:
    observation = record.observation
    return {
        "outcome": record.outcome,
        "reason": record.reason,
        "image": record.image,
        "models": observation.models,
        "calls": observation.calls,
        "end": observation.end,
    }


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_times(item) for key, item in value.items() if key not in MEASURED_FIELDS
        }
    if isinstance(value, list):
        return [_without_times(item) for item in value]
    return value
