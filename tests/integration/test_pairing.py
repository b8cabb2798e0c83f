"""Weights paired by a seed are the same on TensorFlow and Theano, and so is what they predict.

The largest difference between two equal layers is 7.2e-7 here; with a kernel turned around it is
over 0.1. What differs by itself, whatever the weights, is kept apart.
"""

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import docker
import numpy
import pytest

from keras_matrix.engine.client import Engine
from keras_matrix.engine.owners import Owner
from keras_matrix.engine.spec import CELL_LABEL, OWNER_LABEL, Bind, ContainerSpec
from keras_matrix.engine.users import cell_user
from keras_matrix.load.shipped import PROBE_FOLDER
from keras_matrix.plan.cells import Limits
from keras_matrix.plan.contract import OUTPUT, PROBE, SCRATCH
from keras_matrix.records import cache
from keras_matrix.run.cell.folders import claim, make_output
from tests.integration.conftest import SCRIPTS, keras_matrix

pytestmark = pytest.mark.usefixtures("images")

BACKENDS = {"tf": "tensorflow", "theano": "theano"}
TIMEOUT = 900.0
NAME = f"paired-{secrets.token_hex(4)}"
TOLERANCE = 1e-5
TURNED = 0.1

Results = dict[str, Any]
Pair = tuple[Results, Results]


def run_in(engine: Engine, image: str, backend: str, script: str, output: Path) -> Results:
    """Run a script as a cell is run, with the probe importable; return what it wrote."""
    user = cell_user(engine.facts().security, (os.getuid(), os.getgid()))
    make_output(output, user)
    claimed = output.with_name("claimed")
    # What Theano compiles for it takes a minute; the next run of these tests finds it there.
    compiled = cache.root() / "tests" / image.rpartition(":")[2][:16] / "compiled"
    if not compiled.exists():
        make_output(compiled, user)
    container = engine.create(
        ContainerSpec(
            name=f"keras-matrix-{NAME}-{backend}-{secrets.token_hex(2)}",
            image=image,
            # Handed over as text: the folder may be closed to the cell's user.
            command=("python", "-c", (SCRIPTS / script).read_text(), f"{OUTPUT}/results.json"),
            environment={
                "HOME": str(SCRATCH),
                "TMPDIR": str(SCRATCH),
                "KERAS_BACKEND": backend,
                "OMP_NUM_THREADS": "1",
                "PYTHONHASHSEED": "0",
                "PYTHONPATH": str(PROBE),
            },
            binds=(
                Bind(PROBE_FOLDER, PROBE / PROBE_FOLDER.name),
                Bind(output, OUTPUT, read_only=False),
                Bind(compiled, SCRATCH / "theano", read_only=False),
            ),
            user=user,
            limits=Limits(memory=3 * 2**30),
            labels={CELL_LABEL: NAME, OWNER_LABEL: Owner.this_process().label()},
        )
    )
    try:
        engine.start(container)
        deadline = time.monotonic() + TIMEOUT
        state = engine.state(container)
        while state is not None and state.running and time.monotonic() < deadline:
            time.sleep(0.1)
            state = engine.state(container)
        log = engine.logs(container, 2**20).decode(errors="replace")
    finally:
        engine.remove(container)
        claim(output, claimed)
    assert state is not None
    assert state.exit_code == 0, log[-3000:]
    results: Results = json.loads((claimed / "results.json").read_text())
    return results


@pytest.fixture(autouse=True)
def nothing_is_left(client: docker.DockerClient) -> Iterator[None]:
    """Override the fixture for all cells: others may be running cells on this engine."""
    yield
    assert client.containers.list(all=True, filters={"label": f"{CELL_LABEL}={NAME}"}) == []


@pytest.fixture(scope="module")
def run_on_both(images: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Pair]:
    """Return a function that runs a script on TensorFlow and on Theano at the same time."""
    listed = json.loads(keras_matrix("images", "list", "--json").stdout)["images"]
    ids = {image["name"]: image["id"] for image in listed}

    def run(script: str) -> Pair:
        folder = tmp_path_factory.mktemp("paired")
        engine = Engine.connect()

        def run_image(name: str) -> Results:
            return run_in(engine, ids[name], BACKENDS[name], script, folder / name / "output")

        try:
            with ThreadPoolExecutor(len(BACKENDS)) as pool:
                tensorflow, theano = pool.map(run_image, BACKENDS)
        finally:
            engine.close()
        return tensorflow, theano

    return run


@pytest.fixture(scope="module")
def layers(run_on_both: Callable[[str], Pair]) -> Pair:
    return run_on_both("paired_layers.py")


@pytest.fixture(scope="module")
def weights(run_on_both: Callable[[str], Pair]) -> Pair:
    return run_on_both("paired_weights.py")


def apart(first: Any, second: Any) -> float:
    """Return the largest difference, infinity between different shapes."""
    first, second = numpy.asarray(first), numpy.asarray(second)
    return float(abs(first - second).max()) if first.shape == second.shape else numpy.inf


def test_layers_of_every_kind_predict_the_same(layers: Pair) -> None:
    tensorflow, theano = (pair["cases"] for pair in layers)
    same = [name for name in tensorflow if not name.startswith("differs: ")]
    assert len(same) > 100
    assert {name: theano[name]["error"] for name in same if "error" in theano[name]} == {}
    differences = {name: apart(tensorflow[name]["output"], theano[name]["output"]) for name in same}
    assert {name: size for name, size in differences.items() if size > TOLERANCE} == {}


