"""Hooks on Keras's model class: each outermost call is reported, nothing of it is changed.

The methods are wrapped on ``keras.models.Model`` itself, so Sequential, functional and subclassed
models, of Keras 2 and 3 alike, pass through here. Keras calls some of these methods from within
others (``fit`` calls ``fit_generator``, which calls ``evaluate_generator``): only the outermost
call of a thread is reported.
"""

import functools
import inspect
import os
import sys
import threading
import time
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from . import models
from .arrays import ArrayStore
from .events import EventStream

KINDS = {
    "fit": "fit",
    "fit_generator": "fit",
    "evaluate": "evaluate",
    "evaluate_generator": "evaluate",
    "predict": "predict",
    "predict_generator": "predict",
}
"""Method name to kind of call; the generator forms do the same work on other input."""


class Recorder:
    """Turns calls on Keras models into events."""

    def __init__(self, stream, arrays, folder):
        # type: (EventStream, ArrayStore, str) -> None
        self._stream = stream
        self._arrays = arrays
        self._folder = folder
        self._depth = threading.local()
        self._lock = threading.Lock()
        self._ordinals = {}  # type: Dict[str, int]
        self._described = set()  # type: Set[int]
        self._keep = []  # type: List[Any]
        self._next_id = 0

    def install(self, keras):  # type: (Any) -> None
        """Wrap the methods of ``keras.models.Model``."""
        callback_class = make_callback_class(keras.callbacks.Callback)
        model_class = keras.models.Model
        for method, kind in KINDS.items():
            original = getattr(model_class, method, None)
            if original is not None:
                wrapped = self._wrap(original, kind, callback_class)
                setattr(model_class, method, wrapped)

    def _wrap(self, original, kind, callback_class):
        # type: (Callable[..., Any], str, Any) -> Callable[..., Any]
        position = _position(original, "callbacks") if kind == "fit" else None

        @functools.wraps(original)
        def wrapper(model, *args, **kwargs):  # type: (Any, *Any, **Any) -> Any
            if getattr(self._depth, "inside", False):
                return original(model, *args, **kwargs)
            self._depth.inside = True
            try:
                call = _Call(self, kind, model)
                if kind == "fit":
                    args, kwargs = _with_callback(args, kwargs, position, callback_class(call))
                return call.run(original, model, args, kwargs)
            finally:
                self._depth.inside = False

        return wrapper

    def begin(self, kind, model):  # type: (str, Any) -> Tuple[int, str]
        """Report the start of a call; return its number and its stable name."""
        with self._lock:
            self._next_id += 1
            number = self._next_id
            ordinal = self._ordinals.get(kind, 0) + 1
            self._ordinals[kind] = ordinal
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

    def describe(self, model):  # type: (Any) -> None
        """Report a model once, as soon as it has its weights."""
        if id(model) in self._described or not models.is_built(model):
            return
        self._described.add(id(model))
        # Held so that another model never gets this one's id.
        self._keep.append(model)
        self._stream.emit("model", **models.describe(model))

    def emit(self, event, **fields):  # type: (str, **Any) -> None
        """Write an event to the stream."""
        self._stream.emit(event, **fields)

    def save(self, name, value):  # type: (str, Any) -> List[Dict[str, Any]]
        """Keep the arrays of a prediction; return their descriptions."""
        return self._arrays.save(name, value)

    def _site(self):  # type: () -> str
        frame = sys._getframe(1)  # type: Any
        prefix = self._folder + os.sep
        while frame is not None:
            if frame.f_code.co_filename.startswith(prefix):
                return "%s:%d" % (frame.f_code.co_filename[len(prefix) :], frame.f_lineno)
            frame = frame.f_back
        return "?"


