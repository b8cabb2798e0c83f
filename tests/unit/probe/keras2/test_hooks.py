"""The hooks, on a Keras that is only as large as they need."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import pytest

from keras_matrix.records.observation import Call, Observation, parse
from keras_matrix_probe.arrays import ArrayStore
from keras_matrix_probe.events import EventStream
from keras_matrix_probe.keras2 import loops
from keras_matrix_probe.keras2.caps import Caps
from keras_matrix_probe.keras2.hooks import Recorder
from keras_matrix_probe.keras2.metrics import named_metrics
from tests.unit.records.builders import END

WEIGHTS = [SimpleNamespace(_keras_shape=(2, 1)), SimpleNamespace(shape=(1,))]


def fake_keras() -> Any:
    """Return a Keras whose methods call each other as those of Keras 2.3.1 do."""

    class Callback:
        def __init__(self) -> None:
            self.params: dict[str, Any] = {}

        def on_train_begin(self, logs: Any = None) -> None: ...
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None: ...
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None: ...
        def on_batch_end(self, batch: int, logs: Any = None) -> None: ...

    class Noted(Callback):
        """A callback of the user's."""

        def __init__(self) -> None:
            super().__init__()
            self.epochs: list[int] = []

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.epochs.append(epoch)

    class Model:
        built = True
        optimizer = "SGD"
        loss = "mse"
        metrics_names = ("loss", "acc")

        def __init__(self, name: str = "model_1") -> None:
            self.name = name
            self.layers = [SimpleNamespace(name="dense", output_shape=(None, 1), weights=WEIGHTS)]
            self.weights = WEIGHTS
            self.seen: list[Any] = []

        def fit(self, x: Any = None, y: Any = None, epochs: int = 1, callbacks: Any = None) -> Any:
            """Train."""
            return self.fit_generator(x, epochs, callbacks)

        def fit_generator(self, generator: Any, epochs: int = 1, callbacks: Any = None) -> Any:
            self.seen = list(callbacks or [])
            for callback in self.seen:
                callback.params = {"epochs": epochs, "samples": None, "metrics": ["loss"]}
                callback.on_train_begin()
            logs: dict[str, Any] = {}
            for epoch in range(epochs):
                for callback in self.seen:
                    callback.on_epoch_begin(epoch)
                    callback.on_batch_end(0)
                    callback.on_batch_end(1)
                val_loss, _ = self.evaluate_generator(generator)
                logs = {
                    "loss": numpy.float32(1 / (epoch + 1)),
                    "val_loss": val_loss,
                    "lr": numpy.array([0.5, 0.5]),
                }
                for callback in self.seen:
                    callback.on_epoch_end(epoch, logs)
            if generator == "fail":
                raise ValueError("no")
            return logs

        def evaluate(self, x: Any = None) -> Any:
            return self.evaluate_generator(x)

        def evaluate_generator(self, generator: Any) -> Any:
            return [0.25, float("nan")]

        def predict(self, x: Any = None) -> Any:
            return self.predict_on_batch(x)

        def train_on_batch(self, x: Any = None, y: Any = None) -> Any:
            if x == "fail":
                raise ValueError("no")
            return [x, 0.5]

        def test_on_batch(self, x: Any = None) -> Any:
            return [0.75, 1.0]

        def predict_on_batch(self, x: Any = None) -> Any:
            return numpy.array([0.5, 1.5])

    return SimpleNamespace(
        models=SimpleNamespace(Model=Model),
        callbacks=SimpleNamespace(Callback=Callback, Noted=Noted),
    )


class Bench:
    def __init__(self, folder: Path, caps: Caps | None = None) -> None:
        self.path = folder / "events.jsonl"
        self.stream = EventStream(str(folder))
        self.stream.emit("start", protocol=1)
        self.keras = fake_keras()
        self.recorder = Recorder(
            self.stream, ArrayStore(str(folder)), str(folder / "work"), caps or Caps(None, None)
        )
        self.recorder.install(self.keras)

    def model(self, name: str = "model_1") -> Any:
        return self.keras.models.Model(name)

    def noted(self) -> Any:
        return self.keras.callbacks.Noted()

    def observation(self) -> Observation:
        return parse(self.path.read_bytes(), complete=True)

    def calls(self) -> list[Call]:
        return self.observation().calls


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    created = Bench(tmp_path)
    yield created
    created.stream._file.close()