def test_with_a_kernel_turned_around_every_layer_would_differ(layers: Pair) -> None:
    """Both ways: turning no kernel and turning all of them would be wrong."""
    tensorflow, theano = (pair["cases"] for pair in layers)
    turned = {
        name: apart(tensorflow[name]["output"], case["turned"])
        for name, case in theano.items()
        if "turned" in case
    }
    assert len(turned) > 100
    assert {name: size for name, size in turned.items() if size < TURNED} == {}


def test_only_theanos_kernels_are_turned(layers: Pair) -> None:
    assert [pair["converted"] for pair in layers] == [0, 78]
    assert [pair["not_paired"] for pair in layers] == [[], []]


def test_where_the_backends_layers_differ_whatever_the_weights(layers: Pair) -> None:
    """Theano pads 'same' alike on both sides, TensorFlow the end more than the beginning."""
    tensorflow, theano = (pair["cases"] for pair in layers)
    names = [name for name in tensorflow if name.startswith("differs: ")]
    errors = {name: theano[name]["error"] for name in names if "error" in theano[name]}
    ((name, error),) = errors.items()
    assert name == "differs: Conv2DTranspose kernel 2 same"
    assert "even kernel sizes are not supported with Theano" in error
    for name in set(names) - set(errors):
        assert apart(tensorflow[name]["output"], theano[name]["output"]) > TURNED, name
    shapes = [
        numpy.shape(pair["cases"]["differs: SeparableConv2D kernel 2 same"]["output"])
        for pair in layers
    ]
    assert shapes == [(2, 8, 6, 2), (2, 9, 7, 2)]


def test_weights_are_the_same_to_the_last_digit(weights: Pair) -> None:
    tensorflow, theano = weights
    assert set(tensorflow) == set(theano)
    different = {name for name in tensorflow if tensorflow[name] != theano[name]}
    assert different <= {"converted", "losses"}


def test_training_with_shuffling_goes_the_same_way(weights: Pair) -> None:
    """Both backends leave the script's own random numbers at the same place, Flatten or not."""
    tensorflow, theano = weights
    assert len(set(tensorflow["losses"])) == 3
    assert theano["losses"] == pytest.approx(tensorflow["losses"], rel=TOLERANCE)
    assert theano["next of NumPy"] == tensorflow["next of NumPy"]


def test_each_initializer_keeps_its_own_distribution(weights: Pair) -> None:
    draws = {name: numpy.asarray(value) for name, value in weights[1].items() if "direct" in name}
    into, out = 9 * 8, 9 * 16
    for name, variance, uniform in (
        ("uniform", 0.05**2 / 3, True),
        ("normal", 0.05**2, False),
        ("glorot_uniform", 2 / (into + out), True),
        ("glorot_normal", 2 / (into + out), False),
        ("he_uniform", 2 / into, True),
        ("he_normal", 2 / into, False),
        ("lecun_uniform", 1 / into, True),
        ("lecun_normal", 1 / into, False),
    ):
        values = draws[f"direct {name}"]
        assert values.shape == (3, 3, 8, 16)
        assert values.var() == pytest.approx(variance, rel=0.15), name
        assert abs(values.mean()) < 0.1 * variance**0.5, name
        limit = (3 * variance) ** 0.5
        assert (abs(values).max() <= limit * (1 + 1e-6)) == uniform, name
    assert abs(draws["direct truncated_normal"]).max() <= 0.1
    assert abs(draws["direct truncated_normal"]).max() > 0.095
    matrix = draws["direct orthogonal"].reshape(-1, 16)
    assert matrix.T @ matrix == pytest.approx(numpy.eye(16), abs=1e-6)
    assert numpy.mean(weights[1]["mean"]) == pytest.approx(3, abs=0.1)
    assert 2 <= numpy.min(weights[1]["bounds"]) < 2.1
    assert 3.9 < numpy.max(weights[1]["bounds"]) <= 4
    gain = numpy.asarray(weights[1]["gain"])
    assert gain @ gain.T == pytest.approx(4 * numpy.eye(5), abs=1e-6)


@pytest.mark.parametrize("kind", ["RandomNormal", "Orthogonal"])
def test_a_seed_of_the_script_counts_up_with_every_draw(weights: Pair, kind: str) -> None:
    first, second, again = weights[1][f"seed {kind}"]
    assert first == again != second
    assert weights[1][f"left {kind}"] == 7


def test_no_two_draws_are_the_same(weights: Pair) -> None:
    original, clone = weights[1]["clone"]
    assert original != clone


def test_weights_that_are_not_drawn_here_stay_as_they_are_and_are_noted(weights: Pair) -> None:
    for results in weights:
        kernel = numpy.arange(9.0).reshape(3, 3, 1, 1).tolist()
        assert results["left alone"] == [kernel, kernel]
        assert results["noted before"] == []
        assert results["noted"] == [
            "dense/kernel: from_numpy",
            "own/kernel: conv2d",
            "random_normal with a tensor for an argument",
        ]
        assert results["noise"] == 0
        assert results["float64 dtype"] == "float64"
    assert weights[0]["converted"] == [0, 0]
    # Three of custom initializers; then the one that the script sets itself, but not the constant.
    assert weights[1]["converted"] == [3, 4]
