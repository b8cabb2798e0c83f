"""Steps of workflows and actions, run as GitHub's runner runs them, with a fake engine."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keras_matrix.records.record import Record
from tests.unit.cli.builders import run_cli
from tests.unit.records.builders import run_folder

REPORTS = {
    "markdown": "summary.md",
    "github": "annotations.txt",
    "junit": "junit.xml",
    "csv": "comparison.csv",
    "json": "comparison.json",
}
# What needs no engine is the real command. Of images, a file says what fails.
PROGRAM = f"""#!{sys.executable}
import json, pathlib, shutil, sys

arguments = sys.argv[1:]
here = pathlib.Path(__file__).parent
with open(here / "calls", "a") as calls:
    calls.write(json.dumps(arguments) + "\\n")
if arguments[0] in ("list", "join", "diff") or "--plan" in arguments:
    from keras_matrix.cli import main
    main()
if arguments[0] == "images":
    if arguments[1] == "save":
        pathlib.Path(arguments[3]).write_text("archive")
    if (here / f"{{arguments[1]}} fails").exists():
        print("keras-matrix: error: The image is 100% wrong.", file=sys.stderr)
        sys.exit(6)
    sys.exit(0)
print("::error::forged by a script", flush=True)
print("##[error]forged, too", file=sys.stderr)
if not (here / "left").exists():
    print("keras-matrix: error: The engine has gone.", file=sys.stderr)
    sys.exit(5)
results = pathlib.Path(arguments[arguments.index("--results") + 1])
shutil.copytree(here / "left" / "run", results / "mlp-1")
for place, argument in enumerate(arguments):
    if argument == "--report":
        to = arguments[place + 1].partition("=")[2]
        shutil.copy(here / "left" / pathlib.Path(to).name, to)
sys.exit(int((here / "left" / "code").read_text()))
"""
Done = subprocess.CompletedProcess[str]


@dataclass
class Runner:
    """A job of a runner: its folders, and what its steps have said."""

    root: Path
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bin = self.root / "temp" / "keras-matrix" / "venv" / "bin"
        self.bin.mkdir(parents=True)
        (self.bin / "python").symlink_to(sys.executable)
        program = self.bin / "keras-matrix"
        program.write_text(PROGRAM)
        program.chmod(0o755)
        self.summary = self.root / "summary.md"
        self.summary.touch()

    def run_step(self, step: Mapping[str, Any], given: Mapping[str, str]) -> Done:
        """Run a step's script with these variables, and take in its outputs."""
        name = step["id"]
        outputs = self.root / f"outputs-{name}"
        outputs.write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
            cwd=self.root,
            env={
                "PATH": f"{self.bin}:{os.environ['PATH']}",
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

    def calls(self) -> list[list[str]]:
        """Return the arguments of each call of the fake command."""
        return [json.loads(line) for line in (self.bin / "calls").read_text().splitlines()]

    def fails(self, command: str) -> None:
        """Let a command of ``keras-matrix images`` fail from now on."""
        (self.bin / f"{command} fails").touch()

    def leaves(self, *records: Record) -> None:
        """Let what the fake runs leave such records, and the reports of their comparison."""
        left = self.bin / "left"
        folder = run_folder(left / "run", records)
        wanted = [f"{form}={left / name}" for form, name in REPORTS.items()]
        code = run_cli("diff", folder.path, *(f"--report={one}" for one in wanted))
        (left / "report.html").write_text("<!doctype html>")
        (left / "code").write_text(str(code))


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
