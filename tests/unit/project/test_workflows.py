"""The workflows: what they install, and the shell of the matrix with a fake engine."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from keras_matrix.plan.cells import Cell
from tests import ROOT
from tests.unit.project.steps import Done, Runner, commands
from tests.unit.records.builders import call, record, run_folder

FOLDER = ROOT / ".github" / "workflows"
LOCKED = ("--constraint locks/constraints.txt", "--require-hashes", "--no-deps")


def steps(name: str) -> list[dict[str, Any]]:
    workflow = yaml.safe_load((FOLDER / f"{name}.yml").read_text())
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def texts() -> Mapping[str, str]:
    return {path.stem: path.read_text() for path in FOLDER.glob("*.yml")}


def test_all_that_is_installed_is_locked() -> None:
    for name, text in texts().items():
        for line in re.findall(r"pip install .*", text):
            assert any(how in line for how in LOCKED), f"{name}: {line}"


def test_packages_are_cached_but_not_where_a_release_is_built() -> None:
    for name in texts():
        for step in steps(name):
            if str(step.get("uses", "")).startswith("actions/setup-python"):
                assert (step["with"].get("cache") == "pip") is (name != "release")


def test_what_takes_long_has_an_env_and_a_row_in_contributing() -> None:
    (job,) = yaml.safe_load(texts()["long"])["jobs"].values()
    contributing = (ROOT / "CONTRIBUTING.md").read_text()
    tox = (ROOT / "tox.ini").read_text()
    for name in job["strategy"]["matrix"]["what"]:
        assert f"| `{name}` |" in contributing
        assert f"[testenv:{name}]\n" in tox


def test_the_models_that_are_compared_are_all_there_are() -> None:
    models = [f"models/{path.parent.name}" for path in (ROOT / "models").glob("*/model.py")]
    workflow = yaml.safe_load(texts()["matrix"])
    asked = workflow[True]["workflow_dispatch"]["inputs"]["models"]["default"]
    assert sorted(asked.split()) == sorted(models)
    assert workflow["env"]["MODELS"] == f"${{{{ inputs.models || '{asked}' }}}}"


# The steps of the matrix


class Job(Runner):
    """A job of the matrix; ``records`` holds what the jobs of the images have left."""

    def run(self, name: str, **variables: str) -> Done:
        (step,) = [one for one in steps("matrix") if one.get("id") == name]
        given = {
            "IMAGE": "tf",
            "IMAGES": "tf theano",
            "MODELS": "models/mlp models/conv",
            "SEEDS": "1",
            "BASE": "hub",
            "CELLS_RESULT": "success",
            "ARCHIVE": str(self.root / "archive"),
            "RECORDS_DIR": "records",
            "JOINED_DIR": "joined",
            "REPORTS_DIR": "reports",
        }
        return self.run_step(step, given | variables)

    def recorded(self, model: str, **losses: float) -> None:
        for image, loss in losses.items():
            one = record(Cell(image), call(metrics={"loss": loss}))
            run_folder(self.root / "records" / f"ci-{image}" / model, [one])


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def test_an_image_is_built_and_saved_where_there_is_no_archive(job: Job) -> None:
    assert job.run("build").returncode == 0
    assert [call[1] for call in job.calls()] == ["build", "save"]
    assert all(call[-2:] == ["--base", "hub"] for call in job.calls())
    assert job.outputs["build"] == {"built": "yes"}


def test_an_archive_is_loaded_and_checked(job: Job) -> None:
    (job.root / "archive").write_text("archive")
    assert job.run("build").returncode == 0
    assert [call[1] for call in job.calls()] == ["load", "verify"]
    assert job.outputs["build"] == {"built": "no"}


@pytest.mark.parametrize("command", ["load", "verify"])
def test_an_archive_that_does_not_load_is_replaced(command: str, job: Job) -> None:
    (job.root / "archive").write_text("not an archive")
    job.fails(command)
    done = job.run("build")
    assert done.returncode == 0
    assert [call[1] for call in job.calls()][-2:] == ["build", "save"]
    assert "::warning::The cached archive of image tf" in done.stdout
    assert job.outputs["build"] == {"built": "yes"}


def test_an_image_that_does_not_build_fails_the_job(job: Job) -> None:
    job.fails("build")
    assert job.run("build").returncode == 6


def test_each_model_runs_whatever_became_of_the_one_before(job: Job) -> None:
    done = job.run("cells")
    assert done.returncode == 1
    assert [call[1] for call in job.calls()] == ["models/mlp", "models/conv"]
    assert job.calls()[0][-4:] == ["--results", "results/ci-tf", "--run", "mlp"]
    (command,) = commands(done.stdout)
    assert command.startswith("::error title=Cells of tf::models/mlp models/conv did not run")


@pytest.mark.parametrize(("theano", "code"), [(0.5, 0), (0.75, 1)])
def test_the_worst_of_the_models_is_the_result(theano: float, code: int, job: Job) -> None:
    job.recorded("mlp", tf=0.5, theano=0.5)
    job.recorded("conv", tf=0.5, theano=theano)
    done = job.run("diff")
    assert done.returncode == code, done.stdout + done.stderr
    summary = job.summary.read_text()
    assert "## Keras matrix: mlp: the backends agree\n" in summary
    said = "the backends differ" if code else "the backends agree"
    assert f"## Keras matrix: conv: {said}\n" in summary
    for model in ("mlp", "conv"):
        assert (job.root / "reports" / model / "report.html").stat().st_size
        assert (job.root / "joined" / model / "manifest.json").exists()


def test_agreement_of_jobs_that_failed_is_no_score(job: Job) -> None:
    job.recorded("mlp", tf=0.5, theano=0.5)
    done = job.run("diff", MODELS="models/mlp", CELLS_RESULT="failure")
    assert done.returncode == 4
    assert "ended with: failure" in job.summary.read_text()


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"IMAGES": ""}, "There is no list of images: the plan job failed or found none."),
        ({"MODELS": ""}, "There is no model to compare."),
        ({}, "No records arrived of: mlp on theano, conv on tf, conv on theano (jobs: success)."),
    ],
)
def test_nothing_is_never_a_success(variables: dict[str, str], said: str, job: Job) -> None:
    job.recorded("mlp", tf=0.5, theano=0.5)
    shutil.rmtree(job.root / "records" / "ci-theano")
    done = job.run("diff", **variables)
    assert done.returncode == 4
    assert commands(done.stdout) == [f"::error title=No comparison::{said}"]
    assert said in job.summary.read_text()
