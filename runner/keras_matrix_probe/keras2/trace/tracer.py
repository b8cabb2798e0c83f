"""Capture a model at its first training call, with its first batch."""

import functools
import json
import os
import sys
from contextlib import contextmanager
from typing import Any, Callable, Iterator, List

from ...contract import REFERENCE_FOLDER, REQUEST_FILE, TRACE_FOLDER, TraceRequest, TrialRequest
from ..paired import Pairing
from . import weights
from .capture import ModelCapture
from .dump import Dump, Reference
from .graph import Graph
from .layer_calls import LayerCalls
from .random_layers import RandomLayers
from .state import SavedState, nudged
from .trials import Trials

RECURSION_LIMIT = 10000
"""Nested calls; the main thread's stack of 8 MiB has room for more."""


class Tracer:
    """Captures the first model that the script trains, or the model of a name.

    ``folder`` holds the request. In cells whose ``repeat`` the request names as nudged the model is
    not captured: its weights are moved by one unit in the last place, and it trains.
    """

    def __init__(self, keras: Any, folder: str, output: str, repeat: int) -> None:
        with open(os.path.join(folder, REQUEST_FILE), encoding="utf-8") as file:
            fields = json.load(file)
        fields["trials"] = [TrialRequest(*trial) for trial in fields["trials"]]
        self._request = TraceRequest(**fields)
        self._keras = keras
        self._folder = folder
        self._nudge = repeat if repeat in self._request.nudged else 0
        self._dump = Dump(os.path.join(output, TRACE_FOLDER))
        self._layer_calls = LayerCalls(keras, self._request.skip)
        self._random_layers = RandomLayers(keras, self._layer_calls.current)
        self._model: Any = None
        self._weights_kept = False
        self._depth = 0

    def install(self) -> None:
        """Follow what the script builds and trains; call this before weights are paired."""
        self._layer_calls.install()
        self._random_layers.install()
        model_class = self._keras.models.Model
        model_class._make_train_function = self._wrap_make_train_function(
            model_class._make_train_function
        )
        for method in ("fit", "fit_generator"):
            setattr(model_class, method, self._wrap_fit(getattr(model_class, method)))

    @property
    def tries(self) -> bool:
        """Whether this cell tries other scripts instead of running its own."""
        return bool(self._request.trials)

    def run_trials(self, pairing: Pairing) -> None:
        """Try the scripts of the request."""
        self._random_layers.install()
        Trials(self._keras, self._folder, self._dump).run(list(self._request.trials), pairing)
        self._dump.entry("looked", model="")

    def finish(self) -> None:
        """Dump what is known only once the script has ended."""
        if self._model is not None and not self._weights_kept and not self._request.stop:
            self._keep_weights()
        if self._random_layers.disabled:
            self._dump.entry("still", layers=self._random_layers.disabled)
        if self._layer_calls.skipped:
            self._dump.entry("skipped", layers=self._layer_calls.skipped)
        if self._layer_calls.failure is not None:
            self._dump.entry("building", **self._layer_calls.failure)

    def _wrap_make_train_function(self, original: Callable[..., Any]) -> Callable[..., Any]:
        tracer = self

        @functools.wraps(original)
        def make(model: Any) -> Any:
            if tracer._model is not None or not tracer._is_requested(model):
                return original(model)
            if getattr(model, "train_function", None) is not None:
                return None
            failure = tracer._layer_calls.error
            if failure is None and tracer._trains():
                try:
                    original(model)
                except RecursionError as error:
                    # The script ends with this failure; the capture need not.
                    failure = error
                    with deep_recursion():
                        original(model)
                except Exception as error:
                    failure = error
            # A failure is reported once there is a batch: outputs can still be captured.
            train = getattr(model, "train_function", None)
            model.train_function = _CaptureBeforeTraining(tracer, model, train, failure)
            return None

        return make

    def _trains(self) -> bool:
        """Tell whether this cell takes any step of the optimizer."""
        request = self._request
        return not request.stop or (bool(request.look) and request.steps > 0)

    def _is_requested(self, model: Any) -> bool:
        name = self._request.model
        return name is None or str(model.name) == name

    def _wrap_fit(self, original: Callable[..., Any]) -> Callable[..., Any]:
        tracer = self

        @functools.wraps(original)
        def fit(model: Any, *args: Any, **kwargs: Any) -> Any:
            tracer._depth += 1
            try:
                result = original(model, *args, **kwargs)
            finally:
                tracer._depth -= 1
            if tracer._depth == 0 and model is tracer._model and not tracer._weights_kept:
                tracer._keep_weights()
            return result

        return fit

    def _keep_weights(self) -> None:
        """Keep the weights after the real training."""
        self._weights_kept = True
        named = weights.named(self._model)
        weights.dump_all(self._keras.backend, self._dump, named, "after", "fit")

    def capture(self, model: Any, train: Any, values: List[Any], failure: Any) -> None:
        """Capture the model, or move its weights; then the script continues."""
        if self._model is not None:
            return
        self._model = model
        if self._nudge:
            backend = self._keras.backend
            for index, weight in enumerate(model.weights):
                moved = nudged(backend.get_value(weight), self._nudge, index)
                backend.set_value(weight, moved)
        else:
            folder = os.path.join(self._folder, REFERENCE_FOLDER)
            reference = Reference(folder) if os.listdir(folder) else None
            state = SavedState(self._keras.backend, model)
            skipped = self._layer_calls.skipped
            graph = Graph(model, calls=self._layer_calls.calls)
            capture = ModelCapture(
                self._keras, model, graph, self._dump, self._request, reference, skipped
            )
            try:
                with deep_recursion():
                    capture.run_stages(train, values, failure, state)
            finally:
                state.restore()
        self._dump.entry("looked", model=str(model.name))
        if self._request.stop and failure is None:
            # The request ends here.
            sys.exit(0)


@contextmanager
def deep_recursion() -> Iterator[None]:
    """Let a backend that walks graphs by recursion reach the depth of large models."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, RECURSION_LIMIT))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


class _CaptureBeforeTraining:
    """A training function whose model is captured before its first call."""

    def __init__(self, tracer: Tracer, model: Any, train: Any, failure: Any) -> None:
        self._tracer = tracer
        self._model = model
        self._train = train
        self._failure = failure

    def __call__(self, values: List[Any]) -> Any:
        model = self._model
        if model.train_function is self:
            model.train_function = self._train
        self._tracer.capture(model, self._train, list(values), self._failure)
        if self._failure is not None:
            raise self._failure
        return self._train(values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._train, name)
