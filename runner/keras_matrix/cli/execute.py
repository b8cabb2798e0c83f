"""What commands that run cells share: the request, its progress, and what is printed after it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_matrix.cli import options

if TYPE_CHECKING:
    from keras_matrix.errors import ExitCode
    from keras_matrix.load.request import RunRequest
    from keras_matrix.records.folder import RunFolder
    from keras_matrix.run.progress import Progress
    from keras_matrix.run.session import RunResult


def make_request(*, catalog: Path | None, **given: Any) -> "RunRequest":
    """Turn the options' texts into a request.

    Raises:
        ConfigurationError: one of them is wrong.
    """
    from keras_matrix.load import request

    chosen = options.catalog_root(catalog)
    return request.make(
        request.RunOptions(catalog=chosen, command=("keras-matrix", *sys.argv[1:]), **given)
    )


def outstanding(result: "RunResult", *, quiet: bool) -> "ExitCode":
    """Print that other parts of the run are still to come; return the exit code of this part."""
    from keras_matrix.errors import ExitCode
    from keras_matrix.records.record import Outcome

    if not quiet:
        click.echo("The comparison follows when the other parts of the run are done.", err=True)
    failed = any(record.outcome is not Outcome.OK for record in result.records)
    return ExitCode.CELL_FAILED if failed else ExitCode.AGREE


@contextmanager
def recorded(folder: "RunFolder", name: str = "records", *, quiet: bool) -> Iterator[None]:
    """Print at the end of the block where the records are, also if a report cannot be written."""
    from keras_matrix.text import relative

    try:
        yield
    finally:
        if not quiet:
            click.echo(f"{name}: {relative(folder.path)}", err=True)


def progress(*, quiet: bool, verbose: bool) -> "Progress":
    """Return a live table on a terminal that can draw one; lines elsewhere or when verbose."""
    from keras_matrix.report.progress.lines import PlainProgress

    dumb = os.environ.get("TERM", "").lower() in ("dumb", "unknown")
    if quiet or verbose or dumb or not sys.stderr.isatty():
        return PlainProgress(quiet=quiet, verbose=verbose)
    from rich.console import Console

    from keras_matrix.report.progress.live import LiveProgress

    return LiveProgress(Console(stderr=True, highlight=False))
