import math

import numpy as np
import pytest

from keras_matrix.compare.intervals import (
    Interval,
    Prediction,
    Scale,
    Spread,
    predict,
    predict_ratio,
)

SIMULATIONS = 2000
NAN = math.nan


def covering(found: Prediction | None, value: float) -> bool:
    assert found is not None
    return found.interval.distance(value) == 0


def test_the_distance_to_an_interval_has_a_sign() -> None:
    interval = Interval(1.0, 2.0, 0.95)
    assert [interval.distance(value) for value in (0.5, 1.0, 1.5, 2.0, 2.25)] == [
        -0.5,
        0.0,
        0.0,
        0.0,
        0.25,
    ]


@pytest.mark.parametrize("seeds", [2, 3, 10, 50])
@pytest.mark.parametrize("difference", [0.1, 0.5, 1.2])
def test_power_is_that_of_the_noncentral_t(seeds: int, difference: float) -> None:
    from scipy import stats

    df, noncentrality = seeds - 1, difference * math.sqrt(seeds)
    limit = stats.t.isf(0.025, df)
    expected = stats.nct.sf(limit, df, noncentrality) + stats.nct.cdf(-limit, df, noncentrality)
    spread = Spread(error=NAN, df=NAN, variance=1.0)
    assert spread.power(seeds, difference, 0.0, 0.05) == pytest.approx(expected, abs=2e-3)


def test_seeds_needed_is_the_least_number() -> None:
    spread = Spread(error=NAN, df=NAN, variance=1.0)
    # Cohen 1988, Statistical Power Analysis, table 2.4.1, less one for a pair: 33.4 for d = 0.5.
    assert spread.seeds_needed(0.5, 0.0, 0.05, 0.8, least=2) == 34
    for least in (2, 5, 20, 34):
        assert spread.seeds_needed(0.5, 0.0, 0.05, 0.8, least=least) == 34
    assert spread.seeds_needed(0.5, 0.0, 0.05, 0.8, least=40) == 40


def test_a_prediction_covers_one_more_value() -> None:
    values = np.random.default_rng(1).normal(3, 2, (SIMULATIONS, 9)).tolist()
    covered = [covering(predict(seen), new) for *seen, new in values]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


def test_predictions_of_several_values_cover_all_of_them() -> None:
    values = np.random.default_rng(2).normal(size=(SIMULATIONS, 4, 9)).tolist()
    covered = [
        all(covering(predict(seen, comparisons=4), new) for *seen, new in metrics)
        for metrics in values
    ]
    assert np.mean(covered) >= 0.935


def test_a_prediction_covers_one_more_ratio() -> None:
    rng = np.random.default_rng(3)
    covered = []
    for _ in range(SIMULATIONS):
        x, y = rng.lognormal(0, 0.3, 7).tolist(), rng.lognormal(1, 0.1, 11).tolist()
        covered.append(covering(predict_ratio(x[1:], y[1:]), y[0] / x[0]))
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)


def test_a_prediction_by_hand() -> None:
    found = predict([1.0, 3.0, NAN])
    assert found is not None
    assert (found.scale, found.n, found.unusable) == (Scale.DIFFERENCE, (2,), 1)
    assert (found.center, found.spread) == pytest.approx((2.0, math.sqrt(2)))
    # t(0.975, 1) = 12.706; sqrt(2) * sqrt(1 + 1/2) = 1.732.
    assert found.interval.high == pytest.approx(2 + 12.706 * 1.732, abs=0.01)
    assert found.deviations(5.0) == pytest.approx(3 / math.sqrt(2))


def test_a_ratio_by_hand() -> None:
    found = predict_ratio([1.0, 1.0, 0.0], [2.0, 8.0])
    assert found is not None
    assert (found.n, found.unusable) == ((2, 2), 1)
    assert found.center == pytest.approx(4.0)
    assert found.spread == pytest.approx(math.log(4) / math.sqrt(2))
    assert found.deviations(4 * math.exp(found.spread)) == pytest.approx(1.0)
    # One side does not vary, so all the degrees of freedom are the other's: t(0.975, 1).
    assert found.interval.high == pytest.approx(
        4 * math.exp(12.706 * 1.5**0.5 * found.spread), rel=1e-3
    )


def test_a_constant_metric_is_predicted_to_stay() -> None:
    found = predict([0.42] * 10)
    assert found is not None
    assert found.spread == 0
    assert found.interval.high - found.interval.low == 0
    assert found.interval.low == pytest.approx(0.42)
    assert found.deviations(0.5) is None
    ratio = predict_ratio([2.0, 2.0], [3.0, 3.0])
    assert ratio is not None
    assert ratio.interval.low == ratio.interval.high == pytest.approx(1.5)


def test_an_interval_of_a_ratio_may_be_boundless() -> None:
    found = predict_ratio([1e-100, 1e100], [1.0, 2.0])
    assert found is not None
    assert (found.interval.low, found.interval.high) == (0.0, math.inf)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, NAN], [NAN, math.inf]])
def test_too_few_values_predict_nothing(values: list[float]) -> None:
    assert predict(values) is None
    assert predict_ratio(values, [1.0, 2.0]) is None
    assert predict_ratio([1.0, 2.0], values) is None


def test_a_level_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="level"):
        predict([1.0, 2.0], level=1.0)
    with pytest.raises(ValueError, match="comparisons"):
        predict([1.0, 2.0], comparisons=0)
