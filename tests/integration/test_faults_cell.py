"""What happens to a cell, its container, its image and the machine while a run is under way."""

import contextlib
import dataclasses
import io
import os
import re
import shutil
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import ImageNotFound

from keras_matrix.engine.owners import Owner
from keras_matrix.engine.spec import CELL_LABEL, OWNER_LABEL
from keras_matrix.records.record import Outcome
from tests import ROOT
from tests.integration.aftermath import Aftermath, DisturbedRun, essence
from tests.integration.conftest import SCRIPTS, keras_matrix
from tests.integration.tables import Report

SECTION = "A cell and its container"
MEDDLE = Path(__file__).parent / "meddle.py"
CREATING = ("--at", "keras_matrix.engine.client:Engine.create", "--before", "command")
STARTING = ("--at", "keras_matrix.engine.client:Engine.start", "--before", "command")
RUNNING = ("--at", "keras_matrix.run.cell.worker:Worker._wait", "--before", "command")
LEFTOVERS = int(os.environ.get("KERAS_MATRIX_LEFTOVERS", "30"))
"""Containers of ended host processes to remove: ``KERAS_MATRIX_LEFTOVERS=10000`` takes minutes."""


def meddling(disturbed: DisturbedRun, *what: object) -> None:
    command = (sys.executable, MEDDLE, *what)
    disturbed.environment["FAULTY_COMMAND"] = " ".join(map(str, command))


def reason(disturbed: DisturbedRun, after: Aftermath) -> str:
    """Return why cells have no score, which is the same for all of them and is shown."""
    records = disturbed.run.records()
    (told,) = {record.reason for record in records if record.outcome is not Outcome.OK}
    assert told in after.out
    return disturbed.generalized_message(f"keras-matrix: error: {told}")


def check(after: Aftermath, code: int) -> None:
    assert after.code == code, after.err
    assert "Traceback" not in after.err
    assert (after.containers_left, after.stray) == ("nothing", ())


@pytest.mark.parametrize(
    ("fault", "what", "options"),
    [
        ("its container is killed by somebody else", "kill", ()),
        ("its container is removed by somebody else", "remove", ()),
        ("its container is paused, until the time-out", "pause", ("--timeout", "10")),
    ],
)
def test_container(
    fault: str,
    what: str,
    options: tuple[str, ...],
    disturbed: DisturbedRun,
    undisturbed: dict[str, Any],
    report_row: Report,
) -> None:
    meddling(disturbed, what, disturbed.name)
    disturbed.cells += options
    after = disturbed.run_with_fault(*RUNNING)
    check(after, 3)
    told = reason(disturbed, after)
    resumed = disturbed.resume()
    check(resumed, 0)
    assert essence(disturbed.run) == undisturbed
    report_row(
        *(
            "faults",
            SECTION,
            fault,
            told,
            after.code,
            after.on_disk,
            after.containers_left,
            resumed.on_disk,
        ),
    )


@pytest.mark.parametrize(
    ("fault", "script", "options"),
    [
        ("it takes more memory than it may", "eats_memory_once", ("--memory", "512m")),
        ("it ignores signals and so do its children", "hangs_once", ("--timeout", "10")),
    ],
)
def test_script(
    fault: str,
    script: str,
    options: tuple[str, ...],
    disturbed: DisturbedRun,
    report_row: Report,
) -> None:
    disturbed.script = SCRIPTS / f"{script}.py"
    disturbed.cells += options
    after = disturbed.finish(disturbed.start())
    check(after, 3)
    assert after.outcomes["tf.seed1"] is Outcome.OK
    told = reason(disturbed, after)
    resumed = disturbed.resume()
    check(resumed, 3)
    assert resumed.on_disk == after.on_disk
    report_row(
        *(
            "faults",
            SECTION,
            fault,
            told,
            after.code,
            after.on_disk,
            after.containers_left,
            resumed.on_disk,
        ),
    )


def test_memory_that_the_machine_does_not_have(disturbed: DisturbedRun, report_row: Report) -> None:
    disturbed.cells += ("--memory", "1000000g")
    after = disturbed.finish(disturbed.start())
    check(after, 2)
    assert not disturbed.run.path.exists()
    report_row(
        *("faults", SECTION, "--memory is more than the machine has"),
        re.sub(r"[\d.]+ GiB", "N GiB", after.message),
        *(after.code, after.on_disk, after.containers_left, ""),
    )


