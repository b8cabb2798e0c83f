"""What a difference reaches of a training step and its results, and by how much."""

from enum import Enum

import msgspec


class Consequence(Enum):
    """What a user sees of a difference, in the order in which it is told."""

    SCRIPT = "script"
    """The script fails."""
    LOSS = "loss"
    PREDICTIONS = "predictions"
    """The model's outputs as ``predict`` returns them, from the first weights."""
    METRICS = "metrics"
    GRADIENTS = "gradients"
    """Gradients of the loss by weights."""
    UPDATES = "updates"
    """Weights after the optimizer's first steps."""
    TRAINING = "training"
    """Weights and losses at the end of the script's whole training."""


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of consequence that a difference has.

    Attributes:
        count: How many arrays of that kind differ.
        worst: The name of the one that is furthest apart, relative to its limit.
        distance: Its largest absolute difference; None if it cannot be compared, as NaN cannot.
        excess: That difference divided by what rounding explains; None as above.
        also: The other differences that reach it; what each of them adds was not measured.
    """

    what: Consequence
    count: int = 1
    worst: str = ""
    distance: float | None = None
    excess: float | None = None
    also: list[str] = []


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """All that a difference reaches; empty if it has no consequence that was measured."""

    targets: list[Reached] = []

    def __bool__(self) -> bool:
        return bool(self.targets)

    def target(self, what: Consequence) -> Reached | None:
        """Return the consequence of a kind; None if the difference does not reach it."""
        return next((target for target in self.targets if target.what is what), None)
