"""Scripts as people have them: every way to build and train, their data, what binds them."""

from pathlib import Path

import numpy as np
import pytest

from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Outcome, Record
from tests.integration.conftest import SCRIPTS, Done, keras_matrix

pytestmark = pytest.mark.usefixtures("images")

KINDS = [
    ("fit", "sequential_1", {"loss", "mae", "half_loss", "val_loss", "val_mae", "val_half_loss"}),
    ("fit#2", "sequential_1", {"loss", "mae", "half_loss"}),
    ("fit#3", "sequential_1", {"loss", "mae", "half_loss", "val_loss", "val_mae", "val_half_loss"}),
    ("evaluate", "sequential_1", {"loss", "mae", "half_loss"}),
    ("evaluate#2", "sequential_1", {"loss", "mae", "half_loss"}),
    ("predict", "sequential_1", set()),
    ("predict#2", "sequential_1", set()),
    ("fit#4", "model_1", {"loss", "a_loss", "b_loss"}),
    ("predict#3", "model_1", set()),
    ("fit#5", "net", {"loss"}),
    ("train_on_batch", "net", {"loss"}),
]


def records(results: Path) -> tuple[Record, ...]:
    (run,) = results.iterdir()
    return RunFolder(run).records()


def run(script: str, results: Path, *options: object) -> Done:
    return keras_matrix("run", SCRIPTS / f"{script}.py", "--results", results, *options)


