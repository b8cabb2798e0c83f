"""The composite action's own shell, with a fake GITHUB_* environment and a fake engine."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from keras_matrix.plan.cells import Cell
from keras_matrix.records.record import Outcome, Record
from tests import ROOT
from tests.unit.cli.builders import run_cli
from tests.unit.records.builders import call, record, run_folder

ACTION = ROOT / ".github" / "actions" / "keras-matrix" / "action.yml"
WORKFLOWS = (ROOT / ".github" / "workflows").glob("*.yml")
EXPRESSION = re.compile(r"\$\{\{ *(.+?) *\}\}")

REPORTS = {
    "markdown": "summary.md",
    "github": "annotations.txt",
    "junit": "junit.xml",
    "csv": "comparison.csv",
    "json": "comparison.json",
}
PROGRAM = f"""#!{sys.executable}
import json, pathlib, shutil, sys

arguments = sys.argv[1:]
here = pathlib.Path(__file__).parent
with open(here / "calls", "a") as calls:
    calls.write(json.dumps(arguments) + "\\n")
if arguments[0] == "list":
    from keras_matrix.cli import main
    main()
if arguments[0] == "images":
    if arguments[1] == "save":
        pathlib.Path(arguments[3]).write_text("archive")
    sys.exit(1 if arguments[1] == "load" and not pathlib.Path(arguments[2]).exists() else 0)
print("::error::forged by a script", flush=True)
print("##[error]forged, too", file=sys.stderr)
if not (here / "left").exists():
    sys.exit(2)
shutil.copytree(here / "left" / "run", arguments[arguments.index("--results") + 1] + "/mlp-1")
for place, argument in enumerate(arguments):
    if argument == "--report":
        to = arguments[place + 1].partition("=")[2]
        shutil.copy(here / "left" / pathlib.Path(to).name, to)
