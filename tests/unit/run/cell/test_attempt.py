"""The life of a cell, with a host's function in the place of a container."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest

from keras_matrix.engine.answers import ContainerState, Input
from keras_matrix.engine.client import Engine
from keras_matrix.engine.spec import ContainerSpec
from keras_matrix.errors import EngineError
from keras_matrix.interrupts import Interrupts
from keras_matrix.load import script
from keras_matrix.plan.cells import Cell, Limits
from keras_matrix.plan.contract import KERAS_HOME, OUTPUT
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Outcome, Record
from keras_matrix.run import parcel
from keras_matrix.run.cell.attempt import run_cell
from keras_matrix.run.cell.watch import Seen
from keras_matrix.run.cell.worker import GoneError, Worker
from tests.unit.records.builders import END, ENVIRONMENT, SCRIPT, identity, manifest, plan
from tests.unit.run.builders import CELL, place, recipient, task

CALL = {
    "event": "call_start",
    "id": 1,
    "kind": "predict",
    "name": "predict",
    "model": "m",
    "site": "?",
}
WORDS = (
    b'{"event": "start", "protocol": 1}',
    json.dumps({"event": "environment", **ENVIRONMENT}).encode(),
)
LAST = json.dumps({"event": "end", **END}).encode()

Body = Callable[[Path, Path], int | None]
"""What a container does with its output and keras.json folders; None: it never ends."""


class HostInput(Input):
    """Hands requests to the engine that stands for the container."""

    def __init__(self, engine: "HostEngine", container: str) -> None:
        self.engine = engine
        self.container = container

    def send(self, content: bytes) -> None:
        request, word = content.decode().splitlines()
        self.engine.serve(self.container, json.loads(request), word)

    def close(self) -> None:
        pass


class HostEngine(Engine):
    """Runs the body of a cell in this process; no engine at all."""

    def __init__(self, body: Body, *, log: bytes = b"", limits: Limits | None = None) -> None:
        self.body = body
        self.log = log
        self.limits = limits
        self.there: dict[str, ContainerSpec] = {}
        self.exit_code: int | None = None
        self.killed = False
        self.found: dict[str, Any] | None = None
        self.changed: list[str] = []

    def create(self, spec: ContainerSpec) -> str:
        self.there[spec.name] = spec
        return spec.name

    def applied_limits(self, container: str) -> dict[str, float]:
        limits = self.limits or self.there[container].limits
        pinned = len(self.there[container].cpus)
        return {
            "memory": limits.memory,
            "cpus": limits.cpus,
            "pids": limits.pids,
            "cpuset": pinned,
        }

    def attach(self, container: str) -> Input:
        return HostInput(self, container)

    def start(self, container: str) -> None:
        pass

    def serve(self, container: str, request: dict[str, Any], word: str) -> None:
        """Run a replicate, as the probe does."""
        folders = {bind.target: bind.source for bind in self.there[container].binds}
        output = folders[OUTPUT] / request["folder"]
        (output / "log").write_bytes(self.log)
        code = self.body(output, folders[KERAS_HOME])
        if code is not None and code > 128:
            self.exit_code = code
        elif code is not None and not (output / "ended").exists():
            report = {"word": word, "environment": self.found, "changed": self.changed}
            (output / "ended").write_text(json.dumps({"exit_code": code, **report}))

    def state(self, container: str, *, seconds: float | None = None) -> ContainerState | None:
        if container not in self.there:
            return None
        return ContainerState(
            running=self.exit_code is None and not self.killed,
            exit_code=self.exit_code or 0,
            out_of_memory=False,
            error="",
        )

    def kill(self, container: str, *, seconds: float | None = None) -> None:
        self.killed = True

    def logs(self, container: str, limit: int) -> bytes:
        return b"Using TensorFlow backend.\n"[:limit]

    def remove(self, container: str) -> bool:
        return self.there.pop(container, None) is not None


def write(output: Path, *lines: bytes) -> None:
    (output / "events.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))


def well(output: Path, keras_home: Path) -> int:
    write(output, *WORDS, LAST)
    return 0


class Bench:
    """A run with one cell to run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.received = False
        self.limits = Limits()
        self.interrupts = Interrupts()
        self.heard: list[tuple[Cell, Seen]] = []
        self.source = folder / "source" / "model.py"
        self.source.parent.mkdir()
        self.source.write_bytes(SCRIPT)
        self.run = RunFolder(folder / "results" / "run")

    def worker(self, engine: HostEngine) -> Worker:
        self.run.open(manifest([CELL]), script.load(self.source).files)
        self.task = task(self.folder, made=plan([CELL], limits=self.limits))

        def seen(cell: Cell, seen: Seen) -> None:
            self.heard.append((cell, seen))

        where = place(self.folder, engine, self.interrupts, seen=seen)
        return Worker(self.task, where, engine, CELL.group, (0,))

    def attempt(self, worker: Worker) -> Record:
        parcel = run_cell(self.task, CELL, worker, self.interrupts)
        # Nothing is written before the parcel is received.
        assert self.run.record(CELL) is None or self.received
        self.received = True
        return recipient(self.folder, self.task.plan).receive(parcel)

    def of(self, engine: HostEngine) -> Record:
        worker = self.worker(engine)
        try:
            record = self.attempt(worker)
        finally:
            worker.close()
            # Whatever happened, nothing is left.
            assert engine.there == {}
            assert list(self.run.work.iterdir()) == []
            assert not list(self.folder.glob("collected/*"))
        assert self.run.record(CELL) == record
        return record

    def body(self, body: Body, log: bytes = b"") -> Record:
        return self.of(HostEngine(body, log=log))

    def stream(self, *lines: bytes, code: int = 0) -> Record:
        def body(output: Path, keras_home: Path) -> int:
            write(output, *lines)
            return code

        return self.body(body)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    # What a test throws away need not survive a power cut.
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    return Bench(tmp_path)


