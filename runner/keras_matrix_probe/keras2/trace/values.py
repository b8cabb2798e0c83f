"""Compute tensors of a graph from given values of other tensors, on any backend with graphs."""

import copy
from typing import Any, Callable, Iterator, List, Optional, Sequence, Tuple

from ... import backends

Values = List[Any]
NODES_PER_FUNCTION = 24
"""Nodes in one compiled function: the time of Theano's optimizer grows faster than the graph."""


class LearningPhase:
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
        """Return the phases to capture with their numbers in Keras, inference first."""
        return self._names

    def only(self, name: str) -> "LearningPhase":
        """Return the same, restricted to one of :meth:`names`."""
        phase = copy.copy(self)
        phase._names = [pair for pair in self._names if pair[0] == name]
        return phase


class GraphFunction:
    """A function of tensors, compiled once for both learning phases.

    ``updates`` of variables are made whenever it computes.
    """

    def __init__(
        self,
        backend: Any,
        phase: LearningPhase,
        inputs: Sequence[Any],
        outputs: Sequence[Any],
        updates: Sequence[Any] = (),
    ) -> None:
        self._inputs: List[Any] = []
        self._places: List[int] = []
        for place, tensor in enumerate(inputs):
            if not any(tensor is other for other in self._inputs):
                self._inputs.append(tensor)
                self._places.append(place)
        tensors = list(self._inputs)
        self._phased = phase.tensor is not None
        if self._phased:
            tensors.append(phase.tensor)
        # TensorFlow refuses to return its inputs.
        self._given = [_place(tensor, inputs) for tensor in outputs]
        computed = [tensor for tensor, place in zip(outputs, self._given) if place is None]
        self._function = None
        if computed:
            options = backends.named(backend.backend()).function_options(len(computed))
            if updates:
                options["updates"] = list(updates)
            self._function = backend.function(tensors, computed, **options)

    def __call__(self, values: Sequence[Any], phase: int) -> Values:
        """Compute from the inputs' values, in their order."""
        results: Iterator[Any] = iter(())
        if self._function is not None:
            inputs = [values[place] for place in self._places]
            if self._phased:
                inputs.append(phase)
            results = iter(self._function(inputs))
        return [next(results) if place is None else values[place] for place in self._given]


def _place(tensor: Any, tensors: Sequence[Any]) -> Optional[int]:
    return next((place for place, other in enumerate(tensors) if other is tensor), None)


def by_parts(
    items: Sequence[Any],
    compute: Callable[[Sequence[Any]], None],
    failed: Callable[[Any, Exception], None],
    before: Optional[Callable[[Any], bool]] = None,
    size: int = NODES_PER_FUNCTION,
) -> None:
    """Compute items, ``size`` at a time; where computing fails, halve them down to single items.

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
        except Exception as failure:  # of any kind: the backend's, or of the script's own layer
            if len(chunk) == 1:
                failed(chunk[0], failure)
            else:
                middle = len(chunk) // 2
                pending[:0] = [chunk[:middle], chunk[middle:]]
