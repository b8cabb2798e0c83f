"""What a cell did, put together from its checked stream of events."""

from typing import Any

import msgspec

from keras_matrix.plan.contract import PROTOCOL
from keras_matrix.records import suite_events
from keras_matrix.records.bounded import Count, EpochNumber, Number, Seconds
from keras_matrix.records.events import (
    Array,
    Batches,
    CallEnd,
    CallEvent,
    CallStart,
    End,
    Environment,
    EpochEnd,
    Event,
    FirstBatch,
    ModelDescription,
    Note,
    Start,
    TrainBegin,
)
from keras_matrix.records.untrusted import UnreadableError
from keras_matrix.text import brief

MAX_STREAM_BYTES = 64 * 2**20
MAX_LINE_BYTES = 4 * 2**20
MAX_EVENTS = 2**18
"""Events of a stream: small ones become several times as long in a record."""


class Epoch(msgspec.Struct, frozen=True):
    """An epoch within a call."""

    epoch: EpochNumber
    seconds: Seconds
    metrics: dict[str, Number]
    compiled: Count = 0


class Call(msgspec.Struct):
    """One outermost fit, evaluate or predict, or a loop of calls on single batches.

    ``finished`` is False if the call never returned or, for a loop, if the cell ended before its
    script did. ``drawn`` is whether its results depend on numbers that the backend drew by itself,
    None if that is not known.
    """

    kind: str
    name: str
    model: str
    site: str
    finished: bool = False
    seconds: Seconds | None = None
    cpu_seconds: Seconds | None = None
    first_batch_seconds: Seconds | None = None
    metrics: dict[str, Number] = {}
    params: dict[str, int] = {}
    arrays: list[Array] = []
    epochs: list[Epoch] = []
    compiled: Count = 0
    compile_seconds: Seconds = 0.0
    first_batch_compiled: Count = 0
    drawn: bool | None = None


class Observation(msgspec.Struct):
    """All that a cell reported before it ended, however it ended."""

    environment: Environment | None = None
    models: list[ModelDescription] = []
    notes: list[str] = []
    calls: list[Call] = []
    suite: suite_events.SuiteLog = msgspec.field(default_factory=suite_events.SuiteLog)
    end: End | None = None


_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Event)


def parse(content: bytes, *, complete: bool) -> Observation:
    """Parse a stream of events.

    A stream that is not ``complete``, as its cell was killed, may end in the middle of a line. A
    stream without an ``end`` is well-formed: the caller decides what that means.

    Raises:
        UnreadableError: a line is not an event, or the events make no sense together.
    """
    lines = content.split(b"\n")
    if lines.pop() and complete:
        raise UnreadableError("the last line has no end")
    if len(lines) > MAX_EVENTS:
        raise UnreadableError(f"it has more than {MAX_EVENTS} lines")
    observation = Observation()
    calls: dict[int, Call] = {}
    for number, line in enumerate(lines, start=1):
        if len(line) > MAX_LINE_BYTES:
            raise UnreadableError(f"line {number} is longer than {MAX_LINE_BYTES} bytes")
        try:
            event = _decoder.decode(line)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise UnreadableError(f"line {number}: {brief(str(error))}") from error
        if (number == 1) != isinstance(event, Start):
            raise UnreadableError(f"line {number}: 'start' is the first event and only that")
        _take(event, observation, calls, number)
    return observation


def _take(event: Event, observation: Observation, calls: dict[int, Call], number: int) -> None:
    if observation.end is not None:
        raise UnreadableError(f"line {number}: an event after the end")
    match event:
        case Start(protocol=protocol) if protocol != PROTOCOL:
            raise UnreadableError(f"its protocol is {protocol}, not {PROTOCOL}")
        case Environment():
            observation.environment = event
        case Note():
            observation.notes.append(event.text)
        case ModelDescription():
            observation.models.append(event)
        case CallStart():
            if event.id in calls:
                raise UnreadableError(f"line {number}: call {event.id} begins twice")
            calls[event.id] = Call(event.kind, event.name, event.model, event.site)
            observation.calls.append(calls[event.id])
        case suite_events.SuiteCollected() | suite_events.CaseStart() | suite_events.CaseEnd():
            if not observation.suite.take(event):
                raise UnreadableError(f"line {number}: a test begins or ends out of turn")
        case End():
            observation.end = event
        case TrainBegin() | FirstBatch() | Batches() | EpochEnd() | CallEnd():
            if event.id not in calls or calls[event.id].finished:
                raise UnreadableError(f"line {number}: call {event.id} is not under way")
            _take_call_event(event, calls[event.id])


def _take_call_event(event: CallEvent, call: Call) -> None:
    match event:
        case TrainBegin():
            call.params = event.params
        case FirstBatch():
            call.first_batch_seconds = event.seconds
            call.first_batch_compiled = event.compiled
        case Batches():
            call.params = {"calls": event.calls}
            call.seconds = event.seconds
            call.metrics = event.metrics
        case EpochEnd():
            call.epochs.append(Epoch(event.epoch, event.seconds, event.metrics, event.compiled))
        case CallEnd():
            call.finished = True
            call.seconds = event.seconds
            call.cpu_seconds = event.cpu_seconds
            call.metrics = event.metrics
            call.params = event.params
            call.arrays = event.arrays
            call.compiled = event.compiled
            call.compile_seconds = event.compile_seconds
            call.drawn = event.drawn
