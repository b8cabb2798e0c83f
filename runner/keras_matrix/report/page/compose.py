"""A page, composed of the reports of its runs."""

from collections.abc import Sequence

import keras_matrix
from keras_matrix.report.page import (
    by_image,
    environment,
    failures,
    findings,
    overview,
    reported_figures,
    rerun,
    suites,
)
from keras_matrix.report.page.blocks import Block, Page, Paragraph, RunReport, Section, status_badge
from keras_matrix.report.page.charts import Charts, chart_group
from keras_matrix.report.page.overview import PageRun
from keras_matrix.report.page.sources import RunSource, Source, SuiteSource, TraceSource
from keras_matrix.report.plots import Chart
from keras_matrix.text import plural

DIFFERENCES_HELP = (
    "The shaded band is what is allowed. A metric agrees if its thick line lies inside the band, "
    "or its marker where seeds are judged one by one."
)
TIMES_HELP = (
    "The time to the first batch includes building and compiling the graph. The first epoch may "
    "include some of that too, steady epochs do not."
)
DIVERGENCE_HELP = (
    "How far each layer is from the reference, in the order of the model. All images start from "
    "the same weights and see the same batch."
)
NUMBERS_HELP = "The numbers of each chart are in the table below it."


def compose(sources: Sequence[Source], charts: Sequence[Charts], title: str | None) -> Page:
    """Return the page of some runs; ``charts`` has the charts of each."""
    runs = overview.page_runs(sources)
    days = sorted({source.manifest.created[:10] for source in sources})
    period = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    cells = plural(sum(len(source.records) for source in sources), "cell")
    return Page(
        title=title or overview.page_title(runs),
        badge=overview.overall_badge(runs),
        sentence=overview.headline(runs),
        subtitle=f"{cells}, {period}",
        grid=overview.matrix_grid(runs),
        reports=tuple(_report(*pair) for pair in zip(runs, charts, strict=True)),
        generator=f"keras-matrix {keras_matrix.__version__}",
    )


def _report(run: PageRun, charts: Charts) -> RunReport:
    source = run.source
    if isinstance(source, RunSource):
        sections = _run_sections(run, source, charts)
    elif isinstance(source, SuiteSource):
        sections = _suite_sections(run, source)
    else:
        sections = _trace_sections(run, source, charts)
    images = ", ".join(source.manifest.plan.images)
    return RunReport(
        id=run.id,
        title=run.row.model,
        run=run.kind_and_name,
        subtitle=f"{run.kind_and_name} on {images}, {source.manifest.created[:10]}",
        badge=status_badge(run.status),
        sentence=run.sentence,
        sections=tuple(section for section in sections if section is not None),
    )


def _run_sections(run: PageRun, source: RunSource, charts: Charts) -> list[Section | None]:
    prefix = run.id
    return [
        by_image.section(run, source),
        _chart_section(prefix, "curves", "Learning curves", "", charts.curves),
        _chart_section(prefix, "differences", "Differences", DIFFERENCES_HELP, charts.differences),
        _chart_section(prefix, "times", "Times", TIMES_HELP, charts.times),
        _reported_section(prefix, source, charts),
        *_common_sections(prefix, source, source.comparison.missing),
    ]


def _trace_sections(run: PageRun, source: TraceSource, charts: Charts) -> list[Section | None]:
    return [
        findings.section(run, source),
        _chart_section(run.id, "divergence", "Layer by layer", DIVERGENCE_HELP, charts.divergence),
        *_common_sections(run.id, source, ()),
    ]


def _suite_sections(run: PageRun, source: SuiteSource) -> list[Section | None]:
    return [
        suites.section(run.id, source, run.target),
        *_common_sections(run.id, source, source.comparison.missing),
    ]


def _common_sections(prefix: str, source: Source, missing: Sequence[str]) -> list[Section | None]:
    """Return the last sections, which all kinds of runs have."""
    return [
        failures.section(prefix, source.folder, source.records, missing),
        environment.section(prefix, source.manifest, source.records),
        rerun.section(prefix, source.manifest),
    ]


def _chart_section(
    prefix: str, name: str, title: str, help_text: str, charts: Sequence[Chart]
) -> Section | None:
    group = chart_group(charts, prefix)
    if group is None:
        return None
    text = f"{help_text} {NUMBERS_HELP}".strip()
    blocks: tuple[Block, ...] = (Paragraph(text, quiet=True), group)
    return Section(f"{prefix}-{name}", title, blocks)


def _reported_section(prefix: str, source: RunSource, charts: Charts) -> Section | None:
    if source.reproduction is None:
        return None
    group = chart_group(charts.reported, prefix)
    return reported_figures.section(prefix, source.reproduction, source.reported_from, group)