def test_a_fit_is_one_call_whatever_it_calls(bench: Bench) -> None:
    logs = bench.model().fit(epochs=3)
    assert logs["loss"] == numpy.float32(1 / 3)
    (call,) = bench.calls()
    assert (call.kind, call.name, call.model, call.finished) == ("fit", "fit", "model_1", True)
    assert [epoch.epoch for epoch in call.epochs] == [0, 1, 2]
    assert [epoch.metrics["loss"] for epoch in call.epochs] == pytest.approx([1, 1 / 2, 1 / 3])
    # The last epoch's; what is not one number is left out.
    assert call.metrics == {"loss": pytest.approx(1 / 3), "val_loss": 0.25}
    assert call.params == {"epochs": 3}
    assert call.first_batch_seconds is not None
    assert call.seconds is not None


def test_calls_of_a_kind_are_numbered(bench: Bench) -> None:
    model = bench.model()
    model.fit()
    model.evaluate()
    model.fit_generator("x")
    model.predict()
    model.evaluate_generator("x")
    model.fit()
    assert [call.name for call in bench.calls()] == [
        "fit",
        "evaluate",
        "fit#2",
        "predict",
        "evaluate#2",
        "fit#3",
    ]


def test_an_evaluation_has_the_models_names(bench: Bench) -> None:
    assert bench.model().evaluate()[0] == 0.25
    (call,) = bench.calls()
    assert call.metrics == {"loss": 0.25, "acc": "nan"}


def test_a_prediction_is_kept(bench: Bench, tmp_path: Path) -> None:
    assert bench.model().predict().tolist() == [0.5, 1.5]
    (call,) = bench.calls()
    (kept,) = call.arrays
    assert (kept.name, kept.shape, kept.mean) == ("predict.0", [2], 1.0)
    assert kept.file is not None
    assert (tmp_path / kept.file).is_file()


@pytest.mark.parametrize("how", ["positional", "keyword", "tuple", "generator", "one"])
def test_the_users_callbacks_are_kept(bench: Bench, how: str) -> None:
    model, noted = bench.model(), bench.noted()
    mine = [noted]
    if how == "positional":
        model.fit("x", "y", 2, mine)
    elif how == "keyword":
        model.fit("x", epochs=2, callbacks=mine)
    elif how == "tuple":
        model.fit("x", epochs=2, callbacks=(noted,))
    elif how == "generator":
        model.fit_generator("x", 2, mine)
    else:
        model.fit("x", epochs=2, callbacks=noted)
    assert noted.epochs == [0, 1]
    assert model.seen[0] is noted
    assert len(model.seen) == 2
    # The list is the user's own.
    assert mine == [noted]
    assert len(bench.calls()[0].epochs) == 2


@pytest.mark.parametrize("given", [{}, {"callbacks": None}, {"callbacks": []}])
def test_without_callbacks_the_epochs_are_reported_too(bench: Bench, given: Any) -> None:
    bench.model().fit(epochs=2, **given)
    assert len(bench.calls()[0].epochs) == 2


def test_callbacks_given_as_none_by_place(bench: Bench) -> None:
    bench.model().fit("x", "y", 1, None)
    assert len(bench.calls()[0].epochs) == 1


def test_a_call_that_raises_is_not_finished_and_the_next_is_reported(bench: Bench) -> None:
    model = bench.model()
    with pytest.raises(ValueError, match="no"):
        model.fit("fail")
    model.evaluate()
    fit, evaluate = bench.calls()
    assert (fit.finished, evaluate.finished) == (False, True)
    assert len(fit.epochs) == 1


def test_a_subclass_that_calls_on_is_one_call(bench: Bench) -> None:
    base: Any = bench.keras.models.Model

    class Mine(base):  # type: ignore[misc] # the base is known at run time only
        def fit(self, *args: Any, **kwargs: Any) -> Any:
            return super().fit(*args, **kwargs)

    Mine().fit()
    assert [call.name for call in bench.calls()] == ["fit"]


