"""Calls on single batches, gathered into loops: one call of the record for all of one place.

A script that trains with ``train_on_batch`` calls it thousands of times. The calls of one method,
on one model, from one line are one loop; it ends with the script.
"""

import time
from typing import Any, Callable, Dict, List, Tuple

from .compiled import CompileClock

METHODS = ("train_on_batch", "test_on_batch", "predict_on_batch")
MAX_LOOPS = 1000


class Loop:
    """All calls from one place: how many, how long, and what the last one gave."""

    def __init__(self, kind: str, number: int, name: str, clock: CompileClock) -> None:
        self._clock = clock
        self.kind = kind
        self.number = number
        self.name = name
        self.calls = 0
        self.seconds = 0.0
        self.cpu_seconds = 0.0
        self.first_seconds = 0.0
        self.compiled = 0
        self.compile_seconds = 0.0
        self.first_compiled = 0
        self.last: Any = None

    def run(self, call: Callable[[], Any]) -> Any:
        """Make one call and take its time."""
        modules, compile_seconds = self._clock.modules, self._clock.seconds
        start, cpu = time.perf_counter(), time.process_time()
        result = call()
        seconds = time.perf_counter() - start
        self.cpu_seconds += time.process_time() - cpu
        self.seconds += seconds
        self.compiled += self._clock.modules - modules
        self.compile_seconds += self._clock.seconds - compile_seconds
        if self.calls == 0:
            self.first_seconds = seconds
            self.first_compiled = self.compiled
        self.calls += 1
        self.last = result
        return result


class Loops:
    """The loops of a script, by place."""

    def __init__(self, clock: CompileClock) -> None:
        self._clock = clock
        self._found: Dict[Tuple[str, int, str], Loop] = {}
        self._models: List[Any] = []

    def get(
        self, kind: str, model: Any, site: str, begin: Callable[[str, Any], Tuple[int, str]]
    ) -> Loop:
        """Return the loop of that place; past ``MAX_LOOPS`` places, the last one of the kind."""
        key = (kind, id(model), site)
        if key not in self._found:
            if len(self._found) >= MAX_LOOPS:
                for other in reversed(list(self._found)):
                    if other[0] == kind:
                        return self._found[other]
            self._found[key] = Loop(kind, *begin(kind, model), self._clock)
            # Held, so that no other model gets this one's id.
            self._models.append(model)
        return self._found[key]

    def all(self) -> List[Tuple[Loop, Any]]:
        """Return every loop with its model, in the order they began."""
        return list(zip(self._found.values(), self._models))
