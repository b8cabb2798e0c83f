"""Disks that are full, read-only or lie; records that are not what was written."""

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import filelock
import pytest

from keras_matrix.plan.cells import Cell
from keras_matrix.records import checksum
from keras_matrix.records.record import Outcome
from tests import ROOT
from tests.integration.aftermath import Aftermath, DisturbedRun, essence
from tests.integration.conftest import SCRIPTS, clean_environment, command_line, keras_matrix
from tests.integration.tables import Report

SECTION = "Disk and records"
FIRST, SECOND = Cell("tf", seed=0), Cell("tf", seed=1)
AT_RECORD = ("--at", "os:fsync", "--within", "keras_matrix.records.folder:RunFolder.write")
AT_MANIFEST = ("--at", "os:fsync", "--within", "keras_matrix.records.folder:RunFolder.open")
BEFORE_SECOND = (
    "--at",
    "keras_matrix.run.cell.worker:Worker.run",
    "--call",
    "2",
    "--before",
    "command",
)


def mounted(place: Path, size: str) -> Iterator[Path]:
    """Mount a small disk while a test runs, whatever becomes of that."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        # Lazily: a container that a failed test left may still have it.
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def disk(as_root: None, results: Path) -> Iterator[Path]:
    yield from mounted(results, "16m")


@pytest.fixture
def other_disk(as_root: None, tmp_path: Path) -> Iterator[Path]:
    yield from mounted(tmp_path / "other", "1m")


def remount(place: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", place], check=True)


def filling(place: Path) -> str:
    """Return the command that writes until there is no room."""
    return shlex.join(["sh", "-c", f"! dd if=/dev/zero of={place}/ballast bs=4k status=none"])


def line_of(disturbed: DisturbedRun, after: Aftermath, part: str, **names: Path) -> str:
    """Return the line of progress that says something, without its time."""
    (line,) = (line for line in after.err.splitlines() if part in line)
    for name, path in names.items():
        line = line.replace(str(path), name)
    return disturbed.generalized_message(f"keras-matrix: error: {re.sub(r'^[0-9:]+ ', '', line)}")


def goes_on(disturbed: DisturbedRun, undisturbed: dict[str, Any]) -> Aftermath:
    resumed = disturbed.resume()
    assert resumed.code == 0, resumed.err
    assert (resumed.containers_left, resumed.stray) == ("nothing", ())
    assert essence(disturbed.run) == undisturbed
    return resumed


@pytest.mark.parametrize(
    ("fault", "moment", "done"),
    [
        (f"{moment} finds the disk full", fault, done)
        for moment, fault, done in (
            ("the manifest", (*AT_MANIFEST, "--call", "3", "--before", "disk-full"), 0),
            ("the second record", (*AT_RECORD, "--call", "3", "--before", "disk-full"), 1),
        )
    ],
)
def test_a_write_that_fails(
    fault: str,
    moment: tuple[str, ...],
    done: int,
    disturbed: DisturbedRun,
    undisturbed: dict[str, Any],
    report_row: Report,
) -> None:
    after = disturbed.run_with_fault(*moment)
    assert (after.code, after.containers_left, after.stray) == (2, "nothing", ())
    assert list(after.outcomes.values()).count(Outcome.OK) == done
    resumed = goes_on(disturbed, undisturbed)
    report_row(
        *("faults", SECTION, fault, after.message, after.code),
        *(after.on_disk, after.containers_left, resumed.on_disk),
    )


@pytest.mark.parametrize("fault", ["the disk of --results is full", "the run's folder is removed"])
def test_the_results_as_a_cell_begins(
    fault: str,
    disk: Path,
    disturbed: DisturbedRun,
    undisturbed: dict[str, Any],
    report_row: Report,
) -> None:
    filled = "full" in fault
    command = filling(disk) if filled else shlex.join(["rm", "-r", str(disturbed.run.path)])
    disturbed.environment["FAULTY_COMMAND"] = command
    after = disturbed.run_with_fault(*BEFORE_SECOND)
    assert (after.code, after.containers_left, after.stray) == (2, "nothing", ())
    assert after.outcomes == ({FIRST.id: Outcome.OK} if filled else {})
    if filled:
        (disk / "ballast").unlink()
    resumed = goes_on(disturbed, undisturbed)
    report_row(
        *("faults", SECTION, f"{fault} as a cell begins", after.message, after.code),
        *(after.on_disk, after.containers_left, resumed.on_disk),
    )


def test_read_only_results(
    disk: Path, disturbed: DisturbedRun, undisturbed: dict[str, Any], report_row: Report
) -> None:
    disturbed.environment["FAULTY_COMMAND"] = filling(disk)
    disturbed.run_with_fault(*BEFORE_SECOND)
    (disk / "ballast").unlink()
    remount(disk, "ro")
    after = disturbed.resume()
    remount(disk, "rw")
    assert (after.code, after.containers_left, after.stray) == (2, "nothing", ())
    assert after.outcomes == {FIRST.id: Outcome.OK}
    resumed = goes_on(disturbed, undisturbed)
    report_row(
        *("faults", SECTION, "--results is read-only", after.message, after.code),
        *(after.on_disk, after.containers_left, resumed.on_disk),
    )


def test_scratch_is_full(disturbed: DisturbedRun, report_row: Report) -> None:
    disturbed.script = SCRIPTS / "fills_scratch.py"
    disturbed.cells = ("--on", "tf", "--jobs", "1", "--scratch", "64m")
    after = disturbed.finish(disturbed.start())
    assert after.code == 3
    (record,) = disturbed.run.records()
    assert record.outcome is Outcome.SCRIPT_ERROR
    assert "--scratch" in record.reason
    resumed = disturbed.resume()
    assert (resumed.code, resumed.outcomes) == (3, after.outcomes)
    report_row(
        *("faults", SECTION, "a script fills its scratch space", record.reason, after.code),
        *(after.on_disk, after.containers_left, resumed.on_disk),
    )


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def missing(path: Path) -> None:
    path.unlink()


def flipped(path: Path) -> None:
    """Flip a bit of a digit: of a record's loss, of a manifest's limits."""
    content = bytearray(path.read_bytes())
    place = re.search(rb'"(?:loss|memory)": (\d)', content)
    assert place is not None
    content[place.start(1)] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def of_another_schema(path: Path) -> None:
    content = path.read_bytes().replace(b'"schema": 1', b'"schema": 2', 1)
    path.write_bytes(checksum.seal(content))


def of_another_cell(path: Path) -> None:
    (other,) = (one for one in path.parent.glob("*.json") if one != path)
    path.write_bytes(other.read_bytes())


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


Damage = Callable[[Path], None]
IN_PAIRS: tuple[tuple[tuple[str, Damage], tuple[str, Damage]], ...] = (
    (("truncated", truncated), ("with a flipped bit", flipped)),
    (("empty", empty), ("of another schema version", of_another_schema)),
    (("that is another cell's", of_another_cell), ("replaced by a FIFO", a_fifo)),
    (("replaced by a folder", a_folder), ("replaced by a link", a_link)),
)


def test_damaged_records(
    disturbed: DisturbedRun, undisturbed: dict[str, Any], report_row: Report
) -> None:
    assert disturbed.finish(disturbed.start()).code == 0
    paths = [disturbed.run.record_path(cell) for cell in (FIRST, SECOND)]
    for pair in IN_PAIRS:
        seen = []
        for path, (_, damage) in zip(paths, pair, strict=True):
            before = {one: one.read_bytes() for one in paths}
            damage(path)
            seen.append(told_of(disturbed))
            undo(path, before[path])
        # Both at once, as far as one does not need the other.
        for path, (_, damage) in zip(paths, pair, strict=True):
            damage(path)
        aside = len(list(paths[0].parent.glob("*.damaged*")))
        resumed = goes_on(disturbed, undisturbed)
        assert resumed.set_aside == aside + len(pair)
        for after, (how, _) in zip(seen, pair, strict=True):
            assert after.code == 2
            report_row(
                *("faults", SECTION, f"a record {how}", after.message, after.code),
                *(new(after), after.containers_left, new(resumed, resumed.set_aside - 1)),
            )


def told_of(disturbed: DisturbedRun) -> Aftermath:
    """Look at a run from disk: what its images come to, and the run held against itself."""
    for runs in ([disturbed.run.path], [disturbed.run.path] * 2):
        done = keras_matrix("diff", *runs)
        if done.returncode == 2:
            break
    return disturbed.observe(done.returncode, done.stdout, done.stderr)


def undo(path: Path, content: bytes) -> None:
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink()
    path.with_name("elsewhere").unlink(missing_ok=True)
    path.write_bytes(content)


def test_damaged_manifests_arrays_and_logs(
    disturbed: DisturbedRun, undisturbed: dict[str, Any], report_row: Report
) -> None:
    assert disturbed.finish(disturbed.start()).code == 0
    run = disturbed.run
    (array,) = run.arrays_path(FIRST).iterdir()
    for what, path, how, damage in (
        ("a manifest", run.path / "manifest.json", "truncated", truncated),
        ("a manifest", run.path / "manifest.json", "with a flipped bit", flipped),
        ("a manifest", run.path / "manifest.json", "missing", missing),
        ("an array", array, "with a flipped bit", flipped_in_the_middle),
    ):
        before = disturbed.observe(0, "", "").set_aside
        damage(path)
        after = told_of(disturbed)
        assert after.code == 2
        resumed = goes_on(disturbed, undisturbed)
        assert resumed.set_aside == before + (how != "missing")
        report_row(
            *("faults", SECTION, f"{what} {how}", after.message, after.code),
            *(new(after), after.containers_left, new(resumed, before)),
        )


def flipped_in_the_middle(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def new(after: Aftermath, before: int | None = None) -> str:
    """Return what is on disk, leaving out what was set aside before."""
    return replace(after, set_aside=0 if before is None else after.set_aside - before).on_disk


def test_a_lock_that_somebody_holds(
    disturbed: DisturbedRun, undisturbed: dict[str, Any], report_row: Report
) -> None:
    disturbed.run.path.mkdir(parents=True)
    with filelock.FileLock(disturbed.run.path / ".lock"):
        process = disturbed.start()
        assert process.stderr is not None
        told = ""
        while "waiting for the run" not in told:
            line = process.stderr.readline()
            assert line, told
            told += line
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        after = disturbed.observe(process.returncode, out, told + err)
    assert (after.code, after.containers_left) == (130, "nothing")
    said = line_of(disturbed, after, "waiting for the run")
    resumed = goes_on(disturbed, undisturbed)
    report_row(
        *("faults", SECTION, "somebody holds the run's lock for ever; Ctrl-C"),
        *(
            f"{said}; {after.message}",
            after.code,
            after.on_disk,
            after.containers_left,
            resumed.on_disk,
        ),
    )


def read_only(place: Path) -> None:
    remount(place, "ro")


def full(place: Path) -> None:
    subprocess.run(shlex.split(filling(place)), check=True)


def garbage(place: Path) -> None:
    (place / "cache").write_bytes(os.urandom(1000))
    (place / "history.sqlite").write_bytes(os.urandom(100_000))


@pytest.mark.parametrize("spoil", [read_only, full, garbage])
def test_a_run_does_not_fail_because_of_what_is_kept_between_runs(
    spoil: Damage,
    other_disk: Path,
    disturbed: DisturbedRun,
    undisturbed: dict[str, Any],
    report_row: Report,
) -> None:
    spoil(other_disk)
    cache, history = other_disk / "cache", other_disk / "history.sqlite"
    disturbed.environment |= {
        "KERAS_MATRIX_CACHE": str(cache),
        "KERAS_MATRIX_HISTORY": str(history),
    }
    after = disturbed.finish(disturbed.start())
    assert (after.code, after.containers_left, after.stray) == (0, "nothing", ())
    assert essence(disturbed.run) == undisturbed
    names = {"CACHE": cache, "HISTORY": history}
    said = line_of(disturbed, after, "without the cache", **names)
    warned = line_of(disturbed, after, "not in the history", **names)
    how = spoil.__name__.replace("_", "-")
    for what, told in (("cache", said), ("history", warned)):
        report_row(
            *("faults", SECTION, f"the {what} is {how}", told, after.code),
            *(after.on_disk, after.containers_left, "not needed"),
        )


def test_nowhere_to_print(
    disturbed: DisturbedRun, undisturbed: dict[str, Any], report_row: Report
) -> None:
    with open("/dev/full", "w", encoding="utf-8") as nowhere:
        done = subprocess.run(
            command_line(*disturbed.arguments()),
            cwd=ROOT,
            env=clean_environment(),
            stdout=nowhere,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    after = disturbed.observe(done.returncode, "", done.stderr)
    assert (after.code, after.containers_left, after.stray) == (2, "nothing", ())
    assert f"records: {disturbed.run.path}" in done.stderr
    assert essence(disturbed.run) == undisturbed
    resumed = goes_on(disturbed, undisturbed)
    report_row(
        *("faults", SECTION, "the disk that the output goes to is full", after.message, after.code),
        *(after.on_disk, after.containers_left, resumed.on_disk),
    )
