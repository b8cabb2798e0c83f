"""Read the event stream that a cell's probe wrote. What a container wrote is not to be trusted."""

from pathlib import Path
from typing import Annotated, Any

import msgspec

from keras_matrix.records import suite_events, untrusted
from keras_matrix.records.bounded import (
    Count,
    EpochNumber,
    LongText,
    Metrics,
    Number,
    Seconds,
    Text,
    Whole,
)
from keras_matrix.records.environment import Environment
from keras_matrix.text import brief

PROTOCOL = 1
EVENTS_FILE = "events.jsonl"
MAX_BYTES = 64 * 2**20
MAX_LINE = 4 * 2**20
MAX_EVENTS = 2**18  # what small ones become in a record is several times as long


class BadStreamError(Exception):
    """The stream is not what a probe writes; the message says where it is wrong."""


class Start(msgspec.Struct, frozen=True, tag="start", tag_field="event"):
    """The first event."""

    protocol: Whole


class Layer(msgspec.Struct, frozen=True):
    """One layer of a model."""

    name: Text
    kind: Text
    output_shape: Text
    parameters: Count


class Model(msgspec.Struct, frozen=True, tag="model", tag_field="event"):
    """A model, once it has its weights."""

    name: Text
    kind: Text
    layers: Annotated[list[Layer], msgspec.Meta(max_length=5000)]
    parameters: Count
    optimizer: Text
    loss: Text


class CallStart(msgspec.Struct, frozen=True, tag="call_start", tag_field="event"):
    """A call on a model began."""

    id: Count
    kind: Text
    name: Text
    model: Text
    site: Text


class TrainBegin(msgspec.Struct, frozen=True, tag="train_begin", tag_field="event"):
    """A fit's first epoch is about to begin; ``params`` are what it ends with, too."""

    id: Count
    params: dict[Text, Whole]


class FirstBatch(msgspec.Struct, frozen=True, tag="first_batch", tag_field="event"):
    """The first batch of a fit ended, ``seconds`` after the call.

    ``compiled`` counts the modules that the backend compiled in that time; likewise below.
    """

    id: Count
    seconds: Seconds
    compiled: Count = 0


class Batches(msgspec.Struct, frozen=True, tag="batches", tag_field="event"):
    """So many calls on single batches were made so far from one place; the last one's metrics."""

    id: Count
    calls: Count
    seconds: Seconds
    metrics: Metrics


class EpochEnd(msgspec.Struct, frozen=True, tag="epoch", tag_field="event"):
    """An epoch ended; ``seconds`` is its wall time, validation included."""

    id: Count
    epoch: EpochNumber
    seconds: Seconds
    metrics: Metrics
    compiled: Count = 0


class Array(msgspec.Struct, frozen=True):
    """A predicted array; ``file`` is relative to the cell's arrays, None if it was not kept."""

    name: Text
    shape: Annotated[list[Count], msgspec.Meta(max_length=32)]
    dtype: Text
    mean: Number | None
    std: Number | None
    not_finite: Count
    file: (
        Annotated[str, msgspec.Meta(pattern=r"^arrays/[A-Za-z0-9_-][A-Za-z0-9._-]{0,109}\Z")] | None
    )


class CallEnd(msgspec.Struct, frozen=True, tag="call_end", tag_field="event"):
    """A call on a model returned."""

    id: Count
    seconds: Seconds
    cpu_seconds: Seconds
    metrics: Metrics
    params: dict[Text, Whole]
    arrays: Annotated[list[Array], msgspec.Meta(max_length=1000)]
    compiled: Count = 0
    compile_seconds: Seconds = 0.0


class Place(msgspec.Struct, frozen=True):
    """A line of a file beside the script."""

    file: Text
    line: Whole | None


class Failure(msgspec.Struct, frozen=True):
    """What the script, or the import of Keras, raised.

    ``file`` and ``line`` are the script's own, ``deepest`` is deeper in a module beside it;
    ``hint`` says what helps.
    """

    kind: Text
    message: LongText
    traceback: LongText
    file: Text | None
    line: Whole | None
    deepest: Place | None = None
    hint: Text = ""


class End(msgspec.Struct, frozen=True, tag="end", tag_field="event"):
    """How the script ended; ``peak_memory`` in bytes."""

    status: Text
    exit_code: Whole
    error: Failure | None
    seconds: Seconds
    cpu_seconds: Seconds
    peak_memory: Count
    keras_backend_variable: Text | None


