"""``keras-matrix trace``."""

from typing import TYPE_CHECKING, Any

import click

from keras_matrix.cli import options
from keras_matrix.cli.cell_options import cell_options
from keras_matrix.cli.execute import make_request

if TYPE_CHECKING:
    from keras_matrix.errors import ExitCode
    from keras_matrix.records.folder import RunFolder
    from keras_matrix.run.prepare import Images, OpenRun
    from keras_matrix.trace.result import Trace
    from keras_matrix.trace.session import TraceResult


@click.command(name="trace")
@options.script
@cell_options
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Seed of the initial weights.",
)
@click.option(
    "--model", default=None, metavar="NAME", help="Model to trace.  [default: the first trained]"
)
@click.option(
    "--steps",
    type=click.IntRange(min=0, max=100),
    default=3,
    show_default=True,
    metavar="N",
    help="Optimizer steps to follow, 0 to 100.",
)
@click.option("--no-training", is_flag=True, help="End the script at its first training call.")
@click.option(
    "--atol",
    type=float,
    default=None,
    metavar="NUMBER",
    help="Absolute difference to allow, instead of the effect of rounding.",
)
@click.option(
    "--rtol",
    type=float,
    default=None,
    metavar="NUMBER",
    help="The same, as a share of the largest number.",
)
@click.option(
    "--fail-on",
    default="reaching",
    show_default=True,
    metavar="KIND,...",
    help="Differences that make the exit code 1: those reaching a gradient of a weight, an update, "
    "a loss, a metric or a prediction; any; none; or some kinds by name.",
)
@click.option("--no-proof", is_flag=True, help="Do not try the causes of differences.")
@click.option(
    "--keep-arrays", is_flag=True, help="Keep all arrays that were compared, as .npy files."
)
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
    no_proof: bool,
    keep_arrays: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **cells: Any,
) -> int:
    """Find where backends diverge in SCRIPT's model: layer, loss, gradient, update or training.

    The first model that the script trains is captured at its first training call, with its first
    batch, from the same weights on all images. ARGUMENTS are passed to the script.
    """
    from dataclasses import replace

    from keras_matrix.cli import stages
    from keras_matrix.errors import ConfigurationError, ExitCode
    from keras_matrix.load import catalog
    from keras_matrix.plan.cells import RunKind
    from keras_matrix.records import files
    from keras_matrix.report import trace as shown
    from keras_matrix.trace import session
    from keras_matrix.trace.rounding import Allowance
    from keras_matrix.trace.rounds import CELLS_PER_IMAGE, CaptureRequest

    selected = shown.parse_fail_on(fail_on)
    for name, value in (("--atol", atol), ("--rtol", rtol)):
        if value is not None and not 0 <= value < float("inf"):
            raise ConfigurationError(f"{name} {value} is not a number from 0 up.")
    cells.update(only=None, seeds=f"{seed}..{seed}", repeats=CELLS_PER_IMAGE, init="paired")
    cells.update(isolation="process", fresh=True, schedule_seed=0, tolerances=None)
    request = replace(make_request(**cells, deterministic=True), kind=RunKind.TRACE, again=True)
    if len(request.plan.settings) != 1:
        raise ConfigurationError("A trace is made with one keras.json; give each option one value.")
    if len(catalog.load(request.catalog).select(request.on)) < 2:
        raise ConfigurationError("A trace compares images; name at least two with --on.")
    trace_options = session.TraceOptions(
        capture=CaptureRequest(model=model, steps=steps, training=not no_training),
        allowance=Allowance(atol, rtol),
        keep_arrays=keep_arrays,
        prove=not no_proof,
    )

    def run(open_run: "OpenRun", images: "Images") -> "TraceResult":
        return session.trace(trace_options, open_run, images)

    def compare(result: "TraceResult") -> "tuple[Trace, ExitCode]":
        # The images were compared while cells ran: what differs was run again alone.
        if shown.fails_without_finding(result.trace):
            return result.trace, ExitCode.CELL_FAILED
        differs = selected.fails(result.trace)
        return result.trace, ExitCode.DIFFER if differs else ExitCode.AGREE

    def report(folder: "RunFolder", finding: "tuple[Trace, ExitCode]") -> int:
        trace, code = finding
        if as_json:
            click.echo(files.to_json(trace), nl=False)
        else:
            shown.print_trace(trace)
        return int(code)

    own = stages.Stages(run=run, compare=compare, report=report, name="trace")
    return stages.follow(request, own, quiet=quiet, verbose=verbose)
