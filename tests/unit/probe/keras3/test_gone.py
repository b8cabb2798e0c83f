"""What a script uses that Keras 3 has no more is named, with its replacement.

The messages are those of Keras 3.15.1 under CPython 3.11.
"""

from types import FunctionType

import pytest

from keras_matrix_probe.keras3 import gone


def imported(message: str, name: str) -> ImportError:
    return ModuleNotFoundError(message, name=name)


@pytest.mark.parametrize(
    ("failure", "used", "replacement"),
    [
        (
            imported("No module named 'keras.layers.core'", "keras.layers.core"),
            "the module keras.layers.core",
            "keras.layers",
        ),
        (
            imported("No module named 'keras.engine.topology'", "keras.engine.topology"),
            "the module keras.engine",
            "keras.layers.Layer and keras.Model",
        ),
        (
            ImportError("cannot import name 'np_utils' from 'keras.utils' (/keras/utils.py)"),
            "np_utils of keras.utils",
            "the functions of keras.utils",
        ),
        (
            ImportError("cannot import name 'mean' from 'keras.backend' (/keras/backend.py)"),
            "keras.backend.mean",
            "keras.ops",
        ),
        (
            AttributeError("module 'keras.backend' has no attribute 'function'"),
            "keras.backend.function",
            "keras.ops",
        ),
        (
            AttributeError("'Sequential' object has no attribute 'fit_generator'"),
            "the method fit_generator",
            "fit, which takes generators",
        ),
        (
            TypeError("JAXTrainer.fit() got an unexpected keyword argument 'workers'"),
            "the argument workers",
            "the argument of keras.utils.PyDataset",
        ),
        (
            AttributeError("module 'keras.losses' has no attribute 'logcosh'"),
            "logcosh",
            "log_cosh",
        ),
    ],
)
def test_what_is_gone_is_named(failure: BaseException, used: str, replacement: str) -> None:
    assert gone.explain(failure, "3.15.1") == (
        f"the script uses {used}, which Keras 3.15.1 has no more: use {replacement}"
    )


def _raise(failure: Exception) -> None:
    raise failure


def raised_in(module: str, failure: Exception) -> Exception:
    """Return the failure as raised by a function of a module of that name."""
    try:
        FunctionType(_raise.__code__, {"__name__": module})(failure)
    except Exception as raised:
        return raised
    raise AssertionError


def test_an_argument_counts_only_if_keras_does_not_take_it() -> None:
    text = ValueError("Argument(s) not recognized: {'lr': 0.1}")
    sentence = gone.explain(raised_in("keras.src.optimizers.base_optimizer", text), "3.15.1")
    assert "the argument lr, which Keras 3.15.1 has no more: use learning_rate" in sentence
    other = ValueError(*text.args)
    assert gone.explain(raised_in("__main__", other), "3.15.1") == ""
    unknown = ValueError("Could not interpret loss identifier: kullback_leibler_divergence")
    assert "use kl_divergence" in gone.explain(raised_in("keras.src.losses", unknown), "3.15.1")


def test_a_cause_counts_too() -> None:
    failure = RuntimeError("cannot start")
    failure.__cause__ = imported("No module named 'keras.objectives'", "keras.objectives")
    assert "keras.losses" in gone.explain(failure, "3.15.1")


@pytest.mark.parametrize(
    "failure",
    [
        ValueError("Argument(s) not recognized: {'speed': 1}"),
        TypeError("train() got an unexpected keyword argument 'lr'"),
        AttributeError("'Sequential' object has no attribute 'fitt'"),
        AttributeError("module 'keras.layers' has no attribute 'Densee'"),
        imported("No module named 'pandas'", "pandas"),
        imported("No module named 'keras.layers.mine'", "keras.layers.mine"),
        KeyError("acc"),
    ],
)
def test_other_failures_are_the_scripts(failure: BaseException) -> None:
    assert gone.explain(failure, "3.15.1") == ""
