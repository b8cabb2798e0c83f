"""The capture of a model, with fakes of Keras that have only what it needs."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import pytest

from keras_matrix.trace import dump as bundle
from keras_matrix_probe.contract import INDEX_FILE
from keras_matrix_probe.keras2.paired import FLIPPED
from keras_matrix_probe.keras2.trace import describe, replay, weights
from keras_matrix_probe.keras2.trace.dump import Dump, Reference, port
from keras_matrix_probe.keras2.trace.graph import Graph, Node, is_graph, parts
from keras_matrix_probe.keras2.trace.layer_calls import LayerCalls
from keras_matrix_probe.keras2.trace.random_layers import RandomLayers
from keras_matrix_probe.keras2.trace.state import SavedState, nudged
from keras_matrix_probe.keras2.trace.values import GraphFunction, LearningPhase, by_parts
from tests.unit.trace.builders import floats

# Graphs


class Tensor:
    def __init__(self, shape: tuple[int | None, ...] = (None, 3)) -> None:
        self._keras_shape = shape
        self._keras_history = ("a layer", 0, 0)


class FakeLayer:
    """A layer that keeps a record of what it was applied to, as Keras does."""

    def __init__(self, name: str, outputs: int = 1) -> None:
        self.name = name
        self.count = outputs
        self.weights: list[Any] = []
        self._inbound_nodes: list[Any] = []

    def __call__(self, *inputs: tuple["FakeLayer", int]) -> "FakeLayer":
        """Apply the layer to the first output of the given applications of layers."""
        sources = [source for source, _ in inputs]
        indices = [index for _, index in inputs]
        tensors = [s._inbound_nodes[i].output_tensors[0] for s, i in inputs]
        self._inbound_nodes.append(
            SimpleNamespace(
                outbound_layer=self,
                inbound_layers=sources,
                node_indices=indices,
                tensor_indices=[0] * len(inputs),
                input_tensors=tensors,
                output_tensors=[Tensor() for _ in range(self.count)],
            )
        )
        return self


class Network(FakeLayer):
    """A model of layers that were applied, each with its depth."""

    _is_graph_network = True

    def __init__(self, name: str, *levels: list[tuple[FakeLayer, int]]) -> None:
        super().__init__(name)
        records = [[layer._inbound_nodes[index] for layer, index in level] for level in levels]
        self._nodes_by_depth = {len(records) - 1 - i: level for i, level in enumerate(records)}
        self.inputs = [record.output_tensors[0] for record in records[0]]
        self.outputs = [record.output_tensors[0] for record in records[-1]]
        self.layers = list(dict.fromkeys(layer for level in levels for layer, _ in level))


def network(name: str = "model") -> Network:
    x, a, b = FakeLayer("x")(), FakeLayer("a"), FakeLayer("b")
    return Network(name, [(x, 0)], [(a((x, 0)), 0)], [(b((a, 0)), 0)])


def keys(graph: Graph) -> list[str]:
    return [node.key for node in graph.all()]


def test_nodes_are_in_the_order_of_the_model() -> None:
    graph = Graph(network())
    assert [(node.key, node.feeds) for node in graph.all()] == [
        ("x", []),
        ("a", [("x", 0)]),
        ("b", [("a", 0)]),
    ]
    assert [node.key for node in graph.entries()] == ["x"]


def test_a_layer_that_is_applied_twice_is_two_nodes() -> None:
    x, shared, add = FakeLayer("x")(), FakeLayer("shared"), FakeLayer("add")
    shared((x, 0))
    shared((shared, 0))
    add((shared, 0), (shared, 1))
    model = Network("m", [(x, 0)], [(shared, 0)], [(shared, 1)], [(add, 0)])
    graph = Graph(model)
    assert keys(graph) == ["x", "shared", "shared#2", "add"]
    assert graph.nodes[-1].feeds == [("shared", 0), ("shared#2", 0)]


def test_a_nested_model_is_opened() -> None:
    inner, x = network("inner"), FakeLayer("x")()
    graph = Graph(Network("outer", [(x, 0)], [(inner((x, 0)), 0)]))
    assert keys(graph) == ["x", "inner/x", "inner/a", "inner/b", "inner"]
    assert graph.nodes[-1].inner is not None
    assert graph.nodes[-1].inner.nodes[1].feeds == [("inner/x", 0)]


def test_a_model_without_records_is_made_of_its_layers_calls() -> None:
    entry, hidden, between, out = Tensor(), Tensor(), Tensor(), Tensor()
    first, second = SimpleNamespace(name="one"), SimpleNamespace(name="two")
    model = SimpleNamespace(name="own", inputs=[entry], outputs=[out], layers=[first, second])
    stranger = SimpleNamespace(name="stranger")
    calls = [(first, [entry], [hidden]), (stranger, [entry], [out]), (second, [between], [out])]
    graph = Graph(model, calls=calls)
    assert not is_graph(model)
    assert keys(graph) == ["own.input", "one", "two.input", "two"]
    assert [node.feeds for node in graph.nodes] == [[], [("own.input", 0)], [], [("two.input", 0)]]


def test_what_a_models_own_code_returns_is_a_node() -> None:
    entry, out = Tensor(), Tensor()
    model = SimpleNamespace(name="own", inputs=[entry], outputs=[out], layers=[])
    graph = Graph(model)
    assert keys(graph) == ["own.input", "own"]
    assert graph.nodes[1].feeds == [("own.input", 0)]


def test_all_that_a_layer_is_made_of() -> None:
    def part(**fields: Any) -> Any:
        return SimpleNamespace(get_config=dict, **fields)

    cells = [part(name="c1"), part(name="c2")]
    cell = part(name="cell", cells=cells)
    wrapper = part(name="wrapper", layer=part(name="rnn", cell=cell))
    shared = part(name="model", layers=[wrapper, cells[0]])
    assert [part.name for part in parts(shared)] == ["model", "wrapper", "c1", "rnn", "cell", "c2"]


def test_a_layer_that_holds_itself_ends() -> None:
    layer = SimpleNamespace(name="a", get_config=dict)
    layer.layer = layer
    assert list(parts(layer)) == [layer]


def test_a_node_does_not_share_a_group_with_what_feeds_it() -> None:
    first, second, third = (Node(key, None, [], [Tensor()]) for key in "abc")
    second.inputs = first.outputs
    groups = replay.apart([first, second, third])
    assert [[node.key for node in group] for group in groups] == [["a", "c"], ["b"]]


# Values


class FakeBackend:
    """Tensors are names; a function returns what it was called with, and in which phase."""

    def __init__(self, phase: Any = "phase") -> None:
        self.phase = phase
        self.compiled: list[tuple[list[Any], list[Any]]] = []
        self.values: dict[int, Any] = {}

    def learning_phase(self) -> Any:
        return self.phase

    def backend(self) -> str:
        return "a backend of nobody's"

    def function(self, inputs: list[Any], outputs: list[Any]) -> Callable[[list[Any]], list[Any]]:
        self.compiled.append((inputs, outputs))
        return lambda values: [f"{output} of {values}" for output in outputs]

    def batch_get_value(self, variables: Sequence[Any]) -> list[Any]:
        return [self.values[id(variable)] for variable in variables]

    def batch_set_value(self, pairs: Sequence[tuple[Any, Any]]) -> None:
        self.values.update({id(variable): value for variable, value in pairs})


def test_both_phases_inference_first() -> None:
    phase = LearningPhase(FakeBackend())
    assert phase.names() == [("inference", 0), ("training", 1)]
    assert phase.only("training").names() == [("training", 1)]
    # The first is as it was.
    assert len(phase.names()) == 2


@pytest.mark.parametrize(("number", "name"), [(0, "inference"), (1, "training")])
def test_a_phase_that_the_script_has_set_is_the_only_one(number: int, name: str) -> None:
    phase = LearningPhase(FakeBackend(number))
    assert phase.names() == [(name, number)]
    assert phase.tensor is None


def test_a_function_takes_its_values_and_the_phase() -> None:
    backend = FakeBackend()
    compute = GraphFunction(backend, LearningPhase(backend), ["x", "y"], ["a", "b"])
    assert compute([1, 2], 0) == ["a of [1, 2, 0]", "b of [1, 2, 0]"]
    assert compute([1, 2], 1) == ["a of [1, 2, 1]", "b of [1, 2, 1]"]
    assert len(backend.compiled) == 1


def test_without_a_phase_none_is_given() -> None:
    backend = FakeBackend(0)
    assert GraphFunction(backend, LearningPhase(backend), ["x"], ["a"])([1], 0) == ["a of [1]"]


def test_a_tensor_that_is_given_twice_is_an_input_once() -> None:
    backend = FakeBackend()
    compute = GraphFunction(backend, LearningPhase(backend), ["x", "y", "x"], ["a"])
    assert compute([1, 2, 3], 0) == ["a of [1, 2, 0]"]


def test_what_is_given_comes_back_as_it_is() -> None:
    backend = FakeBackend()
    compute = GraphFunction(backend, LearningPhase(backend), ["x", "y"], ["y", "a", "x"])
    assert compute([1, 2], 0) == [2, "a of [1, 2, 0]", 1]
    assert backend.compiled[0][1] == ["a"]


def test_where_all_is_given_nothing_is_compiled() -> None:
    backend = FakeBackend()
    assert GraphFunction(backend, LearningPhase(backend), ["x"], ["x"])([1], 0) == [1]
    assert backend.compiled == []


class Work:
    """Computes numbers; some fail."""

    def __init__(self, *bad: int) -> None:
        self.bad = bad
        self.calls: list[list[int]] = []
        self.done: list[int] = []
        self.failed: list[int] = []

    def compute(self, items: Sequence[int]) -> None:
        self.calls.append(list(items))
        if set(items) & set(self.bad):
            raise ValueError("no")
        self.done += items

    def fail(self, item: int, failure: Exception) -> None:
        assert str(failure) == "no"
        self.failed.append(item)


def test_items_are_computed_together() -> None:
    work = Work()
    by_parts(range(5), work.compute, work.fail, size=3)
    assert work.calls == [[0, 1, 2], [3, 4]]


@pytest.mark.parametrize("bad", [(), (0,), (6,), (2, 3), tuple(range(7))])
def test_only_what_fails_fails_and_the_rest_keeps_its_order(bad: tuple[int, ...]) -> None:
    work = Work(*bad)
    by_parts(range(7), work.compute, work.fail, size=7)
    assert work.failed == list(bad)
    assert work.done == [i for i in range(7) if i not in bad]


def test_what_rests_on_a_failure_is_left_out() -> None:
    work = Work(2)
    by_parts(
        range(6), work.compute, work.fail, before=lambda i: i == 2 or 2 not in work.failed, size=6
    )
    assert work.failed == [2]
    assert work.done == [0, 1]


def test_nothing_to_compute_is_nothing() -> None:
    work = Work()
    by_parts([], work.compute, work.fail)
    by_parts([1, 2], work.compute, work.fail, before=lambda i: False)
    assert work.calls == []


# Nudges, and what a capture leaves as it was


def test_a_nudge_is_one_unit_in_the_last_place() -> None:
    value = floats([[1.0, -3.0], [1e-20, 7e8]])
    moved = nudged(value, 1)
    assert moved.dtype == "float32"
    up = numpy.nextafter(value, floats(numpy.inf))
    down = numpy.nextafter(value, floats(-numpy.inf))
    assert ((moved == up) | (moved == down)).all()


def test_a_nudge_goes_both_ways() -> None:
    moved = nudged(numpy.ones(100, "f4"), 1)
    assert 20 < (moved > 1).sum() < 80


def test_zeros_and_whole_numbers_stay() -> None:
    zeros, counts = numpy.zeros(5, "f4"), numpy.arange(5)
    assert nudged(zeros, 1).tolist() == [0.0] * 5
    assert nudged(counts, 1).tolist() == [0, 1, 2, 3, 4]


def test_a_nudge_repeats_itself_and_differs_by_key() -> None:
    value = numpy.ones(100, "f4")
    assert (nudged(value, 1, 2) == nudged(value, 1, 2)).all()
    assert (nudged(value, 1, 2) != nudged(value, 1, 3)).any()


def test_a_nudge_draws_from_no_ones_generator() -> None:
    numpy.random.seed(3)  # the one that scripts have
    expected = numpy.random.rand()
    numpy.random.seed(3)
    nudged(numpy.ones(3, "f4"), 1)
    assert numpy.random.rand() == expected


def test_a_scalar_is_nudged() -> None:
    assert nudged(0.5, 1) != 0.5
    assert nudged(0.5, 1).shape == ()


def test_a_capture_leaves_variables_and_generators_as_they_were() -> None:
    backend, weight, slot, state = FakeBackend(), object(), object(), object()
    backend.values = {id(weight): 1, id(slot): 2, id(state): 3}
    rnn = SimpleNamespace(get_config=dict, stateful=True, states=[state, None])
    resets: list[int] = []
    model = SimpleNamespace(
        weights=[weight, weight],
        optimizer=SimpleNamespace(weights=[slot]),
        layers=[rnn],
        reset_metrics=lambda: resets.append(1),
    )
    kept = SavedState(backend, model)
    drawn = numpy.random.rand(), random.random()
    backend.values = {id(weight): 9, id(slot): 9, id(state): 9}
    kept.restore()
    assert backend.values == {id(weight): 1, id(slot): 2, id(state): 3}
    assert (numpy.random.rand(), random.random()) == drawn
    assert resets == [1]


# Weights


def variable(name: str, shape: tuple[int, ...] = (2, 2), **more: Any) -> Any:
    return SimpleNamespace(name=name, ndim=len(shape), **more)


def holding(name: str, *variables: Any, **more: Any) -> Any:
    return SimpleNamespace(name=name, weights=list(variables), **more)


def names(model: Any) -> list[str]:
    return [name for name, _ in weights.named(model)]


@pytest.mark.parametrize(
    "name", ["kernel", "dense/kernel", "dense/kernel:0", "dense_3/kernel_1:0", "a/b/kernel_12"]
)
def test_a_weight_has_the_same_name_on_every_backend(name: str) -> None:
    model = holding("m", layers=[holding("dense", variable(name))])
    assert names(model) == ["dense/kernel"]


def test_weights_of_one_name_are_numbered() -> None:
    layer = holding("rnn", variable("kernel"), variable("kernel_1"), variable(""), variable("bias"))
    model = holding("m", layers=[layer])
    assert names(model) == ["rnn/kernel", "rnn/kernel#2", "rnn/weight", "rnn/bias"]


def test_nested_models_are_part_of_a_name_and_shared_weights_are_named_once() -> None:
    shared = holding("shared", variable("kernel"))
    inner = holding("inner", layers=[holding("a", variable("kernel")), shared])
    model = holding("m", layers=[inner, shared])
    assert names(model) == ["inner/a/kernel", "inner/shared/kernel"]


def test_theanos_kernels_are_turned_around_and_back() -> None:
    kernel = variable("kernel", (2, 1, 1))
    setattr(kernel, FLIPPED, True)
    value = floats([[[1.0]], [[2.0]]])
    assert weights.common(kernel, value).ravel().tolist() == [2.0, 1.0]
    assert (weights.own(kernel, weights.common(kernel, value)) == value).all()


def test_other_weights_are_as_they_are() -> None:
    value = floats([[[1.0]], [[2.0]]])
    assert (weights.common(variable("kernel", (2, 1, 1)), value) == value).all()
    bias = variable("bias", (2,))
    setattr(bias, FLIPPED, True)
    assert weights.common(bias, floats([1.0, 2.0])).tolist() == [1.0, 2.0]


def test_slots_are_named_by_their_weights() -> None:
    parameters = [("a/kernel", variable("a")), ("a/bias", variable("b"))]
    count, *moments = variable("iterations", ()), *(variable(f"m{i}") for i in range(4))
    slots = weights.slots(SimpleNamespace(weights=[count, *moments]), parameters)
    assert [name for name, _ in slots] == [
        "iterations",
        *("a/kernel.slot1", "a/bias.slot1", "a/kernel.slot2", "a/bias.slot2"),
    ]
    assert [slot for _, slot in slots] == [count, *moments]
    assert weights.slot_weight("a/bias.slot2", parameters) is parameters[1][1]
    assert weights.slot_weight("iterations", parameters) is None


@pytest.mark.parametrize("optimizer", [SimpleNamespace(), SimpleNamespace(weights=None), None])
def test_an_optimizer_without_slots(optimizer: Any) -> None:
    assert weights.slots(optimizer, []) == []


# The dump


def test_what_is_dumped_is_read_back_on_both_sides(tmp_path: Path) -> None:
    dump = Dump(str(tmp_path / "trace"))
    dump.array("output", "lstm", "training", floats([1.0, 2.0]))
    dump.array("output", port("lstm", 1), "training", floats([3.0]))
    reference = Reference(str(tmp_path / "trace"))
    assert [array.tolist() for array in reference.all("output", "lstm", "training")] == [
        [1.0, 2.0],
        [3.0],
    ]
    assert reference.get("output", "lstm", "inference") is None
    array = bundle.read(tmp_path / "trace").array(("output", "lstm:1", "training"))
    assert array is not None
    assert array.tolist() == [3.0]


def test_ports_are_named_alike_on_both_sides() -> None:
    assert [port("a", i) for i in range(3)] == [bundle.port("a", i) for i in range(3)]


def test_names_of_any_kind_are_one_line(tmp_path: Path) -> None:
    name = 'größe "a"\n\ud800'
    Dump(str(tmp_path)).array("output", name, "training", floats([1.0]))
    assert (tmp_path / INDEX_FILE).read_bytes().count(b"\n") == 1
    ((_, key_name, _),) = bundle.read(tmp_path).arrays
    assert key_name.startswith('größe "a"\n')


def test_what_is_not_finite_is_strict_json(tmp_path: Path) -> None:
    Dump(str(tmp_path)).entry("still", layers=[float("nan")])
    assert b'"nan"' in (tmp_path / INDEX_FILE).read_bytes()


# Random layers


class FakeLayers:
    """Noise adds one; the layer that is being applied is ``current``."""

    def __init__(self) -> None:
        class GaussianNoise:
            def call(self, inputs: Any, training: Any = None) -> Any:
                return inputs + 1

        self.backend: Any = SimpleNamespace(
            dropout=lambda x, level, noise_shape=None, seed=None: x * 0,
            identity=lambda x: x,
            random_normal=lambda shape, mean=0.0, stddev=1.0: numpy.full(shape, 7.0),
            random_uniform=lambda shape, minval=0.0, maxval=1.0: numpy.full(shape, 7.0),
            random_binomial=lambda shape, p=0.0: numpy.full(shape, 7.0),
        )
        self.layers = SimpleNamespace(GaussianNoise=GaussianNoise)
        self.current = ""
        self.still = RandomLayers(self, lambda: self.current)
        self.still.install()


def test_dropout_lets_all_through() -> None:
    fake = FakeLayers()
    fake.current = "dropout_1"
    assert fake.backend.dropout(5.0, 0.5, seed=3) == 5.0
    assert fake.still.disabled == ["dropout_1"]


def test_noise_adds_nothing() -> None:
    fake = FakeLayers()
    fake.current = "noise"
    assert fake.layers.GaussianNoise().call(5.0, training=True) == 5.0
    assert fake.still.disabled == ["noise"]


@pytest.mark.parametrize(
    ("name", "arguments", "mean"),
    [
        ("random_normal", {"mean": 2.0}, 2.0),
        ("random_normal", {}, 0.0),
        ("random_uniform", {"minval": 2, "maxval": 3}, 2.5),
        ("random_binomial", {"p": 0.7}, 1.0),
        ("random_binomial", {"p": 0.2}, 0.0),
    ],
)
def test_what_a_layer_draws_is_its_mean(name: str, arguments: dict[str, Any], mean: float) -> None:
    fake = FakeLayers()
    fake.current = "own"
    assert getattr(fake.backend, name)((2,), **arguments).tolist() == [mean, mean]
    assert fake.still.disabled == ["own"]


def test_what_is_drawn_outside_of_layers_is_left_alone() -> None:
    fake = FakeLayers()
    assert fake.backend.random_normal((1,)).tolist() == [7.0]
    assert fake.still.disabled == []


def test_a_random_layer_is_named_once() -> None:
    fake = FakeLayers()
    for fake.current in ("b", "a", "b"):
        fake.backend.dropout(1.0, 0.5)
    assert fake.still.disabled == ["b", "a"]


# Layers that cannot be applied


class Built:
    """A Keras whose layers fail on request; a layer with an inner one applies it."""

    def __init__(self, skip: bool = False) -> None:
        applied: list[Any] = []

        class Layer:
            def __init__(self, name: str, fails: bool = False, inner: Any = None) -> None:
                self.name = name
                self.fails = fails
                self.inner = inner
                self.built = False
                self.linked: dict[str, Any] = {}

            def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
                applied.append(self.name)
                if self.inner is not None:
                    self.inner(inputs)
                if self.fails:
                    raise ValueError(f"{self.name}: no")
                return inputs

            def get_config(self) -> dict[str, Any]:
                return {"name": self.name}

            def compute_output_shape(self, shape: Any) -> Any:
                return (*shape[:-1], 1)

            def _add_inbound_node(self, **links: Any) -> None:
                self.linked = links

        self.layer: Any = Layer
        self.applied = applied
        self.layers = SimpleNamespace(Layer=Layer)
        self.backend = SimpleNamespace(placeholder=lambda shape, name: Tensor(shape))
        self.layer_calls = LayerCalls(self, skip)
        self.layer_calls.install()


def test_a_failure_has_its_layer() -> None:
    keras = Built()
    with pytest.raises(ValueError, match="a: no"):
        keras.layer("a", fails=True)(Tensor((None, 8)))
    failure = keras.layer_calls.failure
    assert failure is not None
    assert (failure["layer"], failure["error"], failure["message"]) == ("a", "ValueError", "a: no")
    assert failure["input_shapes"] == [[None, 8]]
    assert failure["config"] == {"name": "a"}


def test_the_innermost_layer_is_to_blame() -> None:
    keras = Built()
    inner = keras.layer("inner", fails=True)
    with pytest.raises(ValueError, match="inner: no"):
        keras.layer("outer", inner=inner)(Tensor())
    assert keras.layer_calls.failure is not None
    assert keras.layer_calls.failure["layer"] == "inner"


def test_the_layer_that_is_being_applied_is_known() -> None:
    keras = Built()
    seen: list[str] = []
    layer = keras.layer("outer", inner=lambda x: seen.append(keras.layer_calls.current()))
    layer(Tensor())
    assert seen == ["outer"]
    assert keras.layer_calls.current() == ""


def test_none_is_applied_after_a_failure() -> None:
    keras = Built()
    with pytest.raises(ValueError, match="no"):
        keras.layer("a", fails=True)(Tensor())
    assert keras.layer_calls.current() == ""


def test_a_model_is_built_on_without_a_layer() -> None:
    keras = Built(skip=True)
    layer, tensor = keras.layer("a", fails=True), Tensor((None, 8))
    output = layer(tensor)
    assert output._keras_shape == (None, 1)
    assert layer.linked["input_tensors"] == [tensor]
    assert layer.linked["output_tensors"] == [output]
    assert keras.layer_calls.skipped == ["a"]
    assert str(keras.layer_calls.error) == "a: no"


def test_the_first_failure_is_reported() -> None:
    keras = Built(skip=True)
    for name in ("a", "b"):
        keras.layer(name, fails=True)(Tensor())
    assert keras.layer_calls.failure is not None
    assert keras.layer_calls.failure["layer"] == "a"
    assert keras.layer_calls.skipped == ["a", "b"]
    assert str(keras.layer_calls.error) == "a: no"


@pytest.mark.parametrize("tensor", [5, [Tensor(()), Tensor()], SimpleNamespace(_keras_shape=(1,))])
def test_a_layer_on_what_is_no_tensor_of_kerass_is_not_left_out(tensor: Any) -> None:
    keras = Built(skip=True)
    with pytest.raises(ValueError, match="a: no"):
        keras.layer("a", fails=True)(tensor)
    assert keras.layer_calls.skipped == []


def test_a_layer_whose_shape_is_not_known_is_not_left_out() -> None:
    keras = Built(skip=True)
    layer = keras.layer("a", fails=True)
    layer.compute_output_shape = lambda shape: 1 / 0
    with pytest.raises(ValueError, match="a: no"):
        layer(Tensor())


def test_a_long_message_is_cut() -> None:
    keras = Built()
    with pytest.raises(ValueError, match="no"):
        keras.layer("a" * 5000, fails=True)(Tensor())
    assert keras.layer_calls.failure is not None
    assert len(keras.layer_calls.failure["message"]) == 2000


# Descriptions


class Own:
    """A layer of the script's own."""

    name = "own"

    def get_config(self) -> dict[str, Any]:
        return {
            "units": numpy.int64(3),
            "rate": numpy.float32(0.5),
            "axes": (1, 2),
            "table": numpy.zeros(3),
            "large": numpy.zeros(1000),
            "function": print,
        }


