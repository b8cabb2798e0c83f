"""A comparison as Markdown, for a pull request or a job summary.

Text from outside is shown literally: it makes no markup, link, mention or formula.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from keras_matrix.compare import matrix as matrices
from keras_matrix.compare.comparison import CellNote, Comparison, Row, Verdict
from keras_matrix.compare.matrix import MatrixRow, Status
from keras_matrix.report import rows
from keras_matrix.report.questions import describe_questions
from keras_matrix.report.words import in_words
from keras_matrix.text import and_more, brief, one_line, plural, printable

VERDICT_MARKS = {
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
MAX_BYTES = 60_000
"""GitHub accepts 65,536 characters in a comment, 1 MiB in a job summary; longer text is dropped."""
MAX_SENTENCE = 4000
"""Characters of the sentence that summarizes the comparison."""
MAX_UNFOLDED_ROWS = 12
"""Rows of a table that is shown whole; in a longer one the rows that agree are folded."""
MAX_CELLS = 20
"""Cells without a result that are listed."""
MAX_UNFOLDED_NOTES = 6
_SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\`*_{}[]()<>#+-!|~&"} | {"\n": " "})
_ORDINAL = re.compile(r"^(\d+)\.")
# A backslash breaks what GitHub would turn into a link, an empty entity what it would notify.
_LINK = re.compile(r"://|(?<=www)\.", re.IGNORECASE)
_MENTION = re.compile(r"@(?=\w)")


@dataclass(frozen=True)
class _Part:
    """Lines of the text; parts of a high ``rank`` are the first to be left out."""

    rank: int
    lines: Sequence[str]


def escape(text: str) -> str:
    """Return text from outside as Markdown that shows it literally."""
    escaped = _ORDINAL.sub(r"\1\\.", printable(text).strip().translate(_SPECIAL))
    escaped = _LINK.sub(lambda match: f"\\{match[0]}", escaped)
    return _MENTION.sub("@&#8203;", escaped).replace("$", "<span>$</span>")


def render(
    comparison: Comparison, matrix: Sequence[MatrixRow] = (), max_bytes: int = MAX_BYTES
) -> str:
    """Render the comparison as Markdown of about ``max_bytes`` bytes at most.

    The sentence comes first, then the matrix, tables with what does not agree, failures and notes;
    what is long is folded. A last line says how many parts are left out for length.
    """
    return _shortened([part for part in _parts(comparison, matrix) if part.lines], max_bytes)


def _parts(comparison: Comparison, matrix: Sequence[MatrixRow]) -> Iterator[_Part]:
    sentence = in_words(comparison)
    if len(sentence) > MAX_SENTENCE:
        sentence = f"{sentence[:MAX_SENTENCE]} …"
    yield _Part(0, (f"### {escape(brief(comparison.title))}", "", f"**{escape(sentence)}**"))
    yield _Part(1, tuple(_matrix(matrix)))
    for table in rows.tables(comparison):
        yield from _table(table)
    yield _Part(1, tuple(_without_result(comparison)))
    # Cells that ended with the same output show it once.
    logs: dict[tuple[str, ...], CellNote] = {}
    for failure in comparison.failures[:MAX_CELLS]:
        logs.setdefault(failure.log_tail, failure)
    for tail, failure in logs.items():
        if tail:
            yield _Part(5, tuple(_log(failure)))
    notes = [f"- {escape(line)}" for line in (*describe_questions(comparison), *comparison.notes)]
    if len(notes) > MAX_UNFOLDED_NOTES:
        yield _Part(4, tuple(_folded(f"{len(notes)} notes", notes)))
    else:
        yield _Part(3, notes)


def _shortened(parts: Sequence[_Part], max_bytes: int) -> str:
    texts = ["\n".join(part.lines) + "\n" for part in parts]
    kept: set[int] = set()
    free = max_bytes
    for index in sorted(range(len(parts)), key=lambda index: parts[index].rank):
        size = len(texts[index].encode()) + 1
        if size <= free or not kept:
            kept.add(index)
            free -= size
    shown = [text for index, text in enumerate(texts) if index in kept]
    left_out = len(texts) - len(shown)
    if left_out:
        count = plural(left_out, "part")
        shown.append(
            f"*{count} of this text left out for length; the HTML page and the JSON have all.*\n"
        )
    return "\n".join(shown)


def _folded(summary: str, lines: Sequence[str]) -> Iterator[str]:
    # Markdown between HTML tags needs blank lines around it.
    yield f"<details><summary>{html.escape(one_line(summary))}</summary>"
    yield ""
    yield from lines
    yield ""
    yield "</details>"


def _matrix(matrix: Sequence[MatrixRow]) -> Iterator[str]:
    names = matrices.columns(matrix)
    if not names:
        return
    yield f"| model | {' | '.join(escape(brief(name)) for name in names)} |"
    yield f"| --- |{' --- |' * len(names)}"
    for row in matrix:
        texts = [escape(brief(row.model))]
        for name in names:
            entry = row.entry(name)
            texts.append(
                STATUS_MARKS[entry.status] + escape(brief(entry.sentence)) if entry else "-"
            )
        yield f"| {' | '.join(texts)} |"


def _table(table: rows.PairTable) -> Iterator[_Part]:
    first = [row for row in table.rows if row.verdict in rows.NEEDS_ATTENTION]
    folded = [row for row in table.rows if row.verdict not in rows.NEEDS_ATTENTION]
    rest = ["", escape(table.rest)] if table.rest else []
    judged = any(row.verdict is not Verdict.REPORTED for row in table.rows)
    if len(table.rows) <= MAX_UNFOLDED_ROWS and (judged or not table.other):
        first, folded = list(table.rows), []
    if first:
        lines = _table_lines(table, first)
        yield _Part(2, lines if folded else [*lines, *rest])
    if folded:
        agree = sum(row.verdict is Verdict.AGREE for row in folded)
        summary = f"{agree} agree, {len(folded) - agree} reported"
        if table.other:
            summary = f"{table.other} and {table.reference}: {summary}"
        lines = [*_table_lines(table, folded), *rest]
        yield _Part(4, tuple(_folded(brief(summary), lines)))


def _table_lines(table: rows.PairTable, shown: Sequence[Row]) -> list[str]:
    columns = [*rows.columns(table)]
    headings = [escape(brief(column.heading)) for column in columns]
    lines = [
        f"| {' | '.join(headings)} | verdict |",
        f"| --- |{' ---: |' * (len(columns) - 1)} --- |",
    ]
    metric, *figures = columns
    for row in shown:
        texts = [escape(brief(metric.show(row))), *(column.show(row) for column in figures)]
        lines.append(f"| {' | '.join(texts)} | {VERDICT_MARKS[row.verdict]} |")
    return lines


def _without_result(comparison: Comparison) -> Iterator[str]:
    for failure in comparison.failures[:MAX_CELLS]:
        texts = (failure.cell, failure.outcome.value, brief(failure.reason))
        yield f"- ❌ {': '.join(escape(text) for text in texts if text)}"
    rest = len(comparison.failures) - MAX_CELLS
    if rest > 0:
        yield f"- ❌ {and_more(rest, 'cell')} without a result"
    for cell in comparison.missing[:MAX_CELLS]:
        yield f"- ⏳ {escape(cell)}: not run"
    rest = len(comparison.missing) - MAX_CELLS
    if rest > 0:
        yield f"- ⏳ {and_more(rest, 'cell')} not run"


def _log(failure: CellNote) -> Iterator[str]:
    lines = [printable(line).replace("\n", " ") for line in failure.log_tail]
    # A fence longer than any in the text, so that nothing in the text ends the block.
    longest = max(len(ticks) for line in lines for ticks in ["", *re.findall("`+", line)])
    fence = "`" * max(3, longest + 1)
    summary = f"The end of the output of {failure.cell}"
    yield from _folded(summary, [f"{fence}text", *lines, fence])
