"""The main job on both backends: by hand, by tox, and as the workflow's jobs do it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Outcome
from tests import ROOT
from tests.integration.conftest import SCRIPTS, Done, clean_environment, keras_matrix
from tests.tree import copy_tree

pytestmark = pytest.mark.usefixtures("images")

MODELS = f"{SCRIPTS / 'tiny.py'} {SCRIPTS / 'steady.py'}"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of two scripts, each image's by a job of its own, as ci-IMAGE/SCRIPT."""
    results = tmp_path_factory.mktemp("parts") / "parts"
    for image in ("tf", "theano"):
        done = run_step("cells", results.parent, MODELS=MODELS, IMAGE=image, SEEDS="1", BASE="auto")
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count("nothing to compare") == 2
    (results.parent / "results").rename(results)
    return results


def run_step(name: str, folder: Path, **variables: str) -> Done:
    """Run a step of the workflow matrix, with the command of this environment."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "matrix.yml").read_text())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    (script,) = [step["run"] for step in steps if step.get("id") == name]
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    program = programs / "keras-matrix"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m keras_matrix "$@"\n')
    program.chmod(0o755)
    summary = folder / "summary.md"
    summary.touch()
    variables |= {"GITHUB_STEP_SUMMARY": str(summary)}
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", str(script)],
        cwd=folder,
        env=clean_environment(PATH=f"{programs}:{os.environ['PATH']}", **variables),
        capture_output=True,
        text=True,
        check=False,
    )


def run_diff_step(parts: Path, folder: Path) -> Done:
    return run_step(
        *("diff", folder),
        MODELS=MODELS,
        IMAGES="tf theano",
        CELLS_RESULT="success",
        RECORDS_DIR=str(parts),
        JOINED_DIR=str(folder / "joined"),
        REPORTS_DIR=str(folder / "reports"),
    )


def test_workflows_last_job_on_separately_made_records(parts: Path, tmp_path: Path) -> None:
    done = run_diff_step(parts, tmp_path)
    assert done.returncode == 1, "the exit code is that of the worst"
    summary = (tmp_path / "summary.md").read_text()
    assert "theano agrees with tf in all 5 judged metrics" in summary.replace("\\", "")
    assert "| evaluate.loss |" in summary.replace("\\", "")
    assert "| tiny | reference: 1 cell ran | ✅ agrees in all 5 judged metrics |" in summary
    for name, verdict, failures in (("tiny.py", "agree", 0), ("steady.py", "differ", 2)):
        assert f"## Keras matrix: {name}: the backends {verdict}" in summary
        reports = tmp_path / "reports" / name
        assert (reports / "report.html").read_text().startswith("<!DOCTYPE html>")
        assert f'failures="{failures}" errors="0"' in (reports / "junit.xml").read_text()
    assert "::notice title=tiny (tiny.py)::theano agrees with tf in all 5" in done.stdout


def test_workflows_last_job_without_the_records_of_an_image(parts: Path, tmp_path: Path) -> None:
    """Never nothing into a success: what is missing is not a score."""
    partial = tmp_path / "partial"
    shutil.copytree(parts / "ci-tf", partial / "ci-tf")
    done = run_diff_step(partial, tmp_path)
    assert done.returncode == 4
    assert "theano" in (tmp_path / "summary.md").read_text()


def test_join_then_diff_from_disk_without_an_engine(parts: Path, tmp_path: Path) -> None:
    nowhere = "unix:///nonexistent.sock"
    joined = keras_matrix(
        "join",
        parts / "ci-tf" / "tiny.py",
        parts / "ci-theano" / "tiny.py",
        "--into",
        tmp_path / "joined",
        DOCKER_HOST=nowhere,
    )
    assert joined.returncode == 0, joined.stderr
    done = keras_matrix("diff", tmp_path / "joined", "--json", DOCKER_HOST=nowhere)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    verdicts = {row["metric"]: row["verdict"] for row in found["rows"]}
    assert verdicts["evaluate.loss"] == verdicts["predict.0"] == "agree"
    assert verdicts["fit.seconds"] == "reported"
    strict = keras_matrix(
        "diff", tmp_path / "joined", "--tolerance", "fit.seconds=1e-9", DOCKER_HOST=nowhere
    )
    assert strict.returncode == 1
    assert "theano differs from tf" in strict.stdout


def test_same_seed_on_the_same_image_is_the_same(parts: Path, tmp_path: Path) -> None:
    again = keras_matrix(
        *("run", SCRIPTS / "tiny.py", "--on", "tf", "--results", tmp_path),
        *("--run", "again", "--seeds", "1", "-q"),
    )
    assert again.returncode == 0
    done = keras_matrix(
        "diff", parts / "ci-tf" / "tiny.py", tmp_path / "again", "--tolerance", "*=0", "--json"
    )
    assert done.returncode == 0, done.stdout


def test_resumed_run_runs_only_what_is_missing(tmp_path: Path) -> None:
    command = (
        *("run", SCRIPTS / "imports.py", "--on", "tf,theano", "--results", tmp_path),
        *("--run", "one"),
    )
    assert keras_matrix(*command).returncode == 0
    record = next((tmp_path / "one" / "records").glob("theano*"))
    kept = next((tmp_path / "one" / "records").glob("tf*")).read_bytes()
    record.unlink()
    again = keras_matrix(*command)
    assert again.returncode == 0
    assert "1 cell to run" in again.stderr
    assert record.exists()
    assert next((tmp_path / "one" / "records").glob("tf*")).read_bytes() == kept
    for image, backend in (("tf", "TensorFlow"), ("theano", "Theano")):
        said = (tmp_path / "one" / "logs" / f"{image}.log").read_text()
        assert said == f"Using {backend} backend.\n", "importing the stack prints nothing else"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh copy of what a clone would hold."""
    target = tmp_path_factory.mktemp("clone")
    copy_tree(target)
    return target


def test_tox_runs_the_tutorials_case_and_the_last_env_prints_the_diff(clone: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tox", "run-parallel", "-e", "tf,theano", "--parallel-no-spinner"],
        cwd=clone,
        env=clean_environment(KERAS_MATRIX_RUN="tutorial"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count("evaluate.accuracy ") == 1
    records = RunFolder(clone / "results" / "tutorial").records()
    outcomes = {record.cell.image: record.outcome for record in records}
    assert outcomes == {"tf": Outcome.OK, "theano": Outcome.OK}
    for record in records:
        fit, evaluate = record.observation.calls
        assert len(fit.epochs) == 20
        assert fit.params["batch_size"] == 128
        assert set(evaluate.metrics) == {"loss", "accuracy"}
        assert fit.seconds is not None


@pytest.mark.parametrize("model", ["conv", "lstm", "autoencoder"])
def test_shipped_models_agree(model: str, tmp_path: Path) -> None:
    done = keras_matrix(
        *("run", ROOT / "models" / model, "--on", "tf,theano", "--results", tmp_path),
        *("--seeds", "1"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
