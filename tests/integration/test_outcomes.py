"""Each way to fail is an outcome of its own: in the record, in the table, in the exit code."""

from pathlib import Path

import pytest

from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Outcome
from tests import ROOT
from tests.integration.conftest import SCRIPTS, keras_matrix, the_record

pytestmark = pytest.mark.usefixtures("images")


@pytest.mark.parametrize(
    ("script", "options", "outcome", "said"),
    [
        ("syntax_error", (), Outcome.SCRIPT_ERROR, "SyntaxError: invalid syntax (syntax_error.py"),
        ("raises", (), Outcome.SCRIPT_ERROR, "KeyError: 'absent' (raises.py, line 9)"),
        ("exits", (), Outcome.SCRIPT_ERROR, "exited with status 3"),
        ("import_error", (), Outcome.IMPORT_ERROR, "No module named 'no_such_module'"),
        ("vanishes", (), Outcome.CRASHED, "status 7"),
        ("crashes", (), Outcome.CRASHED, "SIGSEGV"),
        ("tiny", ("--memory", "64m"), Outcome.OUT_OF_MEMORY, "64 MiB"),
        ("forges", (), Outcome.BAD_OUTPUT, "call 99 is not under way"),
    ],
)
def test_failure_is_a_result(
    script: str, options: tuple[str, ...], outcome: Outcome, said: str, results: Path
) -> None:
    done = keras_matrix(
        "run", SCRIPTS / f"{script}.py", "--on", "tf", "--results", results, *options
    )
    assert done.returncode == 3, done.stderr
    record = the_record(results)
    assert record.outcome is outcome
    assert said in record.reason
    assert f"tf: {outcome.value}: " in done.stdout
    assert said in done.stdout
    assert "keras_matrix/" not in done.stdout + done.stderr, "no traceback of ours"
    assert not (results / record.run / "work").exists()


def test_traceback_is_the_scripts_own_and_what_was_measured_is_kept(results: Path) -> None:
    keras_matrix("run", SCRIPTS / "raises.py", "--on", "tf", "--results", results)
    record = the_record(results)
    assert record.observation.end is not None
    failure = record.observation.end.error
    assert failure is not None
    assert failure.traceback.startswith("Traceback (most recent call last):\n")
    assert 'File "raises.py", line 15, in <module>' in failure.traceback
    assert "runpy" not in failure.traceback
    assert [call.name for call in record.observation.calls] == ["fit"]
    assert record.log_tail[-1] == "KeyError: 'absent'"


def test_one_failing_cell_does_not_stop_the_others(results: Path, tmp_path: Path) -> None:
    script = tmp_path / "picky.py"
    script.write_text(
        "import keras.backend as K\nassert K.floatx() != 'float16', 'not in half precision'\n"
    )
    done = keras_matrix(
        *("run", script, "--on", "tf", "--results", results),
        *("--floatx", "float16,float32,float64"),
    )
    assert done.returncode == 3
    (run,) = results.iterdir()
    records = RunFolder(run).records()
    outcomes = {record.cell.settings.floatx.value: record.outcome for record in records}
    assert outcomes == {
        "float16": Outcome.SCRIPT_ERROR,
        "float32": Outcome.OK,
        "float64": Outcome.OK,
    }
    assert "not in half precision" in done.stdout


def test_backend_of_its_own_has_no_say_and_is_noted(results: Path) -> None:
    done = keras_matrix("run", SCRIPTS / "sets_backend.py", "--on", "tf", "--results", results)
    record = the_record(results)
    assert record.observation.environment is not None
    assert record.observation.environment.backend == "tensorflow"
    assert "The script sets KERAS_BACKEND=theano" in done.stdout


def test_image_that_is_not_what_was_planned_fails_the_cell(results: Path, tmp_path: Path) -> None:
    """Keras falls back to TensorFlow silently; here the image cannot load what is asked for."""
    import shutil

    catalog = tmp_path / "catalog"
    shutil.copytree(ROOT / "docker", catalog)
    text = (catalog / "images.toml").read_text()
    (catalog / "images.toml").write_text(text.replace('numpy = "1.16.6"', 'numpy = "1.19.5"'))
    done = keras_matrix(
        *("run", SCRIPTS / "tiny.py", "--on", "tf"),
        *("--results", results, "--catalog", catalog),
    )
    assert done.returncode == 3
    assert the_record(results).outcome is Outcome.MISMATCH
    assert "numpy is 1.16.6 instead of 1.19.5" in done.stdout
