"""A cell is clean and closed, and runs the script as it is."""

import json
import os
from pathlib import Path
from typing import Any

import docker
import pytest

from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Outcome
from tests.integration.conftest import SCRIPTS, keras_matrix

pytestmark = pytest.mark.usefixtures("images")


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory, client: docker.DockerClient) -> dict[str, Any]:
    """What the script saw; its folder is closed to others, as temporary folders are."""
    folder = tmp_path_factory.mktemp("script")
    folder.chmod(0o700)
    script = folder / "closed.py"
    script.write_bytes((SCRIPTS / "closed.py").read_bytes())
    (folder / "beside.txt").write_text("data beside the script")
    # Docker's own command hands such a proxy, password and all, to every container.
    proxies = {"default": {"httpProxy": "http://me:secret@127.0.0.1:1"}}
    docker_config = tmp_path_factory.mktemp("docker")
    (docker_config / "config.json").write_text(json.dumps({"proxies": proxies}))
    results = folder / "results"
    done = keras_matrix(
        *("run", script, "--on", "tf", "--results", results),
        *("--floatx", "float64", "--image-data-format", "channels_first", "--epsilon", "1e-5"),
        *("--", "--epochs", "2", "a b"),
        SECRET_TOKEN="not for the cell",
        DOCKER_CONFIG=str(docker_config),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = results.iterdir()
    (log,) = (run / "logs").iterdir()
    (line,) = [line for line in log.read_text().splitlines() if line.startswith("FACTS ")]
    found: dict[str, Any] = json.loads(line[6:])
    return found


def test_no_privilege(facts: dict[str, Any]) -> None:
    assert facts["capabilities"] == facts["bounding"] == 0
    assert facts["new_privileges"] == "1"
    assert facts["uid"] == (os.getuid() or 10001)


def test_no_network_and_no_engine(facts: dict[str, Any]) -> None:
    assert facts["interfaces"] == ["lo"]
    assert facts["socket"] is False


def test_writes_only_on_scratch(facts: dict[str, Any]) -> None:
    writable = facts["writable"]
    assert writable.pop(".") is True
    assert set(writable.values()) == {"Read-only file system"}


def test_nothing_of_the_hosts_environment(facts: dict[str, Any]) -> None:
    environment = set(facts["environment"])
    assert not environment & {"SECRET_TOKEN", "KERAS_BACKEND", "PYTHONPATH", "DOCKER_HOST"}
    assert not environment & {"HTTP_PROXY", "http_proxy"}
    assert {"KERAS_HOME", "HOME", "TMPDIR"} <= environment


def test_the_script_gets_its_arguments_its_data_and_a_closed_stdin(facts: dict[str, Any]) -> None:
    assert facts["arguments"] == ["--epochs", "2", "a b"]
    assert facts["beside"] == "data beside the script"
    assert facts["stdin"] == ""


def test_keras_json_is_what_was_planned(facts: dict[str, Any]) -> None:
    assert facts["floatx"] == "float64"
    assert facts["format"] == "channels_first"
    assert facts["epsilon"] == 1e-5


def test_record_says_what_ran_on_what(results: Path) -> None:
    done = keras_matrix(
        "run", SCRIPTS / "tiny.py", "--on", "tf", "--seeds", "1", "--results", results, "-q"
    )
    assert done.returncode == 0, done.stdout
    (run,) = results.iterdir()
    (record,) = RunFolder(run).records()
    seen = record.observation
    assert record.outcome is Outcome.OK
    assert seen.environment is not None
    assert seen.end is not None
    assert record.image is not None
    assert seen.environment.python == "3.6.15"
    assert seen.environment.keras == "2.3.1"
    assert seen.environment.packages["tensorflow"] == "1.14.0"
    assert seen.environment.limits.memory == 4 * 2**30
    assert seen.environment.variables["OMP_NUM_THREADS"] == "1"
    assert seen.environment.cpu_model
    assert record.image.id.startswith("sha256:")
    assert record.image.base.value in ("hub", "standin")
    assert seen.end.peak_memory > 50 * 2**20
    (model,) = seen.models
    assert (model.parameters, [layer.kind for layer in model.layers]) == (5, ["Dense"])
    fit, evaluate, predict = seen.calls
    assert (fit.name, evaluate.name, predict.name) == ("fit", "evaluate", "predict")
    assert fit.site == "tiny.py:12"
    assert [set(epoch.metrics) for epoch in fit.epochs] == [{"loss", "mae"}] * 3
    assert fit.first_batch_seconds is not None
    assert fit.seconds is not None
    assert 0 < fit.first_batch_seconds < fit.seconds
    assert predict.arrays[0].shape == [64, 1]
    for path in [run, *run.rglob("*")]:
        assert path.stat().st_uid == os.getuid()


def test_a_runtime_is_asked_for_by_name(results: Path, client: docker.DockerClient) -> None:
    """Its results are no others': neither reused nor continued under another."""
    usual = client.info()["DefaultRuntime"]
    (name, *_) = sorted(client.info()["Runtimes"].keys() - {usual})
    arguments = ("run", SCRIPTS / "tiny.py", "--on", "tf", "--seeds", "1", "--results", results)
    ended = [keras_matrix(*arguments, *more) for more in ((), ("--runtime", name))]
    assert [done.returncode for done in ended] == [0, 0], ended
    assert not any("reused" in done.stderr for done in ended)
    runs = [RunFolder(path) for path in results.iterdir()]
    records = [record for run in runs for record in run.records()]
    assert sorted(record.runtime for record in records) == sorted((usual, name))
    (first,) = [run for run in runs if run.manifest().plan.runtime == ""]
    mixed = keras_matrix(*arguments, "--run", first.name, "--runtime", name)
    assert mixed.returncode == 2


def test_an_unknown_runtime_is_told_before_anything_is_made(results: Path) -> None:
    arguments = ("run", SCRIPTS / "tiny.py", "--on", "tf", "--results", results)
    done = keras_matrix(*arguments, "--runtime", "nonesuch")
    assert done.returncode == 2
    assert "has no runtime 'nonesuch', only " in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not results.exists()
