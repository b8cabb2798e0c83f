import math
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from keras_matrix.compare.inference import (
    Conclusion,
    Inference,
    compare,
    compare_ratio,
)
from keras_matrix.compare.intervals import MAX_SEEDS_NEEDED, Interval
from keras_matrix.compare.samples import Sample, Values

NAN, INF = math.nan, math.inf


def unpaired(x: list[float], y: list[float]) -> tuple[Values, Values]:
    return dict(enumerate(x)), {-1 - n: value for n, value in enumerate(y)}


def interval(inference: Inference) -> Interval:
    assert inference.interval is not None
    return inference.interval


# Figures known from elsewhere


def test_two_pairs_by_hand() -> None:
    found = compare([1.0, 2.0], [2.0, 5.0])
    assert found.estimate == 2.0
    # t(0.975, 1) = 12.706, t(0.95, 1) = 6.314, standard error 1.
    assert (interval(found).low, interval(found).high) == pytest.approx((-10.706, 14.706), abs=1e-3)
    assert found.tost is not None
    assert (found.tost.low, found.tost.high) == pytest.approx((-4.314, 8.314), abs=1e-3)
    assert (interval(found).coverage, found.tost.coverage) == (0.95, 0.9)
    assert found.reference == Sample(seeds=2, unusable=0, n=2, median=1.5, iqr=0.5)
    assert found.finding is Conclusion.INCONCLUSIVE
    assert "fewer than 10 seeds" in found.method


def test_intervals_are_those_of_scipy() -> None:
    from scipy import stats

    x, y = np.random.default_rng(9).normal(size=(2, 12))
    paired = stats.ttest_rel(y, x).confidence_interval(0.95)
    found = interval(compare(x.tolist(), y.tolist()))
    assert (found.low, found.high) == pytest.approx((paired.low, paired.high))
    welch = stats.ttest_ind(y[:7], x, equal_var=False).confidence_interval(0.995)
    found = interval(compare(x.tolist(), y[:7].tolist(), comparisons=10))
    assert found.coverage == pytest.approx(0.995)
    assert (found.low, found.high) == pytest.approx((welch.low, welch.high))


# Which values meet


def test_values_are_paired_by_seed_not_by_order() -> None:
    found = compare({1: 1.0, 2: 2.0, 3: 4.0}, {3: 4.5, 1: 1.25, 2: 2.5})
    assert found.paired
    assert found.estimate == pytest.approx(1.25 / 3)


def test_seeds_of_one_side_only_are_left_out_and_reported() -> None:
    x, y = {n: float(n) for n in range(8)}, {n: n**1.5 for n in range(2, 9)}
    found = compare(x, y)
    assert (found.paired, found.reference.n, found.other.n) == (True, 6, 6)
    assert "3 seeds of one side only left out" in found.method


def test_with_few_shared_seeds_all_values_are_used_unpaired() -> None:
    found = compare({n: float(n) for n in range(8)}, {n: n**1.5 for n in range(7, 12)})
    assert (found.paired, found.reference.n, found.other.n) == (False, 8, 5)
    assert "8 and 5 seeds, Welch" in found.method


def test_order_and_seed_do_not_mix() -> None:
    with pytest.raises(ValueError, match="order"):
        compare([1.0], {0: 1.0})


# Little to go by


@pytest.mark.parametrize(
    ("x", "y", "estimate"),
    [([], [], None), ([1.0], [1.0], 0.0), ([1.0], [3.0], 2.0), ([], [1.0], None)],
)
def test_without_two_seeds_nothing_is_said(
    x: list[float], y: list[float], estimate: float | None
) -> None:
    found = compare(x, y, margin=10.0)
    assert found.finding is Conclusion.INCONCLUSIVE
    assert (found.estimate, found.interval, found.tost) == (estimate, None, None)
    assert found.seeds_needed is None
    assert "no interval" in found.method


def test_one_value_against_many_has_no_interval() -> None:
    found = compare([1.0], [1.0, 2.0, 3.0])
    assert (found.paired, found.estimate, found.interval) == (False, 1.0, None)


