"""The outcomes of a test suite on several images: as a table, as Markdown and as JSON."""

from collections import Counter
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from keras_matrix.compare.suites import (
    RESULTS,
    CaseResult,
    CaseRow,
    CaseSide,
    NoOutcome,
    SuiteComparison,
    Tally,
)
from keras_matrix.plan.contract import CaseOutcome
from keras_matrix.report import json, markdown
from keras_matrix.text import and_more, brief, one_line, plural, printable

SCHEMA = 1
MAX_TESTS = 200
"""Tests that a table shows."""
MAX_MESSAGE = 160
"""Characters of a message in a table; the JSON has more of it."""
RESULT_STYLES = {
    CaseOutcome.PASSED: "green",
    CaseOutcome.FAILED: "bold red",
    CaseOutcome.ERROR: "bold red",
    NoOutcome.CUT_OFF: "bold red",
    CaseOutcome.XPASSED: "yellow",
}
RESULT_MARKS = {
    CaseOutcome.PASSED: "✅ ",
    CaseOutcome.FAILED: "❌ ",
    CaseOutcome.ERROR: "❌ ",
    NoOutcome.CUT_OFF: "❌ ",
}


def in_words(comparison: SuiteComparison) -> str:
    """Summarize a comparison of suites in one line."""
    parts = []
    if comparison.failures:
        cells = [f"{cell.cell} ({cell.outcome.value})" for cell in comparison.failures]
        parts.append(f"{' and '.join(cells)} did not end well")
    if comparison.missing:
        parts.append(f"not run yet: {', '.join(comparison.missing)}")
    reference, *others = comparison.images
    parts += [_pair(comparison, reference, other) for other in others]
    return printable(f"{'; '.join(parts) or f'{reference}: nothing to compare with yet'}.")


def _pair(comparison: SuiteComparison, reference: str, other: str) -> str:
    pairs = [(row.on(reference).result, row.on(other).result) for row in comparison.rows]
    both_ran = [
        pair for pair in pairs if NoOutcome.NOT_RUN not in pair and set(pair) != {NoOutcome.CUT_OFF}
    ]
    differing = [pair for pair in both_ran if pair[0] is not pair[1]]
    tests = plural(len(both_ran), "test")
    if not both_ran:
        return f"no test has an outcome on both {reference} and {other}"
    if not differing:
        return f"{other} and {reference} have the same outcome in {tests}"
    on_other = Counter(result for passed, result in differing if passed is CaseOutcome.PASSED)
    on_reference = Counter(result for result, passed in differing if passed is CaseOutcome.PASSED)
    rest = len(differing) - on_other.total() - on_reference.total()
    parts = [
        _passing(reference, other, on_other),
        _passing(other, reference, on_reference),
        f"{_pass(rest)} on neither" if rest else "",
    ]
    return (
        f"{other} differs from {reference} in {len(differing)} of {tests}: "
        f"{', '.join(filter(None, parts))}"
    )


def _passing(image: str, other: str, on_other: Counter[CaseResult]) -> str:
    """Describe how many tests pass on one image only, and with which results on the other."""
    if not on_other:
        return ""
    results = [f"{on_other[result]} {result.value}" for result in RESULTS if on_other[result]]
    listed = results[0].partition(" ")[2] if len(results) == 1 else ", ".join(results)
    return f"{_pass(on_other.total())} on {image} only (on {other}: {listed})"


def _pass(count: int) -> str:
    return f"{count} pass{'es' if count == 1 else ''}"


def why(row: CaseRow) -> str:
    """Return the messages of the images that did not pass a test, in one line; empty if none."""
    messages: dict[str, list[str]] = {}
    for side in row.sides:
        if side.message and side.result is not CaseOutcome.PASSED:
            messages.setdefault(one_line(side.message), []).append(side.image)
    return "; ".join(f"{', '.join(images)}: {_short(text)}" for text, images in messages.items())


