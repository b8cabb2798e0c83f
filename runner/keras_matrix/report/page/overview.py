"""The verdict of a page in one sentence, and the matrix of its runs. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keras_matrix.compare.matrix import MatrixEntry, MatrixRow, Status, columns, matrix_row, overall
from keras_matrix.report.page import suites
from keras_matrix.report.page.blocks import Badge, Grid, Line, Tile, of_status
from keras_matrix.report.page.sources import RunSource, Source, SuiteSource, TraceSource
from keras_matrix.report.trace import verdict
from keras_matrix.report.words import in_words

MEANINGS = {
    Status.REFERENCE: "what the others are held against",
    Status.AGREE: "every judged metric is within its tolerance",
    Status.DIFFER: "a judged metric is out of tolerance, or on one side only",
    Status.INCONCLUSIVE: "too few seeds to tell",
    Status.FAILED: "a cell gave no result",
    Status.NOT_RUN: "a planned cell has not run",
    Status.NOT_JUDGED: "nothing to hold against each other",
}
MOST_NAMED = 4
KINDS: Mapping[type[Source], str] = {
    RunSource: "run",
    TraceSource: "trace",
    SuiteSource: "tests",
}


@dataclass(frozen=True)
class Result:
    """What one run came to; ``id`` begins the ids of all its parts."""

    id: str
    source: Source
    row: MatrixRow
    sentence: str

    @property
    def status(self) -> Status:
        """The status of the whole run."""
        return overall(self.row.entries)

    @property
    def run(self) -> str:
        """What was made, a run or a trace, and its name."""
        return f"{KINDS[type(self.source)]} {self.row.run}"

    def target(self, entry: MatrixEntry) -> str:
        """Return the id of what is told of an entry."""
        return f"{self.id}-image-{self.row.entries.index(entry) + 1}"


def results(sources: Sequence[Source]) -> tuple[Result, ...]:
    """Return what each run came to."""
    return tuple(_result(f"run-{number}", source) for number, source in enumerate(sources, 1))


def _result(name: str, source: Source) -> Result:
    if isinstance(source, RunSource):
        row = matrix_row(source.comparison, source.manifest)
        return Result(name, source, row, in_words(source.comparison))
    if isinstance(source, SuiteSource):
        return Result(name, source, suites.matrix_row(source), suites.in_words(source.comparison))
    row = _traced(source)
    others = [image for image in source.trace.images if image.image != source.trace.reference]
    sentence = " ".join(verdict(source.trace, image) for image in others)
    return Result(name, source, row, sentence or f"{source.trace.reference}: nothing to compare.")


def _traced(source: TraceSource) -> MatrixRow:
    trace = source.trace
    found = {image.image: image for image in trace.images}
    entries = []
    for name in source.manifest.plan.images:
        told = found.get(name)
        reference = ""
        if name == trace.reference:
            broken = trace.failed.get(name)
            status = Status.FAILED if broken else Status.REFERENCE
            sentence = broken or f"{trace.layers} layers were looked into"
        elif told is None:
            status, sentence = Status.NOT_RUN, "it was not looked into"
        else:
            reference = trace.reference
            status = Status.DIFFER if told.real else Status.AGREE
            if name in trace.failed and not told.real:
                status = Status.FAILED
            sentence = verdict(trace, told)
        entries.append(MatrixEntry(name, "", status, sentence.rstrip("."), reference))
    return MatrixRow(trace.model, trace.run, tuple(entries))


def grid(found: Sequence[Result]) -> Grid:
    """Return the matrix: a line a run, a column an image."""
    names = columns([one.row for one in found])
    used = {entry.status for one in found for entry in one.row.entries}
    return Grid(
        columns=names,
        lines=tuple(_line(one, names) for one in found),
        legend=tuple(
            (of_status(status), meaning) for status, meaning in MEANINGS.items() if status in used
        ),
    )


def _line(result: Result, names: Sequence[str]) -> Line:
    tiles = []
    for name in names:
        entry = result.row.entry(name)
        tiles.append(
            None
            if entry is None
            else Tile(of_status(entry.status), entry.sentence, result.target(entry))
        )
    return Line(result.row.model, result.run, result.id, tuple(tiles))


def headline(found: Sequence[Result]) -> str:
    """Say in one sentence what all runs came to."""
    if len(found) == 1:
        return found[0].sentence
    counts = Counter(one.status for one in found)
    parts = []
    for status in Status:
        those = [one.row.model for one in found if one.status is status]
        if those:
            named = ", ".join(dict.fromkeys(those[:MOST_NAMED]))
            more = f" and {len(those) - MOST_NAMED} more" if len(those) > MOST_NAMED else ""
            parts.append(f"{counts[status]} {_words(status, len(those))} ({named}{more})")
    return f"Of {len(found)} runs, {', '.join(parts)}."


def _words(status: Status, count: int) -> str:
    one, several = {
        Status.FAILED: ("has cells that failed", "have cells that failed"),
        Status.NOT_RUN: ("is not complete", "are not complete"),
        Status.DIFFER: ("differs", "differ"),
        Status.INCONCLUSIVE: ("is inconclusive", "are inconclusive"),
        Status.AGREE: ("agrees", "agree"),
        Status.REFERENCE: ("has a reference only", "have a reference only"),
        Status.NOT_JUDGED: ("is not judged", "are not judged"),
    }[status]
    return one if count == 1 else several


def badge(found: Sequence[Result]) -> Badge:
    """Return the verdict on all runs together."""
    return of_status(overall([entry for one in found for entry in one.row.entries]))


def title(found: Sequence[Result]) -> str:
    """Return what a page is about."""
    images = list(dict.fromkeys(entry.image for one in found for entry in one.row.entries))
    where = _listed(images[:MOST_NAMED]) if len(images) <= MOST_NAMED else f"{len(images)} images"
    models = list(dict.fromkeys(one.row.model for one in found))
    what = models[0] if len(models) == 1 else f"{len(models)} models"
    return f"{what} on {where}"


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
