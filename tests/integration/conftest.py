"""Fixtures with a real engine and real images; without an engine the tests fail."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import DockerException
from docker.models.containers import Container

from keras_matrix.engine.owners import Owner
from keras_matrix.engine.spec import CELL_LABEL, OWNER_LABEL, RUN_LABEL
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Record
from tests import ROOT
from tests.integration.tables import Collector, pytest_addoption, report_row
from tests.integration.turns import MARK, Turns

__all__ = ["pytest_addoption", "report_row"]
SCRIPTS = Path(__file__).parent / "scripts"

Done = subprocess.CompletedProcess[str]
Command = Callable[..., Done]


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Collector(), "tables")
    config.pluginmanager.register(Turns(), "turns")
    config.addinivalue_line("markers", MARK)
    config.addinivalue_line("markers", "root: mounts disks or starts an engine; added by `as_root`")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need root, by the fixture that they cannot do without."""
    for item in items:
        if as_root.__name__ in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.root)


@pytest.fixture(scope="session")
def as_root() -> None:
    """Fail, with the remedy, where the tests do not run as root."""
    if os.geteuid() != 0:
        pytest.fail(
            "This test needs root: python -m tests.accounts root pytest -m root tests/integration "
            "(all others run without, -m 'not root').",
            pytrace=False,
        )


def clean_environment(**more: str) -> dict[str, str]:
    """Return the environment without variables set by tox or by an outer run."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TOX") and name not in ("KERAS_MATRIX_RUN", "KERAS_MATRIX_ON")
    }
    return {**kept, **more}


def command_line(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "keras_matrix", *(str(argument) for argument in arguments)]


def keras_matrix(*arguments: object, cwd: Path = ROOT, **environment: str) -> Done:
    """Run the command as a user does, and wait for it."""
    return subprocess.run(
        command_line(*arguments),
        cwd=cwd,
        env=clean_environment(**environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )


@pytest.fixture(scope="session")
def client() -> Iterator[docker.DockerClient]:
    try:
        client = docker.from_env()
        client.ping()
    except DockerException as error:
        pytest.fail(f"These tests need a container engine: {error}", pytrace=False)
    yield client
    client.close()


@pytest.fixture(scope="session")
def images(client: docker.DockerClient) -> None:
    """Build the shipped images, if they are not built yet."""
    built = keras_matrix("images", "build")
    assert built.returncode == 0, built.stderr


@pytest.fixture(scope="session")
def started() -> Iterator[set[int]]:
    """Return the ids of the processes that these tests have started."""
    pids: set[int] = set()

    class Popen(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            pids.add(self.pid)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "Popen", Popen)
        yield pids


def leftovers(client: docker.DockerClient) -> Iterator[tuple[Container, Owner | None]]:
    """Yield the containers, running or not, whose host process has ended."""
    for container in client.containers.list(
        all=True, filters={"label": CELL_LABEL}, ignore_removed=True
    ):
        owner = Owner.parse(container.labels.get(OWNER_LABEL, ""))
        if owner is None or owner.is_gone():
            yield container, owner


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_at_the_end(client: docker.DockerClient) -> Iterator[None]:
    """Check after all tests that no host process that has ended left a container."""
    yield
    assert [container.name for container, _ in leftovers(client)] == []


@pytest.fixture(autouse=True)
def nothing_is_left(client: docker.DockerClient, started: set[int]) -> Iterator[None]:
    """Check after each test that no host process that it started left a container."""
    yield
    left = []
    for container, owner in leftovers(client):
        if owner is None or owner.pid in started:
            left.append(container.name)
            container.remove(force=True)
    assert left == []


@pytest.fixture(scope="session", autouse=True)
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Record runs in a history of these tests, not in the user's."""
    path = tmp_path_factory.mktemp("history") / "history.sqlite"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_MATRIX_HISTORY", str(path))
        yield path


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.fixture
def disturbed(client: docker.DockerClient, images: None, results: Path) -> Iterator[Any]:
    """Yield a run to inject faults into, and remove the containers that it leaves."""
    from tests.integration.aftermath import DisturbedRun

    run = DisturbedRun(client, results)
    yield run
    filters: Any = {"label": f"{RUN_LABEL}={run.name}"}
    for container in client.containers.list(all=True, filters=filters, ignore_removed=True):
        container.remove(force=True)


@pytest.fixture(scope="session")
def undisturbed(
    client: docker.DockerClient, images: None, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Return what the records of a run without a fault say."""
    from tests.integration.aftermath import DisturbedRun, essence

    run = DisturbedRun(client, tmp_path_factory.mktemp("undisturbed"))
    after = run.finish(run.start())
    assert after.code == 0, after.err
    return essence(run.run)


def the_record(results: Path) -> Record:
    """Return the only record of the only run."""
    (run,) = results.iterdir()
    (record,) = RunFolder(run).records()
    return record


@dataclass
class Sleeping:
    """A run whose cell sleeps, and its container."""

    process: "subprocess.Popen[str]"
    container: Container
    filters: Any


@pytest.fixture
def sleeping(client: docker.DockerClient, images: None, results: Path) -> Iterator[Sleeping]:
    """Yield a run whose script sleeps, once it does."""
    run = f"sleeping-{uuid.uuid4().hex}"
    filters: dict[str, Any] = {"label": f"{RUN_LABEL}={run}"}
    process = subprocess.Popen(
        command_line(
            "run", SCRIPTS / "sleeps.py", "--on", "tf", "--results", results, "--run", run
        ),
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Sleeping(
            process, _wait_until_asleep(client, process, filters, results / run), filters
        )
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
        for container in client.containers.list(all=True, filters=filters):
            container.remove(force=True)


def _wait_until_asleep(
    client: docker.DockerClient, process: "subprocess.Popen[str]", filters: Any, run: Path
) -> Container:
    for _ in range(600):
        if any(b"sleeping" in log.read_bytes() for log in run.glob("work/*/output/*/log")):
            (container,) = client.containers.list(filters=filters)
            return container
        if process.poll() is not None:
            break
        time.sleep(0.1)
    process.kill()
    pytest.fail(f"the cell did not begin to sleep: {process.communicate()}")
