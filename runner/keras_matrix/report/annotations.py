"""What to point at in the script's source: cells that failed, and calls whose metrics differ.

Annotations are plain values; they are rendered as GitHub's workflow commands, which its runner
reads off a step's output (actions/toolkit, packages/core/src/command.ts, has how they are escaped).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath

from keras_matrix.compare import notes
from keras_matrix.compare.comparison import Comparison, Row, Verdict
from keras_matrix.records.record import Outcome, Record
from keras_matrix.records.recorded import RecordedRun
from keras_matrix.report.words import difference, in_words, unsettled
from keras_matrix.text import brief, one_line, printable

MOST = 10
"""GitHub shows so many annotations of each level for a step."""
MOST_NAMED = 5
MOST_LINES = 8
LONGEST_LINE = 9
"""Digits of the number of a line."""
LONGEST = 4000
"""Characters of a message; GitHub cuts it at 4096."""


class Level(Enum):
    """How much an annotation matters: the name of its workflow command."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True)
class Place:
    """A line of a file of the script's repository; either is None where it is not known."""

    file: str | None = None
    line: int | None = None


@dataclass(frozen=True)
class Annotation:
    """A remark at a place; its texts may hold what comes from outside."""

    level: Level
    place: Place
    title: str
    message: str


def annotations(comparison: Comparison, runs: Sequence[RecordedRun]) -> tuple[Annotation, ...]:
    """Return what there is to point at, most important first; one notice where all agrees.

    ``runs`` are those that were compared. Cells of an image that ended in the same way at the same
    line are one annotation; so are metrics of one call.
    """
    calls = _Calls(runs)
    apart = (Verdict.DIFFER, Verdict.MISSING)
    found = [
        *_failures(runs),
        *_not_run(comparison),
        *_rows(comparison, calls, apart, Level.ERROR),
        *_rows(comparison, calls, (Verdict.INCONCLUSIVE,), Level.WARNING),
    ]
    return tuple(found) or (
        Annotation(Level.NOTICE, Place(), one_line(comparison.title), in_words(comparison)),
    )


def render(found: Sequence[Annotation], most: int = MOST) -> str:
    """Return annotations as workflow commands, a line each; of a level at most ``most``.

    Of more, the last one says how many are left out.
    """
    lines = []
    for level in Level:
        of_level = [one for one in found if one.level is level]
        shown, rest = of_level, 0
        if len(of_level) > most:
            shown, rest = of_level[: most - 1], len(of_level) - most + 1
        lines += [_command(one) for one in shown]
        if rest:
            text = f"{rest} more are in the other reports of this run."
            lines.append(_command(Annotation(level, Place(), f"and {rest} more", text)))
    return "".join(f"{line}\n" for line in lines)


def _command(one: Annotation) -> str:
    properties = {}
    if one.place.file is not None:
        properties["file"] = one_line(one.place.file)
        if one.place.line is not None:
            properties["line"] = str(one.place.line)
    properties["title"] = brief(one.title)
    given = ",".join(f"{name}={_of_property(text)}" for name, text in properties.items())
    return f"::{one.level.value} {given}::{_of_message(printable(one.message)[:LONGEST])}"


def _of_message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _of_property(text: str) -> str:
    return _of_message(text).replace(":", "%3A").replace(",", "%2C")


def _failures(runs: Sequence[RecordedRun]) -> Iterator[Annotation]:
    for run in runs:
        groups: dict[tuple[str, Outcome, Place], list[Record]] = {}
        for record in run.failed:
            key = (record.cell.image, record.outcome, _place_of_failure(record, run))
            groups.setdefault(key, []).append(record)
        for (image, outcome, place), records in groups.items():
            first, *others = records
            lines = [brief(first.reason)]
            cells = f"cell {first.cell.id}"
            if others:
                cells += f" and {len(others)} more"
            lines.append(f"{cells} of the run {run.name}")
            (told,) = notes.failures([first])
            lines += told.log_tail[-MOST_LINES:]
            yield Annotation(Level.ERROR, place, f"{image}: {outcome.value}", "\n".join(lines))


