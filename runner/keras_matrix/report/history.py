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
    LEVELS,
    PLAIN_LEVELS,
    Point,
    Series,
    bounds,
    headline,
    metrics,
    sparkline,
)
from keras_matrix.history.summary import ImageSummary, RunSummary, ScriptSummary, metrics_of
from keras_matrix.text import one_line

MOST_METRICS = 3
MOST_NAMED = 10
LEAST_BLOCKS = 10
GAP = 3
"""Between columns."""
DATE = 16
DIGITS = 9
ENDS = 36
"""What stands behind a line of blocks."""
SERIES = 50
"""What an image's value with its spread, and its verdict, take."""
_WIDE = DATE + 5 + 12 + 4 * GAP
"""What a run's line takes beside the names and the figures."""
STYLES = {
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
    """Print the scripts that the history knows, and the last run of each."""
    table = _table(out)
    for name in ("model", "script"):
        table.add_column(name, overflow="fold")
    table.add_column("runs", justify="right")
    table.add_column("last", no_wrap=True)
    table.add_column("run", overflow="fold")
    table.add_column("verdict")
    for one in scripts:
        table.add_row(
            _text(one.model),
            _text(one.place),
            str(one.runs),
            _date(one.last),
            _text(one.run),
            _styled(one.status),
        )
    out.print(table)


def show_runs(runs: Sequence[RunSummary], out: Console, more: int = 0) -> None:
    """Print runs, oldest first, a line for each image; ``more`` older ones are left out."""
    several = _several_settings(runs)
    names = headline(runs, MOST_METRICS)
    images = [_name(image, several) for run in runs for image in run.images]
    wide = _WIDE + max(len(run.run) for run in runs) + max(len(name) for name in images)
    narrow = out.width < wide + sum(len(name) + GAP for name in names)
    if narrow:
        names = names[: max(1, (out.width - wide) // (DIGITS + GAP))]
    table = _runs_table(narrow, out)
    table.add_column("image", no_wrap=True)
    if not narrow:
        table.add_column("seeds", justify="right")
    for name in names:
        table.add_column(_text(name), justify="right", overflow="fold", min_width=DIGITS)
    table.add_column("verdict", no_wrap=True)
    for run in runs:
        head = _head(run, narrow)
        for place, image in enumerate(run.images):
            values = {one.metric: one.median for one in metrics_of(run, image)}
            cells = [_text(_name(image, several))]
            if not narrow:
                cells.append(_text(str(run.seeds or "-") if not place else ""))
            cells += [Text(number(values.get(name))) for name in names]
            table.add_row(*(head if not place else [""] * len(head)), *cells, _styled(image.status))
    out.print(table)
    others = [name for name in metrics(runs) if name not in names]
    if others:
        named = ", ".join(one_line(name) for name in others[:MOST_NAMED])
        rest = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
        out.print(Text(f"--metric shows one over time; there are also {named}{rest}."))
    _print_more(more, out)


def show_series(
    runs: Sequence[RunSummary], found: Sequence[Series], out: Console, more: int = 0
) -> None:
    """Print a metric's values run by run, and a line of blocks for each image."""
    wide = DATE + GAP + max(len(run.run) for run in runs) + len(found) * SERIES
    narrow = out.width < wide
    table = _runs_table(narrow, out)
    for one in found:
        table.add_column(_text(one.name), justify="right", overflow="fold", min_width=DIGITS)
        if not narrow:
            table.add_column("verdict", no_wrap=True)
    places = [{(p.run, p.created): p for p in one.points} for one in found]
    for run in runs:
        cells: list[Text] = []
        for points in places:
            cells += _cells(points.get((run.run, run.created)), narrow)
        table.add_row(*_head(run, narrow), *cells)
    out.print(table)
    _print_more(more, out)
    _print_blocks(runs, found, places, out)


def _print_blocks(
    runs: Sequence[RunSummary],
    found: Sequence[Series],
    places: Sequence[Mapping[tuple[str, datetime], Point]],
    out: Console,
) -> None:
    """Print a line of blocks for each series: of the last runs, as many as fit."""
    levels = LEVELS if _can_print(LEVELS, out) else PLAIN_LEVELS
    width = max(len(one_line(one.name)) for one in found)
    last = runs[-max(LEAST_BLOCKS, out.width - width - ENDS) :]
    known = [[points.get((run.run, run.created)) for run in last] for points in places]
    low, high = bounds([point for points in known for point in points if point is not None])
    for one, points in zip(found, known, strict=True):
        values = [point.median for point in points if point is not None]
        line = sparkline([p.median if p is not None else None for p in points], low, high, levels)
        ends = f"first {number(values[0])}, last {number(values[-1])}" if values else ""
        out.print(Text(f"{one_line(one.name):{width}}  {line}  {ends}"))
    which = "" if len(last) == len(runs) else f"the last {len(last)} runs, "
    out.print(Text(f"blocks: {which}from {number(low)} to {number(high)}, the same for all"))


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
    """Return a table whose first column, or columns, are those of ``_head``."""
    table = _table(out)
    if not narrow:
        table.add_column("date", no_wrap=True)
    table.add_column("run", overflow="fold")
    return table


def _head(run: RunSummary, narrow: bool) -> list[Text]:
    """Return a run's date and name, in one cell or in two."""
    date, name = Text(_date(run.created)), _text(run.run)
    return [Text("\n").join([date, name])] if narrow else [date, name]


def _print_more(more: int, out: Console) -> None:
    if more:
        out.print(Text(f"{more} older run{'s' * (more != 1)}: --limit shows more."))


def _table(out: Console) -> Table:
    plain = not out.is_terminal
    return Table(box=None if plain else box.SIMPLE_HEAD, pad_edge=False, show_edge=False)


def _text(text: str) -> Text:
    return Text(one_line(text))


def _styled(said: Status | Verdict) -> Text:
    return Text(said.value, style=STYLES.get(said, "dim"))


def _date(when: datetime) -> str:
    return when.astimezone().strftime("%Y-%m-%d %H:%M")


def _can_print(text: str, out: Console) -> bool:
    try:
        text.encode(out.encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
