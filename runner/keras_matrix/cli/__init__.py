"""The command line: commands, their options, and the order of the stages.

In: the arguments that a user typed. Out: an exit code, with the results on the terminal. Each
command imports what it needs when it runs, so that ``--help`` is quick. No package imports this
one.
"""

import os
import sys
import traceback

import click

from keras_matrix.errors import KerasMatrixError, disk_error
from keras_matrix.text import printable

EXIT_INTERNAL = 70
"""A defect of this tool (EX_SOFTWARE of sysexits.h); 1 would mean that images differ."""
MAX_MESSAGE = 8000
"""Characters of an error's message; those of builds have several lines."""
EXIT_PIPE = 141
"""The status that a shell reports for a process that SIGPIPE ended."""


def main() -> None:
    """Run the command ``keras-matrix`` and exit with its code."""
    from keras_matrix.cli import signals
    from keras_matrix.cli.root import cli

    signals.install()
    sys.exit(invoke(cli, sys.argv[1:]))


def invoke(command: click.Command, arguments: list[str]) -> int:
    """Run a command and return its exit code; an error becomes one sentence on stderr."""
    from keras_matrix.cli.signals import Stopped

    try:
        code = command.main(arguments, prog_name="keras-matrix", standalone_mode=False)
    except (KerasMatrixError, Stopped) as raised:
        error = raised.error if isinstance(raised, Stopped) else raised
        _print_error(f"keras-matrix: error: {printable(str(error))[:MAX_MESSAGE]}")
        return int(error.exit_code)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        _print_error("keras-matrix: interrupted.")
        return 130
    except SystemExit as stop:
        # click exits with 1 when the reader of the output has closed it.
        return EXIT_PIPE if stop.code == 1 else int(stop.code or 0)
    except OSError as error:
        sentence = disk_error(error)
        if sentence is None:
            return _print_defect()
        if error.filename is None:
            _drop_output()
        click.echo(f"keras-matrix: error: {sentence}", err=True)
        return int(sentence.exit_code)
    except Exception:  # a defect of this tool: printed with its traceback
        return _print_defect()
    return int(code or 0)


def _print_defect() -> int:
    click.echo(traceback.format_exc(), err=True)
    click.echo("keras-matrix: this is a defect of keras-matrix; please report it.", err=True)
    return EXIT_INTERNAL


def _drop_output() -> None:
    """Discard what stdout still buffers and cannot write, which would fail again at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError):
        # Not a file, as when output is captured: nothing is buffered.
        return
    finally:
        os.close(nowhere)


def _print_error(text: str) -> None:
    """Write a line to stderr, if it is still open."""
    from keras_matrix.interrupts import drop_closed_output

    drop_closed_output()
    click.echo(text, err=True)
