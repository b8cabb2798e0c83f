"""Options that several commands have."""

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

import click

from runner.cli.root import RESULTS

Callback = Callable[..., Any]
Decorator = Callable[[Callback], Callback]


class Format(Enum):
    """How a result is printed."""

    TABLE = "table"
    MARKDOWN = "markdown"
    JSON = "json"


results = click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default=RESULTS,
    show_default=True,
    help="Folder that holds the runs.",
)
catalog = click.option(
    "--catalog",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder with an images.toml of your own.  [default: the shipped one]",
)
json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
output_format = click.option(
    "--format",
    "output",
    type=click.Choice([member.value for member in Format]),
    default=Format.TABLE.value,
    show_default=True,
    help="How to print the comparison.",
)
base = click.option(
    "--base",
    type=click.Choice(["auto", "hub", "standin"]),
    default="auto",
    show_default=True,
    help="Base of images: the registry's (hub forbids stand-ins), or a local stand-in.",
)
quiet = click.option("-q", "--quiet", is_flag=True, help="Do not print progress.")
verbose = click.option("-v", "--verbose", is_flag=True, help="Print the output of builds.")
tolerance = click.option(
    "--tolerance",
    "tolerance_texts",
    multiple=True,
    metavar="METRIC=ATOL[,RTOL]",
    help="Tolerance of a metric (a pattern, such as 'evaluate.*'); repeat it.",
)


def script(function: Callback) -> Callback:
    """Give a command the script to run, and the script's own arguments."""
    arguments = click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    return click.argument("script", type=click.Path(path_type=Path))(arguments(function))


def catalog_root(named: Path | None) -> Path:
    """Return the folder of the catalog to use."""
    from runner.catalog import default_root

    return named if named is not None else default_root()