@pytest.mark.parametrize("offset", [0.0, 1e-9])
def test_what_no_number_of_seeds_settles_is_bounded(offset: float) -> None:
    assert compare([0.0, 0.0], [-1.0 + offset, 1.0 + offset]).seeds_needed == MAX_SEEDS_NEEDED


# No spread


@pytest.mark.parametrize(
    ("y", "finding"),
    [
        (0.42, Conclusion.EQUIVALENT),
        (0.43, Conclusion.EQUIVALENT),
        (0.67, Conclusion.DIFFERENT),
    ],
)
@pytest.mark.parametrize("sizes", [(3, 3), (3, 5)], ids=["paired", "unpaired"])
def test_constant_sides_are_judged_by_the_margin(
    y: float, finding: Conclusion, sizes: tuple[int, int]
) -> None:
    found = compare([0.42] * sizes[0], [y] * sizes[1], margin=0.02)
    assert found.finding is finding
    assert (interval(found).low, interval(found).high) == (found.estimate, found.estimate)
    assert f"one value on all {min(sizes)} seeds" in found.method


def test_sides_equal_seed_by_seed_are_equivalent_even_without_a_margin() -> None:
    values = [0.1, 0.7, 0.3]
    found = compare(values, values)
    assert (found.finding, found.estimate) == (Conclusion.EQUIVALENT, 0.0)


def test_two_coarse_values_may_be_constant_by_chance() -> None:
    found = compare([0.5, 0.5], [0.6, 0.6])
    # 2 * 4 ** -2 is an eighth, 2 * 4 ** -3 is below 5 %.
    assert (found.finding, found.seeds_needed) == (Conclusion.INCONCLUSIVE, 3)
    assert "coincidence" in found.method


def test_equal_differences_of_values_that_vary_need_six_seeds() -> None:
    x = [0.1, 0.7, 0.3, 0.25, 0.9, 0.4]
    y = [value + 0.01 for value in x]
    few, enough = compare(x[:5], y[:5]), compare(x, y)
    assert (few.finding, few.seeds_needed) == (Conclusion.INCONCLUSIVE, 6)
    assert "coincidence" in few.method
    assert enough.finding is Conclusion.DIFFERENT
    assert compare(x, y, margin=0.02).finding is Conclusion.EQUIVALENT


def test_rounding_to_single_precision_is_no_spread() -> None:
    x = [np.float32(n / 100).item() for n in range(40, 60)]
    y = [np.float32(n / 100 + 0.05).item() for n in range(40, 60)]
    assert "All 20 differences are equal" in compare(x, y).method


def test_tiny_differences_of_both_signs_do_have_spread() -> None:
    y = [0.5 + 1e-9 * n for n in (-2, 1, -1, 2, 1, -2, 2)]
    found = compare([0.5] * 7, y)
    assert found.finding is Conclusion.INCONCLUSIVE
    assert interval(found).low < 0 < interval(found).high


# Values that are not finite


def test_a_side_that_mostly_fails_to_be_finite_is_different() -> None:
    x, y = [0.1, 0.4, 0.2, 0.3, 0.5, 0.2, 0.1], [NAN, INF, NAN, NAN, -INF, NAN, NAN]
    for sides, test in (((x, y), "McNemar"), (unpaired(x, y), "Fisher")):
        found = compare(*sides, margin=10.0)
        assert found.finding is Conclusion.DIFFERENT
        assert (found.estimate, found.interval) == (None, None)
        assert (found.reference.unusable, found.other.unusable) == (0, 7)
        assert test in found.method
        assert "0 of 7 and 7 of 7 values are not finite" in found.method


def test_a_few_failures_are_left_out_but_rule_out_equivalence() -> None:
    x, y = [0.1, 0.4, 0.2, 0.3, 0.5, 0.2], [0.1, 0.4, NAN, 0.3, 0.5, 0.2]
    found = compare(x, y, margin=0.5)
    assert found.finding is Conclusion.INCONCLUSIVE
    assert (found.reference.n, found.other.n) == (5, 5)
    # Half of the level went to the test of how often values are finite.
    assert interval(compare(x, [*y[:5], 0.3], margin=0.5)).coverage == pytest.approx(0.975)
    assert found.method.endswith("the rest cannot show that the sides agree.")


