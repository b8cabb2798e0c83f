"""Calls on single batches, gathered into loops: one call of the record for all of one place.

A script that trains with ``train_on_batch`` calls it thousands of times. The calls of one method,
on one model, from one line are one loop; it ends with the script. Where steps are capped, so are
the calls of a loop; not those of ``predict_on_batch``, whose results depend on what it is given.
"""

import copy
import time
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from ..process.compiled import CompileClock
from .caps import Caps

CAPPED = ("train_on_batch", "test_on_batch")
METHODS = (*CAPPED, "predict_on_batch")
MAX_LOOPS = 1000
TELL_EVERY = 5.0
"""Seconds between two events of a loop that goes on: a cell that is killed keeps what it did."""


class Loop:
    """All calls from one place: how many, how long, and what the last one gave.

    Beyond ``most`` nothing is called any more: ``repeats`` counts the calls that were answered
    with the last result.
    """

    def __init__(
        self, kind: str, site: str, number: int, name: str, most: Optional[int], clock: CompileClock
    ) -> None:
        self._clock = clock
        self._told_at: Optional[float] = None
        self._told_calls = 0
        self.kind = kind
        self.place = "%s at %s" % (kind, site)
        self.number = number
        self.name = name
        self.most = most
        self.calls = 0
        self.repeats = 0
        self.seconds = 0.0
        self.cpu_seconds = 0.0
        self.first_seconds = 0.0
        self.compiled = 0
        self.compile_seconds = 0.0
        self.first_compiled = 0
        self.last: Any = None

    def run(self, call: Callable[[], Any]) -> Any:
        """Make one call and take its time, or repeat the last result."""
        if self.most is not None and self.calls >= self.most:
            self.repeats += 1
            return _own(self.last)
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
        self.last = _own(result)
        return result

    def due(self) -> bool:
        """Tell, after the first call and then once in a while, whether there is news to tell."""
        now = time.perf_counter()
        if self.calls == self._told_calls:
            return False
        if self._told_at is not None and now - self._told_at < TELL_EVERY:
            return False
        self._told_at, self._told_calls = now, self.calls
        return True


class Loops:
    """The loops of a script, by place."""

    def __init__(self, caps: Caps, clock: CompileClock) -> None:
        self._caps = caps
        self._clock = clock
        self._found: Dict[Tuple[str, int, str], Loop] = {}
        self._models: List[Any] = []
        self._out_of_reach: Set[str] = set()

    def get(
        self, kind: str, model: Any, site: str, begin: Callable[[str, Any], Tuple[int, str]]
    ) -> Loop:
        """Return the loop of that place; past ``MAX_LOOPS`` places, the last one of the kind."""
        key = (kind, id(model), site)
        if key not in self._found:
            if len(self._found) >= MAX_LOOPS:
                for other in reversed(list(self._found)):
                    if other[0] == kind:
                        # Its last result may be another model's: there is no repeating it.
                        self._found[other].most = None
                        return self._found[other]
            most = self._caps.batches if kind in CAPPED else None
            self._found[key] = Loop(kind, site, *begin(kind, model), most, self._clock)
            # Held, so that no other model gets this one's id.
            self._models.append(model)
        return self._found[key]

    def all(self) -> List[Tuple[Loop, Any]]:
        """Return every loop with its model, in the order they began."""
        return list(zip(self._found.values(), self._models))

    def out_of_reach(self, loop: Loop) -> Optional[str]:
        """Say, once a place, that a loop goes on and the caps do not reach it."""
        if self._caps.epochs is None or self._caps.steps is not None or loop.kind not in CAPPED:
            return None
        if loop.calls < 2 or loop.place in self._out_of_reach:
            return None
        self._out_of_reach.add(loop.place)
        return (
            "Not shortened: %s: calls on single batches have no epochs; --steps-cap caps them."
            % loop.place
        )

    def left_out(self) -> List[str]:
        """Say of each place how many calls were left out."""
        places: Dict[str, List[Loop]] = {}
        for loop in self._found.values():
            places.setdefault(loop.place, []).append(loop)
        return [
            _left_out(place, sum(one.calls for one in loops), sum(one.repeats for one in loops))
            for place, loops in places.items()
            if any(one.repeats for one in loops)
        ]


def _left_out(place: str, calls: int, repeats: int) -> str:
    made = "1 call was" if calls == 1 else "%d calls were" % calls
    verb = "repeats" if repeats == 1 else "repeat"
    return "%s: %s made, %d more %s the last result." % (place, made, repeats, verb)


def _own(result: Any) -> Any:
    """Return a copy of what the script may change."""
    return copy.copy(result) if isinstance(result, (list, dict)) else result