def test_a_cell_that_ends_well(bench: Bench) -> None:
    record = bench.body(well, log=b"Epoch 1/1\nall \xff printed\n")
    assert (record.outcome, record.reason, record.exit_code) == (Outcome.OK, "", 0)
    assert record.observation.environment is not None
    assert record.image == identity("tf")
    assert record.log_tail == ()
    log = bench.run.log_path(CELL).read_bytes()
    assert log == b"Using TensorFlow backend.\nEpoch 1/1\nall \xff printed\n"


def test_what_it_tells_on_its_way_is_heard_before_it_is_recorded(bench: Bench) -> None:
    fit = json.dumps({**CALL, "kind": "fit", "name": "fit"}).encode()
    epoch = b'{"event": "epoch", "id": 1, "epoch": 1, "seconds": 1, "metrics": {"loss": 0.5}}'
    assert bench.stream(*WORDS, fit, epoch, b"damaged").outcome is Outcome.BAD_OUTPUT
    ((cell, seen),) = bench.heard
    assert (cell, seen.epoch, seen.metrics) == (CELL, 2, (("loss", 0.5),))


def test_keras_json_is_as_planned(bench: Bench) -> None:
    seen = {}

    def body(output: Path, keras_home: Path) -> int:
        seen.update(json.loads((keras_home / "keras.json").read_text()))
        return well(output, keras_home)

    bench.body(body)
    assert seen == CELL.settings.keras_json("tensorflow")


def predicting(file: str) -> tuple[bytes, ...]:
    array = {
        "name": "predict.0",
        "shape": [2],
        "dtype": "float32",
        "mean": 0.5,
        "std": 0.0,
        "not_finite": 0,
        "file": file,
    }
    end = {
        "event": "call_end",
        "id": 1,
        "seconds": 1.0,
        "cpu_seconds": 1.0,
        "metrics": {},
        "params": {},
        "arrays": [array],
    }
    return (*WORDS, json.dumps(CALL).encode(), json.dumps(end).encode(), LAST)


def test_the_arrays_it_names_are_kept_and_nothing_else(bench: Bench) -> None:
    def body(output: Path, keras_home: Path) -> int:
        (output / "arrays").mkdir()
        numpy.savez(output / "arrays" / "predict.0.npz", array=numpy.zeros(2))
        (output / "arrays" / "more.npz").write_text("more")
        (output / "more").write_text("more")
        write(output, *predicting("arrays/predict.0.npz"))
        return 0

    assert bench.body(body).outcome is Outcome.OK
    kept = [path.name for path in bench.run.arrays_path(CELL).iterdir()]
    assert kept == ["predict.0.npz"]


@pytest.mark.parametrize("how", ["folder", "file"])
def test_a_link_to_the_hosts_files_is_not_followed(bench: Bench, tmp_path: Path, how: str) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "key").write_text("secret")

    def body(output: Path, keras_home: Path) -> int:
        if how == "folder":
            (output / "arrays").symlink_to(secrets)
        else:
            (output / "arrays").mkdir()
            (output / "arrays" / "key").symlink_to(secrets / "key")
        write(output, *predicting("arrays/key"))
        return 0

    bench.body(body)
    found = [path for path in bench.run.path.rglob("*") if path.is_file()]
    assert not any(b"secret" in path.read_bytes() for path in found)


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (b"junk",),
        (*WORDS, b'{"event": "\xff\xfe"}', LAST),
        (*WORDS, LAST, LAST),
        WORDS,
        (*WORDS, b"[" * 100_000, LAST),
    ],
    ids=["nothing", "junk", "not UTF-8", "two ends", "no end", "deep"],
)
def test_a_bad_stream_is_a_result(bench: Bench, lines: tuple[bytes, ...]) -> None:
    assert bench.stream(*lines).outcome is Outcome.BAD_OUTPUT


