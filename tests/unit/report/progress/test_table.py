"""The table of progress on terminals of all sizes."""

import io
import re
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from keras_matrix.plan.cells import Cell
from keras_matrix.plan.settings import Floatx, ImageDataFormat, KerasSettings
from keras_matrix.records.record import Outcome, Record
from keras_matrix.report.progress.live import LiveProgress
from keras_matrix.report.progress.state import CellPhase, CellState, Snapshot
from keras_matrix.report.progress.table import MAX_ROWS, Screen, render
from keras_matrix.run.cell.watch import Seen
from tests.unit.records.builders import record

REASON = (
    "script error after 1.2 s: ValueError: expected dense_1_input to have shape (20,) (model.py)"
)
DONE = Seen(
    training="fit", epoch=20, epochs=20, metrics=(("loss", 0.688117), ("accuracy", 0.515)), left=0.0
)
GOING = replace(DONE, call="fit", epoch=3, metrics=(("loss", 0.69), ("accuracy", 0.51)), left=4.6)
COLD = replace(GOING, compiled=2, warm=False)
OK = CellState(Cell("tf", seed=0), CellPhase.ENDED, seen=DONE, outcome=Outcome.OK, seconds=2.13)
RUNNING = CellState(Cell("theano", seed=0), CellPhase.RUNNING, since=88.0, seen_at=99.0, seen=COLD)
FAILED = CellState(
    Cell("tf", seed=1), CellPhase.ENDED, outcome=Outcome.SCRIPT_ERROR, seconds=1.2, words=REASON
)
STARTING = CellState(Cell("theano", seed=1), CellPhase.STARTING, since=98.0)
WAITING = CellState(Cell("tf", seed=2))
ALL = (OK, RUNNING, FAILED, STARTING, WAITING)


def drawn(states: Sequence[CellState], screen: Screen) -> list[str]:
    """Return the lines that a terminal of that size would show, and check that they fit it."""
    console = Console(width=screen.width, height=25, file=io.StringIO(), force_terminal=False)
    with console.capture() as capture:
        console.print(render(Snapshot(tuple(states), now=100.0, elapsed=12.0, abreast=2), screen))
    lines = capture.get().splitlines()
    assert all(cell_len(line) <= screen.width for line in lines)
    return [line.rstrip() for line in lines]


def words(line: str) -> list[str]:
    return re.split(r" {1,}", line)


def test_each_cell_with_all_that_is_known() -> None:
    assert drawn(ALL, Screen(100)) == [
        "cell          state         epoch    loss  accuracy    time  left  compile",
        "tf.seed0      ok            20/20  0.6881     0.515   2.1 s",
        "theano.seed0  running        3/20    0.69      0.51    12 s   4 s  cold, 2 compiled",
        "tf.seed1      script error                            1.2 s",
        "theano.seed1  starting                                  2 s",
        "tf.seed2      waiting",
        f"tf.seed1: {REASON}"[:99] + "…",
        "2 of 5 cells done, 2 running, 1 waiting, 1 failed, 12 s elapsed, about 14 s left",
    ]


@pytest.mark.parametrize(
    ("width", "head"),
    [
        (80, ["cell", "state", "epoch", "loss", "time", "left", "compile"]),
        (60, ["cell", "state", "epoch", "loss", "time", "left", "compile"]),
        (40, ["cell", "state", "epoch", "loss", "left"]),
        (30, ["cell", "state", "epoch"]),
    ],
)
def test_a_narrow_terminal_leaves_out_what_matters_least(width: int, head: list[str]) -> None:
    lines = drawn(ALL, Screen(width))
    assert words(lines[0]) == head
    assert [words(line)[:2] for line in lines[1:6]] == [
        ["tf.seed0", "ok"],
        ["theano.seed0", "running"],
        ["tf.seed1", "script" if width >= 60 else "failed"],
        ["theano.seed1", "starting"],
        ["tf.seed2", "waiting"],
    ]
    assert lines[6].startswith("tf.seed1: script error")
    assert lines[6].endswith("…")
    assert " ".join(lines[7:]) == (
        "2 of 5 cells done, 2 running, 1 waiting, 1 failed, 12 s elapsed, about 14 s left"
    )


