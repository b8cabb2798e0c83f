"""``keras-matrix trace``."""

from typing import TYPE_CHECKING, Any

import click

from keras_matrix.cli import options, tracing
from keras_matrix.cli.cell_options import cell_options

if TYPE_CHECKING:
    from keras_matrix.errors import ExitCode
    from keras_matrix.records.folder import RunFolder
    from keras_matrix.run.prepare import Images, OpenRun
    from keras_matrix.trace.result import Trace
    from keras_matrix.trace.session import TraceResult


@click.command(name="trace")
@options.script
@cell_options
@tracing.seed
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
@tracing.atol
@tracing.rtol
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
    from keras_matrix.cli import stages
    from keras_matrix.errors import ExitCode
    from keras_matrix.records import files
    from keras_matrix.report import trace as shown
    from keras_matrix.trace import session
    from keras_matrix.trace.rounds import CaptureRequest

    selected = shown.parse_fail_on(fail_on)
    allowance = tracing.allowance(atol, rtol)
    request = tracing.trace_request(cells, seed)
    trace_options = session.TraceOptions(
        capture=CaptureRequest(model=model, steps=steps, training=not no_training),
        allowance=allowance,
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
