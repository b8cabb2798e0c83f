"""What ``run`` and ``reproduce`` share: the options of a matrix of cells, and running it."""

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli import options
from runner.cli.options import Decorator

if TYPE_CHECKING:
    from runner.ready import RunRequest
    from runner.session import RunResult

_REPLICATES: tuple[Decorator, ...] = (
    click.option("--only", default=None, metavar="IMAGE,...", help="Run this part of --on now."),
    click.option("--seeds", default=None, metavar="N | A..B | A,B", help="Seeds to repeat with."),
    click.option(
        "--repeat",
        "repeats",
        type=click.IntRange(min=1),
        default=1,
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
        default=0,
        show_default=True,
        help="Seed of the order of cells.",
    ),
    click.option(
        "--init",
        type=click.Choice(["own", "paired"]),
        default="own",
        show_default=True,
        help="First weights: each backend's own, or the same on all, one draw a seed.",
    ),
    click.option(
        "--isolation",
        type=click.Choice(["process", "container"]),
        default="process",
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
    click.option("--floatx", default="float32", show_default=True, metavar="TYPE,..."),
    click.option(
        "--image-data-format",
        "formats",
        default="channels_last",
        show_default=True,
        metavar="F,...",
    ),
    click.option("--epsilon", default="1e-7", show_default=True, metavar="NUMBER,..."),
    click.option(
        "--timeout", type=float, default=1800.0, show_default=True, help="Seconds a cell."
    ),
    click.option("--memory", default="4g", show_default=True, help="Memory a cell."),
    click.option("--scratch", default="2g", show_default=True, help="Scratch space a cell."),
    click.option("--cpus", type=float, default=1.0, show_default=True, help="CPUs a cell."),
    click.option("--pids", type=int, default=256, show_default=True, help="Processes a cell."),
    click.option(
        "--jobs",
        type=click.IntRange(min=1),
        help="Cells at a time.  [default: one a core]",
    ),
    click.option("--epochs-cap", type=click.IntRange(min=1), help="At most so many epochs a fit."),
    click.option(
        "--steps-cap", type=click.IntRange(min=1), help="At most so many batches an epoch."
    ),
    click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        default=None,
        help="Folder of Keras's data sets (what ~/.keras/datasets is elsewhere).",
    ),
    options.base,
    options.results,
    options.catalog,
)
"""What any cell needs."""


def matrix_options(function: "options.Callback") -> "options.Callback":
    """Give a command all options that say which cells to run, and how."""
    for option in reversed((*_REPLICATES, *_CELLS)):
        function = option(function)
    return function


def cell_options(function: "options.Callback") -> "options.Callback":
    """Give a command the options of one cell an image."""
    for option in reversed(_CELLS):
        function = option(function)
    return function


def make_request(
    *,
    script: Path,
    arguments: tuple[str, ...],
    on: str | None,
    only: str | None,
    run_name: str | None,
    seeds: str | None,
    floatx: str,
    formats: str,
    epsilon: str,
    timeout: float,
    memory: str,
    scratch: str,
    cpus: float,
    pids: int,
    repeats: int,
    deterministic: bool,
    schedule_seed: int,
    init: str,
    jobs: int | None,
    isolation: str,
    fresh: bool,
    epochs_cap: int | None,
    steps_cap: int | None,
    data: Path | None,
    tolerances: Path | None,
    base: str,
    results: Path,
    catalog: Path | None,
) -> "RunRequest":
    """Turn the options' texts into a request.

    Raises:
        ConfigurationError: one of them is wrong.
    """
    from runner import options as parse
    from runner.errors import ConfigurationError
    from runner.images.build import BasePolicy
    from runner.plan import (
        Caps,
        Floatx,
        ImageDataFormat,
        Init,
        Isolation,
        Limits,
        cross_settings,
    )
    from runner.ready import RunRequest

    if not (0 < timeout < math.inf and 0 < cpus < math.inf and pids > 0):
        raise ConfigurationError("--timeout, --cpus and --pids must be numbers more than 0.")
    chosen = Init(init)
    seeded = parse.parse_seeds(seeds) or ((0,) if deterministic or chosen is Init.PAIRED else ())
    return RunRequest(
        target=script,
        on=parse.parse_list(on),
        only=parse.parse_list(only),
        arguments=arguments,
        settings=cross_settings(
            parse.parse_choices("--floatx", floatx, Floatx),
            parse.parse_choices("--image-data-format", formats, ImageDataFormat),
            parse.parse_floats("--epsilon", epsilon),
        ),
        seeds=seeded,
        limits=Limits(
            memory=parse.parse_size("--memory", memory),
            scratch=parse.parse_size("--scratch", scratch),
            cpus=cpus,
            pids=pids,
            timeout=timeout,
            threads=1 if deterministic else max(1, round(cpus)),
        ),
        caps=Caps(epochs=epochs_cap, steps=steps_cap),
        repeats=repeats,
        schedule_seed=schedule_seed,
        init=chosen,
        isolation=Isolation(isolation),
        jobs=jobs,
        fresh=fresh,
        data=data,
        results=results,
        run=run_name,
        base=BasePolicy(base),
        catalog=options.catalog_root(catalog),
        tolerances=tolerances,
        command=("keras-matrix", *sys.argv[1:]),
    )


def execute(request: "RunRequest", *, quiet: bool, verbose: bool) -> "RunResult":
    """Run what was asked for, with progress shown and Ctrl-C heard."""
    from runner import session
    from runner.cli.progress import progress
    from runner.interrupts import Interrupts, installed

    interrupts = Interrupts()
    with installed(interrupts), progress(quiet=quiet, verbose=verbose) as shown:
        return session.run(request, shown, interrupts)
