"""A real engine, real images; a missing engine is a failure, not a skip."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docker.errors import DockerException

import docker
from runner.cell.container import LABEL, OWNER_LABEL
from runner.cell.ownership import Owner

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent / "scripts"

Done = subprocess.CompletedProcess[str]
Command = Callable[..., Done]


def clean_environment(**more: str) -> dict[str, str]:
    """Return the environment without what an outer tox has set."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TOX") and name not in ("KERAS_MATRIX_RUN", "KERAS_MATRIX_ON")
    }
    return {**kept, **more}


def command_line(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "runner", *(str(argument) for argument in arguments)]


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


@pytest.fixture(autouse=True)
def nothing_is_left(client: docker.DockerClient) -> Iterator[None]:
    """After every test: no container of a runner that has ended, running or not."""
    yield
    left = []
    for container in client.containers.list(all=True, filters={"label": LABEL}):
        owner = Owner.parse(container.labels.get(OWNER_LABEL, ""))
        if owner is None or owner.is_gone():
            left.append(container.name)
            container.remove(force=True)
    assert left == []


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"
