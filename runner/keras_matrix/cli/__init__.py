"""The command line: commands, options, and the order of the stages.

In: what a user typed. Out: an exit code, with everything shown on the terminal. Thin: each command
imports what it needs when it runs, so that ``--help`` is quick. Nothing imports this package.
"""

import os
import sys
import traceback

import click

from keras_matrix.errors import KerasMatrixError, disk_error
from keras_matrix.text import printable

EXIT_INTERNAL = 70
"""Our own defect (EX_SOFTWARE of sysexits.h): 1 would read as "they differ"."""
LONGEST = 8000
"""Characters of a message: those of builds have several lines."""
EXIT_PIPE = 141
"""What a shell says of a process that SIGPIPE ended."""


def main() -> None:
    """Run the command ``keras-matrix`` and exit with its code."""
    from keras_matrix.cli import signals
    from keras_matrix.cli.root import cli

    signals.install()
    sys.exit(invoke(cli, sys.argv[1:]))


def invoke(command: click.Command, arguments: list[str]) -> int:
    """Run a command; errors become one sentence on stderr and their exit code."""
    from keras_matrix.cli.signals import Stopped

    try:
        code = command.main(arguments, prog_name="keras-matrix", standalone_mode=False)
    except (KerasMatrixError, Stopped) as raised:
        error = raised.error if isinstance(raised, Stopped) else raised
        _tell(f"keras-matrix: error: {printable(str(error))[:LONGEST]}")
        return int(error.exit_code)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        _tell("keras-matrix: interrupted.")
        return 130
    except SystemExit as stop:
        # click ends by itself, with 1, when whoever read the output has seen enough.
        return EXIT_PIPE if stop.code == 1 else int(stop.code or 0)
    except OSError as error:
        told = disk_error(error)
        if told is None:
            return _defect()
        if error.filename is None:
            _drop_output()
        click.echo(f"keras-matrix: error: {told}", err=True)
        return int(told.exit_code)
    except Exception:  # our own defect: shown whole, with a code that no result has
        return _defect()
    return int(code or 0)


def _defect() -> int:
    click.echo(traceback.format_exc(), err=True)
    click.echo("keras-matrix: this is a defect of keras-matrix; please report it.", err=True)
    return EXIT_INTERNAL


def _drop_output() -> None:
    """Let go of what stdout cannot take, which would fail once more at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError):
        # Not a file: what is captured holds nothing back.
        return
    finally:
        os.close(nowhere)


def _tell(text: str) -> None:
    """Write to stderr, if there is anybody left who reads it."""
    from keras_matrix.interrupts import hush

    hush()
    click.echo(text, err=True)
