"""Put a page together from what runs came to."""

from collections.abc import Sequence

import keras_matrix
from keras_matrix.report.page import (
    again,
    environment,
    failures,
    findings,
    judgement,
    overview,
    reproduced,
    suites,
)
from keras_matrix.report.page.blocks import (
    Block,
    Drawings,
    Page,
    Paragraph,
    Section,
    Story,
    of_status,
)
from keras_matrix.report.page.charts import Charts, drawings
from keras_matrix.report.page.overview import Result
from keras_matrix.report.page.sources import RunSource, Source, SuiteSource, TraceSource
from keras_matrix.report.plots import Chart

FOREST = (
    "Each line is the interval of a difference; where it lies within the band, the tolerance, both "
    "sides agree."
)
TIMES = (
    "Until the first batch is done, graphs are built and compiled; the first epoch may still hold "
    "some of that, the steady ones none."
)
NUMBERS = "The numbers of each chart are in the table below it."
DIVERGENCE = (
    "How far each layer's output is from the reference's, in the order of the model, from the same "
    "weights and batch."
)


def page(sources: Sequence[Source], drawn: Sequence[Charts], title: str | None) -> Page:
    """Return the page of some runs and their charts."""
    found = overview.results(sources)
    created = list(dict.fromkeys(source.manifest.created[:10] for source in sources))
    days = created[0] if len(created) == 1 else f"{min(created)} to {max(created)}"
    cells = sum(len(source.records) for source in sources)
    return Page(
        title=title or overview.title(found),
        badge=overview.badge(found),
        sentence=overview.headline(found),
        about=f"{cells} cell{'s' * (cells != 1)}, {days}",
        grid=overview.grid(found),
        stories=tuple(_story(one, charts) for one, charts in zip(found, drawn, strict=True)),
        made_by=f"keras-matrix {keras_matrix.__version__}",
    )


def _story(result: Result, charts: Charts) -> Story:
    source = result.source
    if isinstance(source, RunSource):
        sections = _of_run(result, source, charts)
    elif isinstance(source, SuiteSource):
        sections = _of_suite(result, source)
    else:
        sections = _of_trace(result, source, charts)
    images = ", ".join(source.manifest.plan.images)
    return Story(
        id=result.id,
        title=result.row.model,
        run=result.run,
        about=f"{result.run} on {images}, {source.manifest.created[:10]}",
        badge=of_status(result.status),
        sentence=result.sentence,
        sections=tuple(one for one in sections if one is not None),
    )


def _of_run(result: Result, source: RunSource, charts: Charts) -> list[Section | None]:
    name = result.id
    return [
        judgement.section(result, source),
        _drawn(name, "curves", "Learning curves", "", charts.curves),
        _drawn(name, "differences", "Differences", FOREST, charts.forest),
        _drawn(name, "times", "Times", TIMES, charts.times),
        _reproduced(name, source, charts),
        failures.section(name, source.folder, source.records, source.comparison.missing),
        environment.section(name, source.manifest, source.records),
        again.section(name, source.manifest),
    ]


def _of_trace(result: Result, source: TraceSource, charts: Charts) -> list[Section | None]:
    name = result.id
    return [
        findings.section(result, source),
        _drawn(name, "divergence", "Layer by layer", DIVERGENCE, charts.divergence),
        failures.section(name, source.folder, source.records, ()),
        environment.section(name, source.manifest, source.records),
        again.section(name, source.manifest),
    ]


def _of_suite(result: Result, source: SuiteSource) -> list[Section | None]:
    name = result.id
    return [
        suites.section(name, source, result.target),
        failures.section(name, source.folder, source.records, source.comparison.missing),
        environment.section(name, source.manifest, source.records),
        again.section(name, source.manifest),
    ]


def _drawn(name: str, part: str, title: str, about: str, charts: Sequence[Chart]) -> Section | None:
    found = drawings(charts, name)
    if found is None:
        return None
    blocks: tuple[Block, ...] = (Paragraph(f"{about} {NUMBERS}".strip(), quiet=True), found)
    return Section(f"{name}-{part}", title, blocks)


def _reproduced(name: str, source: RunSource, charts: Charts) -> Section | None:
    if source.reproduction is None:
        return None
    found: Drawings | None = drawings(charts.reported, name)
    blocks = reproduced.blocks(source.reproduction, source.reported_from, found)
    return Section(f"{name}-reported", "Reported against measured", blocks) if blocks else None
