"""The host process is killed, or told to stop, at each moment of a run."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests import ROOT
from tests.integration.aftermath import Aftermath, DisturbedRun, essence
from tests.integration.conftest import keras_matrix
from tests.integration.tables import Report

pytestmark = pytest.mark.alone
SECTION = "The host process itself"
PATIENCE = 60
STEP = "sleep 3.25"
AT_RECORD = ("--at", "os:replace", "--within", "keras_matrix.records.folder:RunFolder.write")
AT_MANIFEST = ("--at", "os:replace", "--within", "keras_matrix.records.folder:RunFolder.finish")


def settled(disturbed: DisturbedRun, after: Aftermath) -> Aftermath:
    """Look again until no container computes for nobody."""

    def ended() -> bool:
        nonlocal after
        after = disturbed.observe(after.code, after.out, after.err)
        return not after.running

    wait_until(ended)
    return after


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("moment", "fault"),
    [
        (
            "a container is created",
            ("--at", "keras_matrix.engine.client:Engine.create", "--after", "kill"),
        ),
        (
            "a container is started",
            ("--at", "keras_matrix.engine.client:Engine.start", "--after", "kill"),
        ),
        ("a cell runs", ("--at", "keras_matrix.run.cell.worker:Worker._wait", "--before", "kill")),
        (
            "a cell's output is taken",
            ("--at", "keras_matrix.run.cell.folders:claim", "--after", "kill"),
        ),
        ("the second record is written", (*AT_RECORD, "--call", "2", "--before", "kill")),
        ("the manifest is written at the end", (*AT_MANIFEST, "--before", "kill")),
    ],
)
def test_kill_9(
    moment: str,
    fault: tuple[str, ...],
    disturbed: DisturbedRun,
    undisturbed: dict[str, Any],
    report_row: Report,
) -> None:
    after = settled(disturbed, disturbed.run_with_fault(*fault))
    assert after.code == -9
    assert after.running == 0
    resumed = disturbed.resume()
    assert resumed.code == 0, resumed.err
    assert (resumed.containers_left, resumed.stray) == ("nothing", ())
    assert essence(disturbed.run) == undisturbed
    report_row(
        *("faults", SECTION, f"SIGKILL while {moment}"),
        *(after.message, after.code, after.on_disk, after.containers_left, resumed.on_disk),
    )


@pytest.fixture
def slow_catalog(tmp_path: Path, client: docker.DockerClient, images: None) -> Iterator[Path]:
    """The shipped catalog, but that building its image of TensorFlow once more takes a while."""
    catalog = tmp_path / "catalog"
    shutil.copytree(ROOT / "docker", catalog)
    before = image_tags(client)
    key = keras_matrix("images", "key", "tf").stdout.strip()
    (built,) = (tag for tag in before if f":{key}" in tag)
    (catalog / "tf" / "Dockerfile").write_text(f"FROM {built}\nARG BASE\nRUN {STEP}\n")
    yield catalog
    for tag in image_tags(client) - before:
        client.images.remove(tag)


def image_tags(client: docker.DockerClient) -> set[str]:
    return {tag for image in client.images.list(name="keras-matrix/tf") for tag in image.tags}


def building(client: docker.DockerClient) -> bool:
    """Tell whether the engine is at the step that takes a while."""
    found = client.containers.list(all=True, ignore_removed=True)
    return any(STEP in " ".join(container.attrs["Config"]["Cmd"] or ()) for container in found)


def test_kill_9_while_an_image_is_built(
    disturbed: DisturbedRun,
    undisturbed: dict[str, Any],
    slow_catalog: Path,
    client: docker.DockerClient,
    report_row: Report,
) -> None:
    disturbed.cells += ("--catalog", str(slow_catalog))
    process = disturbed.start()
    wait_until(lambda: building(client))
    process.kill()
    after = disturbed.finish(process)
    # The engine ends a build that nobody waits for.
    wait_until(lambda: not building(client))
    resumed = disturbed.resume()
    assert resumed.code == 0, resumed.err
    assert (resumed.containers_left, resumed.stray) == ("nothing", ())
    found = essence(disturbed.run)
    for cell, record in undisturbed.items():
        assert found[cell] == {**record, "image": found[cell]["image"]}
    report_row(
        *("faults", SECTION, "SIGKILL while an image is built"),
        *(after.message, after.code, after.on_disk, after.containers_left, resumed.on_disk),
    )


CREATED = ("--at", "keras_matrix.engine.client:Engine.create", "--after")
RUNNING = ("--at", "keras_matrix.run.cell.worker:Worker._wait", "--before")
WRITTEN = (*AT_RECORD, "--after")
COMPARING = ("--at", "keras_matrix.compare.assess:compare_run", "--before")


@pytest.mark.parametrize(
    ("fault", "code", "at"),
    [
        ("Ctrl-C while a container is created", 130, (*CREATED, "interrupt")),
        ("SIGTERM twice while a container is created", 143, (*CREATED, "terminate-twice")),
        ("Ctrl-C twice while a cell runs", 130, (*RUNNING, "interrupt-twice")),
        ("SIGTERM while a cell runs", 143, (*RUNNING, "terminate")),
        ("Ctrl-C while a record is written", 130, (*AT_RECORD, "--before", "interrupt")),
        (
            "SIGTERM twice while a record is written",
            143,
            (*AT_RECORD, "--after", "terminate-twice"),
        ),
        ("Ctrl-C while images are compared", 130, (*COMPARING, "interrupt")),
        ("SIGTERM while images are compared", 143, (*COMPARING, "terminate")),
    ],
)
def test_stop(
    fault: str,
    code: int,
    at: tuple[str, ...],
    disturbed: DisturbedRun,
    undisturbed: dict[str, Any],
    report_row: Report,
) -> None:
    after = disturbed.run_with_fault(*at)
    assert after.code == code
    assert "Traceback" not in after.err
    assert (after.containers_left, after.stray) == ("nothing", ())
    resumed = disturbed.resume()
    assert resumed.code == 0, resumed.err
    assert (resumed.containers_left, resumed.stray) == ("nothing", ())
    assert essence(disturbed.run) == undisturbed
    report_row(
        *("faults", SECTION, fault),
        *(after.message, after.code, after.on_disk, after.containers_left, resumed.on_disk),
    )