class _Call:
    """One outermost call on a model: its clocks and its events."""

    def __init__(self, recorder, kind, model):  # type: (Recorder, str, Any) -> None
        self._recorder = recorder
        self._kind = kind
        recorder.describe(model)
        self.number, self._name = recorder.begin(kind, model)
        self._start = time.perf_counter()
        self._epoch_start = self._start
        self._first_batch = None  # type: Optional[float]
        self._last = {}  # type: Dict[str, Any]
        self._params = {}  # type: Dict[str, Any]

    def run(self, original, model, args, kwargs):
        # type: (Callable[..., Any], Any, Tuple[Any, ...], Dict[str, Any]) -> Any
        self._start = self._epoch_start = time.perf_counter()
        cpu = time.process_time()
        result = original(model, *args, **kwargs)
        seconds = time.perf_counter() - self._start
        cpu = time.process_time() - cpu
        self._recorder.describe(model)
        arrays = []  # type: List[Dict[str, Any]]
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
        )
        return result

    def _metrics(self, model, result):  # type: (Any, Any) -> Dict[str, Any]
        if self._kind == "fit":
            return self._last
        if self._kind == "evaluate":
            if isinstance(result, dict):
                return numbers(result)
            values = list(result) if isinstance(result, (list, tuple)) else [result]
            return numbers(dict(zip(model.metrics_names, values)))
        return {}

    def params(self, params):  # type: (Any) -> None
        for key in ("epochs", "steps", "batch_size", "samples"):
            value = (params or {}).get(key)
            if isinstance(value, int):
                self._params[key] = value

    def batch_ended(self):  # type: () -> None
        if self._first_batch is None:
            self._first_batch = time.perf_counter() - self._start
            self._recorder.emit("first_batch", id=self.number, seconds=self._first_batch)

    def epoch_began(self):  # type: () -> None
        self._epoch_start = time.perf_counter()

    def epoch_ended(self, epoch, logs):  # type: (int, Any) -> None
        self._last = numbers(logs or {})
        self._recorder.emit(
            "epoch",
            id=self.number,
            epoch=int(epoch),
            seconds=time.perf_counter() - self._epoch_start,
            metrics=self._last,
        )


def numbers(logs):  # type: (Any) -> Dict[str, float]
    """Keep the entries of ``logs`` that are one number each."""
    kept = {}
    for key, value in logs.items():
        try:
            kept[str(key)] = float(value)
        except (TypeError, ValueError):
            continue
    return kept


def make_callback_class(base):  # type: (Any) -> Any
    """Return the epoch clock, as a subclass of this Keras's own ``Callback``."""

    class EpochClock(base):  # type: ignore[misc] # the base is known at run time only
        def __init__(self, call):  # type: (_Call) -> None
            super().__init__()
            self._call = call

        def on_train_begin(self, logs=None):  # type: (Any) -> None
            self._call.params(getattr(self, "params", None))

        def on_batch_end(self, batch, logs=None):  # type: (Any, Any) -> None
            self._call.batch_ended()

        def on_train_batch_end(self, batch, logs=None):  # type: (Any, Any) -> None
            self._call.batch_ended()

        def on_epoch_begin(self, epoch, logs=None):  # type: (int, Any) -> None
            self._call.epoch_began()

        def on_epoch_end(self, epoch, logs=None):  # type: (int, Any) -> None
            self._call.epoch_ended(epoch, logs)

    return EpochClock


def _position(function, name):  # type: (Callable[..., Any], str) -> Optional[int]
    """Return the place of a parameter among those after ``self``, or None."""
    names = list(inspect.signature(function).parameters)
    return names.index(name) - 1 if name in names else None


def _with_callback(args, kwargs, position, callback):
    # type: (Tuple[Any, ...], Dict[str, Any], Optional[int], Any) -> Tuple[Any, Dict[str, Any]]
    """Return the arguments with ``callback`` after the caller's own callbacks."""
    if position is not None and len(args) > position:
        changed = list(args)
        changed[position] = _appended(args[position], callback)
        return tuple(changed), kwargs
    merged = dict(kwargs)
    merged["callbacks"] = _appended(kwargs.get("callbacks"), callback)
    return args, merged


def _appended(callbacks, callback):  # type: (Any, Any) -> Any
    if callbacks is None:
        return [callback]
    if isinstance(callbacks, (list, tuple)):
        return list(callbacks) + [callback]
    if hasattr(callbacks, "append"):
        # A CallbackList, which the caller built: there is no copying it.
        callbacks.append(callback)
        return callbacks
    return [callbacks, callback]
