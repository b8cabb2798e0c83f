"""Options and arguments that several commands share."""

from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path
from typing import Any

import click

from keras_matrix.cli.root import RESULTS

Callback = Callable[..., Any]
Decorator = Callable[[Callback], Callback]


class Format(Enum):
    """A format of a comparison; HTML is for files only."""

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
    help="Folder with your own images.toml.  [default: the shipped one]",
)
json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def formats(choices: Iterable[Format], text: str) -> Decorator:
    """Return the option ``--format`` with some choices; ``text`` is its help."""
    return click.option(
        "--format",
        "output",
        type=click.Choice([choice.value for choice in choices]),
        default=Format.TABLE.value,
        show_default=True,
        help=text,
    )


output_format = formats(
    [member for member in Format if member is not Format.HTML],
    "Format to print the comparison in; github prints annotations for a workflow.",
)
reports = click.option(
    "--report",
    "report_texts",
    multiple=True,
    metavar="FORMAT=FILE",
    help="Also write the comparison to a file, as html or a format of --format; repeatable.",
)
history = click.option(
    "--history",
    "history_file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="File of the history.  [default: KERAS_MATRIX_HISTORY, or else in your data folder]",
)
no_history = click.option("--no-history", is_flag=True, help="Do not add the run to the history.")
base = click.option(
    "--base",
    type=click.Choice(["auto", "hub", "standin"]),
    default="auto",
    show_default=True,
    help="Base of images: from the registry (hub), made here (standin), or whichever is possible.",
)
quiet = click.option("-q", "--quiet", is_flag=True, help="Do not print progress.")
verbose = click.option(
    "-v", "--verbose", is_flag=True, help="Print the output of builds, and each epoch."
)
_JUDGING: tuple[Decorator, ...] = (
    click.option(
        "--tolerance",
        "tolerance_texts",
        multiple=True,
        metavar="METRIC=ATOL[,RTOL]",
        help="Tolerance of a metric, or of a pattern such as 'evaluate.*'; repeatable.",
    ),
    click.option(
        "--question",
        type=click.Choice(["auto", "computation", "distribution"]),
        default="auto",
        show_default=True,
        help="What to ask of each metric: whether the images compute the same on each seed, or "
        "whether they behave the same over all seeds; auto: the first, unless backends draw "
        "numbers of their own.",
    ),
    click.option(
        "--margin",
        type=float,
        default=None,
        metavar="NUMBER",
        help="How far apart the means over seeds may be where no tolerance is given, in standard "
        "deviations of the reference between seeds.  [default: 1.41, as two seeds are]",
    ),
)
"""The options that say what is asked of each metric, and how far apart it may be."""


def judging(function: Callback) -> Callback:
    """Add the options that say how metrics are judged."""
    for option in reversed(_JUDGING):
        function = option(function)
    return function


def script(function: Callback) -> Callback:
    """Add the script to run and its arguments."""
    arguments = click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    return click.argument("script", type=click.Path(path_type=Path))(arguments(function))


def catalog_root(catalog: Path | None) -> Path:
    """Return the folder of the catalog that an option names, by default the shipped one."""
    from keras_matrix.load.shipped import default_root

    return catalog if catalog is not None else default_root()
