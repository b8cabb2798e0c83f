"""A known cause of a difference: when it fits, and what takes it away. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from keras_matrix.trace.cause import CauseStatus, Hint, Proof
from keras_matrix.trace.explain.edits import Edit
from keras_matrix.trace.explain.situation import Situation, Stack
from keras_matrix.trace.finding import FindingKind

THEANO, TENSORFLOW = "theano", "tensorflow"
VERSIONS: Mapping[str, tuple[tuple[str, str], ...]] = {
    THEANO: (("keras", "2.3."), ("theano", "1.0.")),
    TENSORFLOW: (("keras", "2.3."), ("tensorflow", "1.1")),
}
"""Of each backend, the packages and the beginnings of the versions that the causes were read in."""
FORGED_MODEL_ERRORS = (
    *(ArithmeticError, AttributeError, LookupError),
    *(RecursionError, TypeError, ValueError, re.error),
)
"""What a condition raises for a model description that the probe did not write."""

Words = str | Callable[[Situation], str]


@dataclass(frozen=True)
class Counterfactual:
    """What takes a cause away from a minimal script.

    ``instead`` says it in words that follow "with"; ``edits`` changes the script.
    """

    instead: Words
    edits: Callable[[Situation], Sequence[Edit]]


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A known cause, with its source and the conditions under which it fits.

    All conditions have to be met; one that is empty is not checked.

    Attributes:
        kinds: What differs.
        layers: Classes of Keras's own layers.
        settings: Values that the layer's configuration has.
        what: A pattern of what the finding says that differs.
        message: A pattern of the failure's message.
        failing: The backend that fails.
        code: A pattern of the script's own code at the finding.
        holds: A condition on what was captured: the numbers, the graph. It returns None for what
            cannot be checked; the cause is then possible.
        counterfactual: What to try, in the minimal script.
        proof: A trial that needs no cell, as it only computes with what was captured.
    """

    text: Words
    source: str
    kinds: tuple[FindingKind, ...]
    layers: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    what: str = ""
    message: str = ""
    failing: str = ""
    code: str = ""
    holds: Callable[[Situation], bool | None] | None = None
    counterfactual: Counterfactual | None = None
    proof: Callable[[Situation], Proof] | None = None

    def fits(self, situation: Situation) -> bool:
        """Tell whether all conditions that can be checked are met."""
        finding = situation.finding
        if finding.kind not in self.kinds or not _is_known(situation.stacks):
            return False
        if self.layers and (finding.layer not in self.layers or not situation.is_own_layer):
            return False
        try:
            return (
                all(finding.config.get(name) == value for name, value in self.settings.items())
                and _matches(self.what, finding.what)
                and _matches(self.message, finding.message)
                and (not self.failing or situation.fails_on(self.failing))
                and (not self.code or _matches(self.code, situation.code))
                and (self.holds is None or self.holds(situation) is not False)
            )
        except FORGED_MODEL_ERRORS:
            return False

    def hint(self, situation: Situation) -> Hint:
        """Return the cause as a finding has it before its counterfactual was tried."""
        text = in_words(self.text, situation)
        if self.proof is None:
            return Hint(text, self.source)
        return Hint(text, self.source, CauseStatus.PROVEN, self.proof(situation))


def in_words(words: Words, situation: Situation) -> str:
    """Return a text that may depend on the situation."""
    return words if isinstance(words, str) else words(situation)


def _matches(pattern: str, text: str) -> bool:
    return not pattern or re.search(pattern, text, re.DOTALL) is not None


def _is_known(stacks: tuple[Stack, Stack]) -> bool:
    """Tell whether one image has Theano and the other TensorFlow, as the sources are."""
    if {stack.backend for stack in stacks} != {THEANO, TENSORFLOW}:
        return False
    return all(
        stack.packages.get(package, "").startswith(beginning)
        for stack in stacks
        for package, beginning in VERSIONS[stack.backend]
    )
