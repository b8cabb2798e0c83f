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
    arguments = capped(Caps(None, None), fit, ROWS, ROWS, epochs=100, validation_data=validation)
    assert arguments["x"] is ROWS
    assert arguments["epochs"] == 100
    assert arguments["validation_data"] is validation


@pytest.mark.parametrize(
    ("requested", "epochs"),
    [
        ({"epochs": 100}, 2),
        ({"epochs": 1}, 1),
        ({}, 1),
        ({"epochs": 100, "initial_epoch": 10}, 12),
        ({"epochs": 11, "initial_epoch": 10}, 11),
    ],
)
@pytest.mark.parametrize("method", [fit, fit_generator])
def test_epochs_are_capped(method: Any, requested: dict[str, int], epochs: int) -> None:
    assert capped(Caps(2, None), method, ROWS, **requested)["epochs"] == epochs


def test_epochs_given_by_place_or_by_their_old_name() -> None:
    assert capped(Caps(2, None), fit, ROWS, ROWS, 32, 100)["epochs"] == 2
    assert capped(Caps(2, None), fit, ROWS, nb_epoch=100)["kwargs"] == {"nb_epoch": 2}


@pytest.mark.parametrize(
    ("requested", "rows"), [({}, 96), ({"batch_size": 10}, 30), ({"batch_size": 5000}, 1000)]
)
@pytest.mark.parametrize("method", [fit, evaluate])
def test_arrays_are_cut_to_whole_batches(method: Any, requested: dict[str, int], rows: int) -> None:
    arguments = capped(Caps(None, 3), method, ROWS, ROWS, **requested)
    assert len(arguments["x"]) == len(arguments["y"]) == rows
    assert arguments.get("steps") is None
    assert arguments.get("steps_per_epoch") is None


def test_several_inputs_and_weights_are_cut_alike() -> None:
    arguments = capped(
        Caps(None, 1),
        fit,
        [ROWS, ROWS],
        {"a": ROWS},
        sample_weight=ROWS,
        validation_data=(ROWS, [ROWS]),
    )
    assert [len(part) for part in arguments["x"]] == [32, 32]
    assert len(arguments["y"]["a"]) == len(arguments["sample_weight"]) == 32
    x, y = arguments["validation_data"]
    assert (len(x), len(y[0])) == (32, 32)


def test_the_callers_own_arguments_are_left_as_they_are() -> None:
    x = [ROWS, ROWS]
    capped(Caps(1, 1), fit, x, epochs=5)
    assert [len(part) for part in x] == [1000, 1000]


@pytest.mark.parametrize(("requested", "steps"), [(None, 3), (100, 3), (2, 2)])
def test_generators_get_fewer_steps(requested: int | None, steps: int) -> None:
    generator: Iterator[int] = iter([])
    arguments = capped(Caps(None, 3), fit_generator, generator, steps_per_epoch=requested)
    assert arguments["steps_per_epoch"] == steps
    assert capped(Caps(None, 3), evaluate_generator, generator, requested)["steps"] == steps
    assert (
        capped(Caps(None, 3), fit, generator, steps_per_epoch=requested)["steps_per_epoch"] == steps
    )


def test_a_generator_to_validate_with_gets_fewer_steps() -> None:
    arguments = capped(
        Caps(None, 3), fit_generator, iter([]), validation_data=iter([]), validation_steps=50
    )
    assert arguments["validation_steps"] == 3