def test_every_kind_of_call_agrees_on_both_backends(results: Path) -> None:
    done = run("kinds", results, "--on", "tf,theano", "--", "--epochs", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    for record in records(results):
        calls = record.observation.calls
        assert [(c.name, c.model, set(c.metrics)) for c in calls] == KINDS
        assert len(calls[0].epochs) == 2
        assert calls[8].arrays[1].name == "predict#3.1"
        assert calls[10].params == {"calls": 3}


def test_caps_shorten_and_are_told(results: Path) -> None:
    done = run(
        "kinds",
        results,
        "--on",
        "tf",
        "--epochs-cap",
        "1",
        "--steps-cap",
        "1",
        "--",
        "--epochs",
        "1",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "at most 1 epoch a fit, at most 1 batch an epoch" in done.stdout
    (record,) = records(results)
    fits = [call for call in record.observation.calls if call.kind == "fit"]
    assert [len(call.epochs) for call in fits] == [1] * 5
    assert fits[0].params["samples"] <= 4
    assert fits[1].params["steps"] == 1


def test_caps_shorten_loops_that_are_written_by_hand(results: Path) -> None:
    done = run("batches", results, "--on", "tf,theano", "--steps-cap", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    note = "train_on_batch at batches.py:13: 2 calls were made, 3 more repeat the last result."
    assert f"note: 2 cells: {note}\n" in done.stdout
    for record in records(results):
        calls = [call.params for call in record.observation.calls]
        assert calls == [{"calls": 2}, {"calls": 2}, {"calls": 1}, {"calls": 1}]


def test_a_loop_that_is_cut_off_leaves_what_it_did(results: Path, tmp_path: Path) -> None:
    script = tmp_path / "forever.py"
    text = (SCRIPTS / "batches.py").read_text()
    script.write_text(text.replace("for _ in range(5)", "while True"))
    done = keras_matrix(
        *("run", script, "--on", "tf", "--results", results),
        *("--epochs-cap", "1", "--timeout", "10"),
    )
    assert done.returncode == 3
    assert "Not shortened: train_on_batch at forever.py:13" in done.stdout
    (record,) = records(results)
    assert record.outcome is Outcome.TIMEOUT
    (call,) = record.observation.calls
    assert not call.finished
    assert call.params["calls"] > 1
    assert set(call.metrics) == {"loss"}
    assert call.seconds is not None


def test_paired_weights_leave_masks_to_each_backend(results: Path) -> None:
    done = run("uses_dropout", results, "--on", "tf,theano", "--init", "paired", "--seeds", "1")
    assert "note: 2 cells: Not paired: the masks of dropout_1 (each" in done.stdout
    for record in records(results):
        drawn = {call.name: call.drawn for call in record.observation.calls}
        assert drawn == {"evaluate": False, "fit": True, "evaluate#2": True}


def test_a_script_that_says_which_backend_it_needs_is_bound(results: Path, tmp_path: Path) -> None:
    script = tmp_path / "needs.py"
    script.write_text(
        "import keras.backend as K\n"
        "if K.backend() != 'tensorflow':\n"
        "    raise RuntimeError('This example can only run with the TensorFlow backend.')\n"
    )
    done = keras_matrix("run", script, "--results", results, "--on", "tf,theano")
    assert done.returncode == 3
    assert "theano (backend-bound) gave no result" in done.stdout


def test_what_a_cell_lacks_is_told(results: Path, tmp_path: Path) -> None:
    script = tmp_path / "fetches.py"
    script.write_text(
        "from urllib.request import urlopen\nurlopen('https://example.invalid/data.csv')\n"
    )
    done = keras_matrix("run", script, "--results", results, "--on", "tf")
    assert done.returncode == 3
    assert "(fetches.py, line 2); a cell has no network: put the file beside" in done.stdout


def test_code_bound_to_one_backend_fails_there_alone(results: Path) -> None:
    done = run("sets_session", results, "--on", "tf,theano")
    assert done.returncode == 3
    tf, theano = sorted(records(results), key=lambda record: record.cell.image)
    assert tf.outcome is Outcome.OK
    assert theano.outcome is Outcome.BACKEND_BOUND
    assert "set_session" in theano.reason
    assert "(sets_session.py, line 6)" in theano.reason


def test_missing_data_set_is_told_before_any_cell_starts(results: Path, tmp_path: Path) -> None:
    done = run("uses_mnist", results, "--on", "tf")
    assert done.returncode == 2
    assert "mnist.npz" in done.stderr
    assert "--data" in done.stderr
    assert not results.exists()


def test_missing_file_that_only_the_script_knows_is_told_in_the_record(
    results: Path, tmp_path: Path
) -> None:
    script = tmp_path / "fetches.py"
    script.write_text(
        "from keras.utils.data_utils import get_file\n"
        "get_file('text.txt', origin='https://example.invalid/text.txt')\n"
    )
    done = keras_matrix("run", script, "--results", results, "--on", "tf")
    assert done.returncode == 3
    (record,) = records(results)
    assert record.outcome is Outcome.MISSING_DATA
    assert "text.txt" in record.reason
    assert "--data" in record.reason


def test_data_set_from_a_folder(results: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    random = np.random.default_rng(0)
    np.savez(
        data / "mnist.npz",
        x_train=random.integers(0, 256, (64, 28, 28), dtype=np.uint8),
        y_train=random.integers(0, 10, 64, dtype=np.uint8),
        x_test=random.integers(0, 256, (16, 28, 28), dtype=np.uint8),
        y_test=random.integers(0, 10, 16, dtype=np.uint8),
    )
    done = run("uses_mnist", results, "--on", "tf", "--data", data, "--epochs-cap", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mnist.npz is not the original file" in done.stdout
    (record,) = records(results)
    assert record.observation.calls[0].params["samples"] == 64


def test_repeats_of_one_seed_in_deterministic_mode_are_identical(results: Path) -> None:
    done = keras_matrix(
        *("run", SCRIPTS / "uses_dropout.py", "--results", results, "--on", "tf,theano"),
        *("--deterministic", "--repeat", "2", "-q"),
    )
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, list[object]] = {}
    for record in records(results):
        assert record.outcome is Outcome.OK
        values = [epoch.metrics for call in record.observation.calls for epoch in call.epochs]
        found.setdefault(record.cell.image, []).append(values)
    assert all(first == again for first, again in found.values())
    assert found["tf"] != found["theano"]


def test_a_notebook_runs_beside_its_data(results: Path) -> None:
    done = keras_matrix("run", SCRIPTS / "book.ipynb", "--results", results, "--on", "tf,theano")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "book.ipynb, cell 2: left out %matplotlib inline" in done.stdout
    for record in records(results):
        (fit,) = record.observation.calls
        assert (fit.kind, len(fit.epochs)) == ("fit", 2)
        assert fit.site.startswith("book.ipynb.py:")
    (run,) = results.iterdir()
    assert {path.name for path in (run / "script").iterdir()} == {"book.ipynb", "book.ipynb.py"}
