"""Suites of tests, run in each image: what passes where, and what a crash leaves."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Outcome
from tests.integration.conftest import SCRIPTS, clean_environment, keras_matrix

pytestmark = pytest.mark.usefixtures("images")

SUITE = SCRIPTS / "suite"
OUTCOMES = {
    "check_conftest.py::test_it": ("passed", "passed"),
    "check_outcomes.py::test_passes_on_both": ("passed", "passed"),
    "check_outcomes.py::test_passes_on_tf_only": ("passed", "failed"),
    "check_outcomes.py::test_passes_on_theano_only": ("failed", "passed"),
    "check_outcomes.py::test_is_skipped_on_theano": ("passed", "skipped"),
    "check_outcomes.py::test_is_skipped": ("skipped", "skipped"),
    "check_outcomes.py::test_is_expected_to_fail": ("xfailed", "xfailed"),
    "check_outcomes.py::test_has_the_backend_in_its_name[here]": ("passed", "passed"),
    "check_outcomes.py::test_has_the_backend_in_its_name[tensorflow]": ("passed", "not there"),
    "check_outcomes.py::test_has_the_backend_in_its_name[theano]": ("not there", "passed"),
    "check_tensorflow.py::test_it": ("passed", "error"),
}


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """Return a copy of the suite, with a conftest.py: this project's own pytest is to see none."""
    copy = tmp_path / "suite"
    shutil.copytree(SUITE, copy)
    (copy / "conftest.py").write_text(
        "import pytest\n\n@pytest.fixture\ndef place(tmp_path):\n    return tmp_path\n"
    )
    (copy / "check_conftest.py").write_text(
        "def test_it(place):\n"
        "    (place / 'file').write_text('x')\n"
        "    open('beside', 'w').close()\n"
    )
    return copy


def outcomes(found: dict[str, Any]) -> dict[str, tuple[str, str]]:
    sides = {one["test"]: one["outcomes"] for one in found["tests"]}
    return {name: (s["tf"]["outcome"], s["theano"]["outcome"]) for name, s in sides.items()}


def test_outcomes_are_compared_test_by_test(suite: Path, results: Path) -> None:
    asked = ("pytest", suite, "--on", "tf,theano", "--results", results, "--run", "a-run")
    selected = ("--", "--ignore-glob", "*deep*")
    done = keras_matrix(*asked, "--json", *selected)
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert outcomes(found) == OUTCOMES
    messages = {one["test"]: one["outcomes"]["theano"]["message"] for one in found["tests"]}
    assert "get_session" in messages["check_outcomes.py::test_passes_on_tf_only"]
    assert "No module named 'tensorflow'" in messages["check_tensorflow.py::test_it"]
    assert [image["pytest"] for image in found["images"]] == ["7.0.1", "7.0.1"]
    for record in RunFolder(results / "a-run").records():
        assert (record.outcome, record.exit_code) == (Outcome.OK, 0)
    # Nothing was written beside the tests, and what has run does not run again.
    assert not (suite / "beside").exists()
    again = keras_matrix(*asked, *selected)
    assert again.returncode == 1, again.stderr
    assert "started" not in again.stderr
    assert "theano differs from tf in 6 of 11 tests: 4 pass on tf only (on" in again.stdout


def test_a_crash_leaves_what_has_ended(suite: Path, results: Path) -> None:
    done = keras_matrix("pytest", suite / "deep", "--on", "tf,theano", "--results", results)
    assert done.returncode == 3, done.stderr
    assert (
        "theano: crashed: The process crashed (SIGABRT); see the log. "
        "It ended in deep/check_ends.py::test_ends, after 1 test.\n" in done.stdout
    )
    assert "theano (crashed) did not end well; theano differs from tf in 1 of 2" in done.stdout
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [
        "test_ends",
        "passed",
        "cut",
        "off",
        "theano:",
        "its",
        "cell",
        "ended:",
        "crashed",
    ] in lines
    assert ["cut", "off", "0", "1"] in lines
    assert ["not", "run", "0", "1"] in lines


def test_nothing_collected_and_a_suite_that_cannot_begin(suite: Path, results: Path) -> None:
    asked = ("pytest", suite / "check_conftest.py", "--on", "tf,theano", "--results", results)
    nothing = keras_matrix(*asked, "--", "-k", "nothing")
    assert nothing.returncode == 4
    assert "pytest collected no test on tf, theano" in nothing.stderr
    broken = keras_matrix(*asked, "--", "--no-such-option")
    assert broken.returncode == 3
    assert "pytest could not start" in broken.stdout
    assert "unrecognized arguments: --no-such-option" in broken.stdout


def test_a_users_test_says_that_a_model_agrees(tmp_path: Path, results: Path) -> None:
    shutil.copy(SCRIPTS / "uses_dropout.py", tmp_path)
    (tmp_path / "test_uses_dropout.py").write_text(
        "import pytest\n\n"
        'BOTH = {"on": ("tf", "theano"), "seeds": [1]}\n\n'
        '@pytest.mark.keras_matrix("uses_dropout.py", **BOTH, tolerance={"*": 99})\n'
        "def test_marked(keras_matrix_result):\n"
        "    assert len(keras_matrix_result.records) == 2\n\n"
        "def test_differs(keras_matrix):\n"
        '    result = keras_matrix.run("uses_dropout.py", **BOTH)\n'
        "    assert all(record.reused for record in result.records)\n"
        '    result.assert_agree({"*": 0})\n\n'
        "def test_missing(keras_matrix):\n"
        '    keras_matrix.run("missing.py", on="tf,theano").assert_agree()\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--keras-matrix-results", results, tmp_path],
        cwd=tmp_path,
        env=clean_environment(PY_COLORS="0"),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 1, done.stdout
    assert "2 failed, 1 passed" in done.stdout
    assert "AssertionError: theano differs from tf in" in done.stdout
    assert "fit.loss" in done.stdout
    assert "keras-matrix could not compare: There is no script" in done.stdout
