"""An optimizer's first steps, from gradients that are the same for every backend."""

from typing import Any, List

import numpy

from . import weights
from .dump import Dump, Reference
from .state import State

REPEATS = 4
"""Times that the steps are taken: a backend that races itself does not always come out the same."""


class Steps:
    """Takes steps and dumps what became of weights and of the optimizer's own slots."""

    def __init__(self, keras: Any, model: Any, dump: Dump, steps: int) -> None:
        self._backend = keras.backend
        self._model = model
        self._dump = dump
        self._steps = steps
        self._weights = weights.named(model)
        trained = model._collected_trainable_weights
        names = {id(weight): name for name, weight in self._weights}
        self._trained = [(names.get(id(one), str(one.name)), one) for one in trained]

    def natural(self, train: Any, values: List[Any], names: List[str], phase: str) -> None:
        """Train on the same batch several times."""
        for step in range(1, self._steps + 1):
            outputs = train(values)
            if step == 1:
                for name, value in zip(names, outputs):
                    self._dump.array("metric", name, phase, value)
            self._model.reset_metrics()
            self._keep("step", step)

    def isolated(self, reference: Reference, phase: str, state: State) -> None:
        """Take the steps again from the reference's gradients, the same at each."""
        backend, optimizer = self._backend, self._model.optimizer
        found = [reference.get("gradient", name, phase) for name, _ in self._trained]
        given = [value for value in found if value is not None]
        if not given or len(given) < len(found):
            return
        holes = [backend.placeholder(shape=value.shape, dtype=value.dtype.name) for value in given]
        before = dict(optimizer.__dict__)
        original = backend.gradients
        # What optimizers get their gradients from (Optimizer.get_gradients in
        # keras/optimizers.py, tag 2.3.1): what they do to them afterwards is part of an update.
        backend.gradients = lambda loss, variables: holes
        try:
            updates = optimizer.get_updates(
                loss=self._model.total_loss, params=[weight for _, weight in self._trained]
            )
            step = backend.function(holes, [backend.sum(holes[0])], updates=updates)
            own = [weights.own(weight, value) for (_, weight), value in zip(self._trained, given)]
            fresh = list(getattr(optimizer, "weights", None) or [])
            first = backend.batch_get_value(fresh)
            walks = []
            for again in range(REPEATS):
                state.restore_variables()
                backend.batch_set_value(list(zip(fresh, first)))
                walks.append(self._walk(step, own, again == 0))
            self._dump.entry("repeated", spread=_spread(walks))
        finally:
            backend.gradients = original
            optimizer.__dict__.clear()
            optimizer.__dict__.update(before)
            state.restore_variables()

    def _walk(self, step: Any, given: List[Any], keep: bool) -> List[Any]:
        """Take the steps; return what the weights were after each."""
        found = []
        for number in range(1, self._steps + 1):
            step(given)
            if keep:
                self._keep("alone.step", number)
            found += self._backend.batch_get_value([weight for _, weight in self._trained])
        return found

    def _keep(self, what: str, step: int) -> None:
        found = self._weights
        if what != "step":
            found = self._trained
        slots = weights.slots(self._model.optimizer, self._trained)
        values = self._backend.batch_get_value([one for _, one in (*found, *slots)])
        shapes = {}
        for (name, weight), value in zip(found, values):
            shapes[name] = numpy.shape(value)
            self._dump.array(what, name, str(step), weights.common(weight, value))
        for (name, _), value in zip(slots, values[len(found) :]):
            weight = weights.slot_weight(name, self._trained)
            alike = numpy.shape(value) == shapes.get(name.rpartition(".")[0])
            shared = weights.common(weight, value) if weight is not None and alike else value
            self._dump.array(what + ".slot", name, str(step), shared)


def _spread(found: List[List[Any]]) -> float:
    """Return how far apart the same steps came out, at most."""
    return max(
        float(numpy.abs(numpy.asarray(one) - numpy.asarray(other)).max())
        if numpy.size(one)
        else 0.0
        for again in found[1:]
        for one, other in zip(found[0], again)
    )
