"""Moving averages that are updated alone, from the inputs of the reference."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import pytest

from keras_matrix.trace import dump as host
from keras_matrix_probe.keras2.trace.dump import Dump, Reference
from keras_matrix_probe.keras2.trace.graph import Node
from keras_matrix_probe.keras2.trace.replay import Replayer


class Backend:
    """Tensors are names; an update is a variable and what it becomes from itself and the inputs."""

    def __init__(self) -> None:
        self.values: dict[int, Any] = {}

    def backend(self) -> str:
        return "a backend of nobody's"

    def learning_phase(self) -> str:
        return "phase"

    def sum(self, tensor: Any) -> str:
        return f"sum of {tensor}"

    def function(
        self, inputs: Sequence[str], outputs: Sequence[str], updates: Sequence[Any]
    ) -> Callable[[Sequence[Any]], list[float]]:
        def compute(values: Sequence[Any]) -> list[float]:
            given = dict(zip(inputs, values, strict=True))
            for variable, becomes in updates:
                self.values[id(variable)] = becomes(self.values[id(variable)], given)
            return [0.0 for _ in outputs]

        return compute

    def batch_get_value(self, variables: Sequence[Any]) -> list[Any]:
        return [self.values[id(variable)] for variable in variables]


class Averaging:
    """A layer that adds each of its inputs to a weight."""

    name = "counting"
    trainable_weights: tuple[Any, ...] = ()

    def __init__(self, weight: Any) -> None:
        self.non_trainable_weights = [weight]

    def get_updates_for(self, inputs: Any) -> list[Any]:
        if inputs is None:
            return []
        (name,) = inputs
        weight = self.non_trainable_weights[0]
        return [(weight, lambda before, given: before + given[name].sum())]


class Failing(Averaging):
    """A layer that cannot tell its updates."""

    def get_updates_for(self, inputs: Any) -> list[Any]:
        raise ZeroDivisionError("division by zero")


@pytest.fixture
def backend() -> Backend:
    return Backend()


def applied(layer: Any, key: str, tensor: str) -> Node:
    node = Node(key, layer, [tensor], [f"{tensor} out"])
    node.feeds = [(tensor, 0)]
    return node


def averages(
    folder: Path, backend: Backend, *nodes: Node, weight: Any, inputs: dict[str, float]
) -> tuple[host.Capture, list[str]]:
    """Update twice, from inputs of the reference; return what was dumped, and what failed."""
    stored = Dump(str(folder / "reference"))
    for name, value in inputs.items():
        stored.array("output", name, "training", numpy.full(2, value, "f4"))
    failed: list[str] = []
    replayer = Replayer(
        backend,
        Dump(str(folder / "own")),
        Reference(str(folder / "reference")),
        [],
        lambda what, key, failure: failed.append(f"{what} {key} {failure}"),
    )

    def restore() -> None:
        backend.values[id(weight)] = numpy.zeros(1, "f4")

    replayer.averages(nodes, [("counting/count", weight)], 2, restore)
    return host.read(folder / "own"), failed


def values(capture: host.Capture, what: str = "alone.moving") -> list[float]:
    arrays = (capture.array((what, "counting/count", step)) for step in ("1", "2"))
    return [float(array[0]) for array in arrays if array is not None]


def test_an_average_is_updated_from_the_references_inputs(tmp_path: Path, backend: Backend) -> None:
    weight = SimpleNamespace()
    layer = Averaging(weight)
    capture, failed = averages(
        *(tmp_path, backend, applied(layer, "counting", "a")), weight=weight, inputs={"a": 1.5}
    )
    assert values(capture) == [3.0, 6.0]
    nudged = values(capture, "alone.moving.nudged")
    assert nudged == pytest.approx([3.0, 6.0], rel=1e-6)
    assert failed == []


def test_all_applications_of_a_layer_are_taken_together(tmp_path: Path, backend: Backend) -> None:
    weight = SimpleNamespace()
    layer = Averaging(weight)
    nodes = applied(layer, "counting", "a"), applied(layer, "counting#2", "b")
    capture, _ = averages(tmp_path, backend, *nodes, weight=weight, inputs={"a": 1.0, "b": 10.0})
    assert values(capture) == [22.0, 44.0]


def test_a_layer_of_a_model_that_is_used_twice_is_left_out(
    tmp_path: Path, backend: Backend
) -> None:
    weight = SimpleNamespace()
    layer = Averaging(weight)
    nodes = applied(layer, "m/counting", "a"), applied(layer, "m#2/counting", "a")
    capture, failed = averages(tmp_path, backend, *nodes, weight=weight, inputs={"a": 1.0})
    assert (values(capture), failed) == ([], [])


def test_without_the_references_inputs_a_layer_is_left_out(
    tmp_path: Path, backend: Backend
) -> None:
    weight = SimpleNamespace()
    node = applied(Averaging(weight), "counting", "a")
    capture, failed = averages(tmp_path, backend, node, weight=weight, inputs={"b": 1.0})
    assert (values(capture), failed) == ([], [])


def test_an_update_that_fails_is_reported_with_its_layer(tmp_path: Path, backend: Backend) -> None:
    weight = SimpleNamespace()
    layer = Failing(weight)
    _, failed = averages(
        *(tmp_path, backend, applied(layer, "counting", "a")), weight=weight, inputs={"a": 1.0}
    )
    assert failed == ["alone.moving counting division by zero"]
