"""The top of a page: its verdict in one sentence, and the matrix of its runs. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keras_matrix.compare.matrix import MatrixEntry, MatrixRow, Status, columns, matrix_row, overall
from keras_matrix.report.page import suites
from keras_matrix.report.page.blocks import Badge, Grid, GridRow, Tile, status_badge
from keras_matrix.report.page.sources import RunSource, Source, SuiteSource, TraceSource
from keras_matrix.report.trace import verdict
from keras_matrix.report.words import in_words
from keras_matrix.text import listed

STATUS_MEANINGS = {
    Status.REFERENCE: "the others are compared with it",
    Status.AGREE: "every judged metric is within its tolerance",
    Status.DIFFER: "a judged metric is beyond its tolerance, or only one side has it",
    Status.INCONCLUSIVE: "too few seeds to decide",
    Status.FAILED: "a cell gave no result",
    Status.NOT_RUN: "a planned cell has not run",
    Status.NOT_JUDGED: "nothing to compare with a tolerance",
}
STATUS_VERBS = {
    Status.FAILED: ("has cells that failed", "have cells that failed"),
    Status.NOT_RUN: ("is not complete", "are not complete"),
    Status.DIFFER: ("differs", "differ"),
    Status.INCONCLUSIVE: ("is inconclusive", "are inconclusive"),
    Status.AGREE: ("agrees", "agree"),
    Status.REFERENCE: ("has a reference only", "have a reference only"),
    Status.NOT_JUDGED: ("is not judged", "are not judged"),
}
"""What a sentence says of one run, and of several runs, with a status."""
MAX_NAMED = 4
"""Models, or images, that a sentence names."""
RUN_KINDS: Mapping[type[Source], str] = {
    RunSource: "run",
    TraceSource: "trace",
    SuiteSource: "tests",
}


@dataclass(frozen=True)
class RunResult:
    """The result of one run; the ids of all its parts begin with ``id``."""

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
        """The kind of the run and its name."""
        return f"{RUN_KINDS[type(self.source)]} {self.row.run}"

    def target(self, entry: MatrixEntry) -> str:
        """Return the id of an entry's details."""
        return f"{self.id}-image-{self.row.entries.index(entry) + 1}"


def run_results(sources: Sequence[Source]) -> tuple[RunResult, ...]:
    """Return the result of each run."""
    return tuple(_result(f"run-{number}", source) for number, source in enumerate(sources, 1))


def _result(run_id: str, source: Source) -> RunResult:
    if isinstance(source, RunSource):
        row = matrix_row(source.comparison, source.manifest)
        return RunResult(run_id, source, row, in_words(source.comparison))
    if isinstance(source, SuiteSource):
        sentence = suites.in_words(source.comparison)
        return RunResult(run_id, source, suites.suite_row(source), sentence)
    trace = source.trace
    verdicts = [verdict(trace, image) for image in trace.images if image.image != trace.reference]
    sentence = " ".join(verdicts) or f"{trace.reference}: nothing to compare with."
    return RunResult(run_id, source, _trace_row(source), sentence)


def _trace_row(source: TraceSource) -> MatrixRow:
    """Return a trace's row of the matrix."""
    trace = source.trace
    images = {image.image: image for image in trace.images}
    entries = []
    for name in source.manifest.plan.images:
        image = images.get(name)
        reference = ""
        if name == trace.reference:
            failure = trace.failed.get(name)
            status = Status.FAILED if failure else Status.REFERENCE
            sentence = failure or f"{trace.layers} layers were traced"
        elif image is None:
            status, sentence = Status.NOT_RUN, "this image was not traced"
        else:
            reference = trace.reference
            status = Status.DIFFER if image.real else Status.AGREE
            if name in trace.failed and not image.real:
                status = Status.FAILED
            sentence = verdict(trace, image)
        entries.append(MatrixEntry(name, "", status, sentence.rstrip("."), reference))
    return MatrixRow(trace.model, trace.run, tuple(entries))


def matrix_grid(results: Sequence[RunResult]) -> Grid:
    """Return the matrix: a row for each run, a column for each image (and keras.json)."""
    names = columns([result.row for result in results])
    statuses = {entry.status for result in results for entry in result.row.entries}
    return Grid(
        columns=names,
        rows=tuple(_grid_row(result, names) for result in results),
        legend=tuple(
            (status_badge(status), meaning)
            for status, meaning in STATUS_MEANINGS.items()
            if status in statuses
        ),
    )


def _grid_row(result: RunResult, names: Sequence[str]) -> GridRow:
    entries = [result.row.entry(name) for name in names]
    tiles = tuple(
        None
        if entry is None
        else Tile(status_badge(entry.status), entry.sentence, result.target(entry))
        for entry in entries
    )
    return GridRow(result.row.model, result.run, result.id, tiles)


def headline(results: Sequence[RunResult]) -> str:
    """Say the results of all runs in one sentence."""
    if len(results) == 1:
        return results[0].sentence
    parts = []
    for status in Status:
        models = [result.row.model for result in results if result.status is status]
        if models:
            singular, plural = STATUS_VERBS[status]
            verb = singular if len(models) == 1 else plural
            names = listed(list(dict.fromkeys(models)), MAX_NAMED)
            parts.append(f"{len(models)} {verb} ({names})")
    return f"Of {len(results)} runs, {', '.join(parts)}."


def overall_badge(results: Sequence[RunResult]) -> Badge:
    """Return the verdict on all runs together."""
    return status_badge(overall([entry for result in results for entry in result.row.entries]))


def page_title(results: Sequence[RunResult]) -> str:
    """Return the title of a page: its models and its images."""
    images = list(dict.fromkeys(entry.image for result in results for entry in result.row.entries))
    where = _joined(images) if len(images) <= MAX_NAMED else f"{len(images)} images"
    models = list(dict.fromkeys(result.row.model for result in results))
    what = models[0] if len(models) == 1 else f"{len(models)} models"
    return f"{what} on {where}"


def _joined(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
