"""``keras-matrix run``."""

from typing import Any

import click

from runner.cli import options
from runner.cli.cells import execute, make_request, matrix_options


@click.command(name="run")
@options.script
@matrix_options
@options.tolerance
@options.output_format
@options.json
@options.quiet
@options.verbose
def command(
    *,
    tolerance_texts: tuple[str, ...],
    output: str,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **cells: Any,
) -> int:
    """Run SCRIPT, or the model.py of a folder, in a container per image and compare.

    ARGUMENTS go to the script; put -- before those that begin with a dash.
    """
    from runner import assess, tolerance
    from runner.cli.show import chosen_format, show
    from runner.errors import ExitCode
    from runner.record import Outcome
    from runner.text import relative

    rules = tolerance.parse(tolerance_texts)
    result = execute(make_request(**cells), quiet=quiet, verbose=verbose)
    if result.last:
        comparison = assess.compare_run(result.folder, rules)
        show(comparison, chosen_format(output, as_json))
        code = assess.exit_code(comparison)
    else:
        failed = any(record.outcome is not Outcome.OK for record in result.records)
        code = ExitCode.CELL_FAILED if failed else ExitCode.AGREE
        if not quiet:
            click.echo("The comparison follows when the other parts of the run are done.", err=True)
    if not quiet:
        click.echo(f"records: {relative(result.folder.path)}", err=True)
    return int(code)
