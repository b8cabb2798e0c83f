"""What a reduction has come to, as ``state.json`` and ``reduce.json`` have it."""

from typing import Any

import msgspec

from keras_matrix.trace.reduce.model import Model, Size
from keras_matrix.trace.reduce.search import Answer
from keras_matrix.trace.reduce.target import ReductionTarget

SCHEMA = 1


class AcceptedStep(msgspec.Struct, frozen=True):
    """A step after which the script still showed the finding, and its size then."""

    words: str
    size: Size


class State(msgspec.Struct, kw_only=True):
    """All that a reduction needs to go on: the smallest script so far, and what was tried.

    Attributes:
        file: The name of the traced script, with its text in ``code``.
        options: The options of its cells, as they were given.
        model: The smallest model that shows the finding; its arrays are in ``arrays``, a file.
        untidy: Whether its script crops weights that could be written as they are.
        memory: What was tried, by the digest of its content.
        original: The size of the whole script.
    """

    schema: int = SCHEMA
    tool: str
    file: str
    code: str
    options: dict[str, Any]
    reference: str
    target: ReductionTarget
    atol: float | None
    rtol: float | None
    model: Model
    arrays: str = ""
    untidy: bool = False
    memory: dict[str, Answer] = {}
    steps: list[AcceptedStep] = []
    original: Size
    attempts: int = 0
    seconds: float = 0.0


class Neighbour(msgspec.Struct, frozen=True):
    """A script that agrees, one step from the smallest that differs: ``words`` say by what."""

    words: str
    size: Size
    script: str


class Reduction(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a reduction.

    Attributes:
        minimal: Whether all single steps were tried, and none shows the finding.
        tried: How many of the ``single_steps`` from the smallest script were tried.
        seconds: The time that attempts took, of all parts of the reduction.
        agreeing: What each single step is that makes the difference go away.
        neighbour: The largest script that agrees.
        unresolved: How many attempts failed for another reason, by the reason.
    """

    schema: int = SCHEMA
    tool: str
    file: str
    reference: str
    target: ReductionTarget
    script: str
    text: str
    original: Size
    size: Size
    steps: list[AcceptedStep]
    attempts: int
    seconds: float
    minimal: bool
    tried: int
    single_steps: int
    agreeing: list[str]
    neighbour: Neighbour | None
    unresolved: dict[str, int]
