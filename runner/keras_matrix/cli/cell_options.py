"""The options of a matrix of cells, which the commands that run cells share."""

from pathlib import Path

import click

from keras_matrix.cli import options
from keras_matrix.cli.options import Decorator
from keras_matrix.load.request import RunOptions

_REPLICATES: tuple[Decorator, ...] = (
    click.option(
        "--only", default=None, metavar="IMAGE,...", help="Run only these images of --on now."
    ),
    click.option(
        "--seeds",
        default=None,
        metavar="N | A..B | A,B",
        help="Seeds to run with: the first N from 0, a range, or a list.",
    ),
    click.option(
        "--repeat",
        "repeats",
        type=click.IntRange(min=1),
        default=RunOptions.repeats,
        show_default=True,
        metavar="N",
        help="Runs of each seed on each image, to see whether an image repeats its own results.",
    ),
    click.option(
        "--deterministic",
        is_flag=True,
        help="Use one thread, and seed 0 unless --seeds is given.",
    ),
    click.option(
        "--schedule-seed",
        type=int,
        default=RunOptions.schedule_seed,
        show_default=True,
        metavar="N",
        help="Seed that the order of cells is drawn with.",
    ),
    click.option(
        "--init",
        type=click.Choice(["own", "paired"]),
        default=RunOptions.init,
        show_default=True,
        help="Initial weights: drawn by each backend, or the same on all (one draw per seed).",
    ),
    click.option(
        "--isolation",
        type=click.Choice(["process", "container"]),
        default=RunOptions.isolation,
        show_default=True,
        help="Whether each replicate has a process or a container of its own.",
    ),
    click.option(
        "--fresh",
        is_flag=True,
        help="Run all cells; do not reuse results of earlier runs that still apply.",
    ),
    click.option(
        "--tolerances",
        type=click.Path(path_type=Path, dir_okay=False),
        default=None,
        help="Tolerance file.  [default: tolerances.toml beside the script]",
    ),
)
"""The options that say which replicates there are, and how they are compared."""
_CELLS: tuple[Decorator, ...] = (
    click.option(
        "--on",
        default=None,
        metavar="IMAGE,...",
        help="Images to run on; the first is the reference.",
    ),
    click.option(
        "--run", "run_name", default=None, metavar="NAME", help="Name of the run, or its folder."
    ),
    click.option(
        "--floatx",
        default=RunOptions.floatx,
        show_default=True,
        metavar="TYPE,...",
        help="Values of floatx in keras.json: float16, float32, float64.",
    ),
    click.option(
        "--image-data-format",
        default=RunOptions.image_data_format,
        show_default=True,
        metavar="FORMAT,...",
        help="Values of image_data_format in keras.json: channels_last, channels_first.",
    ),
    click.option(
        "--epsilon",
        default=RunOptions.epsilon,
        show_default=True,
        metavar="NUMBER,...",
        help="Values of epsilon in keras.json.",
    ),
    click.option(
        "--timeout",
        type=float,
        default=RunOptions.timeout,
        show_default=True,
        metavar="SECONDS",
        help="Time that a cell may take.",
    ),
    click.option(
        "--memory",
        default=RunOptions.memory,
        show_default=True,
        metavar="SIZE",
        help="Memory that a cell may use, such as 512m or 4g.",
    ),
    click.option(
        "--scratch",
        default=RunOptions.scratch,
        show_default=True,
        metavar="SIZE",
        help="Scratch space of a cell, which counts as memory.",
    ),
    click.option(
        "--cpus",
        type=float,
        default=RunOptions.cpus,
        show_default=True,
        metavar="NUMBER",
        help="CPUs of a cell.",
    ),
    click.option(
        "--pids",
        type=int,
        default=RunOptions.pids,
        show_default=True,
        metavar="N",
        help="Processes and threads that a cell may have.",
    ),
    click.option(
        "--jobs",
        type=click.IntRange(min=1),
        metavar="N",
        help="Cells that run at a time.  [default: one per core]",
    ),
    click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        default=None,
        help="Folder of Keras's data sets, such as ~/.keras/datasets.",
    ),
    click.option(
        "--runtime",
        default=RunOptions.runtime,
        metavar="NAME",
        help="Container runtime, such as gVisor's runsc.  [default: the engine's own]",
    ),
    options.base,
    options.results,
    options.catalog,
)
"""The options that every cell needs."""
_RESUME: tuple[Decorator, ...] = (
    click.option(
        "--resume",
        is_flag=True,
        help="Resume a run: that of --run, or else the newest with the same plan.",
    ),
)
"""The option to reuse the records of a run that was interrupted; a trace always starts again."""
_CAPS: tuple[Decorator, ...] = (
    click.option(
        "--epochs-cap",
        type=click.IntRange(min=1),
        metavar="N",
        help="Shorten each call of fit to at most N epochs.",
    ),
    click.option(
        "--steps-cap",
        type=click.IntRange(min=1),
        metavar="N",
        help="Shorten each epoch to at most N batches.",
    ),
)
"""The options that shorten the training of a script."""


def matrix_options(function: "options.Callback") -> "options.Callback":
    """Add all options that say which cells to run, and how."""
    for option in reversed((*_CELLS, *_REPLICATES, *_RESUME, *_CAPS)):
        function = option(function)
    return function


def cell_options(function: "options.Callback") -> "options.Callback":
    """Add the options of a script that runs in one cell per image."""
    for option in reversed((*_CELLS, *_CAPS)):
        function = option(function)
    return function


def suite_options(function: "options.Callback") -> "options.Callback":
    """Add the options of tests that run in one cell per image."""
    for option in reversed((*_CELLS, *_RESUME)):
        function = option(function)
    return function
