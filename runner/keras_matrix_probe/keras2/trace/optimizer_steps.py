"""An optimizer's first steps, from gradients that are the same for every backend."""

from typing import Any, List

import numpy

from . import weights
from .dump import Dump, Reference
from .state import SavedState

REPETITIONS = 4
"""Times that the steps are taken: with a race in a backend they do not always end the same."""


class OptimizerSteps:
    """Takes steps, and dumps the weights and the optimizer's own slots after each."""

    def __init__(self, keras: Any, model: Any, dump: Dump, steps: int) -> None:
        self._backend = keras.backend
        self._model = model
        self._dump = dump
        self._steps = steps
        self._weights = weights.named(model)
        trained = model._collected_trainable_weights
        names = {id(weight): name for name, weight in self._weights}
        self._trained = [(names.get(id(weight), str(weight.name)), weight) for weight in trained]

    def train_on_batch(self, train: Any, values: List[Any], names: List[str], phase: str) -> None:
        """Take the steps by training on the same batch."""
        for step in range(1, self._steps + 1):
            outputs = train(values)
            if step == 1:
                for name, value in zip(names, outputs):
                    self._dump.array("metric", name, phase, value)
            self._model.reset_metrics()
            self._dump_step("step", step)

    def from_reference(self, reference: Reference, phase: str, state: SavedState) -> None:
        """Take the steps again from the reference's gradients, the same at each step."""
        backend, optimizer = self._backend, self._model.optimizer
        stored = [reference.get("gradient", name, phase) for name, _ in self._trained]
        gradients = [value for value in stored if value is not None]
        if not gradients or len(gradients) < len(stored):
            return
        inputs = [
            backend.placeholder(shape=value.shape, dtype=value.dtype.name) for value in gradients
        ]
        before = dict(optimizer.__dict__)
        original = backend.gradients
        # Optimizers get their gradients from this function (Optimizer.get_gradients in
        # keras/optimizers.py, tag 2.3.1); what they do afterwards is part of an update.
        backend.gradients = lambda loss, variables: inputs
        try:
            updates = optimizer.get_updates(
                loss=self._model.total_loss, params=[weight for _, weight in self._trained]
            )
            step = backend.function(inputs, [backend.sum(inputs[0])], updates=updates)
            own = [
                weights.own(weight, value) for (_, weight), value in zip(self._trained, gradients)
            ]
            slots = list(getattr(optimizer, "weights", None) or [])
            initial = backend.batch_get_value(slots)
            repetitions = []
            for repetition in range(REPETITIONS):
                state.restore_variables()
                backend.batch_set_value(list(zip(slots, initial)))
                repetitions.append(self._take_steps(step, own, repetition == 0))
            self._dump.entry("repeated", spread=_spread(repetitions))
        finally:
            backend.gradients = original
            optimizer.__dict__.clear()
            optimizer.__dict__.update(before)
            state.restore_variables()

    def _take_steps(self, step: Any, gradients: List[Any], keep: bool) -> List[Any]:
        """Take the steps once; return the weights after each of them."""
        values = []
        for number in range(1, self._steps + 1):
            step(gradients)
            if keep:
                self._dump_step("alone.step", number)
            values += self._backend.batch_get_value([weight for _, weight in self._trained])
        return values

    def _dump_step(self, what: str, step: int) -> None:
        listed = self._weights if what == "step" else self._trained
        slots = weights.slots(self._model.optimizer, self._trained)
        values = self._backend.batch_get_value([variable for _, variable in (*listed, *slots)])
        shapes = {}
        for (name, weight), value in zip(listed, values):
            shapes[name] = numpy.shape(value)
            self._dump.array(what, name, str(step), weights.common(weight, value))
        for (name, _), value in zip(slots, values[len(listed) :]):
            weight = weights.slot_weight(name, self._trained)
            same_shape = numpy.shape(value) == shapes.get(name.rpartition(".")[0])
            convert = weight is not None and same_shape
            shared = weights.common(weight, value) if convert else value
            self._dump.array(what + ".slot", name, str(step), shared)


def _spread(repetitions: List[List[Any]]) -> float:
    """Return the largest difference between the first repetition of the steps and the others."""
    return max(
        float(numpy.abs(numpy.asarray(value) - numpy.asarray(other)).max())
        if numpy.size(value)
        else 0.0
        for repetition in repetitions[1:]
        for value, other in zip(repetitions[0], repetition)
    )
