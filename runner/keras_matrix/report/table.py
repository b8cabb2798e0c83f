"""A comparison as a table for people, in a terminal or as plain lines."""

import sys
from collections.abc import Iterator, Sequence
from typing import TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from keras_matrix.compare.comparison import Comparison, Row, Verdict
from keras_matrix.report.questions import describe_questions
from keras_matrix.report.rows import Column, PairTable, columns, tables
from keras_matrix.report.words import in_words
from keras_matrix.text import brief, printable

VERDICT_STYLES = {
    Verdict.AGREE: "green",
    Verdict.DIFFER: "bold red",
    Verdict.MISSING: "bold red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.REPORTED: "dim",
}
PLAIN_WIDTH = 400
"""Columns where there is no terminal: enough for a row on one line."""
COLUMN_GAP = 2
LIST_INDENT = 2
MIN_METRIC_WIDTH = 16
"""The least width of the metrics' names; figures are never folded or cut."""


def console(file: TextIO | None = None) -> Console:
    """Return a console: on a terminal as wide as it is, elsewhere wide enough not to fold."""
    stream = file if file is not None else sys.stdout
    width = None if stream.isatty() else PLAIN_WIDTH
    return Console(file=stream, width=width, highlight=False, soft_wrap=False)


def show(comparison: Comparison, out: Console) -> None:
    """Print the tables, the cells that failed, the notes, and the sentence in words."""
    show_rows(comparison, out)
    for note in comparison.notes:
        out.print(Text(f"note: {printable(note)}"))
    out.print(Text(in_words(comparison), style="bold"))


def show_rows(comparison: Comparison, out: Console) -> None:
    """Print the tables, the cells that failed, and how several seeds were judged."""
    for table in tables(comparison):
        _show_table(comparison.title, table, out)
        if table.rest:
            out.print(Text(table.rest))
    for failure in comparison.failures:
        out.print(Text(f"{failure.cell}: {failure.outcome.value}: {brief(failure.reason)}"))
        for line in failure.log_tail:
            out.print(Text(f"  | {printable(line)}", style="dim"))
    for line in describe_questions(comparison):
        out.print(Text(printable(line)))


def _show_table(title: str, pair: PairTable, out: Console) -> None:
    shown = [*columns(pair)]
    if out.is_terminal:
        out.print(Text(printable(title), style="italic"))
        if not _fits(pair, shown, out.width):
            _show_list(pair, shown, out)
            return
    out.print(_table(pair, shown, out), overflow="fold")


def _fits(pair: PairTable, shown: Sequence[Column], width: int) -> bool:
    """Tell whether all figures fit side by side; the metrics' names may be folded."""
    widths = [
        max(cell_len(text) for text in (column.heading, *map(column.show, pair.rows)))
        for column in shown
    ]
    widths[0] = min(widths[0], MIN_METRIC_WIDTH)
    widths.append(max(len(row.verdict.value) for row in pair.rows))
    return sum(widths) + (len(widths) - 1) * COLUMN_GAP <= width


def _table(pair: PairTable, shown: Sequence[Column], out: Console) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD if out.is_terminal else None,
        # The box adds a column between two cells.
        padding=(0, COLUMN_GAP - out.is_terminal, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    metric, *figures = shown
    table.add_column(metric.heading, overflow="fold")
    for column in figures:
        table.add_column(escape(column.heading), justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for row in pair.rows:
        texts = [escape(printable(column.show(row))) for column in shown]
        table.add_row(*texts, _verdict(row))
    return table


def _show_list(pair: PairTable, shown: Sequence[Column], out: Console) -> None:
    """Print a paragraph for each metric: for a terminal too narrow for the table."""
    metric, *figures = shown
    for row in pair.rows:
        out.print(Text.assemble(printable(metric.show(row)), ": ", _verdict(row)))
        texts = [(column.heading, column.show(row)) for column in figures]
        parts = [printable(f"{heading} {figure}") for heading, figure in texts if figure != "-"]
        for line in _filled(parts, out.width - LIST_INDENT):
            out.print(Padding(Text(line, overflow="fold"), (0, 0, 0, LIST_INDENT)))


def _filled(parts: Sequence[str], width: int) -> Iterator[str]:
    """Yield lines of parts with commas between them; a line ends between two parts."""
    line = ""
    for number, part in enumerate(parts):
        text = part if number == len(parts) - 1 else f"{part},"
        if line and cell_len(line) + 1 + cell_len(text) > width:
            yield line
            line = ""
        line += f" {text}" if line else text
    if line:
        yield line


def _verdict(row: Row) -> Text:
    return Text(row.verdict.value, style=VERDICT_STYLES[row.verdict])