def test_methods_have_the_signatures_that_they_had(bench: Bench) -> None:
    model = bench.keras.models.Model
    assert model.fit.__name__ == "fit"
    assert model.fit.__doc__ == "Train."
    # Keras's other method, which this Keras has not, was not made up.
    assert not hasattr(model, "predict_generator")


def test_a_model_is_described_once_it_is_built(bench: Bench) -> None:
    first, second = bench.model("first"), bench.model("second")
    first.built = False
    first.predict()
    assert bench.observation().models == []
    first.built = True
    first.predict()
    first.predict()
    second.predict()
    models = bench.observation().models
    assert [model.name for model in models] == ["first", "second"]
    assert (models[0].optimizer, models[0].loss, models[0].parameters) == ("SGD", "mse", 3)
    assert [(layer.name, layer.output_shape) for layer in models[0].layers] == [
        ("dense", "(None, 1)")
    ]


def test_the_place_of_a_call_is_the_scripts_line(bench: Bench, tmp_path: Path) -> None:
    code = "def train(model):\n    model.fit()\n\ntrain(model)\n"
    path = str(tmp_path / "work" / "model.py")
    exec(compile(code, path, "exec"), {"model": bench.model()})  # noqa: S102 # our own lines, at a place we name
    bench.model().predict()
    assert [call.site for call in bench.calls()] == ["model.py:2", "?"]


# Calls on single batches


def test_calls_on_batches_are_gathered_by_line(bench: Bench, tmp_path: Path) -> None:
    code = (
        "for loss in (3.0, 2.0, 1.0):\n"
        "    model.train_on_batch(loss)\n"
        "model.train_on_batch(9.0)\n"
        "model.test_on_batch()\n"
        "model.predict_on_batch()\n"
    )
    path = str(tmp_path / "work" / "model.py")
    exec(compile(code, path, "exec"), {"model": bench.model()})  # noqa: S102 # our own lines, at a place we name
    assert [call.finished for call in bench.calls()] == [False] * 4
    bench.recorder.finish()
    calls = bench.calls()
    assert [(call.name, call.site, call.params) for call in calls] == [
        ("train_on_batch", "model.py:2", {"calls": 3}),
        ("train_on_batch#2", "model.py:3", {"calls": 1}),
        ("test_on_batch", "model.py:4", {"calls": 1}),
        ("predict_on_batch", "model.py:5", {"calls": 1}),
    ]
    assert all(call.finished for call in calls)
    # What the last call gave.
    assert calls[0].metrics == {"loss": 1.0, "acc": 0.5}
    assert calls[2].metrics == {"loss": 0.75, "acc": 1.0}
    assert [array.name for array in calls[3].arrays] == ["predict_on_batch.0"]


def test_models_have_loops_of_their_own(bench: Bench) -> None:
    for model in (bench.model("generator"), bench.model("critic")):
        model.train_on_batch(1.0)
    bench.recorder.finish()
    assert [call.model for call in bench.calls()] == ["generator", "critic"]


def test_a_loop_whose_only_call_raised_has_no_score(bench: Bench) -> None:
    with pytest.raises(ValueError, match="no"):
        bench.model().train_on_batch("fail")
    bench.recorder.finish()
    (call,) = bench.calls()
    assert call.metrics == {}


def test_what_repeats_in_names_is_numbered(bench: Bench) -> None:
    model = bench.model()
    model.metrics_names = ("loss", "acc", "acc")
    assert named_metrics(model, [1.0, 2.0, 3.0]) == {"loss": 1.0, "acc": 2.0, "acc#2": 3.0}
    model.metrics_names = ("acc", "acc#2", "acc", "acc")
    assert named_metrics(model, [1, 2, 3, 4]) == {"acc": 1, "acc#2": 2, "acc#3": 3, "acc#4": 4}


# A loop that goes on


