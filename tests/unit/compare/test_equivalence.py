"""A difference on the scale of the reference's own spread."""

import numpy as np
import pytest

from keras_matrix.compare.equivalence import scaled_bound
from keras_matrix.compare.inference import Conclusion, Inference, compare_scaled
from keras_matrix.compare.intervals import MAX_SEEDS_NEEDED, Spread

K = 2**0.5


def scaled(x: list[float], y: list[float], **options: float) -> Inference:
    return compare_scaled(x, y, spreads=K, **options)  # type: ignore[arg-type]


def test_the_bound_of_hyslop_by_hand() -> None:
    """A worked example: ten differences, each part of the bound computed here on its own."""
    x = np.array([0.1, 0.5, 0.9, 0.3, 0.7, 0.2, 0.8, 0.4, 0.6, 1.0])
    y = x + np.array([0.02, -0.02] * 5) + 0.05
    found = scaled_bound(x, y, Spread.of(y - x), paired=True, spreads=K, tail=0.05)
    # t(9) at 5 % is 1.833, chi-squared(9) at 95 % is 16.92.
    upper = 0.05 + 1.8331129 * 0.02 * (10 / 9) ** 0.5 / 10**0.5
    margin = K * x.std(ddof=1)
    lower = margin**2 * 9 / 16.918978
    hyslop = (0.05**2 + np.hypot(upper**2 - 0.05**2, margin**2 - lower)) ** 0.5
    assert found.margin == pytest.approx(margin)
    assert found.bound >= hyslop * (1 - 1e-6)
    assert found.bound == pytest.approx(hyslop, rel=0.2)
    assert found.equivalent


def test_agreement_is_shown_by_many_seeds_and_not_by_few() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 40)).tolist()
    assert scaled(x, y).finding is Conclusion.EQUIVALENT
    few = scaled(x[:3], y[:3])
    assert few.finding is Conclusion.INCONCLUSIVE
    assert few.seeds_needed is not None
    assert 10 < few.seeds_needed < 25


def test_what_is_shown_of_agreement_lies_within_what_is_shown_as_allowed() -> None:
    for x, y in np.random.default_rng(2).normal(size=(200, 2, 12)).tolist():
        found = scaled(x, y)
        assert found.tost is not None
        within = -found.margin <= found.tost.low and found.tost.high <= found.margin
        assert within is (found.finding is Conclusion.EQUIVALENT)
        assert found.margin == pytest.approx(K * np.std(x, ddof=1))


def test_a_difference_beyond_the_margin_is_found() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=10)
    found = scaled(x.tolist(), (rng.normal(size=10) + 3).tolist())
    assert found.finding is Conclusion.DIFFERENT


def test_a_certain_difference_within_the_margin_is_none() -> None:
    x = np.random.default_rng(4).normal(size=30)
    found = scaled(x.tolist(), (x + 0.5).tolist())
    assert found.finding is Conclusion.EQUIVALENT


def test_the_margin_is_at_least_what_rounding_explains() -> None:
    x = [0.5, 0.5, 0.5, 0.5]
    y = [0.5 + 1e-4, 0.5 - 1e-4, 0.5, 0.5 + 2e-4]
    assert scaled(x, y, least=0.001).finding is Conclusion.EQUIVALENT
    assert scaled(x, y, least=0.001).margin == 0.001
    assert scaled(x, y).finding is Conclusion.INCONCLUSIVE


def test_a_difference_near_the_margin_takes_more_seeds_than_anyone_has() -> None:
    x = np.linspace(-1, 1, 12)
    y = x[::-1] + 0.9999 * K * x.std(ddof=1)
    found = scaled(x.tolist(), y.tolist())
    assert found.finding is Conclusion.INCONCLUSIVE
    assert found.seeds_needed == MAX_SEEDS_NEEDED


@pytest.mark.parametrize("spreads", [0.0, -1.0, float("nan"), float("inf")])
def test_a_margin_without_sense_is_refused(spreads: float) -> None:
    with pytest.raises(ValueError, match="out of range"):
        compare_scaled([1.0, 2.0], [1.0, 2.0], spreads=spreads)
