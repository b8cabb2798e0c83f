"""The search, with oracles that are plain functions of sets."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from keras_matrix.trace.reduce.search import (
    Answer,
    AttemptVerdict,
    SearchEnd,
    SearchOutcome,
    Step,
    search,
)
from keras_matrix.trace.reduce.steps import halves


@dataclass(frozen=True)
class Parts:
    """A script of numbered parts."""

    parts: frozenset[int]

    @property
    def digest(self) -> str:
        return str(sorted(self.parts))


def propose(script: Parts) -> Iterator[Step[Parts]]:
    """Leave out runs of parts, long ones first."""
    parts = sorted(script.parts)
    for count in halves(len(parts)):
        for start in range(0, len(parts), count):
            left = [*parts[:start], *parts[start + count :]]
            yield Step(f"without {count}", Parts(frozenset(left)), count == 1)


class Trial:
    """A search that can be stopped after a number of attempts."""

    def __init__(self, shows: Callable[[frozenset[int]], bool]) -> None:
        self.shows = shows
        self.memory: dict[str, Answer] = {}
        self.attempts: list[str] = []
        self.smallest = Parts(frozenset())

    def oracle(self, step: Step[Parts]) -> tuple[Answer, Parts]:
        self.attempts.append(step.result.digest)
        verdict = AttemptVerdict.SHOWS if self.shows(step.result.parts) else AttemptVerdict.AGREES
        return Answer(verdict), step.result

    def accept(self, step: Step[Parts], result: Parts) -> None:
        assert result.parts < self.smallest.parts
        self.smallest = result

    def run(self, begin: Parts, budget: int = 10**9) -> SearchOutcome[Parts]:
        self.smallest = begin
        allowed = len(self.attempts) + budget
        return search(
            *(begin, propose, self.oracle, self.memory),
            accepted=self.accept,
            spent=lambda: len(self.attempts) >= allowed,
        )


WHOLE = Parts(frozenset(range(12)))
needs = st.frozensets(st.integers(0, 11), max_size=5)
families = st.lists(needs, min_size=1, max_size=3)
"""Sets of parts, any of which shows the finding: not a monotone one, if there are exceptions."""


def shown_by(family: list[frozenset[int]], except_for: int) -> Callable[[frozenset[int]], bool]:
    def shows(parts: frozenset[int]) -> bool:
        if len(parts) == except_for:
            return False
        return any(need <= parts for need in family)

    return shows


@given(families, st.integers(1, 11))
def test_the_result_shows_it_and_no_single_step_does(
    family: list[frozenset[int]], except_for: int
) -> None:
    shows = shown_by(family, except_for)
    outcome = Trial(shows).run(WHOLE)
    smallest = outcome.smallest.parts
    assert outcome.end is SearchEnd.MINIMAL
    assert shows(smallest)
    assert not any(shows(smallest - {part}) for part in smallest)
    assert outcome.tried == outcome.steps == len(smallest)


@given(families, st.integers(1, 11))
def test_nothing_is_tried_twice(family: list[frozenset[int]], except_for: int) -> None:
    trial = Trial(shown_by(family, except_for))
    trial.run(WHOLE)
    assert len(trial.attempts) == len(set(trial.attempts))


@given(families, st.integers(1, 11), st.integers(0, 30))
def test_a_search_that_was_stopped_comes_to_the_same_end(
    family: list[frozenset[int]], except_for: int, budget: int
) -> None:
    shows = shown_by(family, except_for)
    whole = Trial(shows)
    expected = whole.run(WHOLE)
    stopped = Trial(shows)
    first = stopped.run(WHOLE, budget)
    assert len(stopped.attempts) <= budget
    assert shows(first.smallest.parts) or first.smallest == WHOLE
    resumed = stopped.run(first.smallest)
    assert resumed == expected
    assert stopped.attempts == whole.attempts


def test_a_budget_that_is_used_up_is_said() -> None:
    outcome = Trial(lambda parts: 3 in parts).run(WHOLE, 2)
    assert outcome.end is SearchEnd.BUDGET
    assert outcome.tried < outcome.steps


def test_what_is_unresolved_does_not_show_it() -> None:
    def oracle(step: Step[Parts]) -> tuple[Answer, Parts]:
        return Answer(AttemptVerdict.UNRESOLVED, "the script failed"), step.result

    memory: dict[str, Answer] = {}
    outcome = search(
        *(WHOLE, propose, oracle, memory), accepted=lambda *_: None, spent=lambda: False
    )
    assert outcome.smallest == WHOLE
    assert outcome.end is SearchEnd.MINIMAL
