"""Try small scripts, one after the other in a process: each as it is, changed, or in float64.

Each trains one model. At its first training call what the trial is about is computed, and nothing
else; then the script ends.
"""

import functools
import os
import random
import runpy
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List

import numpy

from ... import backends
from ...contract import TRIALS_FOLDER, TrialRequest, TrialStage
from ..paired import Pairing
from . import gradients, weights
from .dump import Dump
from .layer_calls import describe_failure
from .values import GraphFunction, LearningPhase

TRIAL = "trial"
"""What the arrays of trials are in the index; the name has the trial's number before a space."""
DOUBLE = "float64"


class TrialEnd(BaseException):
    """Ends a script once what it was run for is computed."""


class Trials:
    """Runs the scripts of a request, each in a graph of its own, from the same random numbers."""

    def __init__(self, keras: Any, folder: str, dump: Dump) -> None:
        self._keras = keras
        self._folder = os.path.join(folder, TRIALS_FOLDER)
        self._dump = dump

    def run(self, requests: List[TrialRequest], pairing: Pairing) -> None:
        """Run all scripts; a failure is what its trial came to."""
        os.chdir(self._folder)
        for number, request in enumerate(requests):
            self._dump.entry("stage", name=TRIAL)
            pairing.restart()
            random.seed(0)
            numpy.random.seed(0)
            try:
                with self._unchanged(), self._precision(request), self._following(number, request):
                    runpy.run_path(os.path.join(self._folder, request.script), run_name="__main__")
            except TrialEnd:
                continue
            except Exception as failure:  # of any kind: it is the result
                self._dump.entry(
                    "failed", stage=TRIAL, name=str(number), **describe_failure(failure)
                )

    @contextmanager
    def _unchanged(self) -> Iterator[None]:
        """Begin with an empty graph, and take back what a script changes of Keras's backend."""
        backend = self._keras.backend
        if hasattr(backend, "clear_session"):
            backend.clear_session()
        backend.reset_uids()
        before = dict(backend.__dict__)
        try:
            yield
        finally:
            backend.__dict__.clear()
            backend.__dict__.update(before)

    @contextmanager
    def _precision(self, request: TrialRequest) -> Iterator[None]:
        backend = self._keras.backend
        before = backend.floatx()
        loaded = backends.of(self._keras)
        if request.double:
            backend.set_floatx(DOUBLE)
            loaded.set_precision(DOUBLE)
        try:
            yield
        finally:
            backend.set_floatx(before)
            loaded.set_precision(before)

    @contextmanager
    def _following(self, number: int, request: TrialRequest) -> Iterator[None]:
        """Compute what the trial is about where the script's model would begin to train."""
        model_class = self._keras.models.Model
        original = model_class._make_train_function
        trial = TrialCapture(self._keras, self._dump, number, request)

        @functools.wraps(original)
        def make(model: Any) -> None:
            model.train_function = lambda values: trial.capture(model, original, list(values))

        model_class._make_train_function = make
        try:
            yield
        finally:
            model_class._make_train_function = original


class TrialCapture:
    """Computes what one trial is about, and ends its script."""

    def __init__(self, keras: Any, dump: Dump, number: int, request: TrialRequest) -> None:
        self._backend = keras.backend
        self._dump = dump
        self._number = number
        self._request = request

    def capture(self, model: Any, make: Callable[[Any], None], values: List[Any]) -> None:
        """Compute and dump; ``make`` makes the model's own training function.

        Raises:
            TrialEnd: all is computed.
        """
        work: Dict[TrialStage, Callable[[], None]] = {
            TrialStage.SHAPE: lambda: self._shape(model),
            TrialStage.FORWARD: lambda: self._forward(model, values),
            TrialStage.LOSS: lambda: self._loss(model, values),
            TrialStage.GRADIENT: lambda: self._gradient(model, values),
            TrialStage.UPDATE: lambda: self._update(model, make, values),
            TrialStage.BUILD: lambda: self._build(model, make, values),
        }
        work[TrialStage(self._request.stage)]()
        raise TrialEnd

    def _array(self, label: str, when: str, value: Any) -> None:
        self._dump.array(TRIAL, "%d %s" % (self._number, label), when, value)

    def _shape(self, model: Any) -> None:
        for index, tensor in enumerate(model.outputs):
            sizes = [-1 if size is None else size for size in tensor._keras_shape]
            self._array("shape:%d" % index, "inferred", sizes)

    def _forward(self, model: Any, values: List[Any]) -> None:
        self._compute(model, values, [("output:%d" % i, t) for i, t in enumerate(model.outputs)])

    def _loss(self, model: Any, values: List[Any]) -> None:
        symbolic = gradients.of_loss(self._backend, model.total_loss, model.outputs)
        by_outputs = [("gradient:%d" % i, g) for i, g in enumerate(symbolic) if g is not None]
        self._compute(model, values, [("loss", model.total_loss), *by_outputs], last=True)

    def _gradient(self, model: Any, values: List[Any]) -> None:
        named = weights.named(model)
        trained = [
            (name, weight)
            for name, weight in named
            if any(weight is other for other in model._collected_trainable_weights)
        ]
        targets = [*((name, weight, weight) for name, weight in trained)]
        targets += [("input:%d" % i, tensor, None) for i, tensor in enumerate(model.inputs)]
        tensors = [tensor for _, tensor, _ in targets]
        symbolic = gradients.of_loss(self._backend, model.total_loss, tensors)
        connected = [
            (name, gradient, weight)
            for (name, _, weight), gradient in zip(targets, symbolic)
            if gradient is not None
        ]
        by_name = {name: weight for name, _, weight in connected}
        pairs = [(name, gradient) for name, gradient, _ in connected]
        self._compute(model, values, pairs, last=True, weight_of=by_name)

    def _compute(
        self,
        model: Any,
        values: List[Any],
        named: List[Any],
        last: bool = False,
        weight_of: Any = None,
    ) -> None:
        """Dump tensors in all learning phases, or in the last of them."""
        phase = LearningPhase(self._backend)
        inputs = [*model._feed_inputs, *model._feed_targets, *model._feed_sample_weights]
        compute = GraphFunction(self._backend, phase, inputs, [tensor for _, tensor in named])
        for name, number in phase.names()[-1:] if last else phase.names():
            for (label, _), value in zip(named, compute(values[: len(inputs)], number)):
                weight = (weight_of or {}).get(label)
                shared = value if weight is None else weights.common(weight, value)
                self._array(label, name, shared)

    def _update(self, model: Any, make: Callable[[Any], None], values: List[Any]) -> None:
        train = self._train_function(model, make)
        for step in range(1, self._request.steps + 1):
            train(values)
            names = weights.named(model)
            found = self._backend.batch_get_value([weight for _, weight in names])
            for (name, weight), value in zip(names, found):
                self._array(name, str(step), weights.common(weight, value))

    def _build(self, model: Any, make: Callable[[Any], None], values: List[Any]) -> None:
        """Train a step, and compute the gradients by the inputs, which layers before would need."""
        self._train_function(model, make)(values)
        phase = LearningPhase(self._backend)
        tensors = [*model._feed_inputs, *model._feed_targets, *model._feed_sample_weights]
        symbolic = gradients.of_loss(self._backend, model.total_loss, model.inputs)
        outputs = [gradient for gradient in symbolic if gradient is not None]
        GraphFunction(self._backend, phase, tensors, outputs)(
            values[: len(tensors)], phase.names()[-1][1]
        )
        self._array("built", "training", 1)

    def _train_function(self, model: Any, make: Callable[[Any], None]) -> Any:
        model.train_function = None
        make(model)
        return model.train_function
