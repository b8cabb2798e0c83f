"""Findings are explained, their causes tried; a trace survives trials that cannot be run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from keras_matrix.errors import EngineError, InterruptedRunError
from keras_matrix.trace.broken import ImageCapture
from keras_matrix.trace.cause import CauseStatus
from keras_matrix.trace.dump import Capture
from keras_matrix.trace.explaining import Explainer
from keras_matrix.trace.finding import Finding, FindingKind, Origin
from keras_matrix.trace.result import ImageTrace
from tests.unit.trace.builders import SCRIPT, CaptureWriter, finding, floats, node

GIVEN = floats([[[1.0], [2.0], [3.0], [4.0]]])
POOLED = floats([[[2.0], [4.0]]])
SHIFTED = floats([[[1.0], [3.0]]])
CONFIG = {"pool_size": [2], "strides": [2], "padding": "same", "data_format": "channels_last"}


@dataclass
class FakeRounds:
    """Rounds whose trials come to what a test says; ``trials`` are the requests that were made."""

    folder: Path
    results: Any = None
    files: dict[str, bytes] = field(default_factory=dict)
    trials: list[Any] = field(default_factory=list)

    @property
    def run(self) -> Any:
        script = SimpleNamespace(code=b"import keras\n", file=SCRIPT)
        folder = SimpleNamespace(path=self.folder / "run")
        return SimpleNamespace(sources=SimpleNamespace(script=script), folder=folder)

    capture_request = SimpleNamespace(steps=3)

    def run_trials(
        self, images: list[str], files: Mapping[str, bytes], trials: list[Any]
    ) -> dict[str, Capture]:
        self.files, self.trials = dict(files), trials
        if isinstance(self.results, BaseException):
            raise self.results
        captures: dict[str, Capture] = self.results(self.folder)
        return captures

    def cell(self, image: str, purpose: int) -> str:
        return image

    @property
    def records(self) -> dict[str, Any]:
        return dict.fromkeys(("tf", "theano"), SimpleNamespace(reason="it took too long"))


def image(folder: Path, name: str, packages: dict[str, str]) -> ImageCapture:
    nodes = [
        node("x", "InputLayer"),
        node("pool_1", "MaxPooling1D", ["x"], config=CONFIG, input_shapes=[[None, 4, 1]]),
    ]
    writer = CaptureWriter(folder / name).model(nodes)
    writer.array("output", "x", "training", GIVEN)
    writer.array("output", "pool_1", "training", POOLED)
    backend = "tensorflow" if name == "tf" else name
    environment = SimpleNamespace(backend=backend, keras="2.3.1", packages=packages)
    record: Any = SimpleNamespace(observation=SimpleNamespace(environment=environment))
    return ImageCapture(name, writer.read(), record)


def explained(
    tmp_path: Path, results: Any, *, proves: bool = True
) -> tuple[ImageTrace, FakeRounds]:
    """Explain a finding at a pooling, and try its causes."""
    rounds = FakeRounds(tmp_path, results)
    theano = image(tmp_path, "theano", {"theano": "1.0.4"})
    reference = image(tmp_path, "tf", {"tensorflow": "1.14.0"})
    explainer = Explainer(rounds, reference, proves)  # type: ignore[arg-type] # a fake
    shown = explainer.explain(theano, at_pool(), with_script=True)
    (trace,) = explainer.prove([ImageTrace(image="theano", findings=[shown])])
    return trace, rounds


def at_pool(**changed: Any) -> Finding:
    fields = {"where": "pool_1", "layer": "MaxPooling1D", "config": CONFIG, "what": "output"}
    return finding(FindingKind.FORWARD, **{**fields, **changed})


def tried(complete: bool = True, without: Any = POOLED) -> Any:
    """Return what makes the captures of the trials: as it is, in float64, without the cause."""

    def captures(folder: Path) -> dict[str, Capture]:
        sides = {
            "tf": [POOLED, POOLED.astype("f8"), POOLED],
            "theano": [SHIFTED, SHIFTED.astype("f8"), without],
        }
        found = {}
        for name, values in sides.items():
            writer = CaptureWriter(folder / f"trials-{name}")
            for number, value in enumerate(values):
                writer.array("trial", f"{number} output:0", "training", value)
            if complete:
                writer.dump.entry("looked", model="")
            found[name] = writer.read()
        return found

    return captures


def test_a_cause_is_tried_and_proven(tmp_path: Path) -> None:
    trace, rounds = explained(tmp_path, tried())
    (shown,) = trace.findings
    assert shown.hint is not None
    assert shown.hint.status is CauseStatus.PROVEN
    assert shown.referee is not None
    assert shown.referee.both_right
    assert [(request.stage, request.double) for request in rounds.trials] == [
        ("forward", False),
        ("forward", True),
        ("forward", False),
    ]
    texts = [rounds.files[request.script].decode() for request in rounds.trials]
    assert texts[0] == texts[1]
    assert "layer.padding = 'valid'" in texts[2]


def test_a_cause_that_is_refuted_is_not_told(tmp_path: Path) -> None:
    trace, _ = explained(tmp_path, tried(without=SHIFTED))
    (shown,) = trace.findings
    assert shown.hint is None
    assert [hint.status for hint in shown.refuted] == [CauseStatus.REFUTED]


@pytest.mark.parametrize(
    ("results", "note"),
    [
        (EngineError("The engine is gone."), "the causes were not tried: The engine is gone."),
        (tried(complete=False), "the trials on tf were cut off (it took too long)"),
    ],
)
def test_without_its_trials_a_trace_keeps_its_findings(
    tmp_path: Path, results: Any, note: str
) -> None:
    trace, _ = explained(tmp_path, results)
    (shown,) = trace.findings
    assert shown.hint is not None
    assert shown.hint.status is CauseStatus.POSSIBLE
    assert note in trace.notes[0]


def test_an_interrupt_stops_the_trace(tmp_path: Path) -> None:
    with pytest.raises(InterruptedRunError):
        explained(tmp_path, InterruptedRunError("Stopped."))


def test_causes_are_not_tried_if_that_is_left_out(tmp_path: Path) -> None:
    trace, rounds = explained(tmp_path, AssertionError("not to be run"), proves=False)
    assert rounds.trials == []
    assert trace.notes == []


def test_what_is_inherited_has_no_cause_and_no_script(tmp_path: Path) -> None:
    rounds: Any = FakeRounds(tmp_path)
    theano, reference = image(tmp_path, "theano", {}), image(tmp_path, "tf", {})
    inherited = at_pool(origin=Origin.INHERITED)
    explainer = Explainer(rounds, reference, proves=True)
    assert explainer.explain(theano, inherited, with_script=True) is inherited
    assert explainer.prove([]) == []
