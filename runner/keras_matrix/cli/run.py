"""``keras-matrix run``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_matrix.cli import against as earlier
from keras_matrix.cli import options
from keras_matrix.cli.cell_options import matrix_options
from keras_matrix.cli.execute import make_request

if TYPE_CHECKING:
    from keras_matrix.compare.comparison import Comparison
    from keras_matrix.errors import ExitCode
    from keras_matrix.load.request import RunRequest
    from keras_matrix.records.folder import RunFolder
    from keras_matrix.records.recorded import RecordedRun
    from keras_matrix.run.session import RunResult


@click.command(name="run")
@options.script
@matrix_options
@click.option(
    "--plan",
    "only_plan",
    is_flag=True,
    help="Check the script and all options, print the cells, and stop; needs no engine.",
)
@options.judging
@options.output_format
@options.reports
@earlier.against
@options.history
@options.no_history
@options.json
@options.quiet
@options.verbose
def command(
    *,
    only_plan: bool,
    tolerance_texts: tuple[str, ...],
    question: str,
    margin: float | None,
    output: str,
    report_texts: tuple[str, ...],
    against: str | None,
    history_file: Path | None,
    no_history: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **cells: Any,
) -> int:
    """Run SCRIPT, or the model.py of a folder, in a container per image and compare the results.

    ARGUMENTS are passed to the script; put -- before those that begin with a dash.
    """
    from keras_matrix.cli import stages
    from keras_matrix.cli.output import chosen_format, parse_targets, show
    from keras_matrix.compare import assess
    from keras_matrix.load import tolerances
    from keras_matrix.records import recorded

    rules = tolerances.given(tolerance_texts, question, margin)
    targets = parse_targets(report_texts)
    request = make_request(**cells)
    earlier.check_earlier_run(against, results=request.results, file=history_file)
    if only_plan:
        return print_plan(request)

    def compare(result: "RunResult") -> "tuple[RecordedRun, Comparison, ExitCode]":
        run = recorded.read(result.folder)
        comparison = assess.compare_run(run, rules)
        return run, *earlier.with_changes(
            against, run, comparison, rules, results=request.results, file=history_file
        )

    def report(folder: "RunFolder", finding: "tuple[RecordedRun, Comparison, ExitCode]") -> int:
        run, comparison, code = finding
        show(comparison, chosen_format(output, as_json), targets, [run], comparison)
        earlier.add_to_history(run, comparison, file=history_file, wanted=not no_history)
        return int(code)

    own = stages.Stages(run=stages.run_cells, compare=compare, report=report)
    return stages.follow(request, own, quiet=quiet, verbose=verbose)


def print_plan(request: "RunRequest") -> int:
    """Print the ids of the cells that a request comes to, and return the exit code.

    Raises:
        KerasMatrixError: the script, an option or a tolerance is wrong.
    """
    from keras_matrix.errors import ExitCode
    from keras_matrix.run.prepare import load, plan

    planned = plan(request, load(request))
    for cell in planned.only(request.only):
        click.echo(cell.id)
    return int(ExitCode.AGREE)
