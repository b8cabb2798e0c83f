"""Compute tensors of a graph from given values of others, on either backend."""

import copy
from typing import Any, Callable, Iterator, List, Optional, Sequence, Tuple

from ... import backends

Given = Sequence[Tuple[Any, Any]]
"""Tensors and their values; what a tensor was computed from is not looked at then."""
Values = List[Any]
CHUNK = 24
"""Nodes a compiled function: the time of Theano's optimizer grows faster than the graph."""


class Phase:
    """Keras's learning phase: ``tensor`` is None where the script has set it for good."""

    def __init__(self, backend: Any) -> None:
        phase = backend.learning_phase()
        self.tensor: Any = None
        self._names = [("inference", 0), ("training", 1)]
        if isinstance(phase, int):
            self._names = [self._names[1 if phase else 0]]
        else:
            self.tensor = phase

    def names(self) -> List[Tuple[str, int]]:
        """Return the phases to look at, inference first."""
        return self._names

    def only(self, name: str) -> "Phase":
        """Return a phase that is one of :meth:`names` and no other."""
        phase = copy.copy(self)
        phase._names = [one for one in self._names if one[0] == name]
        return phase


class Function:
    """Compiled once, for both phases."""

    def __init__(
        self, backend: Any, phase: Phase, inputs: Sequence[Any], outputs: Sequence[Any]
    ) -> None:
        self._inputs: List[Any] = []
        self._places: List[int] = []
        for place, tensor in enumerate(inputs):
            if not any(tensor is one for one in self._inputs):
                self._inputs.append(tensor)
                self._places.append(place)
        tensors = list(self._inputs)
        self._phased = phase.tensor is not None
        if self._phased:
            tensors.append(phase.tensor)
        # TensorFlow refuses to hand back what it is given.
        self._given = [_place(one, inputs) for one in outputs]
        wanted = [one for one, place in zip(outputs, self._given) if place is None]
        self._function = None
        if wanted:
            options = backends.named(backend.backend()).function_options(len(wanted))
            self._function = backend.function(tensors, wanted, **options)

    def __call__(self, values: Sequence[Any], phase: int) -> Values:
        """Compute from the inputs' values, in their order."""
        results: Iterator[Any] = iter(())
        if self._function is not None:
            given = [values[place] for place in self._places]
            if self._phased:
                given.append(phase)
            results = iter(self._function(given))
        return [next(results) if place is None else values[place] for place in self._given]


def _place(tensor: Any, tensors: Sequence[Any]) -> Optional[int]:
    return next((place for place, one in enumerate(tensors) if one is tensor), None)


def by_parts(
    items: Sequence[Any],
    compute: Callable[[Sequence[Any]], None],
    failed: Callable[[Any, Exception], None],
    before: Optional[Callable[[Any], bool]] = None,
    size: int = CHUNK,
) -> None:
    """Compute items, ``size`` at a time; where some fail, halve them until one is alone.

    ``before`` tells of an item whether it still makes sense to compute it.
    """
    pending = [list(items[start : start + size]) for start in range(0, len(items), size)]
    while pending:
        chunk = pending.pop(0)
        if before is not None:
            chunk = [item for item in chunk if before(item)]
        if not chunk:
            continue
        try:
            compute(chunk)
        except Exception as failure:  # of whatever kind the backend, or the script's layer, has
            if len(chunk) == 1:
                failed(chunk[0], failure)
            else:
                middle = len(chunk) // 2
                pending[:0] = [chunk[:middle], chunk[middle:]]
