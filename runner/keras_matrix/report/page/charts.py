"""The charts of a run by section; drawn once, both for the page and for files of their own."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_matrix.report import plots
from keras_matrix.report.page.blocks import ChartGroup, DataTable, DrawnChart, TableCell
from keras_matrix.report.page.sources import Source, SuiteSource, TraceSource
from keras_matrix.report.plots import Chart

_NUMBER = re.compile(r"[-+\N{MINUS SIGN}]?(?:[\d.]+|nan|inf)")
_NO_VALUE = ("", "-", "\N{EN DASH}")
MANY_COLUMNS = 5
"""Columns of a table of numbers that stacks where it has no room."""


@dataclass(frozen=True)
class Charts:
    """The charts of a run or of a trace, by the section that shows them."""

    curves: tuple[Chart, ...] = ()
    differences: tuple[Chart, ...] = ()
    times: tuple[Chart, ...] = ()
    reported: tuple[Chart, ...] = ()
    divergence: tuple[Chart, ...] = ()

    def __iter__(self) -> Iterator[Chart]:
        yield from (*self.curves, *self.differences, *self.times)
        yield from (*self.reported, *self.divergence)


def draw(source: Source) -> Charts:
    """Draw all charts of a source; a run of tests has none."""
    if isinstance(source, SuiteSource):
        return Charts()
    if isinstance(source, TraceSource):
        return Charts(divergence=plots.draw_divergence(source.trace))
    images = source.manifest.plan.images
    return Charts(
        curves=plots.draw_curves(source.records, images),
        differences=plots.draw_differences(source.comparison),
        times=plots.draw_times(source.records, images),
        reported=plots.draw_reported(source.reproduction) if source.reproduction else (),
    )


def save(
    charts_by_run: Sequence[tuple[str, Charts]], folder: Path, suffix: str
) -> tuple[Path, ...]:
    """Write each chart to a file; with several runs, those of each to a numbered folder.

    Raises:
        StoreError: a file cannot be written.
    """
    paths = []
    for number, (run, charts) in enumerate(charts_by_run, 1):
        run_folder = folder / f"{number}-{run}" if len(charts_by_run) > 1 else folder
        for chart in charts:
            paths.append(run_folder / f"{chart.name}.{suffix}")
            plots.save_chart(chart, paths[-1])
    return tuple(paths)


def chart_group(charts: Sequence[Chart], prefix: str) -> ChartGroup | None:
    """Return charts as a block, with ids that begin with ``prefix``; None if there is no chart."""
    drawn = tuple(
        DrawnChart(
            chart.title,
            chart.description,
            plots.chart_as_svg(chart, f"{prefix}-chart-{chart.name}"),
            _numbers(chart),
        )
        for chart in charts
    )
    return ChartGroup(drawn) if drawn else None


def _numbers(chart: Chart) -> DataTable:
    """Return a chart's numbers as a table; the first column names the rows."""
    numeric = [
        column > 0
        and all(row[column] in _NO_VALUE or _NUMBER.match(row[column]) for row in chart.rows)
        for column in range(len(chart.header))
    ]
    rows = tuple(
        tuple(
            TableCell(text, numeric=is_number) for text, is_number in zip(row, numeric, strict=True)
        )
        for row in chart.rows
    )
    wide = len(chart.header) >= MANY_COLUMNS
    return DataTable(f"Numbers: {chart.title}", chart.header, rows, stacks=wide)