def _place_of_failure(record: Record, run: RecordedRun) -> Place:
    end = record.observation.end
    if end is not None and end.error is not None and end.error.file is not None:
        return _place(end.error.file, end.error.line, run)
    # What was under way when the cell was stopped.
    under_way = [call for call in record.observation.calls if not call.finished]
    if under_way:
        return _place_of_call(under_way[-1].site, run)
    return Place(run.manifest.place or None)


def _place(file: str, line: int | None, run: RecordedRun) -> Place:
    """Return where a file beside the script, as a cell names it, lies in the repository."""
    script = run.manifest.place
    beside = PurePosixPath(file)
    if not script or beside.is_absolute() or ".." in beside.parts:
        return Place()
    if file == f"{run.manifest.script}.py" and run.manifest.script.endswith(".ipynb"):
        # Lines of what a notebook was converted to are not the notebook's.
        return Place(script)
    known = line if line is not None and line > 0 else None
    return Place((PurePosixPath(script).parent / beside).as_posix(), known)


def _place_of_call(site: str, run: RecordedRun) -> Place:
    file, _, line = site.rpartition(":")
    if not file or not (line.isdecimal() and len(line) <= LONGEST_LINE):
        return Place(run.manifest.place or None)
    return _place(file, int(line), run)


def _not_run(comparison: Comparison) -> Iterator[Annotation]:
    if comparison.missing:
        named = ", ".join(comparison.missing[:MOST_NAMED])
        rest = len(comparison.missing) - MOST_NAMED
        more = f" and {rest} more" if rest > 0 else ""
        count = len(comparison.missing)
        cells = "1 planned cell has" if count == 1 else f"{count} planned cells have"
        title = f"{cells} not run"
        yield Annotation(Level.ERROR, Place(), title, f"{named}{more}")


def _rows(
    comparison: Comparison, calls: "_Calls", verdicts: Sequence[Verdict], level: Level
) -> Iterator[Annotation]:
    groups: dict[tuple[str, str, Place], list[Row]] = {}
    for row in comparison.rows:
        if row.verdict in verdicts:
            key = (row.reference_name, row.other_name, calls.place(row))
            groups.setdefault(key, []).append(row)
    for (reference, other, place), rows in groups.items():
        title = f"{other} differs from {reference}"
        say = difference
        if level is Level.WARNING:
            title, say = f"{other} against {reference}: too few seeds to tell", unsettled
        lines = [say(row) for row in rows[:MOST_NAMED]]
        if len(rows) > MOST_NAMED:
            lines.append(f"and {len(rows) - MOST_NAMED} more metrics")
        yield Annotation(level, place, title, "\n".join(lines))


class _Calls:
    """Where the calls are made that metrics are of; a run's script is that of its latest."""

    def __init__(self, runs: Sequence[RecordedRun]) -> None:
        self._places: dict[str, dict[str, Place]] = {}
        self._anywhere: dict[str, Place] = {}
        for run in reversed(runs):
            for record in run.records:
                of_image = self._places.setdefault(record.cell.image, {})
                for call in record.observation.calls:
                    if call.name not in of_image:
                        of_image[call.name] = _place_of_call(call.site, run)
                        self._anywhere.setdefault(call.name, of_image[call.name])

    def place(self, row: Row) -> Place:
        """Return where the call is made whose metric a row is; nowhere if that is not known."""
        name = row.metric
        of_image = self._places.get(row.other_name, {})
        # The name of a call ends at a dot: after it is the metric's, which may hold others.
        while "." in name:
            name = name.rpartition(".")[0]
            if name in of_image or name in self._anywhere:
                return of_image.get(name) or self._anywhere[name]
        return Place()
