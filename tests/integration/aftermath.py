"""What is there after a fault: told, on disk, left running; and whether the run can go on."""

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

TIMEOUT = 300
FAULTY = Path(__file__).parent / "faulty.py"
MEASURED = {"seconds", "cpu_seconds", "first_batch_seconds", "compile_seconds", "peak_memory"}
"""What no two runs have alike."""
PLACES = (
    (re.compile(r"keras-matrix-[\w.-]+-[0-9a-f]{8}"), "CONTAINER"),
    (re.compile(r"process \d+ on [^)\s]+"), "PROCESS"),
    (re.compile(r"sha256:[0-9a-f]{64}"), "DIGEST"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "ID"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "ID"),
)
HALF_WRITTEN = re.compile(r"(?<=\.json)\.[a-z0-9_]{8}$")


@dataclass(frozen=True)
class Aftermath:
    """What a fault left.

    ``told`` is the one sentence of the command, with names that change made general; ``outcomes``
    those of the cells with a record, by the cell's id; ``planned`` is how many there should be;
    ``damaged`` what cannot be read, and ``aside`` how many manifests and records were set aside;
    ``created``, ``running`` and ``ended`` are the containers of the run; ``stray`` the files in its
    folder that belong to no cell.
    """

    code: int
    told: str
    out: str
    err: str
    outcomes: Mapping[str, Outcome]
    planned: int
    damaged: tuple[str, ...]
    aside: int
    created: int
    running: int
    ended: int
    stray: tuple[str, ...]

    @property
    def disk(self) -> str:
        """What is on disk, in a few words."""
        if not (self.planned or self.damaged or self.outcomes):
            return "no run folder"
        counts = Counter(outcome.value for outcome in self.outcomes.values())
        parts = [f"{counts.pop('ok', 0)} of {self.planned or '?'} ok"]
        parts += [f"{count} {name}" for name, count in sorted(counts.items())]
        parts += [f"{count} {name} damaged" for name, count in Counter(self.damaged).items()]
        parts += [f"{self.aside} set aside"] if self.aside else []
        parts += [f"stray: {', '.join(self.stray)}"] if self.stray else []
        return "; ".join(parts)

    @property
    def left(self) -> str:
        """What is left of containers, in a few words."""
        parts = [f"{self.created} created"] if self.created else []
        parts += [f"{self.running} running"] if self.running else []
        parts += [f"{self.ended} ended"] if self.ended else []
        return ", ".join(parts) or "nothing"


@dataclass
class Disturbed:
    """A run that something happens to; it has a name of its own, so that its containers are told.

    ``cells`` are the arguments that say which cells there are; they have to be the same when the
    run goes on.
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
        """Return the arguments of the command."""
        given = ("run", self.script, *self.cells, "--results", self.results, "--run", self.name)
        return [str(argument) for argument in (*given, *more)]

    def begin(self, *fault: str, more: tuple[object, ...] = ()) -> "subprocess.Popen[str]":
        """Start the command; with arguments of ``faulty.py`` if there are any."""
        command = command_line(*self.arguments(*more))
        if fault:
            command = [sys.executable, str(FAULTY), *fault, "--", *self.arguments(*more)]
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=clean_environment(**self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, process: "subprocess.Popen[str]") -> Aftermath:
        """Wait for a command's end; return what there is."""
        out, err = process.communicate(timeout=TIMEOUT)
        return self.look(process.returncode, out, err)

    def fails(self, *fault: str, more: tuple[object, ...] = ()) -> Aftermath:
        """Run the command with a fault built in; see ``faulty.py``."""
        return self.end(self.begin(*fault, more=more))

    def resumed(self) -> Aftermath:
        """Let the run go on, and come to its end."""
        return self.end(self.begin(more=("--resume",)))

    def until(self, path: str, process: "subprocess.Popen[str]") -> None:
        """Wait until the run's folder holds a file that matches."""
        deadline = time.monotonic() + TIMEOUT
        while not any(self.run.path.glob(path)):
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise AssertionError(f"{path} never came: {process.communicate()}")
            time.sleep(0.02)

    def look(self, code: int, out: str, err: str) -> Aftermath:
        """Look at what there is now."""
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
        found = self.client.containers.list(
            all=True, filters={"label": f"{RUN_LABEL}={self.name}"}, ignore_removed=True
        )
        states = Counter(container.status for container in found)
        running = states["running"] + states["paused"]
        return Aftermath(
            code=code,
            told=self.general(err),
            out=out,
            err=err,
            outcomes=outcomes,
            planned=planned,
            damaged=tuple(damaged),
            aside=len(list(self.run.path.glob("manifest.json.damaged*")))
            + len(list(self.run.path.glob("records/*.damaged*"))),
            created=states["created"],
            running=running,
            ended=len(found) - running - states["created"],
            stray=self._stray(),
        )

    def general(self, err: str) -> str:
        """Return the sentence that the command ended with, names that change made general."""
        told = [line for line in err.splitlines() if line.startswith("keras-matrix: error: ")]
        text = " ".join(line.removeprefix("keras-matrix: error: ") for line in told)
        for name, path in (("RUN", self.run.path), ("RESULTS", self.results)):
            text = text.replace(str(path.resolve()), name).replace(str(path), name)
        for pattern, name in PLACES:
            text = pattern.sub(name, text)
        return text

    def _stray(self) -> tuple[str, ...]:
        """Return what should not be in a run's folder once nothing runs."""
        found = [path for path in self.run.path.rglob(".*") if path.name != ".lock"]
        work = self.run.work
        found += [work] if work.exists() else []
        names = {path.relative_to(self.run.path).parts[0] for path in found}
        return tuple(sorted(HALF_WRITTEN.sub(".*", name) for name in names))


def essence(run: RunFolder) -> dict[str, Any]:
    """Return what the records of a run say, without what no two runs have alike."""
    return {
        record.cell.id: _without_times(msgspec.to_builtins(_bare(record)))
        for record in run.records()
    }


def _bare(record: Record) -> Any:
    seen = record.observation
    return {
        "outcome": record.outcome,
        "reason": record.reason,
        "image": record.image,
        "models": seen.models,
        "calls": seen.calls,
        "end": seen.end,
    }


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(item) for key, item in value.items() if key not in MEASURED}
    if isinstance(value, list):
        return [_without_times(item) for item in value]
    return value
