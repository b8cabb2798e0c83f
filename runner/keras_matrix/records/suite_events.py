"""The events of a suite's tests in a cell's stream; untrusted, as the rest of the stream is.

A test that begins and does not end was cut off by the end of its cell.
"""

from typing import Annotated

import msgspec

from keras_matrix.plan.contract import CaseOutcome, CasePhase
from keras_matrix.records.bounded import Count, Seconds

MAX_TEXT = 16384
"""Characters: more than the probe's own bounds, as some are escaped with six."""
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT)]
Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]


class SuiteCollected(msgspec.Struct, frozen=True, tag="suite", tag_field="event"):
    """The number of tests that pytest collected, and of those deselected by its arguments."""

    pytest: Annotated[str, msgspec.Meta(max_length=100)]
    collected: Count
    deselected: Count


class CaseStart(msgspec.Struct, frozen=True, tag="case_start", tag_field="event"):
    """A test begins; ``test`` is pytest's node id."""

    test: Name


class CaseEnd(msgspec.Struct, frozen=True, tag="case_end", tag_field="event"):
    """A test ended; ``seconds`` includes setup and teardown, ``place`` is ``file:line``."""

    test: Name
    outcome: CaseOutcome
    phase: CasePhase
    seconds: Seconds
    message: Text
    place: Text


class Case(msgspec.Struct):
    """One test of a cell; it has no outcome if the cell ended first."""

    test: str
    outcome: CaseOutcome | None = None
    phase: CasePhase | None = None
    seconds: float | None = None
    message: str = ""
    place: str = ""


SuiteEvent = SuiteCollected | CaseStart | CaseEnd


class SuiteLog(msgspec.Struct, omit_defaults=True):
    """All that a cell reported of a suite before it ended; empty for a script."""

    suite: SuiteCollected | None = None
    cases: list[Case] = []

    @property
    def reported(self) -> bool:
        """Whether the cell reported a suite."""
        return self.suite is not None or bool(self.cases)

    @property
    def running(self) -> Case | None:
        """The test that has begun and not ended, if any."""
        last = self.cases[-1] if self.cases else None
        return last if last is not None and last.outcome is None else None

    def take(self, event: SuiteEvent) -> bool:
        """Add an event; return whether it is in turn: a test ends before the next one begins."""
        running = self.running
        match event:
            case SuiteCollected():
                fits = self.suite is None
                self.suite = event
            case CaseStart():
                fits = running is None
                self.cases.append(Case(event.test))
            case CaseEnd():
                fits = running is not None and running.test == event.test
                ended = Case(
                    *(event.test, event.outcome, event.phase),
                    *(event.seconds, event.message, event.place),
                )
                self.cases[-1:] = [ended]
        return fits