@pytest.mark.parametrize(
    ("fault", "command"),
    [("is damaged", "truncate --size 9"), ("cannot be read", "chmod 0")],
)
def test_keras_json(
    fault: str,
    command: str,
    disturbed: DisturbedRun,
    undisturbed: dict[str, Any],
    report_row: Report,
) -> None:
    """Keras goes on with its defaults, and says nothing."""
    disturbed.cells += ("--floatx", "float64")
    files = f"{disturbed.run.work}/*/keras-home/keras.json"
    disturbed.environment["FAULTY_COMMAND"] = f"sh -c '{command} {files}'"
    after = disturbed.run_with_fault(*STARTING)
    check(after, 3)
    told = reason(disturbed, after)
    resumed = disturbed.resume()
    check(resumed, 0)
    report_row(
        *("faults", SECTION, f"its keras.json {fault}"),
        *(told, after.code, after.on_disk, after.containers_left, resumed.on_disk),
    )


def test_clock_set_back(
    disturbed: DisturbedRun, undisturbed: dict[str, Any], report_row: Report
) -> None:
    at = ("--at", "keras_matrix.run.cell.worker:Worker._wait", "--before", "set-clock-back")
    after = disturbed.run_with_fault(*at)
    check(after, 0)
    assert essence(disturbed.run) == undisturbed
    records = disturbed.run.records()
    assert records[0].started > records[1].started, "it was set back"
    assert all(0 < record.timing.run < 300 for record in records)
    resumed = disturbed.resume()
    check(resumed, 0)
    assert essence(disturbed.run) == undisturbed
    report_row(
        *("faults", SECTION, "the clock is set back by a year"),
        *(after.message, after.code, after.on_disk, after.containers_left, resumed.on_disk),
    )


@dataclasses.dataclass(frozen=True)
class Spare:
    """A catalog with one more image, and the tag and content digest of that."""

    catalog: Path
    tag: str
    id: str


@pytest.fixture
def spare(tmp_path: Path, client: docker.DockerClient, images: None) -> Iterator[Spare]:
    """Build an image that is the shipped one of TensorFlow but for its name."""
    catalog = tmp_path / "catalog"
    shutil.copytree(ROOT / "docker", catalog)
    shutil.copytree(catalog / "tf", catalog / "spare")
    (catalog / "spare" / "Dockerfile").write_text(f"FROM {tf_tag(client)}\nARG BASE\nENV SPARE=1\n")
    text = (catalog / "images.toml").read_text()
    entry = next(part for part in text.split("[[image]]") if 'name = "tf"' in part)
    entry = entry.replace('name = "tf"', 'name = "spare"').replace('"tf"', '"spare"')
    (catalog / "images.toml").write_text(f"{text}\n[[image]]{entry}")
    built = keras_matrix("images", "build", "spare", "--catalog", catalog)
    assert built.returncode == 0, built.stderr
    (image,) = client.images.list(name="keras-matrix/spare")
    made = Spare(catalog, image.tags[0], str(image.id))
    yield made
    if client.images.list(name="keras-matrix/spare"):
        client.images.remove(made.tag)
    with contextlib.suppress(ImageNotFound):
        client.images.remove(made.id)


def tf_tag(client: docker.DockerClient) -> str:
    key = keras_matrix("images", "key", "tf").stdout.strip()
    (tag,) = (
        tag
        for image in client.images.list(name="keras-matrix/tf")
        for tag in image.tags
        if f":{key}" in tag
    )
    return tag


def test_image_removed_after_planning(
    disturbed: DisturbedRun, spare: Spare, undisturbed: dict[str, Any], report_row: Report
) -> None:
    disturbed.cells = (
        *("--on", "tf,spare", "--seeds", "2", "--jobs", "1"),
        *("--catalog", str(spare.catalog)),
    )
    meddling(disturbed, "untag", spare.tag)
    after = disturbed.run_with_fault(*CREATING)
    check(after, 3)
    told = reason(disturbed, after)
    resumed = disturbed.resume()
    check(resumed, 0)
    found = essence(disturbed.run)
    assert {cell: found[cell] for cell in undisturbed} == undisturbed
    report_row(
        *("faults", SECTION, "one of two images is removed after planning"),
        *(told, after.code, after.on_disk, after.containers_left, resumed.on_disk),
    )


