"""What a backend draws by itself, and the calls that depend on it."""

from collections.abc import Callable
from typing import Any

import pytest

from keras_matrix_probe.keras2.own_draws import OwnDraws

PHASE = object()
"""Stands for the tensor that says whether a call trains."""


def draws(phase: Any = PHASE) -> OwnDraws:
    return OwnDraws(lambda: phase)


def in_train_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """Evaluate both branches, as a graph does, unless the phase is fixed."""
    if training in (0, 1):
        return x() if training else alt
    return x()


def mask(own: OwnDraws, level: Any = 0.5) -> Callable[[], Any]:
    dropout = own.dropout(lambda x, level, noise_shape=None, seed=None: x)
    return lambda: dropout("x", level, seed=3)


def test_a_mask_of_the_training_reaches_it_and_all_that_comes_after() -> None:
    own = draws()
    own.in_train_phase(in_train_phase)(mask(own), "x")
    kinds = ("evaluate", "predict", "fit", "evaluate", "predict")
    assert [own.reach(kind) for kind in kinds] == [False, False, True, True, True]


@pytest.mark.parametrize("kind", ["fit", "train_on_batch"])
def test_every_call_that_trains_draws_it(kind: str) -> None:
    own = draws()
    own.in_train_phase(in_train_phase)(mask(own), "x")
    assert own.reach(kind)


def test_what_is_drawn_outside_of_the_training_phase_reaches_every_call() -> None:
    own = draws()
    own.drawing(lambda shape, mean=0.0, stddev=1.0: shape)((3,))
    assert own.reach("predict")


@pytest.mark.parametrize(("phase", "training"), [(1, None), (PHASE, 1), (PHASE, True)])
def test_a_phase_that_is_fixed_to_training_draws_in_every_call(phase: Any, training: Any) -> None:
    own = draws(phase)
    own.in_train_phase(in_train_phase)(mask(own), "x", training=training)
    assert own.reach("predict")


def test_nothing_drawn_reaches_nothing() -> None:
    own = draws()
    own.in_train_phase(in_train_phase)(mask(own, level=0), "x")
    own.drawing(lambda shape, mean=0.0, stddev=1.0: shape)((3,), stddev=0.0)
    assert not own.reach("fit")


def test_a_phase_ends_though_its_branch_raises() -> None:
    own = draws()

    def broken() -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        own.in_train_phase(in_train_phase)(broken, "x")
    mask(own)()
    assert own.always
