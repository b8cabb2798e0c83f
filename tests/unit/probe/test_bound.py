from typing import Any

import pytest

from keras_matrix_probe.bound import bound_to


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
        (
            KeyError("KERAS_BACKEND"),
            "jax",
            "what the variable KERAS_BACKEND says, which cells do not set",
        ),
        (KeyError("HOME"), "jax", None),
    ],
)
def test_signs_of_another_backend(failure: Exception, backend: str, said: str | None) -> None:
    assert bound_to(failure, backend) == said


def chained(first: BaseException, last: BaseException) -> BaseException:
    """Return the last of two failures, as if raised while the first was handled."""
    last.__context__ = first
    return last


def test_a_library_may_report_in_its_own_words_what_it_lacks() -> None:
    # As keras/callbacks/tensorboard_v1.py does, tag 2.3.1.
    said = ImportError("You need the TensorFlow (v1) module installed to use TensorBoard.")
    missing = ModuleNotFoundError("no", name="tensorflow")
    assert bound_to(chained(missing, said), "theano") == "the package tensorflow"
    assert bound_to(chained(missing, said), "tensorflow") is None
    # One with a name is about that.
    other = ModuleNotFoundError("no", name="PIL")
    assert bound_to(chained(missing, other), "theano") is None


def test_a_chain_of_imports_may_bite_its_tail() -> None:
    failure = ImportError("no")
    failure.__cause__ = ImportError("no")
    failure.__cause__.__cause__ = failure
    assert bound_to(failure, "theano") is None


NEEDS = (
    "This example can only run with the TensorFlow backend, because it requires the Datasets API"
)


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        (NEEDS, "tensorflow"),
        ("`multi_gpu_model` is only available with the TensorFlow backend.", "tensorflow"),
        ("Please switch to the TF backend!", "tensorflow"),
        ("Keras backend must be 'tensorflow'", "tensorflow"),
        ("Sorry. This requires a CNTK or TensorFlow backend.", "tensorflow"),
        ("only works with PyTorch as the backend", "torch"),
        # A mere mention.
        ("Unknown layer: TensorFlowOpLayer", None),
        ("The weights were saved with the TensorFlow backend: shapes (3, 3) and (5, 5)", None),
        ("the file must be readable, but tensorflow.txt is not", None),
        ("only 3 of 4 backend servers of tensorflow answered", None),
        ("use /usr/lib/tensorflow backend.py must exist", None),
        ("keras.backend tensorflow", None),
        ("see keras/backend/tensorflow_backend.py, which must exist", None),
        ("The backend is gone. TensorFlow must be told.", None),
        ("The backend needs data that is as large as in TensorFlow", None),
        # It names the current one.
        ("This example can only run with the Theano backend", None),
        ("The Theano backend supports this only from 1.1 on; see the TensorFlow backend", None),
        ("This requires a Theano or TensorFlow backend", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("kind", [RuntimeError, ValueError, NotImplementedError, SystemExit])
def test_a_script_that_says_which_backend_it_needs(
    kind: type[BaseException], text: str, bound: str | None
) -> None:
    said = None if bound is None else f"the {bound} backend"
    assert bound_to(kind(text), "theano") == said


def test_on_the_backend_it_needs_a_script_is_not_bound() -> None:
    assert bound_to(RuntimeError(NEEDS), "tensorflow") is None


@pytest.mark.parametrize("failure", [KeyError(NEEDS), SystemExit(3), SystemExit(None)])
def test_other_failures_say_nothing_of_a_backend(failure: BaseException) -> None:
    assert bound_to(failure, "theano") is None


@pytest.mark.parametrize(
    ("module", "bound"),
    [("keras.backend.theano_backend", True), ("theano.tensor", True), ("x", False)],
)
def test_what_a_backend_does_not_implement(module: str, bound: bool) -> None:
    names: dict[str, Any] = {"__name__": module}
    exec("def f():\n    raise NotImplementedError\n", names)  # noqa: S102 # our own line, in a module of another name
    with pytest.raises(NotImplementedError) as raised:
        names["f"]()
    assert (bound_to(raised.value, "theano") is not None) is bound
