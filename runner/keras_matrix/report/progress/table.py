"""The table of a run's progress, as wide and as high as the terminal, never more. Pure."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from keras_matrix.records.record import Outcome
from keras_matrix.report.progress.state import Phase, Snapshot, State
from keras_matrix.report.progress.words import compiling, duration, figure, ordinal
from keras_matrix.text import one_line

MOST_ROWS = 20
MOST_GATHERED = 6
MOST_REASONS = 3
ROOMY = 80
NARROW = 60
LOW = 12
LEAST_NAME = 12
LEAST_STATE = 9
ELLIPSIS = "…"
WELL, ILL, BUSY, IDLE = "green", "bold red", "cyan", "dim"


@dataclass(frozen=True)
class View:
    """What to draw on: ``width`` columns, ``height`` lines (None: as many as it takes).

    ``done`` tells that nothing will change any more; ``note`` is said below the table.
    """

    width: int
    height: int | None = None
    done: bool = False
    note: str = ""


@dataclass(frozen=True)
class _Row:
    """What the table says of a cell, or of several that are alike."""

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
        """Return a metric's figure, nothing if there is none."""
        return next((figure(value) for known, value in self.metrics if known == name), "")


@dataclass(frozen=True)
class _Column:
    """A column: its head, its place, what it says of a row, and its least and its most width.

    The least keeps the columns from jumping about as figures grow.
    """

    head: str
    place: int
    say: Callable[[_Row], str]
    least: int
    most: int | None = None
    left: bool = False

    def width(self, rows: Sequence[_Row]) -> int:
        """Return how wide the column has to be."""
        width = max([self.least, cell_len(self.head), *(cell_len(self.say(row)) for row in rows)])
        return width if self.most is None else min(width, self.most)


def render(snapshot: Snapshot, view: View) -> RenderableType:
    """Draw the table, below it why cells failed, and how many cells there are of each kind."""
    reasons = _reasons(snapshot.states, view)
    totals = _totals(snapshot, view)
    room = MOST_ROWS
    if view.height is not None:
        # One line is the head's, one stays free: the cursor's.
        room = max(1, min(room, view.height - len(reasons) - len(totals) - 2))
    return Group(_table(_rows(snapshot, view, room), view.width), *reasons, *totals)


def _rows(snapshot: Snapshot, view: View, room: int) -> list[_Row]:
    """Return the rows there is room for; the cells that have none of their own are gathered."""
    states = snapshot.states
    if len(states) <= room:
        return [_row(state, snapshot, view) for state in states]
    kinds = len({_kind(state, view) for state in states if not state.under_way})
    busy = [place for place, state in enumerate(states) if state.under_way]
    most = max(1, min(room, len(busy)), room - min(MOST_GATHERED, kinds))
    if view.done:
        apart = [place for place, state in enumerate(states) if state.failed][:most]
    else:
        apart = _nearest(states, busy, most)
    own = [_row(states[place], snapshot, view) for place in sorted(apart)]
    hidden = set(range(len(states))).difference(apart)
    others = [states[place] for place in sorted(hidden)]
    before = [state for state in others if state.phase is Phase.ENDED]
    after = [state for state in others if state.phase is not Phase.ENDED]
    rows = [*_gathered(before, snapshot, view), *own, *_gathered(after, snapshot, view)]
    return rows if view.done or len(rows) <= room else own