sys.exit(int((here / "left" / "code").read_text()))
"""


def action() -> Any:
    return yaml.safe_load(ACTION.read_text())


def steps() -> list[Any]:
    return list(action()["runs"]["steps"])


@dataclass
class Job:
    """A job that uses the action: its folders, and what its steps have said."""

    root: Path
    inputs: dict[str, str]

    def __post_init__(self) -> None:
        self.outputs: dict[str, dict[str, str]] = {}
        self.bin = self.root / "temp" / "keras-matrix" / "venv" / "bin"
        self.bin.mkdir(parents=True)
        (self.bin / "python").symlink_to(sys.executable)
        program = self.bin / "keras-matrix"
        program.write_text(PROGRAM)
        program.chmod(0o755)
        self.summary = self.root / "summary.md"
        self.summary.touch()

    def run(self, name: str) -> "subprocess.CompletedProcess[str]":
        """Run a step as GitHub does, and take in its outputs."""
        (step,) = [one for one in steps() if one.get("id") == name]
        outputs = self.root / f"outputs-{name}"
        outputs.touch()
        given = {key: self._value(text) for key, text in step.get("env", {}).items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
            cwd=self.root,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.root),
                "RUNNER_TEMP": str(self.root / "temp"),
                "GITHUB_OUTPUT": str(outputs),
                "GITHUB_STEP_SUMMARY": str(self.summary),
                **given,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        lines = outputs.read_text().splitlines()
        self.outputs[name] = dict(line.split("=", 1) for line in lines)
        return done

    def _value(self, text: str) -> str:
        found = EXPRESSION.fullmatch(text)
        assert found is not None, f"{text} is not an expression alone"
        where, *names = found[1].split(".")
        if where == "inputs":
            default = str(action()["inputs"][names[0]].get("default", ""))
            return self.inputs.get(names[0], default)
        assert (where, names[1]) == ("steps", "outputs")
        return self.outputs.get(names[0], {}).get(names[2], "")

    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.bin / "calls").read_text().splitlines()]

    def leaves(self, *records: Record) -> None:
        """Let what the fake runs leave such records, and the reports of their comparison."""
        left = self.bin / "left"
        folder = run_folder(left / "run", records)
        wanted = [f"{form}={left / name}" for form, name in REPORTS.items()]
        code = run_cli("diff", folder.path, *(f"--report={one}" for one in wanted))
        (left / "report.html").write_text("<!doctype html>")
        (left / "code").write_text(str(code))


def good(image: str, loss: float = 0.5) -> Record:
    return record(Cell(image), call(metrics={"loss": loss}))


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path, {"script": "models/mlp", "seeds": "2"})


# What the file says


def test_no_expression_stands_in_a_script() -> None:
    scripts = [step["run"] for step in steps() if "run" in step]
    assert scripts
    assert not any("${{" in script for script in scripts)


def test_every_input_is_used_and_every_used_one_is_there() -> None:
    used = set(re.findall(r"inputs\.([\w-]+)", ACTION.read_text()))
    assert used == set(action()["inputs"])


def test_every_output_comes_from_a_step() -> None:
    for output in action()["outputs"].values():
        (name, key) = re.findall(r"steps\.(\w+)\.outputs\.(\w+)", output["value"])[0]
        (step,) = [one for one in steps() if one.get("id") == name]
        assert re.search(rf"\b{key}\b", step["run"])


def test_other_actions_are_pinned_as_in_the_workflows() -> None:
    pinned = re.compile(r"uses: (\S+@[0-9a-f]{40} # v[0-9.]+)")
    ours = set(pinned.findall(ACTION.read_text()))
    assert len(ours) == sum("uses" in step for step in steps()) == 4
    assert ours <= {one for path in WORKFLOWS for one in pinned.findall(path.read_text())}


# Its steps


def test_the_key_of_the_archives_is_that_of_the_images(job: Job) -> None:
    assert job.run("images").returncode == 0
    first = job.outputs["images"]
    assert first["names"] == "tf theano"
    assert re.fullmatch("[0-9a-f]{64}", first["key"])
    assert first["archives"] == str(job.root / "temp" / "keras-matrix" / "images")
    job.inputs["on"] = "theano"
    assert job.run("images").returncode == 0
    assert job.outputs["images"]["names"] == "theano"
    assert job.outputs["images"]["key"] != first["key"]


def test_an_image_that_is_not_there_is_told(job: Job) -> None:
    job.inputs["on"] = "theanno"
    done = job.run("images")
    assert done.returncode == 2
    assert "did you mean 'theano'" in done.stderr


def images(job: Job, found: str) -> list[list[str]]:
    archives = job.root / "archives"
    job.outputs["images"] = {"names": "tf theano", "archives": str(archives)}
    job.outputs["archives"] = {"cache-hit": found}
    done = job.run("build")
    assert done.returncode == 0, done.stderr
    return [[part.replace(f"{archives}/", "") for part in one[1:]] for one in job.calls()]


def test_images_are_built_and_saved(job: Job) -> None:
    assert images(job, "") == [
        *(["build", "tf"], ["save", "tf", "tf.tar"]),
        *(["build", "theano"], ["save", "theano", "theano.tar"]),
    ]


def test_images_are_not_saved_where_nothing_is_cached(job: Job) -> None:
    job.inputs["cache"] = "false"
    assert images(job, "") == [["build", "tf"], ["build", "theano"]]


def test_an_archive_that_does_not_load_costs_time_only(job: Job) -> None:
    (job.root / "archives").mkdir()
    (job.root / "archives" / "tf.tar").write_text("archive")
    assert images(job, "true") == [
        ["load", "tf.tar"],
        *(["load", "theano.tar"], ["build", "theano"], ["save", "theano", "theano.tar"]),
    ]


@pytest.mark.parametrize(
    ("theano", "verdict", "title"),
    [(0.5, "agree", "the backends agree"), (0.75, "differ", "the backends differ")],
)
def test_a_run_is_reported_everywhere(theano: float, verdict: str, title: str, job: Job) -> None:
    job.leaves(good("tf"), good("theano", theano))
    done = job.run("run")
    assert done.returncode == 0, done.stdout + done.stderr
    told = job.outputs["run"]
    code = {"agree": "0", "differ": "1"}[verdict]
    assert (told["verdict"], told["code"]) == (verdict, code)
    folder = Path(told["folder"])
    assert Path(told["report"]) == folder / "report.html"
    assert Path(told["run"]) == folder / "results" / "mlp-1"
    assert sorted(path.name for path in folder.iterdir()) == [
        *("annotations.txt", "comparison.csv", "comparison.json", "junit.xml"),
        *("report.html", "results", "summary.md"),
    ]
    summary = job.summary.read_text()
    assert summary.startswith(f"## Keras matrix: {title}\n\n### mlp")
    assert "| model | tf | theano |" in summary
    assert job.run("verdict").returncode == int(code)


def commands(said: str) -> list[str]:
    """Return the workflow commands that GitHub's runner heeds."""
    heeded, token = [], ""
    for line in said.splitlines():
        stop = re.match(r"::stop-commands::(.+)", line)
        if token:
            token = "" if line == f"::{token}::" else token
        elif stop:
            token = stop[1]
            assert re.fullmatch("[0-9a-f]{32}", token)
        elif line.lstrip().startswith("::") or "##[" in line:
            heeded.append(line)
    assert token == "", "commands are heeded again"
    return heeded