def test_a_folder_in_place_of_the_stream_is_a_result(bench: Bench) -> None:
    def body(output: Path, keras_home: Path) -> int:
        (output / "events.jsonl").mkdir()
        return 0

    assert bench.body(body).outcome is Outcome.BAD_OUTPUT


@pytest.mark.parametrize("name", ["arrays/.", "arrays/..", "arrays/folder"])
def test_a_folder_in_place_of_an_array_is_a_result(bench: Bench, name: str) -> None:
    def body(output: Path, keras_home: Path) -> int:
        (output / "arrays" / "folder").mkdir(parents=True)
        write(output, *predicting(name))
        return 0

    assert bench.body(body).outcome in (Outcome.OK, Outcome.BAD_OUTPUT)


def test_a_cell_that_locks_its_folders_leaves_nothing(bench: Bench) -> None:
    def body(output: Path, keras_home: Path) -> int:
        (output / "a" / "b").mkdir(parents=True)
        well(output, keras_home)
        (output / "a" / "b").chmod(0)
        (output / "a").chmod(0)
        return 0

    assert bench.body(body).outcome is Outcome.OK


def test_another_backend_is_a_mismatch(bench: Bench) -> None:
    other = json.dumps({"event": "environment", **ENVIRONMENT, "backend": "theano"}).encode()
    record = bench.stream(WORDS[0], other, LAST)
    assert record.outcome is Outcome.MISMATCH
    assert "backend is theano instead of tensorflow" in record.reason


def test_a_cell_that_does_not_say_what_it_ran_on_has_no_score(bench: Bench) -> None:
    assert bench.stream(WORDS[0], LAST).outcome is not Outcome.OK


def test_the_control_groups_word_counts(bench: Bench) -> None:
    limits = {"memory": "inf", "pids": None, "cpus": None}
    other = json.dumps({"event": "environment", **ENVIRONMENT, "limits": limits}).encode()
    assert bench.stream(WORDS[0], other, LAST).outcome is Outcome.LIMIT_NOT_APPLIED


def test_without_its_limits_a_cell_does_not_start(bench: Bench) -> None:
    def body(output: Path, keras_home: Path) -> int:
        raise AssertionError("started")

    engine = HostEngine(body, limits=Limits(memory=2**40))
    assert bench.of(engine).outcome is Outcome.LIMIT_NOT_APPLIED


def test_an_engine_that_refuses_is_a_result(bench: Bench) -> None:
    def body(output: Path, keras_home: Path) -> int:
        raise EngineError("It refused.")

    record = bench.body(body)
    assert (record.outcome, record.reason) == (Outcome.ENGINE_ERROR, "It refused.")


def test_a_cell_that_takes_too_long_is_killed(bench: Bench) -> None:
    bench.limits = Limits(timeout=0.05)

    def body(output: Path, keras_home: Path) -> None:
        (output / "events.jsonl").write_bytes(b"\n".join(WORDS) + b'\n{"event": "cut')

    engine = HostEngine(body)
    record = bench.of(engine)
    assert engine.killed
    assert record.outcome is Outcome.TIMEOUT
    # What the cell reported until then is kept.
    assert record.observation.environment is not None


def test_a_request_to_stop_ends_a_cell(bench: Bench) -> None:
    bench.interrupts.request(signal.SIGINT)
    engine = HostEngine(lambda output, keras_home: None)
    assert bench.of(engine).outcome is Outcome.INTERRUPTED
    assert engine.killed


def test_a_defect_of_ours_leaves_nothing_behind(bench: Bench) -> None:
    def body(output: Path, keras_home: Path) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        bench.body(body)


def test_the_log_of_a_failure_is_safe_to_print(bench: Bench) -> None:
    log = b"\x1b[31mred\x1b[0m\nstep 1/2\rstep 2/2\r\n\xff" + b"x" * 1000 + b"\n\n"

    def body(output: Path, keras_home: Path) -> int:
        error = {
            "kind": "ValueError",
            "message": "\x1b[2Jno",
            "traceback": "",
            "file": "model.py",
            "line": 3,
        }
        write(output, *WORDS, json.dumps({"event": "end", **END, "error": error}).encode())
        return 1

    record = bench.body(body, log=log)
    assert (record.outcome, record.reason) == (
        Outcome.SCRIPT_ERROR,
        "ValueError: no (model.py, line 3)",
    )
    assert record.log_tail[:3] == ("Using TensorFlow backend.", "red", "step 2/2")
    assert len(record.log_tail[3]) == 400
    assert len(record.log_tail) == 4


