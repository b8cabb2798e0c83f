"""The search: propose something smaller, try it, go on from what still shows the finding. Pure.

What comes next depends only on the smallest script so far and on what was tried, so a search that
was stopped goes on where it was. Large cuts are proposed first, single steps last.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Generic, Protocol, TypeVar

import msgspec


class AttemptVerdict(Enum):
    """What trying a script came to."""

    SHOWS = "shows it"
    AGREES = "agrees"
    OTHER = "differs otherwise"
    UNRESOLVED = "unresolved"


class Answer(msgspec.Struct, frozen=True):
    """What trying a script came to, with the reason if that is not plain."""

    verdict: AttemptVerdict
    reason: str = ""


class Digested(Protocol):
    """What can be tried, and remembered by its content."""

    @property
    def digest(self) -> str:
        """The digest of its content."""


Tried = TypeVar("Tried", bound=Digested)


@dataclass(frozen=True)
class Step(Generic[Tried]):
    """Something smaller; ``words`` say by what (``without dense_1``).

    ``single`` tells that no smaller step does a part of it.
    """

    words: str
    result: Tried
    single: bool = True


class SearchEnd(Enum):
    """Why a search ended."""

    MINIMAL = "no single step leaves it"
    BUDGET = "the budget"


@dataclass(frozen=True)
class SearchOutcome(Generic[Tried]):
    """The end of a search; ``tried`` of ``steps`` single steps from ``smallest`` were tried."""

    smallest: Tried
    end: SearchEnd
    tried: int
    steps: int


Proposals = Callable[[Tried], Iterable[Step[Tried]]]
Oracle = Callable[[Step[Tried]], tuple[Answer, Tried]]
"""Tries a step; returns also its result with what trying it brought to light."""
Accepted = Callable[[Step[Tried], Tried], None]


def search(
    smallest: Tried,
    proposals: Proposals[Tried],
    oracle: Oracle[Tried],
    memory: dict[str, Answer],
    *,
    accepted: Accepted[Tried],
    spent: Callable[[], bool],
) -> SearchOutcome[Tried]:
    """Search for the smallest that shows the finding, from one that does.

    ``memory`` has what was tried before by digest, and is added to. ``accepted`` is called with
    each step that still shows it; ``spent`` tells whether the budget is used up.
    """
    while True:
        for step in proposals(smallest):
            if step.result.digest in memory:
                continue
            if spent():
                return _outcome(smallest, proposals, memory, SearchEnd.BUDGET)
            answer, result = oracle(step)
            memory[step.result.digest] = answer
            if answer.verdict is AttemptVerdict.SHOWS:
                accepted(step, result)
                smallest = result
                break
        else:
            return _outcome(smallest, proposals, memory, SearchEnd.MINIMAL)


def _outcome(
    smallest: Tried, proposals: Proposals[Tried], memory: dict[str, Answer], end: SearchEnd
) -> SearchOutcome[Tried]:
    singles = [step.result.digest for step in proposals(smallest) if step.single]
    tried = sum(digest in memory for digest in singles)
    return SearchOutcome(smallest, end, tried, len(singles))
