"""Runs over time, for people: as tables, and as lines of blocks."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from keras_matrix.compare.comparison import Verdict
from keras_matrix.compare.figures import number
from keras_matrix.compare.matrix import Status
from keras_matrix.history.series import (
    ASCII_BLOCKS,
    BLOCKS,
    Point,
    Series,
    bounds,
    headline,
    metrics,
    sparkline,
)
from keras_matrix.history.summary import ImageSummary, RunSummary, ScriptSummary, metrics_of
from keras_matrix.text import listed, one_line, plural

MAX_METRIC_COLUMNS = 3
MAX_METRICS_NAMED = 10
"""Names of the further metrics, which have no column."""
MIN_BLOCKS = 10
"""Blocks of a line, even if the terminal is too narrow for them."""
COLUMN_GAP = 3
DATE_WIDTH = 16
FIGURE_WIDTH = 9
ENDS_WIDTH = 36
"""Columns for the first and the last value behind a line of blocks."""
SERIES_WIDTH = 50
"""Columns for an image's value with its spread, and its verdict."""
_RUN_WIDTH = DATE_WIDTH + 5 + 12 + 4 * COLUMN_GAP
"""Columns for a run's line beside the names and the figures."""
RESULT_STYLES = {
    Status.AGREE: "green",
    Status.DIFFER: "bold red",
    Status.FAILED: "bold red",
    Status.INCONCLUSIVE: "yellow",
    Status.NOT_RUN: "yellow",
    Verdict.AGREE: "green",
    Verdict.DIFFER: "bold red",
    Verdict.MISSING: "bold red",
    Verdict.INCONCLUSIVE: "yellow",
}


def show_scripts(scripts: Sequence[ScriptSummary], out: Console) -> None:
    """Print the scripts in the history, and the last run of each."""
    table = _table(out)
    for name in ("model", "script"):
        table.add_column(name, overflow="fold")
    table.add_column("runs", justify="right")
    table.add_column("last", no_wrap=True)
    table.add_column("run", overflow="fold")
    table.add_column("verdict")
    for script in scripts:
        table.add_row(
            _text(script.model),
            _text(script.place),
            str(script.runs),
            _date(script.last),
            _text(script.run),
            _styled(script.status),
        )
    out.print(table)


