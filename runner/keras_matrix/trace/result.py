"""The result of a trace, as ``trace.json`` has it."""

import msgspec

from keras_matrix.trace.finding import Finding, FindingKind, Origin, TraceStage
from keras_matrix.trace.literature import RateOfChange

SCHEMA = 1


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

    ``findings`` are in the order in which they are reported, ``profile`` in that of the model.
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
        """The findings that are neither inherited nor amplified rounding."""
        return [finding for finding in self.findings if finding.origin is Origin.REAL]

    @property
    def counting(self) -> list[Finding]:
        """The real findings that reach anything, so that they make the images differ."""
        return [finding for finding in self.real if finding.counts]

    @property
    def verdict(self) -> Finding | None:
        """The first difference that reaches anything; None if there is no such difference."""
        return next(iter(self.counting), None)

    @property
    def kind(self) -> FindingKind | None:
        """The kind of that difference."""
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
