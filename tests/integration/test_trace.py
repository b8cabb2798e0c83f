"""Traces on the real stack: known differences are found where they start, and nowhere else.

Each script in ``scripts/trace/differ`` has a line ``# expect:`` with the kind and the place of the
first difference, and a line ``# cause:`` with the status and the first words of its cause. Only a
cause that is to be proven is tried. Those in ``scripts/trace/control`` must have no finding, those
in ``idle`` one that reaches nothing; what fails in ``unsteady`` is no difference.
"""

import json
import re
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import SCRIPTS, Done, keras_matrix

pytestmark = pytest.mark.usefixtures("images")

DIFFER = sorted((SCRIPTS / "trace" / "differ").glob("*.py"))
IDLE = sorted((SCRIPTS / "trace" / "idle").glob("*.py"))
UNSTEADY = SCRIPTS / "trace" / "unsteady" / "failing_now_and_then.py"
CONTROL = sorted((SCRIPTS / "trace" / "control").glob("*.py"))
RETRACED = (
    "forward_maxpool1d_same",
    "gradient_maxpool_tie",
    "loss_saturated_sigmoid",
    "moving_batchnorm_dense",
    "nan_sqrt_gradient",
    "update_constraint_l2_normalize",
)
"""Scripts whose minimal script is traced as well."""
TRAINED_CONTROLS = ("conv_valid", "many_inputs_outputs", "mlp", "recurrent")
"""Controls whose whole training is compared."""
PREFIXES_BEFORE_STEPS = ("build_", "shape_", "forward_", "loss_", "metric_", "nan_", "gradient_")
"""Prefixes of scripts that differ before the optimizer's first step."""
MAX_CONCURRENT_TRACES = 3
"""More than the two CPUs, as one trace is usually between two cells."""

Traces = dict[Path, "Future[Done]"]


def trace(script: Path, results: Path, *more: object) -> Done:
    """Trace a script on one CPU, without the stages after the one that it is about."""
    trained = "training" in script.name or script.stem in TRAINED_CONTROLS
    options = [] if trained else ["--no-training"]
    if script.name.startswith(PREFIXES_BEFORE_STEPS):
        options += ["--steps", "0"]
    if "# cause: proven" not in script.read_text():
        options += ["--no-proof"]
    return keras_matrix(
        *("trace", script, "--on", "tf,theano", "--json", "--jobs", 1, "--results", results),
        *options,
        *more,
    )


