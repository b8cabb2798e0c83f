"""Verdicts on scripts of which it is known whether the backends agree."""

import json
from pathlib import Path
from typing import Any

import pytest

from keras_matrix.errors import ExitCode
from tests.integration.conftest import SCRIPTS, keras_matrix

pytestmark = pytest.mark.usefixtures("images")


def compared(script: str, results: Path, *options: object) -> tuple[int, dict[str, Any]]:
    done = keras_matrix(
        *("run", SCRIPTS / f"{script}.py", "--on", "tf,theano", "--seeds", 2, "--jobs", 1),
        *("--results", results, "--json", *options),
    )
    return done.returncode, json.loads(done.stdout)


def test_figures_that_are_the_same_agree_on_each_seed(results: Path) -> None:
    code, found = compared("equal_figures", results, "--init", "paired")
    assert code == ExitCode.AGREE
    judged = {row["metric"]: row for row in found["rows"] if row["verdict"] != "reported"}
    assert {name: row["verdict"] for name, row in judged.items()} == {
        "fit.loss": "agree",
        "evaluate.loss": "agree",
    }
    for row in judged.values():
        assert row["question"] == "computation"
        assert row["question_why"] == "first weights are paired, and nothing else is drawn"
        assert row["inference"] is None
    assert found["words"] == (
        "theano agrees with tf in all 2 judged metrics, within tolerance on each of 2 seeds."
    )


def test_a_loss_that_is_nan_on_every_seed_of_one_image_differs(results: Path) -> None:
    code, found = compared("nan_on_one_side", results)
    assert code == ExitCode.DIFFER
    (row,) = (row for row in found["rows"] if row["metric"] == "fit.loss")
    assert (row["verdict"], row["certain"]) == (
        "differ",
        "NaN on every one of 2 seeds of theano, finite on every one of 2 seeds of tf",
    )
    assert row["certain"] in found["words"]