def test_tag_moved_after_planning(
    disturbed: DisturbedRun, spare: Spare, client: docker.DockerClient, report_row: Report
) -> None:
    disturbed.cells = (
        *("--on", "spare", "--seeds", "2", "--jobs", "1"),
        *("--catalog", str(spare.catalog)),
    )
    # A base has no Keras: what ran there would fail.
    base = client.images.list(name="keras-matrix/standin")[0]
    meddling(disturbed, "tag", base.id, spare.tag)
    after = disturbed.run_with_fault(*CREATING)
    check(after, 0)
    ran_on = {record.image and record.image.id for record in disturbed.run.records()}
    assert ran_on == {spare.id}
    report_row(
        *("faults", SECTION, "the tag of its image is moved to another one after planning"),
        *(after.message, after.code, after.on_disk, after.containers_left, after.on_disk),
    )
    dockerfile = io.BytesIO(f"FROM {spare.id}\nENV SPARE=2\n".encode())
    client.images.build(fileobj=dockerfile, tag=spare.tag, rm=True)
    disturbed.run.record_path(disturbed.run.manifest().plan.cells[1]).unlink()
    refused = disturbed.resume()
    check(refused, 2)
    report_row(
        *("faults", SECTION, "the tag of its image is moved before the run is resumed"),
        *(refused.message, refused.code, refused.on_disk, refused.containers_left, "refused"),
    )


@pytest.fixture
def leftovers(client: docker.DockerClient, images: None) -> Iterator[list[str]]:
    """Create containers of a host process that has ended."""
    dead = dataclasses.replace(Owner.this_process(), boot="an earlier one")
    names = [f"keras-matrix-left-{uuid.uuid4().hex[:8]}" for _ in range(LEFTOVERS)]
    labels = {CELL_LABEL: "left", OWNER_LABEL: dead.label()}
    image = client.images.get(tf_tag(client)).id
    for name in names:
        client.api.create_container(image, ["true"], name=name, labels=labels)
    yield names
    for container in client.containers.list(all=True, filters={"label": f"{CELL_LABEL}=left"}):
        container.remove(force=True)


@pytest.mark.alone
def test_leftovers_of_many_dead_runs(
    disturbed: DisturbedRun,
    leftovers: list[str],
    undisturbed: dict[str, Any],
    client: docker.DockerClient,
    report_row: Report,
) -> None:
    after = disturbed.finish(disturbed.start())
    check(after, 0)
    (line,) = (line for line in after.err.splitlines() if "left over" in line)
    assert client.containers.list(all=True, filters={"label": f"{CELL_LABEL}=left"}) == []
    assert essence(disturbed.run) == undisturbed
    told = disturbed.generalized_message(f"keras-matrix: error: {line[len('hh:mm:ss ') :]}")
    # Another run on the same engine may have removed some of them.
    told = re.sub(r"\b\d+\b", "N", told)
    if len(leftovers) == 30:
        report_row(
            *("faults", SECTION, "30 containers of runs that were killed are there"),
            *(told, after.code, after.on_disk, after.containers_left, after.on_disk),
        )


def test_two_runners_of_the_same_cells(
    disturbed: DisturbedRun, undisturbed: dict[str, Any], report_row: Report
) -> None:
    first = disturbed.start("--at", "keras_matrix.run.cell.worker:Worker._wait", "--before", "wait")
    disturbed.wait_for_file("work/*/output/*", first)
    second = disturbed.finish(disturbed.start())
    first.kill()
    first.communicate()
    resumed = disturbed.resume()
    check(resumed, 0)
    assert essence(disturbed.run) == undisturbed
    assert second.code == 2
    report_row(
        *("faults", SECTION, "another process runs the same cells of the same run"),
        *(second.message, second.code, second.on_disk, second.containers_left, resumed.on_disk),
    )
