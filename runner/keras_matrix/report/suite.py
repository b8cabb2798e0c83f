"""A suite's outcomes on several images: as a table for people, as Markdown, as JSON."""

from collections import Counter
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from keras_matrix.compare.suites import CaseRow, CaseSide, Result, SuiteComparison, Tally
from keras_matrix.report import json, markdown
from keras_matrix.text import brief, one_line, printable

SCHEMA = 1
MOST_ROWS = 200
LONGEST_WHY = 160
"""Characters of a message in a table, its beginning; the JSON has more of it."""
STYLES = {
    Result.PASSED: "green",
    Result.FAILED: "bold red",
    Result.ERROR: "bold red",
    Result.CUT_OFF: "bold red",
    Result.XPASSED: "yellow",
}
MARKS = {
    Result.PASSED: "✅ ",
    Result.FAILED: "❌ ",
    Result.ERROR: "❌ ",
    Result.CUT_OFF: "❌ ",
}


def in_words(found: SuiteComparison) -> str:
    """Return what a comparison of suites comes to, in one line."""
    parts = []
    if found.failures:
        cells = [f"{cell.cell} ({cell.outcome.value})" for cell in found.failures]
        parts.append(f"{' and '.join(cells)} did not end well")
    if found.missing:
        parts.append(f"not run yet: {', '.join(found.missing)}")
    reference, *others = found.images
    parts += [_pair(found, reference, other) for other in others]
    return printable(f"{'; '.join(parts) or f'{reference}: nothing to compare with yet'}.")


def _pair(found: SuiteComparison, reference: str, other: str) -> str:
    pairs = [(row.on(reference).result, row.on(other).result) for row in found.rows]
    known = [pair for pair in pairs if Result.NOT_RUN not in pair and set(pair) != {Result.CUT_OFF}]
    apart = [pair for pair in known if pair[0] is not pair[1]]
    if not known:
        return f"no test has an outcome on both {reference} and {other}"
    if not apart:
        return f"{other} and {reference} have the same outcome in {_tests(len(known))}"
    there = Counter(two for one, two in apart if one is Result.PASSED)
    here = Counter(one for one, two in apart if two is Result.PASSED)
    told = [_passing(reference, other, there), _passing(other, reference, here)]
    rest = len(apart) - there.total() - here.total()
    told.append(f"{rest} pass{'es' * (rest == 1)} on neither" if rest else "")
    parts = ", ".join(filter(None, told))
    return f"{other} differs from {reference} in {len(apart)} of {_tests(len(known))}: {parts}"


def _passing(image: str, other: str, there: Counter[Result]) -> str:
    """Say how many tests pass on one image only, and what they come to on the other."""
    if not there:
        return ""
    count = there.total()
    kinds = [f"{there[result]} {result.value}" for result in Result if there[result]]
    named = kinds[0].partition(" ")[2] if len(kinds) == 1 else ", ".join(kinds)
    return f"{count} pass{'es' * (count == 1)} on {image} only (on {other}: {named})"


def _tests(count: int) -> str:
    return f"{count} test{'s' * (count != 1)}"


def why(row: CaseRow) -> str:
    """Return what the images that did not pass a test say, in one line; nothing if none does."""
    said: dict[str, list[str]] = {}
    for side in row.sides:
        if side.message and side.result is not Result.PASSED:
            said.setdefault(one_line(side.message), []).append(side.image)
    return "; ".join(f"{', '.join(images)}: {_short(text)}" for text, images in said.items())


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_WHY else f"{text[: LONGEST_WHY - 1].rstrip()}…"


def results(found: SuiteComparison) -> tuple[Result, ...]:
    """Return the results that any test came to, in the order of :class:`Result`."""
    return tuple(one for one in Result if any(tally.counts.get(one) for tally in found.tallies))


def _shown(found: SuiteComparison) -> tuple[tuple[CaseRow, ...], str]:
    """Return the rows to show to people, and what is said of those left out."""
    rows = found.differing
    more = len(rows) - MOST_ROWS
    rest = f"and {more} more test{'s' * (more != 1)}; --json has them all." if more > 0 else ""
    return rows[:MOST_ROWS], rest


def _by_file(rows: Sequence[CaseRow]) -> Iterator[tuple[str, list[CaseRow]]]:
    for file in dict.fromkeys(row.file for row in rows):
        yield file, [row for row in rows if row.file == file]


def _seconds(tally: Tally) -> str:
    return "-" if tally.seconds is None else f"{tally.seconds:.1f}"