class Note(msgspec.Struct, frozen=True, tag="note", tag_field="event"):
    """A remark of the probe's for whoever reads the record."""

    text: Text


class Compiled(msgspec.Struct, frozen=True, tag="compiled", tag_field="event"):
    """So many modules the backend has compiled so far, in calls or not: for whoever looks on."""

    modules: Count


OfCall = TrainBegin | FirstBatch | Batches | EpochEnd | CallEnd
"""What happens within a call."""
Event = (
    Note | Start | Environment | Model | CallStart | OfCall | Compiled | suite_events.OfSuite | End
)


class Epoch(msgspec.Struct, frozen=True):
    """An epoch within a call."""

    epoch: EpochNumber
    seconds: Seconds
    metrics: dict[str, Number]
    compiled: Count = 0


class Call(msgspec.Struct):
    """One outermost fit, evaluate or predict, or a loop of calls on single batches.

    ``finished`` is False if it never returned; of a loop, if the cell ended before its script.
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


class Observation(msgspec.Struct):
    """All that a cell told: as much of it as was written before it ended, however it ended."""

    environment: Environment | None = None
    models: list[Model] = []
    notes: list[str] = []
    calls: list[Call] = []
    suite: suite_events.SuiteLog = msgspec.field(default_factory=suite_events.SuiteLog)
    end: End | None = None


_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Event)


def read_bounded(path: Path, limit: int) -> bytes:
    """Read a regular file of at most ``limit`` bytes, following no link on its last two steps.

    Raises:
        BadStreamError: it is missing, not a regular file, or larger.
    """
    try:
        return untrusted.read(limit, path.parent, path.name)
    except OSError as error:
        raise BadStreamError(f"{path.name} cannot be read: {error.strerror}") from error


def parse(content: bytes, *, complete: bool) -> Observation:
    """Parse a stream.

    One that is not ``complete`` (its cell was killed) may end in the middle of a line. One without
    an ``end`` is well-formed: what it means is for the caller to judge.

    Raises:
        BadStreamError: a line is not an event, or the events make no sense together.
    """
    lines = content.split(b"\n")
    if lines.pop() and complete:
        raise BadStreamError("the last line has no end")
    if len(lines) > MAX_EVENTS:
        raise BadStreamError(f"it has more than {MAX_EVENTS} lines")
    observation = Observation()
    calls: dict[int, Call] = {}
    for number, line in enumerate(lines, start=1):
        if len(line) > MAX_LINE:
            raise BadStreamError(f"line {number} is longer than {MAX_LINE} bytes")
        try:
            event = _decoder.decode(line)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise BadStreamError(f"line {number}: {brief(str(error))}") from error
        if (number == 1) != isinstance(event, Start):
            raise BadStreamError(f"line {number}: 'start' is the first event and only that")
        _take(event, observation, calls, number)
    return observation


def _take(event: Event, observation: Observation, calls: dict[int, Call], number: int) -> None:
    if observation.end is not None:
        raise BadStreamError(f"line {number}: an event after the end")
    match event:
        case Start(protocol=protocol) if protocol != PROTOCOL:
            raise BadStreamError(f"its protocol is {protocol}, not {PROTOCOL}")
        case Environment():
            observation.environment = event
        case Note():
            observation.notes.append(event.text)
        case Model():
            observation.models.append(event)
        case CallStart():
            if event.id in calls:
                raise BadStreamError(f"line {number}: call {event.id} begins twice")
            calls[event.id] = Call(event.kind, event.name, event.model, event.site)
            observation.calls.append(calls[event.id])
        case suite_events.Suite() | suite_events.CaseStart() | suite_events.CaseEnd():
            if not observation.suite.take(event):
                raise BadStreamError(f"line {number}: a test begins or ends out of turn")
        case End():
            observation.end = event
        case TrainBegin() | FirstBatch() | Batches() | EpochEnd() | CallEnd():
            if event.id not in calls or calls[event.id].finished:
                raise BadStreamError(f"line {number}: call {event.id} is not under way")
            _take_of_call(event, calls[event.id])


def _take_of_call(event: OfCall, call: Call) -> None:
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
