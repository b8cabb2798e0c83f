import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from keras_matrix.compare.inference import (
    Conclusion,
    Inference,
    compare,
    compare_ratio,
    compare_scaled,
)
from keras_matrix.compare.intervals import Interval
from keras_matrix.compare.samples import Values
from keras_matrix.plan.tolerance import DEFAULT_MARGIN

Draw = Callable[[np.random.Generator, tuple[int, ...]], NDArray[np.float64]]

SIMULATIONS = 2000
FEWER = 600
SHAPES: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "skewed": lambda rng, shape: rng.lognormal(0, 1, shape),
    "accuracy": lambda rng, shape: rng.binomial(100, 0.5, shape) / 100,
}
SPREADS = {"normal": 1.0, "skewed": math.sqrt((math.e - 1) * math.e), "accuracy": 0.05}


def at_most(rate: float, count: int = SIMULATIONS) -> float:
    """The rate and three standard errors of a simulation."""
    return rate + 3 * math.sqrt(rate * (1 - rate) / count)


def unpaired(x: list[float], y: list[float]) -> tuple[Values, Values]:
    return dict(enumerate(x)), {-1 - n: value for n, value in enumerate(y)}


def share(finding: Conclusion, inferences: list[Inference]) -> float:
    return sum(one.finding is finding for one in inferences) / len(inferences)


def interval(inference: Inference) -> Interval:
    assert inference.interval is not None
    return inference.interval


@pytest.mark.parametrize("paired", [True, False], ids=["paired", "welch"])
@pytest.mark.parametrize("seeds", [10, 30])
@pytest.mark.parametrize("shape", SHAPES)
def test_without_a_difference_few_are_called_different(
    shape: str, seeds: int, paired: bool
) -> None:
    rng = np.random.default_rng(1)
    x, y = SHAPES[shape](rng, (2, SIMULATIONS, seeds)).tolist()
    sides = zip(x, y, strict=True) if paired else map(unpaired, x, y)
    found = [compare(*side, power=None) for side in sides]
    assert found[0].paired is paired
    assert share(Conclusion.DIFFERENT, found) <= at_most(0.05)


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_nor_with_few_seeds_of_coarse_values(seeds: int) -> None:
    x, y = SHAPES["accuracy"](np.random.default_rng(2), (2, SIMULATIONS, seeds)).tolist()
    found = [compare(*sides, power=None) for sides in zip(x, y, strict=True)]
    assert share(Conclusion.DIFFERENT, found) <= at_most(0.05)


def test_many_metrics_have_one_level_together() -> None:
    rng = np.random.default_rng(3)
    runs, metrics = 400, 12
    wrong = 0
    for x, y in rng.normal(size=(runs, 2, metrics, 10)).tolist():
        found = [
            compare(*sides, comparisons=metrics, power=None) for sides in zip(x, y, strict=True)
        ]
        wrong += any(one.finding is Conclusion.DIFFERENT for one in found)
    assert wrong / runs <= at_most(0.05, runs)


@pytest.mark.parametrize("seeds", [10, 30])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_difference_as_large_as_the_margin_is_seldom_called_equivalent(
    shape: str, seeds: int
) -> None:
    x, y = SHAPES[shape](np.random.default_rng(4), (2, SIMULATIONS, seeds))
    margin = SPREADS[shape]
    found = [
        compare(*sides, margin=margin, power=None)
        for sides in zip(x.tolist(), (y + margin).tolist(), strict=True)
    ]
    assert share(Conclusion.EQUIVALENT, found) <= at_most(0.05)


def test_a_ratio_as_large_as_the_margin_is_seldom_called_equivalent() -> None:
    x, y = np.random.default_rng(5).lognormal(0, 0.1, (2, SIMULATIONS, 10))
    found = [
        compare_ratio(*sides, margin=1.1, power=None)
        for sides in zip(x.tolist(), (1.1 * y).tolist(), strict=True)
    ]
    assert share(Conclusion.EQUIVALENT, found) <= at_most(0.05)


def test_intervals_cover_what_they_say() -> None:
    rng = np.random.default_rng(6)
    covered = np.zeros(3)
    for _ in range(SIMULATIONS):
        x, y = rng.normal(0, 1, 10), rng.normal(0.7, 3, 25)
        paired = compare(x.tolist(), y[:10].tolist(), power=None)
        welch = compare(x.tolist(), y.tolist(), power=None)
        ratio = compare_ratio(np.exp(x).tolist(), np.exp(y[:10]).tolist(), power=None)
        covered += [
            interval(paired).distance(0.7) == 0,
            interval(welch).distance(0.7) == 0,
            interval(ratio).distance(math.exp(0.7)) == 0,
        ]
    assert covered / SIMULATIONS == pytest.approx([0.95] * 3, abs=at_most(0.05) - 0.05)


