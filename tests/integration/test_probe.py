"""The probe, all of it, is written for the images' own Python."""

from pathlib import Path

import keras_matrix_probe
from tests.integration.conftest import SCRIPTS, keras_matrix

MODULES = list(Path(keras_matrix_probe.__file__).parent.rglob("*.py"))


def test_every_module_compiles_with_the_images_python(tmp_path: Path) -> None:
    script = SCRIPTS / "compile_probe.py"
    done = keras_matrix("run", script, "--on", "tf,theano", "--results", tmp_path, "--run", "run")
    logs = {path.name: path.read_text() for path in (tmp_path / "run" / "logs").iterdir()}
    assert set(logs) == {"tf.log", "theano.log"}, done.stderr
    for log in logs.values():
        assert f"compiled {len(MODULES)} modules with Python 3.6" in log