def _nearest(states: Sequence[State], busy: Sequence[int], most: int) -> list[int]:
    """Return the places of the cells that are ``busy``, of the last to end and the next to go."""
    ended = [place for place, state in enumerate(states) if state.phase is Phase.ENDED]
    waiting = [place for place, state in enumerate(states) if state.phase is Phase.WAITING]
    chosen = list(busy[:most])
    before = min(len(ended), max((most - len(chosen)) // 2, most - len(chosen) - len(waiting)))
    chosen += ended[len(ended) - before :]
    return chosen + waiting[: most - len(chosen)]


def _row(state: State, snapshot: Snapshot, view: View) -> _Row:
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
    left = snapshot.left_of(state) if seen.epoch != seen.epochs else None
    time = ""
    if state.phase is Phase.ENDED:
        time = duration(state.seconds)
    elif state.under_way:
        time = duration(float(int(snapshot.now - state.since)), estimated=True)
    return _Row(
        name=one_line(state.cell.id),
        state=_word(state, view),
        style=_style(state),
        epoch=epoch,
        unit="test" if seen.tests is not None else "epoch",
        metrics=seen.metrics,
        time=time,
        # Once it has run out it was wrong.
        left=duration(left, estimated=True) if left else "",
        compiled=compiling(seen),
    )


def _word(state: State, view: View) -> str:
    """Return the state in a word; of one that failed its outcome, if there is room for that."""
    if state.outcome is not None:
        return "failed" if state.failed and view.width < NARROW else state.outcome.value
    if view.done:
        return "stopped" if state.under_way else "not run"
    word: str = state.phase.value
    if state.phase is Phase.RUNNING:
        return state.seen.stage or ("compiling" if state.seen.compiling else word)
    return word


def _style(state: State) -> str:
    if state.outcome is not None and not state.cut_off:
        return ILL if state.failed else WELL
    return BUSY if state.under_way else IDLE


def _kind(state: State, view: View) -> tuple[str, str]:
    return state.group, _word(state, view)


def _gathered(states: Sequence[State], snapshot: Snapshot, view: View) -> list[_Row]:
    """Return a row for all cells of a group and state, of all groups if those are too many."""
    kinds: dict[tuple[str, str], list[State]] = {}
    for state in states:
        kinds.setdefault(_kind(state, view), []).append(state)
    if len(kinds) > MOST_GATHERED:
        words: dict[tuple[str, str], list[State]] = {}
        for (_, word), found in kinds.items():
            words.setdefault(("", word), []).extend(found)
        kinds = words
    return [
        _sum(name, word, found) if len(found) > 1 else _row(found[0], snapshot, view)
        for (name, word), found in kinds.items()
    ]


def _sum(name: str, word: str, states: Sequence[State]) -> _Row:
    """Return a row for several cells, with the medians of their figures."""
    figures: dict[str, list[float]] = {}
    for state in states:
        for metric, value in state.seen.metrics:
            figures.setdefault(metric, []).append(value)
    ended = [state.seconds for state in states if state.phase is Phase.ENDED]
    return _Row(
        name=f"{len(states)} x {name}" if name else f"{len(states)} cells",
        state=word,
        style=_style(states[0]),
        metrics=tuple((metric, _median(found)) for metric, found in figures.items()),
        time=duration(statistics.median(ended)) if ended else "",
    )


def _median(values: Sequence[float]) -> float:
    return math.nan if any(map(math.isnan, values)) else statistics.median(values)


def _columns(rows: Sequence[_Row], width: int) -> list[_Column]:
    """Return the columns there may be, the most important first."""
    firsts = [row.metrics[0][0] for row in rows if row.metrics]
    others = [name for row in rows for name, _ in row.metrics[1:]]
    unit = "test" if any(row.unit == "test" for row in rows) else "epoch"
    # A metric's place is kept free before there is one; tests have none.
    names = list(dict.fromkeys([*firsts, *others])) or [""] * (unit == "epoch")
    columns = [
        _Column(unit, 1, lambda row: row.epoch, 5, most=width // 3),
        *(_metric(name, 2) for name in names[:1]),
        _Column("left", 5, lambda row: row.left, 4),
        _Column("time", 4, lambda row: row.time, 6),
    ]
    if any(row.compiled for row in rows):
        # In full, or else in short.
        columns.append(_Column("compile", 6, lambda row: row.compiled, 4, left=True))
        columns.append(
            _Column("compile", 6, lambda row: row.compiled.partition(" comp")[0], 4, left=True)
        )
    return columns + [_metric(name, 3) for name in names[1:2]]


def _metric(name: str, place: int) -> _Column:
    return _Column(name, place, lambda row: row.metric(name), 6, most=12)


def _table(rows: Sequence[_Row], width: int) -> Table:
    """Return a table of as many columns as fit; the names get what those leave."""
    state = _Column("state", 0, lambda row: row.state, LEAST_STATE, max(LEAST_STATE, width // 4))
    gap = 2 if width >= ROOMY else 1
    widest = max([cell_len("cell"), *(cell_len(row.name) for row in rows)])
    name = min(widest, max(LEAST_NAME, width // 4))
    chosen = {state: state.width(rows)}
    left = width - name - gap - chosen[state]
    for column in _columns(rows, width):
        wide = column.width(rows)
        if gap + wide <= left and column.place not in {known.place for known in chosen}:
            chosen[column] = wide
            left -= gap + wide
    # The names get what the columns leave.
    name = max(1, min(widest, name + left))
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="dim")
    table.add_column("cell", width=name, no_wrap=True)
    columns = sorted(chosen, key=lambda column: column.place)
    for column in columns:
        head = Text(_cropped(column.head, chosen[column]))
        right = column.place > 0 and not column.left
        justify: JustifyMethod = "right" if right else "left"
        table.add_column(head, width=chosen[column], no_wrap=True, justify=justify)
    for row in rows:
        texts = [Text(_cropped(column.say(row), chosen[column])) for column in columns]
        texts[0].stylize(row.style)
        table.add_row(Text(_cropped(row.name, name, middle=True)), *texts)
    return table


def _cropped(text: str, width: int, *, middle: bool = False) -> str:
    """Return a text that is not too wide; of a name both ends are told: the seed is the end."""
    if cell_len(text) <= width:
        return text
    end = (width - 1) // 2 if middle else 0
    tail = text[-end:] if end else ""
    while cell_len(tail) > end:
        tail = tail[1:]
    return set_cell_size(text, max(0, width - 1 - cell_len(tail))).rstrip() + ELLIPSIS + tail


def _reasons(states: Sequence[State], view: View) -> list[Text]:
    """Return why cells failed: while others run the last few, a line each; then all."""
    failed = [state for state in states if state.failed]
    if view.height is not None and view.height < LOW:
        # The totals tell that there are some; the rows come first.
        failed = []
    shown = failed[:MOST_ROWS] if view.done else failed[-MOST_REASONS:]
    texts = [one_line(f"{state.cell.id}: {state.words}") for state in shown]
    if len(failed) > len(shown):
        texts.append(f"and {len(failed) - len(shown)} more failed")
    if not view.done:
        texts = [_cropped(text, view.width) for text in texts]
    return [Text(text, style="red") for text in texts]


def _totals(snapshot: Snapshot, view: View) -> list[Text]:
    """Return how many cells there are of each kind, and the times, on as few lines as it takes."""
    states = snapshot.states
    waiting = sum(state.phase is Phase.WAITING for state in states)
    counts = {
        "stopped" if view.done else "running": sum(state.under_way for state in states),
        Outcome.INTERRUPTED.value: sum(state.cut_off for state in states),
        "not run" if view.done else "waiting": waiting,
        "failed": sum(state.failed for state in states),
    }
    done = sum(state.phase is Phase.ENDED and not state.cut_off for state in states)
    parts = [f"{done} of {len(states)} cells done"]
    parts += [f"{count} {word}" for word, count in counts.items() if count]
    parts.append(f"{duration(float(int(snapshot.elapsed)), estimated=True)} elapsed")
    left = None if view.done else snapshot.left()
    if left:
        parts.append(f"about {duration(left, estimated=True)} left")
    lines = [""]
    for part in parts:
        longer = f"{lines[-1]}, {part}" if lines[-1] else part
        if lines[-1] and len(longer) > view.width - 1:
            lines[-1] += ","
            lines.append(part)
        else:
            lines[-1] = longer
    if view.done and len(states) > MOST_ROWS:
        lines.append("figures of several cells are medians")
    texts = [Text(_cropped(line, view.width), style="dim") for line in lines]
    if view.note:
        texts.append(Text(_cropped(view.note, view.width), style="yellow"))
    return texts
