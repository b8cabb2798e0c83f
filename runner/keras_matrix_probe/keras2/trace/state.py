"""What a capture must leave as it was: weights, slots, states, random numbers."""

import random
from typing import Any, List, Optional

import numpy

from .graph import parts


class SavedState:
    """The values of a model's variables and of Python's generators, saved when this is created."""

    def __init__(self, backend: Any, model: Any) -> None:
        self._backend = backend
        self._model = model
        self._numpy = numpy.random.get_state()
        self._python = random.getstate()
        self._variables: List[Any] = []
        for variable in _variables(model):
            if not any(variable is other for other in self._variables):
                self._variables.append(variable)
        self._values = backend.batch_get_value(self._variables)

    def restore(self) -> None:
        """Restore the variables and the generators."""
        self.restore_variables()
        numpy.random.set_state(self._numpy)
        random.setstate(self._python)

    def restore_variables(self) -> None:
        """Restore the variables only."""
        self._backend.batch_set_value(list(zip(self._variables, self._values)))
        self._model.reset_metrics()


def _variables(model: Any) -> List[Any]:
    variables = [*model.weights, *(getattr(model.optimizer, "weights", None) or [])]
    for part in parts(model):
        if getattr(part, "stateful", False):
            variables += [state for state in _states(part) if state is not None]
    return variables


def _states(layer: Any) -> List[Optional[Any]]:
    states = getattr(layer, "states", None)
    return list(states) if isinstance(states, (list, tuple)) else []


def nudged(value: Any, seed: int, *key: int) -> Any:
    """Move each number of an array by one unit in the last place, up or down at random.

    Zeros stay: the numbers next to them are denormal, and flushed to zero.
    """
    value = numpy.asarray(value)
    if value.dtype.kind != "f":
        return value
    state = numpy.random.RandomState(numpy.array([seed, *key], dtype="uint32"))
    towards = numpy.where(state.random_sample(value.shape) < 0.5, -numpy.inf, numpy.inf)
    moved = numpy.nextafter(value, towards.astype(value.dtype))
    return numpy.where(value == 0, value, moved)
