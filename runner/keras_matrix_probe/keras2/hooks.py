"""Hooks on Keras's model class, which report each outermost call and change nothing of it.

The methods of ``keras.models.Model`` itself are wrapped, and so of Sequential, functional and
subclassed models, under Keras 2 and 3 alike. Keras calls some of these methods within others
(``fit`` calls ``fit_generator``, which calls ``evaluate_generator``): only the outermost call of a
thread is reported.
"""

import functools
import os
import sys
import threading
import time
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from ..arrays import ArrayStore
from ..events import EventStream
from ..process.compiled import CompileClock
from . import models
from .caps import Arguments, Caps
from .loops import BATCH_METHODS, Loop, Loops
from .metrics import named_metrics, numbers
from .own_draws import TRAINING_KINDS, OwnDraws

CALL_KINDS = {
    "fit": "fit",
    "fit_generator": "fit",
    "evaluate": "evaluate",
    "evaluate_generator": "evaluate",
    "predict": "predict",
    "predict_generator": "predict",
}
"""Method to the kind of its calls; the generator forms do the same with other input."""


class Recorder:
    """Reports calls on Keras models as events.

    ``trained`` are the models that were trained, in the order that their training began. ``draws``
    is what the backend draws by itself where weights are paired; None where they are not. ``named``
    names the result of a call on a model.
    """

    def __init__(
        self,
        stream: EventStream,
        arrays: ArrayStore,
        folder: str,
        caps: Caps,
        clock: Optional[CompileClock] = None,
        draws: Optional[OwnDraws] = None,
        named: Callable[[Any, Any], Dict[str, float]] = named_metrics,
    ) -> None:
        self.named = named
        self._caps = caps
        self._draws = draws
        self.clock = clock or CompileClock()
        self._stream = stream
        self._arrays = arrays
        self._folder = folder
        self._depth = threading.local()
        self._lock = threading.Lock()
        self._ordinals: Dict[str, int] = {}
        self._described: Set[int] = set()
        self._models: List[Any] = []
        self._next_id = 0
        self._loops = Loops(caps, self.clock)
        self.trained: List[Any] = []

    def install(self, keras: Any) -> None:
        """Wrap the methods of ``keras.models.Model``, and report what is compiled."""
        self.clock.notify = lambda modules: self._stream.emit("compiled", modules=modules)
        callback_class = make_callback_class(keras.callbacks.Callback)
        model_class = keras.models.Model
        for method, kind in CALL_KINDS.items():
            original = getattr(model_class, method, None)
            if original is not None:
                wrapped = self._wrap(original, kind, callback_class)
                setattr(model_class, method, wrapped)
        for method in BATCH_METHODS:
            original = getattr(model_class, method, None)
            if original is not None:
                setattr(model_class, method, self._wrap_batch(original, method))

    def finish(self) -> None:
        """Report the end of all loops of calls on single batches, which end with the script."""
        for loop, model in self._loops.all():
            self.describe(model)
            arrays: List[Dict[str, Any]] = []
            if loop.kind == "predict_on_batch":
                arrays = self.save(loop.name, loop.last)
            self._stream.emit(
                "call_end",
                id=loop.number,
                seconds=loop.seconds,
                cpu_seconds=loop.cpu_seconds,
                metrics=self._metrics_of(loop, model),
                params={"calls": loop.calls},
                arrays=arrays,
                compiled=loop.compiled,
                compile_seconds=loop.compile_seconds,
                drawn=self.drawn(loop.kind),
            )
            self._note_uncapped(loop)
        for note in self._loops.left_out_notes():
            self._stream.emit("note", text=note)

    def _report(self, loop: Loop, model: Any) -> None:
        """Report the progress of a loop."""
        if loop.calls == 1:
            self._stream.emit(
                "first_batch",
                id=loop.number,
                seconds=loop.first_seconds,
                compiled=loop.first_compiled,
            )
        self._stream.emit(
            "batches",
            id=loop.number,
            calls=loop.calls,
            seconds=loop.seconds,
            metrics=self._metrics_of(loop, model),
        )
        self._note_uncapped(loop)

    def _metrics_of(self, loop: Loop, model: Any) -> Dict[str, float]:
        return {} if loop.kind == "predict_on_batch" else self.named(model, loop.last)

    def _note_uncapped(self, loop: Loop) -> None:
        note = self._loops.uncapped_note(loop)
        if note is not None:
            self._stream.emit("note", text=note)

    def _wrap_batch(self, original: Callable[..., Any], kind: str) -> Callable[..., Any]:
        @functools.wraps(original)
        def wrapper(model: Any, *args: Any, **kwargs: Any) -> Any:
            if getattr(self._depth, "inside", False):
                return original(model, *args, **kwargs)
            self._depth.inside = True
            try:
                loop = self._loops.get(kind, model, self._site(), self.begin)
                result = loop.run(lambda: original(model, *args, **kwargs))
                if loop.due():
                    self._report(loop, model)
                return result
            finally:
                self._depth.inside = False

        return wrapper

    def _wrap(
        self, original: Callable[..., Any], kind: str, callback_class: Any
    ) -> Callable[..., Any]:
        @functools.wraps(original)
        def wrapper(model: Any, *args: Any, **kwargs: Any) -> Any:
            if getattr(self._depth, "inside", False):
                return original(model, *args, **kwargs)
            self._depth.inside = True
            try:
                args, kwargs = self._caps.apply(original, kind, args, kwargs)
                call = _ModelCall(self, kind, model)
                if kind == "fit":
                    arguments = Arguments(original, args, kwargs)
                    callbacks = _appended(arguments.get("callbacks"), callback_class(call))
                    arguments.set("callbacks", callbacks)
                    args, kwargs = tuple(arguments.args), arguments.kwargs
                return call.run(original, model, args, kwargs)
            finally:
                self._depth.inside = False

        return wrapper

    def begin(self, kind: str, model: Any) -> Tuple[int, str]:
        """Report the start of a call; return its number and its stable name."""
        with self._lock:
            self._next_id += 1
            number = self._next_id
            ordinal = self._ordinals.get(kind, 0) + 1
            self._ordinals[kind] = ordinal
            if kind in TRAINING_KINDS and not any(model is other for other in self.trained):
                self.trained.append(model)
        name = kind if ordinal == 1 else "%s#%d" % (kind, ordinal)
        self._stream.emit(
            "call_start",
            id=number,
            kind=kind,
            name=name,
            model=str(getattr(model, "name", "?")),
            site=self._site(),
        )
        return number, name

    def describe(self, model: Any) -> None:
        """Report a model once, as soon as it has its weights."""
        if id(model) in self._described or not models.is_built(model):
            return
        self._described.add(id(model))
        # Keep a reference, so that no other model gets the same id.
        self._models.append(model)
        self._stream.emit("model", **models.describe(model))

    def emit(self, event: str, **fields: Any) -> None:
        """Write an event to the stream."""
        self._stream.emit(event, **fields)

    def drawn(self, kind: str) -> Optional[bool]:
        """Return whether a call that has ended depends on draws of the backend's own.

        None if that is not known, as first weights are not paired.
        """
        return None if self._draws is None else self._draws.reach(kind)

    def save(self, name: str, value: Any) -> List[Dict[str, Any]]:
        """Save the arrays of a prediction; return their descriptions."""
        return self._arrays.save(name, value)

    def _site(self) -> str:
        frame: Any = sys._getframe(1)
        prefix = self._folder + os.sep
        while frame is not None:
            if frame.f_code.co_filename.startswith(prefix):
                return "%s:%d" % (frame.f_code.co_filename[len(prefix) :], frame.f_lineno)
            frame = frame.f_back
        return "?"