def test_a_script_that_sets_the_backend_is_noted(bench: Bench) -> None:
    last = json.dumps({"event": "end", **END, "keras_backend_variable": "cntk"}).encode()
    (note,) = bench.stream(*WORDS, last).notes
    assert "KERAS_BACKEND=cntk" in note


def test_notes_of_the_probe_are_told_once_and_safely(bench: Bench) -> None:
    note = json.dumps({"event": "note", "text": "\x1b[31mno original"}).encode()
    assert bench.stream(*WORDS, note, note, LAST).notes == ("no original",)


def test_a_container_that_ended_while_it_waited_is_not_the_next_cells_fault(bench: Bench) -> None:
    engine = HostEngine(well)
    worker = bench.worker(engine)
    assert bench.attempt(worker).outcome is Outcome.OK
    engine.body = lambda output, keras_home: 137
    with pytest.raises(GoneError):
        bench.attempt(worker)
    worker.close()
    assert engine.there == {}


def test_a_cell_that_is_stopped_before_it_says_a_word_is_not_begun_again(bench: Bench) -> None:
    engine = HostEngine(well)
    worker = bench.worker(engine)
    bench.attempt(worker)
    engine.body = lambda output, keras_home: None
    bench.interrupts.request(signal.SIGINT)
    assert bench.attempt(worker).outcome is Outcome.INTERRUPTED
    worker.close()
    assert engine.there == {}


FACTS = {"event": "environment", **ENVIRONMENT}


def test_what_it_ran_on_is_what_was_found_before_its_script_ran(bench: Bench) -> None:
    engine = HostEngine(well)
    engine.found = FACTS
    assert bench.of(engine).outcome is Outcome.OK


def test_a_stream_that_tells_of_another_environment_is_damaged(bench: Bench) -> None:
    engine = HostEngine(well)
    engine.found = {**FACTS, "backend": "theano"}
    record = bench.of(engine)
    assert record.outcome is Outcome.BAD_OUTPUT
    assert record.observation.environment is not None
    assert record.observation.environment.backend == "theano"


def test_a_cell_that_is_not_closed_has_no_score(bench: Bench) -> None:
    seen = {"seccomp": 2, "no_new_privileges": True, "capabilities": 1, "interfaces": []}
    engine = HostEngine(well)
    engine.found = {**FACTS, "confinement": seen}

    def body(output: Path, keras_home: Path) -> int:
        write(output, WORDS[0], json.dumps(engine.found).encode(), LAST)
        return 0

    engine.body = body
    record = bench.of(engine)
    assert record.outcome is Outcome.LIMIT_NOT_APPLIED
    assert "capabilities 0x1" in record.reason


def test_a_report_without_the_word_is_forged(bench: Bench) -> None:
    def body(output: Path, keras_home: Path) -> int:
        well(output, keras_home)
        report = {"exit_code": 0, "word": "", "environment": None, "changed": []}
        (output / "ended").write_text(json.dumps(report))
        return 0

    engine = HostEngine(body)
    record = bench.of(engine)
    assert (record.outcome, engine.killed) == (Outcome.BAD_OUTPUT, True)
    assert "not written by the probe" in record.reason


def test_a_cell_that_changed_the_server_has_no_score(bench: Bench) -> None:
    engine = HostEngine(well)
    engine.changed = ["limit NOFILE"]
    record = bench.of(engine)
    assert record.outcome is Outcome.BAD_OUTPUT
    assert "limit NOFILE" in record.reason


def test_an_array_is_kept_once_and_arrays_are_bounded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parcel, "MAX_CELL_ARRAY_BYTES", 3)
    kept: list[str] = []
    keep = RunFolder.keep

    def noted(folder: RunFolder, path: Path, content: bytes) -> dict[str, str]:
        kept.append(path.name)
        return keep(folder, path, content)

    monkeypatch.setattr(RunFolder, "keep", noted)
    start, end = predicting("arrays/a.npz")[2:4]
    event = json.loads(end)
    (array,) = event["arrays"]
    event["arrays"] = [{**array, "file": f"arrays/{name}.npz"} for name in "aabbcc"]

    def body(output: Path, keras_home: Path) -> int:
        (output / "arrays").mkdir()
        for name, size in (("a", 2), ("b", 2), ("c", 1)):
            (output / "arrays" / f"{name}.npz").write_bytes(bytes(size))
        write(output, *WORDS, start, json.dumps(event).encode(), LAST)
        return 0

    assert bench.body(body).outcome is Outcome.OK
    assert [name for name in kept if name.endswith(".npz")] == ["a.npz", "c.npz"]
