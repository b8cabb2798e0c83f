"""Work out what each difference reaches: along the dataflow, and only as far as is measured. Pure.

A difference of outputs reaches what is computed from them; one of a gradient reaches the gradients
before it. Both reach the weights after a step, and all that is trained afterwards. What does not
differ by more than rounding is not reached, whatever feeds it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from keras_matrix.trace.dump import ArrayKey, Capture, port
from keras_matrix.trace.finding import Finding, Origin, TraceStage
from keras_matrix.trace.judge import is_loss, learning_phases, node_of_weight
from keras_matrix.trace.measure import AFTER_TRAINING, Measurement, Measurements
from keras_matrix.trace.negligible import Negligible
from keras_matrix.trace.propagation import Propagation
from keras_matrix.trace.reach import Consequence, Reach, Reached
from keras_matrix.trace.rounding import node_key_of_output
from keras_matrix.trace.steps import FIRST_STEP
from keras_matrix.trace.training import CURVE, HELD_OUT_LOSS

STEPS = ("step", "step.slot")
CONSEQUENCES = {
    "gradient": Consequence.GRADIENTS,
    **dict.fromkeys(STEPS, Consequence.UPDATES),
    **dict.fromkeys((AFTER_TRAINING, CURVE), Consequence.TRAINING),
}
"""The consequences that arrays of a kind are, whatever their names."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What was measured of an image, compared with the reference.

    Attributes:
        measurements: The model from the reference's weights and batch.
        replays: What was computed alone, from the reference's inputs.
        inherited: What arrays differ by besides what they differ by alone.
        start: The model from the image's own weights and batch.
        trained: Weights and losses at the end of the training.
        fails: Whether the script fails on one of the two images only.
        complete: Whether everything was computed that findings could reach.
        epsilon: The unit in the last place of 1 in the model's numbers.
    """

    capture: Capture
    measurements: Measurements
    replays: Measurements = field(default_factory=dict)
    inherited: Measurements = field(default_factory=dict)
    start: Measurements = field(default_factory=dict)
    trained: Measurements = field(default_factory=dict)
    fails: bool = False
    complete: bool = True
    epsilon: float


class Consequences:
    """The consequences that were measured, and which of an image's differences reach them.

    ``findings`` are those up to the first steps.
    """

    def __init__(self, evidence: Evidence, findings: Sequence[Finding]) -> None:
        self._evidence = evidence
        self._propagation = Propagation(evidence.capture, evidence.measurements, evidence.replays)
        self._negligible = Negligible(evidence.capture, evidence.measurements, evidence.epsilon)
        self._measured = {**evidence.measurements, **evidence.trained, **evidence.inherited}
        model = evidence.capture.model
        self._outputs = {port(*place) for place in model.outputs} if model is not None else set()
        self._phase = learning_phases(evidence.capture)[0]
        self._metrics = {name for what, name, _ in evidence.measurements if what == "metric"}
        self._effects = self._effects_of(evidence.measurements)
        self._real = [finding for finding in findings if finding.origin is Origin.REAL]
        self._own = [self._own_effects(finding) for finding in self._real]
        self._reached = [
            self._with_later(finding, early | own.keys())
            for finding, early, own in zip(
                self._real, self._first_step(findings), self._own, strict=True
            )
        ]

    def explain(self, key: ArrayKey) -> bool:
        """Tell whether a difference up to the first steps reaches what is after training."""
        return any(key in reached for reached in self._reached)

    def attach(self, findings: Sequence[Finding]) -> list[Finding]:
        """Return findings, each that is real with its reach."""
        places = {id(finding): index for index, finding in enumerate(self._real)}
        return [
            msgspec.structs.replace(finding, reach=self._reach(finding, places.get(id(finding))))
            if finding.origin is Origin.REAL
            else finding
            for finding in findings
        ]

    def _reach(self, finding: Finding, place: int | None) -> Reach | None:
        """Return what a finding reaches; None if that could not be measured."""
        evidence = self._evidence
        if finding.fails:
            return Reach(targets=[Reached(what=Consequence.SCRIPT)]) if evidence.fails else None
        if finding.stage is TraceStage.TRAINING:
            return Reach(targets=[_of_training(finding)])
        if finding.stage is TraceStage.WEIGHTS:
            effects = self._effects_of(evidence.start)
            measured = {key: evidence.start[key] for key in effects}
            # With other weights not everything may be computed; it counts all the same.
            return self._summary(finding, measured | _beyond(evidence.trained)) or None
        if place is None or finding.stage is None:
            return None
        measured = {key: self._distance(place, key) for key in self._reached[place]}
        reach = self._summary(finding, measured)
        return reach if reach or evidence.complete else None

    def _summary(self, finding: Finding, measured: Measurements) -> Reach:
        by_consequence: dict[Consequence, list[ArrayKey]] = {}
        for key in measured:
            what = self._consequence(key)
            if what is not None:
                by_consequence.setdefault(what, []).append(key)
        return Reach(
            targets=[
                self._target(finding, what, {key: measured[key] for key in by_consequence[what]})
                for what in Consequence
                if what in by_consequence
            ]
        )

    def _target(self, finding: Finding, what: Consequence, measured: Measurements) -> Reached:
        worst = max(measured, key=lambda key: measured[key].excess)
        also = [
            other.where
            for other, reached in zip(self._real, self._reached, strict=True)
            if other is not finding and not reached.isdisjoint(measured)
        ]
        return Reached(
            what=what,
            count=len({name for _, name, _ in measured}),
            worst=worst[1],
            distance=_finite(measured[worst].distance.maximum, measured[worst]),
            excess=_finite(measured[worst].excess, measured[worst]),
            also=list(dict.fromkeys(also)),
        )

    def _distance(self, place: int, key: ArrayKey) -> Measurement:
        """Return how far apart one finding brings an array, as far as that was told apart."""
        return self._own[place].get(key) or self._measured[key]

    def _effects_of(self, measurements: Measurements) -> dict[ArrayKey, Consequence]:
        """Return what differs, of what a user sees, up to the end of the first steps.

        What is too small to matter, and slots of the optimizer, are not among it.
        """
        effects = {}
        for key, measurement in measurements.items():
            what = self._consequence(key)
            if what is None or key[0] == "step.slot" or not measurement.over_limit:
                continue
            if not self._matters_not(key, measurement):
                effects[key] = what
        return effects

    def _matters_not(self, key: ArrayKey, measurement: Measurement) -> bool:
        what, name, _ = key
        if self._negligible.underflow(measurement.distance):
            return True
        if what == "output":
            node = self._evidence.capture.node(node_key_of_output(name))
            return self._negligible.prediction(node, measurement.distance)
        return what == "gradient" and self._negligible.gradient(name, measurement.distance)

    def _consequence(self, key: ArrayKey) -> Consequence | None:
        what, name, when = key
        if what == "output":
            predicted = name in self._outputs and when == self._phase
            return Consequence.PREDICTIONS if predicted else None
        if what == "metric":
            return Consequence.LOSS if is_loss(name, self._metrics) else Consequence.METRICS
        return CONSEQUENCES.get(what)

    def _own_effects(self, finding: Finding) -> Measurements:
        """Return the effects that a finding was computed to have alone."""
        return {
            key: measurement
            for key, measurement in self._propagation.own(finding).items()
            if self._consequence(key) is not None and not self._matters_not(key, measurement)
        }

    def _first_step(self, findings: Sequence[Finding]) -> list[set[ArrayKey]]:
        """Return the effects of each real finding up to the gradients.

        What is measured all the way from some findings, or from rounding that a layer amplifies,
        is not laid to those from which it is not.
        """
        early = {key for key, what in self._effects.items() if what is not Consequence.UPDATES}
        strict = [self._upstream(finding, early, strict=True) for finding in self._real]
        amplified = (finding for finding in findings if finding.origin is Origin.AMPLIFIED)
        explained = set().union(
            *strict,
            *self._own,
            *(self._upstream(finding, early, strict=True) for finding in amplified),
        )
        left = early - explained
        loose = [self._upstream(finding, left, strict=False) for finding in self._real]
        return [first | second for first, second in zip(strict, loose, strict=True)]

    def _upstream(self, finding: Finding, effects: set[ArrayKey], *, strict: bool) -> set[ArrayKey]:
        """Return which effects a finding reaches, if what they differ by alone is not all."""
        inherited = self._evidence.inherited
        return {
            key
            for key in self._propagation.reached(finding, strict=strict) & effects
            if key not in inherited or inherited[key].over_limit
        }

    def _with_later(self, finding: Finding, early: set[ArrayKey]) -> set[ArrayKey]:
        """Return effects with those that follow in the steps, and at the end of the training."""
        capture = self._evidence.capture
        gradients = {name for what, name, _ in early if what == "gradient"}
        stepped = {name for what, name, _ in early if what in STEPS}
        anything = finding.stage in (None, TraceStage.WEIGHTS)
        trains_on = anything or bool(gradients) or any(map(self._is_trained_on, stepped))
        averages = self._propagation.averages_after(finding)
        steps = {
            (what, name, step)
            for what, name, step in self._effects
            if what == "step"
            and (
                name in averages
                or name in gradients
                or (trains_on and (step != FIRST_STEP or name not in capture.trained))
            )
        }
        reached = early | steps
        kinds = {self._consequence(key) for key in reached}
        changed = {name for what, name, _ in reached if what in STEPS}
        for key in _beyond(self._evidence.trained):
            what, name, _ = key
            if what == AFTER_TRAINING:
                explained = trains_on or name in changed
            elif name == HELD_OUT_LOSS:
                explained = trains_on or bool(kinds - {Consequence.METRICS})
            else:
                explained = trains_on or Consequence.LOSS in kinds
            if explained:
                reached.add(key)
        return reached

    def _is_trained_on(self, name: str) -> bool:
        """Tell whether the training depends on a weight: not on an average of normalization."""
        if name in self._evidence.capture.trained:
            return True
        node = node_of_weight(self._evidence.capture, name)
        normalizes = node is not None and node.own and node.kind == "BatchNormalization"
        return not (normalizes and node is not None and name in node.weights)


def _beyond(measurements: Measurements) -> Measurements:
    return {key: measured for key, measured in measurements.items() if measured.over_limit}


def _of_training(finding: Finding) -> Reached:
    """Return what a finding after training is itself."""
    distance = finding.chained
    comparable = distance is not None and distance.same_shape and not distance.odd
    maximum = distance.maximum if distance is not None and comparable else None
    excess = maximum / finding.limit if maximum is not None and finding.limit else None
    return Reached(what=Consequence.TRAINING, worst=finding.where, distance=maximum, excess=excess)


def _finite(number: float, measurement: Measurement) -> float | None:
    """Return a number, None for arrays that cannot be compared."""
    distance = measurement.distance
    comparable = distance.same_shape and not distance.odd and math.isfinite(number)
    return number if comparable else None
