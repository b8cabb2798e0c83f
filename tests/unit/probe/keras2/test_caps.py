import inspect
from collections.abc import Iterator
from typing import Any

import numpy
import pytest

from keras_matrix_probe.keras2.caps import Caps


# As Keras 2.3.1 has them, in the same order.
def fit(
    self: Any,
    x: Any = None,
    y: Any = None,
    batch_size: Any = None,
    epochs: int = 1,
    validation_data: Any = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    steps_per_epoch: Any = None,
    validation_steps: Any = None,
    **kwargs: Any,
) -> None: ...


def fit_generator(
    self: Any,
    generator: Any,
    steps_per_epoch: Any = None,
    epochs: int = 1,
    validation_data: Any = None,
    validation_steps: Any = None,
    initial_epoch: int = 0,
) -> None: ...


def evaluate(
    self: Any, x: Any = None, y: Any = None, batch_size: Any = None, steps: Any = None
) -> None: ...


def evaluate_generator(self: Any, generator: Any, steps: Any = None) -> None: ...


ROWS = numpy.arange(1000)


def capped(caps: Caps, function: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Return the arguments as the method gets them, by name."""
    kind = "evaluate" if function.__name__.startswith("evaluate") else "fit"
    changed, named = caps.apply(function, kind, args, kwargs)
    bound = inspect.signature(function).bind(None, *changed, **named)
    return dict(bound.arguments)


def test_without_caps_nothing_changes() -> None:
    validation = (ROWS, ROWS)
    given = capped(Caps(None, None), fit, ROWS, ROWS, epochs=100, validation_data=validation)
    assert given["x"] is ROWS
    assert given["epochs"] == 100
    assert given["validation_data"] is validation


@pytest.mark.parametrize(
    ("asked", "epochs"),
    [
        ({"epochs": 100}, 2),
        ({"epochs": 1}, 1),
        ({}, 1),
        ({"epochs": 100, "initial_epoch": 10}, 12),
        ({"epochs": 11, "initial_epoch": 10}, 11),
    ],
)
@pytest.mark.parametrize("method", [fit, fit_generator])
def test_epochs_are_capped(method: Any, asked: dict[str, int], epochs: int) -> None:
    assert capped(Caps(2, None), method, ROWS, **asked)["epochs"] == epochs


def test_epochs_given_by_place_or_by_their_old_name() -> None:
    assert capped(Caps(2, None), fit, ROWS, ROWS, 32, 100)["epochs"] == 2
    assert capped(Caps(2, None), fit, ROWS, nb_epoch=100)["kwargs"] == {"nb_epoch": 2}


@pytest.mark.parametrize(
    ("asked", "rows"), [({}, 96), ({"batch_size": 10}, 30), ({"batch_size": 5000}, 1000)]
)
@pytest.mark.parametrize("method", [fit, evaluate])
def test_arrays_are_cut_to_whole_batches(method: Any, asked: dict[str, int], rows: int) -> None:
    given = capped(Caps(None, 3), method, ROWS, ROWS, **asked)
    assert len(given["x"]) == len(given["y"]) == rows
    assert given.get("steps") is None
    assert given.get("steps_per_epoch") is None


def test_several_inputs_and_weights_are_cut_alike() -> None:
    given = capped(
        Caps(None, 1),
        fit,
        [ROWS, ROWS],
        {"a": ROWS},
        sample_weight=ROWS,
        validation_data=(ROWS, [ROWS]),
    )
    assert [len(part) for part in given["x"]] == [32, 32]
    assert len(given["y"]["a"]) == len(given["sample_weight"]) == 32
    x, y = given["validation_data"]
    assert (len(x), len(y[0])) == (32, 32)


def test_the_callers_own_arguments_are_left_as_they_are() -> None:
    x = [ROWS, ROWS]
    capped(Caps(1, 1), fit, x, epochs=5)
    assert [len(part) for part in x] == [1000, 1000]


@pytest.mark.parametrize(("asked", "steps"), [(None, 3), (100, 3), (2, 2)])
def test_generators_get_fewer_steps(asked: int | None, steps: int) -> None:
    generator: Iterator[int] = iter([])
    given = capped(Caps(None, 3), fit_generator, generator, steps_per_epoch=asked)
    assert given["steps_per_epoch"] == steps
    assert capped(Caps(None, 3), evaluate_generator, generator, asked)["steps"] == steps
    assert capped(Caps(None, 3), fit, generator, steps_per_epoch=asked)["steps_per_epoch"] == steps


def test_a_generator_to_validate_with_gets_fewer_steps() -> None:
    given = capped(
        Caps(None, 3), fit_generator, iter([]), validation_data=iter([]), validation_steps=50
    )
    assert given["validation_steps"] == 3
