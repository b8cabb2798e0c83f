"""A reduction on the real stack: twelve layers, of which two together show the difference."""

import json
from pathlib import Path

import pytest

from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Outcome
from tests.integration.conftest import SCRIPTS, keras_matrix

pytestmark = pytest.mark.usefixtures("images")

SCRIPT = SCRIPTS / "reduce" / "lambda12.py"


def test_twelve_layers_are_reduced_to_the_two_that_differ_together(results: Path) -> None:
    done = keras_matrix(
        *("reduce", SCRIPT, "--on", "tf,theano", "--no-training", "--jobs", 2, "--minutes", 8),
        *("--results", results, "--run", "smaller"),
    )
    assert done.returncode == 1, done.stderr
    assert "from 12 layers, 16 samples to 2 layers, 1 sample" in done.stdout
    assert "The script is 1-minimal" in done.stdout

    folder = results / "smaller"
    reduction = json.loads((folder / "reduce.json").read_text())
    assert reduction["minimal"]
    assert reduction["tried"] == reduction["single_steps"] > 0
    assert reduction["original"]["layers"] == 12
    assert reduction["size"]["layers"] == 2
    assert reduction["target"]["kind"] == "build"
    assert reduction["target"]["where"] == "lambda_1"

    smallest = (folder / "reduced.py").read_text()
    assert smallest == reduction["text"]
    assert smallest.count("name='lambda_1'") == smallest.count("name='dense_3'") == 1
    assert "Lambda(lambda t: t[:, :4]" in smallest
    assert "BatchNormalization" not in smallest

    # What the user runs next: the two scripts, plainly, outside of the reduction.
    outcomes = {
        name: _outcomes(folder / f"{name}.py", results / name) for name in ("reduced", "agrees")
    }
    assert outcomes == {
        "reduced": {"tf": Outcome.OK, "theano": Outcome.SCRIPT_ERROR},
        "agrees": {"tf": Outcome.OK, "theano": Outcome.OK},
    }


def _outcomes(script: Path, results: Path) -> dict[str, Outcome]:
    done = keras_matrix("run", script, "--on", "tf,theano", "--jobs", 2, "--results", results)
    assert results.exists(), done.stderr
    (run,) = results.iterdir()
    return {record.cell.image: record.outcome for record in RunFolder(run).records()}