def test_failures_of_the_same_seeds_leave_the_others_to_be_judged() -> None:
    found = compare([0.1, NAN, 0.2], [0.1, INF, 0.2])
    assert found.finding is Conclusion.EQUIVALENT
    assert "1 of 3 and 1 of 3 values are not finite" in found.method


@pytest.mark.parametrize("sides", [([NAN] * 9, [NAN] * 9), unpaired([NAN] * 9, [INF] * 9)])
def test_without_any_finite_value_nothing_is_said(sides: tuple[Values, Values]) -> None:
    found = compare(*sides)
    assert found.finding is Conclusion.INCONCLUSIVE
    assert found.reference.n == 0
    assert math.isnan(found.reference.median)


def test_huge_values_count_as_not_finite() -> None:
    found = compare([1e200, 1.0, 2.0], [-1e308, 1.5, 2.0])
    assert found.reference.unusable == found.other.unusable == 1


# Ratios


def test_a_ratio_is_of_geometric_means() -> None:
    x, y = [1.0, 2.0, 4.0, 3.0], [2.1, 3.9, 8.2, 6.0]
    found = compare_ratio(x, y)
    assert found.finding is Conclusion.DIFFERENT
    assert found.estimate == pytest.approx((2.1 * 3.9 * 8.2 * 6.0 / 24) ** 0.25)
    assert interval(found).low > 1.5
    assert found.reference.median == 2.5
    back = compare_ratio(y, x)
    assert interval(back).high == pytest.approx(1 / interval(found).low)


def test_the_margin_of_a_ratio_goes_both_ways() -> None:
    x = [1.0, 1.01, 0.99, 1.02, 1.0]
    for factor in (1.1, 1 / 1.1):
        y = [factor * value for value in [1.0, 1.02, 0.99, 1.01, 1.0]]
        assert compare_ratio(x, y, margin=1.2).finding is Conclusion.EQUIVALENT
        found = compare_ratio(x, y, margin=1.05)
        assert found.finding is Conclusion.DIFFERENT


def test_times_of_zero_are_left_out() -> None:
    found = compare_ratio([1.0, 2.0, 0.0, 3.0], [1.1, 2.0, 1.0, -3.0])
    assert (found.reference.n, found.reference.unusable, found.other.unusable) == (2, 1, 1)
    assert "not finite and positive" in found.method


# Arguments and imports


def test_findings_exclude_each_other() -> None:
    for x, y in np.random.default_rng(10).normal(size=(300, 2, 6)).tolist():
        found = compare(x, y, margin=0.8, power=None)
        estimate = found.estimate
        assert estimate is not None
        assert found.tost is not None
        assert interval(found).low < found.tost.low < estimate < found.tost.high
        if found.finding is Conclusion.EQUIVALENT:
            assert -0.8 <= found.tost.low < found.tost.high <= 0.8
        if found.finding is Conclusion.DIFFERENT:
            assert abs(estimate) > 0.8
            assert interval(found).distance(0) != 0


def test_arguments_out_of_range_are_refused() -> None:
    values = [1.0, 2.0]
    calls: list[Callable[[], Inference]] = [
        lambda: compare(values, values, margin=-1.0),
        lambda: compare(values, values, margin=NAN),
        lambda: compare(values, values, level=0.0),
        lambda: compare(values, values, level=0.5),
        lambda: compare(values, values, comparisons=0),
        lambda: compare(values, values, power=1.0),
        lambda: compare_ratio(values, values, margin=0.9),
        lambda: compare_ratio(values, values, margin=INF),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"margin|level|power"):
            call()


def test_scipy_is_imported_late() -> None:
    names = ("compare.curves", "compare.repeats", "load.reported")
    modules = ", ".join(f"keras_matrix.{name}" for name in names)
    code = f"import sys, {modules}; print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
