from typing import Any

import pytest

from runner.keras_matrix_probe.bound import bound_to


@pytest.mark.parametrize(
    ("failure", "backend", "said"),
    [
        (ModuleNotFoundError("no", name="theano"), "tensorflow", "the package theano"),
        (ModuleNotFoundError("no", name="theano.tensor"), "tensorflow", "the package theano"),
        (ImportError("no", name="tensorflow.contrib"), "theano", "the package tensorflow"),
        (ImportError("no", name="keras.backend"), "theano", "keras.backend of another backend"),
        (
            AttributeError("module 'keras.backend' has no attribute 'set_session'"),
            "theano",
            "set_session of keras.backend",
        ),
        (ModuleNotFoundError("no", name="theano"), "theano", None),
        (ModuleNotFoundError("no", name="pandas"), "theano", None),
        (ImportError("no"), "theano", None),
        (AttributeError("'Model' object has no attribute 'x'"), "theano", None),
        (NotImplementedError(), "theano", None),
        (ValueError("module 'keras.backend"), "theano", None),
    ],
)
def test_signs_of_another_backend(failure: Exception, backend: str, said: str | None) -> None:
    assert bound_to(failure, backend) == said


@pytest.mark.parametrize(
    ("module", "bound"),
    [("keras.backend.theano_backend", True), ("theano.tensor", True), ("x", False)],
)
def test_what_a_backend_does_not_implement(module: str, bound: bool) -> None:
    names: dict[str, Any] = {"__name__": module}
    exec("def f():\n    raise NotImplementedError\n", names)  # noqa: S102
    with pytest.raises(NotImplementedError) as raised:
        names["f"]()
    assert (bound_to(raised.value, "theano") is not None) is bound
