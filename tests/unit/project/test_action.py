"""The composite action's own shell, with a fake GITHUB_* environment and a fake engine."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from keras_matrix.plan.cells import Cell
from keras_matrix.records.record import Outcome, Record
from tests import ROOT
from tests.unit.project.steps import Done, Runner, commands
from tests.unit.records.builders import call, record

ACTION = ROOT / ".github" / "actions" / "keras-matrix" / "action.yml"
WORKFLOWS = (ROOT / ".github" / "workflows").glob("*.yml")
EXPRESSION = re.compile(r"\$\{\{ *(.+?) *\}\}")


def action() -> Any:
    return yaml.safe_load(ACTION.read_text())


def steps() -> list[Any]:
    return list(action()["runs"]["steps"])


class Job(Runner):
    """A job that uses the action."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.inputs = {"script": "models/mlp", "seeds": "2"}
        (root / "models" / "mlp").mkdir(parents=True)
        (root / "models" / "mlp" / "model.py").write_text("import keras\n")

    def run(self, name: str) -> Done:
        """Run a step as GitHub does, and take in its outputs."""
        (step,) = [one for one in steps() if one.get("id") == name]
        given = {key: self._value(text) for key, text in step.get("env", {}).items()}
        return self.run_step(step, {"GITHUB_ACTION_PATH": str(ACTION.parent), **given})

    def upto_run(self) -> Done:
        """Run what comes before the matrix, without the installation and the images, and it."""
        for name in ("begin", "plan"):
            done = self.run(name)
            assert done.returncode == 0, done.stdout + done.stderr
        return self.run("run")

    def _value(self, text: str) -> str:
        found = EXPRESSION.fullmatch(text)
        assert found is not None, f"{text} is not an expression alone"
        where, *names = found[1].split(".")
        if where == "inputs":
            default = str(action()["inputs"][names[0]].get("default", ""))
            return self.inputs.get(names[0], default)
        assert (where, names[1]) == ("steps", "outputs")
        return self.outputs.get(names[0], {}).get(names[2], "")


def good(image: str, loss: float = 0.5) -> Record:
    return record(Cell(image), call(metrics={"loss": loss}))


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


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
        for name, key in re.findall(r"steps\.(\w+)\.outputs\.(\w+)", output["value"]):
            (step,) = [one for one in steps() if one.get("id") == name]
            assert re.search(rf"\b{key}\b", step["run"])


def test_other_actions_are_pinned_as_in_the_workflows() -> None:
    pinned = re.compile(r"uses: (\S+@[0-9a-f]{40} # v[0-9.]+)")
    ours = pinned.findall(ACTION.read_text())
    assert len(ours) == sum("uses" in step for step in steps()) == 6
    assert set(ours) <= {one for path in WORKFLOWS for one in pinned.findall(path.read_text())}


def test_what_is_installed_is_what_the_lock_names() -> None:
    (install,) = [step["run"] for step in steps() if step.get("id") == "install"]
    assert '--require-hashes --requirement "$here/locks/host.txt"' in install
    assert "--no-deps --no-build-isolation" in install


# Its steps


