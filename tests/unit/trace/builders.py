"""Builders of captures and findings, without cells: the probe's Dump writes, the host reads."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy

from keras_matrix.trace import conclude, dump, training
from keras_matrix.trace.consequences import Consequences, Evidence
from keras_matrix.trace.distance import Distance
from keras_matrix.trace.dump import Capture
from keras_matrix.trace.finding import Finding, FindingKind, Origin, TraceStage
from keras_matrix.trace.judge import Replay, plan_replay
from keras_matrix.trace.measure import (
    Measurement,
    Measurements,
    coarsest_epsilon,
    measure,
    measure_inherited,
    measure_replays,
)
from keras_matrix.trace.rounding import Allowance
from keras_matrix_probe.keras2.trace.dump import Dump

PHASES = ("inference", "training")
SCRIPT = "model.py"
Fields = dict[str, Any]


def floats(values: Any) -> Any:
    return numpy.array(values, dtype="float32")


def node(key: str, kind: str = "Dense", feeds: Sequence[str] = (), **changed: Any) -> Fields:
    """Describe a node as the probe does; ``feeds`` are nodes whose first outputs it takes."""
    return {
        "key": key,
        "layer": key,
        "kind": kind,
        "own": True,
        "config": {},
        "source": None,
        "feeds": [[key, 0] for key in feeds],
        "outputs": 1,
        "input_shapes": [[None, 3] for _ in feeds],
        "output_shapes": [[None, 3]],
        "weights": [],
        "nested": False,
        **changed,
    }


def chain(*keys: str, **changed: Fields) -> list[Fields]:
    """Describe an input and layers in a row; ``changed`` are fields of nodes, by key."""
    nodes = [node("x", "InputLayer")]
    for before, key in itertools.pairwise(("x", *keys)):
        nodes.append(node(key, **{"feeds": [before], **changed.get(key, {})}))
    return nodes


class CaptureWriter:
    """Writes a capture of a model as a cell does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dump = Dump(str(folder))

    def array(self, what: str, name: str, when: str, value: Any) -> None:
        self.dump.array(what, name, when, value)

    def model(
        self, nodes: Sequence[Fields], outputs: Sequence[str] | None = None, **changed: Any
    ) -> "CaptureWriter":
        for entry in nodes:
            self.dump.entry("node", **entry)
        fields = {
            "name": "model_1",
            "optimizer": {"kind": "SGD", "own": True, "config": {"learning_rate": 0.01}},
            "loss": "mse",
            "metrics": ["loss"],
            "phases": list(PHASES),
            "outputs": [[key, 0] for key in ([nodes[-1]["key"]] if outputs is None else outputs)],
        }
        self.dump.entry("model", **{**fields, **changed})
        return self

    def batch(self, inputs: Sequence[Any], targets: Sequence[Any]) -> "CaptureWriter":
        for index, value in enumerate((*inputs, *targets)):
            self.array("batch", str(index), "first", value)
        self.dump.entry("batch", inputs=len(inputs), targets=len(targets))
        return self

    def read(self) -> Capture:
        return dump.read(self.folder)


class TracedModel:
    """A model as two images capture it, the reference first."""

    def __init__(self, folder: Path, nodes: Sequence[Fields], **changed: Any) -> None:
        self.folder = folder
        self.sides = [CaptureWriter(folder / side) for side in ("reference", "other")]
        self._alone = [CaptureWriter(folder / f"alone-{side}") for side in ("reference", "other")]
        for side in self.sides:
            side.model(nodes, **changed)

    def dump_both(
        self,
        what: str,
        name: str,
        expected: Any,
        actual: Any = None,
        when: str | Sequence[str] = PHASES,
    ) -> None:
        """Dump an array on both images; without ``actual`` it is the same on both."""
        writers = self._alone if what.startswith("alone") else self.sides
        for phase in [when] if isinstance(when, str) else when:
            writers[0].array(what, name, phase, numpy.asarray(expected))
            other = expected if actual is None else actual
            writers[1].array(what, name, phase, numpy.asarray(other))

    @property
    def reference(self) -> Capture:
        return self.sides[0].read()

    def table(self, allowance: Allowance | None = None) -> Measurements:
        return measure(self.reference, self.sides[1].read(), allowance or Allowance())

    def alone(self, allowance: Allowance | None = None) -> Measurements:
        reference, other = (side.read() for side in self._alone)
        allowance = allowance or Allowance()
        return measure_replays(reference, other, allowance, self.reference, self.table(allowance))

    def replay(self) -> Replay:
        return plan_replay(self.reference, self.table())

    def findings(self, allowance: Allowance | None = None) -> list[Finding]:
        return conclude.find_differences(
            self.reference, self.table(allowance), self.alone(allowance)
        )

    def evidence(self, **changed: Any) -> Evidence:
        """Return what was measured; ``trained`` and the like may be added."""
        reference, other = (side.read() for side in self.sides)
        alone = (self._alone[0].read(), self._alone[1].read())
        table = self.table()
        fields: Mapping[str, Any] = {
            "capture": reference,
            "measurements": table,
            "replays": self.alone(),
            "inherited": measure_inherited((reference, other), alone, table),
            "start": table,
            "epsilon": coarsest_epsilon(reference, other),
            **changed,
        }
        return Evidence(**fields)

    def concluded(self, **changed: Any) -> list[Finding]:
        """Return the findings with what they reach, in the order in which they are reported."""
        evidence, findings = self.evidence(**changed), self.findings()
        consequences = Consequences(evidence, findings)
        after = training.judge_training(self.reference, evidence.trained, consequences.explain)
        findings += conclude.of_stage(TraceStage.TRAINING, after)
        return conclude.in_verdict_order(consequences.attach(findings))

    def origins(self) -> dict[str, Origin]:
        return {finding.where: finding.origin for finding in self.findings()}

    def kinds(self) -> dict[str, FindingKind]:
        return {finding.where: finding.kind for finding in self.findings()}


STAGES = {
    FindingKind.START: TraceStage.WEIGHTS,
    FindingKind.SHAPE: TraceStage.OUTPUTS,
    FindingKind.NAN: TraceStage.OUTPUTS,
    FindingKind.FORWARD: TraceStage.OUTPUTS,
    FindingKind.LOSS: TraceStage.LOSS,
    FindingKind.GRADIENT: TraceStage.GRADIENTS,
    FindingKind.UPDATE: TraceStage.UPDATES,
    FindingKind.TRAINING: TraceStage.TRAINING,
}


def finding(kind: FindingKind = FindingKind.FORWARD, **changed: Any) -> Finding:
    """Make a real finding; its stage is the usual one of its kind."""
    fields: Mapping[str, Any] = {
        "origin": Origin.REAL,
        "where": "dense",
        "stage": STAGES.get(kind),
        **changed,
    }
    return Finding(kind=kind, **fields)


def apart(maximum: float = 0.0, **changed: Any) -> Distance:
    """Make a distance of arrays of two numbers, the larger of which is 1."""
    shape = (2,)
    fields: Mapping[str, Any] = {"shape": shape, "reference_shape": shape, "size": 2, "scale": 1.0}
    return Distance(**{**fields, "maximum": maximum, **changed})


def after_training(**distances: float) -> Measurements:
    """Return losses by epoch, and weights, that are as far apart after training as given."""
    return {
        ("curve" if name.endswith("loss") else "after", name.replace("__", "/"), "fit"): (
            Measurement(apart(maximum), 1e-3)
        )
        for name, maximum in distances.items()
    }
