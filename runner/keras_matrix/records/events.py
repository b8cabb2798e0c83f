"""The events that a probe writes. A container wrote them, so each field has its bounds."""

from typing import Annotated

import msgspec

from keras_matrix.plan.contract import ARRAYS_FOLDER
from keras_matrix.records import suite_events
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


class Start(msgspec.Struct, frozen=True, tag="start", tag_field="event"):
    """The first event."""

    protocol: Whole


class Layer(msgspec.Struct, frozen=True):
    """One layer of a model."""

    name: Text
    kind: Text
    output_shape: Text
    parameters: Count


class ModelDescription(msgspec.Struct, frozen=True, tag="model", tag_field="event"):
    """A model, described once it has its weights."""

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
    """The first epoch of a fit is about to begin; ``params`` are those of its end, too."""

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
    """The number of calls on single batches so far from one line, with the last call's metrics."""

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


_ARRAY_FILE = rf"^{ARRAYS_FOLDER}/[A-Za-z0-9_-][A-Za-z0-9._-]{{0,109}}\Z"
ArrayFile = Annotated[str, msgspec.Meta(pattern=_ARRAY_FILE)]


class Array(msgspec.Struct, frozen=True):
    """A predicted array; ``file`` is relative to the cell's arrays, None if it was not kept."""

    name: Text
    shape: Annotated[list[Count], msgspec.Meta(max_length=32)]
    dtype: Text
    mean: Number | None
    std: Number | None
    not_finite: Count
    file: ArrayFile | None


class CallEnd(msgspec.Struct, frozen=True, tag="call_end", tag_field="event"):
    """A call on a model returned.

    ``drawn`` is whether what it returned depends on numbers that the backend drew by itself; None
    if that is not known, as first weights are the backend's own.
    """

    id: Count
    seconds: Seconds
    cpu_seconds: Seconds
    metrics: Metrics
    params: dict[Text, Whole]
    arrays: Annotated[list[Array], msgspec.Meta(max_length=1000)]
    compiled: Count = 0
    compile_seconds: Seconds = 0.0
    drawn: bool | None = None


class SourceLine(msgspec.Struct, frozen=True):
    """A line of a file beside the script."""

    file: Text
    line: Whole | None


class Failure(msgspec.Struct, frozen=True):
    """The exception of the script, or of the import of Keras.

    ``file`` and ``line`` are in the script, ``deepest`` in a module beside it if it was raised
    deeper there; ``hint`` says what the user can do.
    """

    kind: Text
    message: LongText
    traceback: LongText
    file: Text | None
    line: Whole | None
    deepest: SourceLine | None = None
    hint: Text = ""


class End(msgspec.Struct, frozen=True, tag="end", tag_field="event"):
    """The end of the script; ``peak_memory`` is in bytes."""

    status: Text
    exit_code: Whole
    error: Failure | None
    seconds: Seconds
    cpu_seconds: Seconds
    peak_memory: Count
    keras_backend_variable: Text | None


class Note(msgspec.Struct, frozen=True, tag="note", tag_field="event"):
    """A note of the probe for readers of the record."""

    text: Text


class Compiled(msgspec.Struct, frozen=True, tag="compiled", tag_field="event"):
    """The number of modules that the backend has compiled so far, for the display of progress."""

    modules: Count


class Confinement(msgspec.Struct, frozen=True):
    """The confinement of a cell; a field is None if the kernel, or a sandbox, does not report it.

    ``seccomp`` is the mode of the filter of system calls, 0 for no filter; ``capabilities`` are
    the effective ones as a bit mask; ``interfaces`` are the network interfaces that are up, except
    the loopback.
    """

    seccomp: Count | None
    no_new_privileges: bool | None
    capabilities: Count | None
    interfaces: Annotated[list[Text], msgspec.Meta(max_length=4096)] | None


class AppliedLimits(msgspec.Struct, frozen=True):
    """The limits of the control group; None where it reports no limit."""

    memory: Number | None
    pids: Number | None
    cpus: Number | None


class Environment(msgspec.Struct, frozen=True, tag="environment", tag_field="event"):
    """What the script ran on, observed from inside after Keras was imported."""

    python: Text
    platform: Text
    cpu_model: Text
    cpu_count: Count
    keras: Text
    backend: Text
    floatx: Text
    epsilon: float
    image_data_format: Text
    packages: Annotated[dict[Text, Text], msgspec.Meta(max_length=2000)]
    variables: dict[Text, Text]
    backend_config: dict[Text, Text]
    limits: AppliedLimits
    uid: Count
    import_seconds: float
    cpus: Annotated[list[Count], msgspec.Meta(max_length=4096)] = []
    confinement: Confinement | None = None


CallEvent = TrainBegin | FirstBatch | Batches | EpochEnd | CallEnd
"""An event within a call."""
Event = (
    Note
    | Start
    | Environment
    | ModelDescription
    | CallStart
    | CallEvent
    | Compiled
    | suite_events.SuiteEvent
    | End
)