def test_the_key_of_the_archives_is_that_of_the_images_in_any_order(job: Job) -> None:
    def planned(images: str, base: str = "hub") -> dict[str, str]:
        job.inputs |= {"on": images, "base": base}
        for name in ("begin", "plan"):
            done = job.run(name)
            assert done.returncode == 0, done.stderr
        return job.outputs["plan"]

    first = planned("tf,theano")
    assert first["names"] == "tf theano"
    assert re.fullmatch("[0-9a-f]{64}", first["key"])
    assert first["archives"].startswith(str(job.root / "temp" / "keras-matrix" / "images-"))
    assert planned("theano,tf")["key"] == first["key"]
    assert planned("theano")["names"] == "theano"
    others = [planned("theano"), planned("tf,theano", "standin")]
    assert first["key"] not in [one["key"] for one in others]


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"on": "theanno"}, "There is no image 'theanno'; did you mean 'theano'?"),
        ({"script": "models/mpl"}, "There is no script models/mpl; check the path."),
        ({"options": "--cpus=0"}, "--cpus 0 is not a number greater than 0."),
        ({"fail-on": "differ,diffr"}, "'diffr' is none of differ, failed, inconclusive, regressed"),
        ({"seeds": "many"}, "--seeds 'many'"),
    ],
)
def test_a_mistake_is_told_before_any_image_is_built(
    inputs: dict[str, str], said: str, job: Job
) -> None:
    job.inputs |= inputs
    assert job.run("begin").returncode == 0
    assert job.run("plan").returncode == 2
    told = job.run("failed")
    assert told.returncode == 0, told.stderr
    assert job.outputs["failed"] == {"verdict": "error", "code": "2"}
    (command,) = commands(told.stdout)
    assert command.startswith("::error title=Keras matrix::")
    assert said in command
    assert said in job.summary.read_text()
    assert job.summary.read_text().startswith("## Keras matrix: no comparison\n\n**Not a score.**")


def images(job: Job) -> list[list[str]]:
    archives = job.root / "archives"
    assert job.run("begin").returncode == 0
    job.outputs["plan"] = {"names": "tf theano", "archives": str(archives)}
    done = job.run("build")
    assert done.returncode == 0, done.stderr
    return [[part.replace(f"{archives}/", "") for part in one[1:-2]] for one in job.calls()]


def test_images_are_built_and_saved(job: Job) -> None:
    assert images(job) == [
        *(["build", "tf"], ["save", "tf", "tf.tar"]),
        *(["build", "theano"], ["save", "theano", "theano.tar"]),
    ]
    assert job.calls()[0][-2:] == ["--base", "hub"]
    assert job.outputs["build"] == {"built": "yes"}


def test_images_are_not_saved_where_nothing_is_cached(job: Job) -> None:
    job.inputs["cache"] = "false"
    assert images(job) == [["build", "tf"], ["build", "theano"]]


def test_archives_are_loaded_and_checked(job: Job) -> None:
    (job.root / "archives").mkdir()
    for name in ("tf", "theano"):
        (job.root / "archives" / f"{name}.tar").write_text("archive")
    images(job)
    done = [call[1] for call in job.calls()]
    assert done == ["load", "verify"] * 2
    assert job.outputs["build"] == {"built": "no"}


@pytest.mark.parametrize("command", ["load", "verify"])
def test_an_archive_that_does_not_load_is_built_and_replaced(command: str, job: Job) -> None:
    (job.root / "archives").mkdir()
    (job.root / "archives" / "tf.tar").write_text("not an archive")
    job.fails(command)
    images(job)
    assert [call[1:3] for call in job.calls()][-4:-2] == [["build", "tf"], ["save", "tf"]]
    assert (job.root / "archives" / "tf.tar").read_text() == "archive"
    assert job.outputs["build"] == {"built": "yes"}


def test_an_image_that_does_not_build_is_told(job: Job) -> None:
    job.fails("build")
    assert job.run("begin").returncode == 0
    job.outputs["plan"] = {"names": "tf", "archives": str(job.root / "archives")}
    assert job.run("build").returncode == 6
    told = job.run("failed")
    assert commands(told.stdout) == ["::error title=Keras matrix::The image is 100%25 wrong."]
    assert job.summary.read_text().endswith("\n\n    The image is 100% wrong.\n")
    assert job.outputs["failed"] == {"verdict": "error", "code": "6"}


def test_what_fails_without_a_sentence_is_told_all_the_same(job: Job) -> None:
    told = job.run("failed")
    assert told.returncode == 0, told.stderr
    assert job.outputs["failed"] == {"verdict": "error", "code": "2"}
    assert "A step before the comparison failed" in job.summary.read_text()


@pytest.mark.parametrize(
    ("theano", "verdict", "title"),
    [(0.5, "agree", "the backends agree"), (0.75, "differ", "the backends differ")],
)
def test_a_run_is_reported_everywhere(theano: float, verdict: str, title: str, job: Job) -> None:
    job.leaves(good("tf"), good("theano", theano))
    done = job.upto_run()
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


