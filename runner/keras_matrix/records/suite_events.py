"""What a cell tells of a suite's tests, as events of its stream. Not to be trusted, as all of it.

A test that begins and does not end is the one that the cell's end cut off.
"""

from typing import Annotated

import msgspec

from keras_matrix.plan.contract import CaseOutcome, CasePhase
from keras_matrix.records.bounded import Count, Seconds

MAX_TEXT = 16384
"""Characters: more than the probe's own bounds, as some are written as six."""
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT)]
Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]


class SuiteCollected(msgspec.Struct, frozen=True, tag="suite", tag_field="event"):
    """pytest has collected so many tests, and left so many of them out as it was told."""

    pytest: Annotated[str, msgspec.Meta(max_length=100)]
    collected: Count
    deselected: Count


class CaseStart(msgspec.Struct, frozen=True, tag="case_start", tag_field="event"):
    """A test begins; ``test`` is pytest's node id."""

    test: Name


class CaseEnd(msgspec.Struct, frozen=True, tag="case_end", tag_field="event"):
    """A test has ended; ``seconds`` with its setup and teardown, ``place`` is ``file:line``."""

    test: Name
    outcome: CaseOutcome
    phase: CasePhase
    seconds: Seconds
    message: Text
    place: Text


class Case(msgspec.Struct):
    """One test of a cell; without an outcome if the cell ended first."""

    test: str
    outcome: CaseOutcome | None = None
    phase: CasePhase | None = None
    seconds: float | None = None
    message: str = ""
    place: str = ""


OfSuite = SuiteCollected | CaseStart | CaseEnd


class SuiteLog(msgspec.Struct, omit_defaults=True):
    """All that a cell told of a suite, as much as it wrote before it ended; nothing of a script."""

    suite: SuiteCollected | None = None
    cases: list[Case] = []

    @property
    def told(self) -> bool:
        """Whether there was a suite at all."""
        return self.suite is not None or bool(self.cases)

    @property
    def running(self) -> Case | None:
        """The test that has begun and not ended."""
        last = self.cases[-1] if self.cases else None
        return last if last is not None and last.outcome is None else None

    def take(self, event: OfSuite) -> bool:
        """Take an event; tell whether it makes sense here: one test ends before the next begins."""
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