class _ModelCall:
    """One outermost call on a model: its times and its events."""

    def __init__(self, recorder: Recorder, kind: str, model: Any) -> None:
        self._recorder = recorder
        self._kind = kind
        recorder.describe(model)
        self.number, self._name = recorder.begin(kind, model)
        self._start = time.perf_counter()
        self._epoch_start = self._start
        self._compiled = self._epoch_compiled = recorder.clock.modules
        self._first_batch: Optional[float] = None
        self._last: Dict[str, Any] = {}
        self._params: Dict[str, Any] = {}

    def run(
        self,
        original: Callable[..., Any],
        model: Any,
        args: Tuple[Any, ...],
        kwargs: Dict[str, Any],
    ) -> Any:
        clock = self._recorder.clock
        self._compiled = self._epoch_compiled = clock.modules
        compile_seconds = clock.seconds
        self._start = self._epoch_start = time.perf_counter()
        cpu = time.process_time()
        result = original(model, *args, **kwargs)
        seconds = time.perf_counter() - self._start
        cpu = time.process_time() - cpu
        compiled = clock.modules - self._compiled
        self._recorder.describe(model)
        arrays: List[Dict[str, Any]] = []
        if self._kind == "predict":
            arrays = self._recorder.save(self._name, result)
        self._recorder.emit(
            "call_end",
            id=self.number,
            seconds=seconds,
            cpu_seconds=cpu,
            metrics=self._metrics(model, result),
            params=self._params,
            arrays=arrays,
            compiled=compiled,
            compile_seconds=clock.seconds - compile_seconds,
            drawn=self._recorder.drawn(self._kind),
        )
        return result

    def _metrics(self, model: Any, result: Any) -> Dict[str, Any]:
        if self._kind == "fit":
            return self._last
        return self._recorder.named(model, result) if self._kind == "evaluate" else {}

    def params(self, params: Any) -> None:
        for key in ("epochs", "steps", "batch_size", "samples"):
            value = (params or {}).get(key)
            if isinstance(value, int):
                self._params[key] = value
        self._recorder.emit("train_begin", id=self.number, params=self._params)

    def batch_ended(self) -> None:
        if self._first_batch is None:
            self._first_batch = time.perf_counter() - self._start
            self._recorder.emit(
                "first_batch",
                id=self.number,
                seconds=self._first_batch,
                compiled=self._recorder.clock.modules - self._compiled,
            )

    def epoch_began(self) -> None:
        self._epoch_start = time.perf_counter()
        self._epoch_compiled = self._recorder.clock.modules

    def epoch_ended(self, epoch: int, logs: Any) -> None:
        self._last = numbers(logs or {})
        self._recorder.emit(
            "epoch",
            id=self.number,
            epoch=int(epoch),
            seconds=time.perf_counter() - self._epoch_start,
            metrics=self._last,
            compiled=self._recorder.clock.modules - self._epoch_compiled,
        )


def make_callback_class(base: Any) -> Any:
    """Return a callback class that times epochs, as a subclass of this Keras's own ``Callback``."""

    class EpochClock(base):  # type: ignore[misc] # the base is known at run time only
        def __init__(self, call: _ModelCall) -> None:
            super().__init__()
            self._call = call

        def on_train_begin(self, logs: Any = None) -> None:
            self._call.params(getattr(self, "params", None))

        def on_batch_end(self, batch: Any, logs: Any = None) -> None:
            self._call.batch_ended()

        def on_train_batch_end(self, batch: Any, logs: Any = None) -> None:
            self._call.batch_ended()

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._call.epoch_began()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self._call.epoch_ended(epoch, logs)

    return EpochClock


def _appended(callbacks: Any, callback: Any) -> Any:
    if callbacks is None:
        return [callback]
    if isinstance(callbacks, (list, tuple)):
        return [*callbacks, callback]
    if hasattr(callbacks, "append"):
        # A CallbackList, which the caller built and which cannot be copied.
        callbacks.append(callback)
        return callbacks
    return [callbacks, callback]
