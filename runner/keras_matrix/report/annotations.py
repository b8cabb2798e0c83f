"""Annotations of the script's source: cells that failed, and calls whose metrics differ.

Annotations are plain values; they are rendered as GitHub's workflow commands, which GitHub's runner
reads from a step's output (escaped as actions/toolkit does in packages/core/src/command.ts).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath

from keras_matrix.compare import notes
from keras_matrix.compare.comparison import Comparison, Row, Verdict
from keras_matrix.records.record import Outcome, Record
from keras_matrix.records.recorded import RecordedRun
from keras_matrix.report.words import (
    describe_difference,
    describe_inconclusive,
    in_words,
    not_run,
)
from keras_matrix.text import and_more, brief, listed, one_line, plural, printable

MAX_ANNOTATIONS = 10
"""Annotations of each level that GitHub shows for a step."""
MAX_ITEMS = 5
"""Metrics or cells that an annotation describes."""
MAX_LOG_LINES = 8
MAX_LINE_DIGITS = 9
"""Digits of a line's number."""
MAX_MESSAGE = 4000
"""Characters of a message; GitHub cuts it off at 4096."""


class Level(Enum):
    """The level of an annotation: the name of its workflow command."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True)
class RepositoryLine:
    """A line of a file in the script's repository; either is None where it is not known."""

    file: str | None = None
    line: int | None = None


@dataclass(frozen=True)
class Annotation:
    """A message about a line; its texts may hold text from outside."""

    level: Level
    source: RepositoryLine
    title: str
    message: str


def annotations(comparison: Comparison, runs: Sequence[RecordedRun]) -> tuple[Annotation, ...]:
    """Return the annotations of a comparison, most important first; one notice if all agrees.

    ``runs`` are those that were compared. Cells of an image that ended in the same way at the same
    line share an annotation; so do the metrics of a call.
    """
    calls = _CallSites(runs)
    return (
        *_failures(runs),
        *_not_run(comparison),
        *_rows(comparison, calls, (Verdict.DIFFER, Verdict.MISSING), Level.ERROR),
        *_rows(comparison, calls, (Verdict.INCONCLUSIVE,), Level.WARNING),
    ) or (
        Annotation(
            Level.NOTICE, RepositoryLine(), one_line(comparison.title), in_words(comparison)
        ),
    )


def render(annotations: Sequence[Annotation], max_annotations: int = MAX_ANNOTATIONS) -> str:
    """Render annotations as workflow commands, a line each.

    There are at most ``max_annotations`` of a level; if there would be more, the last one says how
    many are left out.
    """
    lines = []
    for level in Level:
        shown = [annotation for annotation in annotations if annotation.level is level]
        rest = 0
        if len(shown) > max_annotations:
            rest = len(shown) - max_annotations + 1
            shown = shown[:-rest]
        lines += [_command(annotation) for annotation in shown]
        if rest:
            text = f"The other reports of this run have {plural(rest, 'more annotation')}."
            lines.append(_command(Annotation(level, RepositoryLine(), and_more(rest), text)))
    return "".join(f"{line}\n" for line in lines)


def _command(annotation: Annotation) -> str:
    source = annotation.source
    properties = {}
    if source.file is not None:
        properties["file"] = one_line(source.file)
        if source.line is not None:
            properties["line"] = str(source.line)
    properties["title"] = brief(annotation.title)
    fields = ",".join(f"{name}={_escape_property(text)}" for name, text in properties.items())
    message = _escape(printable(annotation.message)[:MAX_MESSAGE])
    return f"::{annotation.level.value} {fields}::{message}"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")


def _failures(runs: Sequence[RecordedRun]) -> Iterator[Annotation]:
    for run in runs:
        groups: dict[tuple[str, Outcome, RepositoryLine], list[Record]] = {}
        for record in run.failed:
            key = (record.cell.image, record.outcome, _source_of_failure(record, run))
            groups.setdefault(key, []).append(record)
        for (image, outcome, source), records in groups.items():
            cells = listed([f"cell {record.cell.id}" for record in records], 1)
            (note,) = notes.failures(records[:1])
            lines = (
                brief(records[0].reason),
                f"{cells} of the run {run.name}",
                *note.log_tail[-MAX_LOG_LINES:],
            )
            yield Annotation(Level.ERROR, source, f"{image}: {outcome.value}", "\n".join(lines))


