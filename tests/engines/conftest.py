"""What all tests of other engines share: the image that is lent to them, and the page's table."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ROOT
from tests.integration.tables import Collector, pytest_addoption, report_row

__all__ = ["pytest_addoption", "report_row"]

Done = subprocess.CompletedProcess[str]


def pytest_configure(config: pytest.Config) -> None:
    if not config.pluginmanager.has_plugin("tables"):
        config.pluginmanager.register(Collector(), "tables")


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what is cached and noted here apart from the user's own."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CACHE", "HISTORY"):
            path = tmp_path_factory.mktemp(name.lower()) / name.lower()
            patch.setenv(f"KERAS_MATRIX_{name}", str(path))
        yield


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an archive of the image tf, built on the machine's own engine."""
    file = tmp_path_factory.mktemp("image") / "tf.tar"
    for step in (("build", "tf"), ("save", "tf", file)):
        done = call("images", *step)
        assert done.returncode == 0, done.stderr
    return file


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "keras_matrix", *map(str, arguments)]


def environment(host: str = "") -> dict[str, str]:
    return {**os.environ, **({"DOCKER_HOST": host} if host else {})}


def call(*arguments: object, host: str = "") -> Done:
    """Run the command on an engine, by default the machine's own."""
    return subprocess.run(
        command(*arguments),
        cwd=ROOT,
        env=environment(host),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def facts_of(log: str) -> dict[str, object]:
    """Return the facts that a script printed to its log."""
    (line,) = [line for line in log.splitlines() if line.startswith("FACTS ")]
    found: dict[str, object] = json.loads(line[6:])
    return found