@pytest.mark.parametrize("width", [1, 2, 5, 10, 20])
def test_a_terminal_too_narrow_for_anything(width: int) -> None:
    console = Console(width=width, file=io.StringIO())
    console.print(render(Snapshot(ALL, 100.0), Screen(width, height=2)))


def test_a_compile_in_short_if_there_is_no_room() -> None:
    (line,) = [line for line in drawn(ALL, Screen(60)) if line.startswith("theano.seed0")]
    assert line.endswith(" cold, 2")
    warm = replace(RUNNING, seen=replace(GOING, warm=True))
    assert drawn([warm], Screen(80))[1].endswith(" warm")
    compiling = replace(RUNNING, seen=Seen(compiled=7, compiling=True, warm=False))
    assert words(drawn([compiling], Screen(80))[1])[1:] == [
        "compiling",
        "12",
        "s",
        "cold,",
        "7",
        "compiled",
    ]


def test_without_a_backend_that_compiles_there_is_no_such_column() -> None:
    assert "compile" not in drawn([OK, WAITING], Screen(100))[0]


@pytest.mark.parametrize(
    ("seen", "epoch"),
    [
        (Seen(training="fit", epochs=20), "0/20"),
        (Seen(training="fit", epoch=3), "3/?"),
        (Seen(training="fit#12", epoch=3, epochs=9), "#12 3/9"),
        (replace(DONE, call="evaluate"), "evaluate"),
        (Seen(training="train_on_batch", batches=700), "batch 700"),
        (Seen(stage="gradients"), ""),
    ],
)
def test_how_far_a_cell_is(seen: Seen, epoch: str) -> None:
    (line,) = drawn([replace(RUNNING, seen=seen)], Screen(100))[1:2]
    state = seen.stage or "running"
    assert re.sub(" +", " ", line).startswith(f"theano.seed0 {state} {epoch}".rstrip())


def test_how_far_a_suite_is() -> None:
    seen = Seen(call="fit#7", tests=300, tested=12, left=70.5)
    lines = drawn([replace(RUNNING, seen=seen)], Screen(60))
    assert words(lines[0]) == ["cell", "state", "test", "time", "left"]
    assert words(lines[1]) == ["theano.seed0", "running", "12/300", "12", "s", "70", "s"]


def test_at_the_end_reasons_are_shown_in_full() -> None:
    lines = drawn([OK, FAILED, WAITING], Screen(60, done=True))
    assert words(lines[3])[1:3] == ["not", "run"]
    assert " ".join(lines[4:-1]) == f"tf.seed1: {REASON}"
    assert lines[-1].startswith("2 of 3 cells done, ")
    assert "left" not in lines[-1]


def test_what_was_stopped_has_not_failed() -> None:
    stopped = replace(STARTING, phase=CellPhase.ENDED, outcome=Outcome.INTERRUPTED, words="stopped")
    lines = drawn([OK, stopped, WAITING], Screen(80, done=True))
    assert [" ".join(words(line)[1:3]) for line in lines[2:4]] == ["interrupted 0.0", "not run"]
    assert lines[4:] == ["1 of 3 cells done, 1 interrupted, 1 not run, 12 s elapsed"]
    note = "Stopping: removing what is still running."
    assert drawn(ALL, Screen(80, note=note))[-1] == note


def many(done: int = 12, of: int = 30) -> list[CellState]:
    """Return the cells of two images; one of theano failed, two run."""
    states = []
    for seed in range(of):
        for image in ("tf", "theano"):
            state = CellState(Cell(image, seed=seed))
            if seed < done:
                state = replace(OK, cell=state.cell)
            elif seed == done:
                state = replace(RUNNING, cell=state.cell, seen=GOING)
            if seed == 5 and image == "theano":
                state = replace(FAILED, cell=state.cell)
            states.append(state)
    return states


def test_of_many_cells_those_that_run_have_rows_and_the_others_share_some() -> None:
    lines = drawn(many(), Screen(80, height=24))
    cells = [words(line)[0] for line in lines]
    assert len(lines) <= 24
    assert [words(line)[:4] for line in lines[1:3]] == [
        ["9", "x", "tf", "ok"],
        ["8", "x", "theano", "ok"],
    ]
    assert cells[3:6] == ["theano.seed5", "tf.seed9", "theano.seed9"]
    assert cells[10:12] == ["tf.seed12", "theano.seed12"]
    assert cells[16:18] == ["tf.seed15", "theano.seed15"]
    assert [words(line) for line in lines[18:20]] == [
        ["14", "x", "tf", "waiting"],
        ["14", "x", "theano", "waiting"],
    ]