def _source_of_failure(record: Record, run: RecordedRun) -> RepositoryLine:
    end = record.observation.end
    if end is not None and end.error is not None and end.error.file is not None:
        return _source(end.error.file, end.error.line, run)
    # A cell that was stopped points at the call that was running.
    unfinished = [call for call in record.observation.calls if not call.finished]
    if unfinished:
        return _source_of_call(unfinished[-1].site, run)
    return RepositoryLine(run.manifest.place or None)


def _source(file: str, line: int | None, run: RecordedRun) -> RepositoryLine:
    """Locate in the repository a file beside the script, as a cell names it."""
    script = run.manifest.place
    path = PurePosixPath(file)
    if not script or path.is_absolute() or ".." in path.parts:
        return RepositoryLine()
    if file == f"{run.manifest.script}.py" and run.manifest.script.endswith(".ipynb"):
        # The lines of the script that a notebook was converted to are not the notebook's.
        return RepositoryLine(script)
    valid_line = line if line is not None and line > 0 else None
    return RepositoryLine((PurePosixPath(script).parent / path).as_posix(), valid_line)


def _source_of_call(site: str, run: RecordedRun) -> RepositoryLine:
    file, _, line = site.rpartition(":")
    if not file or not (line.isdecimal() and len(line) <= MAX_LINE_DIGITS):
        return RepositoryLine(run.manifest.place or None)
    return _source(file, int(line), run)


def _not_run(comparison: Comparison) -> Iterator[Annotation]:
    if comparison.missing:
        cells = listed(comparison.missing, MAX_ITEMS)
        yield Annotation(Level.ERROR, RepositoryLine(), not_run(comparison), cells)


def _rows(
    comparison: Comparison, calls: "_CallSites", verdicts: Sequence[Verdict], level: Level
) -> Iterator[Annotation]:
    groups: dict[tuple[str, str, RepositoryLine], list[Row]] = {}
    for row in comparison.rows:
        if row.verdict in verdicts:
            key = (row.reference_name, row.other_name, calls.source(row))
            groups.setdefault(key, []).append(row)
    for (reference, other, source), rows in groups.items():
        title = f"{other} differs from {reference}"
        if level is Level.WARNING:
            title = f"{other} against {reference}: too few seeds to tell"
        lines = [
            describe_difference(row)
            if level is Level.ERROR
            else describe_inconclusive(row, comparison.seed_seconds)
            for row in rows[:MAX_ITEMS]
        ]
        if len(rows) > MAX_ITEMS:
            lines.append(and_more(len(rows) - MAX_ITEMS, "metric"))
        yield Annotation(level, source, title, "\n".join(lines))


class _CallSites:
    """The source lines of the calls that metrics are from; of several runs the latest counts."""

    def __init__(self, runs: Sequence[RecordedRun]) -> None:
        self._by_image: dict[str, dict[str, RepositoryLine]] = {}
        self._on_any_image: dict[str, RepositoryLine] = {}
        for run in reversed(runs):
            for record in run.records:
                sites = self._by_image.setdefault(record.cell.image, {})
                for call in record.observation.calls:
                    if call.name not in sites:
                        sites[call.name] = _source_of_call(call.site, run)
                        self._on_any_image.setdefault(call.name, sites[call.name])

    def source(self, row: Row) -> RepositoryLine:
        """Return the line of the call that a row's metric is from, as far as it is known."""
        name = row.metric
        sites = self._by_image.get(row.other_name, {})
        # A metric is named CALL.METRIC, and both parts may hold dots.
        while "." in name:
            name = name.rpartition(".")[0]
            if name in sites or name in self._on_any_image:
                return sites.get(name) or self._on_any_image[name]
        return RepositoryLine()
