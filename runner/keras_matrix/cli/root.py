"""The root command, which imports each command when it is used."""

from pathlib import Path
from typing import TypeVar

import click

import keras_matrix

Command = TypeVar("Command")

RESULTS = Path("results")

COMMANDS = {
    "run": "Run a script on images and compare the results.",
    "reproduce": "Compare the figures that a text reports with runs of several seeds.",
    "pytest": "Run a test suite on images and compare the result of each test.",
    "trace": "Find where in a model the backends diverge, and why.",
    "reduce": "Shrink a script to the smallest that shows where backends diverge.",
    "diff": "Compare the images of a recorded run, or two runs.",
    "report": "Write an HTML page about runs: verdicts, plots, failures, environments.",
    "history": "List and plot earlier runs of a script.",
    "export": "Send a run to MLflow tracking.",
    "join": "Merge runs of one script that were made separately.",
    "list": "List the images of the catalog.",
    "images": "Build, list, verify, lock, save and load images; list what they contain.",
    "cache": "List and clear what is kept between runs.",
    "doctor": "Check this machine, and name the command for what is missing.",
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        import importlib

        module = importlib.import_module(f"keras_matrix.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


HELP = """Run a Keras script, unchanged, on a matrix of backends and say what differs.

\b
Exit codes: 0 all agree, 1 they differ, 2 wrong usage or configuration,
3 a cell failed, 4 nothing selected, 5 no container engine, 6 an image is not
available, 7 too few seeds for a verdict, 8 regressed since an earlier run,
9 a written script does not show the finding,
129 SIGHUP, 130 Ctrl-C, 143 SIGTERM.
"""


@click.group(cls=LazyGroup, help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(keras_matrix.__version__, prog_name="keras-matrix")
def cli() -> None:
    """Run a command."""
