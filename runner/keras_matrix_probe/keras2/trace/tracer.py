"""Catch a model at its first training call, with its first batch, and look into it."""

import functools
import json
import os
import sys
from contextlib import contextmanager
from typing import Any, Callable, Iterator, List

from ...contract import REFERENCE_FOLDER, REQUEST_FILE, TRACE_FOLDER, TraceRequest
from . import weights
from .building import Building
from .dump import Dump, Reference
from .graph import Graph
from .look import Look
from .state import State, nudged
from .still import Still

RECURSION = 10000
"""Calls within calls; the main thread's stack of 8 MiB holds more than that."""


class Tracer:
    """Looks into the first model that the script trains, or the one of a name.

    ``folder`` holds what the runner asks for. Some runs, by their count ``repeat``, are not looked
    into: their weights are moved by one unit in the last place, and they train.
    """

    def __init__(self, keras: Any, folder: str, output: str, repeat: int) -> None:
        with open(os.path.join(folder, REQUEST_FILE), encoding="utf-8") as file:
            self._request = TraceRequest(**json.load(file))
        self._keras = keras
        self._folder = folder
        self._nudge = repeat if repeat in self._request.nudged else 0
        self._dump = Dump(os.path.join(output, TRACE_FOLDER))
        self._building = Building(keras, self._request.skip)
        self._still = Still(keras, self._building.current)
        self._model: Any = None
        self._kept = False
        self._depth = 0

    def install(self) -> None:
        """Follow what the script builds and trains; call it before weights are paired."""
        self._building.install()
        self._still.install()
        model_class = self._keras.models.Model
        model_class._make_train_function = self._catching(model_class._make_train_function)
        for method in ("fit", "fit_generator"):
            setattr(model_class, method, self._keeping(getattr(model_class, method)))

    def finish(self) -> None:
        """Tell what is known once the script has ended."""
        if self._model is not None and not self._kept and not self._request.stop:
            self._keep()
        if self._still.layers:
            self._dump.entry("still", layers=self._still.layers)
        if self._building.skipped:
            self._dump.entry("skipped", layers=self._building.skipped)
        if self._building.failure is not None:
            self._dump.entry("building", **self._building.failure)

    def _catching(self, original: Callable[..., Any]) -> Callable[..., Any]:
        tracer = self

        @functools.wraps(original)
        def make(model: Any) -> Any:
            if tracer._model is not None or not tracer._wanted(model):
                return original(model)
            if getattr(model, "train_function", None) is not None:
                return None
            failure = tracer._building.error
            if failure is None and tracer._trains():
                try:
                    original(model)
                except RecursionError as error:
                    # The script ends with it; the look can do better.
                    failure = error
                    with deep():
                        original(model)
                except Exception as error:
                    failure = error
            # A failure is told once there is a batch: outputs can be looked at all the same.
            train = getattr(model, "train_function", None)
            model.train_function = _Once(tracer, model, train, failure)
            return None

        return make

    def _trains(self) -> bool:
        """Tell whether this look comes to a step of the optimizer at all."""
        request = self._request
        return not request.stop or (bool(request.look) and request.steps > 0)

    def _wanted(self, model: Any) -> bool:
        name = self._request.model
        return name is None or str(model.name) == name

    def _keeping(self, original: Callable[..., Any]) -> Callable[..., Any]:
        tracer = self

        @functools.wraps(original)
        def fit(model: Any, *args: Any, **kwargs: Any) -> Any:
            tracer._depth += 1
            try:
                result = original(model, *args, **kwargs)
            finally:
                tracer._depth -= 1
            if tracer._depth == 0 and model is tracer._model and not tracer._kept:
                tracer._keep()
            return result

        return fit

    def _keep(self) -> None:
        """Keep the weights after the real training."""
        self._kept = True
        found = weights.named(self._model)
        weights.dump_all(self._keras.backend, self._dump, found, "after", "fit")

    def caught(self, model: Any, train: Any, values: List[Any], failure: Any) -> None:
        """Look into the model, or move its weights, then let the script go on."""
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
            state = State(self._keras.backend, model)
            skipped = self._building.skipped
            graph = Graph(model, calls=self._building.calls)
            look = Look(self._keras, model, graph, self._dump, self._request, reference, skipped)
            try:
                with deep():
                    look.all(train, values, failure, state)
            finally:
                state.restore()
        self._dump.entry("looked", model=str(model.name))
        if self._request.stop and failure is None:
            # What follows is not asked for.
            sys.exit(0)


@contextmanager
def deep() -> Iterator[None]:
    """Let a backend that walks graphs by recursion reach the depth of large models."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, RECURSION))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


class _Once:
    """A training function that is looked into before its first call."""

    def __init__(self, tracer: Tracer, model: Any, train: Any, failure: Any) -> None:
        self._tracer = tracer
        self._model = model
        self._train = train
        self._failure = failure

    def __call__(self, values: List[Any]) -> Any:
        model = self._model
        if model.train_function is self:
            model.train_function = self._train
        self._tracer.caught(model, self._train, list(values), self._failure)
        if self._failure is not None:
            raise self._failure
        return self._train(values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._train, name)
