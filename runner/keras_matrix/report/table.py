"""A comparison as a table for people, in a terminal or as plain lines."""

import sys
from typing import TextIO

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from keras_matrix.compare import figures
from keras_matrix.compare.comparison import Comparison, Verdict
from keras_matrix.report import rows
from keras_matrix.report.words import in_words, method
from keras_matrix.text import brief, printable

STYLES = {
    Verdict.AGREE: "green",
    Verdict.DIFFER: "bold red",
    Verdict.MISSING: "bold red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.REPORTED: "dim",
}
PLAIN_WIDTH = 400


def console(file: TextIO | None = None) -> Console:
    """Return a console: on a terminal as wide as it is, elsewhere wide enough not to fold."""
    stream = file if file is not None else sys.stdout
    width = None if stream.isatty() else PLAIN_WIDTH
    return Console(file=stream, width=width, highlight=False, soft_wrap=False)


def show(comparison: Comparison, out: Console) -> None:
    """Print the table, what failed, what to know, and the line in words."""
    show_rows(comparison, out)
    for note in comparison.notes:
        out.print(Text(f"note: {printable(note)}"))
    out.print(Text(in_words(comparison), style="bold"))


def show_rows(comparison: Comparison, out: Console) -> None:
    """Print the table, what failed, and how several seeds were judged."""
    for table in rows.tables(comparison):
        out.print(_table(comparison, table, out), overflow="fold")
        if table.rest:
            out.print(Text(table.rest))
    for failure in comparison.failures:
        out.print(Text(f"{failure.cell}: {failure.outcome.value}: {brief(failure.reason)}"))
        for line in failure.log_tail:
            out.print(Text(f"  | {printable(line)}", style="dim"))
    for line in method(comparison):
        out.print(Text(printable(line)))


def _table(comparison: Comparison, shown: rows.Table, out: Console) -> Table:
    plain = not out.is_terminal
    inferred = any(row.inference is not None for row in comparison.rows)
    table = Table(
        title=None if plain else escape(printable(comparison.title)),
        title_justify="left",
        box=None if plain else box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
    )
    table.add_column("metric", overflow="fold")
    table.add_column(escape(shown.reference), justify="right")
    if shown.other:
        table.add_column(escape(shown.other), justify="right")
        table.add_column("difference", justify="right")
        table.add_column("relative", justify="right")
        if inferred:
            table.add_column("interval", justify="right")
        table.add_column("allowed", justify="right")
    table.add_column("verdict")
    for row in shown.rows:
        cells = [escape(printable(figures.label(row))), figures.summary(row.reference)]
        if shown.other:
            cells += [
                figures.summary(row.other),
                figures.number(row.absolute),
                figures.relative(row),
                *([figures.interval(row)] if inferred else []),
                figures.tolerance(row),
            ]
        style = STYLES[row.verdict]
        table.add_row(*cells, f"[{style}]{row.verdict.value}[/]")
    return table
