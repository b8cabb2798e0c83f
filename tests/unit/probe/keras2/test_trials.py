"""Small scripts are tried one after the other, on a Keras that has only what trials need."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy
import pytest

from keras_matrix_probe.contract import INDEX_FILE, TRIALS_FOLDER, TrialRequest, TrialStage
from keras_matrix_probe.keras2.trace.dump import Dump
from keras_matrix_probe.keras2.trace.trials import Trials

HEAD = "from fake_keras import Model, K\n"
FITTED = HEAD + "Model().fit(2.0)\nraise SystemExit('not reached')\n"


class FakePairing:
    def __init__(self) -> None:
        self.restarts = 0

    def restart(self) -> None:
        self.restarts += 1


class FakeModel:
    """A model of one weight, whose output is its input times the weight."""

    def __init__(self) -> None:
        x = SimpleNamespace(_keras_shape=(None, 3))
        self.inputs = self._feed_inputs = [x]
        self._feed_targets: list[Any] = []
        self._feed_sample_weights: list[Any] = []
        self.outputs = [SimpleNamespace(_keras_shape=(None, 2))]
        self.name = "layer"
        self.weights = [SimpleNamespace(name="w", value=1.0)]
        self._collected_trainable_weights = self.weights
        self.train_function: Any = None

    def _make_train_function(self) -> None:
        def train(values: Any) -> None:
            self.weights[0].value += 1.0

        self.train_function = train

    def fit(self, value: float) -> None:
        self._make_train_function()
        self.train_function([value])


class Fakes:
    """A Keras, and what its trials leave."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / TRIALS_FOLDER).mkdir()
        self.backend = ModuleType("fake_backend")
        self.model = type("Model", (FakeModel,), {})
        self.pairing = FakePairing()
        self.cleared = 0
        self.floatx = "float32"
        functions: dict[str, Callable[..., Any]] = {
            "backend": lambda: "fake",
            "floatx": lambda: self.floatx,
            "set_floatx": lambda name: setattr(self, "floatx", name),
            "clear_session": lambda: setattr(self, "cleared", self.cleared + 1),
            "reset_uids": lambda: None,
            "learning_phase": lambda: 0,
            "function": self._function,
            "batch_get_value": lambda weights: [weight.value for weight in weights],
            "scale": lambda: 1.0,
        }
        vars(self.backend).update(functions)

    def _function(self, inputs: Any, outputs: Any) -> Any:
        dtype = self.floatx
        scale = vars(self.backend)["scale"]()
        return lambda values: [numpy.array(values[0] * scale, dtype) for _ in outputs]

    def run(self, *trials: tuple[str, TrialStage, bool]) -> list[dict[str, Any]]:
        """Run scripts; return the entries of the index."""
        requests = []
        for number, (text, stage, double) in enumerate(trials):
            name = f"{number}.py"
            (self.folder / TRIALS_FOLDER / name).write_text(text)
            requests.append(TrialRequest(name, stage.value, double, 2))
        keras: Any = SimpleNamespace(
            backend=self.backend, models=SimpleNamespace(Model=self.model), __version__="2.3.1"
        )
        pairing: Any = self.pairing
        output = self.folder / "output"
        Trials(keras, str(self.folder), Dump(str(output))).run(requests, pairing)
        lines = (output / INDEX_FILE).read_text().splitlines()
        return [e for e in map(json.loads, lines) if e["entry"] != "stage"]


@pytest.fixture
def fakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fakes]:
    made = Fakes(tmp_path)
    module = ModuleType("fake_keras")
    vars(module).update(Model=made.model, K=made.backend)
    monkeypatch.setitem(sys.modules, "fake_keras", module)
    before = os.getcwd()
    yield made
    os.chdir(before)


def test_each_trial_computes_what_it_is_about(fakes: Fakes) -> None:
    entries = fakes.run(
        (FITTED, TrialStage.SHAPE, False),
        (FITTED, TrialStage.FORWARD, False),
        (FITTED, TrialStage.UPDATE, False),
    )
    assert [(entry["name"], entry["when"]) for entry in entries] == [
        ("0 shape:0", "inferred"),
        ("1 output:0", "inference"),
        ("2 layer/w", "1"),
        ("2 layer/w", "2"),
    ]
    values = [numpy.load(fakes.folder / "output" / entry["file"]).tolist() for entry in entries]
    assert values == [[-1, 2], 2.0, 2.0, 3.0]
    assert (fakes.cleared, fakes.pairing.restarts) == (3, 3)


def test_a_failure_is_what_a_trial_came_to(fakes: Fakes) -> None:
    entries = fakes.run(
        (HEAD + "raise ValueError('no such kernel')", TrialStage.BUILD, False),
        (FITTED, TrialStage.FORWARD, False),
    )
    assert entries[0]["entry"] == "failed"
    assert (entries[0]["name"], entries[0]["message"]) == ("0", "no such kernel")
    assert entries[1]["name"] == "1 output:0"


def test_a_trial_in_float64_leaves_the_next_in_float32(fakes: Fakes) -> None:
    entries = fakes.run((FITTED, TrialStage.FORWARD, True), (FITTED, TrialStage.FORWARD, False))
    assert [entry["dtype"] for entry in entries] == ["float64", "float32"]


def test_what_a_script_changes_of_keras_is_taken_back(fakes: Fakes) -> None:
    changing = HEAD + "K.scale = lambda: 5.0\nK.added = 1\nModel().fit(2.0)\n"
    entries = fakes.run((changing, TrialStage.FORWARD, False), (FITTED, TrialStage.FORWARD, False))
    values = [numpy.load(fakes.folder / "output" / entry["file"]).item() for entry in entries]
    assert values == [10.0, 2.0]
    assert not hasattr(fakes.backend, "added")
    assert vars(fakes.model)["_make_train_function"] is FakeModel._make_train_function


def test_a_script_reads_the_data_beside_it_and_the_same_random_numbers(fakes: Fakes) -> None:
    numpy.savez(fakes.folder / TRIALS_FOLDER / "data.npz", x=numpy.float32(3.0))
    text = (
        HEAD + "import numpy as np\ndata = np.load('data.npz')\nnp.random.seed()\n"
        "Model().fit(float(data['x']) + np.random.RandomState(0).rand())\n"
    )
    entries = fakes.run((text, TrialStage.FORWARD, False), (text, TrialStage.FORWARD, False))
    first, second = (numpy.load(fakes.folder / "output" / e["file"]).item() for e in entries)
    assert first == second == pytest.approx(3.5488135)
