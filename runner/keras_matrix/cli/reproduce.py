"""``keras-matrix reproduce``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_matrix.cli import against, options
from keras_matrix.cli.cell_options import matrix_options
from keras_matrix.cli.execute import make_request

if TYPE_CHECKING:
    from keras_matrix.compare.reproduction import Reproduction
    from keras_matrix.errors import ExitCode
    from keras_matrix.records.folder import RunFolder
    from keras_matrix.records.recorded import RecordedRun
    from keras_matrix.run.prepare import Images, OpenRun
    from keras_matrix.run.session import RunResult


@click.command(name="reproduce")
@options.script
@matrix_options
@click.option(
    "--reported",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="File of reported figures.  [default: reported.toml beside the script]",
)
@options.history
@options.no_history
@options.json
@options.quiet
@options.verbose
def command(
    *,
    reported: Path | None,
    history_file: Path | None,
    no_history: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **cells: Any,
) -> int:
    """Run SCRIPT with several --seeds, and compare the results with figures that a text reports.

    Exits with 0 if everything that can be compared is reproduced, with 1 if something is not.
    """
    from keras_matrix.cli import stages
    from keras_matrix.compare import assess
    from keras_matrix.errors import ConfigurationError, ExitCode
    from keras_matrix.load import reported as reports
    from keras_matrix.load import script
    from keras_matrix.records import files, recorded
    from keras_matrix.report import reproduction as shown
    from keras_matrix.report import table

    request = make_request(**cells)
    if len(request.plan.seeds) < 2:
        raise ConfigurationError(
            "A reported figure cannot be compared with a single run; give --seeds, such as 0..29."
        )
    if len(request.plan.settings) > 1:
        raise ConfigurationError("A report is of one keras.json; give each of its fields once.")
    path = reported or script.load(request.target).folder / reports.REPORTED_FILE
    figures = reports.load(path)

    def run(open_run: "OpenRun", images: "Images") -> "RunResult":
        result = stages.run_cells(open_run, images)
        if reported is not None:
            # Kept as a file of figures beside the script is: the run's report reads it there.
            kept = result.folder.path / "script" / reports.REPORTED_FILE
            files.write_atomically(kept, reported.read_bytes())
        return result

    def compare(result: "RunResult") -> "tuple[RecordedRun, Reproduction, ExitCode]":
        run = recorded.read(result.folder)
        reproduction = assess.reproduce(run, figures)
        code = ExitCode.AGREE if shown.holds(reproduction) else ExitCode.DIFFER
        return run, reproduction, ExitCode.CELL_FAILED if run.failed else code

    def report(folder: "RunFolder", finding: "tuple[RecordedRun, Reproduction, ExitCode]") -> int:
        run, reproduction, code = finding
        if as_json:
            click.echo(shown.render(reproduction))
        else:
            shown.show(reproduction, table.console())
        against.add_to_history(run, file=history_file, wanted=not no_history)
        return int(code)

    own = stages.Stages(run=run, compare=compare, report=report)
    return stages.follow(request, own, quiet=quiet, verbose=verbose)
