"""What a trace tells about the cause of a finding, and how far that was proven."""

from enum import Enum

import msgspec

OWN_DEFINITION_SHARE = 0.5
"""The share of a float32's error from which on two float64s count as far apart."""


class CauseStatus(Enum):
    """What a trial of a cause came to."""

    PROVEN = "proven"
    """The difference goes away if the cause is taken away."""
    REFUTED = "refuted"
    """It stays."""
    POSSIBLE = "possible"
    """The cause fits what was captured; it was not tried, or its trial showed nothing."""


class TrialOutcome(msgspec.Struct, frozen=True):
    """How far apart two images came out in a trial.

    ``difference`` is the largest absolute difference, None if there is none to compute; then
    ``problem`` says why: a failure, another shape, or elements that are finite on one side only.
    ``failed_on`` is the image that failed alone.
    """

    difference: float | None = None
    problem: str = ""
    failed_on: str = ""


class Proof(msgspec.Struct, frozen=True):
    """A trial of a cause: what was done ``instead``, and what came out ``before`` and ``after``."""

    instead: str
    before: TrialOutcome
    after: TrialOutcome


class Hint(msgspec.Struct, frozen=True):
    """A known cause of a difference, and the file or issue that documents it.

    ``proof`` is the trial that ``status`` comes from; None if the cause was not tried.
    """

    text: str
    source: str
    status: CauseStatus = CauseStatus.POSSIBLE
    proof: Proof | None = None


class Referee(msgspec.Struct, frozen=True, kw_only=True):
    """Who is off: the same step in float64 on both images.

    Attributes:
        reference: How far the reference's float32 is from its float64, the largest difference.
        other: The same of the other image.
        between: How far the two float64s are apart.
        reference_odd: How many elements of the reference are finite only in float64, or only in
            float32.
        other_odd: The same of the other image.
    """

    reference: float
    other: float
    between: float
    reference_odd: int = 0
    other_odd: int = 0

    @property
    def both_right(self) -> bool:
        """Whether the float64s are as far apart: each side is right by its own definition."""
        if self.reference_odd or self.other_odd:
            return False
        return self.between > OWN_DEFINITION_SHARE * max(self.reference, self.other)
