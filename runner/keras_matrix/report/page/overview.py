"""The top of a page: its verdict in one sentence, and the matrix of its runs. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keras_matrix.compare.matrix import MatrixEntry, MatrixRow, Status, columns, matrix_row, overall
from keras_matrix.report.page import suites
from keras_matrix.report.page.blocks import Badge, Grid, GridRow, Tile, status_badge
from keras_matrix.report.page.sources import RunSource, Source, SuiteSource, TraceSource
from keras_matrix.report.trace import verdict
from keras_matrix.report.words import in_words
from keras_matrix.text import listed, plural

STATUS_MEANINGS = {
    Status.REFERENCE: "the others are compared with it",
    Status.AGREE: "every judged metric is within what is allowed",
    Status.DIFFER: "a judged metric is beyond what is allowed, or only one side has it",
    Status.INCONCLUSIVE: "too few seeds to decide",
    Status.FAILED: "a cell gave no result",
    Status.NOT_RUN: "a planned cell has not run",
    Status.NOT_JUDGED: "nothing to compare with a tolerance",
}
TRACE_MEANINGS = {
    **STATUS_MEANINGS,
    Status.AGREE: "nothing that matters differs by more than rounding explains",
    Status.DIFFER: "something differs by more than rounding explains",
    Status.FAILED: "the script fails there, and no difference explains it",
    Status.NOT_RUN: "the image was not traced",
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
class PageRun:
    """A run of a page with its row of the matrix; the ids of all its parts begin with ``id``.

    ``sentence`` is its verdict.
    """

    id: str
    source: Source
    row: MatrixRow
    sentence: str

    @property
    def status(self) -> Status:
        """The status of the whole run."""
        return overall(self.row.entries)

    @property
    def kind_and_name(self) -> str:
        """The kind of the run and its name."""
        return f"{RUN_KINDS[type(self.source)]} {self.row.run}"

    def target(self, entry: MatrixEntry) -> str:
        """Return the id of an entry's details."""
        return f"{self.id}-image-{self.row.entries.index(entry) + 1}"


def page_runs(sources: Sequence[Source]) -> tuple[PageRun, ...]:
    """Return the runs of a page, in order."""
    return tuple(_page_run(f"run-{number}", source) for number, source in enumerate(sources, 1))


def _page_run(run_id: str, source: Source) -> PageRun:
    if isinstance(source, RunSource):
        row = matrix_row(source.comparison, source.manifest)
        return PageRun(run_id, source, row, in_words(source.comparison))
    if isinstance(source, SuiteSource):
        sentence = suites.in_words(source.comparison)
        return PageRun(run_id, source, suites.suite_row(source), sentence)
    trace = source.trace
    verdicts = [verdict(trace, image) for image in trace.images if image.image != trace.reference]
    sentence = " ".join(verdicts) or f"{trace.reference}: nothing to compare with."
    return PageRun(run_id, source, _trace_row(source), sentence)


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
            layers = plural(trace.layers, "layer was", "layers were")
            sentence = failure or f"{layers} traced"
        elif image is None:
            status, sentence = Status.NOT_RUN, "this image was not traced"
        else:
            reference = trace.reference
            status = Status.DIFFER if image.counting else Status.AGREE
            if name in trace.failed and not image.counting:
                status = Status.FAILED
            sentence = verdict(trace, image)
        entries.append(MatrixEntry(name, "", status, sentence.rstrip("."), reference))
    return MatrixRow(trace.model, trace.run, tuple(entries))


def matrix_grid(runs: Sequence[PageRun]) -> Grid:
    """Return the matrix: a row for each run, a column for each image (and keras.json)."""
    names = columns([run.row for run in runs])
    return Grid(
        columns=names,
        rows=tuple(_grid_row(run, names) for run in runs),
        legend=tuple(
            (status_badge(status), meaning)
            for status in Status
            if (meaning := _meaning(status, runs))
        ),
    )


def _meaning(status: Status, runs: Sequence[PageRun]) -> str:
    """Return what a status means in the runs that have it; empty if none has."""
    having = [run for run in runs if any(entry.status is status for entry in run.row.entries)]
    traces = [run for run in having if isinstance(run.source, TraceSource)]
    meanings = [STATUS_MEANINGS[status]] if len(traces) < len(having) else []
    if traces and TRACE_MEANINGS[status] not in meanings:
        of_traces = "of a trace: " if meanings else ""
        meanings.append(f"{of_traces}{TRACE_MEANINGS[status]}")
    return "; ".join(meanings)


def _grid_row(run: PageRun, names: Sequence[str]) -> GridRow:
    entries = [run.row.entry(name) for name in names]
    tiles = tuple(
        None
        if entry is None
        else Tile(status_badge(entry.status), entry.sentence, run.target(entry))
        for entry in entries
    )
    return GridRow(run.row.model, run.kind_and_name, run.id, tiles)


def headline(runs: Sequence[PageRun]) -> str:
    """Say the verdicts on all runs in one sentence."""
    if len(runs) == 1:
        return runs[0].sentence
    parts = []
    for status in Status:
        models = [run.row.model for run in runs if run.status is status]
        if models:
            verb_of_one, verb_of_several = STATUS_VERBS[status]
            verb = verb_of_one if len(models) == 1 else verb_of_several
            names = listed(list(dict.fromkeys(models)), MAX_NAMED)
            parts.append(f"{len(models)} {verb} ({names})")
    return f"Of {len(runs)} runs, {', '.join(parts)}."


def overall_badge(runs: Sequence[PageRun]) -> Badge:
    """Return the verdict on all runs together."""
    return status_badge(overall([entry for run in runs for entry in run.row.entries]))


def page_title(runs: Sequence[PageRun]) -> str:
    """Return the title of a page: its models and its images."""
    images = list(dict.fromkeys(entry.image for run in runs for entry in run.row.entries))
    where = _joined(images) if len(images) <= MAX_NAMED else f"{len(images)} images"
    models = list(dict.fromkeys(run.row.model for run in runs))
    what = models[0] if len(models) == 1 else f"{len(models)} models"
    return f"{what} on {where}"


def _joined(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
