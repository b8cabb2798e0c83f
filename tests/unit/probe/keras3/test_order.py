"""The order of samples: one draw for each epoch, whoever asks and how often."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from keras_matrix_probe.keras3.order import Orders


def asked(orders: Orders, adapter: Any, times: int) -> list[list[int]]:
    return [orders.current(adapter, 8).tolist() for _ in range(times)]


@pytest.mark.parametrize("looks_before", [0, 1, 3])
@pytest.mark.parametrize("times", [1, 2])
def test_all_backends_get_the_orders_of_keras_2(looks_before: int, times: int) -> None:
    expected = np.arange(8)
    np.random.seed(5)
    keras2 = []
    for _ in range(3):
        np.random.shuffle(expected)
        keras2.append(expected.tolist())

    np.random.seed(5)
    orders, adapter = Orders(), SimpleNamespace()
    seen = asked(orders, adapter, looks_before)
    assert seen == [keras2[0]] * looks_before
    for order in keras2:
        orders.begin_epoch()
        assert asked(orders, adapter, times) == [order] * times
        orders.end_epoch()


def test_each_fit_draws_its_own() -> None:
    orders = Orders()
    first, second = SimpleNamespace(), SimpleNamespace()
    orders.begin_epoch()
    one = asked(orders, first, 1)
    orders.end_epoch()
    orders.begin_epoch()
    assert asked(orders, second, 1) != one