@pytest.mark.parametrize(
    ("fail_on", "code"), [("differ, failed", 1), ("failed", 0), ("", 0), ("\n differ\n", 1)]
)
def test_the_caller_says_what_fails_the_job(fail_on: str, code: int, job: Job) -> None:
    job.inputs["fail-on"] = fail_on
    job.leaves(good("tf"), good("theano", 0.75))
    assert job.upto_run().returncode == 0
    assert job.outputs["run"]["verdict"] == "differ"
    assert job.run("verdict").returncode == code


def test_too_few_seeds_are_told_with_what_to_do(job: Job) -> None:
    job.leaves(good("tf"), good("theano"))
    (job.bin / "left" / "code").write_text("7")
    done = job.upto_run()
    assert job.outputs["run"]["verdict"] == "inconclusive"
    assert "without inconclusive in fail-on" in job.summary.read_text()
    assert any(
        line.startswith("::notice title=Keras matrix%3A too few") for line in commands(done.stdout)
    )
    assert job.run("verdict").returncode == 7


def test_what_a_script_prints_is_no_command_but_annotations_are(job: Job) -> None:
    job.leaves(good("tf"), good("theano", 0.75))
    done = job.upto_run()
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
    done = job.upto_run()
    assert (job.outputs["run"]["verdict"], job.outputs["run"]["code"]) == ("failed", "3")
    (command,) = commands(done.stdout)
    assert command.startswith("::error title=theano%3A crashed::No.%0A")
    assert job.run("verdict").returncode == 3


def test_inputs_are_arguments_and_nothing_else(job: Job) -> None:
    job.leaves(good("tf"), good("theano"))
    script = "$(touch owned); models/my model.py"
    (job.root / "$(touch owned); models").mkdir()
    (job.root / script).write_text("import keras\n")
    (job.root / "a b.toml").write_text("schema = 1\n")
    (job.root / "`touch owned`").mkdir()
    job.inputs |= {
        "script": script,
        "on": "tf,theano",
        "seeds": "",
        "tolerances": "a b.toml",
        "options": "--epochs-cap=2\r\n\n--data=`touch owned`\n",
        "arguments": "--fast\n*\n'",
    }
    assert job.upto_run().returncode == 0
    given = job.calls()[-1]
    place = given.index("--")
    assert given[place:] == ["--", script, "--fast", "*", "'"]
    assert given[place - 4 : place] == [
        *("--report", given[place - 3], "--epochs-cap=2", "--data=`touch owned`"),
    ]
    assert given[:5] == ["run", "--on", "tf,theano", "--base", "hub"]
    assert "--seeds" not in given
    assert given[given.index("--tolerances") + 1] == "a b.toml"
    assert not (job.root / "owned").exists()


def test_seeds_are_passed_on(job: Job) -> None:
    job.leaves(good("tf"), good("theano"))
    job.upto_run()
    given = job.calls()[-1]
    assert given[given.index("--seeds") + 1] == "2"


def test_what_is_no_comparison_is_no_score(job: Job) -> None:
    assert job.upto_run().returncode == 5
    assert "verdict" not in job.outputs["run"]
    assert Path(job.outputs["run"]["folder"]).is_dir(), "what there is, is uploaded"
    told = job.run("failed")
    assert job.outputs["failed"] == {"verdict": "error", "code": "5"}
    assert commands(told.stdout) == ["::error title=Keras matrix::The engine has gone."]


def test_two_uses_in_a_job_do_not_meet(job: Job) -> None:
    job.leaves(good("tf"), good("theano"))
    folders = set()
    for _ in range(2):
        job.upto_run()
        folders.add((job.outputs["run"]["folder"], job.outputs["begin"]["state"]))
    assert len({one for both in folders for one in both}) == 4
    assert job.summary.read_text().count("## Keras matrix: the backends agree") == 2
