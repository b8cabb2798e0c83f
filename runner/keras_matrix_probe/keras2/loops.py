"""Calls on single batches, grouped into loops: one call of the record for each place.

A script that trains with ``train_on_batch`` calls it thousands of times. The calls of one method,
on one model, from one line are a loop, which ends with the script. A cap on steps caps the calls of
a loop as well, except those of ``predict_on_batch``, whose results depend on their inputs.
"""

import copy
import time
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from ..process.compiled import CompileClock
from .caps import Caps

CAPPED_METHODS = ("train_on_batch", "test_on_batch")
BATCH_METHODS = (*CAPPED_METHODS, "predict_on_batch")
MAX_LOOPS = 1000
REPORT_SECONDS = 5.0
"""Seconds between two events of a loop, so that a killed cell has reported most of what it did."""


class Loop:
    """All calls from one place: how many, how long, and the result of the last one.

    After ``max_calls`` calls the method is not called any more: ``repeats`` counts the calls that
    were answered with the last result.
    """

    def __init__(
        self,
        kind: str,
        site: str,
        number: int,
        name: str,
        max_calls: Optional[int],
        clock: CompileClock,
    ) -> None:
        self._clock = clock
        self._reported_at: Optional[float] = None
        self._reported_calls = 0
        self.kind = kind
        self.place = "%s at %s" % (kind, site)
        self.number = number
        self.name = name
        self.max_calls = max_calls
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
        """Make one call and measure its time, or repeat the last result."""
        if self.max_calls is not None and self.calls >= self.max_calls:
            self.repeats += 1
            return _copy(self.last)
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
        self.last = _copy(result)
        return result

    def due(self) -> bool:
        """Tell whether to report the loop now: after the first call, then every few seconds."""
        now = time.perf_counter()
        if self.calls == self._reported_calls:
            return False
        if self._reported_at is not None and now - self._reported_at < REPORT_SECONDS:
            return False
        self._reported_at, self._reported_calls = now, self.calls
        return True


class Loops:
    """The loops of a script, by place."""

    def __init__(self, caps: Caps, clock: CompileClock) -> None:
        self._caps = caps
        self._clock = clock
        self._loops: Dict[Tuple[str, int, str], Loop] = {}
        self._models: List[Any] = []
        self._noted_places: Set[str] = set()

    def get(
        self, kind: str, model: Any, site: str, begin: Callable[[str, Any], Tuple[int, str]]
    ) -> Loop:
        """Return the loop of a place; after ``MAX_LOOPS`` places, the last loop of the kind."""
        key = (kind, id(model), site)
        if key not in self._loops:
            if len(self._loops) >= MAX_LOOPS:
                for other in reversed(list(self._loops)):
                    if other[0] == kind:
                        # Its last result may be another model's, so it must not be repeated.
                        self._loops[other].max_calls = None
                        return self._loops[other]
            max_calls = self._caps.batches if kind in CAPPED_METHODS else None
            self._loops[key] = Loop(kind, site, *begin(kind, model), max_calls, self._clock)
            # Keep a reference, so that no other model gets the same id.
            self._models.append(model)
        return self._loops[key]

    def all(self) -> List[Tuple[Loop, Any]]:
        """Return every loop with its model, in the order that they began."""
        return list(zip(self._loops.values(), self._models))

    def uncapped_note(self, loop: Loop) -> Optional[str]:
        """Return a note, once a place, that the caps in force do not shorten a loop."""
        if (
            self._caps.epochs is None
            or self._caps.steps is not None
            or loop.kind not in CAPPED_METHODS
        ):
            return None
        if loop.calls < 2 or loop.place in self._noted_places:
            return None
        self._noted_places.add(loop.place)
        return (
            "Not shortened: %s: calls on single batches have no epochs; --steps-cap caps them."
            % loop.place
        )

    def left_out_notes(self) -> List[str]:
        """Return a note on each place whose calls were left out."""
        places: Dict[str, List[Loop]] = {}
        for loop in self._loops.values():
            places.setdefault(loop.place, []).append(loop)
        return [
            _left_out_note(
                place, sum(loop.calls for loop in loops), sum(loop.repeats for loop in loops)
            )
            for place, loops in places.items()
            if any(loop.repeats for loop in loops)
        ]


def _left_out_note(place: str, calls: int, repeats: int) -> str:
    done = "1 call was" if calls == 1 else "%d calls were" % calls
    verb = "repeats" if repeats == 1 else "repeat"
    return "%s: %s made, %d more %s the last result." % (place, done, repeats, verb)


def _copy(result: Any) -> Any:
    """Copy a result, which the script may change."""
    return copy.copy(result) if isinstance(result, (list, dict)) else result
