"""Ctrl-C, SIGTERM and kill -9: nothing is left running, nothing that is finished is lost."""

import signal
import time
from pathlib import Path

import pytest
from conftest import SCRIPTS, keras_matrix
from test_outcomes import start_sleeping, the_record

import docker
from runner.cell.container import LABEL
from runner.record import Outcome

pytestmark = pytest.mark.usefixtures("images")


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
    client: docker.DockerClient,
    results: Path,
) -> None:
    process = start_sleeping(client, results)
    for _ in range(times):
        process.send_signal(number)
        time.sleep(0.02)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert said in err
    assert "Traceback" not in err
    assert client.containers.list(all=True, filters={"label": LABEL}) == []
    assert the_record(results).outcome is Outcome.INTERRUPTED


def test_interrupted_run_goes_on_where_it_stopped(
    client: docker.DockerClient, results: Path
) -> None:
    process = start_sleeping(client, results)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    (run,) = results.iterdir()
    again = keras_matrix(
        *("run", SCRIPTS / "sleeps.py", "--on", "tf", "--run", run, "--timeout", "1800"),
        *("--results", results, "--memory", "2g"),
    )
    assert again.returncode == 2, "other limits are another plan"
    assert "begun with another script, matrix or limits" in again.stderr


def test_leftovers_of_a_killed_runner_are_swept_those_of_a_live_one_are_not(
    client: docker.DockerClient, results: Path, tmp_path: Path
) -> None:
    process = start_sleeping(client, results)
    (left,) = client.containers.list(filters={"label": LABEL})

    def run_another(name: str) -> str:
        done = keras_matrix("run", SCRIPTS / "exits.py", "--on", "tf", "--results", tmp_path / name)
        return done.stderr

    assert "left over" not in run_another("beside")
    left.reload()
    assert left.status == "running"
    process.kill()
    process.communicate()
    left.reload()
    assert left.status == "running", "kill -9 leaves it"
    assert f"removed {left.name}, left over from a run that was killed" in run_another("after")
    assert client.containers.list(all=True, filters={"label": LABEL}) == []