class Clock:
    """Time that passes as a test says."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now

    def process_time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    fake = Clock()
    monkeypatch.setattr(loops, "time", fake)
    return fake


def call_so_far(bench: Bench) -> Call:
    (call,) = parse(bench.path.read_bytes(), complete=False).calls
    return call


def test_the_number_of_epochs_is_reported_before_the_first(bench: Bench) -> None:
    states: list[Call] = []

    class Looking(bench.keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            states.append(call_so_far(bench))

    bench.model().fit(epochs=3, callbacks=[Looking()])
    # Ours comes last, so each epoch is reported after the user's callbacks are done with it.
    assert [len(call.epochs) for call in states] == [0, 1, 2]
    assert [call.params for call in states] == [{"epochs": 3}] * 3


def test_what_is_compiled_is_reported_at_once(bench: Bench) -> None:
    def events() -> list[Any]:
        events = map(json.loads, bench.path.read_text().splitlines())
        return [event for event in events if event["event"] == "compiled"]

    compile_one = bench.recorder.clock.wrap(lambda: "module")
    assert [compile_one(), compile_one()] == ["module", "module"]
    assert [event["modules"] for event in events()] == [1, 2]
    assert bench.observation().calls == []


def test_what_an_exit_handler_does_after_the_end_is_not_reported(bench: Bench) -> None:
    bench.stream.emit("end", **END)
    compile_one = bench.recorder.clock.wrap(lambda: "module")
    assert compile_one() == "module"
    assert bench.model().predict().shape == (2,)
    observation = bench.observation()
    assert (observation.calls, observation.end is not None) == ([], True)


def test_a_loop_that_is_cut_off_leaves_what_it_did(bench: Bench, clock: Clock) -> None:
    model = bench.model()
    model.train_on_batch(9.0)
    call = call_so_far(bench)
    assert (call.finished, call.params, call.metrics) == (
        False,
        {"calls": 1},
        {"loss": 9.0, "acc": 0.5},
    )
    assert call.first_batch_seconds == 0.0
    # Not more often than every five seconds.
    size = bench.path.stat().st_size
    clock.now += 4.9
    model.train_on_batch(8.0)
    assert bench.path.stat().st_size == size
    clock.now += 0.2
    model.train_on_batch(7.0)
    call = call_so_far(bench)
    assert (call.params, call.metrics) == ({"calls": 3}, {"loss": 7.0, "acc": 0.5})
    assert call.seconds == 0.0


def test_a_prediction_on_batches_has_no_metrics_while_it_runs(bench: Bench) -> None:
    bench.model().predict_on_batch(1.0)
    assert (call_so_far(bench).params, call_so_far(bench).metrics) == ({"calls": 1}, {})


# Caps


def capped(folder: Path, code: str, caps: Caps, **names: Any) -> tuple[Observation, dict[str, Any]]:
    """Run code as a script does, with caps; return the observation, and the names of the code."""
    bench = Bench(folder, caps)
    names["model"] = bench.model()
    try:
        exec(compile(code, str(folder / "work" / "gan.py"), "exec"), names)  # noqa: S102 # our own lines, at a place we name
        bench.recorder.finish()
        return bench.observation(), names
    finally:
        bench.stream._file.close()


COUNTED = """
seen = []
for batch in range(100):
    seen.append(model.train_on_batch(batch)[0])