def show(found: SuiteComparison, out: Console) -> None:
    """Print the tests that differ, the counts, what failed, and the line in words."""
    rows, rest = _shown(found)
    if rows:
        out.print(_differing(found, rows, out), overflow="fold")
        out.print(Text(rest) if rest else "")
    out.print(_tallies(found, out))
    for failure in found.failures:
        text = f"{failure.cell}: {failure.outcome.value}: {brief(failure.reason)}"
        out.print(Text(f"\n{text}"))
        for line in failure.log_tail:
            out.print(Text(f"  | {printable(line)}", style="dim"))
    for note in found.notes:
        out.print(Text(f"note: {printable(note)}"))
    out.print(Text(in_words(found), style="bold"))


def _differing(found: SuiteComparison, rows: Sequence[CaseRow], out: Console) -> Table:
    table = _table(out)
    table.add_column("test", overflow="fold")
    for image in found.images:
        table.add_column(escape(image), no_wrap=True)
    table.add_column("why", overflow="fold")
    for file, group in _by_file(rows):
        table.add_row(Text(one_line(file), style="bold"))
        for row in group:
            cells = [_cell(side) for side in row.sides]
            table.add_row(Text(f"  {one_line(row.name)}"), *cells, Text(why(row), style="dim"))
    return table


def _cell(side: CaseSide) -> Text:
    return Text(side.result.value, style=STYLES.get(side.result, ""))


def _tallies(found: SuiteComparison, out: Console) -> Table:
    table = _table(out)
    table.add_column("outcome")
    for image in found.images:
        table.add_column(escape(image), justify="right")
    for name, *counts in _counts(found):
        table.add_row(name, *counts)
    return table


def _counts(found: SuiteComparison) -> Iterator[tuple[str, ...]]:
    """Yield how many tests came to what on each image, and how long all of them took."""
    for one in results(found):
        yield one.value, *(str(tally.counts.get(one, 0)) for tally in found.tallies)
    yield "seconds", *map(_seconds, found.tallies)


def _table(out: Console) -> Table:
    plain = not out.is_terminal
    return Table(box=None if plain else box.SIMPLE_HEAD, pad_edge=False, show_edge=False)


def render_markdown(found: SuiteComparison) -> str:
    """Return the comparison as Markdown, for a pull request or a job summary."""
    text = markdown.escape
    lines = [f"### {text(one_line(found.title))}", "", f"**{text(in_words(found))}**", ""]
    rows, rest = _shown(found)
    for file, group in _by_file(rows):
        images = " | ".join(map(text, found.images))
        lines += [f"| {text(one_line(file))} | {images} | why |"]
        lines += ["| --- |" + " --- |" * (len(found.images) + 1)]
        for row in group:
            sides = [MARKS.get(side.result, "") + side.result.value for side in row.sides]
            lines.append(f"| {text(one_line(row.name))} | {' | '.join(sides)} | {text(why(row))} |")
        lines.append("")
    if rest:
        lines += [text(rest), ""]
    lines.append(f"| outcome | {' | '.join(map(text, found.images))} |")
    lines.append("| --- |" + " ---: |" * len(found.images))
    lines += [f"| {' | '.join(row)} |" for row in _counts(found)]
    lines.append("")
    for failure in found.failures:
        told = f"{failure.outcome.value}: {brief(failure.reason)}"
        lines.append(f"- ❌ {text(failure.cell)}: {text(told)}")
    lines += [f"- ⏳ {text(cell)}: not run" for cell in found.missing]
    lines += [f"- {text(one_line(note))}" for note in found.notes]
    return "\n".join(lines).rstrip() + "\n"


def render_json(found: SuiteComparison) -> str:
    """Return the comparison as JSON, with every test."""
    described = {
        "schema": SCHEMA,
        "title": found.title,
        "words": in_words(found),
        "differs": bool(found.differing),
        "images": [
            {
                "image": tally.image,
                "counts": {one.value: tally.counts[one] for one in Result if one in tally.counts},
                "collected": tally.collected,
                "deselected": tally.deselected,
                "seconds": json.number(tally.seconds),
                "running": tally.running or None,
                "pytest": tally.pytest or None,
            }
            for tally in found.tallies
        ],
        "tests": [
            {
                "test": row.test,
                "differs": row.differs,
                "outcomes": {side.image: _side(side) for side in row.sides},
            }
            for row in found.rows
        ],
        "failures": found.failures,
        "missing": found.missing,
        "notes": found.notes,
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