def show_runs(runs: Sequence[RunSummary], out: Console, left_out: int = 0) -> None:
    """Print runs, oldest first, a line for each image; ``left_out`` older runs are not shown."""
    several = _several_settings(runs)
    names = headline(runs, MAX_METRIC_COLUMNS)
    images = [_name(image, several) for run in runs for image in run.images]
    width = _RUN_WIDTH + max(len(run.run) for run in runs) + max(len(name) for name in images)
    narrow = out.width < width + sum(len(name) + COLUMN_GAP for name in names)
    if narrow:
        names = names[: max(1, (out.width - width) // (FIGURE_WIDTH + COLUMN_GAP))]
    table = _runs_table(narrow, out)
    table.add_column("image", no_wrap=True)
    if not narrow:
        table.add_column("seeds", justify="right")
    for name in names:
        table.add_column(_text(name), justify="right", overflow="fold", min_width=FIGURE_WIDTH)
    table.add_column("verdict", no_wrap=True)
    for run in runs:
        head = _head(run, narrow)
        for index, image in enumerate(run.images):
            medians = {metric.metric: metric.median for metric in metrics_of(run, image)}
            cells = [_text(_name(image, several))]
            if not narrow:
                cells.append(_text(str(run.seeds or "-") if index == 0 else ""))
            cells += [Text(number(medians.get(name))) for name in names]
            table.add_row(
                *(head if index == 0 else [""] * len(head)), *cells, _styled(image.status)
            )
    out.print(table)
    others = [name for name in metrics(runs) if name not in names]
    if others:
        metrics_left = listed([one_line(name) for name in others], MAX_METRICS_NAMED)
        out.print(Text(f"further metrics, shown with --metric NAME: {metrics_left}"))
    _print_left_out(left_out, out)


def show_series(
    runs: Sequence[RunSummary], series: Sequence[Series], out: Console, left_out: int = 0
) -> None:
    """Print a metric's values run by run, and a line of blocks for each image."""
    names_width = max(len(run.run) for run in runs)
    narrow = out.width < DATE_WIDTH + COLUMN_GAP + names_width + len(series) * SERIES_WIDTH
    table = _runs_table(narrow, out)
    for image in series:
        table.add_column(
            _text(image.name), justify="right", overflow="fold", min_width=FIGURE_WIDTH
        )
        if not narrow:
            table.add_column("verdict", no_wrap=True)
    points_by_run = [
        {(point.run, point.created): point for point in image.points} for image in series
    ]
    for run in runs:
        cells: list[Text] = []
        for points in points_by_run:
            cells += _cells(points.get((run.run, run.created)), narrow)
        table.add_row(*_head(run, narrow), *cells)
    out.print(table)
    _print_left_out(left_out, out)
    _print_blocks(runs, series, points_by_run, out)


def _print_blocks(
    runs: Sequence[RunSummary],
    series: Sequence[Series],
    points_by_run: Sequence[Mapping[tuple[str, datetime], Point]],
    out: Console,
) -> None:
    """Print a line of blocks for each series: the last runs, as many as fit."""
    levels = BLOCKS if _can_print(BLOCKS, out) else ASCII_BLOCKS
    width = max(len(one_line(image.name)) for image in series)
    last = runs[-max(MIN_BLOCKS, out.width - width - ENDS_WIDTH) :]
    drawn = [[points.get((run.run, run.created)) for run in last] for points in points_by_run]
    low, high = bounds([point for points in drawn for point in points if point is not None])
    for image, points in zip(series, drawn, strict=True):
        medians = [point.median if point is not None else None for point in points]
        values = [median for median in medians if median is not None]
        line = sparkline(medians, low, high, levels)
        ends = f"first {number(values[0])}, last {number(values[-1])}" if values else ""
        out.print(Text(f"{one_line(image.name):{width}}  {line}  {ends}"))
    which = "" if len(last) == len(runs) else f"the last {len(last)} runs, "
    scale = f"from {number(low)} to {number(high)}"
    out.print(Text(f"blocks: {which}{scale}, the same scale for all images"))


def _several_settings(runs: Sequence[RunSummary]) -> bool:
    return len({image.setting for run in runs for image in run.images}) > 1


def _name(image: ImageSummary, several: bool) -> str:
    return f"{image.image}.{image.setting}" if several else image.image


def _cells(point: Point | None, narrow: bool) -> list[Text]:
    """Return a value and its verdict, in one cell or in two."""
    if point is None:
        return [Text("-")] if narrow else [Text("-"), Text()]
    verdict = _styled(point.verdict) if point.verdict is not None else Text("reference")
    if narrow:
        return [Text("\n").join([Text(number(point.median)), verdict])]
    spread = f" [{number(point.low)}..{number(point.high)}]" if point.n > 1 else ""
    return [Text(f"{number(point.median)}{spread}"), verdict]


def _runs_table(narrow: bool, out: Console) -> Table:
    """Return a table that begins with the columns of ``_head``."""
    table = _table(out)
    if not narrow:
        table.add_column("date", no_wrap=True)
    table.add_column("run", overflow="fold")
    return table


def _head(run: RunSummary, narrow: bool) -> list[Text]:
    """Return a run's date and name, in one cell or in two."""
    date, name = Text(_date(run.created)), _text(run.run)
    return [Text("\n").join([date, name])] if narrow else [date, name]


def _print_left_out(count: int, out: Console) -> None:
    if count:
        out.print(Text(f"{plural(count, 'older run')} not shown; --limit shows more."))


def _table(out: Console) -> Table:
    plain = not out.is_terminal
    return Table(box=None if plain else box.SIMPLE_HEAD, pad_edge=False, show_edge=False)


def _text(text: str) -> Text:
    return Text(one_line(text))


def _styled(result: Status | Verdict) -> Text:
    return Text(result.value, style=RESULT_STYLES.get(result, "dim"))


def _date(time: datetime) -> str:
    return time.astimezone().strftime("%Y-%m-%d %H:%M")


def _can_print(text: str, out: Console) -> bool:
    try:
        text.encode(out.encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
