"""Find out how far a cell is, from what the cell writes as it runs.

Only what is shown depends on it: a line that cannot be read is skipped here, and judged when the
cell has ended and its whole stream is parsed.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from keras_matrix.plan.contract import EVENTS_FILE
from keras_matrix.records import events, suite_events
from keras_matrix.records.bounded import Metrics
from keras_matrix.records.events import CallStart, EpochEnd, TrainBegin
from keras_matrix.records.untrusted import Tail
from keras_matrix.text import one_line

MAX_SHOWN_METRICS = 2
"""Metrics that are shown of an epoch, the loss first."""
MAX_NAME_LENGTH = 32
"""Characters of a name that are shown."""
LOSS = "loss"
RECENT_EPOCHS = 5
"""Epochs whose mean is the estimate of how long each of the others will take."""
MAX_COUNT = 10**9
"""The largest count that is believed: what a cell reports need not be true."""
TRAINING = ("fit", "train_on_batch")
UNDER_WAY = ("fit", "evaluate", "predict")
"""Kinds of call that have an end of their own; loops of calls on batches end with the script."""


@dataclass(frozen=True)
class Seen:
    """How far a cell is, by its own report.

    ``call`` is the fit, evaluate or predict that is under way. ``training`` names the last call
    that trained; of it are how many ``epochs`` (None if that is unknown) or ``batches`` are
    done, the last metrics, the loss first, and the seconds that its other epochs may take.
    ``compiled`` counts the modules that the backend compiled; it is ``compiling`` if it has
    computed nothing since, and ``warm`` if it computed something without compiling (None if that is
    unknown yet, or the backend compiles nothing). ``stage`` is what a trace does. Of a suite of
    tests, there are ``tests``, ``tested`` of which have ended; ``left`` is the time of the others.
    """

    call: str = ""
    training: str = ""
    epoch: int = 0
    epochs: int | None = None
    batches: int = 0
    metrics: tuple[tuple[str, float], ...] = ()
    left: float | None = None
    compiled: int = 0
    compiling: bool = False
    warm: bool | None = None
    stage: str = ""
    tested: int = 0
    tests: int | None = None


class EventReader:
    """Reads events, line by line; ``seen`` is how far the cell is by then.

    ``compiles`` says that the backend is one that compiles modules.
    """

    def __init__(self, *, compiles: bool) -> None:
        self.seen = Seen()
        self._compiles = compiles
        self._training = -1
        self._recent: deque[float] = deque(maxlen=RECENT_EPOCHS)
        self._first: float | None = None
        self._first_batch = 0.0
        self._testing = 0.0

    def take(self, line: bytes) -> None:
        """Read a line; skip what is not an event, or does not fit the events before it."""
        try:
            event = _decoder.decode(line)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return
        match event:
            case suite_events.SuiteCollected(collected=tests) if tests <= MAX_COUNT:
                self.seen = replace(self.seen, tests=tests)
            case suite_events.CaseEnd() if self.seen.tests is not None:
                # Before the suite's event come those of files that could not be read as tests.
                self._end_test(event, self.seen.tests)
            case CallStart():
                self._begin(event)
            case events.Compiled(modules=modules) if self._compiles and modules <= MAX_COUNT:
                self.seen = replace(self.seen, compiled=modules, compiling=True, warm=False)
            case events.CallEnd():
                self._done()
                self.seen = replace(self.seen, call="")
            case TrainBegin() | events.FirstBatch() | EpochEnd() | events.Batches():
                if not isinstance(event, TrainBegin):
                    self._done()
                if event.id == self._training:
                    self._train(event)

    def _end_test(self, event: suite_events.CaseEnd, tests: int) -> None:
        done = self.seen.tested + 1
        self._testing += event.seconds
        left = max(0.0, self._testing / done * (tests - done))
        self.seen = replace(self.seen, tested=done, left=left, compiling=False)

    def _begin(self, event: CallStart) -> None:
        name = _name(event.name)
        call = name if event.kind in UNDER_WAY else ""
        self.seen = replace(self.seen, call=call)
        if event.kind in TRAINING and self.seen.tests is None:
            self._training = event.id
            self._recent.clear()
            self._first = None
            self._first_batch = 0.0
            self.seen = replace(
                self.seen,
                training=name,
                epoch=0,
                epochs=None,
                batches=0,
                metrics=(),
                left=None,
            )

    def _done(self) -> None:
        """Note that something was computed: what it takes is compiled by then."""
        warm = True if self._compiles and self.seen.warm is None else self.seen.warm
        self.seen = replace(self.seen, compiling=False, warm=warm)

    def _train(self, event: Any) -> None:
        match event:
            case TrainBegin(params=params):
                epochs = params.get("epochs", 0)
                if 0 < epochs <= MAX_COUNT:
                    self.seen = replace(self.seen, epochs=epochs)
            case events.FirstBatch():
                self._first_batch = event.seconds
                self.seen = replace(self.seen, stage="")
            case events.Batches(calls=calls) if calls <= MAX_COUNT:
                self.seen = replace(self.seen, batches=calls, metrics=_chosen(event.metrics))
            case EpochEnd(epoch=epoch) if epoch < MAX_COUNT:
                self._epoch(event)

    def _epoch(self, event: EpochEnd) -> None:
        if self._first is None:
            self._first = event.seconds
        else:
            self._recent.append(event.seconds)
        done = event.epoch + 1
        left = self._left(done)
        self.seen = replace(self.seen, epoch=done, metrics=_chosen(event.metrics), left=left)

    def _left(self, done: int) -> float | None:
        """Estimate the seconds of the epochs after those ``done``; None if that is unknown."""
        if self.seen.epochs is None or self._first is None:
            return None
        seconds = list(self._recent) or [self._first]
        if done < self.seen.epochs and not self._recent and self._first_batch * 2 > self._first:
            # The first batch, which builds graphs and compiles code, took most of the epoch.
            return None
        left = sum(seconds) / len(seconds) * (self.seen.epochs - done)
        return max(0.0, left) if left <= MAX_COUNT else None


@dataclass(frozen=True)
class StageFile:
    """The file in its folder in which a cell of a trace reports its stages, and a line's reader."""

    file: tuple[str, ...]
    read: Callable[[bytes], str | None]


