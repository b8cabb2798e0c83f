"""The result of a trace, as ``trace.json`` has it."""

from enum import Enum

import msgspec

from keras_matrix.trace.finding import VERDICT_ORDER, Finding, FindingKind, Origin
from keras_matrix.trace.literature import RateOfChange

SCHEMA = 1


class TraceStage(Enum):
    """What was compared, in the order of a training step."""

    WEIGHTS = "weights"
    OUTPUTS = "outputs"
    LOSS = "loss and metrics"
    GRADIENTS = "gradients"
    UPDATES = "updates"
    TRAINING = "training"


class StageSummary(msgspec.Struct, frozen=True):
    """How many arrays of a stage were compared, how many differ, and which differs most.

    ``excess`` is the distance of the ``worst`` one divided by what rounding explains; None if the
    two cannot be compared.
    """

    stage: TraceStage
    compared: int
    over: int
    worst: str = ""
    excess: float | None = 0.0


class LayerDistance(msgspec.Struct, frozen=True, array_like=True):
    """How far apart a layer is at one stage; ``excess`` is as in the stage's summary.

    ``name`` is the key of a node, ``phase`` a learning phase, empty for stages without phases.
    """

    stage: TraceStage
    name: str
    phase: str
    excess: float | None


class ImageTrace(msgspec.Struct, frozen=True, kw_only=True):
    """What a trace found on one image, compared with the reference.

    ``profile`` is in the order of the model.
    """

    image: str
    findings: list[Finding]
    stages: list[StageSummary] = []
    profile: list[LayerDistance] = []
    rates: list[RateOfChange] = []
    d_mad: float | None = None
    d_class: float | None = None
    notes: list[str] = []

    @property
    def real(self) -> list[Finding]:
        """The findings that are neither inherited nor amplified rounding, in verdict order."""
        real = [finding for finding in self.findings if finding.origin is Origin.REAL]
        return sorted(real, key=lambda finding: VERDICT_ORDER[finding.kind])

    @property
    def verdict(self) -> Finding | None:
        """The first real difference; None if there is no such difference."""
        return self.real[0] if self.real else None

    @property
    def kind(self) -> FindingKind | None:
        """The kind of the first real difference."""
        return self.verdict.kind if self.verdict is not None else None


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """A whole trace.

    Attributes:
        layers: How many nodes the reference's model has.
        still: The random layers, which were switched off.
        seconds: The wall time of each image's first capture.
        failed: The images on which the script failed, with the reason.
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
