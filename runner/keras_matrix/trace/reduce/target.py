"""What a reduced script has to show: the same finding, at the same place, beyond the same bound.

Pure. A reducer that takes any difference for the one that it began with ends at another one.
"""

import re
from collections.abc import Sequence

import msgspec

from keras_matrix.trace.dump import Capture
from keras_matrix.trace.finding import INFERRED_SHAPE, Finding, FindingKind, Origin

MAX_MESSAGE_CHARACTERS = 80
LOSS_BY_EPOCH = "loss by epoch"


class ReductionTarget(msgspec.Struct, frozen=True, kw_only=True):
    """What makes a finding the same.

    Attributes:
        image: The image that differs from the reference.
        where: The place as the first trace named it, with ``what`` it said.
        stage: What was compared: ``what`` without names and numbers.
        layers: The layers that may be the place; empty if it is no layer.
        name: The loss or metric, if the place is no layer.
        message: The part of a failure's message that does not depend on sizes.
        bound: The distance beyond which it differs, as a share of the largest number.
    """

    image: str
    kind: FindingKind
    where: str
    what: str
    stage: str
    layers: list[str] = []
    name: str = ""
    message: str = ""
    bound: float = 0.0

    @property
    def trains(self) -> bool:
        """Whether only the whole training shows it."""
        return self.kind is FindingKind.TRAINING or self.what == LOSS_BY_EPOCH

    def is_shown_by(self, finding: Finding, layers: Sequence[str]) -> bool:
        """Tell whether a finding of a script with these ``layers`` is this one."""
        if finding.origin is not Origin.REAL or finding.kind is not self.kind:
            return False
        if stage_of(finding.what) != self.stage or stable_part(finding.message) != self.message:
            return False
        place = place_in(finding.where, layers)
        if self.layers:
            return place in self.layers and self._is_beyond(finding)
        return place is None and plain_name(finding.where) == self.name and self._is_beyond(finding)

    def _is_beyond(self, finding: Finding) -> bool:
        distance = finding.alone or finding.chained
        if distance is None or distance.odd or not distance.same_shape or not distance.scale:
            return True
        return distance.maximum / distance.scale > self.bound


def target_of(finding: Finding, image: str, capture: Capture) -> ReductionTarget:
    """Return what makes a finding of a trace; ``capture`` is the reference's."""
    layers = _layers_at(finding.where, capture)
    distance = finding.alone or finding.chained
    bound = 0.0
    if distance is not None and finding.limit and distance.scale:
        bound = finding.limit / distance.scale
    return ReductionTarget(
        image=image,
        kind=finding.kind,
        where=finding.where,
        what=finding.what,
        stage=stage_of(finding.what),
        layers=layers,
        name="" if layers else plain_name(finding.where),
        message=stable_part(finding.message),
        bound=bound,
    )


def script_name(key: str) -> str:
    """Return the name that a layer has in the written script, where no models are nested."""
    return re.sub(r"#\d+(?=/|\Z)", "", key).replace("/", "_")


def place_in(where: str, layers: Sequence[str]) -> str | None:
    """Return which of the layers of a written script a place is, or is a weight of."""
    key = re.sub(r"#\d+\Z", "", where)
    for name in (key, where.rpartition("/")[0]):
        if name in layers:
            return name
    return None


def _layers_at(where: str, capture: Capture) -> list[str]:
    """Return the names of the layers at a place: several if it is a model within the model."""
    for matches in (
        [node for node in capture.nodes if node.key == where],
        [node for node in capture.nodes if where.partition(".slot")[0] in node.weights],
        [node for node in capture.nodes if node.layer == where],
    ):
        nodes = [node for node in matches if not node.nested]
        if nodes:
            return list(dict.fromkeys(script_name(node.key) for node in nodes))
        if matches:
            inner = (n for n in capture.nodes if n.key.startswith(matches[0].key + "/"))
            return list(dict.fromkeys(script_name(node.key) for node in inner if node.feeds))
    return []


def plain_name(where: str) -> str:
    """Return the name of a loss or metric without the output's name before it."""
    return "loss" if where.endswith("_loss") else where.rpartition("_")[2]


def stage_of(what: str) -> str:
    """Return what was compared, without the names and numbers that change with the model."""
    if what.startswith(INFERRED_SHAPE):
        return INFERRED_SHAPE + (", then a failure" if "then fails" in what else "")
    failure = re.match(r"fails on \S+ only(.*)", what)
    if failure is not None:
        return f"fails{failure[1]}"
    text = what.partition(",")[0].partition(" by ")[0] if what != LOSS_BY_EPOCH else what
    return re.sub(r"\s*\d+", "", text)


def stable_part(message: str) -> str:
    """Return the part of a failure's message that does not change with sizes and names."""
    words = re.findall(r"[A-Za-z]{3,}(?![\w/]*\d)", message.partition("\n")[0])
    return " ".join(words)[:MAX_MESSAGE_CHARACTERS]
