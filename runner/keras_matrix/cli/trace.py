"""``keras-matrix trace``."""

from typing import Any

import click

from keras_matrix.cli import options
from keras_matrix.cli.cell_options import cell_options
from keras_matrix.cli.execute import make_request


@click.command(name="trace")
@options.script
@cell_options
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of the first weights.",
)
@click.option("--model", default=None, metavar="NAME", help="The model.  [default: first to train]")
@click.option(
    "--steps",
    type=click.IntRange(min=0, max=100),
    default=3,
    show_default=True,
    help="Steps of the optimizer to follow.",
)
@click.option("--no-training", is_flag=True, help="End the script at its first training call.")
@click.option("--atol", type=float, default=None, help="Allowed difference, instead of rounding.")
@click.option("--rtol", type=float, default=None, help="The same, times the largest number.")
@click.option(
    "--fail-on",
    default="any",
    show_default=True,
    metavar="KIND,...",
    help="Kinds of difference that end with status 1: any, none, or some by name.",
)
@click.option("--keep-arrays", is_flag=True, help="Keep all that was compared, as .npy files.")
@options.json
@options.quiet
@options.verbose
def command(
    *,
    seed: int,
    model: str | None,
    steps: int,
    no_training: bool,
    atol: float | None,
    rtol: float | None,
    fail_on: str,
    keep_arrays: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **cells: Any,
) -> int:
    """Say where the backends part in SCRIPT's model: layer, loss, gradient, update or training.

    The first model that the script trains is looked into at its first training call, with its
    first batch, from the same weights on all images. ARGUMENTS go to the script.
    """
    from dataclasses import replace

    from keras_matrix.cli.execute import progress
    from keras_matrix.errors import ConfigurationError, ExitCode
    from keras_matrix.interrupts import Interrupts, installed
    from keras_matrix.records import files
    from keras_matrix.report import trace as report
    from keras_matrix.text import relative
    from keras_matrix.trace import session
    from keras_matrix.trace.rounding import Allowance
    from keras_matrix.trace.rounds import REPEATS, Wanted

    kinds = report.parse_kinds(fail_on)
    for name, value in (("--atol", atol), ("--rtol", rtol)):
        if value is not None and not 0 <= value < float("inf"):
            raise ConfigurationError(f"{name} {value} is not a number from 0 up.")
    cells.update(only=None, seeds=f"{seed}..{seed}", repeats=REPEATS, init="paired")
    cells.update(isolation="process", fresh=True, schedule_seed=0, tolerances=None)
    made = make_request(**cells, deterministic=True)
    if len(made.settings) != 1:
        raise ConfigurationError("A trace is made with one keras.json; give each option one value.")
    request = session.TraceRequest(
        cells=replace(made, again=True),
        wanted=Wanted(model=model, steps=steps, training=not no_training),
        allowance=Allowance(atol, rtol),
        keep_arrays=keep_arrays,
    )
    interrupts = Interrupts()
    shown = progress(quiet=quiet, verbose=verbose)
    with installed(interrupts, shown.stopping), shown:
        found = session.trace(request, shown, interrupts)
    if as_json:
        click.echo(files.to_json(found), nl=False)
    else:
        report.show(found)
    if not quiet:
        place = relative(session.folder_of(request, found))
        click.echo(f"trace: {place}", err=True)
    if report.failed(found):
        return int(ExitCode.CELL_FAILED)
    return int(ExitCode.DIFFER if report.fails(found, kinds) else ExitCode.AGREE)
