"""Keras 3 on its three backends: recorded as Keras 2 is, and paired with it."""

from pathlib import Path

import pytest

from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Outcome, Record
from tests.integration.conftest import SCRIPTS, keras_matrix

KERAS3 = ("keras3-tf", "keras3-jax", "keras3-torch")
AS_CLOSE = 1e-5
"""What rounding leaves between backends, relative and absolute."""


def records_of(results: Path) -> dict[str, Record]:
    (run,) = results.iterdir()
    return {record.cell.image: record for record in RunFolder(run).records()}


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Record]:
    """One cell on each image, which trains on data of every kind, with paired weights."""
    results = tmp_path_factory.mktemp("kinds")
    script = SCRIPTS / "kinds_keras3.py"
    done = keras_matrix(
        *("run", script, "--on", "keras3", "--init", "paired", "--seeds", "1"),
        *("--results", results),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return records_of(results)


def test_each_image_has_its_backend_and_says_so(kinds: dict[str, Record]) -> None:
    backends = {}
    for name, record in kinds.items():
        environment = record.observation.environment
        assert environment is not None
        assert record.outcome is Outcome.OK
        assert environment.keras == "3.15.1"
        assert environment.backend_config
        backends[name] = environment.backend
    assert backends == dict(zip(KERAS3, ("tensorflow", "jax", "torch"), strict=True))


def test_all_kinds_of_input_are_recorded(kinds: dict[str, Record]) -> None:
    for record in kinds.values():
        calls = {call.name: call for call in record.observation.calls}
        assert list(calls) == [
            *("fit", "fit#2", "evaluate", "fit#3"),
            *("train_on_batch", "test_on_batch", "predict", "fit#4", "predict_on_batch"),
        ]
        for name in ("fit", "fit#2", "fit#3", "fit#4"):
            assert len(calls[name].epochs) == 2
            assert calls[name].first_batch_seconds is not None
        for name in ("fit", "evaluate", "train_on_batch", "test_on_batch"):
            assert sorted(calls[name].metrics) == ["loss", "mae"]
        assert [len(model.layers) for model in record.observation.models] == [2, 2, 2]
        assert any("a decay, which Keras 3 ignores" in note for note in record.notes)


def test_paired_figures_are_equal_but_for_rounding(kinds: dict[str, Record]) -> None:
    first, *others = (kinds[name] for name in KERAS3)
    for other in others:
        for one, another in zip(first.observation.calls, other.observation.calls, strict=True):
            assert another.metrics == pytest.approx(one.metrics, rel=AS_CLOSE, abs=AS_CLOSE)


def test_old_and_new_in_one_matrix(results: Path) -> None:
    done = keras_matrix(
        *("run", SCRIPTS / "shuffles.py", "--on", "tf,keras3-tf", "--init", "paired"),
        *("--seeds", "1", "--results", results),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    records = records_of(results)
    old, new = (records[image].observation.calls[0] for image in ("tf", "keras3-tf"))
    assert [epoch.metrics for epoch in new.epochs] == [
        pytest.approx(epoch.metrics, rel=AS_CLOSE) for epoch in old.epochs
    ]


def test_what_is_gone_is_named_with_its_replacement(results: Path) -> None:
    done = keras_matrix(
        *("run", SCRIPTS / "gone_in_keras3.py", "--on", "keras3-torch", "--results", results)
    )
    record = records_of(results)["keras3-torch"]
    assert record.outcome is Outcome.UNSUPPORTED, done.stdout + done.stderr
    assert (
        "the script uses the method fit_generator, which Keras 3.15.1 has no more: use fit, "
        "which takes generators"
    ) in record.reason


def test_a_trace_is_refused_in_one_sentence(results: Path) -> None:
    done = keras_matrix(
        *("trace", SCRIPTS / "tiny.py", "--on", "keras3-torch,keras3-jax"),
        *("--results", results),
    )
    assert "keras-matrix can trace under Keras 2.2 and 2.3 only" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