@pytest.fixture(scope="module")
def traces(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Traces:
    """Trace the scripts of all tests that were selected."""
    results = tmp_path_factory.mktemp("traces")
    selected = "\n".join(item.nodeid for item in request.session.items)
    with ThreadPoolExecutor(MAX_CONCURRENT_TRACES) as pool:
        return {
            script: pool.submit(trace, script, results)
            for script in (*DIFFER, *CONTROL, *IDLE)
            if f"[{script.stem}]" in selected
        }


def real_findings(done: Done) -> list[dict[str, Any]]:
    assert done.returncode in (0, 1), done.stderr
    (image,) = json.loads(done.stdout)["images"]
    return [finding for finding in image["findings"] if finding["origin"] == "differs by itself"]


@pytest.mark.parametrize("script", DIFFER, ids=lambda script: script.stem)
def test_a_known_difference_is_found_where_it_starts(script: Path, traces: Traces) -> None:
    done = traces[script].result()
    expected = re.search(r"^# expect: (\w+) (.+)$", script.read_text(), re.MULTILINE)
    assert expected is not None
    kind, where = expected.groups()
    real = real_findings(done)
    assert done.returncode == 1
    assert (real[0]["kind"], real[0]["where"]) == (kind, where)


@pytest.mark.parametrize("script", DIFFER, ids=lambda script: script.stem)
def test_a_known_difference_has_its_cause_and_no_other(script: Path, traces: Traces) -> None:
    expected = re.search(r"^# cause: (proven|possible|none) ?(.*)$", script.read_text(), re.M)
    assert expected is not None
    status, text = expected.groups()
    first = real_findings(traces[script].result())[0]
    if status == "none":
        assert first["hint"] is None
        return
    assert first["hint"]["text"].startswith(text)
    assert first["hint"]["status"] == status
    assert first["refuted"] == []


@pytest.mark.parametrize("script", CONTROL, ids=lambda script: script.stem)
def test_a_control_comes_out_clean(script: Path, traces: Traces) -> None:
    done = traces[script].result()
    assert real_findings(done) == []
    assert done.returncode == 0


@pytest.mark.parametrize("script", IDLE, ids=lambda script: script.stem)
def test_a_difference_that_reaches_nothing_is_reported_and_does_not_fail(
    script: Path, traces: Traces, tmp_path: Path
) -> None:
    done = traces[script].result()
    expected = re.search(r"^# expect: (\w+) (.+)$", script.read_text(), re.MULTILINE)
    assert expected is not None
    (finding,) = real_findings(done)
    assert (finding["kind"], finding["where"]) == expected.groups()
    assert finding["reach"] == {"targets": []}
    assert done.returncode == 0
    assert trace(script, tmp_path, "--fail-on", "any").returncode == 1


@pytest.mark.parametrize("name", ["training_loss_beside_tiny_output"])
def test_a_difference_says_what_it_reaches_the_loss_first(name: str, traces: Traces) -> None:
    script = SCRIPTS / "trace" / "differ" / f"{name}.py"
    loss, *others = real_findings(traces[script].result())
    reached = {target["what"]: target["distance"] for target in loss["reach"]["targets"]}
    assert reached["training"] > 10
    assert [one["reach"] for one in others if one["where"] == "dense_1"] == [{"targets": []}]


def test_what_fails_now_and_then_is_no_difference(tmp_path: Path) -> None:
    """A failure is a finding only if all attempts of one image failed, and none of the other."""
    done = keras_matrix("trace", UNSTEADY, "--on", "tf,theano", "--json", "--results", tmp_path)
    assert done.returncode in (0, 1, 3), done.stderr
    (run,) = tmp_path.iterdir()
    failed: dict[str, list[bool]] = {}
    for path in (run / "records").glob("*.json"):
        record = json.loads(path.read_text())
        failed.setdefault(record["cell"]["image"], []).append(record["outcome"] != "ok")
    alone = [name for name, outcomes in failed.items() if all(outcomes)]
    never = [name for name, outcomes in failed.items() if not any(outcomes)]
    (image,) = json.loads(done.stdout)["images"]
    findings = [one for one in image["findings"] if one["origin"] == "differs by itself"]
    assert bool(findings) is bool(alone and never)
    assert (done.returncode == 1) is bool(findings)
    notes = [note for note in image["notes"] if "happens now and then" in note]
    assert bool(notes) is any(any(outcomes) and not all(outcomes) for outcomes in failed.values())


def retrace(first: "Future[Done]", results: Path) -> Done:
    """Trace the minimal script of the first finding of a trace."""
    minimal = real_findings(first.result())[0]["script"]
    assert Path(minimal["path"]).read_text() == minimal["text"]
    return trace(Path(minimal["path"]), results)


@pytest.fixture(scope="module")
def minimal(traces: Traces, tmp_path_factory: pytest.TempPathFactory) -> dict[str, "Future[Done]"]:
    """Trace the minimal scripts."""
    results = tmp_path_factory.mktemp("minimal")
    firsts = {script.stem: traces[script] for script in DIFFER if script in traces}
    with ThreadPoolExecutor(MAX_CONCURRENT_TRACES) as pool:
        return {
            name: pool.submit(retrace, firsts[name], results) for name in RETRACED if name in firsts
        }


@pytest.mark.parametrize("name", RETRACED)
def test_a_minimal_script_shows_the_difference_again(
    name: str, traces: Traces, minimal: dict[str, "Future[Done]"]
) -> None:
    script = SCRIPTS / "trace" / "differ" / f"{name}.py"
    first, second = (
        real_findings(traces[script].result())[0],
        real_findings(minimal[name].result())[0],
    )
    assert (second["kind"], second["layer"]) == (first["kind"], first["layer"])


def test_a_trace_prints_layer_figures_cause_and_script(tmp_path: Path) -> None:
    script = SCRIPTS / "trace" / "differ" / "forward_maxpool1d_same.py"
    done = keras_matrix(
        *("trace", script, "--on", "tf,theano", "--no-training", "--results", tmp_path),
        *("--keep-arrays", "--fail-on", "gradient,update"),
    )
    assert done.returncode == 0, done.stderr
    assert "forward: max_pooling1d_1 (MaxPooling1D), output" in done.stdout
    assert "alone, from identical inputs: max |d|" in done.stdout
    assert "pool_size=(2), strides=(2), padding=same" in done.stdout
    assert "keras-team/keras#13841" in done.stdout
    assert "layer = MaxPooling1D(" in done.stdout
    assert "theano and tf differ: forward, max_pooling1d_1" in done.stdout
    (run,) = tmp_path.iterdir()
    assert json.loads((run / "trace.json").read_text())["reference"] == "tf"
    assert list((run / "trace").glob("*/1.npy"))
    assert not (run / "work").exists()


def test_a_script_that_trains_nothing_is_an_error(tmp_path: Path) -> None:
    script = tmp_path / "untrained.py"
    script.write_text("import keras\n")
    done = keras_matrix("trace", script, "--on", "tf,theano", "--results", tmp_path / "results")
    assert done.returncode == 3
    assert "reached a model's first training call on no image" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--fail-on", "forwrd"), "--fail-on 'forwrd' is not a kind of difference"),
        (("--atol", "-1"), "--atol -1.0 is not a number from 0 up"),
        (("--floatx", "float32,float64"), "one keras.json"),
        (("--on", "tf"), "name at least two with --on"),
    ],
)
def test_wrong_options_are_one_sentence(options: tuple[str, str], text: str) -> None:
    done = keras_matrix("trace", SCRIPTS / "tiny.py", "--on", "tf,theano", *options)
    assert done.returncode == 2
    assert text in done.stderr
