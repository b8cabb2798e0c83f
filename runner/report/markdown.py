"""A comparison as Markdown, for a pull request or a job summary."""

from runner.comparison import Comparison, Verdict
from runner.report import figures, rows
from runner.report.words import in_words, method
from runner.text import brief, printable

MARKS = {
    Verdict.AGREE: "✅ agree",
    Verdict.DIFFER: "❌ differ",
    Verdict.MISSING: "❌ missing",
    Verdict.INCONCLUSIVE: "❔ inconclusive",
    Verdict.REPORTED: "reported",
}
_SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\`*_{}[]()<>#+-!|~&"} | {"\n": " "})


def escape(text: str) -> str:
    """Return text from outside as Markdown that shows it literally."""
    return printable(text).translate(_SPECIAL)


def render(comparison: Comparison) -> str:
    """Return the comparison as Markdown."""
    lines = [f"### {escape(comparison.title)}", "", f"**{escape(in_words(comparison))}**", ""]
    inferred = any(row.inference is not None for row in comparison.rows)
    for table in rows.tables(comparison):
        other = table.other
        interval = " interval |" if inferred else ""
        against = f" {escape(other)} | difference | relative |{interval} allowed |"
        against = against if other else ""
        lines.append(f"| metric | {escape(table.reference)} |{against} verdict |")
        numbers = (5 if inferred else 4) if other else 0
        lines.append("| --- | ---: |" + " ---: |" * numbers + " --- |")
        for row in table.rows:
            cells = [escape(figures.label(row)), figures.summary(row.reference)]
            if other:
                cells += [
                    figures.summary(row.other),
                    figures.number(row.absolute),
                    figures.relative(row),
                    *([figures.interval(row)] if inferred else []),
                    figures.tolerance(row),
                ]
            lines.append(f"| {' | '.join([*cells, MARKS[row.verdict]])} |")
        lines.append("")
        if table.rest:
            lines += [escape(table.rest), ""]
    for failure in comparison.failures:
        lines.append(
            f"- ❌ {escape(failure.cell)}: {escape(failure.outcome.value)}: "
            f"{escape(brief(failure.reason))}"
        )
    lines += [f"- ⏳ {escape(cell)}: not run" for cell in comparison.missing]
    lines += [f"- {escape(line)}" for line in (*method(comparison), *comparison.notes)]
    return "\n".join(lines).rstrip() + "\n"
