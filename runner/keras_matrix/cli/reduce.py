"""``keras-matrix reduce``."""

import contextlib
from pathlib import Path
from typing import Any

import click

from keras_matrix.cli import options, tracing
from keras_matrix.cli.cell_options import cell_options
from keras_matrix.cli.execute import progress


@click.command(name="reduce")
@click.argument("script", type=click.Path(path_type=Path), required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@cell_options
@click.option(
    "--finding",
    default="",
    metavar="KIND[@PLACE]",
    help="Finding to keep, such as forward@conv2d_1.  [default: the first]",
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, max=10_000),
    default=10.0,
    show_default=True,
    metavar="N",
    help="Time to try smaller scripts for.",
)
@click.option(
    "--resume",
    "resumed",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    metavar="FOLDER",
    help="Continue the reduction in this folder, instead of a SCRIPT.",
)
@tracing.seed
@click.option(
    "--model", default=None, metavar="NAME", help="Model to reduce.  [default: the first trained]"
)
@click.option(
    "--no-training", is_flag=True, help="Look for findings before the script's whole training only."
)
@tracing.atol
@tracing.rtol
@options.json
@options.quiet
@options.verbose
def command(
    *,
    script: Path | None,
    finding: str,
    minutes: float,
    resumed: Path | None,
    seed: int,
    model: str | None,
    no_training: bool,
    atol: float | None,
    rtol: float | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **cells: Any,
) -> int:
    """Shrink SCRIPT's model to the smallest script that shows the same finding as a trace of it.

    The smallest script so far is on disk after each step. Exits with 1 if there is one, with 0 if
    nothing differs, with 9 if the model cannot be written as a script that shows the finding.
    """
    from keras_matrix.errors import ConfigurationError, ExitCode
    from keras_matrix.interrupts import Interrupts, installed
    from keras_matrix.records import files
    from keras_matrix.report import reduction as shown
    from keras_matrix.run.prepare import new_name
    from keras_matrix.text import relative
    from keras_matrix.trace.reduce import reducing
    from keras_matrix.trace.reduce.store import ReductionFolder
    from keras_matrix.trace.rounds import CaptureRequest

    allowance = tracing.allowance(atol, rtol)
    if (script is None) == (resumed is None):
        raise ConfigurationError("Name either a SCRIPT or the folder of a reduction with --resume.")
    state = None
    if resumed is not None:
        folder = ReductionFolder(resumed.resolve())
        state, candidate = folder.load()
        stored = {name: _restored(name, value) for name, value in state.options.items()}
        cells = {**stored, "jobs": cells["jobs"] or stored["jobs"]}
    else:
        name = cells["run_name"] or new_name(f"{Path(script or '').stem}-reduced")
        folder = ReductionFolder((Path(cells["results"]) / name).resolve())
        if folder.path.exists():
            raise ConfigurationError(f"{folder.path} exists; choose another name with --run.")
        cells.update(script=script, seed=seed)
    kept = {k: str(v) if isinstance(v, Path) else v for k, v in cells.items()}
    # What begins with a trace: attempts are made alike.
    own = {**cells, "run_name": str(folder.path / "trace")}
    request = tracing.trace_request(own, own.pop("seed"))
    interrupts, display = Interrupts(), progress(quiet=quiet, verbose=verbose)
    place = reducing.ReductionPlace(display, interrupts)
    with installed(interrupts), display:
        if state is not None:
            beginning: reducing.Beginning | None = reducing.Beginning(state, candidate)
        else:
            capture = CaptureRequest(model=model, training=not no_training)
            beginning = reducing.begin(request, capture, allowance, finding, kept, place)
        if beginning is None:
            click.echo("Nothing differs by itself, so there is nothing to reduce.")
            return int(ExitCode.AGREE)
        reduction = reducing.reduce(beginning, request, folder, minutes, place)
    if as_json:
        click.echo(files.to_json(reduction), nl=False)
    else:
        shown.print_reduction(reduction)
    if not quiet:
        with contextlib.suppress(OSError):
            click.echo(f"reduction: {relative(folder.path)}", err=True)
    return int(ExitCode.DIFFER)


def _restored(name: str, value: Any) -> Any:
    if name == "arguments":
        return tuple(value)
    paths = ("script", "catalog", "results", "data")
    return Path(value) if name in paths and isinstance(value, str) else value
