"""A comparison as Markdown, for a pull request or a job summary.

Text from outside is shown literally: it makes no markup, link, mention or formula.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from keras_matrix.compare import figures
from keras_matrix.compare.comparison import CellNote, Comparison, Row, Verdict
from keras_matrix.compare.matrix import MatrixRow, Status, columns
from keras_matrix.report import rows
from keras_matrix.report.words import in_words, method
from keras_matrix.text import brief, one_line, printable

MARKS = {
    Verdict.AGREE: "✅ agree",
    Verdict.DIFFER: "❌ differ",
    Verdict.MISSING: "❌ missing",
    Verdict.INCONCLUSIVE: "❔ inconclusive",
    Verdict.REPORTED: "reported",
}
STATUS_MARKS = {
    Status.FAILED: "❌ ",
    Status.NOT_RUN: "⏳ ",
    Status.DIFFER: "❌ ",
    Status.INCONCLUSIVE: "❔ ",
    Status.AGREE: "✅ ",
    Status.REFERENCE: "reference: ",
    Status.NOT_JUDGED: "",
}
MOST_BYTES = 60_000
"""GitHub takes 65,536 characters in a comment, and 1 MiB in a job summary; more it drops whole."""
LONGEST_WORDS = 4000
MOST_OPEN = 12
"""Rows of a table that is shown whole; of a longer one what agrees is folded."""
MOST_CELLS = 20
"""Cells without a result that are told one by one."""
MOST_NOTES = 6
_SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\`*_{}[]()<>#+-!|~&"} | {"\n": " "})
_ORDINAL = re.compile(r"^(\d+)\.")
# A backslash ends what GitHub would make a link of, an empty entity what it would notify.
_LINK = re.compile(r"://|(?<=www)\.", re.IGNORECASE)
_MENTION = re.compile(r"@(?=\w)")


@dataclass(frozen=True)
class _Part:
    """Some lines of the text; those of the smallest ``rank`` are the last to be left out."""

    rank: int
    lines: Sequence[str]


def escape(text: str) -> str:
    """Return text from outside as Markdown that shows it literally."""
    escaped = _ORDINAL.sub(r"\1\\.", printable(text).strip().translate(_SPECIAL))
    escaped = _LINK.sub(lambda found: f"\\{found[0]}", escaped)
    return _MENTION.sub("@&#8203;", escaped).replace("$", "<span>$</span>")


def render(comparison: Comparison, matrix: Sequence[MatrixRow] = (), most: int = MOST_BYTES) -> str:
    """Return the comparison as Markdown of about ``most`` bytes at most.

    The sentence comes first, then the matrix, tables with what does not agree, failures and notes;
    what is long is folded. What is left out is told of.
    """
    return _fitted([part for part in _parts(comparison, matrix) if part.lines], most)


def _parts(comparison: Comparison, matrix: Sequence[MatrixRow]) -> Iterator[_Part]:
    words = in_words(comparison)
    if len(words) > LONGEST_WORDS:
        words = f"{words[:LONGEST_WORDS]} …"
    yield _Part(0, (f"### {escape(brief(comparison.title))}", "", f"**{escape(words)}**"))
    yield _Part(1, tuple(_matrix(matrix)))
    inferred = any(row.inference is not None for row in comparison.rows)
    for table in rows.tables(comparison):
        yield from _of_table(table, inferred)
    yield _Part(1, tuple(_without_result(comparison)))
    # What several cells said alike is shown once.
    logs: dict[tuple[str, ...], CellNote] = {}
    for failure in comparison.failures[:MOST_CELLS]:
        logs.setdefault(failure.log_tail, failure)
    for tail, failure in logs.items():
        if tail:
            yield _Part(5, tuple(_log(failure)))
    notes = [f"- {escape(line)}" for line in (*method(comparison), *comparison.notes)]
    if len(notes) > MOST_NOTES:
        yield _Part(4, tuple(_folded(f"{len(notes)} notes", notes)))
    else:
        yield _Part(3, notes)


def _fitted(parts: Sequence[_Part], most: int) -> str:
    texts = ["\n".join(part.lines) + "\n" for part in parts]
    kept: set[int] = set()
    room = most
    for place in sorted(range(len(parts)), key=lambda place: parts[place].rank):
        size = len(texts[place].encode()) + 1
        if size <= room or not kept:
            kept.add(place)
            room -= size
    shown = [text for place, text in enumerate(texts) if place in kept]
    left_out = len(texts) - len(shown)
    if left_out:
        parts_out = f"{left_out} part{'s' * (left_out != 1)} of this text"
        shown.append(f"*{parts_out} left out for length; the HTML page and the JSON have all.*\n")
    return "\n".join(shown)


def _folded(summary: str, lines: Sequence[str]) -> Iterator[str]:
    # Between the tags and the Markdown there must be blank lines.
    yield f"<details><summary>{html.escape(one_line(summary))}</summary>"
    yield ""
    yield from lines
    yield ""
    yield "</details>"


def _matrix(matrix: Sequence[MatrixRow]) -> Iterator[str]:
    names = columns(matrix)
    if not names:
        return
    yield f"| model | {' | '.join(escape(brief(name)) for name in names)} |"
    yield f"| --- |{' --- |' * len(names)}"
    for row in matrix:
        cells = [escape(brief(row.model))]
        for name in names:
            entry = row.entry(name)
            told = STATUS_MARKS[entry.status] + escape(brief(entry.sentence)) if entry else "-"
            cells.append(told)
        yield f"| {' | '.join(cells)} |"


def _of_table(table: rows.Table, inferred: bool) -> Iterator[_Part]:
    head = tuple(_heading(table, inferred))
    apart = [row for row in table.rows if row.verdict in rows.TO_SEE_FIRST]
    rest = [row for row in table.rows if row.verdict not in rows.TO_SEE_FIRST]
    more = ["", escape(table.rest)] if table.rest else []
    judged = any(row.verdict is not Verdict.REPORTED for row in table.rows)
    if len(table.rows) <= MOST_OPEN and (judged or not table.other):
        apart, rest = list(table.rows), []
    if apart:
        lines = [*head, *(_row(row, table, inferred) for row in apart)]
        yield _Part(2, lines if rest else [*lines, *more])
    if rest:
        agree = sum(row.verdict is Verdict.AGREE for row in rest)
        summary = f"{agree} agree, {len(rest) - agree} reported"
        if table.other:
            summary = f"{table.other} and {table.reference}: {summary}"
        lines = [*head, *(_row(row, table, inferred) for row in rest), *more]
        yield _Part(4, tuple(_folded(brief(summary), lines)))


def _heading(table: rows.Table, inferred: bool) -> Iterator[str]:
    numbers = 0
    against = ""
    if table.other:
        numbers = 5 if inferred else 4
        interval = " interval |" if inferred else ""
        other = escape(brief(table.other))
        against = f" {other} | difference | relative |{interval} allowed |"
    yield f"| metric | {escape(brief(table.reference))} |{against} verdict |"
    yield "| --- | ---: |" + " ---: |" * numbers + " --- |"


def _row(row: Row, table: rows.Table, inferred: bool) -> str:
    cells = [escape(brief(figures.label(row))), figures.summary(row.reference)]
    if table.other:
        cells += [
            figures.summary(row.other),
            figures.number(row.absolute),
            figures.relative(row),
            *([figures.interval(row)] if inferred else []),
            figures.tolerance(row),
        ]
    return f"| {' | '.join([*cells, MARKS[row.verdict]])} |"


def _without_result(comparison: Comparison) -> Iterator[str]:
    for failure in comparison.failures[:MOST_CELLS]:
        told = (failure.cell, failure.outcome.value, brief(failure.reason))
        yield f"- ❌ {': '.join(escape(one) for one in told if one)}"
    rest = len(comparison.failures) - MOST_CELLS
    if rest > 0:
        yield f"- ❌ and {rest} more cells without a result"
    for cell in comparison.missing[:MOST_CELLS]:
        yield f"- ⏳ {escape(cell)}: not run"
    rest = len(comparison.missing) - MOST_CELLS
    if rest > 0:
        yield f"- ⏳ and {rest} more cells that have not run"


def _log(failure: CellNote) -> Iterator[str]:
    lines = [printable(line).replace("\n", " ") for line in failure.log_tail]
    # Longer than any that the text has, so that nothing in it ends the block.
    longest = max(len(ticks) for line in lines for ticks in ["", *re.findall("`+", line)])
    fence = "`" * max(3, longest + 1)
    summary = f"The end of what {failure.cell} said"
    yield from _folded(summary, [f"{fence}text", *lines, fence])
