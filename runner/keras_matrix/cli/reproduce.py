"""``keras-matrix reproduce``."""

from pathlib import Path
from typing import Any

import click

from keras_matrix.cli import against, options
from keras_matrix.cli.cell_options import matrix_options
from keras_matrix.cli.execute import execute, make_request, recorded


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
    """Run SCRIPT with several --seeds and hold what a text reports of it against the outcome.

    Exits with 0 if all that is comparable holds, with 1 if something does not.
    """
    from keras_matrix.compare import assess
    from keras_matrix.errors import ConfigurationError, ExitCode
    from keras_matrix.load import reported as reports
    from keras_matrix.load import script
    from keras_matrix.records import files
    from keras_matrix.records.record import Outcome
    from keras_matrix.report import reproduction as shown
    from keras_matrix.report import table

    request = make_request(**cells)
    if len(request.seeds) < 2:
        raise ConfigurationError(
            "One run is no distribution to hold a figure against; give --seeds, such as 0..29."
        )
    if len(request.settings) > 1:
        raise ConfigurationError("A report is of one keras.json; give each of its fields once.")
    path = reported or script.load(request.target).folder / reports.REPORTED_FILE
    figures = reports.load(path)
    result = execute(request, quiet=quiet, verbose=verbose)
    with recorded(result.folder, quiet=quiet):
        if reported is not None:
            # What the run's own report is to be held against, as the figures beside a script are.
            kept = result.folder.path / "script" / reports.REPORTED_FILE
            files.write_atomically(kept, reported.read_bytes())
        judged = assess.reproduce(result.folder, figures)
        if as_json:
            click.echo(shown.render(judged))
        else:
            shown.show(judged, table.console())
        if result.last:
            against.keep(result.folder, file=history_file, wanted=not no_history)
    if not result.last or any(r.outcome is not Outcome.OK for r in result.records):
        return int(ExitCode.CELL_FAILED)
    return int(ExitCode.AGREE if shown.holds(judged) else ExitCode.DIFFER)
