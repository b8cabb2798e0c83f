"""The table of a run's progress, never wider or higher than the terminal. Pure."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from keras_matrix.records.record import Outcome
from keras_matrix.report.progress.state import CellPhase, CellState, Snapshot
from keras_matrix.report.progress.words import compiling, duration, figure, ordinal
from keras_matrix.text import and_more, one_line, plural

MAX_ROWS = 20
MAX_GROUP_ROWS = 6
"""Rows that stand for several cells each."""
MAX_REASONS = 3
"""Cells that failed whose reason is shown while others run."""
WIDE_GAP_WIDTH = 80
"""Columns of a terminal from which on the table's columns are two apart."""
FULL_STATE_WIDTH = 60
"""Columns of a terminal from which on there is room for the outcome of a cell that failed."""
REASONS_HEIGHT = 12
"""Lines of a terminal from which on there is room for reasons."""
MIN_NAME_WIDTH = 12
MIN_STATE_WIDTH = 9
ELLIPSIS = "…"
OK_STYLE, FAILED_STYLE, RUNNING_STYLE, IDLE_STYLE = "green", "bold red", "cyan", "dim"


@dataclass(frozen=True)
class Screen:
    """What to draw on: ``width`` columns, ``height`` lines (None: as many as needed).

    ``done`` tells that nothing will change any more; ``note`` is shown below the table.
    """

    width: int
    height: int | None = None
    done: bool = False
    note: str = ""


@dataclass(frozen=True)
class _Row:
    """What the table shows of a cell, or of several that are alike."""

    name: str
    state: str
    style: str
    epoch: str = ""
    unit: str = "epoch"
    metrics: tuple[tuple[str, float], ...] = ()
    time: str = ""
    left: str = ""
    compiled: str = ""

    def metric(self, name: str) -> str:
        """Return a metric's figure, an empty text if there is no such metric."""
        return next((figure(value) for metric, value in self.metrics if metric == name), "")


@dataclass(frozen=True)
class _Column:
    """A column: its heading, its position, what it shows of a row, and the bounds of its width.

    The minimum keeps the columns in place as figures grow.
    """

    heading: str
    position: int
    show: Callable[[_Row], str]
    min_width: int
    max_width: int | None = None
    left: bool = False

    def width(self, rows: Sequence[_Row]) -> int:
        """Return how wide the column has to be."""
        texts = [self.heading, *(self.show(row) for row in rows)]
        width = max(self.min_width, *map(cell_len, texts))
        return width if self.max_width is None else min(width, self.max_width)


def render(snapshot: Snapshot, screen: Screen) -> RenderableType:
    """Draw the table, below it why cells failed, and how many cells are in each state."""
    reasons = _reasons(snapshot.states, screen)
    totals = _totals(snapshot, screen)
    max_rows = MAX_ROWS
    if screen.height is not None:
        # One line is for the heading, one for the cursor.
        max_rows = max(1, min(max_rows, screen.height - len(reasons) - len(totals) - 2))
    return Group(_table(_rows(snapshot, screen, max_rows), screen.width), *reasons, *totals)


def _rows(snapshot: Snapshot, screen: Screen, max_rows: int) -> list[_Row]:
    """Return the rows that fit; cells without a row of their own share one with their like."""
    states = snapshot.states
    if len(states) <= max_rows:
        return [_row(state, snapshot, screen) for state in states]
    kinds = len({_kind(state, screen) for state in states if not state.under_way})
    running = [index for index, state in enumerate(states) if state.under_way]
    max_own = max(1, min(max_rows, len(running)), max_rows - min(MAX_GROUP_ROWS, kinds))
    if screen.done:
        chosen = [index for index, state in enumerate(states) if state.failed][:max_own]
    else:
        chosen = _nearest(states, running, max_own)
    own = [_row(states[index], snapshot, screen) for index in sorted(chosen)]
    hidden = set(range(len(states))).difference(chosen)
    others = [states[index] for index in sorted(hidden)]
    before = [state for state in others if state.phase is CellPhase.ENDED]
    after = [state for state in others if state.phase is not CellPhase.ENDED]
    rows = [*_grouped(before, snapshot, screen), *own, *_grouped(after, snapshot, screen)]
    return rows if screen.done or len(rows) <= max_rows else own


