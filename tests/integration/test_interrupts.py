"""After Ctrl-C a run goes on; after kill -9 another one removes what is left of it."""

import signal
from pathlib import Path

import docker
import pytest

from tests.integration.conftest import SCRIPTS, Sleeping, keras_matrix


def test_a_run_is_joined_only_with_the_same_plan(sleeping: Sleeping, results: Path) -> None:
    # Two at once, as "timeout" sends them.
    for number in (signal.SIGINT, signal.SIGTERM):
        sleeping.process.send_signal(number)
    sleeping.process.communicate(timeout=60)
    assert sleeping.process.returncode in (130, 143)
    (run,) = results.iterdir()
    again = keras_matrix(
        *("run", SCRIPTS / "sleeps.py", "--on", "tf", "--run", run, "--memory", "2g"),
    )
    assert again.returncode == 2, "other limits are another plan"
    assert "begun with another script, matrix or limits" in again.stderr


@pytest.mark.alone
def test_leftovers_of_a_killed_runner_are_swept_those_of_a_live_one_are_not(
    sleeping: Sleeping, client: docker.DockerClient, tmp_path: Path
) -> None:
    left = sleeping.container

    def run_another(name: str) -> str:
        done = keras_matrix("run", SCRIPTS / "exits.py", "--on", "tf", "--results", tmp_path / name)
        return done.stderr

    said = f"removed a container left over from a run that was killed: {left.name}"
    assert said not in run_another("beside")
    left.reload()
    assert left.status == "running"
    sleeping.process.kill()
    sleeping.process.communicate()
    # The cell notices that its host process is gone, and stops computing.
    assert left.wait(timeout=60)["StatusCode"] == 0
    assert said in run_another("after")
    assert client.containers.list(all=True, filters=sleeping.filters) == []