def test_what_a_script_prints_is_no_command_but_annotations_are(job: Job) -> None:
    job.leaves(good("tf"), good("theano", 0.75))
    done = job.run("run")
    assert "forged by a script" in done.stdout
    assert "forged, too" in done.stdout, "in one stream, or its order is lost"
    assert done.stderr == ""
    assert [line.partition("::")[2].split("::")[0] for line in commands(done.stdout)] == [
        "error title=theano differs from tf"
    ]


def test_the_log_of_a_cell_that_failed_is_no_command(job: Job) -> None:
    bad = record(
        Cell("theano"), outcome=Outcome.CRASHED, reason="No.", log_tail=("::error::forged",)
    )
    job.leaves(good("tf"), bad)
    done = job.run("run")
    assert (job.outputs["run"]["verdict"], job.outputs["run"]["code"]) == ("failed", "3")
    (command,) = commands(done.stdout)
    assert command.startswith("::error title=theano%3A crashed::No.%0A")
    assert job.run("verdict").returncode == 3


def test_inputs_are_arguments_and_nothing_else(job: Job) -> None:
    job.leaves(good("tf"), good("theano"))
    job.inputs |= {
        "script": "$(touch owned); models/my model.py",
        "on": "tf,theano",
        "seeds": "",
        "tolerances": "a b.toml",
        "options": "--epochs-cap=2\r\n\n--data=`touch owned`\n",
        "arguments": "--fast\n*\n'",
    }
    assert job.run("run").returncode == 0
    (given,) = job.calls()
    place = given.index("--")
    assert given[place:] == ["--", "$(touch owned); models/my model.py", "--fast", "*", "'"]
    assert given[place - 4 : place] == [
        *("--report", given[place - 3], "--epochs-cap=2", "--data=`touch owned`"),
    ]
    assert given[:3] == ["run", "--on", "tf,theano"]
    assert "--seeds" not in given
    assert given[given.index("--tolerances") + 1] == "a b.toml"
    assert not (job.root / "owned").exists()


def test_seeds_are_passed_on(job: Job) -> None:
    job.leaves(good("tf"), good("theano"))
    job.run("run")
    (given,) = job.calls()
    assert given[given.index("--seeds") + 1] == "2"


def test_what_is_no_comparison_is_no_score(job: Job) -> None:
    done = job.run("run")
    assert done.returncode == 0
    told = job.outputs["run"]
    assert {**told, "folder": ""} == {
        "verdict": "error",
        "code": "2",
        "folder": "",
        "report": "",
        "run": "",
    }
    said = "keras-matrix run ended with status 2; this step's log says why."
    assert commands(done.stdout) == [f"::error title=Keras matrix::{said}"]
    assert job.summary.read_text() == (
        f"## Keras matrix: no comparison\n\n**Not a score.** {said}\n"
    )
    assert job.run("verdict").returncode == 2


def test_two_uses_in_a_job_do_not_meet(job: Job) -> None:
    job.leaves(good("tf"), good("theano"))
    folders: Mapping[str, None] = {}
    for _ in range(2):
        job.run("run")
        folders = {**folders, job.outputs["run"]["folder"]: None}
    assert len(folders) == 2
    assert job.summary.read_text().count("## Keras matrix: the backends agree") == 2
