"""Options that several commands have."""

from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path
from typing import Any

import click

from keras_matrix.cli.root import RESULTS

Callback = Callable[..., Any]
Decorator = Callable[[Callback], Callback]


class Format(Enum):
    """How a comparison is told. A page is for a file only."""

    TABLE = "table"
    MARKDOWN = "markdown"
    JSON = "json"
    CSV = "csv"
    JUNIT = "junit"
    GITHUB = "github"
    HTML = "html"


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


def formats(choices: Iterable[Format], told: str) -> Decorator:
    """Return the option that says how something is printed; ``told`` is its help."""
    return click.option(
        "--format",
        "output",
        type=click.Choice([one.value for one in choices]),
        default=Format.TABLE.value,
        show_default=True,
        help=told,
    )


output_format = formats(
    [one for one in Format if one is not Format.HTML],
    "How to print the comparison; github: annotations of a workflow.",
)
reports = click.option(
    "--report",
    "report_texts",
    multiple=True,
    metavar="FORMAT=FILE",
    help="Write the comparison to a file, too, in a format of --format or html; repeat it.",
)
history = click.option(
    "--history",
    "history_file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="File of the history.  [default: KERAS_MATRIX_HISTORY's, else the user's own]",
)
no_history = click.option("--no-history", is_flag=True, help="Do not add the run to the history.")
base = click.option(
    "--base",
    type=click.Choice(["auto", "hub", "standin"]),
    default="auto",
    show_default=True,
    help="Base of images: the registry's (hub forbids stand-ins), or a local stand-in.",
)
quiet = click.option("-q", "--quiet", is_flag=True, help="Do not print progress.")
verbose = click.option("-v", "--verbose", is_flag=True, help="Print builds' output and epochs.")
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
    from keras_matrix.load.shipped import default_root

    return named if named is not None else default_root()