@pytest.mark.parametrize(
    ("difference", "margin", "paired"),
    [(0.4, 0.0, True), (0.7, 0.4, True), (0.1, 0.5, True), (-0.8, 0.5, False), (0.0, 0.6, False)],
)
def test_the_seeds_needed_settle_it(difference: float, margin: float, paired: bool) -> None:
    # A sample with exactly this mean and standard deviation, too small to say anything.
    x, y = [0.0] * 4, (difference + np.array([-1, -1, 1, 1]) * math.sqrt(0.75)).tolist()
    first = compare(*((x, y) if paired else unpaired(x, y)), margin=margin)
    assert first.finding is Conclusion.INCONCLUSIVE
    assert first.estimate == pytest.approx(difference)
    needed = first.seeds_needed
    assert needed is not None
    values = np.random.default_rng(7).normal(difference, 1, (1000, needed)).tolist()
    zeros = [0.0] * needed
    found = [
        compare(*((zeros, y) if paired else unpaired(zeros, y)), margin=margin, power=None)
        for y in values
    ]
    expected = Conclusion.DIFFERENT if abs(difference) > margin else Conclusion.EQUIVALENT
    assert share(expected, found) == pytest.approx(0.8, abs=0.045)


def test_ratios_need_as_many_seeds_as_their_logarithms() -> None:
    x, y = [1.0, 1.1, 0.9, 1.2], [1.1, 1.0, 1.2, 1.3]
    logs = compare(np.log(x).tolist(), np.log(y).tolist(), margin=math.log(1.05))
    assert compare_ratio(x, y, margin=1.05).seeds_needed == logs.seeds_needed


def test_values_that_fail_to_be_finite_alike_are_seldom_called_different() -> None:
    rng = np.random.default_rng(8)
    x, y = np.where(
        rng.random((2, 1000, 12)) < 0.3, math.nan, rng.normal(size=(2, 1000, 12))
    ).tolist()
    for sides in (zip(x, y, strict=True), map(unpaired, x, y)):
        found = [compare(*side, power=None) for side in sides]
        assert share(Conclusion.DIFFERENT, found) <= at_most(0.05, 1000)


# On the scale of the reference's own spread


@pytest.mark.parametrize("seeds", [3, 5, 10, 20])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_difference_of_the_allowed_spreads_is_seldom_called_equivalent(
    shape: str, sign: int, seeds: int
) -> None:
    rng = np.random.default_rng([13, seeds])
    x, y = SHAPES[shape](rng, (2, FEWER, seeds))
    y += sign * SPREADS[shape] * DEFAULT_MARGIN
    for pair in (True, False):
        sides = zip(x.tolist(), y.tolist(), strict=True)
        found = [
            compare_scaled(*(side if pair else unpaired(*side)), spreads=DEFAULT_MARGIN, power=None)
            for side in sides
        ]
        assert share(Conclusion.EQUIVALENT, found) <= at_most(0.05, FEWER)
        assert share(Conclusion.DIFFERENT, found) >= share(Conclusion.EQUIVALENT, found)


@pytest.mark.parametrize("shape", SHAPES)
def test_nor_are_equal_distributions_called_different_on_that_scale(shape: str) -> None:
    for seeds in (3, 10):
        x, y = SHAPES[shape](np.random.default_rng([14, seeds]), (2, FEWER, seeds)).tolist()
        found = [
            compare_scaled(*sides, spreads=DEFAULT_MARGIN, power=None)
            for sides in zip(x, y, strict=True)
        ]
        assert share(Conclusion.DIFFERENT, found) <= at_most(0.05, FEWER)


@pytest.mark.parametrize(("seeds", "least"), [(15, 0.45), (20, 0.75), (25, 0.9)])
def test_some_twenty_seeds_settle_a_handful_of_metrics(seeds: int, least: float) -> None:
    x, y = np.random.default_rng([15, seeds]).normal(size=(2, FEWER, seeds)).tolist()
    found = [
        compare_scaled(*sides, spreads=DEFAULT_MARGIN, comparisons=4, power=None)
        for sides in zip(x, y, strict=True)
    ]
    assert share(Conclusion.EQUIVALENT, found) >= least


@pytest.mark.parametrize("seeds", [3, 6])
@pytest.mark.parametrize("comparisons", [1, 4])
def test_the_seeds_needed_on_that_scale_settle_it_if_there_is_no_difference(
    seeds: int, comparisons: int
) -> None:
    rng = np.random.default_rng([16, seeds])
    needed, settled = [], []
    for x, y in rng.normal(size=(60, 2, seeds)):
        # The sides of the plan: a spread of 1, and no difference.
        one, other = ((side - side.mean()) / side.std(ddof=1) for side in (x, y))
        first = compare_scaled(
            *unpaired(one.tolist(), other.tolist()), spreads=DEFAULT_MARGIN, comparisons=comparisons
        )
        if first.seeds_needed is None:
            continue
        needed.append(first.seeds_needed)
        found = [
            compare_scaled(*unpaired(*more), spreads=DEFAULT_MARGIN, comparisons=comparisons)
            for more in rng.normal(size=(10, 2, needed[-1])).tolist()
        ]
        settled.append(share(Conclusion.EQUIVALENT, found))
    assert max(needed) <= 30
    assert 0.6 <= np.mean(settled) <= 0.95


@pytest.mark.parametrize(("seeds", "rate"), [(10, 0.1), (30, 0.075)])
def test_differences_that_are_strongly_skewed_break_the_level_as_much_as_documented(
    seeds: int, rate: float
) -> None:
    values = np.random.default_rng(12).exponential(size=(SIMULATIONS, seeds)).tolist()
    found = [compare([1.0] * seeds, one, power=None) for one in values]
    assert share(Conclusion.DIFFERENT, found) == pytest.approx(rate, abs=0.02)
