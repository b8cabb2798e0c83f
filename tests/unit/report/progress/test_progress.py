"""Progress line by line: without a terminal, or with --verbose."""

import sys
from dataclasses import dataclass

import pytest

from keras_matrix.cli.execute import progress
from keras_matrix.plan.cells import Cell
from keras_matrix.records.record import Outcome
from keras_matrix.report.progress.lines import PROGRESS_INTERVAL, PlainProgress
from keras_matrix.report.progress.live import LiveProgress
from keras_matrix.report.progress.words import compiling, duration, figure, how_far
from keras_matrix.run.cell.watch import Seen
from tests.unit.records.builders import record

CELL = Cell("tf", seed=1)


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def epoch(number: int, **more: object) -> Seen:
    metrics = (("loss", 0.693147), ("accuracy", 0.5))
    return Seen(**{"training": "fit", "epoch": number, "epochs": 20, "metrics": metrics, **more})  # type: ignore[arg-type]


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capsys.readouterr()
    assert out == ""
    return [line.partition(" ")[2] for line in err.splitlines()]


def test_verbose_prints_epochs_but_not_all_of_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()
    shown = PlainProgress(verbose=True, clock=clock)
    shown.started(CELL)
    shown.seen(CELL, Seen())
    for number in range(1, 101):
        clock.now += PROGRESS_INTERVAL / 10
        shown.seen(CELL, epoch(number, epochs=100, left=3.2))
    shown.seen(Cell("theano"), epoch(1))
    lines = lines_of(capsys)
    assert lines[:3] == [
        "tf.seed1: started",
        "tf.seed1: epoch 1 of 100, loss 0.6931, accuracy 0.5, about 4 s left",
        "tf.seed1: epoch 11 of 100, loss 0.6931, accuracy 0.5, about 4 s left",
    ]
    assert lines[-1] == "theano: epoch 1 of 20, loss 0.6931, accuracy 0.5"
    assert len(lines) == 1 + 10 + 1


def test_the_same_line_is_not_printed_twice(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    shown = PlainProgress(verbose=True, clock=clock)
    for call in ("fit", "evaluate", ""):
        shown.seen(CELL, epoch(20, call=call, left=0.0))
        clock.now += 2 * PROGRESS_INTERVAL
    assert lines_of(capsys) == ["tf.seed1: epoch 20 of 20, loss 0.6931, accuracy 0.5"]


def test_a_cell_that_runs_again_is_printed_again(capsys: pytest.CaptureFixture[str]) -> None:
    shown = PlainProgress(verbose=True, clock=Clock())
    for _ in range(2):
        shown.started(CELL)
        shown.seen(CELL, epoch(1))
        shown.ended(record(CELL))
    assert [line for line in lines_of(capsys) if "epoch" in line] == [
        "tf.seed1: epoch 1 of 20, loss 0.6931, accuracy 0.5"
    ] * 2


def test_without_verbose_only_starts_and_ends_are_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = PlainProgress()
    shown.started(CELL)
    shown.seen(CELL, epoch(1))
    shown.ended(record(CELL))
    assert lines_of(capsys) == ["tf.seed1: started", "tf.seed1: ok, 2.0 s"]


def test_the_stages_of_a_trace_are_printed_once_each(capsys: pytest.CaptureFixture[str]) -> None:
    shown = PlainProgress()
    for stage in ("gradients", "gradients", "", "the loss alone"):
        shown.seen(CELL, Seen(stage=stage))
    assert lines_of(capsys) == ["tf.seed1: gradients", "tf.seed1: the loss alone"]


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    shown = PlainProgress(quiet=True)
    shown.planned([CELL])
    shown.started(CELL)
    shown.seen(CELL, epoch(1, stage="gradients"))
    shown.ended(record(CELL, outcome=Outcome.TIMEOUT, reason="Not done."))
    assert lines_of(capsys) == []


def test_a_name_from_the_cell_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    shown = PlainProgress(verbose=True)
    shown.seen(CELL, epoch(1, metrics=(("\x1b[2Jlo\x07ss", 0.5),)))
    assert lines_of(capsys) == ["tf.seed1: epoch 1 of 20, loss 0.5"]


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        (Seen(), ""),
        (Seen(training="fit", epochs=20), ""),
        (Seen(training="fit", epoch=3), "epoch 3"),
        (Seen(training="fit#4", epoch=3, epochs=9), "training #4: epoch 3 of 9"),
        (Seen(training="train_on_batch", batches=70), "batch 70"),
        (Seen(tests=300, tested=12, left=70.5), "test 12 of 300, about 71 s left"),
        (Seen(tests=300), ""),
        (Seen(compiled=2, warm=False), "cold, 2 compiled"),
        (Seen(training="fit", epoch=1, epochs=1, warm=True, left=0.0), "epoch 1 of 1, warm"),
        (Seen(metrics=(("loss", float("nan")),)), "loss nan"),
    ],
)
def test_how_far_a_cell_is_in_words(seen: Seen, text: str) -> None:
    assert how_far(seen) == text


def test_cold_or_warm_in_words() -> None:
    assert [
        compiling(seen) for seen in (Seen(), Seen(warm=True), Seen(compiled=1, warm=False))
    ] == [
        "",
        "warm",
        "cold, 1 compiled",
    ]


@pytest.mark.parametrize(
    ("seconds", "exact", "estimated"),
    [
        (-3.0, "0.0 s", "0 s"),
        (0.04, "0.0 s", "1 s"),
        (9.94, "9.9 s", "10 s"),
        (9.96, "10 s", "10 s"),
        (119.4, "119 s", "2m 00s"),
        (125.0, "2m 05s", "2m 05s"),
        (3599.4, "59m 59s", "1h 00m"),
        (2 * 3600 + 600.0, "2h 10m", "2h 10m"),
        (3 * 86400 + 4 * 3600.0, "3d 04h", "3d 04h"),
        (float("inf"), "> 99 d", "> 99 d"),
        (float("nan"), "> 99 d", "> 99 d"),
    ],
)
def test_durations(seconds: float, exact: str, estimated: str) -> None:
    assert duration(seconds) == exact
    assert duration(seconds, estimated=True) == estimated
    assert len(exact) <= 7


@pytest.mark.parametrize("value", [0.0, 0.69314718, -1.23456e300, 1e-320, float("nan"), -1e5])
def test_figures_are_short(value: float) -> None:
    assert len(figure(value)) <= 11
    assert float(figure(value)) == pytest.approx(value, rel=1e-3, nan_ok=True)


@pytest.mark.parametrize(
    ("terminal", "quiet", "verbose", "term", "kind"),
    [
        (True, False, False, "xterm", LiveProgress),
        (True, False, False, "dumb", PlainProgress),
        (True, True, False, "xterm", PlainProgress),
        (True, False, True, "xterm", PlainProgress),
        (False, False, False, "xterm", PlainProgress),
    ],
)
def test_a_table_where_one_can_be_drawn_lines_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
    *,
    terminal: bool,
    quiet: bool,
    verbose: bool,
    term: str,
    kind: type,
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    assert type(progress(quiet=quiet, verbose=verbose)) is kind
