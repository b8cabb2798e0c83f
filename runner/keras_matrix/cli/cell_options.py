"""What ``run`` and ``reproduce`` share: the options of a matrix of cells, and running it."""

from pathlib import Path

import click

from keras_matrix.cli import options
from keras_matrix.cli.options import Decorator
from keras_matrix.load.request import RunOptions

_REPLICATES: tuple[Decorator, ...] = (
    click.option("--only", default=None, metavar="IMAGE,...", help="Run this part of --on now."),
    click.option("--seeds", default=None, metavar="N | A..B | A,B", help="Seeds to repeat with."),
    click.option(
        "--repeat",
        "repeats",
        type=click.IntRange(min=1),
        default=RunOptions.repeats,
        show_default=True,
        help="Runs of each seed on each image, to see whether it repeats itself.",
    ),
    click.option(
        "--deterministic",
        is_flag=True,
        help="One thread, and seed 0 unless --seeds says otherwise.",
    ),
    click.option(
        "--schedule-seed",
        type=int,
        default=RunOptions.schedule_seed,
        show_default=True,
        help="Seed of the order of cells.",
    ),
    click.option(
        "--init",
        type=click.Choice(["own", "paired"]),
        default=RunOptions.init,
        show_default=True,
        help="First weights: each backend's own, or the same on all, one draw a seed.",
    ),
    click.option(
        "--isolation",
        type=click.Choice(["process", "container"]),
        default=RunOptions.isolation,
        show_default=True,
        help="What each replicate gets for itself: a process, or a container.",
    ),
    click.option("--fresh", is_flag=True, help="Run again what is finished and has not changed."),
    click.option(
        "--tolerances",
        type=click.Path(path_type=Path, dir_okay=False),
        default=None,
        help="Tolerance file.  [default: tolerances.toml beside the script]",
    ),
)
"""Which replicates there are, and how they are compared."""
_CELLS: tuple[Decorator, ...] = (
    click.option(
        "--on", default=None, metavar="IMAGE,...", help="Images; the first is the reference."
    ),
    click.option(
        "--run", "run_name", default=None, metavar="NAME", help="Name of the run, or folder."
    ),
    click.option("--floatx", default=RunOptions.floatx, show_default=True, metavar="TYPE,..."),
    click.option(
        "--image-data-format",
        default=RunOptions.image_data_format,
        show_default=True,
        metavar="F,...",
    ),
    click.option("--epsilon", default=RunOptions.epsilon, show_default=True, metavar="NUMBER,..."),
    click.option(
        "--timeout",
        type=float,
        default=RunOptions.timeout,
        show_default=True,
        help="Seconds a cell.",
    ),
    click.option("--memory", default=RunOptions.memory, show_default=True, help="Memory a cell."),
    click.option(
        "--scratch", default=RunOptions.scratch, show_default=True, help="Scratch space a cell."
    ),
    click.option(
        "--cpus", type=float, default=RunOptions.cpus, show_default=True, help="CPUs a cell."
    ),
    click.option(
        "--pids", type=int, default=RunOptions.pids, show_default=True, help="Processes a cell."
    ),
    click.option(
        "--jobs",
        type=click.IntRange(min=1),
        help="Cells at a time.  [default: one a core]",
    ),
    click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        default=None,
        help="Folder of Keras's data sets (what ~/.keras/datasets is elsewhere).",
    ),
    click.option(
        "--runtime",
        default=RunOptions.runtime,
        metavar="NAME",
        help="Runtime of the engine, such as gVisor's runsc.  [default: the engine's]",
    ),
    options.base,
    options.results,
    options.catalog,
)
"""What any cell needs."""
_RESUME: tuple[Decorator, ...] = (
    click.option(
        "--resume",
        is_flag=True,
        help="Go on with a run begun before: the one of --run, else the newest of the same plan.",
    ),
)
"""What the records of an earlier run are good for; a trace begins anew."""
_CAPS: tuple[Decorator, ...] = (
    click.option("--epochs-cap", type=click.IntRange(min=1), help="At most so many epochs a fit."),
    click.option(
        "--steps-cap", type=click.IntRange(min=1), help="At most so many batches an epoch."
    ),
)
"""What shortens the training of a script."""


def matrix_options(function: "options.Callback") -> "options.Callback":
    """Give a command all options that say which cells to run, and how."""
    for option in reversed((*_REPLICATES, *_CELLS, *_RESUME, *_CAPS)):
        function = option(function)
    return function


def cell_options(function: "options.Callback") -> "options.Callback":
    """Give a command the options of one cell an image, with a script in it."""
    for option in reversed((*_CELLS, *_CAPS)):
        function = option(function)
    return function


def suite_options(function: "options.Callback") -> "options.Callback":
    """Give a command the options of one cell an image, with tests in it."""
    for option in reversed((*_CELLS, *_RESUME)):
        function = option(function)
    return function
