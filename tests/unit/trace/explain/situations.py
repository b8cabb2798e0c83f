"""Builders of situations: a finding, what was captured around it, and what the images run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_matrix.trace.explain import causes
from keras_matrix.trace.explain.situation import Situation, Stack
from keras_matrix.trace.finding import Finding, FindingKind
from tests.unit.trace.builders import CaptureWriter, finding, node

TF = Stack("tf", "tensorflow", {"keras": "2.3.1", "tensorflow": "1.14.0"})
THEANO = Stack("theano", "theano", {"keras": "2.3.1", "theano": "1.0.4"})
FAILS_ON_THEANO = "fails on theano only, when its output is computed"
FAILS_ON_TF = "fails on tf only, when its output is computed"


def at_layer(
    folder: Path,
    kind: FindingKind,
    layer: str,
    *,
    config: Mapping[str, Any] | None = None,
    inputs: Sequence[Any] = (),
    weights: Mapping[str, Any] | None = None,
    other_weights: Mapping[str, Any] | None = None,
    stacks: tuple[Stack, Stack] = (TF, THEANO),
    script: str = "",
    where: str = "",
    line: int | None = None,
    model: Mapping[str, Any] | None = None,
    applied: int = 1,
    **changed: Any,
) -> Situation:
    """Return the situation of a finding at a layer, fed by ``inputs``, each of an input layer."""
    names = [f"x{index}" for index, _ in enumerate(inputs)]
    key = "layer_1"
    given = weights or {}
    source = None if line is None else {"file": "model.py", "line": line, "name": "<lambda>"}
    nodes = [node(name, "InputLayer") for name in names]
    shapes = [[None, *value.shape[1:]] for value in inputs]
    described = node(
        *(key, layer, names),
        config=dict(config or {}),
        weights=[f"{key}/{name}" for name in given],
        source=source,
        own=source is None or layer == "Lambda",
    )
    nodes += [
        {**described, "key": key if index == 0 else f"{key}#{index + 1}", "layer": key}
        for index in range(applied)
    ]
    captures = []
    for side, values in (("reference", given), ("other", other_weights or given)):
        writer = CaptureWriter(folder / side).model(nodes, **(model or {}))
        for name, value in zip(names, inputs, strict=True):
            writer.array("output", name, "training", value)
        for name, value in values.items():
            writer.array("weight", f"{key}/{name}", "start", value)
        captures.append(writer.read())
    fields = {"where": where or key, "layer": layer, "config": dict(config or {}), **changed}
    fields.setdefault("input_shapes", shapes)
    return situation(finding(kind, **fields), captures, stacks, script)


def at_loss(
    folder: Path,
    kind: FindingKind,
    loss: Any,
    predictions: Any,
    targets: Any,
    *,
    last: Mapping[str, Any] | None = None,
    **changed: Any,
) -> Situation:
    """Return the situation of a finding at the loss; ``last`` are fields of the last node."""
    nodes = [node("x", "InputLayer"), node("last", **{"feeds": ["x"], **(last or {})})]
    writer = CaptureWriter(folder).model(nodes, loss=loss)
    writer.array("output", "last", "training", predictions)
    writer.batch([predictions], [targets])
    capture = writer.read()
    fields = {"where": "loss", "what": "loss", **changed}
    return situation(finding(kind, **fields), [capture, capture])


def situation(
    difference: Finding,
    captures: Sequence[Any],
    stacks: tuple[Stack, Stack] = (TF, THEANO),
    script: str = "",
) -> Situation:
    reference, other = captures
    return Situation(
        finding=difference,
        capture=reference,
        stack=stacks[0],
        other=other,
        other_stack=stacks[1],
        script=script,
    )


def told(about: Situation) -> list[str]:
    """Return the texts of the causes that fit."""
    return [cause.hint(about).text for cause in causes.fitting(about)]
