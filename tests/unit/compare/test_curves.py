import math

import numpy as np
import pytest

from keras_matrix.compare.curves import compare_curves, first_apart
from keras_matrix.compare.inference import Conclusion
from keras_matrix.plan.tolerance import Tolerance

FAMILIES = 400


def curves(values: list[list[float]]) -> dict[int, list[float]]:
    return dict(enumerate(values))


@pytest.mark.parametrize("kept", [0.0, 0.9], ids=["independent", "correlated"])
def test_alike_curves_seldom_part_at_any_epoch(kept: float) -> None:
    noise = np.random.default_rng(1).normal(size=(FAMILIES, 2, 8, 10))
    for epoch in range(1, 10):
        noise[..., epoch] += kept * noise[..., epoch - 1]
    wrong = sum(compare_curves(curves(x), curves(y)).parted is not None for x, y in noise.tolist())
    assert wrong / FAMILIES <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / FAMILIES)


def test_curves_part_where_they_do_and_seldom_before() -> None:
    noise = np.random.default_rng(2).normal(0, 0.1, (FAMILIES, 2, 8, 10))
    noise[:, 1, :, 6:] += 1.0
    parted = [compare_curves(curves(x), curves(y)).parted for x, y in noise.tolist()]
    assert np.mean([epoch == 7 for epoch in parted]) >= 0.9
    assert np.mean([epoch is None or epoch < 7 for epoch in parted]) <= 0.07


def test_intervals_hold_for_all_epochs_and_curves_together() -> None:
    x, y = np.random.default_rng(3).normal(size=(2, 5, 4)).tolist()
    found = compare_curves(curves(x), curves(y), level=0.04, comparisons=2)
    assert len(found.epochs) == 4
    for epoch in found.epochs:
        assert epoch.interval is not None
        assert epoch.interval.coverage == pytest.approx(1 - 0.04 / 8)
        assert epoch.comparisons == 8
        assert epoch.seeds_needed is None


def test_equal_beginnings_are_equivalent() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(8, 3))
    y = x + [0.0, 0.0, 2.0] + 0.1 * rng.normal(size=(8, 3)) * [0, 1, 1]
    found = compare_curves(curves(x.tolist()), curves(y.tolist()), margin=0.5)
    assert [epoch.finding for epoch in found.epochs] == [
        Conclusion.EQUIVALENT,
        Conclusion.EQUIVALENT,
        Conclusion.DIFFERENT,
    ]
    assert found.parted == 3


def test_a_side_that_turns_to_nan_parts_there() -> None:
    x = curves(np.random.default_rng(5).normal(size=(10, 3)).tolist())
    y = {seed: [curve[0], math.nan, math.nan] for seed, curve in x.items()}
    found = compare_curves(x, y)
    assert found.parted == 2
    assert found.epochs[1].estimate is None


def test_only_epochs_that_all_runs_reached_are_compared() -> None:
    x = curves([[1.0, 2.0, 3.0], [1.5, 2.5, 3.5]])
    found = compare_curves(x, {0: [1.0, 2.0], 1: [1.5, 2.5, 3.5]})
    assert (len(found.epochs), found.left_out, found.parted) == (2, 1, None)


def test_without_curves_there_is_nothing() -> None:
    nothing: list[dict[int, list[float]]] = [{}, {0: []}]
    for x in nothing:
        found = compare_curves(x, {0: [1.0]})
        assert found.epochs == ()
        assert found.parted is None


def test_a_level_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="level"):
        compare_curves({}, {}, level=0.5)


def test_curves_of_one_computation_part_where_any_seed_is_beyond_the_tolerance() -> None:
    one = {0: [1.0, 0.5, 0.25], 1: [1.0, 0.5, math.nan]}
    other = {0: [1.0, 0.5005, 0.25], 1: [1.0, 0.5, math.nan]}
    assert first_apart(one, other, Tolerance("*", atol=0.001)) is None
    other[1][1] = 0.6
    assert first_apart(one, other, Tolerance("*", atol=0.001)) == 2
    assert first_apart(one, {5: [9.0]}, Tolerance("*")) is None
