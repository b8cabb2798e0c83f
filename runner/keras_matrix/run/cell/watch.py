"""Say how far a cell is, from what it writes as it runs.

Nothing depends on it but what is shown: what cannot be read is passed over here, and judged when
the cell has ended and its whole stream is parsed.
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

MOST_METRICS = 2
LONGEST_NAME = 32
LOSS = "loss"
RECENT = 5
"""Epochs whose mean tells how long the others will take."""
MOST = 10**9
"""No count is more: what a cell tells need not be true."""
TRAINING = ("fit", "train_on_batch")
UNDER_WAY = ("fit", "evaluate", "predict")
"""Kinds of call that have an end of their own; loops of calls on batches end with the script."""


@dataclass(frozen=True)
class Seen:
    """How far a cell is, by its own word.

    ``call`` is the fit, evaluate or predict that is under way. ``training`` names the last call
    that trained; of it are how many ``epochs`` (None if they are not known) or ``batches`` are
    done, the last metrics, the loss first, and the seconds that its other epochs may take.
    ``compiled`` counts modules that the backend compiled, ``compiling`` tells that it has computed
    nothing since; ``warm`` if it computed something without compiling, None if that is not known
    yet, or the backend compiles none. ``stage`` is what a trace does. Of a suite of tests there
    are ``tests``, ``tested`` of which have ended; ``left`` is their time then.
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


class Reader:
    """Takes events, line by line; ``seen`` is what they come to.

    ``compiles`` tells that the backend is one that compiles modules.
    """

    def __init__(self, *, compiles: bool) -> None:
        self.seen = Seen()
        self._compiles = compiles
        self._training = -1
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._first: float | None = None
        self._first_batch = 0.0
        self._testing = 0.0

    def take(self, line: bytes) -> None:
        """Take a line; what is not an event, or makes no sense, is passed over."""
        try:
            event = _decoder.decode(line)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return
        match event:
            case suite_events.SuiteCollected(collected=tests) if tests <= MOST:
                self.seen = replace(self.seen, tests=tests)
            case suite_events.CaseEnd() if self.seen.tests is not None:
                # Before the suite is told, files that could not be read as tests are.
                self._end_test(event, self.seen.tests)
            case CallStart():
                self._begin(event)
            case events.Compiled(modules=modules) if self._compiles and modules <= MOST:
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
        """Note that something was computed: by then, what has to be compiled is."""
        warm = True if self._compiles and self.seen.warm is None else self.seen.warm
        self.seen = replace(self.seen, compiling=False, warm=warm)

    def _train(self, event: Any) -> None:
        match event:
            case TrainBegin(params=params):
                epochs = params.get("epochs", 0)
                if 0 < epochs <= MOST:
                    self.seen = replace(self.seen, epochs=epochs)
            case events.FirstBatch():
                self._first_batch = event.seconds
                self.seen = replace(self.seen, stage="")
            case events.Batches(calls=calls) if calls <= MOST:
                self.seen = replace(self.seen, batches=calls, metrics=_chosen(event.metrics))
            case EpochEnd(epoch=epoch) if epoch < MOST:
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
        """Return how long the epochs after those ``done`` may take; None if nothing tells."""
        if self.seen.epochs is None or self._first is None:
            return None
        seconds = list(self._recent) or [self._first]
        if done < self.seen.epochs and not self._recent and self._first_batch * 2 > self._first:
            # Graphs are built and code is compiled in the first batch: most of it was that.
            return None
        left = sum(seconds) / len(seconds) * (self.seen.epochs - done)
        return max(0.0, left) if left <= MOST else None


@dataclass(frozen=True)
class Stages:
    """Where in its folder a cell says at which stage it is, and what reads a line of that."""

    file: tuple[str, ...]
    read: Callable[[bytes], str | None]


class Watch:
    """Follows a cell's folder and tells of what is new in it."""

    def __init__(
        self,
        folder: Path,
        tell: Callable[[Seen], None],
        *,
        compiles: bool,
        stages: Stages | None = None,
    ) -> None:
        self._tell = tell
        self._reader = Reader(compiles=compiles)
        self._events = Tail(folder, EVENTS_FILE)
        self._read_stage = stages.read if stages is not None else _no_stage
        self._stages = Tail(folder, *stages.file) if stages is not None else None
        self._told: Seen | None = None

    def look(self) -> None:
        """Read what is new, and tell if there is news."""
        stages = self._stages.lines() if self._stages is not None else []
        stage = next(filter(None, map(self._read_stage, reversed(stages))), None)
        if stage is not None:
            self._reader.seen = replace(self._reader.seen, stage=stage)
        # After the stages: the training that follows ends them.
        lines = self._events.lines()
        for line in lines:
            self._reader.take(line)
        seen = self._reader.seen
        if seen != self._told and (lines or self._told is not None):
            self._told = seen
            self._tell(seen)


def _no_stage(line: bytes) -> str | None:
    return None


def _name(text: str) -> str:
    return one_line(text)[:LONGEST_NAME]


def _chosen(metrics: Metrics) -> tuple[tuple[str, float], ...]:
    """Return the loss and what comes next."""
    names = sorted(metrics, key=lambda name: name != LOSS)[:MOST_METRICS]
    return tuple((_name(name), float(metrics[name])) for name in names)


_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(events.Event)