"""


@pytest.mark.parametrize(
    ("caps", "calls_made"),
    [
        (Caps(epochs=None, steps=5), 5),
        (Caps(epochs=2, steps=5), 10),
        (Caps(epochs=2, steps=None), 100),
        (Caps(epochs=None, steps=None), 100),
        (Caps(epochs=None, steps=100), 100),
    ],
)
def test_calls_on_batches_are_capped(tmp_path: Path, caps: Caps, calls_made: int) -> None:
    observation, names = capped(tmp_path, COUNTED, caps)
    (call,) = observation.calls
    assert (call.finished, call.params) == (True, {"calls": calls_made})
    # The last result is repeated, and nothing done: it would be another one.
    assert names["seen"] == [*range(calls_made), *[calls_made - 1] * (100 - calls_made)]
    assert call.metrics == {"loss": calls_made - 1, "acc": 0.5}


def test_calls_that_were_left_out_are_reported_once_a_place(tmp_path: Path) -> None:
    observation, _ = capped(tmp_path, COUNTED, Caps(epochs=2, steps=5))
    assert observation.notes == [
        "train_on_batch at gan.py:4: 10 calls were made, 90 more repeat the last result."
    ]


def test_models_at_one_place_are_capped_each_and_reported_together(tmp_path: Path) -> None:
    code = (
        "for one in (model, type(model)()):\n"
        "    for batch in range(3):\n"
        "        one.test_on_batch()\n"
    )
    observation, _ = capped(tmp_path, code, Caps(epochs=None, steps=1))
    assert [call.params for call in observation.calls] == [{"calls": 1}, {"calls": 1}]
    assert observation.notes == [
        "test_on_batch at gan.py:3: 2 calls were made, 4 more repeat the last result."
    ]


def test_predictions_on_batches_are_never_capped(tmp_path: Path) -> None:
    code = "for batch in range(9):\n    model.predict_on_batch(batch)\n"
    observation, _ = capped(tmp_path, code, Caps(epochs=1, steps=1))
    assert observation.calls[0].params == {"calls": 9}
    assert observation.notes == []


@pytest.mark.parametrize("calls", [0, 1, 5])
def test_a_loop_that_no_cap_reaches_is_noted(tmp_path: Path, calls: int) -> None:
    code = f"for batch in range({calls}):\n    model.train_on_batch(batch)\n"
    observation, _ = capped(tmp_path, code, Caps(epochs=1, steps=None))
    note = (
        "Not shortened: train_on_batch at gan.py:2: calls on single batches have no epochs; "
        "--steps-cap caps them."
    )
    assert observation.notes == ([note] if calls > 1 else [])


def test_a_loop_that_no_cap_reaches_is_noted_while_it_runs(tmp_path: Path, clock: Clock) -> None:
    bench = Bench(tmp_path, Caps(epochs=1, steps=None))
    model = bench.model()
    try:
        for batch in range(9):
            model.train_on_batch(batch)
            clock.now += 3
        notes = parse(bench.path.read_bytes(), complete=False).notes
        assert len(notes) == 1
        bench.recorder.finish()
        assert bench.observation().notes == notes
    finally:
        bench.stream._file.close()


def test_a_script_may_change_what_it_is_given(tmp_path: Path) -> None:
    code = "for batch in range(9):\n    model.train_on_batch(batch).clear()\n"
    observation, _ = capped(tmp_path, code, Caps(epochs=1, steps=2))
    assert observation.calls[0].metrics == {"loss": 1.0, "acc": 0.5}


def test_a_call_that_raised_is_not_counted(tmp_path: Path) -> None:
    code = (
        "for batch in ('fail', 1.0, 2.0, 3.0):\n"
        "    try:\n"
        "        last = model.train_on_batch(batch)\n"
        "    except ValueError:\n"
        "        pass\n"
    )
    observation, names = capped(tmp_path, code, Caps(epochs=1, steps=2))
    assert names["last"] == [2.0, 0.5]
    assert observation.calls[0].params == {"calls": 2}


def test_places_beyond_all_bounds_share_a_loop_and_are_not_capped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "MAX_LOOPS", 1)
    code = (
        "for batch in range(3):\n"
        "    model.train_on_batch(batch)\n"
        "seen = [model.train_on_batch(batch)[0] for batch in range(3)]\n"
    )
    observation, names = capped(tmp_path, code, Caps(epochs=1, steps=1))
    # Another model's result would not do.
    assert names["seen"] == [0, 1, 2]
    assert len(observation.calls) == 1


def test_the_models_that_were_trained_are_known(bench: Bench) -> None:
    fitted, stepped, predicting = (bench.model(name) for name in "abc")
    fitted.fit()
    fitted.fit()
    stepped.train_on_batch(1.0)
    predicting.predict()
    predicting.test_on_batch()
    assert bench.recorder.trained == [fitted, stepped]


def test_caps_shorten_a_fit_and_its_record_says_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Caps(epochs=2, steps=None))
    try:
        bench.model().fit("x", epochs=100)
        (call,) = bench.calls()
    finally:
        bench.stream._file.close()
    assert len(call.epochs) == 2
    assert call.params["epochs"] == 2
