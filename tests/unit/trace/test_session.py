"""Which image is the reference, and why there may be none."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from keras_matrix.errors import NoCaptureError
from keras_matrix.records.record import Outcome
from keras_matrix.trace import session
from keras_matrix.trace.broken import ImageCapture
from keras_matrix.trace.dump import Capture


def image(folder: Path, name: str, outcome: Outcome, *models: str) -> ImageCapture:
    """Return an image whose script trains some models, none of which was captured."""
    calls = [SimpleNamespace(kind="fit", model=model) for model in models]
    record: Any = SimpleNamespace(
        outcome=outcome, reason="ValueError: no", observation=SimpleNamespace(calls=calls)
    )
    return ImageCapture(name, Capture(folder), record)


def problem(firsts: list[ImageCapture], model: str | None) -> str:
    with pytest.raises(NoCaptureError) as error:
        session._choose_reference(firsts, model)
    return str(error.value)


def test_a_model_that_the_script_does_not_train(tmp_path: Path) -> None:
    firsts = [image(tmp_path, name, Outcome.OK, "model_1", "head") for name in ("tf", "theano")]
    assert problem(firsts, "body") == (
        "The script trains no model named 'body'; choose one of model_1, head with --model."
    )


def test_a_script_that_trains_no_model(tmp_path: Path) -> None:
    firsts = [image(tmp_path, name, Outcome.OK) for name in ("tf", "theano")]
    assert problem(firsts, "body") == "The script trains no model named 'body', nor any other."
    assert "the script trains no model with fit" in problem(firsts, None)


def test_a_script_that_fails(tmp_path: Path) -> None:
    firsts = [image(tmp_path, name, Outcome.SCRIPT_ERROR) for name in ("tf", "theano")]
    assert "tf: ValueError: no; theano: ValueError: no" in problem(firsts, "body")
