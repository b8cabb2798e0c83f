"""Ctrl-C, SIGTERM and kill -9: nothing is left running, nothing that is finished is lost."""

import signal
import time
from pathlib import Path

import pytest
from conftest import SCRIPTS, Sleeping, keras_matrix, the_record

import docker
from runner.record import Outcome


@pytest.mark.parametrize(
    ("number", "times", "code", "said"),
    [
        (signal.SIGINT, 1, 130, "Stopped by Ctrl-C; nothing is left running."),
        (signal.SIGINT, 2, 130, "Stopped by Ctrl-C; nothing is left running."),
        (signal.SIGTERM, 1, 143, "Stopped by SIGTERM; nothing is left running."),
    ],
)
def test_stop(
    number: signal.Signals,
    times: int,
    code: int,
    said: str,
    sleeping: Sleeping,
    client: docker.DockerClient,
    results: Path,
) -> None:
    for _ in range(times):
        sleeping.process.send_signal(number)
        time.sleep(0.02)
    _, err = sleeping.process.communicate(timeout=60)
    assert sleeping.process.returncode == code
    assert said in err
    assert "goes on" in err
    assert "Traceback" not in err
    assert client.containers.list(all=True, filters=sleeping.filters) == []
    assert the_record(results).outcome is Outcome.INTERRUPTED


def test_a_run_is_joined_only_with_the_same_plan(sleeping: Sleeping, results: Path) -> None:
    sleeping.process.send_signal(signal.SIGINT)
    sleeping.process.communicate(timeout=60)
    (run,) = results.iterdir()
    again = keras_matrix(
        *("run", SCRIPTS / "sleeps.py", "--on", "tf", "--run", run, "--memory", "2g"),
    )
    assert again.returncode == 2, "other limits are another plan"
    assert "begun with another script, matrix or limits" in again.stderr


def test_leftovers_of_a_killed_runner_are_swept_those_of_a_live_one_are_not(
    sleeping: Sleeping, client: docker.DockerClient, tmp_path: Path
) -> None:
    left = sleeping.container

    def run_another(name: str) -> str:
        done = keras_matrix("run", SCRIPTS / "exits.py", "--on", "tf", "--results", tmp_path / name)
        return done.stderr

    said = f"removed {left.name}, left over from a run that was killed"
    assert said not in run_another("beside")
    left.reload()
    assert left.status == "running"
    sleeping.process.kill()
    sleeping.process.communicate()
    left.reload()
    assert left.status == "running", "kill -9 leaves it"
    assert said in run_another("after")
    assert client.containers.list(all=True, filters=sleeping.filters) == []
