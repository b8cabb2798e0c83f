"""The result of a trace, as it is on disk."""

from enum import Enum

import msgspec

from keras_matrix.trace.finding import ORDER, Finding, Kind, Origin
from keras_matrix.trace.literature import Rate

SCHEMA = 1


class Stage(Enum):
    """What was compared, in the order of a training step."""

    WEIGHTS = "weights"
    OUTPUTS = "outputs"
    LOSS = "loss and metrics"
    GRADIENTS = "gradients"
    UPDATES = "updates"
    TRAINING = "training"


class StageSummary(msgspec.Struct, frozen=True):
    """How many arrays of a stage were compared, how many differ, and the one that does most.

    ``excess`` is its distance in units of what rounding explains, None for what cannot be compared.
    """

    stage: Stage
    compared: int
    over: int
    worst: str = ""
    excess: float | None = 0.0


class LayerDistance(msgspec.Struct, frozen=True, array_like=True):
    """How far apart what a layer has to do with a stage is, as ``excess`` of the stage's summary.

    ``name`` is the key of a node, ``phase`` a learning phase, empty where a stage has none.
    """

    stage: Stage
    name: str
    phase: str
    excess: float | None


class ImageTrace(msgspec.Struct, frozen=True, kw_only=True):
    """What was found on one image, against the reference; ``profile`` is in the model's order."""

    image: str
    findings: list[Finding]
    stages: list[StageSummary] = []
    profile: list[LayerDistance] = []
    rates: list[Rate] = []
    d_mad: float | None = None
    d_class: float | None = None
    notes: list[str] = []

    @property
    def real(self) -> list[Finding]:
        """The findings that are neither inherited nor rounding that grew, in verdict order."""
        found = [finding for finding in self.findings if finding.origin is Origin.REAL]
        return sorted(found, key=lambda finding: ORDER[finding.kind])

    @property
    def verdict(self) -> Finding | None:
        """The first difference, None if there is none."""
        return self.real[0] if self.real else None

    @property
    def kind(self) -> Kind | None:
        """The kind of the first difference."""
        return self.verdict.kind if self.verdict is not None else None


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """A whole trace. ``layers`` counts the nodes of the model; ``still`` names its random layers.

    ``seconds`` is the wall time of each image's first look; ``failed`` are the images on which the
    script did not come to its end, with the reason.
    """

    schema: int = SCHEMA
    tool: str
    run: str
    model: str
    reference: str
    layers: int
    still: list[str]
    seconds: dict[str, float]
    failed: dict[str, str] = {}
    images: list[ImageTrace]