def _short(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE else f"{text[: MAX_MESSAGE - 1].rstrip()}…"


def results(comparison: SuiteComparison) -> tuple[CaseResult, ...]:
    """Return the results that occur on any image, in the order of ``RESULTS``."""
    return tuple(
        result
        for result in RESULTS
        if any(tally.counts.get(result) for tally in comparison.tallies)
    )


def _shown(comparison: SuiteComparison) -> tuple[tuple[CaseRow, ...], str]:
    """Return the rows to show, and how many are left out, in words."""
    rows = comparison.differing
    left_out = and_more(len(rows) - MAX_TESTS, "test")
    rest = f"{left_out}; --json has them all." if left_out else ""
    return rows[:MAX_TESTS], rest


def _by_file(rows: Sequence[CaseRow]) -> Iterator[tuple[str, list[CaseRow]]]:
    for file in dict.fromkeys(row.file for row in rows):
        yield file, [row for row in rows if row.file == file]


def _seconds(tally: Tally) -> str:
    return "-" if tally.seconds is None else f"{tally.seconds:.1f}"


def show(comparison: SuiteComparison, out: Console) -> None:
    """Print the tests that differ, the counts, the cells that failed, and the sentence in words."""
    rows, rest = _shown(comparison)
    if rows:
        out.print(_differing(comparison, rows, out), overflow="fold")
        out.print(Text(rest) if rest else "")
    out.print(_tallies(comparison, out))
    for failure in comparison.failures:
        text = f"{failure.cell}: {failure.outcome.value}: {brief(failure.reason)}"
        out.print(Text(f"\n{text}"))
        for line in failure.log_tail:
            out.print(Text(f"  | {printable(line)}", style="dim"))
    for note in comparison.notes:
        out.print(Text(f"note: {printable(note)}"))
    out.print(Text(in_words(comparison), style="bold"))


def _differing(comparison: SuiteComparison, rows: Sequence[CaseRow], out: Console) -> Table:
    table = _table(out)
    table.add_column("test", overflow="fold")
    for image in comparison.images:
        table.add_column(escape(image), no_wrap=True)
    table.add_column("why", overflow="fold")
    for file, group in _by_file(rows):
        table.add_row(Text(one_line(file), style="bold"))
        for row in group:
            cells = [_cell(side) for side in row.sides]
            table.add_row(Text(f"  {one_line(row.name)}"), *cells, Text(why(row), style="dim"))
    return table


def _cell(side: CaseSide) -> Text:
    return Text(side.result.value, style=RESULT_STYLES.get(side.result, ""))


def _tallies(comparison: SuiteComparison, out: Console) -> Table:
    table = _table(out)
    table.add_column("outcome")
    for image in comparison.images:
        table.add_column(escape(image), justify="right")
    for name, *counts in _counts(comparison):
        table.add_row(name, *counts)
    return table


def _counts(comparison: SuiteComparison) -> Iterator[tuple[str, ...]]:
    """Yield how many tests have each result on each image, and how long all of them took."""
    for result in results(comparison):
        yield result.value, *(str(tally.counts.get(result, 0)) for tally in comparison.tallies)
    yield "seconds", *map(_seconds, comparison.tallies)


def _table(out: Console) -> Table:
    plain = not out.is_terminal
    return Table(box=None if plain else box.SIMPLE_HEAD, pad_edge=False, show_edge=False)


def render_markdown(comparison: SuiteComparison) -> str:
    """Render the comparison as Markdown, for a pull request or a job summary."""
    escaped = markdown.escape
    lines = [
        f"### {escaped(one_line(comparison.title))}",
        "",
        f"**{escaped(in_words(comparison))}**",
        "",
    ]
    rows, rest = _shown(comparison)
    for file, group in _by_file(rows):
        images = " | ".join(map(escaped, comparison.images))
        lines += [f"| {escaped(one_line(file))} | {images} | why |"]
        lines += ["| --- |" + " --- |" * (len(comparison.images) + 1)]
        for row in group:
            sides = [RESULT_MARKS.get(side.result, "") + side.result.value for side in row.sides]
            lines.append(
                f"| {escaped(one_line(row.name))} | {' | '.join(sides)} | {escaped(why(row))} |"
            )
        lines.append("")
    if rest:
        lines += [escaped(rest), ""]
    lines.append(f"| outcome | {' | '.join(map(escaped, comparison.images))} |")
    lines.append("| --- |" + " ---: |" * len(comparison.images))
    lines += [f"| {' | '.join(row)} |" for row in _counts(comparison)]
    lines.append("")
    for failure in comparison.failures:
        ending = f"{failure.outcome.value}: {brief(failure.reason)}"
        lines.append(f"- ❌ {escaped(failure.cell)}: {escaped(ending)}")
    lines += [f"- ⏳ {escaped(cell)}: not run" for cell in comparison.missing]
    lines += [f"- {escaped(one_line(note))}" for note in comparison.notes]
    return "\n".join(lines).rstrip() + "\n"


def render_json(comparison: SuiteComparison) -> str:
    """Render the comparison as JSON, with every test."""
    described = {
        "schema": SCHEMA,
        "title": comparison.title,
        "words": in_words(comparison),
        "differs": bool(comparison.differing),
        "images": [
            {
                "image": tally.image,
                "counts": {
                    result.value: tally.counts[result]
                    for result in RESULTS
                    if result in tally.counts
                },
                "collected": tally.collected,
                "deselected": tally.deselected,
                "seconds": json.number(tally.seconds),
                "running": tally.running or None,
                "pytest": tally.pytest or None,
            }
            for tally in comparison.tallies
        ],
        "tests": [
            {
                "test": row.test,
                "differs": row.differs,
                "outcomes": {side.image: _side(side) for side in row.sides},
            }
            for row in comparison.rows
        ],
        "failures": comparison.failures,
        "missing": comparison.missing,
        "notes": comparison.notes,
    }
    return json.encode(described)


def _side(side: CaseSide) -> dict[str, object]:
    return {
        "outcome": side.result.value,
        "phase": side.phase,
        "seconds": json.number(side.seconds),
        "message": side.message,
        "place": side.place,
    }