@pytest.mark.parametrize("height", [1, 3, 5, 8, 12, 25, 100])
@pytest.mark.parametrize("width", [40, 80])
def test_it_is_never_higher_than_the_terminal_and_shows_running_cells_first(
    height: int, width: int
) -> None:
    lines = drawn(many(), Screen(width, height=height))
    assert len(lines) <= max(height, 5)
    assert any(line.startswith("tf.seed12") for line in lines)
    assert "24 of 60 cells done" in " ".join(lines)


def test_at_the_end_of_many_cells_the_good_ones_share_a_row() -> None:
    lines = drawn(many(done=30), Screen(80, done=True))
    assert [re.sub(" +", " ", line) for line in lines[1:4]] == [
        "30 x tf ok 0.6881 0.515 2.1 s",
        "29 x theano ok 0.6881 0.515 2.1 s",
        "theano.seed5 script error 1.2 s",
    ]
    assert lines[-2:] == [
        "60 of 60 cells done, 1 failed, 12 s elapsed",
        "figures of several cells are medians",
    ]


def test_of_many_cells_that_failed_some_are_shown() -> None:
    states = [replace(FAILED, cell=Cell("tf", seed=seed)) for seed in range(50)]
    lines = drawn(states, Screen(80, done=True))
    assert lines[1 + MAX_ROWS].startswith("tf.seed0") or "30 x tf" in " ".join(lines)
    assert f"and {50 - MAX_ROWS} more failed" in lines
    going = drawn([*states, WAITING], Screen(80, height=30))
    assert "and 47 more failed" in going


def test_many_groups_share_a_row_for_each_state() -> None:
    states = [
        replace(OK, cell=Cell(f"image{image}", seed=seed))
        for image in range(9)
        for seed in (0, 1, 2)
    ]
    lines = drawn(states, Screen(80, done=True))
    assert words(lines[1])[:3] == ["27", "cells", "ok"]


def test_a_median_of_values_with_nan_is_nan() -> None:
    broken = replace(DONE, metrics=(("loss", float("nan")), ("accuracy", 0.5)))
    states = many(done=30)
    states[0] = replace(states[0], seen=broken)
    assert words(drawn(states, Screen(80, done=True))[1])[4] == "nan"


def test_a_long_name_shows_both_its_ends() -> None:
    settings = KerasSettings(Floatx.FLOAT64, ImageDataFormat.CHANNELS_FIRST, 1e-8)
    cell = Cell("theano", settings, seed=12, repeat=3)
    line = drawn([replace(RUNNING, cell=cell)], Screen(60))[1]
    name = words(line)[0]
    assert name.startswith("theano")
    assert name.endswith("repeat3")
    assert "…" in name
    assert cell.id in drawn([replace(RUNNING, cell=cell)], Screen(130))[1]


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_hostile_names_neither_steer_the_terminal_nor_break_the_table(width: int) -> None:
    seen = Seen(
        call="evaluate#" + "9" * 20,
        training="fit",
        epoch=10**9,
        epochs=10**9,
        metrics=(
            ("[red]損失関数の値は日本語です漢字[/red]", float("nan")),
            ("x" * 32, -1.2345e300),
        ),
        compiled=10**9,
        warm=False,
    )
    hostile = replace(FAILED, words="\x1b[2Jno\nFAKE: ok, [bold]2.0 s[/bold]")
    lines = drawn([replace(RUNNING, seen=seen), hostile], Screen(width))
    assert not any("\x1b" in line or line.startswith("FAKE") for line in lines)
    if width == 100:
        assert "[red]損" in lines[0]
        assert "[bold]2.0 s[/bold]" in lines[3]


# On a terminal


class Terminal:
    """A terminal that keeps all that is written to it."""

    def __init__(self, width: int = 80, **environment: str) -> None:
        self.file = io.StringIO()
        self.console = Console(
            file=self.file,
            width=width,
            height=24,
            force_terminal=True,
            highlight=False,
            _environ={"TERM": "xterm-256color", **environment},
        )
        self.progress = LiveProgress(self.console)

    def run(self, *records: Record) -> str:
        with self.progress as shown:
            shown.planned([record.cell for record in records])
            for record in records:
                shown.started(record.cell)
                shown.seen(record.cell, GOING)
                shown.ended(record)
        return self.file.getvalue()


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-?]*[ -/]*[@-~]", "", text)