class Watch:
    """Follows the files in a cell's folder, and calls ``notify`` with how far the cell is."""

    def __init__(
        self,
        folder: Path,
        notify: Callable[[Seen], None],
        *,
        compiles: bool,
        stages: StageFile | None = None,
    ) -> None:
        self._notify = notify
        self._reader = EventReader(compiles=compiles)
        self._events = Tail(folder, EVENTS_FILE)
        self._read_stage = stages.read if stages is not None else _no_stage
        self._stages = Tail(folder, *stages.file) if stages is not None else None
        self._notified: Seen | None = None

    def update(self) -> None:
        """Read the new lines, and notify if the cell has made progress."""
        stages = self._stages.lines() if self._stages is not None else []
        stage = next(filter(None, map(self._read_stage, reversed(stages))), None)
        if stage is not None:
            self._reader.seen = replace(self._reader.seen, stage=stage)
        # After the stages: the training that follows ends them.
        lines = self._events.lines()
        for line in lines:
            self._reader.take(line)
        seen = self._reader.seen
        if seen != self._notified and (lines or self._notified is not None):
            self._notified = seen
            self._notify(seen)


def _no_stage(line: bytes) -> str | None:
    return None


def _name(text: str) -> str:
    return one_line(text)[:MAX_NAME_LENGTH]


def _chosen(metrics: Metrics) -> tuple[tuple[str, float], ...]:
    """Return the loss and the next metrics by name."""
    names = sorted(metrics, key=lambda name: name != LOSS)[:MAX_SHOWN_METRICS]
    return tuple((_name(name), float(metrics[name])) for name in names)


_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(events.Event)