def test_a_layer_of_the_scripts_own_has_a_source() -> None:
    description = describe.layer_of(Own())
    assert (description["layer"], description["kind"], description["own"]) == ("own", "Own", False)
    assert description["source"]["file"] == "test_trace.py"
    assert description["source"]["name"] == "Own"


def test_a_configuration_is_plain(tmp_path: Path) -> None:
    config = describe.layer_of(Own())["config"]
    assert (config["units"], config["rate"], config["axes"]) == (3, 0.5, [1, 2])
    assert config["table"] == [0.0] * 3
    assert len(config["large"]) <= 200
    Dump(str(tmp_path)).entry("still", layers=[], config=config)


def test_a_layer_of_kerass_has_none() -> None:
    kind = type("Dense", (Own,), {"__module__": "keras.layers.core"})
    description = describe.layer_of(kind())
    assert (description["own"], description["source"]) == (True, None)


def test_a_configuration_that_cannot_be_read_is_empty() -> None:
    assert describe.layer_of(SimpleNamespace(name="a"))["config"] == {}


def test_a_lambda_is_found_where_it_stands() -> None:
    function = lambda x: x  # noqa: E731 - how a lambda is described is what it tests
    description = describe.layer_of(SimpleNamespace(name="a", function=function))
    assert description["source"]["name"] == "<lambda>"
    assert description["source"]["line"] == function.__code__.co_firstlineno