def last_frame(text: str) -> list[str]:
    """Return the lines of the last drawing, which begins where the cursor was last moved up."""
    return [line.rstrip() for line in plain(text[text.rindex("\x1b[2K") :]).splitlines()]


def test_the_table_stays_when_the_run_is_done_and_the_cursor_is_back() -> None:
    text = Terminal().run(record(Cell("tf")), record(Cell("theano"), outcome=Outcome.TIMEOUT))
    frame = last_frame(text) if "\x1b[2K" in text else plain(text).splitlines()
    assert [words(line)[:2] for line in frame[1:3]] == [["tf", "ok"], ["theano", "time-out"]]
    assert "2 of 2 cells done, 1 failed, 0 s elapsed" in frame
    assert text.rstrip().endswith("\x1b[?25h")


def test_a_run_that_is_cut_off_leaves_a_table_and_the_cursor() -> None:
    terminal = Terminal()

    def cut_off() -> None:
        with terminal.progress as shown:
            shown.planned([Cell("tf"), Cell("theano")])
            shown.started(Cell("tf"))
            shown.stopping("Stopping.")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut_off()
    text = terminal.file.getvalue()
    assert "0 of 2 cells done, 1 stopped, 1 not run" in plain(text)
    assert text.rstrip().endswith("\x1b[?25h")


def test_a_stop_is_shown_in_the_table_while_there_is_one(capfd: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    terminal.progress.stopping("Stopping.")
    assert capfd.readouterr().err == "\nStopping.\n"
    with terminal.progress as shown:
        shown.planned([Cell("tf")])
        shown.stopping("Stopping.")
        live = terminal.progress._live
        assert live is not None
        live.refresh()
        assert "Stopping." in plain(terminal.file.getvalue())
    assert capfd.readouterr().err == ""


def test_no_color_turns_colours_off() -> None:
    colours = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-9]|4[0-9]|9[0-7])(?:;[0-9]+)*m")
    failed = record(Cell("theano"), outcome=Outcome.TIMEOUT, reason="Not done.")
    assert colours.search(Terminal().run(record(Cell("tf")), failed))
    assert not colours.search(Terminal(NO_COLOR="1").run(record(Cell("tf")), failed))


def test_rounds_share_one_table() -> None:
    terminal = Terminal()
    with terminal.progress as shown:
        for cell in (Cell("tf"), Cell("theano")):
            shown.planned([cell])
            shown.started(cell)
            shown.ended(record(cell))
    assert "2 of 2 cells done" in plain(terminal.file.getvalue())
    assert terminal.file.getvalue().count("\x1b[?25l") == 1


def test_with_nothing_to_run_there_is_no_table() -> None:
    terminal = Terminal()
    with terminal.progress as shown:
        shown.step("30 cells reused: nothing has changed")
        shown.planned([])
    assert terminal.file.getvalue() == "30 cells reused: nothing has changed\n"


def test_the_output_of_the_command_is_left_alone() -> None:
    terminal, out = Terminal(), sys.stdout
    with terminal.progress as shown:
        shown.planned([Cell("tf")])
        assert sys.stdout is out


def test_a_build_shows_its_steps_only() -> None:
    terminal = Terminal()
    terminal.progress.line("Step 1/9 : FROM \x1b[31mscratch")
    terminal.progress.line("Collecting numpy")
    assert plain(terminal.file.getvalue()) == "  Step 1/9 : FROM scratch\n"


def test_cells_may_report_from_many_threads() -> None:
    terminal = Terminal()
    cells = [Cell("tf", seed=seed) for seed in range(8)]

    def run(cell: Cell) -> None:
        terminal.progress.started(cell)
        for number in range(200):
            terminal.progress.seen(cell, replace(GOING, epoch=number))
        terminal.progress.ended(record(cell))

    with terminal.progress as shown:
        shown.planned(cells)
        threads = [threading.Thread(target=run, args=(cell,)) for cell in cells]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert "8 of 8 cells done" in plain(terminal.file.getvalue())
