"""Print a comparison in the asked format."""

import click

from runner.cli.options import Format
from runner.comparison import Comparison


def chosen_format(output: str, as_json: bool) -> Format:
    """Return the format to print in; ``--json`` is short for ``--format json``."""
    return Format.JSON if as_json else Format(output)


def show(comparison: Comparison, output: Format) -> None:
    """Print a comparison on stdout."""
    if output is Format.JSON:
        from runner.report import data

        click.echo(data.render(comparison))
    elif output is Format.MARKDOWN:
        from runner.report import markdown

        click.echo(markdown.render(comparison), nl=False)
    else:
        from runner.report import table

        table.show(comparison, table.console())
