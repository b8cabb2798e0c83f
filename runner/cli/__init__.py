"""The command line: thin; every module that costs time to import is imported where it is used."""

import sys
import traceback

import click

from runner.errors import KerasMatrixError

EXIT_INTERNAL = 70
"""Our own defect (EX_SOFTWARE of sysexits.h): 1 would read as "they differ"."""
EXIT_PIPE = 141
"""What a shell says of a process that SIGPIPE ended."""


def main() -> None:
    """Run the command ``keras-matrix`` and exit with its code."""
    from runner.cli.root import cli

    sys.exit(invoke(cli, sys.argv[1:]))


def invoke(command: click.Command, arguments: list[str]) -> int:
    """Run a command; errors become one sentence on stderr and their exit code."""
    try:
        code = command.main(arguments, prog_name="keras-matrix", standalone_mode=False)
    except KerasMatrixError as error:
        click.echo(f"keras-matrix: error: {error}", err=True)
        return int(error.exit_code)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("keras-matrix: interrupted.", err=True)
        return 130
    except SystemExit as stop:
        # click ends by itself, with 1, when whoever read the output has seen enough.
        return EXIT_PIPE if stop.code == 1 else int(stop.code or 0)
    except Exception:  # our own defect: shown whole, with a code that no result has
        click.echo(traceback.format_exc(), err=True)
        click.echo("keras-matrix: this is a defect of keras-matrix; please report it.", err=True)
        return EXIT_INTERNAL
    return int(code or 0)
