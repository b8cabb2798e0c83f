"""The charts of a run, by what they tell; drawn once, for the page and for files of their own."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_matrix.report import plots
from keras_matrix.report.page.blocks import DataTable, Datum, Drawing, Drawings
from keras_matrix.report.page.sources import Source, SuiteSource, TraceSource
from keras_matrix.report.plots import Chart

_NUMBER = re.compile(r"[-+\N{MINUS SIGN}]?(?:[\d.]+|nan|inf)")
_NONE = ("", "-", "\N{EN DASH}")


@dataclass(frozen=True)
class Charts:
    """What is drawn of a run, or of a trace."""

    curves: tuple[Chart, ...] = ()
    forest: tuple[Chart, ...] = ()
    times: tuple[Chart, ...] = ()
    reported: tuple[Chart, ...] = ()
    divergence: tuple[Chart, ...] = ()

    def __iter__(self) -> Iterator[Chart]:
        for group in (self.curves, self.forest, self.times, self.reported, self.divergence):
            yield from group


def draw(source: Source) -> Charts:
    """Draw all that there is to draw of a source."""
    if isinstance(source, SuiteSource):
        return Charts()
    if isinstance(source, TraceSource):
        return Charts(divergence=plots.draw_divergence(source.trace))
    judged, images = source.reproduction, source.manifest.plan.images
    return Charts(
        curves=plots.draw_curves(source.records, images),
        forest=plots.draw_differences(source.comparison),
        times=plots.draw_times(source.records, images),
        reported=plots.draw_reported(judged) if judged is not None else (),
    )


def save(found: Sequence[tuple[str, Charts]], folder: Path, suffix: str) -> tuple[Path, ...]:
    """Write each chart to a file; those of several runs to a folder each, numbered in order.

    Raises:
        StoreError: a file cannot be written.
    """
    paths = []
    for number, (name, charts) in enumerate(found, 1):
        place = folder / f"{number}-{name}" if len(found) > 1 else folder
        for chart in charts:
            paths.append(place / f"{chart.name}.{suffix}")
            plots.save_chart(chart, paths[-1])
    return tuple(paths)


def drawings(charts: Sequence[Chart], prefix: str) -> Drawings | None:
    """Return charts as part of a page, with ids that begin with ``prefix``; None for none."""
    found = tuple(
        Drawing(
            chart.title,
            chart.description,
            plots.chart_as_svg(chart, f"{prefix}-chart-{chart.name}"),
            _numbers(chart),
        )
        for chart in charts
    )
    return Drawings(found) if found else None


def _numbers(chart: Chart) -> DataTable:
    numeric = [
        all(row[place] in _NONE or _NUMBER.match(row[place]) for row in chart.rows)
        for place in range(len(chart.header))
    ]
    rows = tuple(
        tuple(Datum(text, numeric=place > 0 and numeric[place]) for place, text in enumerate(row))
        for row in chart.rows
    )
    return DataTable(f"Numbers: {chart.title}", chart.header, rows)