def test_losses_and_optimizers_in_all_forms() -> None:
    def own_loss(y: Any, p: Any) -> Any:
        return y

    assert describe.serialized("mse") == "mse"
    assert describe.serialized(None) is None
    description = describe.serialized({"a": [own_loss, "mae"]})
    assert description["a"][1] == "mae"
    assert (description["a"][0]["function"], description["a"][0]["own"]) == ("own_loss", False)
    assert describe.serialized(Own())["kind"] == "Own"


def test_a_described_graph_is_what_the_host_reads(tmp_path: Path) -> None:
    model = network()
    weight = variable("kernel")
    model.layers[1].weights = [weight]
    dump = Dump(str(tmp_path))
    for node in describe.describe_nodes(Graph(model), [("a/kernel", weight)]):
        dump.entry("node", **node)
    nodes = bundle.read(tmp_path).nodes
    assert [(node.key, node.feeds, node.weights) for node in nodes] == [
        ("x", [], []),
        ("a", [("x", 0)], ["a/kernel"]),
        ("b", [("a", 0)], []),
    ]
    assert nodes[1].input_shapes == [[None, 3]]


def test_numbers_of_an_optimizer_come_before_its_slots() -> None:
    """As Nadam holds them: two numbers, then a variable a weight, group by group."""

    def variable(rank: int) -> Any:
        return SimpleNamespace(ndim=rank)

    optimizer = SimpleNamespace(weights=[variable(0), variable(0), *(variable(2),) * 4])
    parameters = [("a/kernel", variable(2)), ("b/kernel", variable(2))]
    assert [name for name, _ in weights.slots(optimizer, parameters)] == [
        *("iterations", "optimizer.slot1"),
        *("a/kernel.slot1", "b/kernel.slot1", "a/kernel.slot2", "b/kernel.slot2"),
    ]