def _nearest(states: Sequence[CellState], running: Sequence[int], count: int) -> list[int]:
    """Return the indices of cells that run, of the last ones to end and the next ones to start."""
    ended = [index for index, state in enumerate(states) if state.phase is CellPhase.ENDED]
    waiting = [index for index, state in enumerate(states) if state.phase is CellPhase.WAITING]
    chosen = list(running[:count])
    free = count - len(chosen)
    before = min(len(ended), max(free // 2, free - len(waiting)))
    chosen += ended[len(ended) - before :]
    return chosen + waiting[: count - len(chosen)]


def _row(state: CellState, snapshot: Snapshot, screen: Screen) -> _Row:
    seen = state.seen
    if seen.tests is not None:
        epoch = f"{seen.tested}/{seen.tests}"
    elif seen.call and seen.call != seen.training:
        epoch = seen.call
    elif seen.epochs is not None or seen.epoch:
        of = "?" if seen.epochs is None else str(seen.epochs)
        epoch = f"{ordinal(seen)} {str(seen.epoch).rjust(len(of))}/{of}".strip()
    else:
        epoch = f"batch {seen.batches}" if seen.batches else ""
    left = snapshot.training_seconds_left(state) if seen.epoch != seen.epochs else None
    time = ""
    if state.phase is CellPhase.ENDED:
        time = duration(state.seconds)
    elif state.under_way:
        time = duration(float(int(snapshot.now - state.since)), estimated=True)
    return _Row(
        name=one_line(state.cell.id),
        state=_word(state, screen),
        style=_style(state),
        epoch=epoch,
        unit="test" if seen.tests is not None else "epoch",
        metrics=seen.metrics,
        time=time,
        # An estimate that has run out was wrong.
        left=duration(left, estimated=True) if left else "",
        compiled=compiling(seen),
    )


def _word(state: CellState, screen: Screen) -> str:
    """Return the state in a word; for a cell that failed its outcome, if there is room."""
    if state.outcome is not None:
        narrow = screen.width < FULL_STATE_WIDTH
        return "failed" if state.failed and narrow else state.outcome.value
    if screen.done:
        return "stopped" if state.under_way else "not run"
    word: str = state.phase.value
    if state.phase is CellPhase.RUNNING:
        return state.seen.stage or ("compiling" if state.seen.compiling else word)
    return word


def _style(state: CellState) -> str:
    if state.outcome is not None and not state.cut_off:
        return FAILED_STYLE if state.failed else OK_STYLE
    return RUNNING_STYLE if state.under_way else IDLE_STYLE


def _kind(state: CellState, screen: Screen) -> tuple[str, str]:
    return state.group, _word(state, screen)


def _grouped(states: Sequence[CellState], snapshot: Snapshot, screen: Screen) -> list[_Row]:
    """Return a row for the cells of each group and state; of each state if those are too many."""
    kinds: dict[tuple[str, str], list[CellState]] = {}
    for state in states:
        kinds.setdefault(_kind(state, screen), []).append(state)
    if len(kinds) > MAX_GROUP_ROWS:
        words: dict[tuple[str, str], list[CellState]] = {}
        for (_, word), alike in kinds.items():
            words.setdefault(("", word), []).extend(alike)
        kinds = words
    return [
        _group_row(group, word, alike) if len(alike) > 1 else _row(alike[0], snapshot, screen)
        for (group, word), alike in kinds.items()
    ]


def _group_row(group: str, word: str, states: Sequence[CellState]) -> _Row:
    """Return a row for several cells, with the medians of their figures."""
    figures: dict[str, list[float]] = {}
    for state in states:
        for metric, value in state.seen.metrics:
            figures.setdefault(metric, []).append(value)
    ended = [state.seconds for state in states if state.phase is CellPhase.ENDED]
    return _Row(
        name=f"{len(states)} x {group}" if group else plural(len(states), "cell"),
        state=word,
        style=_style(states[0]),
        metrics=tuple((metric, _median(values)) for metric, values in figures.items()),
        time=duration(statistics.median(ended)) if ended else "",
    )


def _median(values: Sequence[float]) -> float:
    return math.nan if any(map(math.isnan, values)) else statistics.median(values)


def _columns(rows: Sequence[_Row], width: int) -> list[_Column]:
    """Return all possible columns, the most important first."""
    firsts = [row.metrics[0][0] for row in rows if row.metrics]
    others = [name for row in rows for name, _ in row.metrics[1:]]
    unit = "test" if any(row.unit == "test" for row in rows) else "epoch"
    # A column is kept free for a metric before there is one; tests have no metrics.
    names = list(dict.fromkeys([*firsts, *others])) or [""] * (unit == "epoch")
    columns = [
        _Column(unit, 1, lambda row: row.epoch, 5, max_width=width // 3),
        *(_metric(name, 2) for name in names[:1]),
        _Column("left", 5, lambda row: row.left, 4),
        _Column("time", 4, lambda row: row.time, 6),
    ]
    if any(row.compiled for row in rows):
        # In full if that fits, else in short.
        columns.append(_Column("compile", 6, lambda row: row.compiled, 4, left=True))
        columns.append(
            _Column("compile", 6, lambda row: row.compiled.partition(" comp")[0], 4, left=True)
        )
    return columns + [_metric(name, 3) for name in names[1:2]]


def _metric(name: str, position: int) -> _Column:
    return _Column(name, position, lambda row: row.metric(name), 6, max_width=12)


def _table(rows: Sequence[_Row], width: int) -> Table:
    """Return a table of as many columns as fit; the names get the width that these leave."""
    max_state = max(MIN_STATE_WIDTH, width // 4)
    state = _Column("state", 0, lambda row: row.state, MIN_STATE_WIDTH, max_state)
    gap = 2 if width >= WIDE_GAP_WIDTH else 1
    widest_name = max([cell_len("cell"), *(cell_len(row.name) for row in rows)])
    name_width = min(widest_name, max(MIN_NAME_WIDTH, width // 4))
    widths = {state: state.width(rows)}
    free = width - name_width - gap - widths[state]
    for column in _columns(rows, width):
        needed = gap + column.width(rows)
        if needed <= free and column.position not in {chosen.position for chosen in widths}:
            widths[column] = needed - gap
            free -= needed
    name_width = max(1, min(widest_name, name_width + free))
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="dim")
    table.add_column("cell", width=name_width, no_wrap=True)
    columns = sorted(widths, key=lambda column: column.position)
    for column in columns:
        heading = Text(_cropped(column.heading, widths[column]))
        right = column.position > 0 and not column.left
        justify: JustifyMethod = "right" if right else "left"
        table.add_column(heading, width=widths[column], no_wrap=True, justify=justify)
    for row in rows:
        texts = [Text(_cropped(column.show(row), widths[column])) for column in columns]
        texts[0].stylize(row.style)
        table.add_row(Text(_cropped(row.name, name_width, middle=True)), *texts)
    return table


def _cropped(text: str, width: int, *, middle: bool = False) -> str:
    """Cut a text to a width; in the ``middle``, since the seed is the end of a cell's name."""
    if cell_len(text) <= width:
        return text
    end = (width - 1) // 2 if middle else 0
    tail = text[-end:] if end else ""
    while cell_len(tail) > end:
        tail = tail[1:]
    return set_cell_size(text, max(0, width - 1 - cell_len(tail))).rstrip() + ELLIPSIS + tail


def _reasons(states: Sequence[CellState], screen: Screen) -> list[Text]:
    """Return why cells failed: the last few, a line each, while others run; in full at the end."""
    failed = [state for state in states if state.failed]
    if screen.height is not None and screen.height < REASONS_HEIGHT:
        # The totals count these cells; the rows need the lines.
        failed = []
    shown = failed[:MAX_ROWS] if screen.done else failed[-MAX_REASONS:]
    texts = [one_line(f"{state.cell.id}: {state.words}") for state in shown]
    if len(failed) > len(shown):
        texts.append(f"{and_more(len(failed) - len(shown))} failed")
    if not screen.done:
        texts = [_cropped(text, screen.width) for text in texts]
    return [Text(text, style="red") for text in texts]


def _totals(snapshot: Snapshot, screen: Screen) -> list[Text]:
    """Return how many cells are in each state, and the times, on as few lines as needed."""
    states = snapshot.states
    waiting = sum(state.phase is CellPhase.WAITING for state in states)
    counts = {
        "stopped" if screen.done else "running": sum(state.under_way for state in states),
        Outcome.INTERRUPTED.value: sum(state.cut_off for state in states),
        "not run" if screen.done else "waiting": waiting,
        "failed": sum(state.failed for state in states),
    }
    done = sum(state.phase is CellPhase.ENDED and not state.cut_off for state in states)
    parts = [f"{done} of {plural(len(states), 'cell')} done"]
    parts += [f"{count} {word}" for word, count in counts.items() if count]
    parts.append(f"{duration(float(int(snapshot.elapsed)), estimated=True)} elapsed")
    left = None if screen.done else snapshot.seconds_left()
    if left:
        parts.append(f"about {duration(left, estimated=True)} left")
    lines = [""]
    for part in parts:
        longer = f"{lines[-1]}, {part}" if lines[-1] else part
        if lines[-1] and len(longer) > screen.width - 1:
            lines[-1] += ","
            lines.append(part)
        else:
            lines[-1] = longer
    if screen.done and len(states) > MAX_ROWS:
        lines.append("figures of several cells are medians")
    texts = [Text(_cropped(line, screen.width), style="dim") for line in lines]
    if screen.note:
        texts.append(Text(_cropped(screen.note, screen.width), style="yellow"))
    return texts
